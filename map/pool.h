/*
 * Programs in processes of their own: a line goes to one of several workers, and comes back in its turn with
 * the verdict of records_judge().
 *
 * libjq aborts, divides by zero or never ends on some programs and records. Here that costs a worker, and the
 * record that it was at is refused. The workers are forked from a process that has compiled the programs
 * and never runs them, so a new one costs little.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"
#include "record.h"

/* What comes back, in the order of pool_add(). */
struct pool_line {
	const char *p; /* the line, followed by BUF_PAD readable bytes */
	size_t n;
	uint64_t lineno;
	bool judged;	/* there is a verdict ... */
	const char *v;	/* ... for records_follow(), which moves this behind it */
	const char *why; /* no verdict: the record ended its worker; NULL: a line added without judge */
};

struct pool;

/*
 * r has its programs. done is called from the other functions, for each line; a status other than 0 is
 * returned by these at once. Without a line: others will take a while.
 */
struct pool *pool_new(const struct pool_limits *limits, struct records *r,
    int (*done)(void *arg, struct pool_line *line), void *arg);
/* A line, which is copied, for the programs (judge) or to come back as it is. 0 or a CS_ status. */
int	pool_add(struct pool *p, uint64_t lineno, const char *line, size_t n, bool judge);
/* Until fd can be read from: send off what was added, take what comes back. 0 or a CS_ status. */
int	pool_wait(struct pool *p, int fd);
/* Everything that was added comes back. 0 or a CS_ status. */
int	pool_drain(struct pool *p);
void	pool_free(struct pool *p);

#endif
