/* What the database and the declarations say of a table, before its first record. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "seen.h"
#include "show.h"
#include "stage.h"

/* Is there such a table, and is it one to write to? */
static int
read_kind(struct db *db, struct table *t)
{
	sqlite3_stmt *st =
	    db_prepare(db, "SELECT type, wr, name, strict FROM pragma_table_list WHERE "
			   "schema = 'main' AND name = ?1 COLLATE NOCASE");
	const char *type;
	int r = 0, rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		type = (const char *)sqlite3_column_text(st, 0);
		t->exists = true;
		t->without_rowid = sqlite3_column_int(st, 1);
		t->strict = sqlite3_column_int(st, 3);
		if (strcmp(type, "table") != 0) {
			warnx("%s: \"%s\" is a %s, not a table", db->path, shown(t->name), type);
			r = CS_USAGE;
		}
		free(t->name); /* SQLite finds it in any case: keep its own */
		t->name = xstrdup((const char *)sqlite3_column_text(st, 2));
	} else if (rc != SQLITE_DONE) {
		r = db_fail(db);
	}
	sqlite3_finalize(st);
	return r;
}

/* The primary key, in its own order. */
static int
read_pk(struct db *db, struct table *t)
{
	sqlite3_stmt *st = db_prepare(
	    db, "SELECT cid, name, type FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk");
	int rc, last = -1;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		last = sqlite3_column_int(st, 0);
		t->columns[last].pk = true;
		names_push(&t->pk, (const char *)sqlite3_column_text(st, 1));
	}
	sqlite3_finalize(st);
	if (t->pk.n == 1 && !t->without_rowid &&
	    !sqlite3_stricmp(t->columns[last].sqltype, "INTEGER"))
		t->alias = last;
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

static int
read_columns(struct db *db, struct table *t)
{
	sqlite3_stmt *st =
	    db_prepare(db, "SELECT name, type, hidden FROM pragma_table_xinfo(?1) ORDER BY cid");
	struct column *c;
	const char *collation, *name;
	int rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		name = (const char *)sqlite3_column_text(st, 0);
		c = table_column(t, (struct slice){name, strlen(name)});
		free(c->sqltype);
		c->sqltype = xstrdup((const char *)sqlite3_column_text(st, 1));
		c->store = c->want =
		    t->strict && !strcmp(c->sqltype, "ANY") ? STORE_ANY : store_of(c->sqltype);
		c->generated = sqlite3_column_int(st, 2) != 0;
		if (sqlite3_table_column_metadata(db->h, "main", t->name, name, NULL, &collation,
			NULL, NULL, NULL) == SQLITE_OK)
			c->collated = sqlite3_stricmp(collation, "BINARY") != 0;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? read_pk(db, t) : db_fail(db);
}

/* What a column of ours in a STRICT table stores is told by its CHECK. */
static void
read_check(const struct table *t, struct column *c, const char *sql)
{
	static const enum store checked[] = {STORE_BOOLEAN, STORE_JSON};
	enum store was = c->store;
	struct buf b = {0};

	for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
		if (strcmp(c->sqltype, store_sql(checked[i], true)) != 0)
			continue;
		c->store = checked[i];
		buf_clear(&b);
		column_sql(&b, t, c);
		if (!strstr(sql, b.p))
			c->store = was;
	}
	c->want = c->store;
	buf_release(&b);
}

/* A table that others refer to cannot be made anew, as their rows would go with the old one. */
static int
read_referrers(struct db *db, struct table *t)
{
	sqlite3_stmt *st;
	int rc;

	if (!db->foreign_keys || !t->ours)
		return 0;
	st = db_prepare(db, "SELECT 1 FROM main.sqlite_schema s, pragma_foreign_key_list(s.name) f"
			    " WHERE f.\"table\" = ?1 COLLATE NOCASE LIMIT 1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc == SQLITE_ROW)
		t->ours = false;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

/* Compare the text that SQLite keeps with ours. */
static int
read_ours(struct db *db, struct table *t)
{
	sqlite3_stmt *st =
	    db_prepare(db, "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1");
	int rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		for (size_t i = 0; i < t->n && t->strict; i++)
			read_check(t, &t->columns[i], (const char *)sqlite3_column_text(st, 0));
		buf_clear(&db->sql);
		table_sql(&db->sql, t, t->name);
		t->ours = !strcmp(db->sql.p, (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return db_fail(db);
	for (size_t i = 0; i < t->n && t->ours; i++)
		if (!strcmp(t->columns[i].sqltype, store_sql(STORE_NONE, t->strict)))
			t->columns[i].store = t->columns[i].want = STORE_NONE;
	return 0;
}

/* Is there a unique index over exactly the key's columns? 1, 0, or -1 after printing. */
static int
has_unique(struct db *db, const struct table *t)
{
	static const char sql[] = "SELECT count(*), sum(i.name IS NOT NULL AND i.name IN (SELECT "
				  "value FROM json_each(?2)))"
				  " FROM pragma_index_list(?1) l, pragma_index_info(l.name) i"
				  " WHERE l.\"unique\" AND NOT l.partial GROUP BY l.name";
	sqlite3_stmt *st = db_prepare(db, sql);
	int found = 0, rc;

	if (!st)
		return -1;
	buf_clear(&db->sql);
	for (size_t i = 0; i < t->key.n; i++) {
		buf_addc(&db->sql, i ? ',' : '[');
		json_quote(&db->sql, t->key.v[i], strlen(t->key.v[i]));
	}
	buf_addc(&db->sql, ']');
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, db->sql.p, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		found |= sqlite3_column_int64(st, 0) == (int64_t)t->key.n &&
			 sqlite3_column_int64(st, 1) == (int64_t)t->key.n;
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE) {
		db_fail(db);
		return -1;
	}
	return found;
}

/* An existing table is upserted into by a unique index on the key: find it or make it. */
int
table_unique(struct db *db, struct table *t)
{
	char *name;
	int r;

	for (size_t i = 0; i < t->key.n; i++)
		if (table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])}) < 0) {
			warnx("%s: table \"%s\" has no column \"%s\" to be its key", db->path,
			    shown(t->name), shown(t->key.v[i]));
			return CS_USAGE;
		}
	if (t->alias >= 0 && t->key.n == 1 && !strcmp(t->columns[t->alias].name, t->key.v[0]))
		return 0;
	r = has_unique(db, t);
	if (r)
		return r < 0 ? CS_IO : 0;
	buf_clear(&db->sql);
	buf_adds(&db->sql, "CREATE UNIQUE INDEX ");
	name = xasprintf("%s_cs_key", t->name);
	sql_name(&db->sql, name);
	free(name);
	buf_adds(&db->sql, " ON ");
	sql_name(&db->sql, t->name);
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(&db->sql, i ? ", " : " (");
		sql_name(&db->sql, t->key.v[i]);
	}
	buf_addc(&db->sql, ')');
	if (sqlite3_exec(db->h, db->sql.p, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	if ((sqlite3_errcode(db->h) & 0xff) != SQLITE_CONSTRAINT)
		return db_fail(db);
	warnx("%s: table \"%s\" has no unique index on its key, and none can be made: it holds "
	      "rows with equal keys",
	    db->path, shown(t->name));
	return CS_DATA;
}

static int
table_load(struct db *db, struct table *t)
{
	const struct opts *o = db->sink.o;
	const struct decl *d = decl_of(db->decls, t->name);
	int r = table_allowed(&db->sink, t);

	if (r == 0)
		r = read_kind(db, t);
	if (r == 0)
		r = table_key(&db->sink, t, d);
	if (!t->exists)
		t->strict = o->strict_tables;
	if (r == 0 && t->exists)
		r = read_columns(db, t);
	if (r == 0 && t->exists)
		r = read_ours(db, t);
	if (r == 0 && t->exists)
		r = read_referrers(db, t);
	if (r == 0 && t->exists && t->key.n)
		r = o->mode == MODE_HISTORY ? history_check(db, t) : table_unique(db, t);
	if (r == 0)
		r = table_creatable(&db->sink, t, d);
	if (r == 0)
		r = table_wants(&db->sink, t, d);
	if (r == 0 && t->exists)
		r = table_sync(db, t);
	if (r == 0 && t->exists && history_of(t))
		r = history_index(db, t);
	if (r == 0 && (o->missing || (db->stage && t->key.n && !stage_takes(db))))
		r = seen_get(db, t, d && !db->stage ? d->version : -1);
	return r;
}

int
table_get(struct db *db, struct slice name, struct table **out)
{
	struct table *t;
	int r;

	if (!name.p && !db->sink.o->table)
		return row_bad(&db->sink, "a record that names no table, and there is no --table");
	if (!name.p)
		name = (struct slice){db->sink.o->table, strlen(db->sink.o->table)};
	for (t = db->tables; t; t = t->next)
		if (strlen(t->name) == name.n && !sqlite3_strnicmp(t->name, name.p, (int)name.n))
			break;
	if (!t) {
		if (!name.n)
			return row_bad(&db->sink, "a table without a name");
		t = table_new(name);
		r = table_load(db, t);
		if (r) {
			table_free(t);
			return r;
		}
		t->next = db->tables;
		db->tables = t;
	}
	*out = t;
	return 0;
}

int
decl_add(struct db *db, struct decl *d)
{
	struct slice name;
	struct table *t;
	int r;

	/* The newest declaration counts, and what is known of the table is read again with it. */
	d = decl_push(&db->decls, d);
	name = (struct slice){d->table, strlen(d->table)};
	tables_forget(db);
	r = table_get(db, name, &t);
	if (r || !t->n)
		return r;
	for (size_t i = 0; i < t->key.n; i++)
		if (table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])}) < 0)
			return 0; /* the first record will tell its type */
	return table_sync(db, t);
}
