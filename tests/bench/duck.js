// Load NDJSON into DuckDB's own format, with a key. usage: node duck.js FILE RECORDS
const { createRequire } = require('module');
const { DuckDBInstance } = createRequire(process.cwd() + '/')('@duckdb/node-api');
const [file, records] = process.argv.slice(2);

(async () => {
	const c = await (await DuckDBInstance.create(file)).connect();
	const read = `read_ndjson('${records}')`;
	await c.run('SET threads = 2');
	const kept = await c.runAndReadAll("SELECT 1 FROM duckdb_tables() WHERE table_name = 't'");
	if (!kept.getRows().length) {
		const shape = await c.runAndReadAll(`DESCRIBE SELECT * FROM ${read}`);
		const columns = shape.getRows().map(([n, t]) => `"${n}" ${t}${n === 'id' ? ' PRIMARY KEY' : ''}`);
		await c.run(`CREATE TABLE t(${columns.join(', ')})`);
	}
	await c.run(`INSERT OR REPLACE INTO t SELECT * FROM ${read}`);
	await c.run('CHECKPOINT');
})().catch(e => { console.error(e.message); process.exit(1); });
