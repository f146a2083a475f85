#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "num.h"
#include "pgstate.h"
#include "statedb.h"

#define UNDEFINED_TABLE "42P01"

#define STR_(x) #x
#define STR(x)  STR_(x)

/* What creates the tables that are missing. */
static const char *const tables[] = {
    "create table if not exists _cs_state("
    " stream text primary key, state text not null, version bigint not null,"
    " run text, records bigint, updated_at timestamptz not null)",
    "create table if not exists _cs_state_log("
    " stream text, version bigint, state text not null, run text, records bigint,"
    " updated_at timestamptz not null, primary key(stream, version))",
    "create table if not exists _cs_run("
    " run text primary key, stream text not null, fence bigint not null,"
    " started_at timestamptz not null, ended_at timestamptz, status bigint, done boolean not null,"
    " every bigint, records bigint, counts text, message text, \"fetch\" text)",
    "create index if not exists _cs_run_stream on _cs_run(stream, fence)",
    "create table if not exists _cs_fence(stream text primary key, fence bigint not null)",
    "create table if not exists _cs_lease("
    " stream text primary key, holder text not null, token bigint not null,"
    " taken timestamptz not null, expires timestamptz not null)",
    "create table if not exists _cs_meta(name text primary key, value text)",
    "insert into _cs_meta(name, value) values ('id', gen_random_uuid()::text) on conflict (name) "
    "do "
    "nothing",
    "insert into _cs_meta(name, value) values ('schema', '" STR(
	PGSTATE_SCHEMA) "') on conflict (name) do update set value = excluded.value",
};

/* From each schema to the one after it, if there is more to it than new tables. */
static const char *const upgrades[PGSTATE_SCHEMA] = {0};

int
pgstate_version(struct pg *pg, int64_t *version, int64_t *now)
{
	PGresult *res;
	const char *v;

	*version = 0;
	if (now)
		*now = 0;
	do
		res = pg_query(pg,
		    "select value, floor(extract(epoch from clock_timestamp()) * 1000)::bigint"
		    " from _cs_meta where name = 'schema'",
		    0, NULL);
	while (!res && strcmp(pg->code, UNDEFINED_TABLE) != 0 && pg_again(pg));
	if (!res)
		return strcmp(pg->code, UNDEFINED_TABLE) == 0 ? 0 : pg_status(pg);
	pg_calm(pg);
	if (PQntuples(res) > 0) {
		v = PQgetvalue(res, 0, 0);
		if (num_int64(v, strlen(v), version) < 0)
			*version = INT64_MAX; /* not ours, or of days to come */
		if (now)
			*now = strtoll(PQgetvalue(res, 0, 1), NULL, 10);
	}
	PQclear(res);
	return 0;
}

/* In one transaction, so that whoever sees the version sees the tables. */
static int
create(struct pg *pg, int64_t from)
{
	int r = pg_exec(pg, "begin");

	for (; r == 0 && from > 0 && from < PGSTATE_SCHEMA; from++)
		if (upgrades[from])
			r = pg_exec(pg, upgrades[from]);
	for (size_t i = 0; r == 0 && i < sizeof tables / sizeof *tables; i++)
		r = pg_exec(pg, tables[i]);
	if (r == 0)
		r = pg_exec(pg, "commit");
	return r;
}

/* Did another, who creates them too, get in the way? */
static bool
crossed(const struct pg *pg)
{
	static const char *const codes[] = {"23505", "42P07", "42710", "40001", "40P01", "XX000"};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (!strcmp(pg->code, codes[i]))
			return true;
	return false;
}

int
pgstate_init(struct pg *pg)
{
	const struct timespec step = {.tv_nsec = 50000000};
	int64_t version;
	int r = 0;

	for (int tries = 0; tries < 20; tries++) {
		if ((r = pgstate_version(pg, &version, NULL)) || version == PGSTATE_SCHEMA)
			return r;
		if (version > PGSTATE_SCHEMA) {
			buf_clear(&pg->why);
			buf_adds(&pg->why,
			    "its _cs tables were made by a newer version of the cs tools");
			pg->code[0] = '\0';
			return CS_IO;
		}
		if ((r = create(pg, version)) == 0)
			return 0;
		if (PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
			PQclear(PQexec(pg->conn, "rollback"));
		if (!crossed(pg) && !pg_again(pg))
			return r;
		nanosleep(&step, NULL);
	}
	return r;
}

const char pgstate_get[] =
    "select state, run, version, coalesce(records, -1),"
    " floor(extract(epoch from updated_at) * 1000)::bigint from _cs_state where stream = $1";

/* Of the lease's row, locked against whoever would take it over; or of nothing, without one. */
#define LEASED                                                                                     \
	"with lease as (select 1 from _cs_lease where stream = $5 and token = $6::bigint for "     \
	"update),"                                                                                 \
	" new as ("
#define IF_LEASED "($5 is null or exists (select 1 from lease))"

#define ROW                                                                                        \
	"insert into _cs_state as s(stream, state, version, run, records, updated_at)"             \
	" select $1, $2, 1, $3, $4::bigint, clock_timestamp() where " IF_LEASED                    \
	" on conflict (stream) do "
#define SET(from)                                                                                  \
	"update set state = " from "state, version = s.version + 1, run = " from                   \
	"run, records = " from "records, updated_at = " from "updated_at"

/* And the history, of which only so much is kept. */
#define LOG                                                                                        \
	" returning s.stream, s.version, s.state, s.run, s.records, s.updated_at),"                \
	" log as (insert into _cs_state_log as g(stream, version, state, run, records, "           \
	"updated_at)"                                                                              \
	" select stream, version, state, run, records, updated_at from new"                        \
	" on conflict (stream, version) do update set state = excluded.state,"                     \
	" run = excluded.run, records = excluded.records, updated_at = excluded.updated_at),"      \
	" old as (delete from _cs_state_log where stream = $1"                                     \
	" and version <= (select version from new) - " STR(                                        \
	    STATEDB_KEEP) ")"                                                                      \
			  " select version from new"

const char pgstate_put[] = LEASED ROW SET("excluded.") LOG;

const char pgstate_put_new[] = LEASED ROW "nothing" LOG;

const char pgstate_put_over[] =
    LEASED "update _cs_state as s set state = $2, version = s.version + 1, run = $3,"
	   " records = $4::bigint, updated_at = clock_timestamp()"
	   " where s.stream = $1 and s.version = $7::bigint and " IF_LEASED LOG;
