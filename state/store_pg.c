/*
 * A PostgreSQL database, with the tables of lib/pgstate.h. Many machines share it: whoever runs a stream holds a row of
 * _cs_lease, which by the server's clock runs out unless it is renewed, and stores nothing once another has it.
 *
 * A statement that fails for the moment, or whose answer does not come, is repeated for a while on a new connection; all
 * can be repeated without harm.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pg.h"
#include "pgstate.h"
#include "store.h"
#include "when.h"

#define LIMIT    30000 /* ms that the server may take for an answer */
#define PATIENCE 10000 /* ms of trying again */

#define STR_(x) #x
#define STR(x)  STR_(x)

struct store_pg {
	struct pg pg;
	char holder[128]; /* this process among all */
	char *id;         /* of the database and its standbys */
	/* The lease held, if its token is not 0. */
	char *stream;
	int64_t token;
	unsigned connects; /* when it was taken */
	/* Once all streams were listed: those with runs. A hundred thousand parts have none. */
	bool listed;
	struct names ran;
};

/* The result of a statement; NULL after a message with *status set. */
static PGresult *
ask(struct store *s, int *status, const char *sql, int n, const char *const *values)
{
	struct pg *pg = &s->pg->pg;
	PGresult *res;

	while ((res = pg_query(pg, sql, n, values)) == NULL && pg_again(pg))
		;
	if (res == NULL)
		*status = pg_fail(pg);
	else
		pg_calm(pg);
	return res;
}

/* Of a statement of which it matters alone how many rows come: that number, or -1 after a message with *status set. */
static int
rows(struct store *s, int *status, const char *sql, int n, const char *const *values)
{
	PGresult *res = ask(s, status, sql, n, values);
	int count;

	if (res == NULL)
		return -1;
	count = PQntuples(res);
	PQclear(res);
	return count;
}

struct digits {
	char text[24];
};

static const char *
number(struct digits *d, int64_t n)
{
	/* cppcheck-suppress ctuuninitvar ; it is written to */
	snprintf(d->text, sizeof d->text, "%" PRId64, n);
	return d->text;
}

/* NULL for -1, which is no number. */
static const char *
number_or_null(struct digits *d, int64_t n)
{
	return n == -1 ? NULL : number(d, n);
}

static char *
text(const PGresult *res, int i, int column)
{
	return PQgetisnull(res, i, column) ? NULL : xstrdup(PQgetvalue(res, i, column));
}

static int64_t
integer(const PGresult *res, int i, int column)
{
	return PQgetisnull(res, i, column) ? -1 : strtoll(PQgetvalue(res, i, column), NULL, 10);
}

/* A time, which is selected as ms. */
#define MS(column) "floor(extract(epoch from " column ") * 1000)::bigint"

static char *
when(const PGresult *res, int i, int column)
{
	char out[INSTANT_MAX];

	if (PQgetisnull(res, i, column))
		return NULL;
	when_text(integer(res, i, column), out);
	return xstrdup(out);
}

/* state, run, version, records and time of row i. */
static void
state_of(const PGresult *res, int i, struct state_row *r)
{
	r->state = text(res, i, 0);
	r->run = text(res, i, 1);
	r->version = integer(res, i, 2);
	r->records = integer(res, i, 3);
	r->updated_at = when(res, i, 4);
}

static int
pg_get(struct store *s, const char *stream, struct state_row *r)
{
	PGresult *res;
	int status = CS_SOME;

	res = ask(s, &status, pgstate_get, 1, &stream);
	if (res == NULL)
		return status;
	if (PQntuples(res) > 0) {
		state_of(res, 0, r);
		status = CS_OK;
	}
	s->moved = s->pg->token != 0 && s->pg->connects != s->pg->pg.connects;
	PQclear(res);
	return status;
}

static int
taken_over(struct store *s)
{
	if (!s->fenced)
		warnx("stream \"%s\": another run has taken over", s->pg->stream);
	s->fenced = true;
	return CS_FENCED;
}

/* Nothing was stored: has the version changed, which is for the caller to say, or was the lease lost? */
static int
refused(struct store *s)
{
	struct digits token;
	const char *v[] = {s->pg->stream, number(&token, s->pg->token)};
	int n, status;

	if (s->pg->token == 0)
		return CS_FENCED;
	n = rows(
	    s, &status, "select 1 from _cs_lease where stream = $1 and token = $2::bigint", 2, v);
	if (n < 0)
		return status;
	return n == 0 ? taken_over(s) : CS_FENCED;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* An answer was lost: was r stored nevertheless? CS_SOME when it was not. */
static int
stored(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	struct state_row now = {0};
	int status = pg_get(s, stream, &now);

	if (status == CS_OK && same(now.state, r->state) && same(now.run, r->run) &&
	    now.records == r->records && (expect < 0 || now.version == expect + 1)) {
		if (version != NULL)
			*version = now.version;
	} else if (status == CS_OK) {
		status = CS_SOME;
	}
	state_row_release(&now);
	return status;
}

static int
pg_put(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	struct pg *pg = &s->pg->pg;
	struct digits records, token, over;
	bool leased = s->pg->token != 0;
	const char *v[] = {stream, r->state, r->run, number_or_null(&records, r->records),
	    leased ? s->pg->stream : NULL, leased ? number(&token, s->pg->token) : NULL,
	    number(&over, expect)};
	PGresult *res;
	int status;

	while ((res = pg_query(pg,
		    expect < 0    ? pgstate_put
		    : expect == 0 ? pgstate_put_new
				  : pgstate_put_over,
		    expect > 0 ? 7 : 6, v)) == NULL) {
		if (!pg_again(pg))
			return pg_fail(pg);
		if ((status = stored(s, stream, r, expect, version)) != CS_SOME)
			return status;
	}
	pg_calm(pg);
	status = PQntuples(res) > 0 ? CS_OK : CS_FENCED;
	if (status == CS_OK && version != NULL)
		*version = integer(res, 0, 0);
	PQclear(res);
	return status == CS_OK ? CS_OK : refused(s);
}

static int
pg_rm(struct store *s, const char *stream)
{
	PGresult *res;
	int status = CS_OK;

	res = ask(s, &status,
	    "with s as (delete from _cs_state where stream = $1 returning 1),"
	    " l as (delete from _cs_state_log where stream = $1 returning 1),"
	    " r as (delete from _cs_run where stream = $1 returning 1)"
	    " select (select count(*) from s) + (select count(*) from l) + (select count(*) from "
	    "r)",
	    1, &stream);
	if (res == NULL)
		return status;
	if (integer(res, 0, 0) == 0)
		status = CS_SOME;
	PQclear(res);
	return status;
}

static int
pg_streams(struct store *s, struct names *n)
{
	PGresult *res;
	int status = CS_OK;

	res = ask(s, &status,
	    "select stream collate \"C\", max(ran) from (select stream, 0 as ran from _cs_state"
	    " union all select stream, 1 from _cs_run) x group by stream order by 1",
	    0, NULL);
	if (res == NULL)
		return status;
	names_release(&s->pg->ran);
	s->pg->listed = true;
	for (int i = 0; i < PQntuples(res); i++) {
		names_add(n, text(res, i, 0));
		if (integer(res, i, 1) > 0)
			names_add(&s->pg->ran, text(res, i, 0));
	}
	PQclear(res);
	return CS_OK;
}

static int
pg_history(struct store *s, const char *stream, struct state_rows *all)
{
	PGresult *res;
	int n, status = CS_OK;

	res = ask(s, &status,
	    "select state, run, version, records, " MS(
		"updated_at") " from _cs_state_log"
			      " where stream = $1 order by version desc",
	    1, &stream);
	if (res == NULL)
		return status;
	n = PQntuples(res);
	for (int i = 0; i < n; i++)
		state_of(res, i, state_rows_add(all));
	PQclear(res);
	return n > 0 ? CS_OK : CS_SOME;
}

static int
pg_parts(struct store *s, const char *stream,
    int (*f)(void *arg, const char *name, const struct state_row *r), void *arg)
{
	struct state_row r;
	PGresult *res;
	int status = CS_OK;

	res = ask(s, &status,
	    "select state, run, version, records, " MS(
		"updated_at") ", stream from _cs_state"
			      " where left(stream, length($1) + 1) = $1 || '/' order by stream "
			      "collate \"C\"",
	    1, &stream);
	if (res == NULL)
		return status;
	for (int i = 0; status == CS_OK && i < PQntuples(res); i++) {
		state_of(res, i, &r);
		status = f(arg, PQgetvalue(res, i, 5), &r);
		state_row_release(&r);
	}
	PQclear(res);
	return status;
}

static int
prune(struct store *s, const char *stream)
{
	int status = CS_OK;

	rows(s, &status,
	    "delete from _cs_run where stream = $1 and fence <= (select fence from _cs_run"
	    " where stream = $1 order by fence desc limit 1 offset " STR(
		STORE_RUNS_KEEP) ") and fence is distinct from"
				 " (select max(fence) from _cs_run where stream = $1 and done)",
	    1, &stream);
	return status;
}

static int
pg_run_put(struct store *s, const char *stream, const struct run_row *r)
{
	struct digits fence, code, every, records;
	const char *v[] = {stream, number(&fence, r->fence), r->run, r->started_at, r->ended_at,
	    number_or_null(&code, r->status), r->done ? "true" : "false",
	    number_or_null(&every, r->every), number_or_null(&records, r->records), r->counts,
	    r->message, r->fetch};
	int n, status = CS_OK;

	n = rows(s, &status,
	    "with f as (" PGSTATE_FENCE "), r as ("
	    "insert into _cs_run(stream, fence, run, started_at, ended_at, status, done,"
	    " every, records, counts, message, \"fetch\")"
	    " select $1, fence, $3, $4::timestamptz, $5::timestamptz, $6::bigint, $7::boolean,"
	    " $8::bigint, $9::bigint, $10, $11, $12 from f"
	    " on conflict (run) do update set ended_at = excluded.ended_at,"
	    " status = excluded.status, done = excluded.done, records = excluded.records,"
	    " counts = excluded.counts, message = excluded.message, \"fetch\" = excluded.\"fetch\""
	    " returning 1) select 1 from r",
	    12, v);
	if (n < 0)
		return status;
	if (n == 0) {
		warnx("stream \"%s\": a newer run has begun", stream);
		return CS_FENCED;
	}
	return prune(s, stream);
}

static int
by_name(const void *name, const void *at)
{
	return strcmp(name, *(char *const *)at);
}

static int
pg_runs(struct store *s, const char *stream, struct run_rows *all)
{
	const struct names *ran = &s->pg->ran;
	PGresult *res;
	int status = CS_OK;

	if (s->pg->listed &&
	    (ran->n == 0 || bsearch(stream, ran->name, ran->n, sizeof *ran->name, by_name) == NULL))
		return CS_OK;
	res = ask(s, &status,
	    "select run, " MS("started_at") ", " MS(
		"ended_at") ", counts, message, fence, status, records, every, done, \"fetch\""
			    " from _cs_run where stream = $1 order by fence desc",
	    1, &stream);
	if (res == NULL)
		return status;
	for (int i = 0; i < PQntuples(res); i++) {
		struct run_row *r = run_rows_add(all);

		r->run = text(res, i, 0);
		r->started_at = when(res, i, 1);
		r->ended_at = when(res, i, 2);
		r->counts = text(res, i, 3);
		r->message = text(res, i, 4);
		r->fence = integer(res, i, 5);
		r->status = integer(res, i, 6);
		r->records = integer(res, i, 7);
		r->every = integer(res, i, 8);
		r->done = *PQgetvalue(res, i, 9) == 't';
		r->fetch = text(res, i, 10);
	}
	PQclear(res);
	return CS_OK;
}

/* So that cs-load knows the database again. */
static int
know(struct store *s)
{
	int status = CS_OK;
	PGresult *res = ask(s, &status, "select value from _cs_meta where name = 'id'", 0, NULL);

	if (res != NULL && PQntuples(res) > 0)
		s->id = s->pg->id = text(res, 0, 0);
	PQclear(res);
	return status;
}

/*
 * The token is the server's time in ms, or greater where it has to be to grow: so it does even if the row is lost with a
 * server whose standby had not heard of it. A lease of ours whose taking was not answered is ours.
 */
static int
pg_lease_take(struct store *s, const char *stream, int64_t ttl, int64_t *token)
{
	struct digits ms;
	const char *v[] = {stream, s->pg->holder, number(&ms, ttl)};
	PGresult *res;
	int status = CS_SOME;

	res = ask(s, &status,
	    "insert into _cs_lease as l(stream, holder, token, taken, expires)"
	    " select $1, $2, greatest(" MS(
		"clock_timestamp()") ","
				     " (select fence + 1 from _cs_fence where stream = $1)), "
				     "clock_timestamp(),"
				     " clock_timestamp() + $3::bigint * interval '1 millisecond'"
				     " on conflict (stream) do update set holder = excluded.holder,"
				     " token = greatest(l.token + 1, excluded.token), taken = "
				     "excluded.taken,"
				     " expires = excluded.expires"
				     " where l.expires < excluded.taken or l.holder = "
				     "excluded.holder returning token",
	    3, v);
	if (res == NULL)
		return status;
	if (PQntuples(res) > 0) {
		*token = s->pg->token = integer(res, 0, 0);
		s->pg->stream = xstrdup(stream);
		/* Repeating is over before the lease is. */
		s->pg->pg.limit = s->pg->pg.patience = (uint64_t)ttl / 3;
		status = know(s);
		s->pg->connects = s->pg->pg.connects;
	}
	PQclear(res);
	return status;
}

/* Not renewed: does another have it, or is it gone with a server whose standby had not heard of it? */
static int
lost(struct store *s, const char *stream, int64_t token)
{
	struct digits mine;
	const char *v[] = {stream, number(&mine, token)};
	int n, status;

	n = rows(
	    s, &status, "select 1 from _cs_lease where stream = $1 and token <> $2::bigint", 2, v);
	if (n < 0)
		return CS_LATER;
	return n > 0 ? taken_over(s) : CS_LATER;
}

static int
pg_lease_renew(struct store *s, const char *stream, int64_t ttl, int64_t token)
{
	struct pg *pg = &s->pg->pg;
	struct digits mine, ms;
	const char *v[] = {stream, number(&mine, token), number(&ms, ttl)};
	PGresult *res;
	int n;

	if (PQstatus(pg->conn) != CONNECTION_OK && pg_connect(pg) != 0)
		return CS_LATER;
	res = pg_query(pg,
	    "update _cs_lease set"
	    " expires = clock_timestamp() + $3::bigint * interval '1 millisecond'"
	    " where stream = $1 and token = $2::bigint returning 1",
	    3, v);
	if (res == NULL)
		return CS_LATER;
	pg_calm(pg);
	n = PQntuples(res);
	PQclear(res);
	return n > 0 ? CS_OK : lost(s, stream, token);
}

static void
pg_lease_drop(struct store *s, const char *stream, int64_t token)
{
	struct digits mine;
	const char *v[] = {stream, number(&mine, token)};
	PGresult *res;

	/* Should it not succeed, it runs out. */
	if (PQstatus(s->pg->pg.conn) == CONNECTION_OK &&
	    (res = pg_query(&s->pg->pg,
		 "update _cs_lease set expires = taken where stream = $1 and token = $2::bigint", 2,
		 v)) != NULL)
		PQclear(res);
	free(s->pg->stream);
	s->pg->stream = NULL;
	s->pg->token = 0;
}

static bool
pg_lease_held(struct store *s, const char *stream)
{
	int status;

	return rows(s, &status,
		   "select 1 from _cs_lease where stream = $1 and expires > clock_timestamp()", 1,
		   &stream) > 0;
}

static void
pg_store_close(struct store *s)
{
	pg_close(&s->pg->pg);
	free(s->pg->stream);
	free(s->pg->id);
	names_release(&s->pg->ran);
	free(s->pg);
	s->pg = NULL;
}

static const struct store_ops pg_ops = {
    .get = pg_get,
    .put = pg_put,
    .rm = pg_rm,
    .streams = pg_streams,
    .history = pg_history,
    .run_put = pg_run_put,
    .runs = pg_runs,
    .parts = pg_parts,
    .lease_take = pg_lease_take,
    .lease_renew = pg_lease_renew,
    .lease_drop = pg_lease_drop,
    .lease_held = pg_lease_held,
    .close = pg_store_close,
};

static void
name_holder(struct store_pg *p)
{
	char host[64] = "";
	uint64_t random = 0;

	gethostname(host, sizeof host - 1);
	if (getrandom(&random, sizeof random, 0) < 0)
		random = (uint64_t)when_up();
	snprintf(p->holder, sizeof p->holder, "%s/%ld/%016" PRIx64, host, (long)getpid(), random);
}

/* The version of the tables, made if need be, and the server's time. */
static int
ready(struct pg *pg, enum store_mode mode, int64_t *version, int64_t *now)
{
	int status = pgstate_version(pg, version, now);

	if (status != CS_OK || *version == PGSTATE_SCHEMA ||
	    (*version < PGSTATE_SCHEMA && mode != STORE_CREATE))
		return status;
	status = pgstate_init(pg);
	return status == CS_OK ? pgstate_version(pg, version, now) : status;
}

int
store_pg_open(struct store *s, enum store_mode mode)
{
	struct pg *pg;
	int64_t version, now;
	int status;

	s->pg = xcalloc(1, sizeof *s->pg);
	name_holder(s->pg);
	pg = &s->pg->pg;
	pg->patience = PATIENCE;
	pg->limit = LIMIT;
	if ((status = pg_open(pg, s->path, "cs-state")) == CS_OK &&
	    (status = ready(pg, mode, &version, &now)) != CS_OK)
		pg_fail(pg);
	if (status == CS_OK && version > 0) {
		when_follow(now);
		s->ops = &pg_ops;
		return CS_OK;
	}
	pg_store_close(s);
	return status;
}
