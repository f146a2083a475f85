#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jqjson.h"
#include "numop.h"

#define KEYS    512 /* a power of two */
#define KEY_MAX 64  /* bytes of a key worth remembering */

static int
fail(struct jqjson *j, const char *why)
{
	j->err = why;
	return -1;
}

void
jqjson_adopt(struct jqjson *j)
{
	for (; j->constants < j->nums.n; j->constants++) {
		j->nums.v[j->constants].plain = true;
		j->largest_constant = fmax(j->largest_constant, fabs(j->nums.v[j->constants].d));
	}
}

int
jqjson_constant(struct jqjson *j, const char *p, size_t n)
{
	bool inexact = jqnums_add(&j->nums, (struct slice){p, n})->inexact;

	jqjson_adopt(j);
	return inexact ? -1 : 0;
}

bool
jqjson_holds(struct jqjson *j, const char *p, size_t n)
{
	const char *end = p + n, *why;
	struct value v;

	/* jq takes blanks, a plus sign and zeros that JSON does not. */
	while (p < end && strchr(" \t\r\n", *p))
		p++;
	if (p == end)
		return true;
	buf_clear(&j->text);
	if (*p == '-')
		buf_addc(&j->text, '-');
	p += *p == '-' || *p == '+';
	while (end - p > 1 && *p == '0' && p[1] >= '0' && p[1] <= '9')
		p++;
	buf_add(&j->text, p, (size_t)(end - p));
	j->asked.n = 0;
	return scan_text(j->text.p, j->text.len, &v, &why) < 0 || v.type != JSON_NUMBER ||
	       !jqnums_add(&j->asked, (struct slice){v.p, v.n})->inexact;
}

bool
jqjson_loses(struct jqjson *j, const char *p, size_t n)
{
	size_t len;

	for (const char *end = p + n; p < end; p += len) {
		len = strspn(p, "-+.0123456789Ee");
		if (len && *p != '+' && *p != 'E' && *p != 'e') {
			/* What has as many digits and is held may be the double of another. */
			if ((len > 15 || memchr(p, 'e', len) || memchr(p, 'E', len)) &&
			    (!jqjson_holds(j, p, len) || j->asked.n))
				return true;
			continue;
		}
		len = 1;
		if (*p != '"')
			continue;
		while (p + len < end && p[len++] != '"')
			len += p[len - 1] == '\\';
	}
	return false;
}

/* The string at p[0..n), still escaped if esc says so. */
static int
read_string(struct jqjson *j, const char *p, size_t n, bool esc, jv *out)
{
	if (esc) {
		buf_clear(&j->text);
		if (json_unescape(&j->text, p, n) < 0)
			return fail(j, "a lone surrogate, which jq cannot hold");
		p = j->text.p;
		n = j->text.len;
	}
	if (n > INT_MAX / 4)
		return fail(j, "a string too long for jq");
	*out = jv_string_sized(p, (int)n);
	return 0;
}

/* A string met before as a key. */
struct jqkey {
	jv v;
	size_t n; /* bytes of text; more than KEY_MAX: none yet */
	char text[KEY_MAX];
};

/* Keys come again and again: share them, which also saves libjq hashing them. */
static jv
read_key(struct jqjson *j, struct slice key)
{
	uint32_t h = 2166136261u ^ (uint32_t)key.n;
	struct jqkey *known;

	if (key.n > KEY_MAX)
		return jv_string_sized(key.p, (int)key.n);
	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619u;
	known = &j->keys[(h ^ h >> 15) & (KEYS - 1)];
	if (known->n != key.n || memcmp(known->text, key.p, key.n) != 0) {
		if (known->n <= KEY_MAX)
			jv_free(known->v);
		known->v = jv_string_sized(key.p, (int)key.n);
		known->n = key.n;
		memcpy(known->text, key.p, key.n);
	}
	return jv_copy(known->v);
}

static int
read_number(struct jqjson *j, struct slice text, jv *out)
{
	struct jqnum *num;
	double d;

	if (j->inner) {
		if (jqnums_make(&j->nums, text, false, &d) < 0)
			return fail(j, "too many numbers of many digits");
		*out = jv_number(d);
		return 0;
	}
	if (j->again) {
		num = &j->nums.v[j->at++];
	} else {
		num = jqnums_add(&j->nums, text);
		if (j->lossy && num->inexact) {
			num->inexact = false;
			num->plain = true;
		}
		if (num->inexact)
			j->far &= fabs(num->d) >= JQNUM_EXACT;
		else if (fabs(num->d) > j->largest)
			j->largest = fabs(num->d);
		j->stray = num->inexact && !j->below;
		j->plain &= num->plain && fabs(num->d) < JQNUM_EXACT;
		if (num->inexact && !j->inexact && !j->texts) {
			j->inexact = true;
			j->number = text;
		}
	}
	*out = num->inexact && j->texts ? jv_string_sized(text.p, (int)text.n) : jv_number(num->d);
	return 0;
}

static int
read_scalar(struct jqjson *j, jv *out)
{
	struct value v;

	if (scan_value(&j->scan, &v) < 0)
		return fail(j, j->scan.err);
	switch (v.type) {
	case JSON_STRING:
		return read_string(j, v.p + 1, v.n - 2, v.flags & VALUE_ESC, out);
	case JSON_NUMBER:
		return read_number(j, (struct slice){v.p, v.n}, out);
	default:
		*out = v.type == JSON_NULL ? jv_null() : jv_bool(v.type == JSON_TRUE);
		return 0;
	}
}

struct level {
	jv v;
	jv key; /* of the member being read */
	bool object;
};

/* Put v where it belongs: into the innermost container, or out. */
static void
place(struct level *at, jv *out, jv v)
{
	if (!at)
		*out = v;
	else if (at->object)
		at->v = jv_object_set(at->v, at->key, v);
	else
		at->v = jv_array_append(at->v, v);
}

/* Is what is read now, in the levels from bottom to top, below one of the fields? */
static bool
below(const struct jqjson *j, const struct level *bottom, const struct level *top)
{
	const char *p = j->fields->p, *end = p + j->fields->len;

	for (; p < end; p += strlen(p) + 1)
		for (const struct level *l = bottom; top && l <= top; l++)
			if (l->object && strcmp(jv_string_value(l->key), p) == 0)
				return true;
	return false;
}

static int
read_text(struct jqjson *j, jv *out)
{
	struct level stack[JQJSON_DEPTH], *top = NULL;
	struct slice key;
	jv v;
	int type, r;

	for (;;) {
		type = scan_type(&j->scan);
		if (type == JSON_OBJECT || type == JSON_ARRAY) {
			if (top == stack + JQJSON_DEPTH - 1) {
				fail(j, "nested deeper than jq can (limit 256)");
				goto bad_value;
			}
			scan_enter(&j->scan);
			top = top ? top + 1 : stack;
			top->object = type == JSON_OBJECT;
			top->v = top->object ? jv_object() : jv_array();
		} else if (read_scalar(j, &v) < 0) {
			goto bad_value;
		} else {
			if (j->stray) {
				j->below |= below(j, stack, top);
				j->stray = false;
			}
			place(top, out, v);
		}
		while (top) {
			r = top->object ? scan_key(&j->scan, &key) : scan_item(&j->scan);
			if (r)
				break;
			v = top->v;
			top = top == stack ? NULL : top - 1;
			place(top, out, v);
		}
		if (!top) {
			if (scan_done(&j->scan) == 0)
				return 0;
			jv_free(*out);
			return fail(j, j->scan.err);
		}
		if (r < 0) {
			fail(j, j->scan.err);
			goto bad;
		}
		if (top->object)
			top->key = read_key(j, key);
	}
bad_value:
	if (top && top->object)
		jv_free(top->key);
bad:
	while (top) {
		jv_free(top->v);
		top = top == stack ? NULL : top - 1;
		if (top && top->object)
			jv_free(top->key);
	}
	return -1;
}

static void
stand(struct jqjson *j, enum jqnums_as as)
{
	jqnums_stand(&j->nums, as);
	j->ambiguous = j->nums.ambiguous;
	j->common = j->nums.common;
}

int
jqjson_read(struct jqjson *j, const char *p, size_t n, jv *out)
{
	if (!j->keys) {
		j->keys = xcalloc(KEYS, sizeof *j->keys);
		for (size_t i = 0; i < KEYS; i++)
			j->keys[i].n = KEY_MAX + 1;
	}
	j->src = (struct slice){p, n};
	j->nums.n = j->constants;
	j->plain = true;
	j->below = !j->fields;
	j->far = true;
	j->largest = j->largest_constant;
	j->inexact = j->ambiguous = j->common = j->again = false;
	scan_init(&j->scan, p, n);
	if (read_text(j, out) < 0)
		return -1;
	if (!j->plain)
		stand(j, JQNUMS_NEAREST);
	return 0;
}

int
jqjson_again(struct jqjson *j, enum jqnums_as as, jv *out)
{
	j->plain = false;
	stand(j, as);
	j->at = j->constants;
	j->again = true;
	scan_init(&j->scan, j->src.p, j->src.n);
	return read_text(j, out);
}

int
jqjson_inner(struct jqjson *j, const char *p, size_t n, jv *out)
{
	struct buf text = {0};
	int r;

	if (!jqjson_loses(j, p, n))
		return 0;
	buf_add(&text, p, n);
	buf_addc(&text, '\n');
	j->inner = true;
	scan_init(&j->scan, text.p, n);
	r = read_text(j, out) < 0 ? -1 : 1;
	j->inner = false;
	buf_release(&text);
	return r;
}

static int
computed(struct jqjson *j)
{
	j->ambiguous = j->inexact;
	return fail(j, j->inexact ? JQJSON_DEPENDS : JQJSON_COMPUTED);
}

static int
write_number(struct jqjson *j, struct buf *out, double d)
{
	const struct jqnum *num = j->plain ? NULL : jqnums_find(&j->nums, d);
	size_t n;

	if (num && num->ambiguous)
		return fail(j, "a number that jq cannot tell from another");
	if (num && num->rounded)
		return computed(j);
	if (num && j->text_only && (num->inexact || num->d != num->nearest)) {
		j->has_long = true;
		if (num_op(out, '+', num->text, (struct slice){"0", 1}) < 0)
			buf_add(out, num->text.p, num->text.n);
		return 0;
	}
	if (num && !num->plain && !j->text_only) {
		buf_add(out, num->text.p, num->text.n);
		return 0;
	}
	buf_room(out, JQNUM_TEXT);
	n = jqnum_render(out->p + out->len, num ? num->nearest : d);
	/* An id that was text, say, and went through tonumber. */
	if (!num && !j->lossy && fabs(d) >= JQNUM_EXACT && fabs(d) < DBL_MAX &&
	    jqnum_digits((struct slice){out->p + out->len, n}) > 15)
		return computed(j);
	out->len += n;
	return 0;
}

/* A scalar is written whole, of a container the opening bracket. v stays the caller's. */
static int
write_value(struct jqjson *j, struct buf *out, jv v)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_NULL:
		return buf_add(out, "null", 4);
	case JV_KIND_FALSE:
		return buf_add(out, "false", 5);
	case JV_KIND_TRUE:
		return buf_add(out, "true", 4);
	case JV_KIND_NUMBER:
		return write_number(j, out, jv_number_value(v));
	case JV_KIND_STRING:
		json_quote(out, jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)));
		return 0;
	case JV_KIND_ARRAY:
		return buf_addc(out, '[');
	case JV_KIND_OBJECT:
		return buf_addc(out, '{');
	default:
		return fail(j, "no JSON value");
	}
}

struct cursor {
	jv v;
	int i; /* the next element, or the iterator at the next member */
	bool object, first;
};

/* The next value inside of at, its key written. false: there is none. */
static bool
next_inside(struct cursor *at, struct buf *out, jv *v)
{
	if (at->object ? !jv_object_iter_valid(at->v, at->i)
		       : at->i >= jv_array_length(jv_copy(at->v)))
		return false;
	if (!at->first)
		buf_addc(out, ',');
	at->first = false;
	if (at->object) {
		jv key = jv_object_iter_key(at->v, at->i);

		json_quote(out, jv_string_value(key), (size_t)jv_string_length_bytes(jv_copy(key)));
		jv_free(key);
		buf_addc(out, ':');
		*v = jv_object_iter_value(at->v, at->i);
		at->i = jv_object_iter_next(at->v, at->i);
	} else {
		*v = jv_array_get(jv_copy(at->v), at->i++);
	}
	return true;
}

int
jqjson_write(struct jqjson *j, struct buf *out, jv v)
{
	struct cursor stack[SCAN_DEPTH], *top = NULL;
	jv_kind kind;

	for (;;) {
		kind = jv_get_kind(v);
		if (write_value(j, out, v) < 0) {
			jv_free(v);
			goto bad;
		}
		if (kind != JV_KIND_ARRAY && kind != JV_KIND_OBJECT) {
			jv_free(v);
		} else if (top == stack + SCAN_DEPTH - 1) {
			fail(j, "a result nested too deeply (limit 512)");
			jv_free(v);
			goto bad;
		} else {
			top = top ? top + 1 : stack;
			*top = (struct cursor){v, 0, kind == JV_KIND_OBJECT, true};
			if (top->object)
				top->i = jv_object_iter(v);
		}
		while (top && !next_inside(top, out, &v)) {
			buf_addc(out, top->object ? '}' : ']');
			jv_free(top->v);
			top = top == stack ? NULL : top - 1;
		}
		if (!top)
			return 0;
	}
bad:
	while (top) {
		jv_free(top->v);
		top = top == stack ? NULL : top - 1;
	}
	return -1;
}

int
jqjson_text(struct jqjson *j, struct buf *out, jv v)
{
	struct buf text = {0};
	int r;

	j->text_only = true;
	j->has_long = false;
	r = jqjson_write(j, &text, v);
	j->text_only = false;
	for (size_t i = 0; r == 0 && i < text.len; i++) {
		if (text.p[i] == '\177')
			buf_adds(out, "\\u007f"); /* as jq does */
		else
			buf_addc(out, text.p[i]);
	}
	buf_release(&text);
	return r < 0 ? -1 : j->has_long;
}

void
jqjson_release(struct jqjson *j)
{
	for (size_t i = 0; j->keys && i < KEYS; i++)
		if (j->keys[i].n <= KEY_MAX)
			jv_free(j->keys[i].v);
	free(j->keys);
	jqnums_release(&j->nums);
	jqnums_release(&j->asked);
	buf_release(&j->text);
	scan_release(&j->scan);
	memset(j, 0, sizeof *j);
}
