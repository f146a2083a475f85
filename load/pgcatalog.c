/* What the database and the declarations say of a table, before its first record: PostgreSQL. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgseen.h"
#include "pgstage.h"
#include "show.h"

/* The name as to_regclass() takes it. */
static const char *
quoted(struct pgdb *db, const char *name)
{
	buf_clear(&db->sql);
	pg_name(&db->sql, name);
	return db->sql.p;
}

/* Is there a table whose name differs from that of a new one in case alone? ROW_BAD then. */
static int
check_case(struct pgdb *db, const struct table *t)
{
	static const char sql[] =
	    "select relname::text from pg_catalog.pg_class where lower(relname::text) = lower($1)"
	    " and relname::text <> $1" /* another may have made it by now */
	    " and relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_table_is_visible(oid) "
	    "limit 1";
	const char *values[] = {t->name};
	PGresult *res = pg_query(&db->pg, sql, 1, values);
	int r = 0;

	if (!res)
		return pgdb_fail(db);
	if (PQntuples(res))
		r = row_bad(&db->sink,
		    "table \"%s\" differs from table \"%s\" only in case; rename one",
		    shown(t->name), shown(PQgetvalue(res, 0, 0)));
	PQclear(res);
	return r;
}

/* Is there such a table, and is it one to write to? */
static int
read_kind(struct pgdb *db, struct table *t)
{
	static const char sql[] =
	    "select relkind from pg_catalog.pg_class where oid = to_regclass($1)";
	const char *values[] = {quoted(db, t->name)}, *kind;
	PGresult *res = pg_query(&db->pg, sql, 1, values);
	int r = 0;

	if (!res)
		return pgdb_fail(db);
	t->exists = PQntuples(res) > 0;
	kind = t->exists ? PQgetvalue(res, 0, 0) : "";
	t->partitioned = *kind == 'p';
	if (!t->exists) {
		r = check_case(db, t);
	} else if (*kind != 'r' && *kind != 'p') {
		warnx("%s: \"%s\" is a%s, not a table", db->pg.place, shown(t->name),
		    *kind == 'f'                   ? " foreign table"
		    : *kind == 'v' || *kind == 'm' ? " view"
		    : *kind == 'S'                 ? " sequence"
		    : *kind == 'c'                 ? " type"
						   : "n index");
		r = CS_USAGE;
	}
	PQclear(res);
	return r;
}

/* The comment on a column of our making: its type, so that it is known whether somebody changed it. */
#define MARK      "cs-load: "
#define MARK_NULL MARK "null"

static void
read_column(struct table *t, PGresult *res, int i)
{
	const char *name = PQgetvalue(res, i, 0), *comment = PQgetvalue(res, i, 5);
	struct column *c = table_column(t, (struct slice){name, strlen(name)});

	free(c->sqltype);
	c->sqltype = xstrdup(PQgetvalue(res, i, 1));
	pgtype_set(c, PQgetvalue(res, i, 2));
	c->generated = *PQgetvalue(res, i, 3) == 't';
	c->required = *PQgetvalue(res, i, 4) == 't';
	c->pk = *PQgetvalue(res, i, 6) == 't';
	if (!strncmp(comment, MARK, strlen(MARK)))
		c->inferred =
		    !strcmp(comment, MARK_NULL) || !strcmp(comment + strlen(MARK), c->sqltype);
	if (c->inferred && !strcmp(comment, MARK_NULL))
		c->store = c->want = STORE_NONE;
}

static int
read_columns(struct pgdb *db, struct table *t)
{
	static const char sql[] =
	    "select a.attname, format_type(a.atttypid, a.atttypmod),"
	    " case when y.typtype = 'd' then format_type(y.typbasetype, y.typtypmod)"
	    " else format_type(a.atttypid, a.atttypmod) end,"
	    " a.attgenerated <> '' or a.attidentity = 'a',"
	    " a.attnotnull and not a.atthasdef and a.attidentity = '',"
	    " coalesce(col_description(a.attrelid, a.attnum), ''),"
	    " exists (select 1 from pg_catalog.pg_index i where i.indrelid = a.attrelid and"
	    " i.indisprimary and a.attnum = any(i.indkey))"
	    " from pg_catalog.pg_attribute a join pg_catalog.pg_type y on y.oid = a.atttypid"
	    " where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped"
	    " order by a.attnum";
	const char *values[] = {quoted(db, t->name)};
	PGresult *res = pg_query(&db->pg, sql, 1, values);

	if (!res)
		return pgdb_fail(db);
	for (int i = 0; i < PQntuples(res); i++)
		read_column(t, res, i);
	PQclear(res);
	t->ours = true;
	for (size_t i = 0; i < t->n; i++)
		t->ours &= t->columns[i].inferred;
	return 0;
}

/* Is there a unique index over exactly the key's columns? */
static int
has_unique(struct pgdb *db, const struct table *t, bool *has)
{
	static const char sql[] =
	    "select count(*), 0 from pg_catalog.pg_index i where i.indrelid = to_regclass($1) and"
	    " i.indisunique and i.indimmediate and i.indisvalid and i.indpred is null and "
	    "i.indexprs is null and"
	    " (select jsonb_agg(a.attname::text order by a.attname::text collate \"C\") from "
	    "pg_catalog.pg_attribute a"
	    " where a.attrelid = i.indrelid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts "
	    "- 1])) ="
	    " (select jsonb_agg(v order by v collate \"C\") from "
	    "jsonb_array_elements_text($2::jsonb) v)";

	return pgnames_ask(db, sql, t, &t->key, has);
}

int
pgnames_ask(
    struct pgdb *db, const char *sql, const struct table *t, const struct names *columns, bool *any)
{
	struct buf list = {0}, name = {0};
	const char *values[2];
	int64_t n[2] = {0};
	int r;

	for (size_t i = 0; i < columns->n; i++) {
		buf_addc(&list, i ? ',' : '[');
		json_quote(&list, columns->v[i], strlen(columns->v[i]));
	}
	buf_addc(&list, ']');
	pg_name(&name, t->name);
	values[0] = name.p;
	values[1] = list.p;
	r = pgdb_ask(db, sql, 2, values, n);
	*any = n[0] > 0;
	buf_release(&list);
	buf_release(&name);
	return r;
}

/* An existing table is upserted into by a unique index on the key: find it or make it. */
int
pgtable_unique(struct pgdb *db, struct table *t)
{
	char *name;
	bool has;
	int r;

	for (size_t i = 0; i < t->key.n; i++)
		if (table_named(t, t->key.v[i]) < 0) {
			warnx("%s: table \"%s\" has no column \"%s\" to be its key", db->pg.place,
			    shown(t->name), shown(t->key.v[i]));
			return CS_USAGE;
		}
	r = has_unique(db, t, &has);
	if (r || has)
		return r;
	name = xasprintf("%s_cs_key", t->name);
	r = pgindex_make(db, "create unique index", name, t, &t->key, "");
	free(name);
	if (r != ROW_BAD || strcmp(db->pg.code, "23505") != 0)
		return r;
	warnx("%s: table \"%s\" has no unique index on its key, and none can be made: it holds "
	      "rows with equal keys",
	    db->pg.place, shown(t->name));
	return CS_DATA;
}

/* Times of ours are times, and a column without a value so far gets the type that is declared now. */
static void
retype(struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		if (c->presence == COLUMN_STORED && c->store == STORE_NONE && c->rule.type)
			c->recast = t->dirty = true;
	}
	for (int m = META_NONE + 1; m < METAS; m++) {
		struct column *c = t->meta[m] < 0 ? NULL : &t->columns[t->meta[m]];

		if (c && c->wanted && m != META_HASH && !meta_boolean((enum meta)m))
			c->rule.type = TYPE_UTC_DATETIME;
	}
}

int
pgtable_load(struct pgdb *db, struct table *t)
{
	const struct opts *o = db->sink.o;
	const struct decl *d = decl_of(db->decls, t->name);
	int r = table_allowed(&db->sink, t);

	if (r == 0)
		r = read_kind(db, t);
	if (r == 0)
		r = table_key(&db->sink, t, d);
	if (r == 0 && t->exists)
		r = read_columns(db, t);
	if (r == 0 && t->exists && t->key.n)
		r = o->mode == MODE_HISTORY ? pghistory_check(db, t) : pgtable_unique(db, t);
	if (r == 0)
		r = table_creatable(&db->sink, t, d);
	if (r == 0)
		r = table_wants(&db->sink, t, d);
	if (r == 0 && t->exists && pghistory_of(t))
		r = pghistory_index(db, t);
	if (r == 0 && (o->missing || (db->stage && t->key.n && !pgstage_takes(db))))
		r = pgseen_get(db, t, d && !db->stage ? d->version : -1);
	retype(t);
	return r == 0 && t->exists ? pgtable_sync(db, t) : r;
}

int
pgtable_get(struct pgdb *db, struct slice name, struct table **out)
{
	struct table *t;
	int r;

	if (!name.p && !db->sink.o->table)
		return row_bad(&db->sink, "a record that names no table, and there is no --table");
	if (!name.p)
		name = (struct slice){db->sink.o->table, strlen(db->sink.o->table)};
	for (t = db->tables; t; t = t->next)
		if (strlen(t->name) == name.n && !strncasecmp(t->name, name.p, name.n))
			break;
	if (!t) {
		if (!name.n)
			return row_bad(&db->sink, "a table without a name");
		if (name.n > db->sink.name_max)
			return row_bad(&db->sink,
			    "table \"%s\" would become \"%s\": a name has at most %zu bytes",
			    shown_cut(name, 4 * SHOWN_MAX),
			    shown_cut((struct slice){name.p, db->sink.name_max}, 4 * SHOWN_MAX),
			    db->sink.name_max);
		t = table_new(name);
		r = pgtable_load(db, t);
		if (r) {
			table_release(t);
			return r;
		}
		t->next = db->tables;
		db->tables = t;
	}
	*out = t;
	return 0;
}

void
pgtables_forget(struct pgdb *db)
{
	struct table *t;

	while ((t = db->tables)) {
		db->tables = t->next;
		table_release(t);
	}
}

int
pgtables_refresh(struct pgdb *db)
{
	struct table *old = db->tables, *t, *fresh;
	int r = 0, c;

	db->tables = NULL;
	while ((t = old)) {
		old = t->next;
		if (r == 0)
			r = pgtable_get(db, (struct slice){t->name, strlen(t->name)}, &fresh);
		if (r == 0)
			fresh->by_default |= t->by_default;
		for (size_t i = 0; r == 0 && i < t->n; i++) {
			struct slice name = {t->columns[i].name, t->columns[i].len};

			c = table_find(fresh, name);
			if (t->columns[i].null_seen && c < 0)
				r = table_add(&db->sink, fresh, name, &c);
			if (r == 0 && c >= 0)
				fresh->columns[c].null_seen |= t->columns[i].null_seen;
		}
		if (r == 0 && t->asked && !fresh->asked)
			fresh->asked = xstrdup(t->asked);
		table_release(t);
	}
	return r;
}

int
pg_declare(struct sink *s, struct decl *d)
{
	struct pgdb *db = (struct pgdb *)s;
	struct slice name;
	struct table *t;
	int r = pg_flush(db);

	d = decl_push(&db->decls, d);
	name = (struct slice){d->table, strlen(d->table)};
	if (r == 0) {
		pgtables_forget(db);
		r = pgtable_get(db, name, &t);
	}
	if (r || !t->n)
		return r;
	for (size_t i = 0; i < t->key.n; i++)
		if (table_named(t, t->key.v[i]) < 0)
			return 0; /* the first record will tell its type */
	return pgtable_sync(db, t);
}
