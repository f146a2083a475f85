#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "history.h"
#include "seen.h"
#include "show.h"

int
history_check(struct db *db, const struct table *t)
{
	const struct opts *o = db->sink.o;

	for (int m = META_FROM; m <= META_ACTIVE; m++) {
		if (table_find(t, (struct slice){o->meta[m], strlen(o->meta[m])}) >= 0)
			continue;
		warnx("%s: table \"%s\" keeps no history: it has no column \"%s\"; load into "
		      "another table",
		    db->path, shown(t->name), shown(o->meta[m]));
		return CS_USAGE;
	}
	if (table_rowid(t))
		return 0;
	warnx("%s: table \"%s\" has no rowid to tell versions by", db->path, shown(t->name));
	return CS_USAGE;
}

static const char *
name_of(const struct table *t, enum meta m)
{
	return t->columns[t->meta[m]].name;
}

int
history_index(struct db *db, const struct table *t)
{
	char *name = xasprintf("%s_cs_active", t->name);
	struct buf *b = &db->sql;

	buf_clear(b);
	buf_adds(b, "CREATE UNIQUE INDEX IF NOT EXISTS ");
	sql_name(b, name);
	buf_adds(b, " ON ");
	sql_name(b, t->name);
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? ", " : " (");
		sql_name(b, t->key.v[i]);
	}
	buf_adds(b, ") WHERE ");
	sql_name(b, name_of(t, META_ACTIVE));
	buf_adds(b, " = 1");
	free(name);
	return db_exec(db, b->p);
}

/* The active version of the key in the statement's parameters: its rowid, since when, and does the record differ? */
static void
find_sql(struct buf *b, const struct table *t, const struct stmt *s)
{
	buf_addf(b, "SELECT %s, ", table_rowid(t));
	sql_name(b, name_of(t, META_FROM));
	buf_adds(b, ", ");
	stmt_differs(b, t, s, false);
	buf_adds(b, " FROM ");
	sql_name(b, t->name);
	buf_adds(b, " WHERE ");
	key_is(b, t, s);
	meta_live_sql(t, " AND ", b);
}

/* A version that begins in this run takes what the record says. */
static void
replace_sql(struct buf *b, const struct table *t, const struct stmt *s)
{
	buf_adds(b, "UPDATE ");
	sql_name(b, t->name);
	stmt_assign(b, t, s, false);
	buf_addf(b, " WHERE %s = ?%zu", table_rowid(t), s->n + 1);
}

/* A new version: what the record says, and for the rest what the old one has. */
static void
copy_sql(struct buf *b, const struct table *t, const struct stmt *s)
{
	const char *sep = " (";
	size_t k = 0;

	buf_adds(b, "INSERT INTO ");
	sql_name(b, t->name);
	for (size_t i = 0; i < t->n; i++) {
		if (t->columns[i].presence != COLUMN_STORED || t->columns[i].generated)
			continue;
		buf_adds(b, sep);
		sql_name(b, t->columns[i].name);
		sep = ", ";
	}
	sep = ") SELECT ";
	for (size_t i = 0; i < t->n; i++) {
		bool given = k < s->n && s->columns[k] == i;

		k += given;
		if (t->columns[i].presence != COLUMN_STORED || t->columns[i].generated)
			continue;
		buf_adds(b, sep);
		if (given && t->columns[i].meta != META_FIRST)
			buf_addf(b, "?%zu", k);
		else
			sql_name(b, t->columns[i].name);
		sep = ", ";
	}
	buf_adds(b, " FROM ");
	sql_name(b, t->name);
	buf_addf(b, " WHERE %s = ?%zu", table_rowid(t), s->n + 1);
}

static void
insert_sql(struct buf *b, const struct table *t, const struct stmt *s)
{
	buf_adds(b, "INSERT INTO ");
	sql_name(b, t->name);
	for (size_t i = 0; i < s->n; i++) {
		buf_adds(b, i ? ", " : " (");
		sql_name(b, t->columns[s->columns[i]].name);
	}
	for (size_t i = 0; i < s->n; i++)
		buf_adds(b, i ? ", ?" : ") VALUES (?");
	buf_addc(b, ')');
}

typedef void make_sql(struct buf *b, const struct table *t, const struct stmt *s);

/* Prepare a statement of s when it is first needed, and bind the record's values, and the rowid if it takes one. */
static int
prepare(struct db *db, const struct table *t, struct stmt *s, sqlite3_stmt **st, make_sql *sql,
    int64_t rowid)
{
	int r;

	if (!*st) {
		buf_clear(&db->sql);
		sql(&db->sql, t, s);
		*st = db_prepare(db, db->sql.p);
		if (!*st)
			return CS_IO;
	}
	r = bind_all(db, t, s, *st);
	if (r == 0 && sqlite3_bind_parameter_count(*st) > (int)s->n)
		sqlite3_bind_int64(*st, (int)s->n + 1, rowid);
	return r;
}

int
history_end(struct db *db, struct table *t, int64_t rowid)
{
	int r;

	if (!t->close) {
		buf_clear(&db->sql);
		meta_delete_sql(db, t, &db->sql);
		buf_addf(&db->sql, " WHERE %s = ?1", table_rowid(t));
		t->close = db_prepare(db, db->sql.p);
		if (!t->close)
			return CS_IO;
	}
	r = change_before_at(db, t, rowid);
	if (r == 0 && sqlite3_bind_int64(t->close, 1, rowid) != SQLITE_OK)
		r = db_fail(db);
	if (r == 0)
		r = run(db, t->close, NULL);
	return r ? r : change_updated_at(db, t, rowid);
}

/* The record differs from the active version. */
static int
change_version(struct db *db, struct table *t, struct stmt *s, int64_t rowid, bool of_this_run)
{
	int r = of_this_run ? change_before_at(db, t, rowid) : history_end(db, t, rowid);

	if (r == 0)
		r = of_this_run ? prepare(db, t, s, &s->at, replace_sql, rowid)
				: prepare(db, t, s, &s->copy, copy_sql, rowid);
	if (r == 0)
		r = run(db, of_this_run ? s->at : s->copy, NULL);
	if (r)
		return r;
	db->sink.counts.updated++;
	if (of_this_run)
		return change_updated_at(db, t, rowid);
	rowid = sqlite3_last_insert_rowid(db->h);
	r = t->seen ? seen_mark(db, t->seen, rowid) : 0;
	return r ? r : change_inserted(db, t, rowid);
}

static int
first_version(struct db *db, struct table *t, struct stmt *s)
{
	int r = prepare(db, t, s, &s->insert, insert_sql, 0);
	int64_t rowid;

	if (r == 0)
		r = run(db, s->insert, NULL);
	if (r)
		return r;
	rowid = sqlite3_last_insert_rowid(db->h);
	db->sink.counts.inserted++;
	r = t->seen ? seen_mark(db, t->seen, rowid) : 0;
	return r ? r : change_inserted(db, t, rowid);
}

int
history_write(struct db *db, struct table *t, enum op op)
{
	struct counts *n = &db->sink.counts;
	struct stmt *s;
	bool found = false, of_this_run = false, differs = false;
	int64_t rowid = 0;
	int rc, r = stmt_get(db, t, op, &s);

	if (r == 0)
		r = prepare(db, t, s, &s->st, find_sql, 0);
	if (r)
		return r;
	rc = sqlite3_step(s->st);
	if (rc == SQLITE_ROW) {
		const char *from = (const char *)sqlite3_column_text(s->st, 1);

		found = true;
		rowid = sqlite3_column_int64(s->st, 0);
		of_this_run = from && strcmp(from, db->sink.now) >= 0;
		differs = sqlite3_column_int(s->st, 2);
	}
	sqlite3_reset(s->st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(db);
	if (!found && op == OP_UPSERT)
		return first_version(db, t, s);
	if (!found) {
		n->ignored++;
		return 0;
	}
	r = t->seen ? seen_mark(db, t->seen, rowid) : 0;
	if (r == 0 && differs)
		return change_version(db, t, s, rowid, of_this_run);
	n->unchanged += r == 0;
	return r;
}

/* A version that began in this run never was. */
static int
forget_version(struct db *db, struct table *t, int64_t rowid)
{
	char *where = xasprintf("%s = %lld", table_rowid(t), (long long)rowid);
	int r = change_delete_rows(db, t, where);

	buf_clear(&db->sql);
	buf_adds(&db->sql, "DELETE FROM ");
	sql_name(&db->sql, t->name);
	buf_addf(&db->sql, " WHERE %s", where);
	free(where);
	return r ? r : db_exec(db, db->sql.p);
}

int
history_delete(struct db *db, struct table *t)
{
	bool found = false, of_this_run = false;
	int64_t rowid = 0;
	int rc, r;

	if (!t->active) {
		buf_clear(&db->sql);
		buf_addf(&db->sql, "SELECT %s, ", table_rowid(t));
		sql_name(&db->sql, name_of(t, META_FROM));
		buf_adds(&db->sql, " FROM ");
		sql_name(&db->sql, t->name);
		buf_adds(&db->sql, " WHERE ");
		key_is(&db->sql, t, NULL);
		meta_live_sql(t, " AND ", &db->sql);
		t->active = db_prepare(db, db->sql.p);
		if (!t->active)
			return CS_IO;
	}
	r = bind_key(db, t, t->active);
	if (r)
		return r;
	rc = sqlite3_step(t->active);
	if (rc == SQLITE_ROW) {
		const char *from = (const char *)sqlite3_column_text(t->active, 1);

		found = true;
		rowid = sqlite3_column_int64(t->active, 0);
		of_this_run = from && strcmp(from, db->sink.now) >= 0;
	}
	sqlite3_reset(t->active);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(db);
	if (!found) {
		db->sink.counts.ignored++;
		return 0;
	}
	db->sink.counts.deleted++;
	return of_this_run ? forget_version(db, t, rowid) : history_end(db, t, rowid);
}
