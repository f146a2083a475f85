/*
 * A run's pages, stdout and signals, all in one loop: while we wait for any of them, the others go on.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "loop.h"
#include "output.h"
#include "page.h"
#include "rate.h"

#define PARALLEL_MAX 16

struct engine {
	const struct opts *o;
	struct auth *auth;
	struct loop loop;
	struct rate **rate; /* of each credential */
	struct output out;
	struct split part; /* of a page, with PAGE_PART */
	/* Called once a page, when it may be known what the page in the lead leads to; or NULL. */
	void (*shows)(void *arg, struct page *page);
	void *arg;

	/* private: page[0] is in the lead, the n that follow were asked for ahead of their time */
	struct page *page[PARALLEL_MAX + 1];
	size_t n;
};

/* o and auth are kept. */
void engine_open(struct engine *e, const struct opts *o, struct auth *auth);
void engine_close(struct engine *e);
/* How a page is asked for. */
struct how {
	bool first;    /* no page came before it */
	bool whole;    /* do not write it in parts */
	int tentative; /* as for page_result() */
};
enum { PAGE_PART = -3 };
/*
 * The page that q asks for, and what page_result() says of it; or PAGE_SIGNAL. *page is valid until the next call. It may
 * be large: then PAGE_PART comes first, perhaps again and again, with records in e->part to be written before
 * engine_go_on(), which returns the same.
 */
int engine_get(
    struct engine *e, const struct request *q, const struct how *how, struct page **page);
int engine_go_on(struct engine *e, const struct how *how);
/*
 * The i-th request after the one in the lead will be q, as far as we know: ask for it now, if no more are
 * in flight than may be; first as above. False: it has to wait. Those behind it that were asked for and another are given up.
 */
bool engine_ahead(struct engine *e, size_t i, const struct request *q, bool first);
/*
 * Write to stdout, which is e->out once it is open. 0, PAGE_SIGNAL, or CS_IO after fail(). Where nobody
 * reads any more the process ends by SIGPIPE. engine_write() may keep a little; engine_flush() does not.
 */
int engine_write(struct engine *e, const char *p, size_t n);
int engine_flush(struct engine *e);
/* The same at the end of all, with no more time than ms: whatever it is that made us end. */
void engine_last_words(struct engine *e, const char *p, size_t n, uint64_t ms);
/* Any handle, for http_curl(). */
struct http *engine_http(struct engine *e);

#endif
