#include <stdlib.h>
#include <string.h>

#include "history.h"

void
sql_name(struct buf *b, const char *name)
{
	const char *q;

	buf_addc(b, '"');
	for (; (q = strchr(name, '"')); name = q + 1) {
		buf_add(b, name, (size_t)(q - name) + 1);
		buf_addc(b, '"');
	}
	buf_adds(b, name);
	buf_addc(b, '"');
}

static void
stmt_free(struct stmt *s)
{
	sqlite3_finalize(s->st);
	sqlite3_finalize(s->at);
	sqlite3_finalize(s->copy);
	sqlite3_finalize(s->insert);
	free(s->columns);
	free(s);
}

void
images_free(struct table *t)
{
	sqlite3_finalize(t->image);
	sqlite3_finalize(t->image_at);
	t->image = t->image_at = NULL;
}

void
stmts_free(struct table *t)
{
	for (size_t i = 0; i < t->nstmts; i++)
		stmt_free(t->stmts[i]);
	sqlite3_finalize(t->find);
	sqlite3_finalize(t->delete);
	sqlite3_finalize(t->active);
	sqlite3_finalize(t->close);
	t->active = t->close = NULL;
	images_free(t);
	t->nstmts = 0;
	t->last = NULL;
	t->find = t->delete = NULL;
}

/* The parameter that column i of the statement is bound to. */
static size_t
param(const struct stmt *s, unsigned column)
{
	size_t i = 0;

	while (s->columns[i] != column)
		i++;
	return i + 1;
}

void
key_is(struct buf *b, const struct table *t, const struct stmt *s)
{
	for (size_t i = 0; i < t->key.n; i++) {
		int c = table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])});

		buf_adds(b, i ? " AND " : "");
		sql_name(b, t->key.v[i]);
		buf_addf(b, " = ?%zu", s ? param(s, (unsigned)c) : i + 1);
	}
}

/* Note the row that there is, see seen.h. */
static void
mark(struct buf *b, const struct table *t)
{
	if (!t->seen)
		return;
	buf_adds(b, "cs_mark(");
	sql_name(b, t->name);
	buf_addf(b, ".%s) AND ", table_rowid(t));
}

#define TERMS_MAX 500 /* in a row: SQLite's expressions are at most 1000 deep */

/* Text is compared byte by byte, whatever collation the column has: a change of case is a change. */
void
stmt_differs(struct buf *b, const struct table *t, const struct stmt *s, bool excluded)
{
	const char *sep = "((";
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct column *c = &t->columns[s->columns[i]];

		if (!column_compared(c))
			continue;
		if (++n % TERMS_MAX == 0)
			sep = ") OR (";
		buf_adds(b, sep);
		sql_name(b, t->name);
		buf_addc(b, '.');
		sql_name(b, c->name);
		buf_adds(b, c->collated ? " COLLATE BINARY IS NOT " : " IS NOT ");
		if (excluded) {
			buf_adds(b, "excluded.");
			sql_name(b, c->name);
		} else {
			buf_addf(b, "?%zu", i + 1);
		}
		if (t->ours && !c->rule.type && c->store == STORE_TEXT) {
			buf_addf(b, " AND cs_differs(%u, ", s->columns[i]);
			sql_name(b, t->name);
			buf_addc(b, '.');
			sql_name(b, c->name);
			buf_addc(b, ')');
		}
		sep = " OR ";
	}
	buf_adds(b, *sep == '(' ? "0" : "))"); /* nothing to compare */
}

size_t
stmt_assign(struct buf *b, const struct table *t, const struct stmt *s, bool excluded)
{
	const char *sep = " SET ";
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct column *c = &t->columns[s->columns[i]];

		if (c->key || c->meta == META_FIRST)
			continue;
		n += column_compared(c);
		buf_adds(b, sep);
		sql_name(b, c->name);
		if (excluded) {
			buf_adds(b, " = excluded.");
			sql_name(b, c->name);
		} else {
			buf_addf(b, " = ?%zu", i + 1);
		}
		sep = ", ";
	}
	return n;
}

static void
upsert_sql(const struct db *db, struct buf *b, const struct table *t, const struct stmt *s)
{
	size_t start;

	buf_adds(b, "INSERT INTO ");
	sql_name(b, t->name);
	for (size_t i = 0; i < s->n; i++) {
		buf_adds(b, i ? ", " : " (");
		sql_name(b, t->columns[s->columns[i]].name);
	}
	for (size_t i = 0; i < s->n; i++)
		buf_adds(b, i ? ", ?" : ") VALUES (?");
	buf_adds(b, s->n ? ")" : " DEFAULT VALUES");
	if (!t->key.n || t->bulk)
		return;
	for (size_t i = 0; i < t->key.n; i++) {
		buf_adds(b, i ? ", " : " ON CONFLICT (");
		sql_name(b, t->key.v[i]);
	}
	buf_adds(b, ") DO ");
	start = b->len;
	buf_adds(b, "UPDATE");
	if (stmt_assign(b, t, s, true)) {
		buf_adds(b, " WHERE ");
		mark(b, t);
		stmt_differs(b, t, s, true);
		buf_adds(b, db->changes ? " AND cs_before()" : "");
		return;
	}
	b->len = start;
	if (!t->seen) {
		buf_adds(b, "NOTHING");
		return;
	}
	buf_adds(b, "UPDATE SET ");
	sql_name(b, t->key.v[0]);
	buf_adds(b, " = excluded.");
	sql_name(b, t->key.v[0]);
	buf_addf(b, " WHERE NOT cs_mark("); /* which is true: there is nothing to change */
	sql_name(b, t->name);
	buf_addf(b, ".%s)", table_rowid(t));
}

/* False when there is nothing that an update could change. rowid: its name, to be given in a parameter of its own;
 * NULL: the key does. */
static bool
update_sql(const struct db *db, struct buf *b, const struct table *t, const struct stmt *s,
    const char *rowid)
{
	buf_adds(b, "UPDATE ");
	sql_name(b, t->name);
	if (!stmt_assign(b, t, s, false))
		return false;
	buf_adds(b, " WHERE ");
	if (rowid)
		buf_addf(b, "%s = ?%zu AND ", rowid, s->n + 1);
	key_is(b, t, s);
	buf_adds(b, " AND ");
	mark(b, t);
	stmt_differs(b, t, s, false);
	buf_adds(b, db->changes ? " AND cs_before()" : "");
	return true;
}

static struct stmt *
stmt_new(struct db *db, const struct table *t, enum op op, size_t words)
{
	struct stmt *s = xcalloc(1, sizeof *s);

	s->op = op;
	memcpy(s->set, t->set, words * sizeof *s->set);
	s->columns = xcalloc(t->n, sizeof *s->columns);
	for (unsigned i = 0; i < t->n; i++)
		if (t->set[i / 64] >> (i % 64) & 1)
			s->columns[s->n++] = i;
	if (history_of(t))
		return s; /* makes its own */
	buf_clear(&db->sql);
	if (op == OP_UPSERT)
		upsert_sql(db, &db->sql, t, s);
	else if (!update_sql(db, &db->sql, t, s, NULL))
		return s;
	s->st = db_prepare(db, db->sql.p);
	if (s->st)
		return s;
	stmt_free(s);
	return NULL;
}

int
stmt_get(struct db *db, struct table *t, enum op op, struct stmt **out)
{
	size_t words = (t->n + 63) / 64, slot;
	struct stmt *s = t->last;

	if (s && s->op == op && !memcmp(s->set, t->set, words * sizeof *s->set)) {
		*out = s;
		return 0;
	}
	for (size_t i = 0; i < t->nstmts; i++) {
		s = t->stmts[i];
		if (s->op == op && !memcmp(s->set, t->set, words * sizeof *s->set)) {
			*out = t->last = s;
			return 0;
		}
	}
	s = stmt_new(db, t, op, words);
	if (!s)
		return CS_IO;
	if (t->nstmts < STMTS_MAX) {
		slot = t->nstmts++;
	} else {
		slot = t->evict++ % STMTS_MAX;
		stmt_free(t->stmts[slot]);
	}
	*out = t->last = t->stmts[slot] = s;
	return 0;
}

int
stmt_at(struct db *db, const struct table *t, struct stmt *s, sqlite3_stmt **st)
{
	if (!s->at) {
		buf_clear(&db->sql);
		if (update_sql(db, &db->sql, t, s, table_rowid(t))) {
			s->at = db_prepare(db, db->sql.p);
			if (!s->at)
				return CS_IO;
		}
	}
	*st = s->at;
	return 0;
}

int
stmt_find(struct db *db, struct table *t, sqlite3_stmt **st)
{
	if (!t->find) {
		buf_clear(&db->sql);
		buf_adds(&db->sql, "SELECT 1 FROM ");
		sql_name(&db->sql, t->name);
		buf_adds(&db->sql, " WHERE ");
		key_is(&db->sql, t, NULL);
		if (t->seen)
			buf_addf(&db->sql, " AND cs_mark(%s)", table_rowid(t));
		t->find = db_prepare(db, db->sql.p);
	}
	*st = t->find;
	return *st ? 0 : CS_IO;
}

int
stmt_delete(struct db *db, struct table *t, sqlite3_stmt **st)
{
	if (!t->delete) {
		buf_clear(&db->sql);
		meta_delete_sql(db, t, &db->sql);
		buf_adds(&db->sql, " WHERE ");
		key_is(&db->sql, t, NULL);
		meta_live_sql(t, " AND ", &db->sql);
		t->delete = db_prepare(db, db->sql.p);
	}
	*st = t->delete;
	return *st ? 0 : CS_IO;
}
