/*
 * What to ask for.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include "buf.h"
#include "opts.h"

struct request {
	struct buf url;    /* without credentials */
	struct buf fields; /* "Name: value\n" for each header field that pages */
	struct buf body;   /* instead of the one that the settings have; empty: that one */
	bool conditional;  /* fields ask for it only if it has changed */
	bool foreign;      /* another host: nothing of ours but the URL */
	const char *hint;  /* what may be wrong if it is refused: static, or NULL */
};

void request_clear(struct request *r);
void request_copy(struct request *to, const struct request *from);
bool request_equal(const struct request *a, const struct request *b);
void request_release(struct request *r);

/* GET, or POST where there is something to send, or what the user said. */
const char *http_method(const struct opts *o);
/* Is that GET or HEAD? May it be made again without being asked to? */
bool http_reads(const struct opts *o);
bool http_repeats(const struct opts *o);
/* Is there a body, or a method other than GET and HEAD? */
bool http_sends(const struct opts *o);

#endif
