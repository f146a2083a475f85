// The same with Node's fetch: fetch.mjs URL PAGES
const [, , url, pages] = process.argv;
for (let page = 1; page <= Number(pages); page++) {
	const reply = await fetch(`${url}?page=${page}`);
	if (!reply.ok) throw new Error(reply.status);
	const lines = (await reply.json()).data.map((r) => JSON.stringify(r) + "\n").join("");
	if (!process.stdout.write(lines)) await new Promise((done) => process.stdout.once("drain", done));
}
