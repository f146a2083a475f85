#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "history.h"
#include "show.h"

int
table_reload(struct db *db, struct table *t, size_t n)
{
	struct table **p = &db->tables, *fresh;
	int r, c;

	table_truncate(t, n);
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	r = table_get(db, (struct slice){t->name, strlen(t->name)}, &fresh);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct slice name = {t->columns[i].name, t->columns[i].len};

		c = table_find(fresh, name);
		if (t->columns[i].null_seen && c < 0)
			r = table_add(&db->sink, fresh, name, &c);
		if (r == 0 && c >= 0)
			fresh->columns[c].null_seen = t->columns[i].null_seen;
	}
	table_free(t);
	return r;
}

const char *
table_rowid(const struct table *t)
{
	static const char *const names[] = {"rowid", "_rowid_", "oid"};

	if (t->without_rowid)
		return NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t k = 0;

		while (k < t->n && sqlite3_stricmp(t->columns[k].name, names[i]) != 0)
			k++;
		if (k == t->n)
			return names[i];
	}
	return NULL;
}

void
table_free(struct table *t)
{
	stmts_free(t);
	digest_free(t);
	table_release(t);
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

/* STRICT tables know fewer types: what the others say, a CHECK does. */
void
column_sql(struct buf *b, const struct table *t, const struct column *c)
{
	sql_name(b, c->name);
	if (*c->sqltype)
		buf_addf(b, " %s", c->sqltype);
	if (!t->strict || (c->store != STORE_BOOLEAN && c->store != STORE_JSON))
		return;
	buf_adds(b, " CHECK (");
	sql_name(b, c->name);
	if (c->store == STORE_BOOLEAN) {
		buf_adds(b, " IN (0, 1))");
		return;
	}
	buf_adds(b, " IS NULL OR json_valid(");
	sql_name(b, c->name);
	buf_adds(b, "))");
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
	for (size_t i = 0; i < 2 * t->n; i++) { /* those of the records first */
		const struct column *c = &t->columns[i % t->n];

		if (c->presence != COLUMN_STORED || (c->meta == META_NONE) != (i < t->n))
			continue;
		buf_adds(b, sep);
		column_sql(b, t, c);
		if (c->pk)
			buf_adds(b, " NOT NULL");
		sep = ", ";
	}
	for (size_t i = 0; i < t->pk.n; i++) {
		buf_adds(b, i ? ", " : ", PRIMARY KEY (");
		sql_name(b, t->pk.v[i]);
	}
	buf_adds(b, t->pk.n ? "))" : ")");
	buf_adds(b, t->strict ? " STRICT" : "");
}

/* Give a column that is about to be stored the type it wants. */
static void
column_settle(const struct table *t, struct column *c)
{
	char mem[RULE_SQL_MAX];

	free(c->sqltype);
	if (c->rule.type && !t->strict) {
		c->sqltype = xstrdup(rule_sql(&c->rule, mem));
		c->store = store_of(c->sqltype);
	} else {
		c->store = c->rule.type ? rule_store(&c->rule) : c->want;
		c->sqltype = xstrdup(store_sql(c->store, t->strict));
		if (t->strict && c->store == STORE_NUMERIC)
			c->store = STORE_REAL;
	}
	c->want = c->store;
	c->presence = COLUMN_STORED;
}

static int
table_create(struct db *db, struct table *t)
{
	int r;

	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		if (c->presence == COLUMN_NEW)
			column_settle(t, c);
		if (c->key && t->key.n == 1 && !history_of(t) && !strcmp(c->sqltype, "INTEGER"))
			t->alias = (int)i; /* sqlite.org/rowidtable.html */
	}
	if (db->sink.o->bulk && t->key.n && t->alias < 0 && table_rowid(t) && !history_of(t) &&
	    !db->changes)
		digest_bulk(db, t);
	for (size_t i = 0; i < t->n; i++)
		t->columns[i].pk =
		    (t->columns[i].key && !t->bulk) || t->columns[i].meta == META_FROM;
	if (!t->bulk)
		names_copy(&t->pk, &t->key);
	if (history_of(t))
		names_push(&t->pk, t->columns[t->meta[META_FROM]].name);
	buf_clear(&db->sql);
	table_sql(&db->sql, t, t->name);
	t->exists = t->ours = true;
	r = db_exec(db, db->sql.p);
	return r || !history_of(t) ? r : history_index(db, t);
}

static int
column_store(struct db *db, struct table *t, struct column *c)
{
	column_settle(t, c);
	buf_clear(&db->sql);
	buf_adds(&db->sql, "ALTER TABLE ");
	sql_name(&db->sql, t->name);
	buf_adds(&db->sql, " ADD COLUMN ");
	column_sql(&db->sql, t, c);
	names_push(&db->sink.added, c->name);
	return db_exec(db, db->sql.p);
}

int
table_sync(struct db *db, struct table *t)
{
	bool widen = false, key = false;
	int r = 0;

	if (!t->dirty)
		return 0;
	t->dirty = false;
	digest_drop(t);
	images_free(t);
	if (!t->exists)
		return table_create(db, t);
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].presence == COLUMN_STORED &&
		    t->columns[i].want != t->columns[i].store) {
			widen = true;
			key |= t->columns[i].key;
		}
	if (key)
		r = digest_seal(db, t); /* other keys, other hashes */
	if (r == 0 && widen) {
		stmts_free(t); /* how values are compared depends on the types */
		r = table_widen(db, t);
	}
	for (size_t i = 0; i < t->n && r == 0; i++)
		if (t->columns[i].presence == COLUMN_NEW)
			r = column_store(db, t, &t->columns[i]);
	return r;
}

int
table_finish(struct db *db, struct table *t)
{
	return t->exists && table_want_nulls(&db->sink, t) ? table_sync(db, t) : 0;
}
