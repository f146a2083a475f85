#include "cursor.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "num.h"

static void
mark_copy(struct mark *to, const struct mark *from)
{
	buf_clear(&to->text);
	buf_add(&to->text, from->text.p, from->text.len);
	to->time = from->time;
	if (to->time.frac.n > 0) { /* points into the text or mem of from */
		bool in_mem =
		    from->time.frac.p >= from->mem && from->time.frac.p < from->mem + INSTANT_MAX;
		memcpy(to->mem, from->mem, sizeof(to->mem));
		to->time.frac.p = in_mem ? to->mem + (from->time.frac.p - from->mem)
					 : to->text.p + (from->time.frac.p - from->text.p);
	}
}

static bool
is_integer(const char *p, size_t n)
{
	size_t i = n > 1 && *p == '-';

	if (i == n || (p[i] == '0' && n > i + 1))
		return false;
	for (; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* Seconds or milliseconds since 1970 can only be told apart by what the user says of the parameter. */
static int
parse_epoch(const struct opts *o, struct mark *m)
{
	if (strcmp(o->param_format, "epoch") == 0)
		return instant_epoch(&m->time, m->text.p, m->text.len, 0, m->mem);
	if (strcmp(o->param_format, "epoch-ms") == 0)
		return instant_epoch(&m->time, m->text.p, m->text.len, 3, m->mem);
	return -1;
}

/* Parse m->text as --cursor-type has it. */
static bool
mark_parse(const struct opts *o, struct mark *m)
{
	switch (o->cursor_type) {
	case CURSOR_TEXT:
		return m->text.len > 0;
	case CURSOR_INTEGER:
		return is_integer(m->text.p ? m->text.p : "", m->text.len);
	}
	return m->text.len > 0 &&
	       (instant_parse(&m->time, m->text.p, m->text.len) == 0 || parse_epoch(o, m) == 0);
}

static int
mark_cmp(const struct opts *o, const struct mark *a, const struct mark *b)
{
	size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
	int r;

	if (o->cursor_type == CURSOR_TIME)
		return instant_cmp(&a->time, &b->time);
	if (o->cursor_type == CURSOR_INTEGER)
		return num_cmp(a->text.p, a->text.len, b->text.p, b->text.len);
	r = memcmp(a->text.p, b->text.p, n);
	return r != 0 ? r : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static const char *
type_name(const struct opts *o)
{
	static const char *const names[] = {
	    [CURSOR_TIME] = "a time", [CURSOR_INTEGER] = "an integer", [CURSOR_TEXT] = "text"};

	return names[o->cursor_type];
}

static int
set(const struct opts *o, struct mark *m, const char *text, int code, const char *what)
{
	buf_clear(&m->text);
	buf_adds(&m->text, text);
	if (mark_parse(o, m))
		return 0;
	return fail(code, "%s: \"%s\" is not %s (--cursor-type)", what, text, type_name(o));
}

/* A time as its RFC 3339 text, whatever it came from. */
static void
set_time(const struct opts *o, struct mark *m, const struct instant *t)
{
	char text[INSTANT_MAX];

	buf_clear(&m->text);
	buf_add(&m->text, text, instant_format(t, text));
	mark_parse(o, m);
}

static int
set_start(struct cursor *c)
{
	const char *start = c->o->start;
	struct instant t;

	if (*start != '-' || c->o->cursor_type != CURSOR_TIME)
		return set(c->o, &c->since, start, CS_USAGE, "--start");
	t = (struct instant){
	    .sec = time(NULL) - (int64_t)(opt_duration("--start", start + 1) / 1000)};
	set_time(c->o, &c->since, &t);
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
	set_time(c->o, m, &t);
}

int
cursor_init(struct cursor *c, const struct opts *o, const struct state *s)
{
	bool full = o->full || !o->incremental;
	int r = 0;

	*c = (struct cursor){.o = o, .ascending = true};
	if (o->cursor_field == NULL)
		return 0;
	if (s->unfinished) {
		c->ascending = s->ascending;
		c->more = true;
		if (s->since != NULL)
			r = set(o, &c->since, s->since, CS_DATA, "state: since");
		if (s->max != NULL && r == 0)
			r = set(o, &c->max, s->max, CS_DATA, "state: max");
		if (r == 0)
			mark_copy(&c->last, &c->max);
		return r;
	}
	if (full)
		return 0;
	if (s->cursor == NULL)
		return o->start != NULL ? set_start(c) : 0;
	if (set(o, &c->since, s->cursor, CS_DATA, "state: cursor") != 0)
		return CS_DATA;
	mark_copy(&c->max, &c->since);
	look_back(c);
	return 0;
}

void
cursor_release(struct cursor *c)
{
	buf_release(&c->since.text);
	buf_release(&c->max.text);
	buf_release(&c->last.text);
	buf_release(&c->first.text);
	buf_release(&c->safe.text);
}

/* strftime(3) takes %s for local time: put in what it is. */
static void
expand_seconds(const char *fmt, int64_t sec, struct buf *out)
{
	size_t n;

	buf_adds(out, "");
	for (; *fmt != '\0'; fmt += n) {
		n = *fmt != '%' ? strcspn(fmt, "%") : 1 + strspn(fmt + 1, "-_^#0123456789");
		if (*fmt == '%' && fmt[n] == 's')
			buf_addf(out, "%" PRId64, sec);
		n += *fmt == '%' && fmt[n] != '\0';
		if (*fmt != '%' || fmt[n - 1] != 's')
			buf_add(out, fmt, n);
	}
}

/* The user's own format cannot be checked when this is compiled. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static int
format_time(const struct instant *t, const char *fmt, struct buf *out)
{
	char text[INSTANT_MAX];
	time_t sec = t->sec;
	int64_t ms = 0;
	struct buf utc = {0};
	struct tm tm;
	size_t n;

	if (strcmp(fmt, "rfc3339") == 0) {
		buf_add(out, text, instant_format(t, text));
		return 0;
	}
	if (strcmp(fmt, "epoch") == 0)
		return buf_addf(out, "%" PRId64, t->sec);
	if (strcmp(fmt, "epoch-ms") == 0) {
		for (size_t i = 0; i < 3; i++)
			ms = ms * 10 + (i < t->frac.n ? t->frac.p[i] - '0' : 0);
		return buf_addf(out, "%" PRId64, t->sec * 1000 + ms);
	}
	gmtime_r(&sec, &tm);
	expand_seconds(strcmp(fmt, "date") == 0 ? "%Y-%m-%d" : fmt, t->sec, &utc);
	n = strftime(text, sizeof(text), utc.p, &tm);
	buf_release(&utc);
	if (n == 0)
		return fail(CS_USAGE, "--param-format: \"%s\" gives nothing, or too much", fmt);
	return buf_adds(out, text);
}

#pragma GCC diagnostic pop

int
cursor_param(const struct cursor *c, struct buf *out)
{
	if (c->since.text.len == 0)
		return 0;
	if (c->o->cursor_type == CURSOR_TIME)
		return format_time(&c->since.time, c->o->param_format, out);
	return buf_add(out, c->since.text.p, c->since.text.len);
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
		    page, n, o->cursor_field->text, m->text.p, type_name(o),
		    type == JSON_NUMBER && o->cursor_type == CURSOR_TIME
			? ": for a number say --param-format epoch or epoch-ms, or --cursor-type "
			  "integer"
			: "");
	return 0;
}

static void
see(struct cursor *c, const struct mark *m)
{
	if (c->last.text.len > 0 && mark_cmp(c->o, m, &c->last) < 0)
		c->ascending = false;
	mark_copy(&c->last, m);
	if (c->max.text.len == 0 || mark_cmp(c->o, m, &c->max) > 0)
		mark_copy(&c->max, m);
}

int
cursor_page(struct cursor *c, struct split *s, uint64_t page)
{
	const struct opts *o = c->o;
	char *line = s->page.p, *end = s->page.p + s->page.len, *to = line, *nl;
	struct mark m = {0};
	uint64_t n = 0, kept = 0;
	int r = 0;

	if (o->cursor_field == NULL || s->n == 0)
		return 0;
	for (; r == 0 && line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		r = read_mark(o, split_record(line, nl - line), &m, page, ++n);
		if (r != 0)
			break;
		see(c, &m);
		if (o->client_filter && c->since.text.len > 0 && mark_cmp(o, &m, &c->since) < 0) {
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
		set_time(c->o, &c->safe, &t);
		if (mark_cmp(c->o, &c->safe, most) > 0)
			mark_copy(&c->safe, most);
	}
	if (before != NULL && set(c->o, &old, before, CS_DATA, "state: cursor") == 0 &&
	    mark_cmp(c->o, &c->safe, &old) < 0)
		mark_copy(&c->safe, &old);
	buf_release(&old.text);
	return c->safe.text.p;
}
