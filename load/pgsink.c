#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pgseen.h"
#include "pgstage.h"
#include "show.h"

#define NAME_MAX_BYTES 63    /* NAMEDATALEN - 1 */
#define ROWS_MAX       50000 /* that wait */
#define ROWS_MIN       100
#define ROWS_TOLD      2000 /* with --changes: the server may compare each with all of them */
#define STALE_MAX      3
#define IDLE_MAX       "60000" /* ms between two statements of a transaction */

bool
pgdb_spoiled(const struct pgdb *db)
{
	return PQtransactionStatus(db->pg.conn) == PQTRANS_INERROR;
}

/* Is a row at fault, or what it wants of its table? */
static bool
row_fault(const struct pg *pg)
{
	/* the same row twice in a statement; not with a view that needs the column; types that cannot be changed; text of a
	 * type with a syntax (tsquery); what a trigger raises */
	static const char *const codes[] = {
	    "21000", "0A000", "2BP01", "42804", "42846", "42P16", "42601", "P0001", "P0004"};

	if (pg_status(pg) == CS_DATA)
		return true;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (!strcmp(pg->code, codes[i]))
			return true;
	return false;
}

/* The transaction is gone, and what waited for it. */
static void
lose(struct pgdb *db)
{
	uint64_t rejected = db->sink.counts.rejected;

	pgrows_forget(db);
	if (db->changes)
		trail_cut(&db->changes->trail, db->changes->trail.kept);
	names_cut(&db->stages, 0);
	db->nlines = 0;
	db->careful_now = false;
	buf_clear(&db->lines);
	db->tx = false;
	pgseen_back(db, pgseen_copy(db->full_kept));
	pgstage_lose(db);
	db->sink.counts = db->before;
	db->sink.counts.rejected = rejected; /* they stay set aside */
	names_cut(&db->sink.added, db->added_before);
	db->sink.resume.at = db->progress;
	free(db->stream);
	free(db->run);
	db->stream = db->run = NULL;
}

static void
roll_back(struct pgdb *db)
{
	if (PQstatus(db->pg.conn) == CONNECTION_OK &&
	    PQtransactionStatus(db->pg.conn) != PQTRANS_IDLE)
		PQclear(PQexec(db->pg.conn, "rollback"));
}

/* It may go well another time: all of it again, in smaller steps. */
static int
again(struct pgdb *db)
{
	if (db->most_rows / 2 >= ROWS_MIN)
		db->most_rows /= 2;
	roll_back(db);
	lose(db);
	return pg_again(&db->pg) ? SINK_AGAIN : pg_fail(&db->pg);
}

int
pgdb_fail(struct pgdb *db)
{
	struct pg *pg = &db->pg;

	if (row_fault(pg))
		return row_bad(&db->sink, "%s",
		    shown_cut((struct slice){pg->why.p, pg->why.len}, 8 * SHOWN_MAX));
	/* A table or a column that was there. */
	if ((!strcmp(pg->code, "42P01") || !strcmp(pg->code, "42703")) && db->tx &&
	    ++db->stale < STALE_MAX) {
		roll_back(db);
		lose(db);
		return SINK_AGAIN;
	}
	return pg_status(pg) == CS_LATER ? again(db) : pg_fail(pg);
}

int
pgdb_exec(struct pgdb *db, const char *sql)
{
	return pg_exec(&db->pg, sql) ? pgdb_fail(db) : 0;
}

int
pgdb_ask(struct pgdb *db, const char *sql, int n, const char *const *values, int64_t out[2])
{
	PGresult *res = pg_query(&db->pg, sql, n, values);

	if (!res)
		return pgdb_fail(db);
	for (int i = 0; i < 2; i++)
		out[i] = strtoll(PQgetvalue(res, 0, i), NULL, 10);
	PQclear(res);
	return 0;
}

/* The server refused a row of those that were to be quick: all of them again, with care. */
static int
careful_from_now(struct pgdb *db, int r)
{
	if (r != ROW_BAD || !pgdb_spoiled(db) || db->careful)
		return r;
	db->careful = true;
	roll_back(db);
	lose(db);
	return SINK_AGAIN;
}

static int
batch(struct sink *sink)
{
	struct pgdb *db = (struct pgdb *)sink;
	char begin[128];
	int r;

	if (!db->tx) {
		r = pgpast_init(db);
		if (r)
			return r;
		/* One who is stopped in the middle of it keeps others from taking over for so long. */
		snprintf(begin, sizeof begin,
		    "begin; set local lock_timeout = %llu; "
		    "set local idle_in_transaction_session_timeout = " IDLE_MAX,
		    (unsigned long long)(sink->o->busy_timeout ? sink->o->busy_timeout : 1));
		r = pgdb_exec(db, begin);
		if (r)
			return r;
		db->tx = true;
		r = pgpast_fence(db);
		if (r == 0)
			r = pgpast_intact(db);
		if (r == 0)
			r = pgtables_refresh(db);
		if (r)
			return careful_from_now(db, r);
	}
	return resume_begin(sink);
}

static int
declare(struct sink *sink, struct decl *d)
{
	return careful_from_now((struct pgdb *)sink, pg_declare(sink, d));
}

int
pg_row(struct sink *sink, const struct row *row)
{
	struct pgdb *db = (struct pgdb *)sink;

	if (db->careful && !db->careful_now)
		return careful_add(db, row);
	return careful_from_now(db, pgrow_take(db, row));
}

static int
keep(struct sink *sink, const struct control *c)
{
	struct pgdb *db = (struct pgdb *)sink;
	int r = db->careful ? pg_flush(db) : 0;

	if (r == 0)
		r = pgseen_keep(db);
	if (r == 0)
		r = pgstage_keep(db);
	if (r == 0 && c && db->stream && strcmp(db->stream, c->stream) != 0)
		r = pgpast_checkpoint(db);
	if (r == 0 && c) {
		free(db->stream);
		free(db->run);
		db->stream = xstrdup(c->stream);
		db->run = c->run ? xstrdup(c->run) : NULL;
		buf_clear(&db->state);
		buf_add(&db->state, c->state.p, c->state.n);
		db->records = c->records;
		sink->resume.at.loose = false;
	}
	return r;
}

/* What came before the mark comes again. */
static int
drop(struct sink *sink)
{
	struct pgdb *db = (struct pgdb *)sink;

	roll_back(db);
	lose(db);
	return SINK_AGAIN;
}

static int
finish(struct sink *sink, bool complete)
{
	struct pgdb *db = (struct pgdb *)sink;
	struct table *t;
	int r = pg_flush(db);

	if (r == 0 && db->stage)
		r = pgstage_replay(db, complete);
	for (t = complete ? db->tables : NULL; t && r == 0; t = t->next)
		r = pgtable_finish(db, t);
	if (r == 0 && complete && (sink->o->missing || (db->stage && !db->stage->vain)))
		r = pgmissing_delete(db);
	if (r == 0 && db->stage)
		r = pgstage_end(db);
	if (r == 0)
		r = pgindexes_make(db);
	if (r == 0)
		r = resume_end(sink);
	return careful_from_now(db, r);
}

/* Did the commit whose answer never came take place? A row of its own tells. */
static int
committed(struct pgdb *db, bool *was)
{
	const char *values[] = {db->token};
	int64_t n[2] = {0};
	PGresult *res;

	*was = false;
	do
		res = pg_query(&db->pg, "select value, 0 from _cs_meta where name = $1", 1, values);
	while (!res && pg_again(&db->pg));
	if (!res)
		return pg_fail(&db->pg);
	if (PQntuples(res))
		n[0] = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
	PQclear(res);
	*was = (uint64_t)n[0] == db->commit;
	if (*was)
		db->committed = db->commit;
	return 0;
}

static void
new_token(struct pgdb *db)
{
	unsigned char id[12];
	size_t n = strlen(strcpy(db->token, "commit "));

	if (getrandom(id, sizeof id, 0) != sizeof id)
		err(CS_IO, "random bytes");
	for (size_t i = 0; i < sizeof id; i++)
		n += (size_t)sprintf(db->token + n, "%02x", id[i]);
}

static int
commit_now(struct pgdb *db)
{
	struct buf *b = &db->sql;
	bool was = false;
	int r;

	if (!*db->token)
		new_token(db);
	db->token_there = true;
	buf_clear(b);
	buf_addf(b,
	    "insert into _cs_meta(name, value) values ('%s', '%llu') on conflict (name) do update"
	    " set value = excluded.value; commit",
	    db->token, (unsigned long long)++db->commit);
	r = pg_exec(&db->pg, b->p);
	if (r == 0) {
		db->committed = db->commit;
		return 0;
	}
	if (r != CS_LATER || PQstatus(db->pg.conn) == CONNECTION_OK)
		return pgdb_fail(db);
	r = pg_again(&db->pg) ? committed(db, &was) : pg_fail(&db->pg);
	if (r == 0 && !was) {
		lose(db);
		return SINK_AGAIN;
	}
	return r;
}

static int
commit(struct sink *sink)
{
	struct pgdb *db = (struct pgdb *)sink;
	int r;

	if (db->failed)
		return db->failed;
	if (!db->tx)
		return 0;
	r = pg_flush(db);
	if (r == 0)
		r = pgstage_flush(db);
	if (r == 0 && sink->o->dry_run) {
		roll_back(db);
		db->tx = false;
		return 0;
	}
	if (r == 0)
		r = pgpast_checkpoint(db);
	if (r == 0 && db->changes)
		r = trail_keep(sink, &db->changes->trail);
	if (r == 0)
		r = commit_now(db);
	if (r == ROW_BAD && !pgdb_spoiled(db)) { /* a constraint that waits for the end */
		pg_fail(&db->pg);
		r = db->failed = CS_DATA;
	}
	if (r)
		return careful_from_now(db, r);
	db->tx = false;
	db->before = sink->counts;
	db->added_before = sink->added.n;
	db->progress = sink->resume.at;
	names_cut(&db->stages, 0);
	pgseen_free(db->full_kept);
	db->full_kept = pgseen_copy(db->full);
	pgstage_kept(db);
	sink->commits++;
	db->stale = 0;
	db->most_rows = db->changes ? ROWS_TOLD : ROWS_MAX;
	pg_calm(&db->pg);
	return db->changes ? trail_kept(&db->changes->trail) : 0;
}

static void
db_close(struct sink *sink)
{
	struct pgdb *db = (struct pgdb *)sink;
	const char *values[] = {db->token};

	if (db->pg.conn && db->token_there && PQstatus(db->pg.conn) == CONNECTION_OK) {
		roll_back(db);
		PQclear(pg_query(&db->pg, "delete from _cs_meta where name = $1", 1, values));
	}
	lose(db);
	feed_free(db->changes);
	pgtables_forget(db);
	pgseen_free(db->full);
	pgseen_free(db->full_kept);
	pgstage_free(db->stage);
	names_release(&db->unversioned);
	decl_free(db->decls);
	pg_close(&db->pg);
	free(db->groups);
	free(db->keys);
	free(db->line);
	for (size_t i = 0; sink->reads && sink->reads[i]; i++)
		free(sink->reads[i]);
	free(sink->reads);
	names_release(&db->stages);
	names_release(&sink->added);
	buf_release(&db->sql);
	buf_release(&db->state);
	buf_release(&db->lines);
	buf_release(&sink->why);
	buf_release(&sink->scratch);
	resume_release(&sink->resume);
	scan_release(&db->scan);
	tag_release(&db->tag);
	free(db);
}

/* What the server is decides which SQL it gets. */
static int
ask_kind(struct pgdb *db)
{
	static const char sql[] = "select version(), exists (select 1 from pg_catalog.pg_extension"
				  " where extname = 'citus')";
	PGresult *res = pg_query(&db->pg, sql, 0, NULL);
	const char *version;

	if (!res)
		return pg_fail(&db->pg);
	version = PQgetvalue(res, 0, 0);
	db->native = !strncmp(version, "PostgreSQL ", 11) && !strstr(version, "-YB-") &&
		     *PQgetvalue(res, 0, 1) == 'f' && !getenv("CS_PG_PORTABLE");
	PQclear(res);
	return 0;
}

/* Columns that each table has. */
static const char *const system_columns[] = {
    "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", NULL};

struct sink *
postgres_open(const struct opts *o, const struct life *life, struct decl *decls, int *status)
{
	struct pgdb *db = xcalloc(1, sizeof *db);

	db->sink = (struct sink){.o = o,
	    .life = life,
	    .replays = true,
	    .name_max = NAME_MAX_BYTES,
	    .taken = system_columns,
	    .fit = pg_fit,
	    .past = pg_past,
	    .meta_get = pg_meta_get,
	    .meta_put = pg_meta_put,
	    .begin = pg_begin,
	    .end = pg_end,
	    .batch = batch,
	    .declare = declare,
	    .row = pg_row,
	    .keep = keep,
	    .drop = drop,
	    .finish = finish,
	    .commit = commit,
	    .close = db_close};
	db->decls = decls;
	if (o->mode == MODE_REPLACE)
		db->stage = xcalloc(1, sizeof *db->stage);
	db->most_rows = o->changes ? ROWS_TOLD : ROWS_MAX;
	db->pg.patience = o->busy_timeout;
	instant_now(db->sink.now);
	*status = pg_open(&db->pg, o->path, "cs-load");
	db->sink.place = db->pg.place;
	if (*status == 0)
		*status = ask_kind(db);
	if (*status == 0)
		*status = pgchanges_open(db);
	if (*status == 0) {
		db->sink.reads = pg_files(&db->pg);
		return &db->sink;
	}
	db_close(&db->sink);
	return NULL;
}
