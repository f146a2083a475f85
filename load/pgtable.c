/* Tables and columns that are made, and types that become wider: PostgreSQL. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "pgseen.h"
#include "show.h"

/* Append a column and its type, which its cells have from now on; note what there is to say of it in comments. */
static void
column_sql(struct buf *b, struct buf *comments, const struct table *t, struct column *c)
{
	bool empty = !c->rule.type && c->want == STORE_NONE;

	free(c->sqltype);
	c->sqltype = pgtype_sql(c);
	pgtype_set(c, c->sqltype);
	if (empty)
		c->store = c->want = STORE_NONE;
	c->presence = COLUMN_STORED;
	c->inferred = true;
	c->recast = false;
	pg_name(b, c->name);
	buf_addf(b, " %s", c->sqltype);
	buf_adds(comments, "; comment on column ");
	pg_name(comments, t->name);
	buf_addc(comments, '.');
	pg_name(comments, c->name);
	buf_addf(comments, " is 'cs-load: %s'", empty ? "null" : c->sqltype);
}

/* Run sql and the comments behind it. */
static int
run(struct pgdb *db, struct buf *sql, struct buf *comments)
{
	buf_add(sql, comments->p, comments->len);
	return pgdb_make(db, sql->p);
}

int
pgdb_made(struct pgdb *db)
{
	if (!strcmp(db->pg.code, "42P07") || !strcmp(db->pg.code, "42701") ||
	    (!strcmp(db->pg.code, "23505") && strstr(db->pg.why.p, "pg_")))
		memcpy(db->pg.code, "40001", 5);
	return pgdb_fail(db);
}

int
pgdb_make(struct pgdb *db, const char *sql)
{
	return pg_exec(&db->pg, sql) ? pgdb_made(db) : 0;
}

static int
create(struct pgdb *db, struct table *t)
{
	struct buf sql = {0}, comments = {0};
	const char *sep = " (";
	int r;

	buf_adds(&sql, "create table ");
	pg_name(&sql, t->name);
	for (size_t i = 0; i < 2 * t->n; i++) { /* those of the records first */
		struct column *c = &t->columns[i % t->n];

		if (c->presence != COLUMN_NEW || (c->meta == META_NONE) != (i < t->n))
			continue;
		buf_adds(&sql, sep);
		column_sql(&sql, &comments, t, c);
		c->pk = c->key || c->meta == META_FROM;
		sep = ", ";
	}
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(&sql, i ? ", " : ", primary key (");
		pg_name(&sql, t->key.v[i]);
	}
	if (pghistory_of(t)) {
		buf_adds(&sql, ", ");
		pg_name(&sql, t->columns[t->meta[META_FROM]].name);
	}
	buf_adds(&sql, t->key.n ? "))" : ")");
	t->exists = t->ours = true;
	r = run(db, &sql, &comments);
	buf_release(&sql);
	buf_release(&comments);
	return r || !pghistory_of(t) ? r : pghistory_index(db, t);
}

/* Append a column's value as it is in another type. JSON becomes text without spaces, as it is where it comes as text. */
static void
cast_sql(struct buf *b, const struct column *c, const char *type)
{
	bool compact = c->native == NATIVE_JSONB && !strcmp(type, "text");

	buf_adds(b, compact ? "regexp_replace(" : "");
	pg_name(b, c->name);
	buf_addf(b, "::%s", type);
	if (compact)
		buf_adds(b, ", '(\"([^\"\\\\]|\\\\.)*\")|([:,]) ', '\\1\\3', 'g')");
}

/* Add columns and change the types of others. */
static int
alter(struct pgdb *db, struct table *t)
{
	struct buf sql = {0}, comments = {0};
	const char *sep = " ";
	int r;

	buf_adds(&sql, "alter table ");
	pg_name(&sql, t->name);
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];
		bool stored = c->presence == COLUMN_STORED;

		if (stored ? c->want == c->store && !c->recast : c->presence != COLUMN_NEW)
			continue;
		buf_addf(&sql, "%s%s", sep, stored ? "alter column " : "add column ");
		if (stored) {
			char *type = pgtype_sql(c);

			pg_name(&sql, c->name);
			buf_addf(&sql, " type %s using ", type);
			cast_sql(&sql, c, type);
			pgseen_retype(t, c, type, &comments);
			free(type);
			buf_clear(&db->sql);
			column_sql(&db->sql, &comments, t, c);
		} else {
			column_sql(&sql, &comments, t, c);
			names_push(&db->sink.added, c->name);
		}
		sep = ", ";
	}
	r = *sep == ' ' ? 0 : run(db, &sql, &comments);
	buf_release(&sql);
	buf_release(&comments);
	return r;
}

int
pgtable_sync(struct pgdb *db, struct table *t)
{
	int r;

	if (!t->dirty)
		return 0;
	t->dirty = false;
	if (!t->exists)
		return create(db, t);
	r = pg_flush(db); /* rows that wait are of the types there were */
	return r ? r : alter(db, t);
}

int
pgtable_finish(struct pgdb *db, struct table *t)
{
	return t->exists && table_want_nulls(&db->sink, t) ? pgtable_sync(db, t) : 0;
}

/* Is there an index, whatever its name, over exactly these columns? */
static int
indexed(struct pgdb *db, const struct table *t, const struct names *columns, bool *has)
{
	static const char sql[] =
	    "select count(*), 0 from pg_catalog.pg_index i where i.indrelid = to_regclass($1) and"
	    " i.indpred is null and i.indexprs is null and"
	    " (select jsonb_agg(a.attname::text order by k.n) from pg_catalog.pg_attribute a"
	    " join unnest(i.indkey::int2[]) with ordinality k(num, n) on k.num = a.attnum"
	    " where a.attrelid = i.indrelid) = $2::jsonb";

	return pgnames_ask(db, sql, t, columns, has);
}

int
pg_there(struct pgdb *db, const char *name, bool *there)
{
	struct buf quoted = {0};
	const char *values[1];
	int64_t n[2] = {0};
	int r;

	pg_name(&quoted, name);
	values[0] = quoted.p;
	r = pgdb_ask(
	    db, "select case when to_regclass($1) is null then 0 else 1 end, 0", 1, values, n);
	buf_release(&quoted);
	*there = n[0] != 0;
	return r;
}

int
pgindex_make(struct pgdb *db, const char *what, const char *name, const struct table *t,
    const struct names *columns, const char *rest)
{
	struct buf *b = &db->sql;
	bool taken = strlen(name) > db->sink.name_max;
	int r = taken ? 0 : pg_there(db, name, &taken);

	if (r)
		return r;
	buf_clear(b);
	buf_addf(b, "%s ", what);
	if (!taken) /* else the server finds one */
		pg_name(b, name);
	buf_adds(b, " on ");
	pg_name(b, t->name);
	for (size_t i = 0; i < columns->n; i++) {
		buf_adds(b, i ? ", " : " (");
		pg_name(b, columns->v[i]);
	}
	buf_addf(b, ")%s", rest);
	return pg_exec(&db->pg, b->p) ? pgdb_made(db) : 0;
}

static int
make_index(struct pgdb *db, const struct table *t, const struct names *columns)
{
	struct buf name = {0};
	bool has;
	int r = indexed(db, t, columns, &has);

	if (r || has)
		return r;
	buf_addf(&name, "idx_%s", t->name);
	for (size_t i = 0; i < columns->n; i++)
		buf_addf(&name, "_%s", columns->v[i]);
	r = pgindex_make(db, "create index", name.p, t, columns, "");
	buf_release(&name);
	return r;
}

int
pgindexes_make(struct pgdb *db)
{
	const struct opts *o = db->sink.o;
	struct table *t;
	int r;

	if (!o->indexes.n || !o->table)
		return 0;
	r = pgtable_get(db, (struct slice){NULL, 0}, &t);
	for (size_t i = 0; i < o->indexes.n && r == 0 && t->exists; i++) {
		struct names columns = {0};

		names_add(&columns, o->indexes.v[i]); /* options() has seen that it is a list */
		for (size_t k = 0; k < columns.n && r == 0; k++) {
			int c = table_named(t, columns.v[k]);

			if (c >= 0 && t->columns[c].presence == COLUMN_STORED)
				continue;
			warnx("--index: table \"%s\" has no column \"%s\"", shown(t->name),
			    shown(columns.v[k]));
			r = CS_USAGE;
		}
		if (r == 0)
			r = make_index(db, t, &columns);
		names_release(&columns);
	}
	return r == ROW_BAD ? CS_DATA : r;
}
