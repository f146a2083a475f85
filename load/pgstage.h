/*
 * --mode replace in PostgreSQL, as stage.h says, but that the records wait in a table of the database, _cs_staged_HASH,
 * as lines, and which run they are of in _cs_full.
 */
#ifndef PGSTAGE_H
#define PGSTAGE_H

#include "pgsink.h"

struct pgstage {
	char lines[32];	   /* the table of the lines */
	bool open;	   /* it is the run's */
	bool done;	   /* the stream has ended */
	bool replaying;	   /* records are applied */
	bool vain;	   /* they are not, and nothing is deleted */
	uint64_t rejected; /* in the run's earlier parts */
	uint64_t noted;	   /* life->rejected as stored */
	bool kept_open;	   /* as of the last commit */
	uint64_t kept_noted;
	struct buf data;   /* lines that wait, as COPY takes them */
	struct names emptied; /* tables without a key whose old rows are gone */
};

/* Is the record at hand to be staged? */
bool	pgstage_takes(const struct pgdb *db);
/* A record that is in order: stage it if it is to be, or make the table ready for it. */
int	pgstage_row(struct pgdb *db, struct table *t, const struct row *row);
/* At a checkpoint; before a commit. */
int	pgstage_keep(struct pgdb *db);
int	pgstage_flush(struct pgdb *db);
/* The stream has ended: apply what is staged, unless it is not complete. */
int	pgstage_replay(struct pgdb *db, bool complete);
/* What it did not bring is deleted: the table of lines has served. */
int	pgstage_end(struct pgdb *db);
/* The transaction is committed, is lost. */
void	pgstage_kept(struct pgdb *db);
void	pgstage_lose(struct pgdb *db);
/* A record that was staged cannot be stored: CS_DATA, after saying so. */
int	pgstage_refuse(const struct pgdb *db);
void	pgstage_free(struct pgstage *s);

#endif
