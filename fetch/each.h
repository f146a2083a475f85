/*
 * --each: parents on stdin, a chain of requests for each of them.
 *
 * A parent is a record of a cs-stream(5), or a line of plain NDJSON. Its fields go into the request where
 * {field} stands, and with --parent-key into its children. What it is called, its id, is made of the values that
 * went into the request, so the same request is made once.
 */
#ifndef EACH_H
#define EACH_H

#include "lines.h"
#include "opts.h"
#include "split.h"
#include "template.h"

/* One of them, and its request. */
struct parent {
	struct buf id;
	struct buf keys;    /* ,"name":value of --parent-key */
	struct slice state; /* what is stored of it, or .p NULL */
	struct filled request;
};

#define PARENTS_AHEAD 16

struct each {
	struct opts *o;
	struct parent *now; /* the one at hand, which o asks for */
	bool incremental;   /* not all parents come */
	bool partial;       /* so the stream of parents says */
	uint64_t bad;       /* parents that cannot be asked for */

	/* private */
	struct lines in;
	bool wait; /* for lines, not only take those that are there */
	struct template template;
	struct buf file; /* the parents' states */
	void *parts;     /* by id */
	bool begun, ended;
	struct parent *queue[PARENTS_AHEAD]; /* to come */
	size_t n_queue;
	int over; /* 1: there may be more lines, else what each_next() returns behind the queue */
};

/* Read what is stored of the parents of this stream, and up to the first of them. 0 or a CS_* status after fail(). */
int each_open(struct each *e, struct opts *o, const char *stream);
/* The settings are as they were written again. */
void each_release(struct each *e);
/*
 * On to the next parent that was not done in this run: o asks for its children, whose place is that. 1; 0 at a good end; -1
 * when a signal came; a CS_* status after fail(). A parent that cannot be asked for is said and counted.
 */
int each_next(struct each *e);
/* The settings for the i-th parent behind the one at hand, if it is there already and may be asked for ahead of its time. */
const struct parent *each_peek(struct each *e, size_t i, struct opts *then);
/* Add what --parent-key says to the records. 0, or CS_DATA after fail(). */
int each_tag(const struct each *e, struct split *s);

#endif
