/*
 * A run in windows of time, [a, b), walked forward: --window.
 *
 * What a window says is complete when all its pages have come, whatever their order. The last one ends
 * where the server's clock was when the run began, which later runs go on from.
 */
#include "cursor.h"

#include <string.h>

#include "clock.h"

static int64_t
up(int64_t t, int64_t step)
{
	return (t + step - 1) / step * step;
}

/* The window that begins at c->since. now: the server's clock when the run began, or ours. */
void
window_set(struct cursor *c, int64_t now)
{
	int64_t step = mark_step(c->o->param_format), from = c->since.time.sec;
	int64_t to = (from + (int64_t)(c->o->window / 1000)) / step * step;

	c->last_window = c->o->window == 0 || to >= now;
	if (c->last_window) {
		to = up(now, step);
		if (to <= from)
			to = up(from + 1, step);
	}
	mark_set_time(c->o, &c->until, &(struct instant){.sec = to});
}

bool
window_last(const struct cursor *c, int64_t started)
{
	/* Our clock may have been ahead when the window was set. */
	return c->o->window == 0 || c->last_window ||
	       (started >= 0 && c->until.time.sec >= started);
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
	if (started >= 0 && started < c->until.time.sec)
		mark_set_time(c->o, &c->safe, &(struct instant){.sec = started});
	else if (started < 0 && c->last_window) /* there is no clock but ours */
		mark_copy(&c->safe, c->max.text.len > 0 ? &c->max : &c->since);
	if (before != NULL && mark_set(c->o, &old, before, CS_DATA, "state: cursor") == 0 &&
	    mark_cmp(c->o, &c->safe, &old) < 0)
		mark_copy(&c->safe, &old);
	buf_release(&old.text);
	return c->safe.text.p;
}
