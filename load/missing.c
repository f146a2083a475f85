/* Rows that a complete full run has not brought are deleted at its end, in that same transaction. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "full.h"
#include "history.h"
#include "seen.h"
#include "show.h"

/* The one number that sql gives. */
static int
number(struct db *db, const char *sql, int64_t *n)
{
	sqlite3_stmt *st = db_prepare(db, sql);
	int rc;

	if (!st)
		return CS_IO;
	rc = sqlite3_step(st);
	*n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : db_fail(db);
}

/* Put the rowids of the rows not seen into a temporary table. */
static int
collect(struct db *db, const struct table *t, int64_t *missing)
{
	struct buf *b = &db->sql;
	sqlite3_stmt *st;
	int r;

	r = db_exec(db, "CREATE TEMP TABLE IF NOT EXISTS _cs_missing(id INTEGER PRIMARY KEY);"
			"DELETE FROM temp._cs_missing");
	if (r)
		return r;
	st = db_prepare(db, "SELECT bits FROM _cs_seen WHERE id = ?1 AND chunk = ?2");
	if (!st)
		return CS_IO;
	db->found = (struct found){.st = st};
	buf_clear(b);
	buf_addf(b, "INSERT INTO temp._cs_missing SELECT %s FROM ", table_rowid(t));
	sql_name(b, t->name);
	buf_addf(b, " NOT INDEXED WHERE NOT cs_seen(%lld, %s)", (long long)t->seen->id,
	    table_rowid(t)); /* in the order of rowids */
	meta_live_sql(t, " AND ", b);
	r = db_exec(db, b->p);
	*missing = sqlite3_changes(db->h);
	sqlite3_finalize(st);
	db->found.st = NULL;
	return r;
}

/* May so many rows go? */
static int
check_limit(struct db *db, const struct table *t, int64_t missing)
{
	struct buf *b = &db->sql;
	int64_t all;
	int r;

	buf_clear(b);
	buf_adds(b, "SELECT count(*) FROM ");
	sql_name(b, t->name);
	meta_live_sql(t, " WHERE ", b);
	r = number(db, b->p, &all);
	return r ? r : full_limit(&db->sink, t->name, (uint64_t)missing, (uint64_t)all);
}

/* Those of a history end. */
static int
end_versions(struct db *db, struct table *t)
{
	sqlite3_stmt *st = db_prepare(db, "SELECT id FROM temp._cs_missing");
	int rc, r = 0;

	if (!st)
		return CS_IO;
	while (r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW)
		r = history_end(db, t, sqlite3_column_int64(st, 0));
	if (r == 0 && rc != SQLITE_DONE)
		r = db_fail(db);
	sqlite3_finalize(st);
	return r;
}

static int
delete_table(struct db *db, struct table *t)
{
	struct buf *b = &db->sql;
	int64_t missing;
	char *where;
	int r = collect(db, t, &missing);

	if (r == 0 && missing)
		r = check_limit(db, t, missing);
	if (r || !missing)
		return r;
	if (history_of(t)) {
		db->sink.counts.deleted += (uint64_t)missing;
		return end_versions(db, t);
	}
	where = xasprintf("%s IN (SELECT id FROM temp._cs_missing)", table_rowid(t));
	r = change_delete_rows(db, t, where);
	buf_clear(b);
	meta_delete_sql(db, t, b);
	buf_addf(b, " WHERE %s", where);
	free(where);
	if (r == 0)
		r = db_exec(db, b->p);
	if (r == 0)
		db->sink.counts.deleted += (uint64_t)sqlite3_changes64(db->h);
	return r;
}

/* A full run without a record is one of the default table, if there is such a table. */
static int
none_came(struct db *db)
{
	const struct life *life = db->sink.life;
	struct table *t;

	if (!db->sink.o->table || db->seen || life->records || (life->begun && !life->full) ||
	    sqlite3_table_column_metadata(
		db->h, "main", db->sink.o->table, NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
		return 0;
	return table_get(db, (struct slice){NULL, 0}, &t);
}

int
missing_delete(struct db *db)
{
	struct table *t;
	int r = none_came(db);

	if (r == 0)
		r = seen_keep(db);
	for (struct seen *s = db->seen; s && r == 0; s = s->next) {
		r = table_get(db, (struct slice){s->table, strlen(s->table)}, &t);
		if (r == 0 && t->exists && decl_activated(db->decls, s->table, s->version) &&
		    full_told(&db->sink, s->table, s->whole,
			s->rejected + db->sink.life->rejected + db->sink.life->upstream))
			r = delete_table(db, t);
		if (r == 0)
			r = seen_end(db, s);
	}
	seen_free(db);
	return r == ROW_BAD ? CS_DATA : r;
}
