#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "change.h"
#include "decimal.h"
#include "scan.h"
#include "show.h"

static void
add_bytes(struct buf *b, const void *p, size_t n)
{
	buf_addc(b, '"');
	base64(b, p, n);
	buf_addc(b, '"');
}

static void
add_real(struct buf *b, double d)
{
	char text[REAL_MAX];

	if (isfinite(d)) {
		real_text(d, text);
		buf_adds(b, text);
	} else {
		buf_adds(b, d > 0 ? "9e999" : "-9e999"); /* as SQLite's own shell does */
	}
}

static void
add_text(struct buf *b, const struct column *c, struct buf *mem, const char *p, size_t n)
{
	struct value v;
	const char *err;

	buf_clear(mem); /* the scanner reads further than a text of SQLite's goes */
	buf_add(mem, p, n);
	if (c->store == STORE_JSON && scan_text(mem->p, n, &v, &err) == 0)
		json_compact(b, v.p, v.n);
	else if (utf8_valid(mem->p, n))
		json_quote(b, mem->p, n);
	else
		add_bytes(b, p, n);
}

/* Append column i of a row as JSON: what cs-load would be given to store it. */
static void
add_value(struct buf *b, const struct column *c, struct buf *mem, sqlite3_stmt *st, int i)
{
	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		buf_adds(b, "null");
		break;
	case SQLITE_INTEGER:
		if (c->store == STORE_BOOLEAN && (sqlite3_column_int64(st, i) & ~INT64_C(1)) == 0)
			buf_adds(b, sqlite3_column_int(st, i) ? "true" : "false");
		else
			buf_addf(b, "%lld", (long long)sqlite3_column_int64(st, i));
		break;
	case SQLITE_FLOAT:
		add_real(b, sqlite3_column_double(st, i));
		break;
	case SQLITE_TEXT:
		add_text(b, c, mem, (const char *)sqlite3_column_text(st, i),
		    (size_t)sqlite3_column_bytes(st, i));
		break;
	default:
		add_bytes(b, sqlite3_column_blob(st, i), (size_t)sqlite3_column_bytes(st, i));
	}
}

static void
read_image(struct image *m, const struct table *t, sqlite3_stmt *st)
{
	int k = 0;

	image_begin(m, t);
	for (m->n = 0; m->n < t->n; m->n++) {
		if (t->columns[m->n].presence == COLUMN_STORED)
			add_value(&m->text, &t->columns[m->n], &m->mem, st, k++);
		m->end[m->n] = m->text.len;
	}
}

/* SELECT the stored columns FROM t, which a WHERE follows. */
static void
select_sql(struct buf *b, const struct table *t)
{
	const char *sep = "SELECT ";

	buf_clear(b);
	for (size_t i = 0; i < t->n; i++) {
		if (t->columns[i].presence != COLUMN_STORED)
			continue;
		buf_adds(b, sep);
		sql_name(b, t->columns[i].name);
		sep = ", ";
	}
	buf_adds(b, " FROM ");
	sql_name(b, t->name);
	buf_adds(b, " WHERE ");
}

/* Read a row with a statement that is bound. */
static int
read_row(struct db *db, struct image *m, const struct table *t, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	m->n = 0;
	if (rc == SQLITE_ROW)
		read_image(m, t, st);
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

static int
read_by_key(struct db *db, struct image *m, struct table *t)
{
	int r;

	if (!t->image) {
		struct buf b = {0};

		select_sql(&b, t);
		key_is(&b, t, NULL);
		t->image = db_prepare(db, b.p);
		buf_release(&b);
	}
	if (!t->image)
		return CS_IO;
	r = bind_key(db, t, t->image);
	return r ? r : read_row(db, m, t, t->image);
}

static int
read_by_rowid(struct db *db, struct image *m, struct table *t, int64_t rowid)
{
	const char *name = table_rowid(t);

	if (t->without_rowid || !name) {
		if (t->key.n)
			return read_by_key(db, m, t);
		warnx("table \"%s\" has neither a key nor a rowid for --changes to tell rows by",
		    shown(t->name));
		return CS_USAGE;
	}
	if (!t->image_at) {
		select_sql(&db->sql, t);
		buf_addf(&db->sql, "%s = ?1", name);
		t->image_at = db_prepare(db, db->sql.p);
	}
	if (!t->image_at)
		return CS_IO;
	sqlite3_bind_int64(t->image_at, 1, rowid);
	return read_row(db, m, t, t->image_at);
}

int
change_before(struct db *db, struct table *t)
{
	return db->changes ? read_by_key(db, &db->changes->old, t) : 0;
}

int
change_updated(struct db *db, struct table *t)
{
	struct changes *c = db->changes;
	int r = c ? read_by_key(db, &c->new, t) : 0;

	return c && r == 0 ? feed_line(db->changes, t, "update", &c->old, &c->new) : r;
}

int
change_before_at(struct db *db, struct table *t, int64_t rowid)
{
	return db->changes ? read_by_rowid(db, &db->changes->old, t, rowid) : 0;
}

int
change_updated_at(struct db *db, struct table *t, int64_t rowid)
{
	struct changes *c = db->changes;
	int r = c ? read_by_rowid(db, &c->new, t, rowid) : 0;

	return c && r == 0 ? feed_line(db->changes, t, "update", &c->old, &c->new) : r;
}

int
change_deleted(struct db *db, struct table *t)
{
	return db->changes ? feed_line(db->changes, t, "delete", &db->changes->old, NULL) : 0;
}

int
change_inserted(struct db *db, struct table *t, int64_t rowid)
{
	struct changes *c = db->changes;
	int r = c ? read_by_rowid(db, &c->new, t, rowid) : 0;

	return c && r == 0 ? feed_line(db->changes, t, "insert", NULL, &c->new) : r;
}

int
change_delete_rows(struct db *db, struct table *t, const char *where)
{
	struct changes *c = db->changes;
	sqlite3_stmt *st;
	int rc, r = 0;

	if (!c)
		return 0;
	select_sql(&db->sql, t);
	buf_adds(&db->sql, where);
	st = db_prepare(db, db->sql.p);
	if (!st)
		return CS_IO;
	while (r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		read_image(&c->old, t, st);
		r = feed_line(db->changes, t, "delete", &c->old, NULL);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = db_fail(db);
	sqlite3_finalize(st);
	return r;
}

static void
before(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct db *db = sqlite3_user_data(ctx);

	(void)argc;
	(void)argv;
	if (change_before(db, db->at))
		sqlite3_result_error(ctx, "the row cannot be read", -1);
	else
		sqlite3_result_int(ctx, 1);
}

int
changes_open(struct db *db)
{
	const struct opts *o = db->sink.o;
	int r;

	if (!o->changes || o->dry_run)
		return 0;
	db->changes = xcalloc(1, sizeof *db->changes);
	r = trail_open(&db->sink, &db->changes->trail, o->changes, "changes", false);
	if (r == 0 && sqlite3_create_function(db->h, "cs_before", 0,
			  SQLITE_UTF8 | SQLITE_DIRECTONLY, db, before, NULL, NULL) != SQLITE_OK)
		r = db_fail(db);
	return r;
}

void
changes_close(struct db *db)
{
	feed_free(db->changes);
	db->changes = NULL;
}
