#include "mark.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "num.h"

void
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
bool
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

int
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

const char *
mark_type_name(const struct opts *o)
{
	static const char *const names[] = {
	    [CURSOR_TIME] = "a time", [CURSOR_INTEGER] = "an integer", [CURSOR_TEXT] = "text"};

	return names[o->cursor_type];
}

int
mark_set(const struct opts *o, struct mark *m, const char *text, int code, const char *what)
{
	buf_clear(&m->text);
	buf_adds(&m->text, text);
	if (mark_parse(o, m))
		return 0;
	return fail(code, "%s: \"%s\" is not %s (--cursor-type)", what, text, mark_type_name(o));
}

/* A time as its RFC 3339 text, whatever it came from. */
void
mark_set_time(const struct opts *o, struct mark *m, const struct instant *t)
{
	char text[INSTANT_MAX];

	buf_clear(&m->text);
	buf_add(&m->text, text, instant_format(t, text));
	mark_parse(o, m);
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

int
mark_format(const struct instant *t, const char *fmt, struct buf *out)
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

int64_t
mark_step(const char *fmt)
{
	static const int64_t step[] = {1, 60, 3600};
	struct instant zero = {0};

	for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
		struct instant t = {.sec = step[i]};
		struct buf a = {0}, b = {0};
		bool differ = mark_format(&zero, fmt, &a) != 0 || mark_format(&t, fmt, &b) != 0 ||
			      strcmp(a.p, b.p) != 0;

		buf_release(&a);
		buf_release(&b);
		if (differ)
			return step[i];
	}
	return 86400;
}
