/*
 * The last runs of a stream as a few characters, oldest first: how many records each had, and which failed.
 */
#ifndef TREND_H
#define TREND_H

#include "store.h"

#define TREND_RUNS 10

/* Append it: one column a run. */
void	trend(struct buf *b, const struct run_rows *runs);
/* Records a second of a run; -1 when that is not known. */
double	trend_rate(const struct run_row *r);
/* How long it took, in ms; -1 when it has not ended. */
int64_t	trend_took(const struct run_row *r);

#endif
