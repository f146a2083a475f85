#include <stdlib.h>
#include <string.h>

#include "statedb.h"

#define STR_(x) #x
#define STR(x)  STR_(x)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS _cs_meta("
    " name TEXT PRIMARY KEY NOT NULL, value);"
    "CREATE TABLE IF NOT EXISTS _cs_state("
    " stream TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL, version INTEGER NOT NULL,"
    " run TEXT, records INTEGER, updated_at TEXT NOT NULL);"
    "CREATE TABLE IF NOT EXISTS _cs_state_log("
    " stream TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,"
    " run TEXT, records INTEGER, updated_at TEXT NOT NULL, PRIMARY KEY(stream, version));"
    "CREATE TABLE IF NOT EXISTS _cs_run("
    " run TEXT PRIMARY KEY NOT NULL, stream TEXT NOT NULL, fence INTEGER NOT NULL,"
    " started_at TEXT NOT NULL, ended_at TEXT, status INTEGER, done INTEGER NOT NULL,"
    " every INTEGER, records INTEGER, counts TEXT, message TEXT, fetch TEXT);"
    "CREATE INDEX IF NOT EXISTS _cs_run_stream ON _cs_run(stream, fence);"
    "CREATE TABLE IF NOT EXISTS _cs_fence("
    " stream TEXT PRIMARY KEY NOT NULL, fence INTEGER NOT NULL);"
    "INSERT INTO _cs_meta VALUES('schema', " STR(
	STATEDB_SCHEMA) ")"
			" ON CONFLICT(name) DO UPDATE SET value = excluded.value;";

/* From each schema to the one after it; tables that are new with it come from the above. */
static const char *const upgrades[STATEDB_SCHEMA] = {
    [1] = "ALTER TABLE _cs_run ADD COLUMN fetch TEXT;",
};

void
state_row_release(struct state_row *r)
{
	free(r->state);
	free(r->run);
	free(r->updated_at);
	memset(r, 0, sizeof *r);
}

/*
 * A change is one transaction of its own, with the write lock from the start so
 * that what it read cannot go stale, or a savepoint in the caller's.
 */
static int
change_begin(sqlite3 *db, int *own)
{
	*own = sqlite3_get_autocommit(db);
	return sqlite3_exec(db, *own ? "BEGIN IMMEDIATE" : "SAVEPOINT _cs", NULL, NULL, NULL);
}

/* Keep the change if rc is SQLITE_OK, else take it back; the first error is returned. */
static int
change_end(sqlite3 *db, int own, int rc)
{
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, own ? "COMMIT" : "RELEASE _cs", NULL, NULL, NULL);
	/* Some errors (a full disk) have rolled back by themselves. */
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(db))
		sqlite3_exec(
		    db, own ? "ROLLBACK" : "ROLLBACK TO _cs; RELEASE _cs", NULL, NULL, NULL);
	return rc;
}

/* The first column of the one row of sql as an integer; *out is left alone when there is none. */
static int
ask(sqlite3 *db, const char *sql, const char *arg, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK && arg != NULL)
		rc = sqlite3_bind_text(st, 1, arg, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		rc = SQLITE_DONE;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
has_table(sqlite3 *db, const char *name)
{
	int64_t n = 0;

	if (ask(db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", name,
		&n) != SQLITE_OK)
		return -1;
	return n > 0;
}

int
statedb_exists(sqlite3 *db)
{
	return has_table(db, "_cs_state");
}

int
statedb_schema(sqlite3 *db, int64_t *v)
{
	int have = has_table(db, "_cs_meta");

	*v = 0;
	if (have < 0)
		return sqlite3_errcode(db);
	return have ? ask(db, "SELECT value FROM _cs_meta WHERE name = 'schema'", NULL, v)
		    : SQLITE_OK;
}

/* Inside a transaction, which another may have preceded. */
static int
upgrade(sqlite3 *db)
{
	int64_t v;
	int rc = statedb_schema(db, &v);

	if (rc == SQLITE_OK && v > STATEDB_SCHEMA)
		return SQLITE_MISMATCH;
	for (; rc == SQLITE_OK && v > 0 && v < STATEDB_SCHEMA; v++)
		rc = sqlite3_exec(db, upgrades[v], NULL, NULL, NULL);
	return rc == SQLITE_OK ? sqlite3_exec(db, schema, NULL, NULL, NULL) : rc;
}

int
statedb_init(sqlite3 *db)
{
	int64_t v;
	int own, rc = statedb_schema(db, &v);

	if (rc != SQLITE_OK || v == STATEDB_SCHEMA)
		return rc;
	if (v > STATEDB_SCHEMA)
		return SQLITE_MISMATCH;
	if ((rc = change_begin(db, &own)) != SQLITE_OK)
		return rc;
	return change_end(db, own, upgrade(db));
}

static char *
column_dup(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);

	return s != NULL ? strdup(s) : NULL;
}

int
statedb_get(sqlite3 *db, const char *stream, struct state_row *r)
{
	sqlite3_stmt *st = NULL;
	int rc, have;

	memset(r, 0, sizeof *r);
	if ((have = statedb_exists(db)) <= 0)
		return have == 0 ? SQLITE_NOTFOUND : sqlite3_errcode(db);
	rc = sqlite3_prepare_v2(db,
	    "SELECT state, run, updated_at, version, ifnull(records, -1)"
	    " FROM _cs_state WHERE stream = ?",
	    -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, stream, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		r->state = column_dup(st, 0);
		r->run = column_dup(st, 1);
		r->updated_at = column_dup(st, 2);
		r->version = sqlite3_column_int64(st, 3);
		r->records = sqlite3_column_int64(st, 4);
		rc = r->state != NULL && r->updated_at != NULL ? SQLITE_OK : SQLITE_NOMEM;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_NOTFOUND;
	}
	sqlite3_finalize(st);
	return rc;
}

struct new_row {
	const char *stream, *state, *run;
	size_t n;
	int64_t records, version;
};

static int
write_row(sqlite3 *db, const struct new_row *r)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db,
	    "INSERT INTO _cs_state(stream, state, version, run, records, updated_at)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"
	    " ON CONFLICT(stream) DO UPDATE SET"
	    " state = excluded.state, version = excluded.version, run = excluded.run,"
	    " records = excluded.records, updated_at = excluded.updated_at",
	    -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, r->stream, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text64(st, 2, r->state, r->n, SQLITE_STATIC, SQLITE_UTF8);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(st, 3, r->version);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 4, r->run, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK && r->records >= 0)
		rc = sqlite3_bind_int64(st, 5, r->records);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_DONE)
		rc = SQLITE_OK;
	sqlite3_finalize(st);
	return rc;
}

static int
put(sqlite3 *db, struct new_row *r, int64_t expect)
{
	int64_t none;
	int rc;

	rc = ask(db, "SELECT version FROM _cs_state WHERE stream = ?", r->stream, &r->version);
	if (rc != SQLITE_OK)
		return rc;
	if (expect >= 0 && expect != r->version)
		return SQLITE_BUSY_SNAPSHOT;
	r->version++;
	rc = write_row(db, r);
	if (rc == SQLITE_OK)
		rc = ask(db,
		    "INSERT INTO _cs_state_log"
		    "(stream, version, state, run, records, updated_at)"
		    " SELECT stream, version, state, run, records, updated_at"
		    " FROM _cs_state WHERE stream = ?",
		    r->stream, &none);
	if (rc == SQLITE_OK)
		rc = ask(db,
		    "DELETE FROM _cs_state_log WHERE stream = ?1 AND version <="
		    " (SELECT version FROM _cs_state WHERE stream = ?1) - " STR(STATEDB_KEEP),
		    r->stream, &none);
	return rc;
}

int
statedb_put(sqlite3 *db, const char *stream, const char *state, size_t n, const char *run,
    int64_t records, int64_t expect, int64_t *version)
{
	struct new_row r = {
	    .stream = stream, .state = state, .n = n, .run = run, .records = records};
	int own, rc;

	if ((rc = change_begin(db, &own)) != SQLITE_OK)
		return rc;
	if ((rc = change_end(db, own, put(db, &r, expect))) == SQLITE_OK && version != NULL)
		*version = r.version;
	return rc;
}

static int
fence_put(sqlite3 *db, const char *stream, int64_t fence)
{
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db,
	    "INSERT INTO _cs_fence VALUES(?1, ?2)"
	    " ON CONFLICT(stream) DO UPDATE SET fence = excluded.fence",
	    -1, &st, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(st, 1, stream, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(st, 2, fence);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_DONE)
		rc = SQLITE_OK;
	sqlite3_finalize(st);
	return rc;
}

int
statedb_newest(sqlite3 *db, const char *stream, int64_t *fence)
{
	return ask(db, "SELECT fence FROM _cs_fence WHERE stream = ?", stream, fence);
}

int
statedb_fence(sqlite3 *db, const char *stream, int64_t fence)
{
	int64_t newest = INT64_MIN;
	int rc = statedb_newest(db, stream, &newest);

	if (rc != SQLITE_OK || newest == fence)
		return rc;
	return newest > fence ? SQLITE_BUSY_SNAPSHOT : fence_put(db, stream, fence);
}

int
statedb_rm(sqlite3 *db, const char *stream)
{
	static const char *const sql[] = {
	    "DELETE FROM _cs_state WHERE stream = ?",
	    "DELETE FROM _cs_state_log WHERE stream = ?",
	    "DELETE FROM _cs_run WHERE stream = ?",
	};
	int64_t none;
	int own, rc;

	if ((rc = change_begin(db, &own)) != SQLITE_OK)
		return rc;
	for (size_t i = 0; rc == SQLITE_OK && i < sizeof sql / sizeof sql[0]; i++)
		rc = ask(db, sql[i], stream, &none);
	return change_end(db, own, rc);
}
