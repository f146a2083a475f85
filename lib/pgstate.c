#include <stddef.h>

#include "pgstate.h"
#include "statedb.h"

#define STR_(x) #x
#define STR(x)  STR_(x)

const char pgstate_schema[] =
    "select value, floor(extract(epoch from clock_timestamp()) * 1000)::bigint"
    " from _cs_meta where name = 'schema'";

const char *const pgstate_tables[] = {
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
    "insert into _cs_meta(name, value) values ('schema', '" STR(
	PGSTATE_SCHEMA) "') on conflict (name) do update set value = excluded.value",
    NULL,
};

const char *const pgstate_upgrades[PGSTATE_SCHEMA] = {0};

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

const char pgstate_fence[] =
    "insert into _cs_fence as f(stream, fence) values ($1, $2::bigint)"
    " on conflict (stream) do update set fence = excluded.fence where f.fence <= excluded.fence"
    " returning fence";
