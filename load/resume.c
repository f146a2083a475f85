/*
 * Append exactly once (design law 8): without a key nothing tells a row that comes again, so a
 * stream that appends must go on from the checkpoint that is stored. In _cs_meta, the row 'append
 * STREAM' says that a stream does; its value is the run that ended
 * with rows after its last checkpoint, if the last one did.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "sqlite.h"
#include "statedb.h"

static int
read_base(struct db *db)
{
	struct state_row row;
	int rc = statedb_get(db->h, db->sink.life->stream, &row);

	if (rc != SQLITE_OK && rc != SQLITE_NOTFOUND)
		return db_failed(db, rc);
	buf_clear(&db->base);
	if (rc == SQLITE_OK)
		json_compact(&db->base, row.state, strlen(row.state));
	else
		buf_adds(&db->base, "null");
	state_row_release(&row);
	return 0;
}

static int
read_last_run(struct db *db)
{
	sqlite3_stmt *st;
	int rc = statedb_exists(db->h);

	free(db->last_run);
	db->last_run = NULL;
	if (rc <= 0)
		return rc < 0 ? db_fail(db) : 0;
	st = db_prepare(db, "SELECT value FROM _cs_meta WHERE name = 'append ' || ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, db->sink.life->stream, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		db->last_run = xstrdup((const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

static int
write_last_run(struct db *db, const char *run)
{
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

static int
check(struct db *db)
{
	const struct life *life = db->sink.life;

	if (db->base.len != life->from.len ||
	    memcmp(db->base.p, life->from.p, life->from.len) != 0) {
		warnx("stream \"%s\" resumes from %s, but %s is the checkpoint in %s: appending "
		      "would lose or double records; start from that checkpoint, or give a --key",
		    shown(life->stream), shown(life->from.p), shown(db->base.p), db->path);
		return CS_DATA;
	}
	if (db->last_run && *db->last_run && !strcmp(db->last_run, life->run)) {
		warnx("stream \"%s\": run \"%s\" is in %s already: appending it would double its "
		      "records; give a --key, or make the stream send checkpoints",
		    shown(life->stream), shown(life->run), db->path);
		return CS_DATA;
	}
	db->resumed = true;
	return 0;
}

int
resume_begin(struct db *db)
{
	const struct opts *o = db->sink.o;
	int r;

	if (!db->sink.life->begun || db->begun == db->sink.life->serial)
		return 0;
	db->begun = db->sink.life->serial;
	db->resumed = db->appends = db->loose = false;
	r = read_base(db);
	if (r == 0)
		r = read_last_run(db);
	if (r || !db->last_run || (o->key.n && o->mode != MODE_APPEND) || o->mode == MODE_REPLACE)
		return r;
	return check(db);
}

int
resume_append(struct db *db)
{
	int r = 0;

	db->loose = true;
	if (db->appends)
		return 0;
	if (!db->resumed)
		r = check(db);
	if (r == 0 && !db->last_run)
		r = write_last_run(db, "");
	db->appends = r == 0;
	return r;
}

int
resume_end(struct db *db)
{
	return db->appends ? write_last_run(db, db->loose ? db->sink.life->run : "") : 0;
}
