#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "progress.h"
#include "stop.h"

#define TICK 1000         /* ms between two looks at the progress line */
#define ROOM (896u << 10) /* bytes of a page asked for ahead of its time, at least */
#define KEPT (64 << 10)   /* bytes of small writes that may wait for each other */

/* The i-th place, for a page. */
static struct page *
place(struct engine *e, size_t i)
{
	if (e->page[i] == NULL) {
		e->page[i] = xcalloc(1, sizeof(**e->page));
		page_init(e->page[i], http_new(&e->loop, e->rate, e->o, e->auth), e->o);
	}
	return e->page[i];
}

void
engine_open(struct engine *e, const struct opts *o, struct auth *auth)
{
	*e = (struct engine){.o = o, .auth = auth, .out = {.fd = -1, .writer = -1}};
	loop_open(&e->loop);
	e->rate = xcalloc(auth_count(auth), sizeof(*e->rate));
	for (size_t i = 0; i < auth_count(auth); i++)
		e->rate[i] = rate_new(o, auth_who(auth, i));
	place(e, 0);
}

void
engine_close(struct engine *e)
{
	if (e->o == NULL)
		return;
	for (size_t i = 0; i <= PARALLEL_MAX; i++)
		if (e->page[i] != NULL) {
			page_release(e->page[i]);
			free(e->page[i]);
		}
	for (size_t i = 0; i < auth_count(e->auth); i++)
		rate_free(e->rate[i]);
	free(e->rate);
	loop_close(&e->loop);
}

struct http *
engine_http(struct engine *e)
{
	return e->page[0]->http;
}

static void
gone(void)
{
	progress_clear();
	stop_die(SIGPIPE);
}

/* Is it to be looked at? Not while a part of it is being written: another try would begin over it. */
static bool
ticks(const struct engine *e, size_t i)
{
	return page_busy(e->page[i]) && (i > 0 || e->part.page.p == NULL);
}

/* When a page wants to be looked at next, at the latest. */
static uint64_t
next_due(struct engine *e, uint64_t due)
{
	for (size_t i = 0; i <= e->n; i++)
		if (ticks(e, i) && page_due(e->page[i]) < due)
			due = page_due(e->page[i]);
	return due;
}

/* Something happens. writing: it may be that stdout takes more. */
static void
turn(struct engine *e, bool writing)
{
	uint64_t now = clock_ms(), due = next_due(e, now + TICK);
	int what = loop_turn(
	    &e->loop, due > now ? due - now : 0, e->out.error == 0 ? e->out.writer : -1, writing);

	if ((what & LOOP_GONE) && !writing)
		gone();
	now = clock_ms();
	for (size_t i = 0; i <= e->n; i++)
		if (ticks(e, i) && page_due(e->page[i]) <= now)
			page_tick(e->page[i], now);
	progress_tick();
}

/* Give up those from the i-th on. */
static void
drop(struct engine *e, size_t i)
{
	for (; e->n >= i; e->n--)
		page_cancel(e->page[e->n]);
}

/* The first that was asked for ahead takes the lead; who had it goes to the end. */
static void
promote(struct engine *e)
{
	struct page *last = e->page[0];

	memmove(e->page, e->page + 1, e->n * sizeof(*e->page));
	e->page[e->n--] = last;
}

int
engine_go_on(struct engine *e, const struct how *how)
{
	struct page *p = e->page[0];

	if (e->part.page.p != NULL) {
		e->part.page.p = NULL;
		page_go_on(p);
	}
	while (page_busy(p)) {
		if (stop_signal() != 0)
			return PAGE_SIGNAL;
		if (page_part(p, &e->part))
			return PAGE_PART;
		if (e->shows != NULL && page_shows(p))
			e->shows(e->arg, p);
		if (page_busy(p))
			turn(e, false);
	}
	return page_result(p, how->tentative);
}

int
engine_get(struct engine *e, const struct request *q, const struct how *how, struct page **page)
{
	if (e->n > 0 && e->page[1]->first == how->first && request_equal(&e->page[1]->asked, q))
		promote(e);
	else {
		drop(e, 1);
		page_start(place(e, 0), q, how->first, 0);
	}
	e->part.page.p = NULL;
	*page = e->page[0];
	page_lead(e->page[0], how->whole);
	return engine_go_on(e, how);
}

/* How many may be in flight, and how many bytes each may have waiting. */
static size_t
width(const struct engine *e)
{
	return rate_slots(http_rate(e->page[0]->http), (unsigned)e->o->parallel);
}

static size_t
room(const struct engine *e)
{
	size_t each = e->o->page_buffer / e->o->parallel;

	return each > ROOM ? each - each / 16 : ROOM;
}

bool
engine_ahead(struct engine *e, size_t i, const struct request *q, bool first)
{
	size_t busy = 0;

	if (i <= e->n && e->page[i]->first == first && request_equal(&e->page[i]->asked, q))
		return true;
	drop(e, i);
	for (size_t k = 0; k <= e->n; k++)
		busy += page_busy(e->page[k]);
	if (busy >= width(e) || i > e->o->parallel || i != e->n + 1)
		return false;
	page_start(place(e, i), q, first, room(e));
	e->n = i;
	return true;
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
		turn(e, true);
	}
	if (e->out.error == EPIPE)
		gone();
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
