// A CouchDB made of npm packages, in memory: PEERS=DIR node pouchdb.js PORT
const path = require('path');
const modules = path.resolve(process.env.PEERS, 'node_modules');
const need = (name, from = '') => require(require.resolve(name, { paths: [path.join(modules, from)] }));
const PouchDB = need('pouchdb').defaults({ adapter: 'memory' });
PouchDB.plugin(need('pouchdb-adapter-memory'));
const app = need('express', 'express-pouchdb')();
app.use(need('express-pouchdb')(PouchDB, { mode: 'minimumForPouchDB', inMemoryConfig: true, logPath: '/dev/null' }));
app.listen(Number(process.argv[2]), '127.0.0.1');
setTimeout(() => process.exit(), 300000);
