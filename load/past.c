/* What the database knows of a stream: the state that is stored, and whether it appends (resume.c). */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"
#include "statedb.h"

static int
read_base(struct db *db)
{
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

static int
read_last_run(struct db *db)
{
	sqlite3_stmt *st;
	int rc = statedb_exists(db->h);

	free(db->sink.resume.last_run);
	db->sink.resume.last_run = NULL;
	if (rc <= 0)
		return rc < 0 ? db_fail(db) : 0;
	st = db_prepare(db, "SELECT value FROM _cs_meta WHERE name = 'append ' || ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, db->sink.life->stream, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		db->sink.resume.last_run = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
sqlite_note_run(struct sink *sink, const char *run)
{
	struct db *db = (struct db *)sink;
	sqlite3_stmt *st;
	int rc, r = db_state(db);

	if (r)
		return r;
	st = db_prepare(db, "INSERT OR REPLACE INTO _cs_meta VALUES('append ' || ?1, ?2)");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, db->sink.life->stream, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, run, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
sqlite_past(struct sink *sink)
{
	struct db *db = (struct db *)sink;
	int r = read_base(db);

	return r ? r : read_last_run(db);
}
