/*
 * Times of runs and states, and how long ago they were.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

#include "buf.h"
#include "instant.h"

/* From now on the time is this one, in ms since 1970, which the store that many machines share has told. */
void	when_follow(int64_t ms);
int64_t	when_now(void);			/* ms since 1970, by that clock or else by the wall clock */
int64_t	when_up(void);			/* ms by a clock that nobody sets; it goes on while the machine sleeps */
/* A time in ms as RFC 3339 text. */
void	when_text(int64_t ms, char out[INSTANT_MAX]);
int64_t	when_parse(const char *rfc3339); /* the same of a stored time; -1 when it is NULL or no time */
/* Append ms as "850ms", "42s", "7m", "5h" or "12d": one unit, rounded down. */
void	when_span(struct buf *b, int64_t ms);

#endif
