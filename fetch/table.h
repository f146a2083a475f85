/*
 * A page that is a table, CSV or TSV: rows become lines of JSON, the header row's names their keys.
 *
 * All values are text, digits and all; a field that is empty and not quoted is null. A column without
 * a name is called after its place, column_3.
 */
#ifndef TABLE_H
#define TABLE_H

#include "csvread.h"

struct table {
	struct csvread csv; /* its settings are the user's */

	/* private */
	char **key; /* of the columns: "name": */
	size_t n;   /* of them; 0: the header row has not come */
	bool begun;
	char first; /* byte of the page */
	char why[160];
};

/* A new page begins. */
void table_reset(struct table *t);
void table_release(struct table *t);
/*
 * Append what the rows in (*p)[0..*n) are as NDJSON, moving on; out may be full before the bytes are taken. NULL, or
 * what is wrong: valid until the next call.
 */
const char *table_feed(struct table *t, const char **p, size_t *n, struct buf *out);
/* The page is complete. */
const char *table_end(struct table *t, struct buf *out);

#endif
