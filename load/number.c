/*
 * Numbers in columns of text. A REAL column that becomes TEXT has lost how its numbers were written,
 * so there they are compared as numbers: two SQL functions, for widen.c and stmt.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "sqlite.h"

/* cs_differs(COLUMN, STORED): is the cell of the record at hand, which is written in other words than the
 * stored text, another value too? */
static void
differs(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const struct db *db = sqlite3_user_data(ctx);
	const struct cell *x = &db->at->columns[sqlite3_value_int(argv[0])].cell;
	const char *text = (const char *)sqlite3_value_text(argv[1]);
	size_t n = (size_t)sqlite3_value_bytes(argv[1]);
	bool number = x->kind == KIND_INT || x->kind == KIND_REAL || x->kind == KIND_LONG;

	(void)argc;
	sqlite3_result_int(ctx, !(number && text && decimal_same(x->p, x->n, text, n)));
}

/* cs_text(REAL): the shortest decimal that reads back the same. */
static void
text(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	char s[REAL_MAX];

	(void)argc;
	if (sqlite3_value_type(argv[0]) != SQLITE_FLOAT) {
		sqlite3_result_value(ctx, argv[0]);
		return;
	}
	real_text(sqlite3_value_double(argv[0]), s);
	sqlite3_result_text(ctx, s, -1, SQLITE_TRANSIENT);
}

int
number_functions(struct db *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;

	if (sqlite3_create_function(db->h, "cs_text", 1, flags, NULL, text, NULL, NULL) ||
	    sqlite3_create_function(
		db->h, "cs_differs", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, db, differs, NULL, NULL))
		return db_fail(db);
	return 0;
}
