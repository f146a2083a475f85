/*
 * Records that are refused: the first one ends the run, or --rejects sets them aside.
 *
 * The file gets one JSON object a line, after what it already holds (mode 0600 when new):
 *	{"line":417,"reason":"...","record":"the line's bytes, as text"}
 * record_base64 takes the place of record when the bytes are not UTF-8, and record is
 * null when the line was longer than --max-record and its bytes are gone.
 */
#ifndef REJECT_H
#define REJECT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct reject {
	const char *path; /* the file, or NULL: the first record refused is fatal */
	const char *input; /* for messages: "stdin" */
	uint64_t max;	  /* more than this many are fatal */
	uint64_t count;	  /* set aside so far */
	/* private */
	int fd, dirty;
	struct buf line;
};

/* path, input and max are the caller's to keep. 0, or CS_IO after printing why. */
int	reject_open(struct reject *r, const char *path, const char *input, uint64_t max);
/*
 * The line p[0..n) of number lineno is refused for this reason (UTF-8, one line); p NULL: its bytes are gone.
 * 0: it is set aside, go on. Otherwise the status to end with, after printing
 * "stdin:417: reason".
 */
int	reject_line(struct reject *r, uint64_t lineno, const char *reason, const char *p, size_t n);
/* Make what was set aside durable: before anything is passed on that covers it (a checkpoint, an
 * end) or committed. Cheap when there is nothing new. 0, or CS_IO after printing. */
int	reject_sync(struct reject *r);
/* Sync and close. 0, or CS_IO after printing. May be called again, or on a zeroed struct. */
int	reject_close(struct reject *r);

#endif
