/*
 * What a reply says of how many more requests the server will take.
 *
 * Read are X-RateLimit-*, X-Rate-Limit-* and RateLimit-* (Limit, Remaining, Reset, Reset-After) and the RateLimit and
 * RateLimit-Policy fields of the IETF drafts, with one quota or several. Where there are several the tightest counts.
 */
#ifndef QUOTA_H
#define QUOTA_H

#include <stddef.h>
#include <stdint.h>

/* What the number in a Reset field is. auto: told by its size and form. */
enum reset { RESET_AUTO, RESET_EPOCH, RESET_EPOCH_MS, RESET_DELTA, RESET_DELTA_MS };

struct quota {
	int64_t limit; /* requests in a window; -1: not said */
	int64_t left;  /* of them; -1: not said */
	int64_t reset; /* ms until there are more; -1: not said */
};

/* The i-th field of a name in the reply, or NULL. */
typedef const char *quota_field(void *arg, const char *name, size_t i);

void quota_read(struct quota *q, enum reset how, quota_field *field, void *arg);
/* A Reset field's value: milliseconds from date (the reply's own Date field, or NULL: our clock), or -1. */
int64_t quota_reset(const char *value, enum reset how, const char *date);

#endif
