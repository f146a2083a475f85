/*
 * --mode history: a row for each version of a record (slowly changing dimension, type 2).
 *
 * A version is valid from the start of the run that brought it until that of the run that brought another, or a
 * delete; the one that is valid now has no end and is active. A partial unique index sees to it that there is one
 * of a key at most. A record that changes nothing opens no version, and what changes twice in a run keeps the last.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "sqlite.h"

/* Does the table keep versions? */
static inline bool
history_of(const struct table *t)
{
	return t->meta[META_ACTIVE] >= 0;
}

/* Is an existing table, its columns read, one to keep versions in? 0 or a CS_ status. */
int	history_check(struct db *db, const struct table *t);
/* Make the index. */
int	history_index(struct db *db, const struct table *t);
/* Upsert or update the record at hand; t->set has its columns. */
int	history_write(struct db *db, struct table *t, enum op op);
int	history_delete(struct db *db, struct table *t);
/* End the version of that rowid. */
int	history_end(struct db *db, struct table *t, int64_t rowid);

#endif
