#include <string.h>
#include <strings.h>

#include "cast.h"
#include "hash.h"
#include "instant.h"
#include "python.h"

#define INTEGER_MAX 1000 /* digits an exponent may ask for */

void
cast_json_text(struct buf *out, const struct value *v, bool python, struct buf *tmp)
{
	if (!python && (!(v->flags & VALUE_WS) || v->type < JSON_ARRAY)) {
		json_quote(out, v->p, v->n);
		return;
	}
	buf_clear(tmp);
	if (python)
		python_json(tmp, v->p, v->n);
	else
		json_compact(tmp, v->p, v->n);
	json_quote(out, tmp->p, tmp->len);
}

/* The text of a string, decoded into tmp if need be; no text (NULL) when it holds U+0000 or half a pair. */
static struct slice
text_of(const struct value *v, struct buf *tmp)
{
	struct slice in = value_inner(v);

	if (!(v->flags & VALUE_ESC))
		return in;
	buf_clear(tmp);
	if (json_unescape(tmp, in.p, in.n) != 0)
		return (struct slice){NULL, 0};
	return (struct slice){tmp->p, tmp->len};
}

/* The number in a number, or in a string that holds nothing else. 0 or -1. */
static int
number_in(const struct value *v, struct buf *tmp, struct value *out)
{
	const char *why;
	struct slice t;

	if (v->type == JSON_NUMBER) {
		*out = *v;
		return 0;
	}
	if (v->type != JSON_STRING)
		return -1;
	t = text_of(v, tmp);
	return t.n && scan_text(t.p, t.n, out, &why) == 0 && out->type == JSON_NUMBER &&
		       out->n == t.n
		   ? 0
		   : -1;
}

static int
to_string(struct buf *out, const struct value *v, bool python, struct buf *tmp)
{
	if (v->type == JSON_STRING)
		return buf_add(out, v->p, v->n);
	if (v->type >= JSON_ARRAY) {
		cast_json_text(out, v, python, tmp);
		return 0;
	}
	buf_addc(out, '"');
	buf_add(out, v->p, v->n);
	return buf_addc(out, '"');
}

/* A literal with a fraction or an exponent whose value is whole all the same, such as 1.0 or 12e3. */
static int
whole(struct buf *out, const struct value *v)
{
	const char *p = v->p, *end = p + v->n;
	size_t start = out->len, digits;
	long shift = 0, exp = 0;
	bool neg_exp;

	if (*p == '-')
		buf_addc(out, *p++);
	digits = out->len;
	for (; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			shift =
			    p + 1 -
			    end; /* minus the digits behind the point, and the exponent's length */
			continue;
		}
		if (*p != '0' || out->len > digits)
			buf_addc(out, *p);
	}
	if (shift)
		shift += end - p;
	if (p < end) {
		neg_exp = *++p == '-';
		p += *p == '-' || *p == '+';
		for (; p < end && exp <= INTEGER_MAX; p++)
			exp = exp * 10 + *p - '0';
		shift += neg_exp ? -exp : exp;
	}
	while (shift < 0 && out->len > digits && out->p[out->len - 1] == '0') {
		out->len--;
		shift++;
	}
	if (out->len == digits) { /* zero */
		out->len = start;
		buf_addc(out, '0');
		return 0;
	}
	if (shift < 0 || shift > INTEGER_MAX) {
		out->len = start;
		return -1;
	}
	while (shift--)
		buf_addc(out, '0');
	return 0;
}

static int
to_integer(struct buf *out, const struct value *v, struct buf *tmp)
{
	struct value num;

	if (v->type == JSON_TRUE || v->type == JSON_FALSE)
		return buf_addc(out, v->type == JSON_TRUE ? '1' : '0');
	if (number_in(v, tmp, &num) < 0)
		return -1;
	return num.flags & VALUE_REAL ? whole(out, &num) : buf_add(out, num.p, num.n);
}

static int
to_decimal(struct buf *out, const struct value *v, struct buf *tmp)
{
	struct value num;

	return number_in(v, tmp, &num) < 0 ? -1 : buf_add(out, num.p, num.n);
}

static int
to_boolean(struct buf *out, const struct value *v, struct buf *tmp)
{
	struct slice t = {v->p, v->n};

	if (v->type == JSON_STRING)
		t = text_of(v, tmp);
	if (slice_is(t, "1") || (t.n == 4 && strncasecmp(t.p, "true", 4) == 0))
		return buf_add(out, "true", 4);
	if (slice_is(t, "0") || (t.n == 5 && strncasecmp(t.p, "false", 5) == 0))
		return buf_add(out, "false", 5);
	return -1;
}

static void
add_instant(struct buf *out, const struct instant *t)
{
	char text[INSTANT_MAX];
	size_t n = instant_format(t, text);

	buf_addc(out, '"');
	buf_add(out, text, n);
	buf_addc(out, '"');
}

static int
to_timestamp(struct buf *out, const struct value *v, struct buf *tmp)
{
	char text[INSTANT_MAX];
	struct slice in;
	ssize_t n;

	if (v->type != JSON_STRING)
		return -1;
	in = text_of(v, tmp);
	n = in.p ? instant_utc(in.p, in.n, text) : -1;
	if (n < 0)
		return -1;
	if (n == 0) /* no time of day is made up for a date */
		return buf_add(out, v->p, v->n);
	buf_addc(out, '"');
	buf_add(out, text, (size_t)n);
	return buf_addc(out, '"');
}

static int
to_epoch(struct buf *out, const struct value *v, struct buf *tmp, int scale)
{
	char mem[INSTANT_MAX];
	struct instant t;
	struct value num;

	if (number_in(v, tmp, &num) < 0 || instant_epoch(&t, num.p, num.n, scale, mem) < 0)
		return -1;
	add_instant(out, &t);
	return 0;
}

/* A date, also one written as its own midnight. */
static int
to_date(struct buf *out, const struct value *v, struct buf *tmp)
{
	struct instant t;
	struct slice in;

	if (v->type != JSON_STRING)
		return -1;
	in = text_of(v, tmp);
	if (!in.p || instant_parse(&t, in.p, in.n) < 0)
		return -1;
	for (size_t i = 11; i < in.n && !strchr("Zz+-", in.p[i]); i++)
		if (in.p[i] >= '1' && in.p[i] <= '9')
			return -1;
	buf_addc(out, '"');
	buf_add(out, in.p, 10);
	return buf_addc(out, '"');
}

static int
cast_value(struct buf *out, enum cast c, const struct value *v, bool python, struct buf *tmp)
{
	switch (c) {
	case CAST_STRING:
		return to_string(out, v, python, tmp);
	case CAST_INTEGER:
		return to_integer(out, v, tmp);
	case CAST_DECIMAL:
		return to_decimal(out, v, tmp);
	case CAST_BOOLEAN:
		return to_boolean(out, v, tmp);
	case CAST_JSON:
		cast_json_text(out, v, python, tmp);
		return 0;
	case CAST_TIMESTAMP:
		return to_timestamp(out, v, tmp);
	case CAST_EPOCH_S:
		return to_epoch(out, v, tmp, 0);
	case CAST_EPOCH_MS:
		return to_epoch(out, v, tmp, 3);
	case CAST_EPOCH_US:
		return to_epoch(out, v, tmp, 6);
	case CAST_DATE:
		return to_date(out, v, tmp);
	default:
		return buf_add(out, v->p, v->n);
	}
}

/* The hash of a string's text, or of a value's compact JSON. */
static int
hash(struct buf *out, const struct value *v, struct buf *tmp)
{
	struct slice text = {v->p, v->n};
	char hex[HASH_HEX];

	if (v->type == JSON_STRING) {
		text = value_inner(v);
		buf_clear(tmp);
		if (v->flags & VALUE_ESC) {
			if (json_unescape(tmp, text.p, text.n) < 0)
				return -1;
			text = (struct slice){tmp->p, tmp->len};
		}
	} else if (v->flags & VALUE_WS && v->type >= JSON_ARRAY) {
		buf_clear(tmp);
		json_compact(tmp, v->p, v->n);
		text = (struct slice){tmp->p, tmp->len};
	}
	hash_hex(hex, text.p, text.n);
	buf_addc(out, '"');
	buf_add(out, hex, sizeof hex);
	return buf_addc(out, '"');
}

int
column_value(struct buf *out, enum cast c, enum hide hide, const struct value *v, bool python,
    struct buf *tmp)
{
	size_t at = out->len;
	struct value typed;
	const char *why;
	struct buf b = {0};
	int r;

	if (v->type == JSON_NULL || hide == HIDE_NULL)
		return buf_add(out, "null", 4);
	if (hide == HIDE_MASK)
		return buf_add(out, "\"***\"", 5);
	if (hide == HIDE_HASH && !c)
		return hash(out, v, tmp);
	if (cast_value(out, c, v, python, tmp) < 0)
		return -1;
	if (hide != HIDE_HASH)
		return 0;
	buf_add(&b, out->p + at, out->len - at);
	out->len = at;
	r = scan_text(b.p, b.len, &typed, &why);
	if (r == 0)
		r = hash(out, &typed, tmp);
	buf_release(&b);
	return r;
}
