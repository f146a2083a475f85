/*
 * What every tool shares: exit statuses and the version.
 */
#ifndef CS_H
#define CS_H

#include <stddef.h>

#define CS_VERSION "0.1.0"

/* Exit statuses, the same for all four tools (cs.7, EXIT STATUS). */
enum cs_status {
	CS_OK = 0,
	CS_SOME = 1,	   /* done, but records were set aside, or nothing found */
	CS_USAGE = 64,	   /* command line, filter program, configuration */
	CS_DATA = 65,	   /* input is not what it should be */
	CS_REFUSED = 69,   /* the server said no and will again */
	CS_IO = 74,	   /* local I/O, disk or database failed */
	CS_LATER = 75,	   /* run again later */
	CS_PROTOCOL = 76,  /* pagination loop, foreign host, count mismatch */
	CS_AUTH = 77,	   /* 401, 403, credential missing */
	CS_FENCED = 80	   /* a newer run owns this stream */
};

/* A run of bytes that somebody else owns; not NUL-terminated. */
struct slice {
	const char *p;
	size_t n;
};

#endif
