#include <err.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "pending.h"

/* change_key holds the rowid too, so a key's changes come in their order. */
static const char tables[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
    "CREATE TABLE change (seq INTEGER PRIMARY KEY, met INTEGER DEFAULT 0, key BLOB, op INTEGER,"
    " record BLOB);"
    "CREATE INDEX change_key ON change (key);"
    "BEGIN";

enum { ADD, CUT, FIND, MEET, EACH, REST, STATEMENTS };

/* A key counts as met by its first change. */
static const char *const sql[STATEMENTS] = {
    [ADD] = "INSERT INTO change (seq, key, op, record) VALUES (?1, ?2, ?3, ?4)",
    [CUT] = "DELETE FROM change WHERE seq > ?1",
    [FIND] = "SELECT seq, met FROM change WHERE key = ?2 ORDER BY seq LIMIT 1",
    [MEET] = "UPDATE change SET met = 1 WHERE seq = ?1",
    [EACH] = "SELECT op, record FROM change WHERE key = ?2 ORDER BY seq",
    [REST] = "SELECT key FROM change WHERE NOT met ORDER BY seq",
};

struct pending {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
	int64_t seq;
	struct buf
	    record; /* of the change that is looked at: what is scanned is read beyond its end */
};

/* -1, which callers that give a status turn into CS_IO. */
static int
failed(struct pending *c)
{
	warnx("temporary database (TMPDIR says where): %s", sqlite3_errmsg(c->db));
	return -1;
}

struct pending *
pending_new(size_t memory)
{
	struct pending *c = xcalloc(1, sizeof *c);
	char *cache = xasprintf("PRAGMA cache_size = -%zu", memory / 1024 + 1);
	int r = sqlite3_open("", &c->db); /* on disk, once it does not fit the cache */

	if (r == SQLITE_OK)
		r = sqlite3_exec(c->db, cache, NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(c->db, tables, NULL, NULL, NULL);
	for (int i = 0; r == SQLITE_OK && i < STATEMENTS; i++)
		r = sqlite3_prepare_v2(c->db, sql[i], -1, &c->st[i], NULL);
	free(cache);
	if (r == SQLITE_OK)
		return c;
	failed(c);
	pending_free(c);
	return NULL;
}

void
pending_free(struct pending *c)
{
	if (!c)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(c->st[i]);
	sqlite3_close(c->db);
	buf_release(&c->record);
	free(c);
}

static void
bind_bytes(sqlite3_stmt *st, int i, struct slice s)
{
	sqlite3_bind_blob64(st, i, s.n ? s.p : "", s.n, SQLITE_STATIC);
}

static int
run(struct pending *c, int i)
{
	int r = sqlite3_step(c->st[i]);

	sqlite3_reset(c->st[i]);
	return r == SQLITE_DONE || r == SQLITE_ROW ? r : failed(c);
}

int
pending_add(struct pending *c, struct slice key, enum op op, struct slice record)
{
	sqlite3_stmt *st = c->st[ADD];

	sqlite3_bind_int64(st, 1, ++c->seq);
	bind_bytes(st, 2, key);
	sqlite3_bind_int(st, 3, op);
	bind_bytes(st, 4, record);
	return run(c, ADD) < 0 ? CS_IO : 0;
}

int64_t
pending_mark(const struct pending *c)
{
	return c->seq;
}

int
pending_cut(struct pending *c, int64_t mark)
{
	sqlite3_bind_int64(c->st[CUT], 1, mark);
	c->seq = mark;
	return run(c, CUT) < 0 ? CS_IO : 0;
}

int
pending_meet(struct pending *c, struct slice key, bool *again)
{
	sqlite3_stmt *st = c->st[FIND];
	int64_t seq;
	int r;

	bind_bytes(st, 2, key);
	r = sqlite3_step(st);
	seq = sqlite3_column_int64(st, 0);
	*again = r == SQLITE_ROW && sqlite3_column_int(st, 1);
	sqlite3_reset(st);
	if (r == SQLITE_DONE)
		return 0;
	if (r != SQLITE_ROW)
		return failed(c);
	sqlite3_bind_int64(c->st[MEET], 1, seq);
	return *again || run(c, MEET) >= 0 ? 1 : -1;
}

int
pending_each(struct pending *c, struct slice key, pending_take *take, void *arg)
{
	sqlite3_stmt *st = c->st[EACH];
	int r, status = 0;

	bind_bytes(st, 2, key);
	while (status == 0 && (r = sqlite3_step(st)) == SQLITE_ROW) {
		buf_clear(&c->record);
		buf_add(
		    &c->record, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		status = take(arg, (enum op)sqlite3_column_int(st, 0),
		    (struct slice){c->record.p, c->record.len});
	}
	if (status == 0 && r != SQLITE_DONE) {
		failed(c);
		status = CS_IO;
	}
	sqlite3_reset(st);
	return status;
}

int
pending_rest(struct pending *c, struct slice *key)
{
	sqlite3_stmt *st = c->st[REST];
	bool again;
	int r;

	/* Rows are looked at as they come up, so those of keys met by this loop are told apart. */
	for (;;) {
		r = sqlite3_step(st);
		if (r == SQLITE_DONE) {
			sqlite3_reset(st);
			return 0;
		}
		if (r != SQLITE_ROW)
			return failed(c);
		key->p = sqlite3_column_blob(st, 0);
		key->n = (size_t)sqlite3_column_bytes(st, 0);
		r = pending_meet(c, *key, &again);
		if (r < 0 || !again)
			return r;
	}
}
