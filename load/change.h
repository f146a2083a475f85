/*
 * --changes: what became of each row, as JSON, in step with what is committed (trail.h).
 *
 *	{"op":"insert","table":"t","key":{"id":1},"new":{"id":1,"v":2}}
 *	{"op":"update","table":"t","key":{"id":1},"old":{"v":2},"new":{"v":3}}    what differs
 *	{"op":"delete","table":"t","key":{"id":1},"old":{"id":1,"v":3}}
 *
 * Rows are read from the table, before and after: what a trigger or a default made of them is in it.
 */
#ifndef CHANGE_H
#define CHANGE_H

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

/* NULL without --changes. */
int	changes_open(struct db *db);
void	changes_close(struct db *db);
/* Read the row of the record at hand, as it is before it changes: also cs_before() in SQL. */
int	change_before(struct db *db, struct table *t);
/* What change_before() read has become what is there now. */
int	change_updated(struct db *db, struct table *t);
/* The same of a row that is told by its rowid. */
int	change_before_at(struct db *db, struct table *t, int64_t rowid);
int	change_updated_at(struct db *db, struct table *t, int64_t rowid);
int	change_deleted(struct db *db, struct table *t);
int	change_inserted(struct db *db, struct table *t, int64_t rowid);
/* The rows that sql, which goes on with " WHERE ...", finds in t are about to be deleted. */
int	change_delete_rows(struct db *db, struct table *t, const char *where);

#endif
