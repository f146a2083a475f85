/*
 * What processes that ask one host with one credential tell each other of its quota: see rate.h.
 *
 * Moments are those of clock_ns(). Nothing is created until there is something to tell. Where the file cannot be
 * had, each process keeps to itself, and one that was told a rate says so.
 */
#ifndef RATEFILE_H
#define RATEFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ratefile {
	char *path; /* NULL: not shared */
	int fd;
	bool counts; /* there is a rate to be kept */

	/* what it says, or ours alone */
	int64_t next;  /* the next request is due then, if requests were evenly spaced */
	int64_t pause; /* none before that, as owner was told: void once that has ended */
	pid_t owner;
};

void ratefile_init(struct ratefile *f, const char *url, const char *who, bool counts);
void ratefile_release(struct ratefile *f);
/*
 * Take a turn if one may be had now: at most burst ns ahead of an even spacing by interval (0: no rate, only the
 * pause is looked at). Returns now, or when to come again.
 */
int64_t ratefile_take(struct ratefile *f, int64_t now, int64_t interval, int64_t burst);
/* No requests until then. */
void ratefile_pause(struct ratefile *f, int64_t until);

#endif
