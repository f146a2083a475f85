#include "cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "num.h"
#include "seen.h"

static int
set_start(struct cursor *c)
{
	const char *start = c->o->start;
	struct instant t;

	if (*start != '-' || c->o->cursor_type != CURSOR_TIME)
		return mark_set(c->o, &c->since, start, CS_USAGE, "--start");
	t = (struct instant){
	    .sec = clock_wall() - (int64_t)(opt_duration("--start", start + 1) / 1000)};
	mark_set_time(c->o, &c->since, &t);
	return 0;
}

static void
look_back(struct cursor *c)
{
	struct mark *m = &c->since;
	struct instant t = m->time;
	char frac[INSTANT_MAX];

	if (c->o->lookback == 0)
		return;
	memcpy(frac, t.frac.p != NULL ? t.frac.p : "",
	    t.frac.n < sizeof(frac) ? t.frac.n : sizeof(frac));
	t.frac = (struct slice){frac, t.frac.n < sizeof(frac) ? t.frac.n : sizeof(frac)};
	t.sec -= (int64_t)((c->o->lookback + 999) / 1000);
	t.date_only = 0;
	mark_set_time(c->o, m, &t);
}

/* Where an unfinished run began, and how far it came. */
static int
take_up(struct cursor *c, const struct state *s)
{
	int r = 0;

	c->ascending = s->ascending;
	c->descending = s->falling;
	c->more = true;
	if (s->since != NULL)
		r = mark_set(c->o, &c->since, s->since, CS_DATA, "state: since");
	if (s->max != NULL && r == 0)
		r = mark_set(c->o, &c->max, s->max, CS_DATA, "state: max");
	if (s->until != NULL && r == 0)
		r = mark_set(c->o, &c->until, s->until, CS_DATA, "state: until");
	if (s->known != NULL && c->o->max_offset > 0 && known_parse(&c->ties, s->known))
		known_parse(&c->anchored, s->known);
	if (r == 0)
		mark_copy(&c->last, &c->max);
	if (r == 0 && c->until.text.len > 0)
		window_resume(c, s->started);
	return r;
}

static int
set_out(struct cursor *c, const struct state *s)
{
	const struct opts *o = c->o;
	bool full = o->full || !o->incremental;

	if (full ? o->window > 0 : s->cursor == NULL)
		return o->start != NULL ? set_start(c) : 0;
	if (full)
		return 0;
	if (mark_set(o, &c->since, s->cursor, CS_DATA, "state: cursor") != 0)
		return CS_DATA;
	mark_copy(&c->max, &c->since);
	look_back(c);
	return 0;
}

int
cursor_init(struct cursor *c, const struct opts *o, const struct state *s)
{
	int r;

	*c = (struct cursor){.o = o, .ascending = true, .descending = true};
	if (o->cursor_field == NULL && o->window == 0)
		return 0;
	if (s->unfinished)
		return take_up(c, s);
	r = set_out(c, s);
	if (r == 0 && o->window > 0 && c->since.text.len == 0)
		return fail(CS_USAGE, "--window: needs --start VALUE for a run without a state");
	if (r == 0 && o->until_param.text != NULL)
		window_set(c, clock_wall());
	return r;
}

void
cursor_release(struct cursor *c)
{
	buf_release(&c->since.text);
	buf_release(&c->max.text);
	buf_release(&c->last.text);
	buf_release(&c->first.text);
	buf_release(&c->until.text);
	buf_release(&c->safe.text);
	free(c->ties.v);
	free(c->anchored.v);
}

static void
keep(char **at, const struct mark *m)
{
	free(*at);
	*at = m->text.len > 0 ? xstrdup(m->text.p) : NULL;
}

void
cursor_save(const struct cursor *c, struct state *s)
{
	struct buf known = {0};

	s->ascending = c->ascending;
	s->falling = c->descending && c->o->client_filter;
	keep(&s->since, &c->since);
	keep(&s->max, &c->max);
	keep(&s->until, &c->until);
	if (c->o->max_offset == 0)
		return;
	known_format(&c->anchored, &known);
	known_format(&c->ties, &known);
	free(s->known);
	s->known = buf_steal(&known);
}

int
cursor_param(const struct opts *o, const struct mark *m, struct buf *out)
{
	if (m->text.len == 0)
		return 0;
	if (o->cursor_type == CURSOR_TIME)
		return mark_format(&m->time, o->param_format, out);
	return buf_add(out, m->text.p, m->text.len);
}

int
cursor_param_type(const struct opts *o)
{
	bool number = o->cursor_type == CURSOR_INTEGER ||
		      (o->cursor_type == CURSOR_TIME && strncmp(o->param_format, "epoch", 5) == 0);

	return number ? JSON_NUMBER : JSON_STRING;
}

/* The record's cursor into m. */
static int
read_mark(const struct opts *o, struct slice record, struct mark *m, uint64_t page, uint64_t n)
{
	const char *err = "is not there";
	int type;

	buf_clear(&m->text);
	type = path_text(o->cursor_field, record.p, record.n, &m->text, &err);
	if (type == JSON_NULL)
		err = "is null";
	if (type <= JSON_NULL)
		return fail(CS_DATA, "page %" PRIu64 ", record %" PRIu64 ": --cursor-field %s: %s",
		    page, n, o->cursor_field->text, err);
	if (!mark_parse(o, m))
		return fail(CS_DATA,
		    "page %" PRIu64 ", record %" PRIu64 ": --cursor-field %s: \"%s\" is not %s "
		    "(--cursor-type)%s",
		    page, n, o->cursor_field->text, m->text.p, mark_type_name(o),
		    type == JSON_NUMBER && o->cursor_type == CURSOR_TIME
			? ": for a number say --param-format epoch or epoch-ms, or --cursor-type "
			  "integer"
			: "");
	return 0;
}

static void
see(struct cursor *c, const struct mark *m, uint64_t hash)
{
	int way = c->last.text.len > 0 ? mark_cmp(c->o, m, &c->last) : 0;
	int more = c->max.text.len > 0 ? mark_cmp(c->o, m, &c->max) : 1;

	c->ascending &= way >= 0;
	c->descending &= way <= 0;
	mark_copy(&c->last, m);
	if (more > 0) {
		mark_copy(&c->max, m);
		c->ties.n = 0;
	}
	if (more >= 0 && c->o->max_offset > 0)
		known_add(&c->ties, hash);
}

/* Is it none of this run's: older than wanted, of the next window, or sent before the run was anchored anew? */
static bool
drops(const struct cursor *c, const struct mark *m, uint64_t hash)
{
	const struct opts *o = c->o;
	int than = c->since.text.len > 0 ? mark_cmp(o, m, &c->since) : 1;

	if (than < 0 && o->client_filter)
		return true;
	if (o->window > 0 && (!c->last_window || c->ends) && mark_cmp(o, m, &c->until) >= 0)
		return true;
	return than == 0 && c->anchored.n > 0 && known_has(&c->anchored, hash);
}

int
cursor_page(struct cursor *c, struct split *s, uint64_t page)
{
	const struct opts *o = c->o;
	char *line = s->page.p, *end = s->page.p + s->page.len, *to = line, *nl;
	struct mark m = {0};
	uint64_t n = 0, kept = 0, hash;
	int r = 0;

	if (o->cursor_field == NULL || s->n == 0)
		return 0;
	for (; r == 0 && line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		r = read_mark(o, split_record(line, nl - line), &m, page, ++n);
		if (r != 0)
			break;
		hash = o->max_offset > 0 ? fingerprint(line, nl - line) : 0;
		see(c, &m, hash);
		if (drops(c, &m, hash)) {
			c->dropped++;
			continue;
		}
		memmove(to, line, nl + 1 - line);
		to += nl + 1 - line;
		kept++;
	}
	if (!c->more)
		mark_copy(&c->first, &c->max);
	c->more = true;
	if (r == 0) {
		s->page.len = to - s->page.p;
		s->n = kept;
	}
	buf_release(&m.text);
	return r;
}

bool
cursor_past(const struct cursor *c, const struct state *s)
{
	return c->o->client_filter && s->descending && c->descending && c->since.text.len > 0 &&
	       c->last.text.len > 0 && mark_cmp(c->o, &c->last, &c->since) < 0;
}

bool
cursor_anchor(struct cursor *c)
{
	if (c->o->since_param.text == NULL || !c->ascending || c->max.text.len == 0 ||
	    (c->since.text.len > 0 && mark_cmp(c->o, &c->max, &c->since) <= 0))
		return false;
	mark_copy(&c->since, &c->max);
	c->anchored.n = 0;
	for (size_t i = 0; i < c->ties.n; i++)
		known_add(&c->anchored, c->ties.v[i]);
	return true;
}

void
cursor_rewind(struct cursor *c)
{
	buf_clear(&c->last.text);
}

/*
 * A feed in no order is read while it changes: what changes on a page already read, before something newer
 * is seen on a later one, would fall behind the cursor. So there the cursor stops at the run's beginning:
 * by the server's clock, else at what the first page had. In any feed a time that has
 * not come yet would hide what changes until then.
 */
const char *
cursor_safe(struct cursor *c, const char *before, int64_t started)
{
	bool clock = c->o->cursor_type == CURSOR_TIME && started >= 0;
	const struct mark *most = clock || c->ascending ? &c->max : &c->first;
	struct instant t = {.sec = started};
	struct mark old = {0};

	if (most->text.len == 0)
		return before;
	mark_copy(&c->safe, most);
	if (clock) {
		mark_set_time(c->o, &c->safe, &t);
		if (mark_cmp(c->o, &c->safe, most) > 0)
			mark_copy(&c->safe, most);
	}
	if (before != NULL && mark_set(c->o, &old, before, CS_DATA, "state: cursor") == 0 &&
	    mark_cmp(c->o, &c->safe, &old) < 0)
		mark_copy(&c->safe, &old);
	buf_release(&old.text);
	return c->safe.text.p;
}
