/*
 * One page, from the request to its records: redirects, retries, and what is wrong with the answer.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "split.h"

struct page {
	struct split split; /* records and envelope, whole when page_get() returned 0 */
	struct buf url;     /* of the reply, after redirects */
	long status;
	int64_t date; /* the server's clock, seconds since 1970, or -1 */
	bool stopped; /* a status that --stop-on names: there is no page */

	/* private */
	struct buf excerpt; /* the body's beginning */
	int split_result;
};

enum {
	PAGE_SIGNAL = -1,
	PAGE_REFUSED = -2 /* tentative only: what the request asks for is not there any more */
};

/* tentative: may the server not know any more what is asked for? */
enum { PAGE_SURE, PAGE_TENTATIVE, PAGE_UNLESS_GONE /* if it says 410 */ };

void page_init(struct page *p, const struct opts *o);
void page_release(struct page *p);
/*
 * Ask for q. 0: the page is whole, or stopped. Else a CS_* status, after fail() said why, PAGE_SIGNAL or
 * PAGE_REFUSED. first: no page came before it. tentative: the request comes out of an old state.
 */
int page_get(struct page *p, struct http *h, const struct opts *o, const struct request *q,
    bool first, int tentative);
/* The value at path in the page or its header as text; returns as path_text() does. */
int page_text(const struct page *p, struct http *h, const struct path *path, struct buf *out,
    const char **err);

#endif
