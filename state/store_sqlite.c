#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "name.h"
#include "place.h"
#include "store.h"

#define BUSY_TIMEOUT 30000 /* ms that another writer may take */

/* Say what SQLite says; the status to exit with. */
static int
fail(struct store *s, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_MISMATCH:
		warnx("%s: its _cs tables were made by a newer version of the cs tools", s->spec);
		return CS_IO;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		warnx("%s: locked by another program; run again later", s->spec);
		return CS_LATER;
	default:
		/* a rollback since then has its own */
		warnx("%s: %s", s->spec,
		    s->db != NULL && sqlite3_errcode(s->db) != SQLITE_OK ? sqlite3_errmsg(s->db)
									 : sqlite3_errstr(rc));
		return CS_IO;
	}
}

/*
 * The statement with its first parameter, the stream (or NULL), in place; NULL after a message
 * with *status set.
 */
static sqlite3_stmt *
prepare(struct store *s, const char *sql, const char *stream, int *status)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK && stream != NULL)
		rc = sqlite3_bind_text(st, 1, stream, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		return st;
	*status = fail(s, rc);
	sqlite3_finalize(st);
	return NULL;
}

/* The end of stepping through st; rc is what the last sqlite3_step() said. */
static int
done(struct store *s, sqlite3_stmt *st, int rc)
{
	int status = rc == SQLITE_DONE ? CS_OK : fail(s, rc);

	sqlite3_finalize(st);
	return status;
}

static char *
text(sqlite3_stmt *st, int column)
{
	const char *p = (const char *)sqlite3_column_text(st, column);

	return p != NULL ? xstrdup(p) : NULL;
}

static int
sqlite_get(struct store *s, const char *stream, struct state_row *r)
{
	int rc = statedb_get(s->db, stream, r);

	if (rc == SQLITE_NOTFOUND)
		return CS_SOME;
	return rc == SQLITE_OK ? CS_OK : fail(s, rc);
}

static int
sqlite_put(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	int rc = statedb_put(
	    s->db, stream, r->state, strlen(r->state), r->run, r->records, expect, version);

	if (rc == SQLITE_BUSY_SNAPSHOT)
		return CS_FENCED;
	return rc == SQLITE_OK ? CS_OK : fail(s, rc);
}

static int
sqlite_rm(struct store *s, const char *stream)
{
	int before = sqlite3_total_changes(s->db);
	int rc = statedb_rm(s->db, stream);

	if (rc != SQLITE_OK)
		return fail(s, rc);
	return sqlite3_total_changes(s->db) > before ? CS_OK : CS_SOME;
}

static int
sqlite_streams(struct store *s, struct names *n)
{
	/* From one stream of the index of runs to the next: it may have a hundred entries for each. */
	static const char all[] =
	    "WITH RECURSIVE r(stream) AS (SELECT min(stream) FROM _cs_run UNION ALL"
	    " SELECT (SELECT min(stream) FROM _cs_run WHERE stream > r.stream) FROM r"
	    " WHERE r.stream IS NOT NULL)"
	    " SELECT stream FROM _cs_state UNION SELECT stream FROM r WHERE stream IS NOT NULL"
	    " ORDER BY 1";
	sqlite3_stmt *st;
	int rc, status;

	st = prepare(s, all, NULL, &status);
	if (st == NULL)
		return status;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		names_add(n, text(st, 0));
	return done(s, st, rc);
}

static int
sqlite_parts(struct store *s, const char *stream,
    int (*f)(void *arg, const char *name, const struct state_row *r), void *arg)
{
	sqlite3_stmt *st;
	int rc = SQLITE_DONE, status;

	/* a range of the key: '0' follows '/' */
	st = prepare(s,
	    "SELECT state, run, updated_at, version, ifnull(records, -1), stream FROM _cs_state"
	    " WHERE stream > ?1 || '/' AND stream < ?1 || '0' ORDER BY stream",
	    stream, &status);
	if (st == NULL)
		return status;
	status = CS_OK;
	while (status == CS_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct state_row r = {
		    .version = sqlite3_column_int64(st, 3), .records = sqlite3_column_int64(st, 4)};

		r.state = text(st, 0);
		r.run = text(st, 1);
		r.updated_at = text(st, 2);
		status = f(arg, (const char *)sqlite3_column_text(st, 5), &r);
		state_row_release(&r);
	}
	if (status == CS_OK)
		return done(s, st, rc);
	sqlite3_finalize(st);
	return status;
}

static int
sqlite_history(struct store *s, const char *stream, struct state_rows *rows)
{
	sqlite3_stmt *st;
	int rc, status;

	st = prepare(s,
	    "SELECT state, run, updated_at, version, ifnull(records, -1)"
	    " FROM _cs_state_log WHERE stream = ? ORDER BY version DESC",
	    stream, &status);
	if (st == NULL)
		return status;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct state_row *r = state_rows_add(rows);

		r->state = text(st, 0);
		r->run = text(st, 1);
		r->updated_at = text(st, 2);
		r->version = sqlite3_column_int64(st, 3);
		r->records = sqlite3_column_int64(st, 4);
	}
	status = done(s, st, rc);
	return status == CS_OK && rows->n == 0 ? CS_SOME : status;
}

static int
run_insert(struct store *s, const char *stream, const struct run_row *r)
{
	sqlite3_stmt *st;
	int rc, status;

	st = prepare(s,
	    "INSERT INTO _cs_run(stream, run, fence, started_at, ended_at, status, done,"
	    " every, records, counts, message, fetch) VALUES(?1, ?2, ?3, ?4, ?5, nullif(?6, -1), "
	    "?7,"
	    " nullif(?8, -1), nullif(?9, -1), ?10, ?11, ?12)"
	    " ON CONFLICT(run) DO UPDATE SET ended_at = excluded.ended_at,"
	    " status = excluded.status, done = excluded.done, records = excluded.records,"
	    " counts = excluded.counts, message = excluded.message, fetch = excluded.fetch",
	    stream, &status);
	if (st == NULL)
		return status;
	/*
	 * Binding fails only for want of memory, and then so does the step: a NOT NULL column
	 * stays NULL.
	 */
	sqlite3_bind_text(st, 2, r->run, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, r->fence);
	sqlite3_bind_text(st, 4, r->started_at, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 5, r->ended_at, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 6, r->status);
	sqlite3_bind_int(st, 7, r->done);
	sqlite3_bind_int64(st, 8, r->every);
	sqlite3_bind_int64(st, 9, r->records);
	sqlite3_bind_text(st, 10, r->counts, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 11, r->message, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 12, r->fetch, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	return done(s, st, rc);
}

static int
sqlite_fence(struct store *s, const char *stream, int64_t *fence)
{
	int rc = statedb_newest(s->db, stream, fence);

	return rc == SQLITE_OK ? CS_OK : fail(s, rc);
}

#define STR_(x) #x
#define STR(x)  STR_(x)

static int
sqlite_run_put(struct store *s, const char *stream, const struct run_row *r)
{
	static const char prune[] =
	    "DELETE FROM _cs_run WHERE stream = ?1 AND fence <= (SELECT fence FROM _cs_run"
	    "  WHERE stream = ?1 ORDER BY fence DESC LIMIT 1 OFFSET " STR(
		STORE_RUNS_KEEP) ")"
				 " AND fence IS NOT (SELECT max(fence) FROM _cs_run WHERE stream = "
				 "?1 AND done)";
	sqlite3_stmt *st;
	int rc, status;

	if ((rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) != SQLITE_OK)
		return fail(s, rc);
	rc = statedb_fence(s->db, stream, r->fence);
	if (rc == SQLITE_BUSY_SNAPSHOT) {
		warnx("stream \"%s\": a newer run has begun", stream);
		status = CS_FENCED;
	} else {
		status = rc == SQLITE_OK ? run_insert(s, stream, r) : fail(s, rc);
	}
	if (status == CS_OK) {
		st = prepare(s, prune, stream, &status);
		if (st != NULL) {
			rc = sqlite3_step(st);
			status = done(s, st, rc);
		}
	}
	if (status == CS_OK && (rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK)
		status = fail(s, rc);
	if (status != CS_OK && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

static int
sqlite_runs(struct store *s, const char *stream, struct run_rows *rows)
{
	sqlite3_stmt *st;
	int64_t schema;
	int rc, status;

	/* A store of an older version is read as it is. */
	rc = statedb_schema(s->db, &schema);
	if (rc != SQLITE_OK)
		return fail(s, rc);
	st = prepare(s,
	    schema < 2 ? "SELECT run, started_at, ended_at, counts, message, fence,"
			 " ifnull(status, -1), ifnull(records, -1), ifnull(every, -1), done, NULL"
			 " FROM _cs_run WHERE stream = ? ORDER BY fence DESC"
		       : "SELECT run, started_at, ended_at, counts, message, fence,"
			 " ifnull(status, -1), ifnull(records, -1), ifnull(every, -1), done, fetch"
			 " FROM _cs_run WHERE stream = ? ORDER BY fence DESC",
	    stream, &status);
	if (st == NULL)
		return status;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct run_row *r = run_rows_add(rows);

		r->run = text(st, 0);
		r->started_at = text(st, 1);
		r->ended_at = text(st, 2);
		r->counts = text(st, 3);
		r->message = text(st, 4);
		r->fence = sqlite3_column_int64(st, 5);
		r->status = sqlite3_column_int64(st, 6);
		r->records = sqlite3_column_int64(st, 7);
		r->every = sqlite3_column_int64(st, 8);
		r->done = sqlite3_column_int(st, 9);
		r->fetch = text(st, 10);
	}
	return done(s, st, rc);
}

/*
 * In FILE.cs-lock/, FILE being the database's one true name: a link to it must not be another
 * lock.
 */
static int
sqlite_lock(struct store *s, const char *stream, int flags)
{
	char *file, *dir, *name, *path;
	int fd = -1, save;

	if ((file = realpath(s->path, NULL)) == NULL)
		return -1;
	dir = xasprintf("%s.cs-lock", file);
	name = name_encode(stream);
	path = xasprintf("%s/%s.lock", dir, name);
	if (!(flags & O_CREAT) || mkdir(dir, 0777) == 0 || errno == EEXIST)
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0666);
	save = errno;
	free(path);
	free(name);
	free(dir);
	free(file);
	errno = save;
	return fd;
}

static void
sqlite_close(struct store *s)
{
	sqlite3_close(s->db);
	s->db = NULL;
}

static const struct store_ops sqlite_ops = {
    .get = sqlite_get,
    .put = sqlite_put,
    .rm = sqlite_rm,
    .streams = sqlite_streams,
    .parts = sqlite_parts,
    .history = sqlite_history,
    .run_put = sqlite_run_put,
    .runs = sqlite_runs,
    .fence = sqlite_fence,
    .lock = sqlite_lock,
    .close = sqlite_close,
};

/*
 * Also for reading the file is opened for writing, if that is allowed: a killed writer's journal has to be
 * rolled back before anything can be read, and query_only sees to it that nothing else is written.
 */
int
store_sqlite_open(struct store *s, enum store_mode mode)
{
	const char *network = mode == STORE_READ || s->network_fs ? NULL : place_network(s->path);
	struct stat st;
	int have = 1, rc;

	if (*s->path == ':') {
		warnx("--store: %s: no file", s->spec);
		return CS_USAGE;
	}
	if (network != NULL) {
		warnx("%s: a database on %s is damaged sooner or later: keep states on a local "
		      "disk, or in "
		      "postgres://... (--allow-network-fs, if no other machine opens it)",
		    s->spec, network);
		return CS_IO;
	}
	if (mode != STORE_CREATE && stat(s->path, &st) < 0 && errno == ENOENT)
		return CS_OK;
	rc = sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | (mode == STORE_CREATE ? SQLITE_OPEN_CREATE : 0), NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, BUSY_TIMEOUT);
	/* An acknowledgement must survive a power cut in rollback mode too: that takes EXTRA. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(s->db,
		    mode == STORE_READ ? "PRAGMA query_only = ON" : "PRAGMA synchronous = EXTRA",
		    NULL, NULL, NULL);
	if (rc == SQLITE_OK && mode == STORE_CREATE)
		rc = statedb_init(s->db);
	else if (rc == SQLITE_OK && (have = statedb_exists(s->db)) < 0)
		rc = sqlite3_errcode(s->db);
	if (rc == SQLITE_OK && have) {
		s->ops = &sqlite_ops;
		return CS_OK;
	}
	if (rc != SQLITE_OK)
		rc = fail(s, rc);
	sqlite_close(s);
	return rc;
}
