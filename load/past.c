/* What the database knows besides rows: the state of a stream, and what _cs_meta has. */
#include <string.h>

#include "sqlite.h"
#include "statedb.h"

int
sqlite_past(struct sink *sink)
{
	struct db *db = (struct db *)sink;
	struct state_row row;
	int rc = statedb_get(db->h, db->sink.life->stream, &row);

	if (rc != SQLITE_OK && rc != SQLITE_NOTFOUND)
		return db_failed(db, rc);
	buf_clear(&db->sink.resume.base);
	if (rc == SQLITE_OK)
		json_compact(&db->sink.resume.base, row.state, strlen(row.state));
	else
		buf_adds(&db->sink.resume.base, "null");
	state_row_release(&row);
	return 0;
}

int
sqlite_meta_get(struct sink *sink, const char *name, char **value)
{
	struct db *db = (struct db *)sink;
	sqlite3_stmt *st;
	int rc = sqlite3_table_column_metadata(
	    db->h, "main", "_cs_meta", "value", NULL, NULL, NULL, NULL, NULL);

	*value = NULL;
	if (rc != SQLITE_OK)
		return rc == SQLITE_ERROR ? 0 : db_fail(db); /* no such table */
	st = db_prepare(db, "SELECT value FROM _cs_meta WHERE name = ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*value = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
sqlite_meta_put(struct sink *sink, const char *name, const char *value)
{
	struct db *db = (struct db *)sink;
	sqlite3_stmt *st;
	int rc = sqlite3_table_column_metadata(
	    db->h, "main", "_cs_meta", "value", NULL, NULL, NULL, NULL, NULL);
	int r = value ? db_state(db) : 0;

	if (r || (!value && rc != SQLITE_OK))
		return r;
	st = db_prepare(db, value ? "INSERT OR REPLACE INTO _cs_meta VALUES(?1, ?2)"
				  : "DELETE FROM _cs_meta WHERE name = ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	if (value)
		sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
sqlite_begin(struct sink *sink)
{
	return db_exec((struct db *)sink, "BEGIN IMMEDIATE");
}

int
sqlite_end(struct sink *sink, int r)
{
	struct db *db = (struct db *)sink;

	if (r == 0)
		return db_exec(db, "COMMIT");
	sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
