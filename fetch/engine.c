#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "progress.h"
#include "stop.h"

#define TICK 1000       /* ms between two looks at the progress line */
#define KEPT (64 << 10) /* bytes of small writes that may wait for each other */

void
engine_open(struct engine *e, const struct opts *o, struct auth *auth)
{
	*e = (struct engine){.o = o, .auth = auth, .out = {.fd = -1, .writer = -1}};
	loop_open(&e->loop);
	e->rate = xcalloc(auth_count(auth), sizeof(*e->rate));
	for (size_t i = 0; i < auth_count(auth); i++)
		e->rate[i] = rate_new(o, auth_who(auth, i));
	page_init(&e->page, http_new(&e->loop, e->rate, o, auth), o);
}

void
engine_close(struct engine *e)
{
	if (e->o == NULL)
		return;
	page_release(&e->page);
	for (size_t i = 0; i < auth_count(e->auth); i++)
		rate_free(e->rate[i]);
	free(e->rate);
	loop_close(&e->loop);
}

static void
gone(struct engine *e)
{
	(void)e;
	progress_clear();
	stop_die(SIGPIPE);
}

/* Something happens, or until comes (clock_ms() ms). writing: it may be that stdout takes more. */
static void
turn(struct engine *e, bool writing, uint64_t until)
{
	uint64_t now = clock_ms(), due = now + TICK;
	int what;

	if (page_busy(&e->page) && page_due(&e->page) < due)
		due = page_due(&e->page);
	if (until < due)
		due = until;
	what = loop_turn(
	    &e->loop, due > now ? due - now : 0, e->out.error == 0 ? e->out.writer : -1, writing);
	if ((what & LOOP_GONE) && !writing)
		gone(e);
	if (page_busy(&e->page))
		page_tick(&e->page, clock_ms());
	progress_tick();
}

int
engine_get(struct engine *e, const struct request *q, bool first, int tentative, struct page **page)
{
	*page = &e->page;
	page_start(&e->page, q, first);
	while (page_busy(&e->page)) {
		if (stop_signal() != 0)
			return PAGE_SIGNAL;
		turn(e, false, UINT64_MAX);
	}
	return page_result(&e->page, tentative);
}

static int
put(struct engine *e, const char *p, size_t n)
{
	const char *beg = p, *nl;

	while (!output_write(&e->out, &p, &n)) {
		if (stop_signal() != 0) {
			/* Of p no more than the rest of a line that has begun. */
			if (p > beg && p[-1] != '\n' && (nl = memchr(p, '\n', n)) != NULL)
				output_add(&e->out, p, nl + 1 - p);
			return PAGE_SIGNAL;
		}
		turn(e, true, UINT64_MAX);
	}
	if (e->out.error == EPIPE)
		gone(e);
	return e->out.error == 0 ? 0 : fail(CS_IO, "stdout: %s", strerror(e->out.error));
}

int
engine_write(struct engine *e, const char *p, size_t n)
{
	if (n < KEPT && e->out.kept.len < KEPT) {
		output_add(&e->out, p, n);
		return 0;
	}
	return put(e, p, n);
}

int
engine_flush(struct engine *e)
{
	return put(e, "", 0);
}

void
engine_last_words(struct engine *e, const char *p, size_t n, uint64_t ms)
{
	uint64_t until = clock_ms() + ms;
	struct pollfd fd = {.fd = e->out.writer, .events = POLLOUT};

	output_add(&e->out, p, n);
	for (p = "", n = 0; !output_write(&e->out, &p, &n) && clock_ms() < until;)
		poll(&fd, 1, (int)(until - clock_ms()));
}
