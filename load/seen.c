/*
 * Which rows a full run has brought, so that the others can be deleted at its end.
 *
 * A bit a row, by rowid, in chunks of 256: 40 bytes where rowids are scattered, next to nothing where
 * they are dense. What has been seen since the last checkpoint is in memory; at each checkpoint it is added to
 * the table _cs_seen, in the transaction of the rows, and so a run that is killed and resumed under its run's id
 * knows what its earlier parts have seen. Plain input has no parts: its table is a temporary one.
 *
 *	_cs_full(id, stream, tbl, run, whole, rejected)  which run the bits are of; whole: from its start
 *	_cs_seen(id, chunk, bits)
 *
 * A table with a version (Singer's) is brought by several runs: its bits stay as long as the version does.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"
#include "show.h"

#define CHUNK_BITS (CHUNK_BYTES * 8)
#define CHUNKS_MAX (1u << 18) /* in memory; then they are added to the table early */
#define NO_CHUNK   INT64_MIN

struct chunk {
	int64_t number; /* rowid >> 8; NO_CHUNK: a free slot */
	unsigned char bits[CHUNK_BYTES];
};

static int64_t
chunk_of(int64_t rowid)
{
	return rowid >= 0 ? rowid / CHUNK_BITS : ~(~rowid / CHUNK_BITS);
}

static struct chunk *
slot(struct seen *s, int64_t number)
{
	size_t i = ((uint64_t)number * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & s->mask;

	while (s->chunks[i].number != number && s->chunks[i].number != NO_CHUNK)
		i = (i + 1) & s->mask;
	return &s->chunks[i];
}

static void
resize(struct seen *s, size_t cap)
{
	struct chunk *old = s->chunks;
	size_t n = old ? s->mask + 1 : 0;

	s->chunks = xcalloc(cap, sizeof *s->chunks);
	s->mask = cap - 1;
	for (size_t i = 0; i < cap; i++)
		s->chunks[i].number = NO_CHUNK;
	for (size_t i = 0; i < n; i++)
		if (old[i].number != NO_CHUNK)
			*slot(s, old[i].number) = old[i];
	free(old);
	s->last = NULL;
}

static void
clear(struct seen *s)
{
	for (size_t i = 0; s->chunks && i <= s->mask; i++)
		s->chunks[i].number = NO_CHUNK;
	s->n = 0;
	s->last = NULL;
}

int
seen_mark(struct db *db, struct seen *s, int64_t rowid)
{
	int64_t number = chunk_of(rowid);
	unsigned bit = (unsigned)(rowid & (CHUNK_BITS - 1));
	int r;

	if (!s->last || s->last->number != number) {
		if (s->n >= CHUNKS_MAX) {
			r = seen_keep(db);
			if (r)
				return r;
		}
		if (!s->chunks || s->n * 4 > s->mask * 3)
			resize(s, s->chunks ? (s->mask + 1) * 2 : 64);
		s->last = slot(s, number);
		if (s->last->number == NO_CHUNK) {
			*s->last = (struct chunk){.number = number};
			s->n++;
		}
	}
	s->last->bits[bit / 8] |= (unsigned char)(1u << bit % 8);
	return 0;
}

static int
flush(struct db *db, struct seen *s)
{
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE;

	if (s->n)
		st = db_prepare(db,
		    "INSERT INTO _cs_seen VALUES (?1, ?2, ?3) ON CONFLICT (id, chunk) "
		    "DO UPDATE SET bits = cs_or(bits, excluded.bits)");
	if (s->n && !st)
		return CS_IO;
	for (size_t i = 0; s->n && i <= s->mask && rc == SQLITE_DONE; i++) {
		if (s->chunks[i].number == NO_CHUNK)
			continue;
		sqlite3_bind_int64(st, 1, s->id);
		sqlite3_bind_int64(st, 2, s->chunks[i].number);
		sqlite3_bind_blob(st, 3, s->chunks[i].bits, CHUNK_BYTES, SQLITE_STATIC);
		rc = sqlite3_step(st);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return db_fail(db);
	clear(s);
	return 0;
}

int
seen_keep(struct db *db)
{
	uint64_t rejected = db->sink.life->rejected + db->sink.life->upstream;
	char *sql;
	int r = 0;

	for (struct seen *s = db->seen; s && r == 0; s = s->next) {
		r = flush(db, s);
		if (r || rejected == s->noted)
			continue;
		sql = xasprintf("UPDATE _cs_full SET rejected = %llu WHERE id = %lld",
		    (unsigned long long)(s->rejected + rejected), (long long)s->id);
		r = db_exec(db, sql);
		free(sql);
		s->noted = rejected;
	}
	return r;
}

void
seen_free(struct db *db)
{
	struct seen *s;

	while ((s = db->seen)) {
		db->seen = s->next;
		free(s->chunks);
		free(s->table);
		free(s);
	}
	for (struct table *t = db->tables; t; t = t->next)
		t->seen = NULL;
	names_release(&db->unversioned);
}

/* May the run come in parts, with the rows seen kept from one to the next? */
static bool
parted(const struct db *db)
{
	return db->sink.life->begun && !db->stage;
}

static int
make_tables(struct db *db)
{
	const char *where =
	    parted(db) ? "TABLE IF NOT EXISTS main" : "TEMP TABLE IF NOT EXISTS temp";
	char *sql = xasprintf("CREATE %s._cs_full(id INTEGER PRIMARY KEY, stream TEXT NOT NULL,"
			      " tbl TEXT NOT NULL, run TEXT NOT NULL, whole INTEGER NOT NULL,"
			      " rejected INTEGER NOT NULL, UNIQUE (stream, tbl));"
			      "CREATE %s._cs_seen(id INTEGER NOT NULL, chunk INTEGER NOT NULL,"
			      " bits BLOB NOT NULL, PRIMARY KEY (id, chunk)) WITHOUT ROWID",
	    where, where);
	int r = db_exec(db, sql);

	free(sql);
	return r;
}

/* What is stored of the stream's last full run of this table: 1, 0 when nothing is, or -1 after printing. */
static int
read_full(struct db *db, struct seen *s, const char *stream, const char *run, bool *same)
{
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT id, run = ?3, whole, rejected FROM _cs_full WHERE stream = ?1 AND tbl = ?2");
	int rc;

	if (!st)
		return -1;
	sqlite3_bind_text(st, 1, stream, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, s->table, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, run, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		s->id = sqlite3_column_int64(st, 0);
		*same = sqlite3_column_int(st, 1);
		s->whole = sqlite3_column_int(st, 2);
		s->rejected = (uint64_t)sqlite3_column_int64(st, 3);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		db_fail(db);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/* This run begins: nothing of it is seen yet. */
static int
write_full(struct db *db, struct seen *s, const char *stream, const char *run)
{
	sqlite3_stmt *st;
	char *sql = xasprintf("DELETE FROM _cs_seen WHERE id = %lld", (long long)s->id);
	int r = db_exec(db, sql), rc;

	free(sql);
	st = r ? NULL
	       : db_prepare(db, "INSERT OR REPLACE INTO _cs_full VALUES (?1, ?2, ?3, ?4, ?5, 0)");
	if (!st)
		return CS_IO;
	if (s->id)
		sqlite3_bind_int64(st, 1, s->id);
	sqlite3_bind_text(st, 2, stream, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, s->table, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, run, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 5, s->whole);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return db_fail(db);
	if (!s->id)
		s->id = sqlite3_last_insert_rowid(db->h);
	s->rejected = 0;
	return 0;
}

static int
is_empty(struct db *db, const struct table *t, bool *empty)
{
	sqlite3_stmt *st;
	int rc;

	*empty = true;
	if (!t->exists)
		return 0;
	buf_clear(&db->sql);
	buf_adds(&db->sql, "SELECT 1 FROM ");
	sql_name(&db->sql, t->name);
	st = db_prepare(db, db->sql.p);
	if (!st)
		return CS_IO;
	rc = sqlite3_step(st);
	*empty = rc == SQLITE_DONE;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

/* Go on with what is stored, or begin. */
static int
resume(struct db *db, const struct table *t, struct seen *s, int64_t version)
{
	const struct life *life = db->sink.life;
	const char *stream = parted(db) ? life->stream : "";
	bool same = false,
	     first = !parted(db) || slice_is((struct slice){life->from.p, life->from.len}, "null");
	char *run = version >= 0 ? xasprintf("version %lld", (long long)version)
				 : xstrdup(parted(db) ? life->run : "");
	int have = read_full(db, s, stream, run, &same), r = 0;

	if (have < 0)
		r = CS_IO;
	else if (have && same && (version >= 0 || !first))
		; /* goes on */
	else {
		s->whole = version >= 0 ? have : first;
		if (version >= 0 && !have)
			r = is_empty(db, t, &s->whole);
		if (version >= 0 && names_have(&db->unversioned, t->name))
			s->whole = false;
		if (r == 0)
			r = write_full(db, s, stream, run);
	}
	free(run);
	return r;
}

static struct seen *
find_or_add(struct db *db, struct table *t, int64_t version, bool *begins)
{
	struct seen *s;

	for (s = db->seen; s && strcmp(s->table, t->name) != 0; s = s->next)
		;
	*begins = !s || (version >= 0 && s->version != version);
	if (!s) {
		s = xcalloc(1, sizeof *s);
		s->table = xstrdup(t->name);
		s->next = db->seen;
		db->seen = s;
	}
	if (*begins) {
		clear(s);
		s->version = version;
	}
	return s;
}

int
seen_get(struct db *db, struct table *t, int64_t version)
{
	const struct life *life = db->sink.life;
	bool begins;
	int r;

	if (parted(db) && !life->full && version < 0)
		return 0;
	if (!t->key.n) {
		warnx("table \"%s\": --delete-missing needs a key to tell rows by (--key)",
		    shown(t->name));
		return CS_USAGE;
	}
	if (!table_rowid(t)) {
		warnx("%s: table \"%s\" has no rowid to tell its rows by: --delete-missing cannot "
		      "be used with it",
		    db->path, shown(t->name));
		return CS_USAGE;
	}
	if (!t->seen)
		stmts_free(t); /* they mark from here on */
	t->seen = find_or_add(db, t, version, &begins);
	if (!begins)
		return 0;
	r = make_tables(db);
	return r ? r : resume(db, t, t->seen, version);
}

int
seen_row(struct db *db, struct table *t, int64_t version)
{
	if (version >= 0 && !(t->seen && t->seen->version == version))
		return seen_get(db, t, version);
	/* Its rows cannot be told from those of another version later. */
	if (version < 0 && !t->seen && !names_have(&db->unversioned, t->name))
		names_push(&db->unversioned, t->name);
	return 0;
}

int
seen_end(struct db *db, const struct seen *s)
{
	char *sql;
	int r;

	if (s->version >= 0)
		return 0;
	sql =
	    xasprintf("DELETE FROM _cs_seen WHERE id = %lld; DELETE FROM _cs_full WHERE id = %lld",
		(long long)s->id, (long long)s->id);
	r = db_exec(db, sql);
	free(sql);
	return r;
}

/* cs_mark(ROWID): the record at hand is this row. True, so that it can stand in a WHERE. */
static void
mark(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct db *db = sqlite3_user_data(ctx);

	(void)argc;
	if (db->at->seen && seen_mark(db, db->at->seen, sqlite3_value_int64(argv[0])))
		sqlite3_result_error(ctx, "rows seen cannot be noted", -1);
	else
		sqlite3_result_int(ctx, 1);
}

/* cs_seen(ID, ROWID): has it been seen? All that was is in the table; rowids come in order. */
static void
seen(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct db *db = sqlite3_user_data(ctx);
	int64_t rowid = sqlite3_value_int64(argv[1]), number = chunk_of(rowid);
	unsigned bit = (unsigned)(rowid & (CHUNK_BITS - 1));
	sqlite3_stmt *st = db->found.st;

	(void)argc;
	if (db->found.number != number || !db->found.valid) {
		sqlite3_bind_value(st, 1, argv[0]);
		sqlite3_bind_int64(st, 2, number);
		memset(db->found.bits, 0, CHUNK_BYTES);
		if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_bytes(st, 0) == CHUNK_BYTES)
			memcpy(db->found.bits, sqlite3_column_blob(st, 0), CHUNK_BYTES);
		if (sqlite3_reset(st) != SQLITE_OK) {
			sqlite3_result_error_code(ctx, sqlite3_errcode(db->h));
			return;
		}
		db->found.number = number;
		db->found.valid = true;
	}
	sqlite3_result_int(ctx, db->found.bits[bit / 8] >> bit % 8 & 1);
}

/* cs_or(BITS, BITS) */
static void or (sqlite3_context * ctx, int argc, sqlite3_value **argv)
{
	const unsigned char *a = sqlite3_value_blob(argv[0]), *b = sqlite3_value_blob(argv[1]);
	unsigned char bits[CHUNK_BYTES];

	(void)argc;
	if (sqlite3_value_bytes(argv[0]) != CHUNK_BYTES ||
	    sqlite3_value_bytes(argv[1]) != CHUNK_BYTES) {
		sqlite3_result_error(ctx, "_cs_seen was altered", -1);
		return;
	}
	for (int i = 0; i < CHUNK_BYTES; i++)
		bits[i] = a[i] | b[i];
	sqlite3_result_blob(ctx, bits, CHUNK_BYTES, SQLITE_TRANSIENT);
}

int
seen_functions(struct db *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;

	if (sqlite3_create_function(db->h, "cs_mark", 1, flags, db, mark, NULL, NULL) ||
	    sqlite3_create_function(db->h, "cs_seen", 2, flags, db, seen, NULL, NULL) ||
	    sqlite3_create_function(db->h, "cs_or", 2, flags, db, or, NULL, NULL))
		return db_fail(db);
	return 0;
}
