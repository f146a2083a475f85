#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "full.h"
#include "lines.h"
#include "seen.h"
#include "show.h"
#include "stage.h"

#define REJECTED                                                                                   \
	"{\"@cs\":\"rejected\",\"records\":" /* a line of the file: so many were set aside */

bool
stage_takes(const struct db *db)
{
	const struct opts *o = db->sink.o;

	return db->stage && db->sink.life->begun && !o->dry_run && !db->stage->replaying;
}

/* FILE-cs-stage-HASH of the stream and the table. */
static char *
stage_path(const struct db *db)
{
	const char *table = db->sink.o->table ? db->sink.o->table : "";

	return xasprintf(
	    "%s-cs-stage-%016llx", db->path, (unsigned long long)full_hash(&db->sink, table));
}

/* The first line says which run it is of: the same as at hand? */
static int
same_run(struct stage *s, const char *first, size_t n, bool *same)
{
	char *was = xcalloc(n, 1);
	ssize_t got = pread(s->trail.fd, was, n, 0);

	*same = got == (ssize_t)n && !memcmp(was, first, n);
	free(was);
	if (got >= 0)
		return 0;
	warn("%s", s->path);
	return CS_IO;
}

static int
stage_open(struct db *db)
{
	const struct life *life = db->sink.life;
	struct stage *s = db->stage;
	struct buf first = {0};
	bool same = false, begins = slice_is((struct slice){life->from.p, life->from.len}, "null");
	int r;

	r = full_check(&db->sink);
	if (r)
		return r;
	free(s->path);
	s->path = stage_path(db);
	r = trail_open(&db->sink, &s->trail, s->path, "stage", true);
	if (r)
		return r;
	s->open = true;
	buf_adds(&first, "{\"@cs\":\"begin\",\"run\":");
	json_quote(&first, life->run, strlen(life->run));
	buf_adds(&first, "}\n");
	r = same_run(s, first.p, first.len, &same);
	if (r == 0 && !begins)
		r = full_resumed(&db->sink, same);
	if (r == 0 && begins)
		r = trail_cut(&s->trail, 0);
	if (r == 0 && begins)
		r = trail_add(&s->trail, first.p, first.len);
	buf_release(&first);
	return r;
}

int
stage_keep(struct db *db)
{
	uint64_t rejected = db->sink.life->rejected + db->sink.life->upstream;
	struct stage *s = db->stage;
	char *line;
	int r;

	if (!stage_takes(db) || (s->open && rejected == s->noted))
		return 0;
	r = s->open ? 0 : stage_open(db); /* that it is begun is known before there is a record */
	if (r || rejected == s->noted)
		return r;
	line = xasprintf(REJECTED "%llu}\n", (unsigned long long)(rejected - s->noted));
	s->noted = rejected;
	r = trail_add(&s->trail, line, strlen(line));
	free(line);
	return r;
}

/* A table without a key: its old rows go before the first new one comes. */
static int
empty(struct db *db, struct table *t)
{
	struct names *done = &db->stage->emptied;
	int r;

	if (names_have(done, t->name))
		return 0;
	names_push(done, t->name);
	if (!t->exists)
		return 0;
	r = change_delete_rows(db, t, "1");
	buf_clear(&db->sql);
	buf_adds(&db->sql, "DELETE FROM ");
	sql_name(&db->sql, t->name);
	if (r == 0)
		r = db_exec(db, db->sql.p);
	if (r == 0)
		db->sink.counts.deleted += (uint64_t)sqlite3_changes64(db->h);
	return r;
}

int
stage_row(struct db *db, struct table *t, const struct row *row)
{
	struct stage *s = db->stage;
	int r;

	if (row->op == OP_UPDATE)
		return row_bad(&db->sink, "an update has no place where a table is replaced");
	if (!stage_takes(db))
		return t->key.n ? 0 : empty(db, t);
	r = s->open ? 0 : stage_open(db);
	if (r == 0)
		r = trail_add(&s->trail, row->p, row->n);
	return r ? r : trail_add(&s->trail, "\n", 1);
}

/* Apply a line of the file. */
static int
replay(
    struct db *db, struct scan *scan, struct tag *tag, const char *p, size_t n, uint64_t *rejected)
{
	int r;

	if (n > strlen(REJECTED) && !memcmp(p, REJECTED, strlen(REJECTED))) {
		*rejected += strtoull(p + strlen(REJECTED), NULL, 10);
		return 0;
	}
	if (line_kind(p, n) == LINE_CONTROL)
		return 0; /* the first one */
	r = sink_row(&db->sink, scan, tag, 0, p, n);
	if (r != ROW_BAD)
		return r;
	warnx("a record that was staged cannot be stored, so nothing is replaced: %s",
	    db->sink.why.p);
	return CS_DATA;
}

static int
replay_all(struct db *db, uint64_t *rejected)
{
	struct lines lines;
	struct scan scan = {0};
	struct tag tag = {0};
	const char *p;
	size_t n;
	int got, r = trail_rewind(&db->stage->trail);

	lines_open(&lines, db->stage->trail.fd, db->stage->path, db->sink.o->max_record);
	while (r == 0 && (got = lines_next(&lines, &p, &n)) != LINES_EOF) {
		if (got == LINES_OK) {
			r = replay(db, &scan, &tag, p, n, rejected);
		} else {
			warn("%s", db->stage->path);
			r = CS_IO;
		}
	}
	lines_close(&lines);
	scan_release(&scan);
	tag_release(&tag);
	return r;
}

/* A run without a record is one of the default table. */
static int
none_came(struct db *db)
{
	struct table *t;
	int r;

	if (!db->sink.o->table || db->sink.life->records)
		return 0;
	db->stage->vain = full_none(&db->sink);
	if (db->stage->vain)
		return 0;
	r = table_get(db, (struct slice){NULL, 0}, &t);
	return r || t->key.n ? r : empty(db, t);
}

int
stage_replay(struct db *db, bool complete)
{
	struct stage *s = db->stage;
	uint64_t rejected = db->sink.life->rejected + db->sink.life->upstream - s->noted;
	int r = stage_takes(db) && !s->open ? stage_open(db) : full_check(&db->sink);

	if (r)
		return r;
	s->vain = !complete;
	if (!complete && !db->sink.o->quiet)
		warnx("the stream did not bring all its records, so nothing is replaced");
	if (!complete)
		return 0;
	tables_forget(db); /* they are not looked at for staging now */
	s->replaying = true;
	if (s->open)
		r = replay_all(db, &rejected);
	if (r == 0 && rejected) {
		warnx("%llu records were set aside, so nothing is replaced",
		    (unsigned long long)rejected);
		r = CS_DATA;
	}
	if (r == 0)
		r = none_came(db);
	return r == ROW_BAD ? CS_DATA : r;
}

int
stage_end(struct db *db)
{
	struct stage *s = db->stage;

	s->replaying = false;
	names_release(&s->emptied);
	return s->open ? trail_end(&db->sink, &s->trail) : 0;
}

int
stage_drop(struct db *db)
{
	struct stage *s = db->stage;

	s->replaying = false;
	names_release(&s->emptied);
	if (s->open && s->mark >= 0)
		return trail_cut(&s->trail, s->mark);
	stage_close(s);
	return 0;
}

void
stage_close(struct stage *s)
{
	if (s->open)
		trail_close(&s->trail);
	free(s->path);
	names_release(&s->emptied);
	*s = (struct stage){0};
}
