/*
 * Which record the server refuses. Lines wait as they came, a few at a time. They are applied behind a savepoint; if that
 * fails, the halves are, each by itself, down to the one that is at fault.
 */
#include <stdlib.h>
#include <string.h>

#include "pgseen.h"
#include "pgstage.h"

#define LINES_MAX 1000
#define BYTES_MAX (1u << 20)

int
careful_add(struct pgdb *db, const struct row *row)
{
	if (db->nlines == db->line_cap) {
		db->line_cap = db->line_cap ? db->line_cap * 2 : 64;
		db->line = xreallocarray(db->line, db->line_cap, sizeof *db->line);
	}
	buf_add(&db->lines, row->p, row->n);
	buf_addc(&db->lines, '\n');
	db->line[db->nlines].lineno = row->lineno;
	db->line[db->nlines++].end = db->lines.len - 1;
	return db->nlines == LINES_MAX || db->lines.len >= BYTES_MAX ? careful_flush(db) : 0;
}

static struct slice
line(const struct pgdb *db, size_t i)
{
	size_t start = i ? db->line[i - 1].end + 1 : 0;

	return (struct slice){db->lines.p + start, db->line[i].end - start};
}

static int
refuse(struct pgdb *db, size_t i)
{
	struct slice s = line(db, i);

	if (db->stage && db->stage->replaying && db->sink.life->begun)
		return pgstage_refuse(db);
	return db->sink.refuse(db->sink.arg, db->line[i].lineno, s.p, s.n);
}

/* Apply the lines from the first on; ROW_BAD: the server refused something. */
static int
apply(struct pgdb *db, size_t first, size_t last)
{
	int r = 0;

	for (size_t i = first; i < last && r == 0; i++) {
		struct slice s = line(db, i);

		r = sink_row(&db->sink, &db->scan, &db->tag, db->line[i].lineno, s.p, s.n);
		if (r == ROW_BAD && !pgdb_spoiled(db))
			r = refuse(db, i);
	}
	return r ? r : pg_flush(db);
}

static int
apply_halves(struct pgdb *db, size_t first, size_t last)
{
	struct counts before = db->sink.counts;
	size_t nadded = db->sink.added.n, middle = first + (last - first) / 2;
	int64_t mark = db->changes ? db->changes->trail.end : 0;
	struct pgseen *full = pgseen_copy(db->full);
	char *why;
	int r = pgdb_exec(db, "savepoint _cs_row");

	if (r == 0)
		r = apply(db, first, last);
	if (r != ROW_BAD) {
		pgseen_free(full);
		return r ? r : pgdb_exec(db, "release savepoint _cs_row");
	}
	why = xstrdup(db->sink.why.p);
	before.rejected = db->sink.counts.rejected;
	db->sink.counts = before;
	names_cut(&db->sink.added, nadded);
	names_cut(&db->stages, 0);
	pgrows_forget(db);
	pgseen_back(db, full);
	r = pgdb_exec(db, "rollback to savepoint _cs_row; release savepoint _cs_row");
	if (r == 0 && db->changes)
		r = trail_cut(&db->changes->trail, mark);
	if (r == 0)
		r = pgtables_refresh(db);
	if (r == 0 && last - first == 1) {
		row_bad(&db->sink, "%s", why);
		r = refuse(db, first);
	} else if (r == 0) {
		r = apply_halves(db, first, middle);
		if (r == 0)
			r = apply_halves(db, middle, last);
	}
	free(why);
	return r;
}

int
careful_flush(struct pgdb *db)
{
	int r = 0;

	db->careful_now = true;
	if (db->nlines)
		r = apply_halves(db, 0, db->nlines);
	db->careful_now = false;
	db->nlines = 0;
	buf_clear(&db->lines);
	return r;
}
