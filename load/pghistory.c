/* --mode history (history.h) in PostgreSQL: groups of rows into versions. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "pgsink.h"
#include "show.h"

bool
pghistory_of(const struct table *t)
{
	return t->meta[META_ACTIVE] >= 0;
}

int
pghistory_check(struct pgdb *db, const struct table *t)
{
	const struct opts *o = db->sink.o;

	for (int m = META_FROM; m <= META_ACTIVE; m++) {
		if (table_find(t, (struct slice){o->meta[m], strlen(o->meta[m])}) >= 0)
			continue;
		warnx("%s: table \"%s\" keeps no history: it has no column \"%s\"; load into "
		      "another table",
		    db->pg.place, shown(t->name), shown(o->meta[m]));
		return CS_USAGE;
	}
	return 0;
}

static const char *
name_of(const struct table *t, enum meta m)
{
	return t->columns[t->meta[m]].name;
}

int
pghistory_index(struct pgdb *db, const struct table *t)
{
	static const char sql[] =
	    "select count(*), 0 from pg_catalog.pg_index where indrelid = to_regclass($1) and"
	    " indisunique and indpred is not null and $2 <> ''";
	struct buf where = {0};
	char *name;
	bool has;
	int r = pgnames_ask(db, sql, t, &t->key, &has);

	if (r || has)
		return r;
	name = xasprintf("%s_cs_active", t->name);
	buf_adds(&where, " where ");
	pg_name(&where, name_of(t, META_ACTIVE));
	r = pgindex_make(db, "create unique index", name, t, &t->key, where.p);
	free(name);
	buf_release(&where);
	return r;
}

/* Append ROWS where t is the active version of a row e, and began before this run or in it. */
static void
active(struct pgdb *db, struct buf *b, const struct group *g, size_t stage, const char *word,
    bool here)
{
	buf_addf(b, " %s ", word);
	pggroup_rows(b, g, stage);
	buf_adds(b, " where ");
	pgkey_same(b, g->t);
	pgmark_live_sql(g->t, " and ", b);
	buf_adds(b, " and t.");
	pg_name(b, name_of(g->t, META_FROM));
	buf_addf(b, " %s '%s'", here ? ">=" : "<", db->sink.now);
}

static void
begin_with(struct pgdb *db, struct buf *b, const struct group *g, size_t stage)
{
	buf_clear(b);
	buf_adds(b, "with ");
	if (db->changes)
		pggroup_old(b, g, stage);
}

/* Append the end of a statement whose rows are in r: how many, or with --changes which. */
static void
tell(struct pgdb *db, struct buf *b, const struct table *t, bool old, bool new)
{
	if (db->changes)
		pggroup_tell(b, t, old, new);
	else
		buf_adds(b, " returning 1) select count(*), 0 from r");
}

/* A version that began in this run takes what the record says. */
static void
replace_sql(struct pgdb *db, struct buf *b, const struct group *g, size_t stage)
{
	begin_with(db, b, g, stage);
	buf_adds(b, "r as (update ");
	pg_name(b, g->t->name);
	buf_adds(b, " as t");
	pggroup_assign(b, g, "e.");
	active(db, b, g, stage, "from", true);
	buf_adds(b, " and ");
	pggroup_differs(b, g, "e.");
	tell(db, b, g->t, true, true);
}

enum columns { NAMES, VALUES, GIVEN };

/* Append the columns of a new version: their names; what the record says, and for the rest what the old one has, as _cs_1 and so on;
 * those. */
static void
version_columns(struct buf *b, const struct group *g, enum columns what)
{
	const struct table *t = g->t;
	const char *sep = "";

	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];
		bool given = g->set[i / 64] >> (i % 64) & 1 && c->meta != META_FIRST;

		if (c->presence != COLUMN_STORED || c->generated)
			continue;
		buf_addf(b, "%s%s", sep, what != VALUES ? "" : given ? "e." : "t.");
		if (what != GIVEN)
			pg_name(b, c->name);
		if (what != NAMES)
			buf_addf(b, "%s_cs_%zu", what == VALUES ? " as " : "", i);
		sep = ", ";
	}
}

/* The active version ends, and another begins: in this order, row by row, for the sake of the index. */
static void
change_sql(struct pgdb *db, struct buf *b, const struct group *g, size_t stage)
{
	const struct table *t = g->t;

	begin_with(db, b, g, stage);
	buf_adds(b, "c as (update ");
	pg_name(b, t->name);
	buf_adds(b, " as t");
	pgmark_sql(&db->sink, t, b);
	active(db, b, g, stage, "from", false);
	buf_adds(b, " and ");
	pggroup_differs(b, g, "e.");
	buf_adds(b, db->changes ? " returning t.*, " : " returning ");
	version_columns(b, g, VALUES);
	buf_adds(b, "), r as (insert into ");
	pg_name(b, t->name);
	buf_adds(b, " as t (");
	version_columns(b, g, NAMES);
	buf_adds(b, ") select ");
	version_columns(b, g, GIVEN);
	buf_adds(b, " from c");
	if (!db->changes) {
		tell(db, b, t, false, true);
		return;
	}
	buf_adds(b, " returning t.*) select true, true, ");
	pgchange_columns(b, t, "o");
	buf_adds(b, ", ");
	pgchange_columns(b, t, "n");
	pggroup_join(b, t, "c");
	buf_adds(b, " union all select false, true, ");
	for (size_t i = 0; i < t->n; i++)
		buf_adds(b, t->columns[i].presence == COLUMN_STORED ? "null, " : "");
	pgchange_columns(b, t, "n");
	buf_adds(b, " from r n");
}

/* Of the rows those that have no active version. */
static void
begin_sql(struct pgdb *db, struct buf *b, const struct group *g, size_t stage, bool insert)
{
	const struct table *t = g->t;

	if (insert) {
		buf_adds(b, "with r as (insert into ");
		pg_name(b, t->name);
		buf_adds(b, " as t (");
		pggroup_list(b, g, "");
		buf_adds(b, ") select ");
		pggroup_list(b, g, "e.");
	} else {
		buf_adds(b, "with r as (select 1");
	}
	buf_adds(b, " from ");
	pggroup_rows(b, g, stage);
	buf_adds(b, " where not exists (select 1 from ");
	pg_name(b, t->name);
	buf_adds(b, " t where ");
	pgkey_same(b, t);
	pgmark_live_sql(t, " and ", b);
	buf_addc(b, ')');
	if (insert)
		tell(db, b, t, false, true);
	else
		buf_adds(b, ") select count(*), 0 from r");
}

static int
end_versions(struct pgdb *db, const struct group *g, size_t stage)
{
	struct counts *c = &db->sink.counts;
	struct buf *b = &db->sql;
	int64_t forgotten[2] = {0}, ended[2] = {0};
	uint64_t n;
	int r;

	begin_with(db, b, g, stage); /* one that began in this run never was */
	buf_adds(b, "r as (delete from ");
	pg_name(b, g->t->name);
	buf_adds(b, " as t");
	active(db, b, g, stage, "using", true);
	tell(db, b, g->t, true, false);
	r = pggroup_ask(db, g, forgotten);
	if (r)
		return r;
	begin_with(db, b, g, stage);
	buf_adds(b, "r as (update ");
	pg_name(b, g->t->name);
	buf_adds(b, " as t");
	pgmark_sql(&db->sink, g->t, b);
	active(db, b, g, stage, "from", false);
	tell(db, b, g->t, true, true);
	r = pggroup_ask(db, g, ended);
	n = (uint64_t)(forgotten[0] + ended[0] + ended[1]);
	if (r == 0) {
		c->deleted += n;
		c->ignored += g->rows - n;
	}
	return r;
}

int
pghistory_write(struct pgdb *db, const struct group *g, size_t stage)
{
	struct counts *c = &db->sink.counts;
	struct buf *b = &db->sql;
	int64_t changed[2] = {0}, replaced[2] = {0}, begun[2] = {0};
	bool insert = g->op == OP_UPSERT;
	int r;

	if (g->op == OP_DELETE)
		return end_versions(db, g, stage);
	buf_clear(b);
	begin_sql(db, b, g, stage, insert);
	r = insert ? pggroup_ask(db, g, begun) : pggroup_count(db, g, begun);
	if (r)
		return r;
	change_sql(db, b, g, stage);
	r = pggroup_ask(db, g, changed);
	if (r)
		return r;
	replace_sql(db, b, g, stage);
	r = pggroup_ask(db, g, replaced);
	if (r)
		return r;
	changed[0] += replaced[0] + replaced[1]; /* with --changes, updates are the second number */
	if (insert)
		c->inserted += (uint64_t)begun[0];
	else
		c->ignored += (uint64_t)begun[0];
	c->updated += (uint64_t)changed[0];
	c->unchanged += g->rows - (uint64_t)(begun[0] + changed[0]);
	return 0;
}
