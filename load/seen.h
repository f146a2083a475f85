/*
 * Deletes of what a full run has not brought: seen.c notes the rows it has, missing.c deletes the others.
 */
#ifndef SEEN_H
#define SEEN_H

#include "sqlite.h"

struct seen {
	struct seen *next;
	char *table;
	int64_t id;        /* in _cs_full */
	int64_t version;   /* of the table; -1: it has none, the run's mode is full */
	bool whole;        /* from the start of the run on */
	uint64_t rejected; /* in its earlier parts */
	uint64_t noted;    /* life->rejected as stored */
	struct chunk *chunks, *last;
	size_t n, mask;
};

/* Set t->seen unless the run does not tell what is missing. version: of the table, or -1. 0 or a CS_ status. */
int	seen_get(struct db *db, struct table *t, int64_t version);
/* A record is about to be written to t, of this version of it (-1: it has none). 0 or a CS_ status. */
int	seen_row(struct db *db, struct table *t, int64_t version);
int	seen_mark(struct db *db, struct seen *s, int64_t rowid);
/* Add what is in memory to the database: at each checkpoint. */
int	seen_keep(struct db *db);
/* The run has ended: what is stored of it has served. */
int	seen_end(struct db *db, const struct seen *s);
/* Forget what is in memory, as the transaction is taken back or the stream has ended. */
void	seen_free(struct db *db);
/* SQL functions: cs_mark(ROWID), cs_seen(ID, ROWID), cs_or(BITS, BITS) */
int	seen_functions(struct db *db);

/* The stream has ended, complete: delete what it has not brought. 0 or a CS_ status. */
int	missing_delete(struct db *db);

#endif
