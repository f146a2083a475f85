/*
 * stdout, written to without ever waiting for it: whoever reads there may be slower than the network.
 *
 * Errors stick: what is written after one is dropped.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>

#include "buf.h"

struct output {
	int fd;    /* -1: not open */
	int error; /* errno of the first failed write, or 0 */

	/* private */
	int writer;     /* what is written to: fd, or its pipe opened again */
	bool may_block; /* so write little at a time, and only when poll(2) says so */
	struct buf kept;
	size_t at; /* of kept that is written */
};

void output_open(struct output *o, int fd);
/* Bytes that are not written yet? */
bool output_pending(const struct output *o);
/* Append a little text, to go with what follows. */
void output_add(struct output *o, const char *p, size_t n);
/*
 * Write what is kept, then *p[0..*n), which moves on by what was taken. True when nothing is left, or there is an error;
 * false when it would have to wait.
 */
bool output_write(struct output *o, const char **p, size_t *n);
/* Close all; 0, or -1 with o->error. */
int output_close(struct output *o);

#endif
