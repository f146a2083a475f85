/*
 * NDJSON in and out: 256 KiB reads and writes, pipes widened to 1 MiB, records
 * as (pointer, length).
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

#define LINES_MAX_RECORD (64u << 20) /* bytes; the default of --max-record */

struct lines {
	int fd;
	const char *name; /* for messages: "stdin" */
	uint64_t lineno;  /* of the line last returned, from 1 */
	size_t max;	  /* longest line in bytes, newline not counted */
	/*
	 * Called before a read that would have to wait, so that a filter can
	 * flush and a loader commit; may be NULL. Non-zero stops the reading:
	 * lines_next then returns LINES_STOP.
	 */
	int (*idle)(void *arg);
	void *arg;
	/* private */
	char *mem;
	size_t cap, beg, end, seen;
	int eof;
};

enum {
	LINES_EOF = 0,
	LINES_OK = 1,
	LINES_ERROR = -1,   /* read failed, errno says why */
	LINES_TOOLONG = -2, /* over max; the line is skipped, the next call goes on after it */
	LINES_STOP = -3
};

/* fd is the caller's; max 0 means LINES_MAX_RECORD. */
void	lines_open(struct lines *l, int fd, const char *name, size_t max);
/*
 * The next line without its newline, valid until the next call; followed by
 * BUF_PAD readable bytes. A byte order mark at the start of input and one CR
 * before the newline are left out; blank lines are skipped (and counted).
 */
int	lines_next(struct lines *l, const char **p, size_t *n);
void	lines_close(struct lines *l);

/*
 * Buffered output to a file descriptor. Errors stick: writing goes on into the
 * void and out_flush/out_close report the first one. NULL-safe nowhere.
 */
struct out {
	int fd;
	int error; /* errno of the first failed write, or 0 */
	uint64_t bytes;
	char *mem;
	size_t len;
	/* Takes the bytes in the descriptor's place, for a filter; NULL: write_all(). 0, or -1 with errno. */
	int (*write)(void *arg, const void *p, size_t n);
	void *arg;
};

void	out_open(struct out *o, int fd);
void	out_write(struct out *o, const void *p, size_t n);
void	out_line(struct out *o, const void *p, size_t n); /* and a newline */
/* 0, or -1 with errno the first error. */
int	out_flush(struct out *o);
/* Flush and close(2) it, looking at both results; 0, or -1 with errno. */
int	out_close(struct out *o);

/* write(2) all of it, through EINTR and short writes. 0, or -1 with errno. */
int	write_all(int fd, const void *p, size_t n);

#endif
