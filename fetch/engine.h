/*
 * A run's pages, stdout and signals, all in one loop: while we wait for any of them, the others go on.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include "loop.h"
#include "output.h"
#include "page.h"
#include "rate.h"

struct engine {
	const struct opts *o;
	struct loop loop;
	struct auth *auth;
	struct rate **rate; /* of each credential */
	struct output out;
	struct page page;
};

/* o and auth are kept. */
void engine_open(struct engine *e, const struct opts *o, struct auth *auth);
void engine_close(struct engine *e);
/* The page that q asks for, and what page_result() says of it; or PAGE_SIGNAL. *page is valid until the next call. */
int engine_get(
    struct engine *e, const struct request *q, bool first, int tentative, struct page **page);
/*
 * Write to stdout, which is e->out once it is open. 0, PAGE_SIGNAL, or CS_IO after fail(). Where nobody
 * reads any more the process ends by SIGPIPE. engine_write() may keep a little; engine_flush() does not.
 */
int engine_write(struct engine *e, const char *p, size_t n);
int engine_flush(struct engine *e);
/* The same at the end of all, with no more time than ms: whatever it is that made us end. */
void engine_last_words(struct engine *e, const char *p, size_t n, uint64_t ms);

#endif
