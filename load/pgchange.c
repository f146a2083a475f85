/*
 * --changes of a PostgreSQL database: the statement that writes a group's rows gives each one that changed as well, as it was
 * and as it is, a column a value of JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "pgsink.h"
#include "scan.h"

int
pgchanges_open(struct pgdb *db)
{
	const struct opts *o = db->sink.o;
	struct trail *t;
	int r;

	if (!o->changes || o->dry_run)
		return 0;
	db->changes = xcalloc(1, sizeof *db->changes);
	t = &db->changes->trail;
	while ((r = trail_open(&db->sink, t, o->changes, "changes", false)) == SINK_AGAIN)
		trail_close(t);
	return r;
}

/* Append the stored columns of a row, as what cs-load would be given to store them. */
void
pgchange_columns(struct buf *b, const struct table *t, const char *row)
{
	const char *sep = "";

	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];

		if (c->presence != COLUMN_STORED)
			continue;
		buf_adds(b, sep);
		if (c->native == NATIVE_BYTEA) {
			buf_addf(b, "to_json(translate(encode(%s.", row);
			pg_name(b, c->name);
			buf_adds(b, ", 'base64'), E'\\n', ''))::text");
		} else if (c->native == NATIVE_TIMESTAMPTZ) { /* in UTC, wherever the server is */
			buf_addf(b, "regexp_replace(to_json(%s.", row);
			pg_name(b, c->name);
			buf_adds(b, " at time zone 'UTC')::text, '([0-9])\"$', '\\1Z\"')");
		} else {
			buf_addf(b, "to_json(%s.", row);
			pg_name(b, c->name);
			buf_adds(b, ")::text");
		}
		sep = ", ";
	}
}

static void
read_image(struct image *m, const struct table *t, PGresult *res, int row, int *column)
{
	image_begin(m, t);
	for (; m->n < t->n; m->n++) {
		const struct column *c = &t->columns[m->n];
		const char *p;

		if (c->presence == COLUMN_STORED) {
			p = PQgetisnull(res, row, *column) ? "null" : PQgetvalue(res, row, *column);
			if (c->store == STORE_JSON)
				json_compact(&m->text, p, strlen(p));
			else
				buf_adds(&m->text, p);
			++*column;
		}
		m->end[m->n] = m->text.len;
	}
}

/*
 * Run the statement in db->sql, whose rows are: is there an old row, is there a new one (t or f), the columns of the old, unless the
 * statement has none, and of the new, unless none has one. Count them in n: inserted or deleted, and updated.
 */
int
pgchange_run(
    struct pgdb *db, const struct table *t, int params, const char *const *values, int64_t n[2])
{
	struct changes *c = db->changes;
	PGresult *res = pg_query(&db->pg, db->sql.p, params, values);
	size_t stored = 0;
	int r = 0;

	n[0] = n[1] = 0;
	if (!res)
		return pgdb_fail(db);
	for (size_t i = 0; i < t->n; i++)
		stored += t->columns[i].presence == COLUMN_STORED;
	for (int i = 0; i < PQntuples(res) && r == 0; i++) {
		bool was = *PQgetvalue(res, i, 0) == 't', is = *PQgetvalue(res, i, 1) == 't';
		int column = 2;

		if (was || (size_t)PQnfields(res) > 2 + stored) /* nulls, where it was not */
			read_image(&c->old, t, res, i, &column);
		if (is)
			read_image(&c->new, t, res, i, &column);
		n[was && is]++;
		r = feed_line(c, t,
		    !was ? "insert"
		    : is ? "update"
			 : "delete",
		    was ? &c->old : NULL, is ? &c->new : NULL);
	}
	PQclear(res);
	return r;
}
