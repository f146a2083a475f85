/*
 * Points in time as text: RFC 3339 and the ISO 8601 forms that APIs send.
 * Digits of the second are never rounded: the fraction stays a slice of the input.
 */
#ifndef INSTANT_H
#define INSTANT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cs.h"

struct instant {
	int64_t sec;	   /* seconds since 1970-01-01T00:00:00Z */
	struct slice frac; /* digits after the point; n 0: none */
	int date_only;	   /* no time of day was given */
	int zoned;	   /* Z or an offset was given; else UTC was assumed */
};

/*
 * YYYY-MM-DD, optionally followed by 'T', 't' or ' ' and HH:MM[:SS[.frac]]
 * and Z, z, +HH:MM, +HHMM or +HH. Years 0001 to 9999; second 60 is the next minute's 0.
 * 0, or -1 when it is anything else. frac points into p.
 */
int	instant_parse(struct instant *t, const char *p, size_t n);
/* A Unix time in units of 10^-scale seconds (0, 3 or 6) as decimal text, "-"? and digits, with or without a
 * fraction. frac then points into mem (of INSTANT_MAX bytes). 0 or -1. */
int	instant_epoch(struct instant *t, const char *p, size_t n, int scale, char *mem);
/* <0, 0, >0 as a is before, at, after b; fractions compared as decimals of any length. */
int	instant_cmp(const struct instant *a, const struct instant *b);

#define INSTANT_MAX 96
/*
 * RFC 3339 in UTC: 2026-01-04T09:12:30.250Z, the fraction's digits as they came (at most 64 of them).
 * Returns the length; the text is NUL-terminated.
 */
size_t	instant_format(const struct instant *t, char out[INSTANT_MAX]);
/* The text of instant_parse() as such text in UTC, and its length: 0 for a date alone, which has no such form, -1
 * for what is none or has more than 64 digits of a second. */
ssize_t	instant_utc(const char *p, size_t n, char out[INSTANT_MAX]);
/* The wall clock, with millisecond digits, formatted as above. */
size_t	instant_now(char out[INSTANT_MAX]);

#endif
