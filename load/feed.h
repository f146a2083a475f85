/*
 * --changes: what became of each row, as JSON, in step with what is committed (trail.h).
 *
 *	{"op":"insert","table":"t","key":{"id":1},"new":{"id":1,"v":2}}
 *	{"op":"update","table":"t","key":{"id":1},"old":{"v":2},"new":{"v":3}}    what differs
 *	{"op":"delete","table":"t","key":{"id":1},"old":{"id":1,"v":3}}
 *
 * Rows are read from the table, before and after: what a trigger or a default made of them is in it.
 */
#ifndef FEED_H
#define FEED_H

#include "table.h"
#include "trail.h"

/* A row's values as JSON, one behind the other. */
struct image {
	struct buf text, mem;
	size_t *end; /* of each column's; text of column i begins at end[i - 1] */
	size_t cap, n;
};

struct changes {
	struct trail trail;
	struct image old, new;
	struct buf line;
	int64_t mark; /* of the trail, as the batch began */
};

/* Make room for a row of t: its columns are added to text, their ends to end, n growing with each. */
void	image_begin(struct image *m, const struct table *t);
/* Add a line: old is NULL for an insert, new for a delete. 0 or a CS_ status. */
int	feed_line(struct changes *c, const struct table *t, const char *op, const struct image *old, const struct image *new);
void	feed_free(struct changes *c);

#endif
