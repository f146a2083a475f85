/*
 * How often and after how long a request is made again.
 */
#ifndef RETRY_H
#define RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "opts.h"

/* Of one page. */
struct retry {
	uint64_t tries;  /* that failed */
	uint64_t waited; /* ms */
};

/* May a request that was answered with this status do better another time? */
bool retry_helps(long status);
/*
 * A try has failed for the reason what. after: ms the server asked us to wait, or -1; busy: it said so (429, 503).
 * 0 when it may be made again, in *wait ms. Otherwise fail()s with what and returns
 * code, or CS_LATER when the wait would be longer than allowed.
 */
int retry_next(struct retry *r, const struct opts *o, int code, int64_t after, int busy,
    const char *what, uint64_t *wait);
/* The same, and wait. -1 when a signal came. */
int retry_wait(struct retry *r, const struct opts *o, int code, int64_t after, int busy,
    const char *what);
/* The request that r was for has been answered well: what its retries cost comes back, or a fifth of one. */
void retry_done(const struct retry *r);
/* The server wants us back in so many milliseconds. */
void retry_remember(int64_t after);
/* When the server wants us back, RFC 3339, for the error line; NULL: it did not say. */
const char *retry_at(void);

#endif
