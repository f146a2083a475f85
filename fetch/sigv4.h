/* AWS Signature Version 4: a request signed with a key that is never sent. */
#ifndef SIGV4_H
#define SIGV4_H

#include <stdint.h>

#include "opts.h"

/* What is signed. */
struct sigv4 {
	const char *method, *url; /* as they are sent */
	const struct list *header; /* the user's */
	bool json;                /* Content-Type: application/json is sent beside them */
	const char *body;
	size_t len;
};

/*
 * Append the header lines that sign it, each ended by \n: X-Amz-Date, X-Amz-Security-Token with a session, and so on,
 * Authorization last. now: seconds since 1970, the server's clock as far as known.
 */
void sigv4_sign(struct buf *lines, const struct sigv4 *q, const struct opts *o, int64_t now);

#endif
