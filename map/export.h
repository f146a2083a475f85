/*
 * The way out into foreign programs: lines of cs-stream(5) become the messages of a Singer tap or an Airbyte
 * source, for their targets and destinations.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "bridge.h"
#include "stream.h"

struct export {
	enum dialect to;
	const char *stream; /* what records without a table belong to; NULL: the stream that begins */
	struct buf out;	    /* the messages so far, newlines included: the caller's to write and clear */
	const char *err;    /* why a record has no message; static */
	/* private */
	struct export_table *tables;
	size_t n, last;
	char *begun;	/* the stream that began */
	struct buf key; /* and its key: raw JSON */
	struct buf record;
	struct tag tag;
	struct scan scan;
};

/* e->to and e->stream are set, the rest is zero. */
void	export_release(struct export *e);
/* A valid line with a record, followed by BUF_PAD bytes. 0, or -1 with e->err. */
int	export_record(struct export *e, const char *p, size_t n);
/* A control line and what it says. */
void	export_control(struct export *e, const struct control *c);

#endif
