/* --index: indexes of the default table, made when a stream has ended. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "sqlite.h"

/* Is there an index, whatever its name, over exactly these columns? 1, 0, or -1 after printing. */
static int
exists(struct db *db, const struct table *t, const struct names *columns)
{
	struct buf list = {0};
	sqlite3_stmt *st = db_prepare(db,
	    "SELECT 1 FROM pragma_index_list(?1) l WHERE NOT l.partial AND"
	    " (SELECT json_group_array(lower(name)) FROM (SELECT name FROM "
	    "pragma_index_info(l.name)"
	    " ORDER BY seqno)) = (SELECT json_group_array(lower(value)) FROM json_each(?2))");
	int rc;

	if (!st)
		return -1;
	for (size_t i = 0; i < columns->n; i++) {
		buf_addc(&list, i ? ',' : '[');
		json_quote(&list, columns->v[i], strlen(columns->v[i]));
	}
	buf_addc(&list, ']');
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, list.p, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	buf_release(&list);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		db_fail(db);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int
make(struct db *db, const struct table *t, const struct names *columns)
{
	struct buf name = {0}, *b = &db->sql;
	int r;

	buf_addf(&name, "idx_%s", t->name);
	for (size_t i = 0; i < columns->n; i++)
		buf_addf(&name, "_%s", columns->v[i]);
	buf_clear(b);
	buf_adds(b, "CREATE INDEX IF NOT EXISTS ");
	sql_name(b, name.p);
	buf_adds(b, " ON ");
	sql_name(b, t->name);
	for (size_t i = 0; i < columns->n; i++) {
		buf_adds(b, i ? ", " : " (");
		sql_name(b, columns->v[i]);
	}
	buf_addc(b, ')');
	r = db_exec(db, b->p);
	buf_release(&name);
	return r;
}

int
indexes_make(struct db *db)
{
	const struct opts *o = db->sink.o;
	struct table *t;
	int r = 0, there;

	if (!o->indexes.n || !o->table ||
	    sqlite3_table_column_metadata(
		db->h, "main", o->table, NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
		return 0;
	r = table_get(db, (struct slice){NULL, 0}, &t);
	for (size_t i = 0; i < o->indexes.n && r == 0; i++) {
		struct names columns = {0};

		names_add(&columns, o->indexes.v[i]); /* options() has seen that it is a list */
		for (size_t k = 0; k < columns.n && r == 0; k++) {
			int c = table_find(t, (struct slice){columns.v[k], strlen(columns.v[k])});

			if (c >= 0 && t->columns[c].presence == COLUMN_STORED)
				continue;
			warnx("--index: table \"%s\" has no column \"%s\"", shown(t->name),
			    shown(columns.v[k]));
			r = CS_USAGE;
		}
		there = r ? 1 : exists(db, t, &columns);
		if (there <= 0)
			r = there ? CS_IO : make(db, t, &columns);
		names_release(&columns);
	}
	return r == ROW_BAD ? CS_DATA : r;
}
