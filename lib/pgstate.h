/*
 * Checkpoints in a PostgreSQL database, in tables of the same names and columns as in SQLite (statedb.h): the SQL
 * of them. cs-load runs it in the transaction that writes the rows, cs-state by itself.
 *
 *	_cs_state, _cs_state_log, _cs_run, _cs_fence, _cs_meta   see there; times are timestamptz
 *	_cs_meta has a row "id", too: a database and its standbys are told from others by it (CS_STORE)
 *	_cs_lease(stream primary key, holder, token, taken, expires)   who may run a stream, by the server's clock
 *
 * Each statement does all of its work by itself, so that it needs no session and no transaction around it, and is kept
 * to what PostgreSQL, Citus, YugabyteDB and CockroachDB have in common. Parameters are text ($1::type where it
 * matters), NULL where said.
 */
#ifndef PGSTATE_H
#define PGSTATE_H

#include "pg.h"

#define PGSTATE_SCHEMA 1 /* grows with every change; there are upward migrations only */

/*
 * The version of the schema into *version, 0: there are no tables, and the server's clock in ms into *now (0 then) if it
 * is not NULL. Outside a transaction. 0, or a CS_ status with the reason in pg->why.
 */
int	pgstate_version(struct pg *pg, int64_t *version, int64_t *now);
/*
 * Create the tables where they are missing, bring older ones up to date; refuse a newer schema. Outside a transaction.
 * 0, or a CS_ status with the reason in pg->why.
 */
int	pgstate_init(struct pg *pg);

/* $1 stream: state, run (or null), version, records (-1: null), time in ms; no row when there is none. */
extern const char pgstate_get[];
/*
 * Store a new version. $1 stream, $2 state, $3 run or NULL, $4 records or NULL, and, for a cs-state that runs a stream, $5
 * the stream and $6 the token of its lease, else NULL both. A row with the new version; none: that lease is
 * another's, or the state is another's: _new must find none, _over the version $7.
 */
extern const char pgstate_put[], pgstate_put_new[], pgstate_put_over[];
/*
 * $1 stream, $2 fence: the run of the stream with this number is here to write. No row when one with a greater
 * number has been here before. The row stays locked to the end of the transaction, so that none can come in between.
 */
#define PGSTATE_FENCE                                                                              \
	"insert into _cs_fence as f(stream, fence) values ($1, $2::bigint)"                        \
	" on conflict (stream) do update set fence = excluded.fence"                               \
	" where f.fence <= excluded.fence returning fence"

#endif
