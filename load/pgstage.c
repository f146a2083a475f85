#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "full.h"
#include "pgseen.h"
#include "pgstage.h"
#include "show.h"

#define BYTES_MAX (1u << 20) /* of lines that wait */
#define FETCH     "1000"     /* lines at a time */

bool
pgstage_takes(const struct pgdb *db)
{
	return db->stage && db->sink.life->begun && !db->sink.o->dry_run && !db->stage->replaying;
}

/* In _cs_full, of the stream's default table. */
static const char *
tag_name(const struct pgdb *db)
{
	return db->sink.o->table ? db->sink.o->table : "";
}

static int
begin_lines(struct pgdb *db)
{
	struct pgstage *s = db->stage;
	struct buf *b = &db->sql;
	int r;

	buf_clear(b);
	buf_addf(b,
	    "drop table if exists %s; create table %s(n bigserial primary key, line text not null)",
	    s->lines, s->lines);
	r = pgdb_exec(db, b->p);
	return r ? r : pgfull_write(db, tag_name(db), db->sink.life->run, true);
}

static int
stage_open(struct pgdb *db)
{
	struct pgstage *s = db->stage;
	struct pgseen was = {0};
	bool have = false, same = false;
	int r = full_check(&db->sink);

	if (r)
		return r;
	pgfull_name(db, "_cs_staged_", tag_name(db), s->lines);
	s->rejected = s->noted = 0;
	r = pgfull_read(db, tag_name(db), db->sink.life->run, &have, &same, &was);
	if (r == 0 && pgfull_first(db))
		r = begin_lines(db);
	else if (r == 0)
		r = full_resumed(&db->sink, same);
	if (r == 0 && !pgfull_first(db))
		s->rejected = was.rejected;
	s->open |= r == 0;
	return r;
}

int
pgstage_flush(struct pgdb *db)
{
	struct pgstage *s = db->stage;
	struct buf *b = &db->sql;
	int r;

	if (!s || !s->data.len)
		return 0;
	buf_clear(b);
	buf_addf(b, "copy %s (line) from stdin", s->lines);
	r = pgcopy(db, &s->data, b->p);
	buf_clear(&s->data);
	return r;
}

int
pgstage_keep(struct pgdb *db)
{
	uint64_t rejected = db->sink.life->rejected + db->sink.life->upstream;
	struct pgstage *s = db->stage;
	int r;

	if (!s || s->done || !pgstage_takes(db) || (s->open && rejected == s->noted))
		return 0;
	r = s->open ? 0 : stage_open(db); /* that it is begun is known before there is a record */
	if (r || rejected == s->noted)
		return r;
	s->noted = rejected;
	return pgfull_rejected(db, tag_name(db), s->rejected + rejected);
}

/* A table without a key: its old rows go before the first new one comes. */
static int
empty(struct pgdb *db, struct table *t)
{
	struct names *done = &db->stage->emptied;

	if (names_have(done, t->name))
		return 0;
	names_push(done, t->name);
	if (!t->exists)
		return 0;
	return pgrows_delete(db, t, "");
}

int
pgstage_row(struct pgdb *db, struct table *t, const struct row *row)
{
	struct pgstage *s = db->stage;
	int r;

	if (row->op == OP_UPDATE)
		return row_bad(&db->sink, "an update has no place where a table is replaced");
	if (!pgstage_takes(db))
		return t->key.n ? 0 : empty(db, t);
	r = s->open ? 0 : stage_open(db);
	if (r)
		return r;
	for (size_t i = 0; i < row->n; i++) {
		if (row->p[i] == '\\' || row->p[i] == '\t' || row->p[i] == '\r')
			buf_addc(&s->data, '\\');
		buf_addc(&s->data, row->p[i] == '\t' ? 't' : row->p[i] == '\r' ? 'r' : row->p[i]);
	}
	buf_addc(&s->data, '\n');
	return s->data.len >= BYTES_MAX ? pgstage_flush(db) : 0;
}

/* Apply a line that was staged. */
static int
replay(struct pgdb *db, struct scan *scan, struct tag *tag, const struct buf *line)
{
	int r = sink_row(&db->sink, scan, tag, 0, line->p, line->len);

	return r == ROW_BAD && !pgdb_spoiled(db) ? pgstage_refuse(db) : r;
}

int
pgstage_refuse(const struct pgdb *db)
{
	warnx("a record that was staged cannot be stored, so nothing is replaced: %s",
	    db->sink.why.p);
	return CS_DATA;
}

static int
replay_all(struct pgdb *db)
{
	struct scan scan = {0};
	struct tag tag = {0};
	struct buf line = {0};
	PGresult *res;
	int n = 1, r;

	buf_clear(&db->sql);
	buf_addf(&db->sql, "declare _cs_lines no scroll cursor for select line from %s order by n",
	    db->stage->lines);
	r = pgdb_exec(db, db->sql.p);
	while (r == 0 && n > 0) {
		res = pg_query(&db->pg, "fetch " FETCH " from _cs_lines", 0, NULL);
		if (!res) {
			r = pgdb_fail(db);
			break;
		}
		n = PQntuples(res);
		for (int i = 0; i < n && r == 0; i++) {
			buf_clear(&line); /* the scanner reads beyond it */
			buf_add(&line, PQgetvalue(res, i, 0), (size_t)PQgetlength(res, i, 0));
			r = replay(db, &scan, &tag, &line);
		}
		PQclear(res);
	}
	if (r == 0)
		r = pg_flush(db);
	if (r == 0)
		r = pgdb_exec(db, "close _cs_lines");
	scan_release(&scan);
	tag_release(&tag);
	buf_release(&line);
	return r;
}

/* A run without a record is one of the default table. */
static int
none_came(struct pgdb *db)
{
	struct table *t;
	int r;

	if (!db->sink.o->table || db->sink.life->records)
		return 0;
	db->stage->vain = full_none(&db->sink);
	if (db->stage->vain)
		return 0;
	r = pgtable_get(db, (struct slice){NULL, 0}, &t);
	return r || t->key.n ? r : empty(db, t);
}

int
pgstage_replay(struct pgdb *db, bool complete)
{
	struct pgstage *s = db->stage;
	uint64_t rejected;
	int r = pgstage_takes(db) && !s->open ? stage_open(db) : full_check(&db->sink);

	if (r)
		return r;
	rejected = s->rejected + db->sink.life->rejected + db->sink.life->upstream;
	s->vain = !complete;
	if (!complete && !db->sink.o->quiet)
		warnx("the stream did not bring all its records, so nothing is replaced");
	if (!complete)
		return 0;
	r = pgstage_flush(db);
	if (r)
		return r;
	pgtables_forget(db); /* they are not looked at for staging now */
	s->replaying = true;
	if (rejected) {
		warnx("%llu records were set aside, so nothing is replaced",
		    (unsigned long long)rejected);
		r = CS_DATA;
	}
	if (r == 0 && s->open)
		r = replay_all(db);
	if (r == 0)
		r = none_came(db);
	return r == ROW_BAD ? CS_DATA : r;
}

int
pgstage_end(struct pgdb *db)
{
	struct pgstage *s = db->stage;
	char sql[64];
	int r = 0;

	if (s->open) {
		snprintf(sql, sizeof sql, "drop table %s", s->lines);
		r = pgdb_exec(db, sql);
		if (r == 0)
			r = pgfull_end(db, tag_name(db));
	}
	if (r)
		return r; /* pgstage_lose() has said how it is */
	s->open = s->replaying = false;
	s->done = true;
	buf_clear(&s->data);
	names_release(&s->emptied);
	return 0;
}

void
pgstage_kept(struct pgdb *db)
{
	struct pgstage *s = db->stage;

	if (!s)
		return;
	if (s->done) { /* ready for another */
		s->done = s->open = false;
		s->noted = 0;
	}
	s->kept_open = s->open;
	s->kept_noted = s->noted;
}

void
pgstage_lose(struct pgdb *db)
{
	struct pgstage *s = db->stage;

	if (!s)
		return;
	s->open = s->kept_open;
	s->noted = s->kept_noted;
	s->replaying = s->done = false;
	buf_clear(&s->data);
	names_release(&s->emptied);
}

void
pgstage_free(struct pgstage *s)
{
	if (!s)
		return;
	buf_release(&s->data);
	names_release(&s->emptied);
	free(s);
}
