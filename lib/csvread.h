/*
 * CSV read as RFC 4180 has it, row by row, from input in pieces of any size.
 *
 * A byte order mark before the first row is skipped, and so are blank lines. Rows end in LF or CRLF.
 * A quote inside a field that does not begin with one is a letter like any other; anything else that is not in the
 * RFC is an error. Bytes are not looked at otherwise: the text may be no UTF-8 and hold NULs.
 */
#ifndef CSVREAD_H
#define CSVREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cs.h"

/* Zeroed but for the settings is ready. */
struct csvread {
	/* settings */
	char delimiter; /* 0: a comma */
	size_t max;     /* bytes of a row's fields; 0: no limit */

	/* the row, valid until the next call */
	struct csvread_field {
		struct slice text; /* quotes taken off */
		bool quoted;
	} *field;
	size_t n;
	bool crlf;      /* how it ended */
	uint64_t line;  /* of the input, where it begins; from 1 */

	const char *err; /* static */

	/* private */
	int state, bom;
	bool last; /* the row has been given out */
	size_t cap, start;
	uint64_t lines;
	struct buf mem;
};

/* Take bytes from (*p)[0..*n), which it moves on. 1: a row is whole. 0: all bytes are taken. -1: c->err. */
int	csvread_next(struct csvread *c, const char **p, size_t *n);
/* The input is at its end: 1 for a last row without a line end, 0, or -1 with c->err. */
int	csvread_end(struct csvread *c);
void	csvread_release(struct csvread *c);

#endif
