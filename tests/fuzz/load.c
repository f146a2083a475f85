/*
 * Records into SQLite: whatever the lines are, what is loaded is the same with digests or keys in memory as without, and
 * loading it once more inserts nothing. The first byte chooses options.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "fuzz.h"
#include "load/apply.h"
#include "load/digest.h"

/* What became of it: the counts, and every row of table t. */
static void
dump(struct buf *b, struct sink *sink)
{
	struct db *db = (struct db *)sink;
	sqlite3_stmt *st = NULL;
	const struct counts *c = &sink->counts;

	buf_addf(b, "%llu %llu %llu %llu %llu\n", (unsigned long long)c->inserted,
	    (unsigned long long)c->updated, (unsigned long long)c->unchanged,
	    (unsigned long long)c->deleted, (unsigned long long)c->rejected);
	if (sqlite3_prepare_v2(db->h, "SELECT * FROM t ORDER BY 1, 2", -1, &st, NULL) ==
		SQLITE_OK ||
	    sqlite3_prepare_v2(db->h, "SELECT * FROM t ORDER BY 1", -1, &st, NULL) == SQLITE_OK)
		while (sqlite3_step(st) == SQLITE_ROW)
			for (int i = 0; i < sqlite3_column_count(st); i++) {
				const char *text = (const char *)sqlite3_column_text(st, i);

				buf_addf(b, "%d ", sqlite3_column_type(st, i));
				buf_add(b, text ? text : "", (size_t)sqlite3_column_bytes(st, i));
				buf_addc(b, '\n');
			}
	sqlite3_finalize(st);
	FUZZ_CHECK(sqlite3_prepare_v2(db->h, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK);
	FUZZ_CHECK(sqlite3_step(st) == SQLITE_ROW &&
		   !strcmp((const char *)sqlite3_column_text(st, 0), "ok"));
	sqlite3_finalize(st);
}

static int
line(struct apply *a, uint64_t n, const struct buf *b)
{
	struct control c;
	const char *why;
	int r = 0;

	if (line_kind(b->p, b->len) != LINE_CONTROL)
		return apply_line(a, n, b->p, b->len);
	if (control_parse(&c, b->p, b->len, &why) == 0) {
		if (c.kind == CONTROL_SCHEMA)
			r = apply_line(a, n, b->p, b->len);
		else if (c.kind == CONTROL_CHECKPOINT && c.stream)
			r = apply_checkpoint(a, n, b->p, b->len);
	}
	control_release(&c);
	return r;
}

static int
lines(struct apply *a, const char *p, size_t size)
{
	struct buf b = {0};
	int r = 0;

	for (uint64_t n = 1; size && r == 0; n++) {
		const char *nl = memchr(p, '\n', size);
		size_t len = nl ? (size_t)(nl - p) : size;

		buf_clear(&b);
		if (len && buf_add(&b, p, len) == 0)
			r = line(a, n, &b);
		p += len + (nl != NULL);
		size -= len + (nl != NULL);
	}
	buf_release(&b);
	return r;
}

static int
load(struct buf *out, const struct opts *o, const char *p, size_t size, int times)
{
	struct input in = {0};
	struct apply a;
	int r;
	struct sink *sink = sqlite_open(o, &in.life, NULL, &r);

	FUZZ_CHECK(sink);
	out_open(&in.out, open("/dev/null", O_WRONLY));
	FUZZ_CHECK(apply_open(&a, o, sink, &in) == 0);
	a.direct = true;
	for (int i = 0; i < times && r == 0; i++)
		r = lines(&a, p, size);
	if (r == 0)
		r = apply_end(&a, true);
	if (r)
		apply_salvage(&a);
	dump(out, sink);
	apply_close(&a);
	out_close(&in.out);
	sink->close(sink);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char id[] = "id", k[] = "k", *key[] = {id, k};
	static bool quiet;
	struct opts o = {.path = ":memory:",
	    .table = "t",
	    .rejects = "/dev/null",
	    .max_rejects = UINT64_MAX,
	    .max_delete = UINT64_MAX,
	    .memory = 64u << 20,
	    .commit_rows = UINT64_MAX,
	    .commit_bytes = UINT64_MAX,
	    .commit_ms = UINT64_MAX,
	    .network_fs = true};
	struct opts fast;
	struct buf a = {0}, b = {0};
	uint8_t flags = size ? *data : 0;
	int ra, rb;

	if (!quiet)
		quiet = freopen("/dev/null", "w", stderr) != NULL;
	digest_first = 2;
	if (!size)
		return 0;
	o.key = (struct names){key, flags & 1 ? 2 : 1};
	o.missing_null = flags & 2;
	o.columns = (enum evolve)((flags >> 2) % 3 == 2 ? COLUMNS_DISCARD : COLUMNS_EVOLVE);
	o.strict_tables = flags & 16;
	o.commit_rows = flags & 32 ? 3 : UINT64_MAX;
	fast = o;
	fast.memory = 256u << 20;
	fast.bulk = flags & 64;
	ra = load(&a, &o, (const char *)data + 1, size - 1, 3);
	rb = load(&b, &fast, (const char *)data + 1, size - 1, 3);
	FUZZ_CHECK(ra == rb);
	FUZZ_CHECK(a.len == b.len && !memcmp(a.p, b.p, a.len));
	buf_release(&a);
	buf_release(&b);
	return 0;
}
