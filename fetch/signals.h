/*
 * What a page says of itself: how many there are, whether there are more, and where.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "page.h"

#define NONE UINT64_MAX

struct signals {
	uint64_t total, pages; /* NONE: does not say */
	int more;              /* -1: does not say */
	struct buf next;       /* what leads to the next page; empty: there is none */
	int type;              /* of next, as place_put() wants it */
	bool absent;           /* next is not there, and not even null */
};

/* 0, or CS_DATA after fail(). s->next is to be released. */
int signals_read(
    struct signals *s, const struct opts *o, const struct page *page, struct http *h);
/*
 * The first page has no member that leads to the next: 0 when it may be the only one, else CS_DATA after
 * fail(), for the path may be misspelt. What passes is never quiet.
 */
int signals_lack(const struct opts *o, const struct page *page);
/* One page is all that is asked for, by default: say so, once, where a member beside the records seems to lead on. */
void signals_hint(const struct opts *o, const struct page *page);

#endif
