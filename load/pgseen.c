#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "full.h"
#include "pgseen.h"
#include "pgstage.h"
#include "show.h"

#define U(x) ((unsigned long long)(x))

/* May the run come in parts, with the rows seen kept from one to the next? */
static bool
parted(const struct pgdb *db)
{
	return db->sink.life->begun && !db->stage;
}

struct pgseen *
pgseen_copy(const struct pgseen *s)
{
	struct pgseen *first = NULL, **end = &first;

	for (; s; s = s->next) {
		*end = xcalloc(1, sizeof **end);
		**end = *s;
		(*end)->table = xstrdup(s->table);
		end = &(*end)->next;
	}
	*end = NULL;
	return first;
}

void
pgseen_free(struct pgseen *s)
{
	struct pgseen *next;

	for (; s; s = next) {
		next = s->next;
		free(s->table);
		free(s);
	}
}

void
pgseen_back(struct pgdb *db, struct pgseen *s)
{
	pgseen_free(db->full);
	db->full = s;
	for (struct table *t = db->tables; t; t = t->next) {
		t->full = NULL;
		t->full_made = false;
	}
}

void
pgfull_name(const struct pgdb *db, const char *prefix, const char *table, char out[32])
{
	snprintf(out, 32, "%s%016" PRIx64, prefix, full_hash(&db->sink, table));
}

bool
pgfull_first(const struct pgdb *db)
{
	const struct life *life = db->sink.life;

	return !life->begun || slice_is((struct slice){life->from.p, life->from.len}, "null");
}

static int
make_full(struct pgdb *db)
{
	bool there;
	int r = pg_there(db, "_cs_full", &there);

	if (r || there)
		return r;
	return pgdb_make(db, "create table _cs_full(stream text, tbl text, run text not null,"
			     " whole boolean not null, rejected bigint not null,"
			     " primary key (stream, tbl))");
}

int
pgfull_read(
    struct pgdb *db, const char *table, const char *run, bool *have, bool *same, struct pgseen *s)
{
	const char *values[] = {db->sink.life->stream, table, run};
	PGresult *res;
	int r = make_full(db);

	if (r)
		return r;
	res = pg_query(&db->pg,
	    "select run = $3, whole, rejected from _cs_full where stream = $1 and tbl = $2", 3,
	    values);
	if (!res)
		return pgdb_fail(db);
	*have = PQntuples(res) > 0;
	*same = *have && *PQgetvalue(res, 0, 0) == 't';
	if (*have) {
		s->whole = *PQgetvalue(res, 0, 1) == 't';
		s->rejected = strtoull(PQgetvalue(res, 0, 2), NULL, 10);
	}
	PQclear(res);
	return 0;
}

/* Run a statement that gives no rows. */
static int
tell(struct pgdb *db, const char *sql, int n, const char *const *values)
{
	PGresult *res = pg_query(&db->pg, sql, n, values);

	if (!res)
		return pgdb_fail(db);
	PQclear(res);
	return 0;
}

int
pgfull_write(struct pgdb *db, const char *table, const char *run, bool whole)
{
	const char *values[] = {db->sink.life->stream, table, run, whole ? "true" : "false"};

	return tell(db,
	    "insert into _cs_full(stream, tbl, run, whole, rejected)"
	    " values ($1, $2, $3, $4::boolean, 0) on conflict (stream, tbl) do update"
	    " set run = excluded.run, whole = excluded.whole, rejected = excluded.rejected",
	    4, values);
}

int
pgfull_rejected(struct pgdb *db, const char *table, uint64_t n)
{
	char text[24];
	const char *values[] = {db->sink.life->stream, table, text};

	snprintf(text, sizeof text, "%llu", U(n));
	return tell(db, "update _cs_full set rejected = $3::bigint where stream = $1 and tbl = $2",
	    3, values);
}

int
pgfull_end(struct pgdb *db, const char *table)
{
	const char *values[] = {db->sink.life->stream, table};

	return tell(db, "delete from _cs_full where stream = $1 and tbl = $2", 2, values);
}

static int
drop_keys(struct pgdb *db, const struct pgseen *s)
{
	char sql[64];

	snprintf(sql, sizeof sql, "drop table if exists %s", s->keys);
	return pgdb_exec(db, sql);
}

static int
is_empty(struct pgdb *db, const struct table *t, bool *empty)
{
	int64_t n[2] = {0};
	int r = 0;

	if (t->exists) {
		buf_clear(&db->sql);
		buf_adds(&db->sql, "select count(*), 0 from (select 1 from ");
		pg_name(&db->sql, t->name);
		buf_adds(&db->sql, " limit 1) x");
		r = pgdb_ask(db, db->sql.p, 0, NULL, n);
	}
	*empty = !n[0];
	return r;
}

/* Go on with what is stored, or begin. */
static int
resume(struct pgdb *db, const struct table *t, struct pgseen *s)
{
	bool versioned = s->version >= 0, have = false, same = false, first = pgfull_first(db);
	char *run;
	int r;

	if (!parted(db)) {
		s->whole = true;
		return drop_keys(db, s); /* another stream's, in the same transaction */
	}
	run = versioned ? xasprintf("version %lld", (long long)s->version)
			: xstrdup(db->sink.life->run);
	r = pgfull_read(db, s->table, run, &have, &same, s);
	if (r == 0 && !(have && same && (versioned || !first))) {
		s->rejected = 0;
		s->whole = versioned ? have : first;
		if (versioned && !have)
			r = is_empty(db, t, &s->whole);
		if (versioned && names_have(&db->unversioned, t->name))
			s->whole = false;
		if (r == 0)
			r = drop_keys(db, s);
		if (r == 0)
			r = pgfull_write(db, s->table, run, s->whole);
	}
	free(run);
	return r;
}

int
pgseen_get(struct pgdb *db, struct table *t, int64_t version)
{
	struct pgseen *s;

	if (parted(db) && !db->sink.life->full && version < 0)
		return 0;
	if (!t->key.n) {
		warnx("table \"%s\": --delete-missing needs a key to tell rows by (--key)",
		    shown(t->name));
		return CS_USAGE;
	}
	for (s = db->full; s && strcmp(s->table, t->name) != 0; s = s->next)
		;
	t->full = s;
	if (s && (version < 0 || s->version == version))
		return 0;
	if (!s) {
		s = xcalloc(1, sizeof *s);
		s->table = xstrdup(t->name);
		pgfull_name(db, "_cs_seen_", t->name, s->keys);
		s->next = db->full;
		t->full = db->full = s;
	}
	s->version = version;
	t->full_made = false;
	return resume(db, t, s);
}

int
pgseen_row(struct pgdb *db, struct table *t, int64_t version)
{
	int r;

	if (version >= 0 && !(t->full && t->full->version == version)) {
		r = pg_flush(db); /* they are of the one before */
		return r ? r : pgseen_get(db, t, version);
	}
	/* Its rows cannot be told from those of another version later. */
	if (version < 0 && !t->full && !names_have(&db->unversioned, t->name))
		names_push(&db->unversioned, t->name);
	return 0;
}

static void
key_list(struct buf *b, const struct table *t, const char *prefix)
{
	for (size_t i = 0; i < t->key.n; i++) {
		buf_addf(b, "%s%s", i ? ", " : "", prefix);
		pg_name(b, t->key.v[i]);
	}
}

/* The table of keys, of the types that they have in theirs. */
static int
make_keys(struct pgdb *db, struct table *t)
{
	struct buf *b = &db->sql;

	if (t->full_made)
		return 0;
	t->full_made = true;
	buf_clear(b);
	buf_addf(b, "create %stable if not exists %s%s as select ", parted(db) ? "" : "temp ",
	    t->full->keys, parted(db) ? "" : " on commit drop");
	key_list(b, t, "");
	buf_adds(b, " from ");
	pg_name(b, t->name);
	buf_addf(b, " with no data; create unique index if not exists %s_key on %s (",
	    t->full->keys, t->full->keys);
	key_list(b, t, "");
	buf_addc(b, ')');
	return pgdb_exec(db, b->p);
}

int
pgseen_write(struct pgdb *db, const struct group *g, size_t stage)
{
	struct table *t = g->t;
	struct buf *b = &db->sql;
	int64_t n[2];
	int r;

	if (!t->full || g->op == OP_DELETE)
		return 0;
	r = make_keys(db, t);
	if (r)
		return r;
	buf_clear(b);
	buf_addf(b, "with r as (insert into %s (", t->full->keys);
	key_list(b, t, "");
	buf_adds(b, ") select ");
	key_list(b, t, "e.");
	buf_adds(b, " from ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " on conflict do nothing returning 1) select count(*), 0 from r");
	return pggroup_count(db, g, n);
}

void
pgseen_retype(const struct table *t, const struct column *c, const char *type, struct buf *sql)
{
	if (!t->full || !c->key)
		return;
	buf_addf(sql, "; alter table if exists %s alter column ", t->full->keys);
	pg_name(sql, c->name);
	buf_addf(sql, " type %s using ", type);
	pg_name(sql, c->name);
	buf_addf(sql, "::%s", type);
}

int
pgseen_keep(struct pgdb *db)
{
	uint64_t rejected = db->sink.life->rejected + db->sink.life->upstream;
	int r;

	for (struct pgseen *s = db->full; s && parted(db); s = s->next) {
		if (rejected == s->noted)
			continue;
		r = pgfull_rejected(db, s->table, s->rejected + rejected);
		if (r)
			return r; /* with the transaction, the list may be gone */
		s->noted = rejected;
	}
	return 0;
}

/* Append the rows that are in the table and were not brought. */
static void
missing_sql(struct buf *b, const struct table *t)
{
	buf_addf(b, " where not exists (select 1 from %s e where ", t->full->keys);
	pgkey_same(b, t);
	buf_addc(b, ')');
	pgmark_live_sql(t, " and ", b);
}

int
pgrows_delete(struct pgdb *db, const struct table *t, const char *where)
{
	struct buf *b = &db->sql;
	bool soft = pgmark_deletes(t);
	int64_t n[2] = {0};
	int r;

	buf_clear(b);
	buf_adds(b, "with ");
	if (db->changes) {
		buf_adds(b, "o as (select true as _cs_there, t.* from ");
		pg_name(b, t->name);
		buf_addf(b, " t%s), ", where);
	}
	buf_adds(b, soft ? "r as (update " : "r as (delete from ");
	pg_name(b, t->name);
	buf_adds(b, " as t");
	if (soft)
		pgmark_sql(&db->sink, t, b);
	buf_adds(b, where);
	if (db->changes && pghistory_of(t)) {
		pggroup_tell(b, t, true, true);
		r = pgchange_run(db, t, 0, NULL, n);
	} else if (db->changes) {
		buf_adds(b, " returning 1) select true, false, ");
		pgchange_columns(b, t, "o");
		buf_adds(b, " from o");
		r = pgchange_run(db, t, 0, NULL, n);
	} else {
		buf_adds(b, " returning 1) select count(*), 0 from r");
		r = pgdb_ask(db, b->p, 0, NULL, n);
	}
	if (r == 0)
		db->sink.counts.deleted += (uint64_t)(n[0] + n[1]);
	return r;
}

static int
delete_table(struct pgdb *db, struct table *t)
{
	struct buf *b = &db->sql, where = {0};
	int64_t n[2] = {0};
	int r = make_keys(db, t);

	if (r)
		return r;
	buf_clear(b);
	buf_adds(b, "select (select count(*) from ");
	pg_name(b, t->name);
	buf_adds(b, " t");
	missing_sql(b, t);
	buf_adds(b, "), (select count(*) from ");
	pg_name(b, t->name);
	buf_adds(b, " t");
	pgmark_live_sql(t, " where ", b);
	buf_addc(b, ')');
	r = pgdb_ask(db, b->p, 0, NULL, n);
	if (r == 0 && n[0])
		r = full_limit(&db->sink, t->name, (uint64_t)n[0], (uint64_t)n[1]);
	if (r || !n[0])
		return r;
	missing_sql(&where, t);
	r = pgrows_delete(db, t, where.p);
	buf_release(&where);
	return r;
}

/* A full run without a record is one of the default table, if there is such a table. */
static int
none_came(struct pgdb *db)
{
	const struct life *life = db->sink.life;
	struct table *t;
	bool there;
	int r;

	if (!db->sink.o->table || db->full || life->records || (life->begun && !life->full))
		return 0;
	r = pg_there(db, db->sink.o->table, &there);
	return r || !there ? r : pgtable_get(db, (struct slice){NULL, 0}, &t);
}

/* Delete what is missing of a table, and forget what is known of it. */
static int
settle(struct pgdb *db, struct pgseen *s)
{
	struct table *t;
	int r = pgtable_get(db, (struct slice){s->table, strlen(s->table)}, &t);

	if (r == 0 && t->exists && decl_activated(db->decls, s->table, s->version) &&
	    full_told(&db->sink, s->table, s->whole,
		s->rejected + db->sink.life->rejected + db->sink.life->upstream))
		r = delete_table(db, t);
	if (r == 0 && s->version < 0)
		r = drop_keys(db, s);
	if (r == 0 && s->version < 0 && parted(db))
		r = pgfull_end(db, s->table);
	return r;
}

int
pgmissing_delete(struct pgdb *db)
{
	struct pgseen *s;
	int r = none_came(db);

	if (r == 0)
		r = pgseen_keep(db);
	/* After a failure the list may be gone with the transaction. */
	for (s = db->full; r == 0 && s && (r = settle(db, s)) == 0; s = s->next)
		;
	if (r)
		return r == ROW_BAD ? CS_DATA : r;
	pgseen_back(db, NULL);
	names_release(&db->unversioned);
	return 0;
}
