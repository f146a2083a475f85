/* Groups of rows into their table, and what became of them. */
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "pgseen.h"

/* Append "a", "b": the group's columns, each behind a prefix. */
void
pggroup_list(struct buf *b, const struct group *g, const char *prefix)
{
	for (size_t i = 0; i < g->n; i++) {
		buf_addf(b, "%s%s", i ? ", " : "", prefix);
		pg_name(b, g->t->columns[g->columns[i]].name);
	}
}

static void
definitions(struct buf *b, const struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct column *c = &g->t->columns[g->columns[i]];

		buf_adds(b, i ? ", " : "");
		pg_name(b, c->name);
		buf_addf(b, " %s", c->sqltype);
	}
}

/* Append t."a"; as text where the type has no equality, or one of its own: that of boxes is their area's. */
static void
comparable(struct buf *b, const struct column *c, const char *prefix)
{
	buf_adds(b, prefix);
	pg_name(b, c->name);
	if (c->native == NATIVE_JSON || c->native == NATIVE_OTHER)
		buf_adds(b, "::text");
}

#define NUMBER "'^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{1,3})?$'"

/* Append (t."a" is distinct from e."a" or ...): does the row change? */
void
pggroup_differs(struct buf *b, const struct group *g, const char *row)
{
	const char *sep = "(";

	for (size_t i = 0; i < g->n; i++) {
		const struct column *c = &g->t->columns[g->columns[i]];
		unsigned k = g->columns[i];

		if (!column_compared(c))
			continue;
		buf_adds(b, sep);
		comparable(b, c, "t.");
		buf_adds(b, " is distinct from ");
		comparable(b, c, row);
		if (g->numbers[k / 64] >> (k % 64) & 1) {
			buf_adds(b, " and coalesce(case when ");
			comparable(b, c, "t.");
			buf_adds(b, " ~ " NUMBER " and ");
			comparable(b, c, row);
			buf_adds(b, " ~ " NUMBER " then ");
			comparable(b, c, "t.");
			buf_adds(b, "::numeric <> ");
			comparable(b, c, row);
			buf_adds(b, "::numeric end, true)");
		}
		sep = " or ";
	}
	buf_adds(b, *sep == '(' ? "false" : ")");
}

/* Append SET "a" = e."a", ...: all but the key. Is there anything that is compared? */
bool
pggroup_assign(struct buf *b, const struct group *g, const char *row)
{
	const char *sep = " set ";
	bool any = false;

	for (size_t i = 0; i < g->n; i++) {
		const struct column *c = &g->t->columns[g->columns[i]];

		if (c->key || c->meta == META_FIRST)
			continue;
		any |= column_compared(c);
		buf_adds(b, sep);
		pg_name(b, c->name);
		buf_addf(b, " = %s", row);
		pg_name(b, c->name);
		sep = ", ";
	}
	return any;
}

/* Append t."k" = e."k" and ... */
void
pgkey_same(struct buf *b, const struct table *t)
{
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? " and t." : "t.");
		pg_name(b, t->key.v[i]);
		buf_adds(b, " = e.");
		pg_name(b, t->key.v[i]);
	}
}

/* Append the rows of the group, as e. */
void
pggroup_rows(struct buf *b, const struct group *g, size_t stage)
{
	if (g->copy) {
		buf_addf(b, "_cs_stage%zu e", stage);
		return;
	}
	buf_adds(b, "jsonb_to_recordset($1::jsonb) e(");
	definitions(b, g);
	buf_addc(b, ')');
}

static void
conflict(struct buf *b, const struct group *g)
{
	const struct table *t = g->t;
	size_t start;

	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? ", " : " on conflict (");
		pg_name(b, t->key.v[i]);
	}
	buf_adds(b, ") do ");
	start = b->len;
	buf_adds(b, "update");
	if (pggroup_assign(b, g, "excluded.")) {
		buf_adds(b, " where ");
		pggroup_differs(b, g, "excluded.");
	} else {
		b->len = start;
		buf_adds(b, "nothing");
	}
}

void
pggroup_old(struct buf *b, const struct group *g, size_t stage)
{
	buf_adds(b, "o as (select true as _cs_there, t.* from ");
	pg_name(b, g->t->name);
	buf_adds(b, " t join ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " on ");
	pgkey_same(b, g->t);
	if (pghistory_of(g->t))
		pgmark_live_sql(g->t, " and ", b);
	buf_adds(b, "), ");
}

void
pggroup_join(struct buf *b, const struct table *t, const char *from)
{
	buf_addf(b, " from %s n", from);
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? " and n." : " left join o on n.");
		pg_name(b, t->key.v[i]);
		buf_adds(b, " = o.");
		pg_name(b, t->key.v[i]);
	}
}

void
pggroup_tell(struct buf *b, const struct table *t, bool old, bool new)
{
	buf_adds(b, " returning t.*) select ");
	buf_adds(b, old ? "o._cs_there is not null, " : "false, ");
	buf_adds(b, new ? "true, " : "false, ");
	if (old)
		pgchange_columns(b, t, "o");
	buf_adds(b, old && new ? ", " : "");
	if (new)
		pgchange_columns(b, t, "n");
	if (old)
		pggroup_join(b, t, "r");
	else
		buf_adds(b, " from r n");
}

/* Two numbers: rows inserted, rows updated; or where the server does not tell them apart, written, and there before. */
static void
upsert_sql(struct buf *b, const struct group *g, size_t stage, bool told, bool changes)
{
	const struct table *t = g->t;

	buf_adds(b, "with ");
	if (changes) {
		pggroup_old(b, g, stage);
	} else if (!told) {
		buf_adds(b, "o as (select 1 from ");
		pg_name(b, t->name);
		buf_adds(b, " t join ");
		pggroup_rows(b, g, stage);
		buf_adds(b, " on ");
		pgkey_same(b, t);
		buf_adds(b, "), ");
	}
	buf_adds(b, "r as (insert into ");
	pg_name(b, t->name);
	buf_adds(b, " as t (");
	pggroup_list(b, g, "");
	buf_adds(b, ") select ");
	pggroup_list(b, g, "e.");
	buf_adds(b, " from ");
	pggroup_rows(b, g, stage);
	conflict(b, g);
	if (changes) {
		pggroup_tell(b, t, true, true);
		return;
	}
	buf_adds(
	    b, told ? " returning (t.xmax = 0) as i) select count(*) filter (where i),"
		      " count(*) filter (where not i) from r"
		    : " returning 1) select (select count(*) from r), (select count(*) from o)");
}

/* Rows updated, rows there; changes: false when nothing can be. */
static bool
update_sql(struct buf *b, const struct group *g, size_t stage, bool changes)
{
	const struct table *t = g->t;
	size_t start;

	buf_adds(b, "with ");
	if (changes)
		pggroup_old(b, g, stage);
	start = b->len;
	buf_adds(b, "r as (update ");
	pg_name(b, t->name);
	buf_adds(b, " as t");
	if (pggroup_assign(b, g, "e.")) {
		buf_adds(b, " from ");
		pggroup_rows(b, g, stage);
		buf_adds(b, " where ");
		pgkey_same(b, t);
		buf_adds(b, " and ");
		pggroup_differs(b, g, "e.");
		if (changes) {
			pggroup_tell(b, t, true, true);
			return true;
		}
		buf_adds(b, " returning 1)");
	} else {
		if (changes)
			return false;
		b->len = start;
		buf_adds(b, "r as (select 1 where false)");
	}
	buf_adds(b, ", o as (select 1 from ");
	pg_name(b, t->name);
	buf_adds(b, " t join ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " on ");
	pgkey_same(b, t);
	buf_adds(b, ") select (select count(*) from r), (select count(*) from o)");
	return true;
}

/* How many of the rows are there? */
static void
there_sql(struct buf *b, const struct group *g, size_t stage)
{
	buf_adds(b, "select 0, count(*) from ");
	pg_name(b, g->t->name);
	buf_adds(b, " t join ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " on ");
	pgkey_same(b, g->t);
}

/* Those of the rows that are not there. */
static void
insert_sql(struct buf *b, const struct group *g, size_t stage, bool changes)
{
	const struct table *t = g->t;

	buf_adds(b, "with r as (insert into ");
	pg_name(b, t->name);
	buf_adds(b, " as t (");
	pggroup_list(b, g, "");
	buf_adds(b, ") select ");
	pggroup_list(b, g, "e.");
	buf_adds(b, " from ");
	pggroup_rows(b, g, stage);
	if (t->key.n) {
		buf_adds(b, " where not exists (select 1 from ");
		pg_name(b, t->name);
		buf_adds(b, " t where ");
		pgkey_same(b, t);
		buf_addc(b, ')');
	}
	if (changes)
		pggroup_tell(b, t, false, true);
	else
		buf_adds(b, " returning 1) select count(*), 0 from r");
}

/* Rows deleted, or marked as such. */
static void
delete_sql(struct pgdb *db, struct buf *b, const struct group *g, size_t stage)
{
	const struct table *t = g->t;
	bool soft = pgmark_deletes(t);

	buf_adds(b, "with ");
	if (db->changes)
		pggroup_old(b, g, stage);
	buf_adds(b, soft ? "r as (update " : "r as (delete from ");
	pg_name(b, t->name);
	buf_adds(b, " as t");
	if (soft)
		pgmark_sql(&db->sink, t, b);
	buf_adds(b, soft ? " from " : " using ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " where ");
	pgkey_same(b, t);
	pgmark_live_sql(t, " and ", b);
	if (db->changes)
		pggroup_tell(b, t, true, false);
	else
		buf_adds(b, " returning 1) select count(*), 0 from r");
}

/* COPY the group's rows: into the table itself or into a temporary one. */
int
pgcopy(struct pgdb *db, const struct buf *data, const char *sql)
{
	PGresult *res = pg_result(&db->pg, PQexec(db->pg.conn, sql));
	size_t at = 0;
	int ok = 1;

	if (!res)
		return pgdb_fail(db);
	PQclear(res);
	while (ok > 0 && at < data->len) {
		size_t n = data->len - at < (1u << 20) ? data->len - at : 1u << 20;

		ok = PQputCopyData(db->pg.conn, data->p + at, (int)n);
		at += n;
	}
	if (ok > 0)
		PQputCopyEnd(db->pg.conn, NULL);
	res = pg_result(&db->pg, PQgetResult(db->pg.conn));
	for (PGresult *more; (more = PQgetResult(db->pg.conn));)
		PQclear(more);
	if (!res)
		return pgdb_fail(db);
	PQclear(res);
	return 0;
}

/* The group's rows into a temporary table for rows of this form, which is made unless it is there. */
static int
stage(struct pgdb *db, const struct group *g, size_t *number)
{
	struct buf *b = &db->sql;
	struct buf form = {0};
	size_t i = 0;
	int r;

	definitions(&form, g);
	while (i < db->stages.n && strcmp(db->stages.v[i], form.p) != 0)
		i++;
	*number = i + 1;
	buf_clear(b);
	if (i == db->stages.n) {
		names_push(&db->stages, form.p);
		buf_addf(b, "create temp table _cs_stage%zu (%s) on commit drop", i + 1, form.p);
	} else {
		buf_addf(b, "truncate _cs_stage%zu", i + 1);
	}
	r = pgdb_exec(db, b->p);
	buf_release(&form);
	if (r)
		return r;
	buf_clear(b);
	buf_addf(b, "copy _cs_stage%zu (", *number);
	pggroup_list(b, g, "");
	buf_adds(b, ") from stdin");
	return pgcopy(db, &g->data, b->p);
}

int
pggroup_count(struct pgdb *db, const struct group *g, int64_t n[2])
{
	const char *values[] = {g->data.p};

	return pgdb_ask(db, db->sql.p, g->copy ? 0 : 1, values, n);
}

int
pggroup_ask(struct pgdb *db, const struct group *g, int64_t n[2])
{
	const char *values[] = {g->data.p};

	return db->changes ? pgchange_run(db, g->t, g->copy ? 0 : 1, values, n)
			   : pggroup_count(db, g, n);
}

static int
append(struct pgdb *db, const struct group *g)
{
	struct buf *b = &db->sql;
	int64_t n[2] = {(int64_t)g->rows};
	size_t number = 0;
	int r;

	if (g->copy && db->changes) {
		r = stage(db, g, &number);
		if (r)
			return r;
	}
	buf_clear(b);
	if (g->copy && !db->changes) {
		buf_adds(b, "copy ");
		pg_name(b, g->t->name);
		buf_adds(b, " (");
		pggroup_list(b, g, "");
		buf_adds(b, ") from stdin");
		r = pgcopy(db, &g->data, b->p);
	} else {
		insert_sql(b, g, number, db->changes);
		r = pggroup_ask(db, g, n);
	}
	if (r == 0)
		db->sink.counts.inserted += (uint64_t)n[0];
	return r;
}

static int
update(struct pgdb *db, const struct group *g, size_t number, int64_t *there)
{
	int64_t n[2] = {0}, all[2];
	int r = 0;

	if (db->changes) {
		buf_clear(&db->sql);
		there_sql(&db->sql, g, number);
		r = pggroup_count(db, g, all);
		n[1] = all[1];
	}
	buf_clear(&db->sql);
	if (r == 0 && update_sql(&db->sql, g, number, db->changes))
		r = pggroup_ask(db, g, n);
	if (r)
		return r;
	if (db->changes) {
		n[0] = n[1]; /* as pgchange_run() has it */
		n[1] = all[1];
	}
	db->sink.counts.updated += (uint64_t)n[0];
	db->sink.counts.unchanged += (uint64_t)(n[1] - n[0]);
	*there = n[1];
	return 0;
}

static int
upsert(struct pgdb *db, const struct group *g, size_t number)
{
	struct counts *c = &db->sink.counts;
	int64_t n[2] = {0}, rows_in = (int64_t)g->rows, there;
	bool told = db->native && !g->t->partitioned; /* whose rows have no xmax */
	int r;

	if (g->split) {
		r = update(db, g, number, &there);
		if (r || there == rows_in)
			return r;
		buf_clear(&db->sql);
		insert_sql(&db->sql, g, number, db->changes);
		r = pggroup_ask(db, g, n);
		c->inserted += r ? 0 : (uint64_t)n[0];
		return r;
	}
	buf_clear(&db->sql);
	upsert_sql(&db->sql, g, number, told, db->changes);
	r = pggroup_ask(db, g, n);
	if (r)
		return r;
	if (!told && !db->changes) {
		int64_t written = n[0], old = n[1];

		n[0] = rows_in - old;
		n[1] = written - n[0];
	}
	c->inserted += (uint64_t)n[0];
	c->updated += (uint64_t)n[1];
	c->unchanged += (uint64_t)(rows_in - n[0] - n[1]);
	return 0;
}

/* Of a table with a key. */
static int
merge(struct pgdb *db, const struct group *g, size_t number)
{
	struct counts *c = &db->sink.counts;
	int64_t n[2] = {0};
	int r;

	if (pghistory_of(g->t))
		return pghistory_write(db, g, number);
	if (g->op == OP_UPSERT)
		return upsert(db, g, number);
	if (g->op == OP_UPDATE) {
		r = update(db, g, number, n);
	} else {
		buf_clear(&db->sql);
		delete_sql(db, &db->sql, g, number);
		r = pggroup_ask(db, g, n);
		c->deleted += r ? 0 : (uint64_t)n[0];
	}
	if (r == 0)
		c->ignored += g->rows - (uint64_t)n[0];
	return r;
}

static int
write_group(struct pgdb *db, struct group *g)
{
	struct counts *c = &db->sink.counts;
	size_t number = 0;
	int r = 0;

	if (!g->n) { /* records without members, of a table without a key */
		buf_clear(&db->sql);
		buf_adds(&db->sql, "insert into ");
		pg_name(&db->sql, g->t->name);
		buf_adds(&db->sql, " default values");
		for (uint64_t i = 0; i < g->rows && r == 0; i++)
			r = pgdb_exec(db, db->sql.p);
		c->inserted += r ? 0 : g->rows;
		return r;
	}
	if (!g->copy)
		buf_addc(&g->data, ']');
	if (!g->t->key.n)
		return append(db, g);
	if (g->copy)
		r = stage(db, g, &number);
	if (r == 0)
		r = merge(db, g, number);
	return r ? r : pgseen_write(db, g, number);
}

int
pg_flush(struct pgdb *db)
{
	size_t left = db->ngroups;
	int r = 0;

	if (db->careful && !db->careful_now)
		return careful_flush(db);
	for (unsigned round = 0; left && r == 0; round++)
		for (size_t i = 0; i < db->ngroups && r == 0; i++)
			if (db->groups[i]->round == round) {
				r = write_group(db, db->groups[i]);
				left--;
			}
	if (r != SINK_AGAIN) /* then it is done */
		pgrows_forget(db);
	return r;
}

/* Can a key column hold its cell, which is of another type? Text that is a number for one. */
static bool
key_holds(struct buf *mem, const struct column *c)
{
	const struct cell *x = &c->cell;
	const char *err;
	struct value v;
	int64_t i;

	if (c->want == c->store)
		return true;
	if (x->kind != KIND_STRING || (c->store != STORE_INTEGER && c->store != STORE_NUMERIC))
		return false;
	buf_clear(mem); /* the scanner reads beyond it */
	buf_add(mem, x->p, x->n);
	return scan_text(mem->p, x->n, &v, &err) == 0 && v.type == JSON_NUMBER &&
	       (num_int64(v.p, v.n, &i) == 0 ||
		   (c->store == STORE_NUMERIC && !memchr(v.p, 'e', v.n) && !memchr(v.p, 'E', v.n)));
}

int
pg_find(struct pgdb *db, struct table *t, bool *there)
{
	struct buf *b = &db->sql, key = {0};
	const char *values[1];
	int64_t n[2] = {0};
	int r = pg_flush(db);

	*there = r == 0;
	for (size_t i = 0; i < t->key.n; i++)
		*there &= key_holds(&key, &t->columns[table_named(t, t->key.v[i])]);
	if (!*there) {
		buf_release(&key);
		return r;
	}
	buf_clear(&key);
	buf_adds(&key, "[{");
	for (size_t i = 0; i < t->key.n; i++) {
		const struct column *c = &t->columns[table_named(t, t->key.v[i])];

		buf_adds(&key, i ? "," : "");
		json_quote(&key, c->name, c->len);
		buf_addc(&key, ':');
		pgcell_json(&key, c);
	}
	buf_adds(&key, "}]");
	buf_clear(b);
	buf_adds(b, "select count(*), 0 from ");
	pg_name(b, t->name);
	buf_adds(b, " t join jsonb_to_recordset($1::jsonb) e(");
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? ", " : "");
		pg_name(b, t->key.v[i]);
		buf_addf(b, " %s", t->columns[table_named(t, t->key.v[i])].sqltype);
	}
	buf_adds(b, ") on ");
	pgkey_same(b, t);
	if (pghistory_of(t))
		pgmark_live_sql(t, " and ", b);
	values[0] = key.p;
	r = pgdb_ask(db, b->p, 1, values, n);
	*there = n[0] > 0;
	buf_release(&key);
	return r;
}
