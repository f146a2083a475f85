/*
 * Checkpoints in a SQLite database: the table _cs_state and what goes with it.
 *
 * cs-load writes them in the transaction that writes the rows; cs-state reads
 * and, where the database is only a store, writes them too. All run on the
 * caller's connection and inside the caller's transaction, if there is one.
 * Functions return SQLITE_OK or an SQLite error code (sqlite3_errmsg(db) says why);
 * statedb_get also SQLITE_NOTFOUND.
 *
 *	_cs_state(stream primary key, state, version, run, records, updated_at)
 *	_cs_state_log(stream, version, state, run, records, updated_at)   the last STATEDB_KEEP of each
 *	_cs_run(run primary key, stream, fence, started_at, ...)    written by cs-state (state/row.h)
 *	_cs_fence(stream primary key, fence)   the newest run of each that has been here
 *	_cs_meta(name primary key, value)   'schema' = STATEDB_SCHEMA
 */
#ifndef STATEDB_H
#define STATEDB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#define STATEDB_SCHEMA 2
#define STATEDB_KEEP   20 /* versions of a stream's state that are kept */

struct state_row {
	char *state;	     /* JSON */
	char *run;	     /* or NULL */
	char *updated_at;    /* RFC 3339 */
	int64_t version;     /* grows by one with every put */
	int64_t records;     /* of the run, or -1 */
};

void	state_row_release(struct state_row *r);

/* Create the tables where they are missing, bring older ones up to date; refuse a newer schema (SQLITE_MISMATCH). */
int	statedb_init(sqlite3 *db);
/* Are the tables there? 1, 0, or -1 on error. Writes nothing. */
int	statedb_exists(sqlite3 *db);
/* The version of the schema that is there into *v; 0: there are no tables. */
int	statedb_schema(sqlite3 *db, int64_t *v);
int	statedb_get(sqlite3 *db, const char *stream, struct state_row *r);
/*
 * Store a new version. expect: the version it must replace (0: must not exist; -1: any).
 * SQLITE_BUSY_SNAPSHOT when another version is there. *version, if not NULL, gets the new one.
 */
int	statedb_put(sqlite3 *db, const char *stream, const char *state, size_t n, const char *run,
	    int64_t records, int64_t expect, int64_t *version);
/*
 * A run of the stream with this number, which grows from run to run, is here to write: SQLITE_BUSY_SNAPSHOT
 * when one with a greater number has been here before it. Inside the transaction that writes, no run
 * can come in between.
 */
int	statedb_fence(sqlite3 *db, const char *stream, int64_t fence);
/* The greatest number of a run that has been here, into *fence; left alone if there was none. The tables have to be there. */
int	statedb_newest(sqlite3 *db, const char *stream, int64_t *fence);
int	statedb_rm(sqlite3 *db, const char *stream);

#endif
