/*
 * The digest map: what a table holds, in 24 bytes a row, so that a record that changes nothing
 * needs no statement, and one that does needs no search of the key's index.
 *
 * One scan of the table gives for each row a hash of its key, a hash of its content and its rowid. Values
 * are hashed as SQLite stores them, after affinity, under a seed that is drawn for each
 * map: who sends the records cannot make two of them collide. A changed record is taken for an
 * unchanged one with a chance of 2^-64; --memory 96M makes no map, and SQLite compares every value.
 * All that the map says besides "same" is checked again by the statement that follows.
 *
 * The map is true only as long as nobody else changes the table: it is made and used in write
 * transactions, dropped when the database was written by another connection in between, and
 * not made where a statement of ours may change rows that it does not name (triggers, actions of foreign
 * keys, ON CONFLICT REPLACE) or where equal keys may differ in bytes (collations).
 */
#ifndef DIGEST_H
#define DIGEST_H

#include "sqlite.h"

/* What the page cache and the buffers have of --memory, at least 96 MiB; the maps may have the rest. */
#define DIGEST_BUFFERS (UINT64_C(32) << 20)
#define DIGEST_BASE(o) \
	((o)->memory > UINT64_C(256) << 20 ? cache_bytes(o) + DIGEST_BUFFERS : 3 * DIGEST_BUFFERS)

/* Upserts before a map is thought of. */
extern unsigned digest_first;

enum digest_says {
	DIGEST_NOTHING, /* there is no map */
	DIGEST_SAME,    /* the row is there, and the record would change nothing */
	DIGEST_OTHER,   /* it is there, in some other state */
	DIGEST_ABSENT
};

/*
 * What is known of the row that the record at hand (the cells of t->set) would be upserted to.
 * After any answer but DIGEST_SAME the caller upserts the record, and tells digest_upserted() how that ended.
 */
enum digest_says digest_look(struct table *t);
/* After DIGEST_OTHER: the rowid to try, the key being checked there; false: the table has none. */
bool	digest_rowid(const struct table *t, sqlite3_int64 *rowid);
/* The record was upserted (rowid: of an inserted row): makes the map once that is worth it. 0 or a CS_ status. */
enum digest_did { DIGEST_INSERTED, DIGEST_UPDATED, DIGEST_UNCHANGED };
int	digest_upserted(struct db *db, struct table *t, enum digest_did did, sqlite3_int64 rowid);
/* The row of the key in the cells was updated in part, or deleted. */
void	digest_touched(struct table *t);

/*
 * --bulk: a new table is filled without an index on its key, in whose place is a map of the keys, and
 * the index is made when the table is complete, by one sort. t->bulk says so; no commit leaves it.
 */
void	digest_bulk(struct db *db, struct table *t);
/* After DIGEST_OTHER, when the update of the row has changed nothing: is it there, with the key? *there; 0 or a CS_ status. */
int	digest_there(struct db *db, struct table *t, bool *there);
/* Make the index. 0 or a CS_ status. */
int	digest_seal(struct db *db, struct table *t);

/* Forget what the table holds: it may be otherwise now. */
void	digest_drop(struct table *t);
void	digest_free(struct table *t);

#endif
