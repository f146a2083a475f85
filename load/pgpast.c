/* What a PostgreSQL database knows besides rows: who may write a stream, its checkpoint, and what _cs_meta has. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "pgsink.h"
#include "pgstate.h"
#include "show.h"

int
pgpast_init(struct pgdb *db)
{
	int64_t version = 0;
	int r;

	if (db->tables_there)
		return 0;
	if (db->sink.o->dry_run)
		r = pgstate_version(&db->pg, &version, NULL);
	else
		r = pgstate_init(&db->pg);
	db->tables_there = r == 0 && (version || !db->sink.o->dry_run);
	return r ? pg_fail(&db->pg) : 0;
}

int
pgpast_fence(struct pgdb *db)
{
	const char *stream = getenv("CS_STREAM"), *text = getenv("CS_FENCE");
	const char *values[] = {stream, text};
	int64_t number;
	PGresult *res;
	int rows;

	if (!stream || !text || !db->tables_there || num_int64(text, strlen(text), &number) < 0)
		return 0;
	res = pg_query(&db->pg, PGSTATE_FENCE, 2, values);
	if (!res)
		return pgdb_fail(db);
	rows = PQntuples(res);
	PQclear(res);
	if (rows)
		return 0;
	warnx("%s: a newer run of stream \"%s\" has taken over: nothing more is written",
	    db->pg.place, shown(stream));
	return CS_FENCED;
}

int
pgpast_intact(struct pgdb *db)
{
	/* The last commit, and the lease of the run, which was taken before it read the state that it starts from. */
	static const char sql[] =
	    "select ($1::text is null or exists (select 1 from _cs_meta where name = $1 and value "
	    "= $2))"
	    " and ($3::text is null"
	    " or not exists (select 1 from _cs_meta where name = 'id' and value = $3)"
	    " or exists (select 1 from _cs_lease where stream = $4 and token >= $5::bigint))";
	const char *store = getenv("CS_STORE"), *stream = getenv("CS_STREAM");
	const char *fence = getenv("CS_FENCE");
	char number[24];
	const char *values[] = {db->committed ? db->token : NULL, number,
	    store && stream && fence ? store : NULL, stream, fence};
	PGresult *res;
	bool intact;

	if (!db->tables_there || (!values[0] && !values[2]))
		return 0;
	snprintf(number, sizeof number, "%llu", (unsigned long long)db->committed);
	res = pg_query(&db->pg, sql, 5, values);
	if (!res)
		return pgdb_fail(db);
	intact = *PQgetvalue(res, 0, 0) == 't';
	PQclear(res);
	if (intact)
		return 0;
	warnx("%s: the server has lost what it had committed, as a standby may that takes over: "
	      "nothing "
	      "more is written; run again, from the state that is there now",
	    db->pg.place);
	return CS_LATER;
}

int
pg_past(struct sink *s)
{
	struct pgdb *db = (struct pgdb *)s;
	const char *values[] = {s->life->stream};
	struct resume *past = &s->resume;
	const char *state;
	PGresult *res;

	buf_clear(&past->base);
	if (!db->tables_there) {
		buf_adds(&past->base, "null");
		return 0;
	}
	res = pg_query(&db->pg, pgstate_get, 1, values);
	if (!res)
		return pgdb_fail(db);
	state = PQntuples(res) ? PQgetvalue(res, 0, 0) : "null";
	json_compact(&past->base, state, strlen(state));
	PQclear(res);
	return 0;
}

int
pg_meta_get(struct sink *s, const char *name, char **value)
{
	struct pgdb *db = (struct pgdb *)s;
	PGresult *res;

	*value = NULL;
	if (!db->tables_there)
		return 0;
	res = pg_query(&db->pg, "select value from _cs_meta where name = $1", 1, &name);
	if (!res)
		return pgdb_fail(db);
	if (PQntuples(res))
		*value = xstrdup(PQgetvalue(res, 0, 0));
	PQclear(res);
	return 0;
}

int
pg_meta_put(struct sink *s, const char *name, const char *value)
{
	struct pgdb *db = (struct pgdb *)s;
	const char *values[] = {name, value};
	PGresult *res;

	if (!db->tables_there)
		return 0; /* a dry run */
	res = pg_query(&db->pg,
	    value ? "insert into _cs_meta(name, value) values ($1, $2)"
		    " on conflict (name) do update set value = excluded.value"
		  : "delete from _cs_meta where name = $1",
	    value ? 2 : 1, values);
	if (!res)
		return pgdb_fail(db);
	PQclear(res);
	return 0;
}

int
pg_begin(struct sink *s)
{
	struct pgdb *db = (struct pgdb *)s;
	int r = pgpast_init(db);

	return r ? r : pgdb_exec(db, "begin");
}

int
pg_end(struct sink *s, int r)
{
	struct pgdb *db = (struct pgdb *)s;

	if (r == 0)
		return pgdb_exec(db, "commit");
	if (PQstatus(db->pg.conn) == CONNECTION_OK)
		PQclear(PQexec(db->pg.conn, "rollback"));
	return r;
}

int
pgpast_checkpoint(struct pgdb *db)
{
	char records[24];
	const char *values[] = {db->stream, db->state.p, db->run, records, NULL, NULL};
	PGresult *res;

	if (!db->stream || !db->tables_there)
		return 0;
	if (db->records >= 0)
		snprintf(records, sizeof records, "%lld", (long long)db->records);
	else
		values[3] = NULL;
	res = pg_query(&db->pg, pgstate_put, 6, values);
	if (!res)
		return pgdb_fail(db);
	PQclear(res);
	free(db->stream);
	free(db->run);
	db->stream = db->run = NULL;
	return 0;
}
