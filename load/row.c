/* One record, as read, into one row. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "digest.h"
#include "history.h"
#include "seen.h"
#include "show.h"
#include "stage.h"

static int
bind(sqlite3_stmt *st, int i, const struct column *c)
{
	const struct cell *x = &c->cell;

	switch (x->kind) {
	case KIND_NULL:
		return sqlite3_bind_null(st, i);
	case KIND_BLOB:
		return sqlite3_bind_blob64(st, i, x->p, x->n, SQLITE_STATIC);
	case KIND_BOOL:
	case KIND_INT:
		if (c->store != STORE_TEXT)
			return sqlite3_bind_int64(st, i, x->i);
		break;
	case KIND_REAL:
		if (c->store != STORE_TEXT)
			return sqlite3_bind_double(st, i, x->d);
		break;
	default:
		break;
	}
	return sqlite3_bind_text64(st, i, x->p, x->n, SQLITE_STATIC, SQLITE_UTF8);
}

int
run(struct db *db, sqlite3_stmt *st, bool *found)
{
	int rc = sqlite3_step(st), r = 0;

	if (found)
		*found = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		int primary = rc & 0xff;

		if ((primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
			primary == SQLITE_TOOBIG) &&
		    !sqlite3_get_autocommit(db->h))
			r = row_bad(&db->sink, "%s", db_message(db));
		else
			r = db_fail(db);
	}
	sqlite3_reset(st);
	return r;
}

int
bind_key(struct db *db, const struct table *t, sqlite3_stmt *st)
{
	for (size_t i = 0; i < t->key.n; i++) {
		int c = table_find(t, (struct slice){t->key.v[i], strlen(t->key.v[i])});

		if (bind(st, (int)i + 1, &t->columns[c]) != SQLITE_OK)
			return db_fail(db);
	}
	return 0;
}

/* Find or delete by key. */
static int
run_key(struct db *db, const struct table *t, sqlite3_stmt *st, bool *found)
{
	int r = bind_key(db, t, st);

	return r ? r : run(db, st, found);
}

static int
find_row(struct db *db, struct table *t, bool *found)
{
	sqlite3_stmt *st;
	int r = stmt_find(db, t, &st);

	return r ? r : run_key(db, t, st, found);
}

int
bind_all(struct db *db, const struct table *t, const struct stmt *s, sqlite3_stmt *st)
{
	size_t n = (size_t)sqlite3_bind_parameter_count(st); /* it need not know the last ones */

	for (size_t i = 0; i < s->n && i < n; i++)
		if (bind(st, (int)i + 1, &t->columns[s->columns[i]]) != SQLITE_OK)
			return db_fail(db);
	return 0;
}

/*
 * Whether a row was inserted, updated or left alone is told without a second
 * statement: an update does not set the last rowid, and one that changes nothing counts no change.
 */
static int
upsert(struct db *db, struct table *t, struct stmt *s)
{
	struct counts *n = &db->sink.counts;
	sqlite3_int64 none = -1, rowid;
	enum digest_did did;
	bool there = false;
	int r = 0;

	if (t->without_rowid && t->key.n)
		r = find_row(db, t, &there);
	else if (t->alias >= 0 && t->columns[t->alias].stamp == t->row &&
		 t->columns[t->alias].cell.i == none)
		none = -2;
	if (r)
		return r;
	sqlite3_set_last_insert_rowid(db->h, none);
	r = run(db, s->st, NULL);
	if (r)
		return r;
	rowid = sqlite3_last_insert_rowid(db->h);
	did = !sqlite3_changes(db->h) ? DIGEST_UNCHANGED
	      : t->without_rowid      ? there
	      : rowid == none         ? DIGEST_UPDATED
				      : DIGEST_INSERTED;
	n->unchanged += did == DIGEST_UNCHANGED;
	n->updated += did == DIGEST_UPDATED;
	n->inserted += did == DIGEST_INSERTED;
	if (t->seen && did == DIGEST_INSERTED)
		r = seen_mark(db, t->seen, rowid); /* the statement has marked others */
	if (r == 0 && did != DIGEST_UNCHANGED)
		r = did == DIGEST_INSERTED ? change_inserted(db, t, rowid) : change_updated(db, t);
	return r == 0 && t->key.n ? digest_upserted(db, t, did, rowid) : r;
}

/* Update the row that the digest map knows; *done: there was one, with the record's key, and it has changed. */
static int
upsert_at(struct db *db, struct table *t, struct stmt *s, bool *done)
{
	sqlite3_int64 rowid;
	sqlite3_stmt *st;
	int r;

	*done = false;
	if (!digest_rowid(t, &rowid))
		return 0;
	r = stmt_at(db, t, s, &st);
	if (r || !st)
		return r;
	r = bind_all(db, t, s, st);
	if (r == 0 && sqlite3_bind_int64(st, (int)s->n + 1, rowid) != SQLITE_OK)
		r = db_fail(db);
	if (r == 0)
		r = run(db, st, NULL);
	*done = r == 0 && sqlite3_changes(db->h);
	if (!*done)
		return r == ROW_BAD ? 0 : r; /* the upsert will tell */
	db->sink.counts.updated++;
	r = change_updated(db, t);
	return r ? r : digest_upserted(db, t, DIGEST_UPDATED, rowid);
}

static int
update(struct db *db, struct table *t, struct stmt *s)
{
	bool there = true;
	int r = s->st ? run(db, s->st, NULL) : 0;

	digest_touched(t);
	if (r)
		return r;
	if (!s->st || !sqlite3_changes(db->h)) {
		r = find_row(db, t, &there);
		if (there)
			db->sink.counts.unchanged++;
		else
			db->sink.counts.ignored++;
	} else {
		db->sink.counts.updated++;
		r = change_updated(db, t);
	}
	return r;
}

/* The row that an upsert would insert is refused, but it may have been one to update. */
static int
update_instead(struct db *db, struct table *t)
{
	char *why = xstrdup(db->sink.why.p);
	struct stmt *s;
	bool there;
	int r = find_row(db, t, &there);

	if (r == 0 && there)
		r = stmt_get(db, t, OP_UPDATE, &s);
	if (r == 0 && there)
		r = bind_all(db, t, s, s->st);
	if (r == 0)
		r = there ? update(db, t, s) : row_bad(&db->sink, "%s", why);
	free(why);
	return r;
}

static int write_row(struct db *db, struct table *t, const struct row *row);

/* --bulk, and the row of the record would not change. */
static int
upsert_bulk(struct db *db, struct table *t, const struct row *row)
{
	bool there;
	int r = digest_there(db, t, &there);

	if (r == 0 && there) {
		db->sink.counts.unchanged++;
		return 0;
	}
	/* Another key that has the same hash: the index tells them apart. */
	if (r == 0)
		r = digest_seal(db, t);
	return r ? r : write_row(db, t, row);
}

static int
write_row(struct db *db, struct table *t, const struct row *row)
{
	enum digest_says says;
	sqlite3_int64 rowid;
	struct stmt *s;
	bool done = false;
	int r;

	says = row->op == OP_UPSERT ? digest_look(t) : DIGEST_NOTHING;
	if (says == DIGEST_SAME) {
		db->sink.counts.unchanged++;
		db->sink.spared++;
		return t->seen && digest_rowid(t, &rowid) ? seen_mark(db, t->seen, rowid) : 0;
	}
	if (t->bulk && row->op != OP_UPSERT && (r = digest_seal(db, t)))
		return r;
	r = stmt_get(db, t, row->op, &s);
	if (r == 0 && says == DIGEST_OTHER)
		r = upsert_at(db, t, s, &done);
	if (r == 0 && says == DIGEST_OTHER && t->bulk && !done)
		return upsert_bulk(db, t, row);
	if (r == 0 && !done)
		r = bind_all(db, t, s, s->st);
	if (r || done)
		return r;
	if (row->op != OP_UPSERT)
		return update(db, t, s);
	r = upsert(db, t, s);
	if (r == ROW_BAD && t->key.n &&
	    (sqlite3_extended_errcode(db->h) == SQLITE_CONSTRAINT_NOTNULL ||
		sqlite3_extended_errcode(db->h) == SQLITE_CONSTRAINT_CHECK))
		r = update_instead(db, t);
	return r;
}

static int
delete_row(struct db *db, struct table *t)
{
	sqlite3_stmt *st;
	int r = digest_seal(db, t);

	if (r == 0)
		r = stmt_delete(db, t, &st);
	digest_touched(t);
	if (r == 0)
		r = change_before(db, t);
	if (r == 0)
		r = run_key(db, t, st, NULL);
	if (r)
		return r;
	if (!sqlite3_changes(db->h)) {
		db->sink.counts.ignored++;
		return 0;
	}
	db->sink.counts.deleted++;
	return change_deleted(db, t);
}

static int
write_record(struct db *db, struct table *t, const struct row *row, size_t members)
{
	int r = table_sync(db, t);

	if (r)
		return r;
	if (row->op != OP_DELETE)
		record_choose(&db->sink, t, row, members, db->stage != NULL);
	if (history_of(t))
		return row->op == OP_DELETE ? history_delete(db, t) : history_write(db, t, row->op);
	return row->op == OP_DELETE ? delete_row(db, t) : write_row(db, t, row);
}

/* A record that changes the table on its way; unless it is stored, that is taken back. */
static int
change_table(struct db *db, struct table *t, const struct row *row, size_t members, size_t n)
{
	struct names *added = &db->sink.added;
	size_t nadded = added->n;
	uint64_t ignored = db->sink.counts.ignored;
	int r = db_exec(db, "SAVEPOINT cs_row"), failed;

	if (r)
		return r;
	r = write_record(db, t, row, members);
	if (r > 0)
		return r;
	if (r == 0 && db->sink.counts.ignored == ignored) {
		record_stored(t, members);
		return db_exec(db, "RELEASE cs_row");
	}
	failed = db_exec(db, "ROLLBACK TO cs_row; RELEASE cs_row");
	names_cut(added, nadded);
	if (failed == 0)
		failed = table_reload(db, t, n);
	return failed ? failed : r;
}

/* Read the record and see that it can be stored, or updated or deleted; *skip: there is nothing to. */
static int
prepare(struct db *db, struct table *t, const struct row *row, size_t *members, bool *skip)
{
	bool there = t->exists;
	int r = record_read(&db->sink, t, row, members);

	if (r == 0 && t->meta[META_HASH] >= 0)
		r = rowhash(&db->sink, t, row->op);
	if (r == 0 && (t->exists || row->op == OP_UPSERT))
		r = record_key(&db->sink, t);
	if (r == 0 && row->op != OP_UPSERT && t->exists && t->dirty)
		r = find_row(db, t, &there); /* before the table is changed for it */
	if (r == 0 && row->op == OP_UPSERT && !t->exists)
		r = record_begins(&db->sink, t);
	*skip = row->op != OP_UPSERT && !there;
	return r;
}

int
sqlite_row(struct sink *sink, const struct row *row)
{
	struct db *db = (struct db *)sink;
	struct table *t;
	size_t members, n;
	uint64_t ignored = sink->counts.ignored;
	bool skip;
	int r = table_get(db, row->table, &t);

	if (r)
		return r;
	db->at = t;
	if ((row->table.p || !t->by_default) && (r = table_asked(sink, t, row->table)))
		return r;
	if (!t->key.n && sink->life->begun && !db->stage) {
		r = resume_append(sink);
		if (r)
			return r;
	}
	if (sink->o->missing && t->key.n &&
	    (r = seen_row(db, t, row->tag ? row->tag->version : -1)))
		return r;
	if (row->op != OP_UPSERT && !t->key.n)
		return row_bad(
		    sink, "table \"%s\" has no key to find a row by (--key)", shown(t->name));
	n = t->n;
	r = prepare(db, t, row, &members, &skip);
	if (r == 0 && db->stage)
		r = stage_row(db, t, row);
	if (r == 0 && stage_takes(db)) {
		table_undo(t, n);
		return 0;
	}
	if (r == 0 && skip)
		sink->counts.ignored++;
	else if (r == 0 && t->dirty)
		return change_table(db, t, row, members, n);
	else if (r == 0)
		r = write_record(db, t, row, members);
	if (r || sink->counts.ignored != ignored)
		table_undo(t, n);
	else if (t->n > n)
		record_stored(t, members);
	return r;
}
