/* --changes of a SQLite database: rows before and after, read by their key or rowid. */
#ifndef CHANGE_H
#define CHANGE_H

#include "feed.h"
#include "sqlite.h"

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
