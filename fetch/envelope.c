/*
 * What stands around the records, byte by byte. Its grammar is checked when it is whole; here only
 * strings, brackets and the keys on the path are told apart.
 */
#include <string.h>

#include "splitting.h"

static void
key_ends(struct split *s)
{
	const struct slice *want = &s->records->step[s->matched];
	const char *p = s->envelope.p + s->key_at, *err;
	size_t n = s->envelope.len - s->key_at - 1;
	struct value v;

	s->key = false;
	s->here = slice_eq(*want, p, n);
	if (memchr(p, '\\', n) == NULL || scan_text(p - 1, n + 2, &v, &err) < 0)
		return;
	buf_clear(&s->scratch);
	s->here = json_unescape(&s->scratch, p, n) == 0 &&
		  slice_eq(*want, s->scratch.p ? s->scratch.p : "", s->scratch.len);
}

static void
in_string(struct split *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"') {
		s->in_string = false;
		if (s->key)
			key_ends(s);
		else
			s->here = false;
	}
}

static int
opens(struct split *s, char c)
{
	int steps = s->records != NULL ? s->records->n_outer : 0;
	int taken = s->depth > 0 ? s->matched + 1 : 0; /* steps that lead into this value */

	if (s->here && c == '[' && taken == steps) {
		s->seen = true;
		s->here = false;
		s->state = GAP;
		s->next = FIRST;
		return SPLIT_OK;
	}
	if (++s->depth > SCAN_DEPTH)
		return split_fail(s, SPLIT_BAD, "nested deeper than %d", SCAN_DEPTH);
	if (s->here && c == '{' && taken < steps) {
		s->on = s->depth;
		s->matched = taken;
		s->key = true;
	}
	s->here = false;
	return SPLIT_OK;
}

static void
closes(struct split *s)
{
	if (s->depth == s->on) {
		s->on--;
		s->matched--;
	}
	s->here = s->key = false;
	if (--s->depth == 0)
		s->state = TAIL;
}

/* Where the envelope has arrays, two levels deep; it need not be whole. */
static void
list_arrays(const struct split *s, struct buf *out)
{
	struct scan a = {0};
	struct buf outer = {0};
	struct slice key;
	struct value v;
	int depth = 1, r, type;

	scan_init(&a, s->envelope.p, s->envelope.len);
	if (scan_type(&a) != JSON_OBJECT || scan_enter(&a) < 0)
		depth = 0;
	while (depth > 0 && (r = scan_key(&a, &key)) >= 0) {
		if (r == 0) {
			depth--;
			continue;
		}
		if (depth == 1) {
			buf_clear(&outer);
			buf_add(&outer, key.p, key.n);
		}
		type = scan_type(&a);
		if (type == JSON_ARRAY && out->len < 200)
			buf_addf(out, depth == 1 ? "%s .%s" : "%s .%s.%.*s",
			    out->len > 0 ? "," : "", outer.p, (int)key.n, key.p);
		if (type == JSON_OBJECT && depth == 1) {
			scan_enter(&a);
			depth++;
		} else if (scan_value(&a, &v) < 0)
			break;
	}
	scan_release(&a);
	buf_release(&outer);
}

int
split_no_array(struct split *s, int result, const char *what)
{
	struct buf arrays = {0};

	list_arrays(s, &arrays);
	if (s->records != NULL)
		split_fail(s, 0, "--records %s: %s", s->records->text, what);
	else
		split_fail(s, 0, "the reply is an object, not an array");
	if (arrays.len > 0)
		buf_addf(&s->why, "; it has arrays at%s%s", arrays.p,
		    s->records == NULL ? ": name one with --records" : "");
	buf_release(&arrays);
	return result;
}

static int
envelope_full(struct split *s)
{
	if (!s->seen)
		return split_no_array(
		    s, SPLIT_LIMIT, "no such array in the first MiB of the reply");
	return split_fail(
	    s, SPLIT_LIMIT, "more than %u bytes stand beside the records", ENVELOPE_MAX);
}

static int
take_byte(struct split *s, char c)
{
	if (buf_addc(&s->envelope, c) < 0)
		return envelope_full(s);
	if (s->in_string) {
		in_string(s, c);
		return s->seen && s->here
			   ? split_fail(s, SPLIT_BAD, "the records' place comes twice")
			   : SPLIT_OK;
	}
	switch (c) {
	case '"':
		s->in_string = true;
		s->key = s->key && s->depth == s->on;
		s->key_at = s->envelope.len;
		break;
	case '{':
	case '[':
		return opens(s, c);
	case '}':
	case ']':
		closes(s);
		break;
	case ',':
		if (s->depth == s->on) {
			s->key = true;
			s->here = false;
		}
		break;
	}
	return SPLIT_OK;
}

/* The bytes at p that neither end a string nor escape anything. */
static size_t
plain(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

int
envelope_take(struct split *s, const char **p, size_t *n)
{
	size_t run;
	int r = SPLIT_OK;

	while (r == SPLIT_OK && *n > 0 && s->state == ENVELOPE) {
		run = s->in_string && !s->escaped ? plain(*p, *n) : 0;
		if (run == 0)
			r = take_byte(s, **p);
		else if (buf_add(&s->envelope, *p, run) < 0)
			r = envelope_full(s);
		run += run == 0;
		*p += run;
		*n -= run;
	}
	return r;
}

int
envelope_end(struct split *s)
{
	static const char *const is[] = {[JSON_NULL] = "is null",
	    [JSON_FALSE] = "is false",
	    [JSON_TRUE] = "is true",
	    [JSON_NUMBER] = "is a number",
	    [JSON_STRING] = "is text",
	    [JSON_ARRAY] = "is not reached",
	    [JSON_OBJECT] = "is an object, not an array"};
	const struct path *r = s->records;
	struct value v;
	const char *err;

	if (scan_text(s->envelope.p, s->envelope.len, &v, &err) < 0)
		return split_fail(s, SPLIT_BAD, "%s", err);
	if (s->seen)
		return SPLIT_OK;
	if (r == NULL || !path_walk(r, 0, r->n_outer, v.p, v.n, &v))
		return split_no_array(s, SPLIT_SHAPE, "is not there");
	return split_no_array(s, SPLIT_SHAPE, is[v.type]);
}
