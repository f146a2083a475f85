/*
 * Checkpoints in a PostgreSQL database, in tables of the same names and columns as in SQLite (statedb.h): the SQL
 * of them. cs-load runs it in the transaction that writes the rows, cs-state by itself.
 *
 *	_cs_state, _cs_state_log, _cs_run, _cs_fence, _cs_meta   see there; times are timestamptz
 *	_cs_lease(stream primary key, holder, token, taken, expires)   who may run a stream, by the server's clock
 *
 * Each statement does all of its work by itself, so that it needs no session and no transaction around it, and is kept
 * to what PostgreSQL, Citus, YugabyteDB and CockroachDB have in common. Parameters are text ($1::type where it
 * matters), NULL where said.
 */
#ifndef PGSTATE_H
#define PGSTATE_H

#define PGSTATE_SCHEMA 1  /* grows with every change; there are upward migrations only */

/*
 * No parameter: a row with the version of the schema and the server's clock in ms. Error 42P01 (undefined_table)
 * outside a transaction: there are no tables.
 */
extern const char pgstate_schema[];
/*
 * What creates the tables that are missing, up to NULL. Two who do so at once may get in each other's way
 * (23505, 42P07, 40001): whoever fails looks again.
 */
extern const char *const pgstate_tables[];
/*
 * From a schema to the next one: pgstate_upgrades[n] of n, up to PGSTATE_SCHEMA; NULL: only tables that are new with it.
 */
extern const char *const pgstate_upgrades[PGSTATE_SCHEMA];
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
extern const char pgstate_fence[];

#endif
