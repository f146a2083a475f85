/*
 * A run in windows of time, [a, b), walked forward: --window.
 *
 * What a window says is complete when all its pages have come, whatever their order. The last one ends
 * where the server's clock was when the run began, which later runs go on from.
 */
#include "cursor.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "num.h"

static int64_t
up(int64_t t, int64_t step)
{
	return (t + step - 1) / step * step;
}

/* --end, if it is given and no later than limit (NULL: any). */
static bool
end(const struct cursor *c, const struct mark *limit, struct mark *m)
{
	return c->o->end != NULL && mark_set(c->o, m, c->o->end, CS_USAGE, "--end") == 0 &&
	       (limit == NULL || mark_cmp(c->o, m, limit) <= 0);
}

/* now: the server's clock when the run began, or ours. */
static void
set_time(struct cursor *c, int64_t now)
{
	int64_t step = mark_step(c->o->param_format), from = c->since.time.sec;
	int64_t to = (from + (int64_t)(c->o->window / 1000)) / step * step;
	struct mark limit = {0}, last = {0};

	mark_set_time(c->o, &limit, &(struct instant){.sec = now});
	c->ends = end(c, &limit, &last);
	if (c->ends)
		now = last.time.sec;
	c->last_window = c->o->window == 0 || to >= now;
	if (c->last_window) {
		to = c->ends ? now : up(now, step);
		if (to <= from && !c->ends)
			to = up(from + 1, step);
	}
	mark_set_time(c->o, &c->until, &(struct instant){.sec = to});
	buf_release(&limit.text);
	buf_release(&last.text);
}

/* Of numbers, which opts_check() has seen to end somewhere. */
static void
set_integer(struct cursor *c)
{
	struct mark last = {0};
	int64_t from = 0, to;

	num_int64(c->since.text.p, c->since.text.len, &from);
	to = from + (int64_t)(c->o->window / 1000);
	buf_clear(&c->until.text);
	buf_addf(&c->until.text, "%" PRId64, to);
	c->ends = end(c, &c->until, &last);
	c->last_window = c->ends;
	if (c->ends)
		mark_copy(&c->until, &last);
	buf_release(&last.text);
}

void
window_set(struct cursor *c, int64_t now)
{
	if (c->o->cursor_type == CURSOR_INTEGER)
		set_integer(c);
	else
		set_time(c, now);
}

void
window_resume(struct cursor *c, int64_t started)
{
	struct mark last = {0};

	c->ends = end(c, &c->until, &last);
	c->last_window = c->ends || (c->o->cursor_type == CURSOR_TIME && started >= 0 &&
					c->until.time.sec >= started);
	buf_release(&last.text);
}

bool
window_last(const struct cursor *c, int64_t started)
{
	/* Our clock may have been ahead when the window was set. */
	return c->o->window == 0 || c->last_window ||
	       (c->o->cursor_type == CURSOR_TIME && started >= 0 && c->until.time.sec >= started);
}

void
window_next(struct cursor *c, int64_t started)
{
	struct mark at = {0};
	int64_t now = started >= 0 ? started : clock_wall();

	mark_copy(&at, &c->until);
	mark_copy(&c->since, &at);
	buf_release(&at.text);
	cursor_rewind(c);
	window_set(c, now);
}

/* A window that is read to its end, or to where the clock was. */
const char *
window_safe(struct cursor *c, const char *before, int64_t started)
{
	struct mark old = {0};

	mark_copy(&c->safe, &c->until);
	if (c->ends || c->o->cursor_type == CURSOR_INTEGER)
		; /* all of it */
	else if (started >= 0 && started < c->until.time.sec)
		mark_set_time(c->o, &c->safe, &(struct instant){.sec = started});
	else if (started < 0 && c->last_window) /* there is no clock but ours */
		mark_copy(&c->safe, c->max.text.len > 0 ? &c->max : &c->since);
	if (before != NULL && mark_set(c->o, &old, before, CS_DATA, "state: cursor") == 0 &&
	    mark_cmp(c->o, &c->safe, &old) < 0)
		mark_copy(&c->safe, &old);
	buf_release(&old.text);
	return c->safe.text.p;
}
