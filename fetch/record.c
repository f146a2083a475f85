/* An element, as its bytes stand, becomes a record: a line of valid JSON that passes for no control line. */
#include <string.h>

#include "splitting.h"

/* Is one of the letters of @cs written as \u00XX? */
static bool
hides_letters(const char *p, size_t n)
{
	static const char *const letters[] = {"40", "63", "73"};
	const char *end = p + n;

	/* What follows is readable: the record is valid. */
	for (; (p = memchr(p, '\\', end - p)) != NULL; p += 2)
		if (memcmp(p + 1, "u00", 3) == 0)
			for (int i = 0; i < 3; i++)
				if (memcmp(p + 4, letters[i], 2) == 0)
					return true;
	return false;
}

static bool
names_cs(const char *p, size_t n)
{
	const char *at = p, *end = p + n;

	for (; (at = memchr(at, '@', end - at)) != NULL; at++)
		if (at > p && at[-1] == '"' && memcmp(at, "@cs\"", 4) == 0)
			return true;
	return false;
}

bool
record_has_cs(const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	bool found = false;

	if (!names_cs(p, n) && !hides_letters(p, n))
		return false;
	scan_init(&s, p, n);
	scan_enter(&s);
	while (!found && scan_key(&s, &key) > 0) {
		found = slice_is(key, "@cs");
		if (scan_value(&s, &v) < 0)
			break;
	}
	scan_release(&s);
	return found;
}

/* Put head before and } behind what stands at page[start..]. */
static int
wrap(struct split *s, size_t start, const char *head)
{
	size_t h = strlen(head), n = s->page.len - start;

	if (buf_room(&s->page, h + 1) < 0)
		return -1;
	memmove(s->page.p + start + h, s->page.p + start, n);
	memcpy(s->page.p + start, head, h);
	s->page.len += h;
	return buf_addc(&s->page, '}');
}

/* page[start..] becomes p[0..n), which may be a part of it. */
static void
put_back(struct split *s, size_t start, const char *p, size_t n)
{
	if (p != s->page.p + start)
		memmove(s->page.p + start, p, n);
	s->page.len = start + n;
	s->page.p[s->page.len] = '\0';
}

int
split_finish(struct split *s, size_t start)
{
	const struct path *r = s->records;
	struct value v;
	const char *err;

	if (s->page.len - start > s->max_record)
		return split_fail(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (scan_text(s->page.p + start, s->page.len - start, &v, &err) < 0)
		return split_fail(s, SPLIT_BAD, "record %llu: %s",
		    (unsigned long long)(s->before + s->n + 1), err);
	if (r != NULL && r->jq == NULL && r->n_outer < r->n_step) {
		if (!path_walk(r, r->n_outer, r->n_step, v.p, v.n, &v))
			return split_fail(s, SPLIT_SHAPE, "--records %s: element %llu has none",
			    r->text, (unsigned long long)(s->before + s->n + 1));
		put_back(s, start, v.p, v.n);
		v.p = s->page.p + start;
	}
	if (v.flags & VALUE_WS) {
		buf_clear(&s->scratch);
		json_compact(&s->scratch, v.p, v.n);
		put_back(s, start, s->scratch.p, s->scratch.len);
	} else
		put_back(s, start, v.p, v.n);
	if ((v.type != JSON_OBJECT && wrap(s, start, "{\"value\":") < 0) ||
	    (v.type == JSON_OBJECT && record_has_cs(s->page.p + start, s->page.len - start) &&
		wrap(s, start, WRAP_HEAD) < 0) ||
	    buf_addc(&s->page, '\n') < 0)
		return split_too_large(s);
	s->n++;
	return SPLIT_OK;
}

struct slice
split_record(const char *line, size_t n)
{
	size_t h = sizeof(WRAP_HEAD) - 1;

	if (n > h && memcmp(line, WRAP_HEAD, h) == 0)
		return (struct slice){line + h, n - h - 1};
	return (struct slice){line, n};
}
