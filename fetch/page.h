/*
 * One page, from the request to its records: redirects, retries, and what is wrong with the answer.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"
#include "retry.h"
#include "seen.h"
#include "split.h"

#define PAGE_PROMPT 20 /* ms */

struct page {
	/* of a page that came */
	struct split split; /* records and envelope, whole when page_result() is 0 */
	uint64_t n, hash;   /* all of its records, and their fingerprint() */
	struct buf url;     /* of the reply, after redirects */
	long status;
	int64_t date; /* the server's clock, seconds since 1970, or -1 */
	bool unchanged; /* 304, as the request was conditional: stopped is set, too */
	bool stopped; /* a status that --stop-on names: there is no page */
	struct http *http; /* its own; has the reply's header until the next start */

	/* private */
	const struct opts *o;
	enum { PAGE_IDLE, PAGE_WAITING, PAGE_RUNNING, PAGE_ENDED } state;
	uint64_t due; /* clock_ms() ms: not before, while waiting */
	struct request here; /* the request, after redirects */
	struct request asked;
	bool first, refusable;
	bool lead, whole;    /* its records are wanted now; but not before it is complete */
	bool full, shown;    /* it takes no more for now; page_shows() has said so */
	size_t room;         /* bytes for records while it is not in the lead */
	int redirects, code; /* code: how it ended */
	unsigned refusals;   /* of credentials, one after the other */
	struct reply reply;
	struct retry retry;
	struct print print; /* of the records that split_drain() took out */
	struct {
		struct print print;
		uint64_t n;
	} sent;             /* records that are written, by this try or one before */
	struct buf why;     /* the message that goes with code */
	struct buf excerpt; /* the body's beginning */
	int split_result;
};

enum {
	PAGE_SIGNAL = -1,
	PAGE_REFUSED = -2 /* tentative only: what the request asks for is not there any more */
};

/* tentative: may the server not know any more what is asked for? */
enum { PAGE_SURE, PAGE_TENTATIVE, PAGE_UNLESS_GONE /* if it says 410 */ };

/* h is kept, and freed with the page. */
void page_init(struct page *p, struct http *h, const struct opts *o);
void page_release(struct page *p);
/* Ask for q. first: no page came before it. room: bytes of records it may take before it is in the lead. */
void page_start(struct page *p, const struct request *q, bool first, size_t room);
/* It is the next to be written, and may do so in parts unless whole. */
void page_lead(struct page *p, bool whole);
/*
 * Has a page in the lead more than --page-buffer? Then *part, which is p's, has records to be written: all of them,
 * before page_go_on(). Where a try fails after that, the next one must begin with the same records.
 */
bool page_part(struct page *p, struct split *part);
void page_go_on(struct page *p);
/*
 * Once: it may be seen by now what leads to the next page. Where pages have numbers: of the first, that the server takes its
 * time, more than PAGE_PROMPT.
 */
bool page_shows(struct page *p);
/* Give it up. */
void page_cancel(struct page *p);
/* Has it been started, and not come to its end? Then page_tick() must be called by page_due(), clock_ms() ms. */
bool page_busy(const struct page *p);
uint64_t page_due(const struct page *p);
void page_tick(struct page *p, uint64_t now);
/*
 * How it ended. 0: the page is whole, or stopped. Else a CS_* status, after fail() said why, or
 * PAGE_REFUSED. tentative: the request came out of an old state, or was a guess.
 */
int page_result(struct page *p, int tentative);
/* The value at path in the page or its header as text; returns as path_text() does. */
int page_text(const struct page *p, struct http *h, const struct path *path, struct buf *out,
    const char **err);

#endif
