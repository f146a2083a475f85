#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "change.h"
#include "digest.h"
#include "num.h"
#include "place.h"
#include "seen.h"
#include "show.h"
#include "stage.h"
#include "statedb.h"

#define STMTJRNL_BYTES (8 << 20)

const char *
db_message(struct db *db)
{
	const char *s = sqlite3_errmsg(db->h);

	return shown_cut((struct slice){s, strlen(s)}, 4 * SHOWN_MAX);
}

int
db_failed(struct db *db, int rc)
{
	/* A rollback overwrites what it said. */
	const char *said =
	    sqlite3_errcode(db->h) == SQLITE_OK ? sqlite3_errstr(rc) : db_message(db);
	int system;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		warnx(
		    "%s: %s; run again when the other writer is done (--busy-timeout waits longer)",
		    db->path, said);
		return CS_LATER;
	case SQLITE_CONSTRAINT: /* a deferred one, or a delete that rows elsewhere forbid */
		warnx("%s: %s", db->path, said);
		return CS_DATA;
	default:
		system = sqlite3_system_errno(db->h);
		if (access(db->path, W_OK) < 0 && errno != ENOENT)
			system = errno; /* SQLite tells of a file beside it */
		if (system && (rc & 0xff) == SQLITE_CANTOPEN)
			warnx("%s: %s: %s", db->path, said, strerror(system));
		else
			warnx("%s: %s", db->path, said);
		return CS_IO;
	}
}

int
db_fail(struct db *db)
{
	return db_failed(db, sqlite3_extended_errcode(db->h));
}

int
db_exec(struct db *db, const char *sql)
{
	return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db);
}

sqlite3_stmt *
db_prepare(struct db *db, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v3(db->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		db_fail(db);
	return st;
}

/* A one-row pragma as a number. */
static int
ask(struct db *db, const char *sql, int64_t *v)
{
	sqlite3_stmt *st = db_prepare(db, sql);
	int rc;

	if (!st)
		return sqlite3_errcode(db->h) == SQLITE_BUSY ? CS_LATER : CS_IO;
	rc = sqlite3_step(st);
	*v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : db_fail(db);
}

int
db_state(struct db *db)
{
	int rc = statedb_init(db->h);

	if (rc != SQLITE_MISMATCH)
		return rc == SQLITE_OK ? 0 : db_failed(db, rc);
	warnx("%s: its _cs tables were made by a newer version of the cs tools", db->path);
	return CS_IO;
}

static void
digests_drop(struct db *db)
{
	for (struct table *t = db->tables; t; t = t->next)
		digest_drop(t);
}

/*
 * Run by cs-state: is that still the newest run of its stream? Nobody can take over while the transaction is
 * open, so what it writes is good.
 */
static int
fence(struct db *db)
{
	const char *stream = getenv("CS_STREAM"), *text = getenv("CS_FENCE");
	int64_t number;
	int rc, r;

	if (!stream || !text || num_int64(text, strlen(text), &number) < 0)
		return 0;
	r = db_state(db);
	if (r)
		return r;
	rc = statedb_fence(db->h, stream, number);
	if (rc != SQLITE_BUSY_SNAPSHOT)
		return rc == SQLITE_OK ? 0 : db_failed(db, rc);
	warnx("%s: a newer run of stream \"%s\" has taken over: nothing more is written", db->path,
	    shown(stream));
	return CS_FENCED;
}

static int
batch(struct sink *sink)
{
	struct db *db = (struct db *)sink;
	int64_t schema, data = -1;
	int r;

	db->before = sink->counts;
	db->added_before = sink->added.n;
	if (db->changes)
		db->changes->mark = db->changes->trail.end;
	if (db->stage)
		db->stage->mark = db->stage->open ? db->stage->trail.end : -1;
	if (db->tx) {
		db->marked = true;
		r = db_exec(db, "SAVEPOINT cs_batch");
		return r ? r : resume_begin(sink);
	}
	r = db_exec(db, "BEGIN IMMEDIATE");
	if (r)
		return r;
	db->tx = true;
	db->marked = false; /* the whole transaction can go */
	r = fence(db);
	if (r == 0)
		r = ask(db, "PRAGMA schema_version", &schema);
	if (r == 0 && schema != db->schema)
		tables_forget(db); /* somebody else altered a table */
	if (r == 0)
		r = ask(db, "PRAGMA data_version", &data);
	if (r == 0 && data != db->data)
		digests_drop(db); /* somebody else wrote */
	db->data = data;
	return r ? r : resume_begin(sink);
}

static int
declare(struct sink *sink, struct decl *d)
{
	return decl_add((struct db *)sink, d);
}

/* The last checkpoint of the transaction goes with it, and the last of each part of the stream; those before it are history
 * nobody asked for. */
static int
write_checkpoint(struct db *db)
{
	int rc, r;

	if (!db->stream)
		return 0;
	r = db_state(db);
	if (r)
		return r;
	rc = statedb_put(
	    db->h, db->stream, db->state.p, db->state.len, db->run, db->records, -1, NULL);
	free(db->stream);
	free(db->run);
	db->stream = db->run = NULL;
	return rc == SQLITE_OK ? 0 : db_failed(db, rc);
}

static int
keep(struct sink *sink, const struct control *c)
{
	struct db *db = (struct db *)sink;
	int r;

	if (c && db->stream && strcmp(db->stream, c->stream) != 0 && (r = write_checkpoint(db)))
		return r;
	if (c) {
		free(db->stream);
		free(db->run);
		db->stream = xstrdup(c->stream);
		db->run = c->run ? xstrdup(c->run) : NULL;
		buf_clear(&db->state);
		buf_add(&db->state, c->state.p, c->state.n);
		db->records = c->records;
		sink->resume.at.loose = false;
	}
	r = seen_keep(db);
	if (r == 0 && db->stage)
		r = stage_keep(db);
	if (r)
		return r;
	return db->marked ? db_exec(db, "RELEASE cs_batch") : 0;
}

/* Make the indexes that --bulk has left for later. */
static int
seal(struct db *db)
{
	int r = 0;

	for (struct table *t = db->tables; t && r == 0; t = t->next)
		if (t->bulk &&
		    sqlite3_table_column_metadata(db->h, "main", t->name, NULL, NULL, NULL, NULL,
			NULL, NULL) == SQLITE_OK) /* it has not been taken back */
			r = digest_seal(db, t);
	return r;
}

static int
drop(struct sink *sink)
{
	struct db *db = (struct db *)sink;
	uint64_t rejected = sink->counts.rejected;
	int r;

	r = db_exec(db, db->marked ? "ROLLBACK TO cs_batch; RELEASE cs_batch" : "ROLLBACK");
	db->tx = db->marked;
	sink->counts = db->before;
	sink->counts.rejected = rejected; /* they stay set aside */
	while (sink->added.n > db->added_before)
		free(sink->added.v[--sink->added.n]);
	if (r == 0 && db->tx)
		r = seal(db);
	tables_forget(db);
	seen_free(db);
	if (r == 0 && db->changes)
		r = trail_cut(&db->changes->trail, db->changes->mark);
	return r == 0 && db->stage ? stage_drop(db) : r;
}

static int
finish(struct sink *sink, bool complete)
{
	struct db *db = (struct db *)sink;
	struct table *t;
	int r = db->stage ? stage_replay(db, complete) : 0;

	for (t = complete ? db->tables : NULL; t && r == 0; t = t->next)
		r = table_finish(db, t);
	digests_drop(db);
	if (r == 0)
		r = seal(db);
	if (r == 0 && complete && (sink->o->missing || (db->stage && !db->stage->vain)))
		r = missing_delete(db);
	if (r == 0 && db->stage)
		r = stage_end(db);
	if (r == 0)
		r = indexes_make(db);
	return r ? r : resume_end(sink);
}

/*
 * WAL for files of our making; others stay as their owner has them. Not before their first commit: until then
 * there is nothing to be read in them, and the pages of that transaction are written once instead of twice. When others
 * are in the way it is tried again with the next commit.
 */
static int
make_wal(struct db *db)
{
	int rc = sqlite3_exec(db->h, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);

	db->fresh = (rc & 0xff) == SQLITE_BUSY;
	return rc == SQLITE_OK || db->fresh ? 0 : db_fail(db);
}

static int
commit(struct sink *sink)
{
	struct db *db = (struct db *)sink;
	int r = 0;

	if (!db->tx)
		return 0;
	if (sink->o->dry_run) {
		db->tx = false;
		tables_forget(db);
		return db_exec(db, "ROLLBACK");
	}
	r = seal(db);
	if (r == 0)
		r = write_checkpoint(db);
	if (r == 0 && db->changes)
		r = trail_keep(&db->sink, &db->changes->trail);
	if (r == 0 && db->stage && db->stage->open)
		r = trail_keep(&db->sink, &db->stage->trail);
	if (r == 0)
		r = ask(db, "PRAGMA schema_version", &db->schema);
	if (r == 0)
		r = db_exec(db, "COMMIT");
	if (r == 0) {
		db->tx = false;
		sink->commits++;
		if (db->changes)
			r = trail_kept(&db->changes->trail);
		if (r == 0 && db->stage && db->stage->open)
			r = trail_kept(&db->stage->trail);
		if (db->stage && db->stage->trail.done)
			stage_close(db->stage);
		if (r == 0 && db->fresh)
			r = make_wal(db);
	}
	return r;
}

static void
db_close(struct sink *sink)
{
	struct db *db = (struct db *)sink;

	tables_forget(db);
	seen_free(db);
	changes_close(db);
	if (db->stage)
		stage_close(db->stage);
	free(db->stage);
	decl_free(db->decls);
	if (db->fresh && sink->commits)
		sqlite3_exec(db->h, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	sqlite3_close(db->h); /* rolls back what is open */
	buf_release(&sink->scratch);
	buf_release(&db->sql);
	buf_release(&db->state);
	resume_release(&sink->resume);
	buf_release(&sink->why);
	names_release(&sink->added);
	free(db->stream);
	free(db->run);
	free(db);
}

/* Foreign keys that the database's owner has declared are kept, which SQLite does only when told to. */
static int
keep_foreign_keys(struct db *db)
{
	int64_t n;
	int r = ask(db,
	    "SELECT count(*) FROM (SELECT 1 FROM main.sqlite_schema s, "
	    "pragma_foreign_key_list(s.name) LIMIT 1)",
	    &n);

	db->foreign_keys = n > 0;
	return r || !n ? r : db_exec(db, "PRAGMA foreign_keys = ON");
}

/*
 * Where malloc(3) will put the pages that SQLite keeps, which are looked at all over: asked for at once, in huge
 * pages as far as the system has them (madvise(2)). Only what is touched is taken.
 */
static void
reserve_pages(uint64_t bytes)
{
#if defined MADV_HUGEPAGE && defined __GLIBC__
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int pad = bytes < INT_MAX ? (int)bytes : INT_MAX;
	char *begin = sbrk(0);
	void *volatile a, *volatile b;

	begin += -(uintptr_t)begin % page;
	mallopt(M_TRIM_THRESHOLD, INT_MAX); /* or the next free() would give it back */
	mallopt(M_TOP_PAD, pad);
	a = malloc(
	    100000); /* one of them is more than the heap has left, and neither is mapped by itself */
	b = malloc(100000);
	free(a);
	free(b);
	mallopt(M_TOP_PAD, 128 << 10);
	if ((char *)sbrk(0) > begin)
		madvise(begin, (size_t)((char *)sbrk(0) - begin), MADV_HUGEPAGE);
#else
	(void)bytes;
#endif
}

static int
open_file(struct db *db)
{
	const struct opts *o = db->sink.o;
	struct stat st;
	bool fresh = stat(o->path, &st) < 0 || st.st_size == 0;
	const char *path = fresh && o->dry_run ? ":memory:" : o->path; /* a dry run makes no file */
	const char *network = o->network_fs ? NULL : place_network(o->path);
	int64_t v;
	int r;

	if (network) {
		warnx(
		    "%s: a database on %s is damaged sooner or later: load into a file on a local "
		    "disk and copy that (--allow-network-fs, if no other machine opens it)",
		    o->path, network);
		return CS_IO;
	}
	reserve_pages(cache_bytes(o) + cache_bytes(o) / 4);
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* The pages as they were at a batch's mark: in memory unless the batch is large. */
	sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, STMTJRNL_BYTES);
	if (sqlite3_open_v2(path, &db->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return db_fail(db);
	sqlite3_extended_result_codes(db->h, 1);
	sqlite3_busy_timeout(db->h, (int)o->busy_timeout);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	/* EXTRA: a rollback journal that is gone stays gone, so that what was acknowledged is not rolled back. */
	buf_addf(&db->sql,
	    "PRAGMA cache_size = -%llu; PRAGMA temp_store = FILE; PRAGMA synchronous = EXTRA",
	    (unsigned long long)(cache_bytes(o) >> 10));
	r = db_exec(db, db->sql.p);
	if (r == 0)
		r = ask(db, "PRAGMA schema_version", &v); /* reads the file: is it a database? */
	if (r == 0)
		r = number_functions(db);
	if (r == 0)
		r = seen_functions(db);
	if (r == 0)
		r = keep_foreign_keys(db);
	db->fresh = fresh && !o->dry_run;
	db->schema = -1;
	return r ? r : changes_open(db);
}

struct sink *
sqlite_open(const struct opts *o, const struct life *life, struct decl *decls, int *status)
{
	struct db *db = xcalloc(1, sizeof *db);

	db->sink = (struct sink){.o = o,
	    .life = life,
	    .place = o->path,
	    .past = sqlite_past,
	    .meta_get = sqlite_meta_get,
	    .meta_put = sqlite_meta_put,
	    .begin = sqlite_begin,
	    .end = sqlite_end,
	    .fit = sqlite_fit,
	    .batch = batch,
	    .declare = declare,
	    .row = sqlite_row,
	    .keep = keep,
	    .drop = drop,
	    .finish = finish,
	    .commit = commit,
	    .close = db_close};
	db->path = o->path;
	db->decls = decls;
	if (o->mode == MODE_REPLACE)
		db->stage = xcalloc(1, sizeof *db->stage);
	instant_now(db->sink.now);
	*status = open_file(db);
	if (*status == 0)
		return &db->sink;
	db_close(&db->sink);
	return NULL;
}
