/*
 * Where the next page is, and whether the last one was the last.
 *
 * A page that is short or empty ends nothing by itself where the server says more: its own flag,
 * total or link decide. What repeats, or does not add up in the end, is an error.
 *
 * Offsets count in a list that may change meanwhile. So each page but the first is asked for from
 * the last record of the page before: where nothing of that page comes again, rows have moved
 * forward, and the pager goes back until something does.
 */
#ifndef PAGINATE_H
#define PAGINATE_H

#include <stdbool.h>
#include <stdint.h>

#include "keyset.h"
#include "page.h"
#include "seen.h"
#include "state.h"

struct pager {
	const struct opts *o;
	const char *auth_param; /* a query parameter that is a credential, or NULL */
	struct request base;    /* what all requests begin as */
	uint64_t plan;          /* fingerprint of all that decides what pages hold */
	struct seen seen;

	uint64_t at;      /* offset or page number to ask for */
	struct buf next;  /* cursor or URL to ask for; empty: the first page */
	int next_type;    /* as place_put() wants it */
	bool foreign;     /* next is a URL on another host */
	struct keyset keyset;
	bool cut; /* the last page may have ended between records of one key */
	uint64_t last_at, hash,
	    full;        /* of the last page: where it was, its records; records of the first */
	uint64_t *lines; /* fingerprints of its records */
	size_t n_lines, cap_lines;
	uint64_t back; /* offset: how far before at to ask, so that the page joins the last one */
	bool joined;   /* a page did */
	bool aligned;  /* the server knows multiples of the page size only */
	bool bare;     /* the request to come is for at itself */
	uint64_t high; /* as far as any rewind: pages before it come again */
	int stuck;     /* rewinds since one got further than the ones before */
	bool told;     /* of a rewind */
	bool distrust; /* the scan itself is in doubt: do not resume it */

	/* the request to come is to bring nothing: the count, or the first page, was not the end */
	enum { PROBE_NONE, PROBE_COUNT, PROBE_SHORT } probe;

	uint64_t spent; /* pages of the parts of this run before */
	uint64_t pages, received, empties, most; /* most: records on a page */
	uint64_t last;                           /* records on the last one */
	uint64_t total, total_min, total_max; /* UINT64_MAX: never seen */
	uint64_t pages_there;                 /* --total-pages; 0: never seen */
};

enum {
	PAGER_END = 0,
	PAGER_MORE = 1,
	PAGER_REWIND = 2, /* drop this page and go on where the pager is now */
	PAGER_CAPPED = 3, /* there is more, but --max-pages is reached, as fail() has said */
	PAGER_CEILING = 4, /* there is more, but --max-offset is reached */
	PAGER_LOST = -1   /* pager_refused() alone */
};

/* 0, or a CS_* status after fail(). */
int pager_init(struct pager *p, const struct opts *o, const char *auth_param);
/* Put a value into all requests; nothing if it is empty. For what makes no difference to the order of pages. */
int pager_put(struct pager *p, const struct place *place, int type, const struct buf *value);
/* The first request is for this URL. Not before it was found to be good. */
int pager_start(struct pager *p, const char *url);
void pager_release(struct pager *p);
void pager_request(const struct pager *p, struct request *q);
/*
 * May the server refuse the request for what it asks? Then pager_refused() says how to go on: PAGER_MORE with
 * another, PAGER_END, a CS_* status after fail(), or PAGER_LOST when it does not know either.
 */
bool pager_tentative(const struct pager *p);
int pager_refused(struct pager *p);
/* What a page that is not complete yet seems to lead to; false: nothing that is known. May fail(). */
bool pager_peek(const struct pager *p, const struct page *page, struct request *q);
/* Is its next page to be held until it is complete, for what it may turn out to be? */
bool pager_whole(const struct pager *p);
/* By offset or page number. */
bool pager_by_number(const struct opts *o);
/* Put a cursor or key where it goes, and take away what it stands for. 0, or CS_DATA after fail(). */
int pager_put_next(const struct opts *o, struct request *q, int type, const char *text);
/* Call it a failure that cannot be taken up where it was. Returns r. */
int pager_doubt(struct pager *p, int r);
/*
 * Take note of a page, and take out of it the record that ended the last one. One of the above, or a
 * CS_* status after fail().
 */
int pager_take(struct pager *p, struct page *page, struct http *h);
/* The position after the pages taken, into s; false when there is none that could be stored. */
bool pager_save(const struct pager *p, struct state *s);
/*
 * Go to where s was. Offset and page number: the request is for the last page taken again; if
 * fingerprint() of its records is s->hash, pager_skip() it. False: s is for something else.
 */
bool pager_load(struct pager *p, const struct state *s);
void pager_skip(struct pager *p, const struct page *page);

#endif
