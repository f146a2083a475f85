/*
 * Which rows a full run has brought, and deletes of the others at its end: seen.h and missing.c for PostgreSQL.
 *
 * Their keys are noted, in the transaction of the rows, in a table _cs_seen_HASH whose columns are those of the key, and
 * so a run that goes on under its run's id knows what its earlier parts have brought. Plain input has no parts: its table
 * is a temporary one.
 *
 *	_cs_full(stream, tbl, run, whole, rejected)  which run they are of; whole: from its start
 */
#ifndef PGSEEN_H
#define PGSEEN_H

#include "pgsink.h"

struct pgseen {
	struct pgseen *next;
	char *table;
	char keys[32];	   /* the table of its keys */
	int64_t version;   /* of the table; -1: it has none, the run's mode is full */
	bool whole;	   /* from the start of the run on */
	uint64_t rejected; /* in its earlier parts */
	uint64_t noted;	   /* life->rejected as stored */
};

/* A copy of the list: what is known as of a point that is gone back to, perhaps. */
struct pgseen *pgseen_copy(const struct pgseen *s);
void	pgseen_free(struct pgseen *s);
/* Know what was known then; s becomes the list. */
void	pgseen_back(struct pgdb *db, struct pgseen *s);

/* Set t->full unless the run does not tell what is missing. version: of the table, or -1. 0 or a CS_ status. */
int	pgseen_get(struct pgdb *db, struct table *t, int64_t version);
/* A record is about to be written to t, of this version of it (-1: it has none). */
int	pgseen_row(struct pgdb *db, struct table *t, int64_t version);
/* The group's rows have been written. */
int	pgseen_write(struct pgdb *db, const struct group *g, size_t stage);
/* The types of key columns are about to change: append what has to be said behind ALTER TABLE. */
void	pgseen_retype(const struct table *t, const struct column *c, const char *type, struct buf *sql);
/* At each checkpoint. */
int	pgseen_keep(struct pgdb *db);
/* The stream has ended, complete: delete what it has not brought. */
int	pgmissing_delete(struct pgdb *db);

/* Delete rows, or mark them as deleted, by a condition: " where ..." of t. */
int	pgrows_delete(struct pgdb *db, const struct table *t, const char *where);

/* Of the run that stores it in _cs_full. */
bool	pgfull_first(const struct pgdb *db);
int	pgfull_read(struct pgdb *db, const char *table, const char *run, bool *have, bool *same, struct pgseen *s);
int	pgfull_write(struct pgdb *db, const char *table, const char *run, bool whole);
int	pgfull_rejected(struct pgdb *db, const char *table, uint64_t n);
int	pgfull_end(struct pgdb *db, const char *table);
/* prefix and a hash of the stream and the table's name, of at most 31 bytes. */
void	pgfull_name(const struct pgdb *db, const char *prefix, const char *table, char out[32]);

#endif
