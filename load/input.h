/*
 * The stream on stdin, from its first line to its last: which records belong to which
 * checkpoint, when a transaction begins and ends, and what is acknowledged.
 */
#ifndef INPUT_H
#define INPUT_H

#include "lines.h"
#include "load.h"
#include "sink.h"

struct input {
	struct life life;     /* the sink looks at it too */
	struct out out;	      /* stdout */
	uint64_t checkpoints; /* acknowledged */
	bool complete;	      /* everything that began has ended, and nothing was left out */
};

/* Load all of stdin into the sink. A CS_ status; what it is about has been printed. */
int	input_load(struct input *in, const struct opts *o, struct sink *sink);
/* Close stdout, the last act. 0 or CS_IO after printing. */
int	input_close(struct input *in);

#endif
