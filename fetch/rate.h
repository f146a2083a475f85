/*
 * How fast we may ask: what the user allows (--rate), what the server says is left of its quota, and what it
 * takes ill.
 *
 * --rate, and until when a server wants to be left alone, hold for all processes that ask the same host with the same
 * credential: they share a small file, rate-HASH, under $XDG_RUNTIME_DIR/cs, else $XDG_STATE_HOME/cs.
 * Each change of it is one write under flock(2), so it is whole however a process dies.
 */
#ifndef RATE_H
#define RATE_H

#include "opts.h"
#include "quota.h"

struct rate;

/* who: a text that tells the credential from others, or NULL; it is stored as a hash. o is kept. */
struct rate *rate_new(const struct opts *o, const char *who);
void rate_free(struct rate *r);
/*
 * May a request start now? 0: yes, and it is counted as in flight until rate_reply(). Else ask again in so
 * many milliseconds. -1: not before --max-wait is over, as fail() has said (CS_LATER).
 */
int64_t rate_ask(struct rate *r);
/* A request that was in flight has come back: with status 0 when there is no reply, and field is not called. */
void rate_reply(struct rate *r, long status, quota_field *field, void *arg);
/* The server wants no request for so many milliseconds. */
void rate_pause(struct rate *r, int64_t ms);
/* How many requests may be in flight: most, or fewer for a while after the server has said 429 or 503. */
unsigned rate_slots(const struct rate *r, unsigned most);

#endif
