#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

static uint32_t
hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

static void
index_add(struct table *t, unsigned column)
{
	const struct column *c = &t->columns[column];
	size_t i = hash(c->name, c->len) & t->mask;

	while (t->index[i])
		i = (i + 1) & t->mask;
	t->index[i] = column + 1;
}

int
table_find(const struct table *t, struct slice name)
{
	size_t i;

	if (!t->index)
		return -1;
	for (i = hash(name.p, name.n) & t->mask; t->index[i]; i = (i + 1) & t->mask) {
		const struct column *c = &t->columns[t->index[i] - 1];

		if (slice_eq(name, c->name, c->len))
			return (int)t->index[i] - 1;
	}
	return -1;
}

/* A new column at the end, known to be new. */
static struct column *
column_new(struct table *t, struct slice name)
{
	struct column *c;

	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->columns = xreallocarray(t->columns, t->cap, sizeof *t->columns);
		t->mask = t->cap * 4 - 1;
		free(t->index);
		t->index = xcalloc(t->mask + 1, sizeof *t->index);
		for (size_t i = 0; i < t->n; i++)
			index_add(t, (unsigned)i);
	}
	c = &t->columns[t->n];
	memset(c, 0, sizeof *c);
	c->name = xstrndup(name.p, name.n);
	c->len = name.n;
	c->sqltype = xstrdup("");
	index_add(t, (unsigned)t->n++);
	for (size_t i = 0; i < t->key.n; i++)
		if (!strcmp(t->key.v[i], c->name))
			c->key = true;
	return c;
}

int
table_add(struct db *db, struct table *t, struct slice name, int *column)
{
	struct column *c;

	if (!name.n)
		return row_bad(&db->sink, "a column without a name");
	if (memchr(name.p, '\0', name.n))
		return row_bad(&db->sink, "a column name that holds U+0000");
	if (t->n == COLUMNS_MAX)
		return row_bad(&db->sink, "column \"%.*s\": a table has at most %d columns",
		    (int)name.n, name.p, COLUMNS_MAX);
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].len == name.n &&
		    !sqlite3_strnicmp(t->columns[i].name, name.p, (int)name.n))
			return row_bad(&db->sink, "column \"%.*s\" differs from column \"%s\" only in case; "
			    "rename one (cs-map --rename)", (int)name.n, name.p, t->columns[i].name);
	c = column_new(t, name);
	c->presence = COLUMN_NULL;
	*column = (int)(c - t->columns);
	return 0;
}

void
table_undo(struct table *t)
{
	if (!t->dirty)
		return;
	t->dirty = false;
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		if (c->presence == COLUMN_STORED) {
			c->want = c->class;
		} else if (c->wanted) {
			t->dirty = true;
		} else {
			c->want = CLASS_NONE;
			c->presence = COLUMN_NULL;
		}
	}
}

static void
table_free(struct table *t)
{
	stmts_free(t);
	for (size_t i = 0; i < t->n; i++) {
		free(t->columns[i].name);
		free(t->columns[i].sqltype);
	}
	free(t->columns);
	free(t->index);
	free(t->guess);
	names_release(&t->key);
	names_release(&t->pk);
	free(t->name);
	free(t);
}

void
tables_forget(struct db *db)
{
	struct table *t;

	while ((t = db->tables)) {
		db->tables = t->next;
		table_free(t);
	}
}

/* One column of a table of ours, in its CREATE TABLE and in ALTER TABLE ADD. */
static void
column_sql(struct buf *b, const struct column *c)
{
	sql_name(b, c->name);
	if (*c->sqltype) {
		buf_addc(b, ' ');
		buf_adds(b, c->sqltype);
	}
}

/*
 * SQLite keeps this text, and adds ", column" for ADD COLUMN where it would stand here: so a table
 * whose text is what this gives for its columns is ours to change.
 */
void
table_sql(struct buf *b, const struct table *t, const char *name)
{
	const char *sep = "";

	buf_adds(b, "CREATE TABLE ");
	sql_name(b, name);
	buf_adds(b, " (");
	for (size_t i = 0; i < t->n; i++) {
		if (t->columns[i].presence != COLUMN_STORED)
			continue;
		buf_adds(b, sep);
		column_sql(b, &t->columns[i]);
		if (t->columns[i].pk)
			buf_adds(b, " NOT NULL");
		sep = ", ";
	}
	for (size_t i = 0; i < t->pk.n; i++) {
		buf_adds(b, i ? ", " : ", PRIMARY KEY (");
		sql_name(b, t->pk.v[i]);
	}
	buf_adds(b, t->pk.n ? "))" : ")");
}

/* Give a column that is about to be stored the type it wants. */
static void
column_settle(struct column *c)
{
	char mem[RULE_SQL_MAX];

	free(c->sqltype);
	if (c->rule.type) {
		c->sqltype = xstrdup(rule_sql(&c->rule, mem));
		c->class = class_of(c->sqltype);
	} else {
		c->class = c->want;
		c->sqltype = xstrdup(c->class == CLASS_NONE ? "" : class_sql(c->class));
	}
	c->want = c->class;
	c->presence = COLUMN_STORED;
}

static void
names_copy(struct names *to, const struct names *from)
{
	to->v = xcalloc(from->n, sizeof *to->v);
	for (; to->n < from->n; to->n++)
		to->v[to->n] = xstrdup(from->v[to->n]);
}

static int
table_create(struct db *db, struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		if (c->presence == COLUMN_NEW)
			column_settle(c);
		c->pk = c->key;
		if (c->key && t->key.n == 1 && !strcmp(c->sqltype, "INTEGER"))
			t->alias = (int)i; /* sqlite.org/rowidtable.html */
	}
	names_copy(&t->pk, &t->key);
	buf_clear(&db->sql);
	table_sql(&db->sql, t, t->name);
	t->exists = t->ours = true;
	return db_exec(db, db->sql.p);
}

static int
column_store(struct db *db, struct table *t, struct column *c)
{
	struct names *added = &db->sink.added;

	column_settle(c);
	buf_clear(&db->sql);
	buf_adds(&db->sql, "ALTER TABLE ");
	sql_name(&db->sql, t->name);
	buf_adds(&db->sql, " ADD COLUMN ");
	column_sql(&db->sql, c);
	added->v = xreallocarray(added->v, added->n + 1, sizeof *added->v);
	added->v[added->n++] = xstrdup(c->name);
	return db_exec(db, db->sql.p);
}

int
table_sync(struct db *db, struct table *t)
{
	bool widen = false;
	int r = 0;

	if (!t->dirty)
		return 0;
	t->dirty = false;
	if (!t->exists)
		return table_create(db, t);
	for (size_t i = 0; i < t->n; i++)
		widen |= t->columns[i].presence == COLUMN_STORED &&
		    t->columns[i].want != t->columns[i].class;
	if (widen)
		r = table_widen(db, t);
	for (size_t i = 0; i < t->n && r == 0; i++)
		if (t->columns[i].presence == COLUMN_NEW)
			r = column_store(db, t, &t->columns[i]);
	return r;
}

int
table_finish(struct db *db, struct table *t)
{
	if (!t->exists || db->sink.o->columns != COLUMNS_EVOLVE)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].presence == COLUMN_NULL && t->columns[i].null_seen) {
			t->columns[i].presence = COLUMN_NEW;
			t->dirty = true;
		}
	return table_sync(db, t);
}

/* Is there such a table, and is it one to write to? */
static int
read_kind(struct db *db, struct table *t)
{
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT type, wr, name FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE");
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
		if (strcmp(type, "table") != 0) {
			warnx("%s: \"%s\" is a %s, not a table", db->path, t->name, type);
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
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT cid, name, type FROM pragma_table_xinfo(?1) WHERE pk > 0 ORDER BY pk");
	int rc, last = -1;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		last = sqlite3_column_int(st, 0);
		t->columns[last].pk = true;
		t->pk.v = xreallocarray(t->pk.v, t->pk.n + 1, sizeof *t->pk.v);
		t->pk.v[t->pk.n++] = xstrdup((const char *)sqlite3_column_text(st, 1));
	}
	sqlite3_finalize(st);
	if (t->pk.n == 1 && !t->without_rowid && !sqlite3_stricmp(t->columns[last].sqltype, "INTEGER"))
		t->alias = last;
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

static int
read_columns(struct db *db, struct table *t)
{
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT name, type, hidden FROM pragma_table_xinfo(?1) ORDER BY cid");
	struct column *c;
	const char *collation, *name;
	int rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		name = (const char *)sqlite3_column_text(st, 0);
		c = column_new(t, (struct slice){name, strlen(name)});
		free(c->sqltype);
		c->sqltype = xstrdup((const char *)sqlite3_column_text(st, 1));
		c->class = c->want = class_of(c->sqltype);
		c->generated = sqlite3_column_int(st, 2) != 0;
		if (sqlite3_table_column_metadata(db->h, "main", t->name, name, NULL, &collation,
			NULL, NULL, NULL) == SQLITE_OK)
			c->collated = sqlite3_stricmp(collation, "BINARY") != 0;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? read_pk(db, t) : db_fail(db);
}

/* Compare the text that SQLite keeps with ours. */
static int
read_ours(struct db *db, struct table *t)
{
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1");
	int rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		buf_clear(&db->sql);
		table_sql(&db->sql, t, t->name);
		t->ours = !strcmp(db->sql.p, (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return db_fail(db);
	for (size_t i = 0; i < t->n && t->ours; i++)
		if (!*t->columns[i].sqltype)
			t->columns[i].class = t->columns[i].want = CLASS_NONE;
	return 0;
}

/* Is there a unique index over exactly the key's columns? 1, 0, or -1 after printing. */
static int
has_unique(struct db *db, const struct table *t)
{
	static const char sql[] =
	    "SELECT count(*), sum(i.name IS NOT NULL AND i.name IN (SELECT value FROM json_each(?2)))"
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
static int
ensure_unique(struct db *db, struct table *t)
{
	char *name;
	int r;

	for (size_t i = 0; i < t->key.n; i++)
		if (table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])}) < 0) {
			warnx("%s: table \"%s\" has no column \"%s\" to be its key", db->path,
			    t->name, t->key.v[i]);
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
	      "rows with equal keys", db->path, t->name);
	return CS_DATA;
}

static struct decl *
decl_of(const struct db *db, const char *table)
{
	struct decl *d = db->decls;

	while (d && sqlite3_stricmp(d->table, table) != 0)
		d = d->next;
	return d;
}

/* Which columns are the key: the command line for the default table, then the declaration. */
static int
read_key(struct db *db, struct table *t, const struct decl *d)
{
	const struct opts *o = db->sink.o;
	const struct names *key = &o->key;

	if (d && d->key.n && (!key->n || sqlite3_stricmp(t->name, o->table) != 0))
		key = &d->key;
	if (o->mode == MODE_APPEND)
		return 0;
	if (o->mode == MODE_UPSERT && !key->n) {
		warnx("table \"%s\": --mode upsert needs a key: --key, or one in --schema", t->name);
		return CS_USAGE;
	}
	names_copy(&t->key, key);
	return 0;
}

/* A column that is wanted whatever the records say. */
static int
want_column(struct db *db, struct table *t, const char *name, int *c)
{
	struct slice s = {name, strlen(name)};
	int r;

	*c = table_find(t, s);
	if (*c >= 0)
		return 0;
	r = table_add(db, t, s, c);
	if (r)
		return r;
	t->columns[*c].presence = COLUMN_NEW;
	t->columns[*c].wanted = true;
	t->dirty = true;
	return 0;
}

static int
want_columns(struct db *db, struct table *t, const struct decl *d)
{
	const char *synced = db->sink.o->synced_at;
	int c, r;

	for (size_t i = 0; d && i < d->ncolumns; i++) {
		r = want_column(db, t, d->columns[i].name, &c);
		if (r)
			return r;
		t->columns[c].rule = d->columns[i].rule;
	}
	if (!synced)
		return 0;
	r = want_column(db, t, synced, &t->synced);
	if (r == 0 && t->columns[t->synced].wanted)
		t->columns[t->synced].want = CLASS_TEXT;
	return r;
}

static int
table_load(struct db *db, struct table *t)
{
	const struct opts *o = db->sink.o;
	const struct decl *d = decl_of(db, t->name);
	int r;

	if (!sqlite3_strnicmp(t->name, "_cs_", 4) || !sqlite3_strnicmp(t->name, "sqlite_", 7))
		return row_bad(&db->sink, "table \"%s\": names that begin with _cs_ or sqlite_ are taken", t->name);
	r = read_kind(db, t);
	if (r == 0)
		r = read_key(db, t, d);
	if (r == 0 && t->exists)
		r = read_columns(db, t);
	if (r == 0 && t->exists)
		r = read_ours(db, t);
	if (r == 0 && t->exists && t->key.n)
		r = ensure_unique(db, t);
	if (r == 0 && !t->exists && !d && o->columns != COLUMNS_EVOLVE) {
		warnx("%s: no table \"%s\", and --columns %s adds none", db->path, t->name,
		    o->columns == COLUMNS_FREEZE ? "freeze" : "discard");
		return CS_USAGE;
	}
	if (r == 0)
		r = want_columns(db, t, d);
	if (r == 0 && t->exists)
		r = table_sync(db, t);
	return r;
}

int
table_get(struct db *db, struct slice name, struct table **out)
{
	struct table *t;
	int r;

	if (!name.p)
		name = (struct slice){db->sink.o->table, strlen(db->sink.o->table)};
	for (t = db->tables; t; t = t->next)
		if (strlen(t->name) == name.n && !sqlite3_strnicmp(t->name, name.p, (int)name.n))
			break;
	if (!t) {
		if (!name.n)
			return row_bad(&db->sink, "a table without a name");
		t = xcalloc(1, sizeof *t);
		t->name = xstrndup(name.p, name.n);
		t->alias = t->synced = -1;
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
	struct slice name = {d->table, strlen(d->table)};
	struct table *t;
	int r;

	/* The newest declaration counts, and what is known of the table is read again with it. */
	d->next = db->decls;
	db->decls = d;
	tables_forget(db);
	r = table_get(db, name, &t);
	if (r || !t->n)
		return r;
	for (size_t i = 0; i < t->key.n; i++)
		if (table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])}) < 0)
			return 0; /* the first record will tell its type */
	return table_sync(db, t);
}
