/*
 * --mode replace: what a table holds becomes what a complete run brings, in one transaction.
 *
 * Until then the records wait in a file beside the database, DATABASE-cs-stage-HASH, which grows with its checkpoints (trail.h):
 * a run that is killed leaves the old rows, and goes on from its checkpoint under the same run's id. At the end
 * the records are upserted and what none of them was for is deleted, so that rows that did not change
 * are not written and indexes, triggers and views stay; without a key all rows go and come.
 * Plain input, and a dry run, have no checkpoints: they are one transaction anyway, and need no file.
 */
#ifndef STAGE_H
#define STAGE_H

#include "sqlite.h"
#include "trail.h"

struct stage {
	struct trail trail;
	char *path;
	bool open;         /* it is the run's */
	bool replaying;    /* records are applied */
	bool vain;         /* they are not, and nothing is deleted */
	uint64_t noted;    /* life->rejected as written there */
	int64_t mark;      /* as the batch began; -1: it was not open */
	struct names emptied; /* tables without a key whose old rows are gone */
};

/* Is the record at hand to be staged? */
bool	stage_takes(const struct db *db);
/* A record that is in order: stage it if it is to be, or make the table ready for it. 0, ROW_BAD or a CS_ status. */
int	stage_row(struct db *db, struct table *t, const struct row *row);
/* At a checkpoint. */
int	stage_keep(struct db *db);
/* The stream has ended: apply what is staged, unless it is not complete. 0 or a CS_ status. */
int	stage_replay(struct db *db, bool complete);
/* What it did not bring is deleted: the file has served. */
int	stage_end(struct db *db);
/* The batch is taken back. */
int	stage_drop(struct db *db);
/* Ready for another run. */
void	stage_close(struct stage *s);

#endif
