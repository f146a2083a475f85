/*
 * Wider types for columns that hold rows already.
 *
 * A declared type decides what SQLite makes of a value, so a column whose type no longer
 * fits is never filled as it is. Only tables that cs-load made and nobody altered are changed: by
 * making them anew, in the transaction of the rows, which is the one way
 * that leaves key columns, rowids and indexes consistent (sqlite.org/lang_altertable.html, 7).
 */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

#define NEW_TABLE "_cs_widen"

/* Integers that a REAL column would round make it a TEXT column. */
static int
check_integers(struct db *db, const struct table *t, struct column *c)
{
	sqlite3_stmt *st;
	int rc;

	buf_clear(&db->sql);
	buf_adds(&db->sql, "SELECT 1 FROM ");
	sql_name(&db->sql, t->name);
	buf_adds(&db->sql, " WHERE ");
	sql_name(&db->sql, c->name);
	buf_adds(&db->sql, " NOT BETWEEN -9007199254740992 AND 9007199254740992 LIMIT 1");
	st = db_prepare(db, db->sql.p);
	if (!st)
		return CS_IO;
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	if (rc == SQLITE_ROW)
		c->want = STORE_TEXT;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

static void
copy_sql(struct buf *b, const struct table *t)
{
	const char *sep = "", *rowid = table_rowid(t);

	buf_adds(b, "INSERT INTO " NEW_TABLE " (");
	if (rowid) {
		buf_adds(b, rowid); /* rows keep theirs, see seen.c */
		sep = ", ";
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->columns[i].presence != COLUMN_STORED)
			continue;
		buf_adds(b, sep);
		sql_name(b, t->columns[i].name);
		sep = ", ";
	}
	buf_addf(b, ") SELECT %s", rowid ? rowid : "");
	sep = rowid ? ", " : "";
	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];

		if (c->presence != COLUMN_STORED)
			continue;
		buf_adds(b, sep);
		sep = ", ";
		if (c->store == STORE_BOOLEAN && c->want == STORE_TEXT) {
			buf_adds(b, "CASE ");
			sql_name(b, c->name);
			buf_adds(b, " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END");
		} else if (c->store == STORE_REAL && c->want == STORE_TEXT) {
			buf_adds(b, "cs_text(");
			sql_name(b, c->name);
			buf_addc(b, ')');
		} else {
			sql_name(b, c->name); /* the new column's affinity does the rest */
		}
	}
	buf_adds(b, " FROM ");
	sql_name(b, t->name);
}

/* The statements that bring back what goes with the old table. */
static int
save_indexes(struct db *db, const struct table *t, struct buf *b)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT sql FROM main.sqlite_schema WHERE tbl_name = ?1 "
					  "AND type IN ('index', 'trigger')"
					  " AND sql IS NOT NULL ORDER BY rowid");
	int rc;

	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		buf_adds(b, (const char *)sqlite3_column_text(st, 0));
		buf_addc(b, ';');
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

static int
replace_table(struct db *db, const struct table *t, struct buf *b, const char *indexes)
{
	int r;

	buf_adds(b, "; DROP TABLE ");
	sql_name(b, t->name);
	buf_adds(b, "; ALTER TABLE " NEW_TABLE " RENAME TO ");
	sql_name(b, t->name);
	buf_addf(b, "; %s", indexes ? indexes : "");
	/* Views and triggers that name the table are left as they are. */
	r = db_exec(db, "PRAGMA legacy_alter_table = ON");
	if (r == 0)
		r = db_exec(db, b->p);
	if (r == 0)
		r = db_exec(db, "PRAGMA legacy_alter_table = OFF");
	return r;
}

int
table_widen(struct db *db, struct table *t)
{
	struct buf copy = {0}, indexes = {0}, sql = {0};
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++) {
		struct column *c = &t->columns[i];

		if (c->presence == COLUMN_STORED && c->want == STORE_REAL &&
		    c->store == STORE_INTEGER)
			r = check_integers(db, t, c);
	}
	if (r == 0)
		r = save_indexes(db, t, &indexes);
	if (r)
		goto out;
	copy_sql(&copy, t);
	t->alias = -1;
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		if (c->presence != COLUMN_STORED || c->want == c->store)
			continue;
		c->store = c->want;
		free(c->sqltype);
		c->sqltype = xstrdup(store_sql(c->store, t->strict));
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].pk && t->pk.n == 1 && !strcmp(t->columns[i].sqltype, "INTEGER"))
			t->alias = (int)i;
	table_sql(&sql, t, NEW_TABLE);
	buf_addf(&sql, "; %s", copy.p);
	r = replace_table(db, t, &sql, indexes.p);
out:
	buf_release(&copy);
	buf_release(&indexes);
	buf_release(&sql);
	return r;
}

/* See that the column can hold its cell, as it is or made wider. */
int
sqlite_fit(struct sink *s, struct table *t, struct column *c)
{
	enum store want;

	if (c->rule.type && rule_apply(&c->rule, &c->cell, &t->mem) < 0)
		return cell_bad(s, c, false);
	want = store_join(c->want, &c->cell);
	if (want == c->want)
		return 0;
	if (c->rule.type && (c->presence != COLUMN_STORED || store_force(c->store, &c->cell) == 0))
		return 0;
	if (c->presence != COLUMN_STORED ||
	    (t->ours && s->o->columns == COLUMNS_EVOLVE && !(c->key && c->store == STORE_REAL))) {
		c->want = want;
		t->dirty = true;
		return 0;
	}
	return store_force(c->store, &c->cell) == 0 ? 0 : cell_bad(s, c, true);
}
