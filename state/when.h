/*
 * Times of runs and states, and how long ago they were.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

#include "buf.h"

int64_t	when_now(void);			/* ms since 1970, by the wall clock */
int64_t	when_parse(const char *rfc3339); /* the same of a stored time; -1 when it is NULL or no time */
/* Append ms as "850ms", "42s", "7m", "5h" or "12d": one unit, rounded down. */
void	when_span(struct buf *b, int64_t ms);

#endif
