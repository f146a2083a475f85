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

struct each {
	struct opts *o;
	struct lines in;
	bool incremental;   /* not all parents come */
	bool partial;       /* so the stream of parents says */
	uint64_t bad;       /* parents that cannot be asked for */
	struct buf id;      /* of the parent at hand */
	struct slice state; /* what is stored of it, or .p NULL */

	/* private */
	char *url; /* as they were written */
	char *data;
	struct list query, header;
	struct field {
		char *name;
		struct path *path;
		struct buf text; /* the parent's value */
		int type;
	} * field;
	size_t n_field;
	struct buf keys; /* ,"name":value of --parent-key */
	struct buf file; /* the parents' states */
	void *parts;     /* by id */
	bool begun, ended;
	const char *line; /* read ahead, or NULL */
	size_t line_n;
};

/* Read what is stored of the parents of this stream, and up to the first of them. 0 or a CS_* status after fail(). */
int each_open(struct each *e, struct opts *o, const char *stream);
void each_release(struct each *e);
/*
 * On to the next parent that was not done in this run: o asks for its children, whose place is that. 1; 0 at a good end; -1
 * when a signal came; a CS_* status after fail(). A parent that cannot be asked for is said and counted.
 */
int each_next(struct each *e);
/* Add what --parent-key says to the records. 0, or CS_DATA after fail(). */
int each_tag(const struct each *e, struct split *s);

#endif
