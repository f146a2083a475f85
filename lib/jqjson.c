#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jqjson.h"

#define KEYS     512                /* a power of two */
#define KEY_MAX  64                 /* bytes of a key worth remembering */
#define NUM_TEXT 40                 /* bytes of a double as text, at most */
#define EXACT    9007199254740992.0 /* 2^53: whole numbers up to it are doubles */

struct jqnum {
	double d; /* what stands for it */
	double nearest;
	double beyond; /* in the table: those from d up to here are taken */
	struct slice text;
	bool inexact;       /* nearest is not the value of the text */
	bool plain;         /* d is written as text has it anyway */
	bool ambiguous;     /* another number, of another value, has the same d */
	unsigned rank;      /* among different numbers with the same nearest */
	unsigned different; /* in the table: how many those are */
};

static int
fail(struct jqjson *j, const char *why)
{
	j->err = why;
	return -1;
}

/* A decimal number as digits without zeros at either end and an exponent: 0.digits *
 * 10^exp. */
struct decimal {
	const char *p, *end; /* may hold a point */
	size_t n;            /* digits */
	int64_t exp;
	bool neg;
};

/* Move back from end over zeros and the point that ends no digits. */
static const char *
without_zeros(const char *p, const char *end, size_t *zeros)
{
	for (; end > p && (end[-1] == '0' || end[-1] == '.'); end--)
		*zeros += end[-1] == '0';
	return end;
}

static struct decimal
decimal(struct slice t)
{
	struct decimal d = {0};
	const char *p = t.p, *end = t.p + t.n, *q;
	size_t zeros = 0;
	bool point = false, neg_exp;
	int64_t exp = 0;

	d.neg = *p == '-';
	p += d.neg;
	for (q = p; q < end && (*q | 0x20) != 'e'; q++) {
		if (*q == '.') {
			point = true;
			continue;
		}
		if (d.p || *q != '0') {
			if (!d.p)
				d.p = q;
			d.n++;
		}
		if (d.p ? !point : point)
			d.exp += point ? -1 : 1;
	}
	/* Zeros behind the point and before the first digit count once each, that digit
	 * does not. */
	d.end = q;
	if (!d.p) {
		d.p = d.end;
		d.exp = 0;
		return d;
	}
	d.end = without_zeros(d.p, d.end, &zeros);
	d.n -= zeros;
	if (q < end) {
		neg_exp = *++q == '-';
		q += *q == '-' || *q == '+';
		for (; q < end; q++)
			exp = exp < INT64_MAX / 100 ? exp * 10 + *q - '0' : exp;
		d.exp += neg_exp ? -exp : exp;
	}
	return d;
}

static bool
same_value(struct slice a, struct slice b)
{
	struct decimal x = decimal(a), y = decimal(b);

	if (x.n != y.n || (x.n && (x.neg != y.neg || x.exp != y.exp)))
		return false;
	for (size_t i = 0; i < x.n; i++, x.p++, y.p++) {
		x.p += *x.p == '.';
		y.p += *y.p == '.';
		if (*x.p != *y.p)
			return false;
	}
	return true;
}

/* The shortest digits that give d again, laid out as jq does. Returns the length. */
static size_t
render_real(char out[NUM_TEXT], double d)
{
	char e[NUM_TEXT], digits[NUM_TEXT] = "", *o = out;
	int prec = fabs(d) < 1e-300 ? 1 : 15, n = 0, point;

	do
		snprintf(e, sizeof e, "%.*e", prec - 1, d);
	while (strtod(e, NULL) != d && prec++ < 17);
	for (const char *p = e; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	point = atoi(strchr(e, 'e') + 1) + 1;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (d < 0)
		*o++ = '-';
	if (point <= -4 || point > n + 15) {
		*o++ = digits[0];
		if (n > 1)
			*o++ = '.';
		memcpy(o, digits + 1, (size_t)n - 1);
		o += n - 1;
		return (
		    size_t)(o - out + sprintf(o, "e%c%02d", point > 0 ? '+' : '-', abs(point - 1)));
	}
	if (point <= 0) {
		memcpy(o, "0.00000", 7);
		o += 2 - point;
	}
	for (int i = 0; i < n || i < point; i++) {
		if (i == point && i > 0)
			*o++ = '.';
		*o++ = i < n ? digits[i] : '0';
	}
	return (size_t)(o - out);
}

static size_t
render_integer(char out[NUM_TEXT], int64_t v)
{
	char mem[24], *p = mem + sizeof mem;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	memcpy(out, p, (size_t)(mem + sizeof mem - p));
	return (size_t)(mem + sizeof mem - p);
}

/* Few decimals, as prices have: a division of two whole doubles is exact enough. 0: not
 * so. */
static size_t
render_short(char out[NUM_TEXT], double d)
{
	static const int64_t tens[] = {10, 100, 1000, 10000};
	double a = fabs(d);
	char *o = out;

	if (a < 0.001 || a >= 1e10)
		return 0;
	for (int k = 1; k <= 4; k++) {
		int64_t ten = tens[k - 1], v = (int64_t)(a * (double)ten + 0.5), rest;

		if ((double)v / (double)ten != a)
			continue;
		if (d < 0)
			*o++ = '-';
		o += render_integer(o, v / ten);
		*o++ = '.';
		rest = v % ten;
		for (int i = k; i--; rest /= 10)
			o[i] = (char)('0' + rest % 10);
		return (size_t)(o + k - out);
	}
	return 0;
}

/* A double as JSON. Like jq: null for NaN, the largest number for infinity. */
static size_t
render(char out[NUM_TEXT], double d)
{
	size_t n;

	if (isnan(d)) {
		memcpy(out, "null", 4);
		return 4;
	}
	if (isinf(d))
		return render_real(out, d < 0 ? -DBL_MAX : DBL_MAX);
	if (d == 0 && signbit(d)) {
		memcpy(out, "-0", 2);
		return 2;
	}
	if (fabs(d) <= EXACT && d == trunc(d))
		return render_integer(out, (int64_t)d);
	n = render_short(out, d);
	return n ? n : render_real(out, d);
}

/*
 * A number of up to 15 digits is held by a double if any number is, and written again
 * from it; so are larger integers up to 2^53. 0, or -1: not so simple.
 */
static int
short_number(struct jqnum *num)
{
	static const double tens[] = {
	    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	const char *p = num->text.p, *end = p + num->text.n, *point = NULL;
	bool neg = *p == '-';
	int64_t v = 0;

	p += neg;
	if (end - p > 18)
		return -1;
	for (; p < end; p++) {
		if (*p == '.')
			point = p;
		else if (*p >= '0' && *p <= '9')
			v = v * 10 + *p - '0';
		else
			return -1;
	}
	num->d = (double)v;
	num->plain = true;
	if (!point) {
		num->inexact = (int64_t)num->d != v;
		if (v > (int64_t)EXACT && !num->inexact)
			return -1;
	} else if (v < INT64_C(1000000000000000) && end - point <= 16) {
		num->d /= tens[end - point - 1];
		num->plain = end[-1] != '0' && num->d >= 0.001;
	} else {
		return -1;
	}
	if (neg)
		num->d = -num->d;
	return 0;
}

static void
long_number(struct jqjson *j, struct jqnum *num)
{
	char text[NUM_TEXT];
	size_t n;

	/* A copy, as a digit may follow the text. */
	buf_clear(&j->text);
	buf_add(&j->text, num->text.p, num->text.n);
	num->d = strtod(j->text.p, NULL);
	n = render(text, num->d);
	num->plain = slice_eq(num->text, text, n);
	num->inexact = !num->plain && !same_value(num->text, (struct slice){text, n});
}

static struct jqnum *
add_number(struct jqjson *j, struct slice text)
{
	struct jqnum *num;

	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 64;
		j->nums = xreallocarray(j->nums, j->cap, sizeof *j->nums);
	}
	num = &j->nums[j->n++];
	*num = (struct jqnum){.text = text};
	if (short_number(num) < 0)
		long_number(j, num);
	if (num->inexact)
		num->plain = false;
	num->nearest = num->d;
	return num;
}

void
jqjson_adopt(struct jqjson *j)
{
	for (; j->constants < j->n; j->constants++)
		j->nums[j->constants].plain = true;
}

int
jqjson_constant(struct jqjson *j, const char *p, size_t n)
{
	bool inexact = add_number(j, (struct slice){p, n})->inexact;

	jqjson_adopt(j);
	return inexact ? -1 : 0;
}

static uint64_t
mix(uint64_t h)
{
	h = (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 32;
}

/* Where the number with this double is in the table, or would be. */
static struct jqnum **
find(struct jqjson *j, double d)
{
	uint64_t bits;
	size_t i;

	memcpy(&bits, &d, sizeof bits);
	for (i = mix(bits);; i++) {
		struct jqnum **at = &j->table[i & (j->size - 1)];

		if (!*at || memcmp(&(*at)->d, &d, sizeof d) == 0)
			return at;
	}
}

/* Where the number of this value is among the values, or would be. */
static struct jqnum **
find_value(struct jqjson *j, struct slice text)
{
	struct decimal d = decimal(text);
	uint64_t h = mix((uint64_t)d.exp * 2 + d.neg);
	size_t i = 0;

	for (const char *p = d.p; i < d.n; p++)
		if (*p != '.') {
			h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
			i++;
		}
	for (i = mix(h);; i++) {
		struct jqnum **at = &j->values[i & (j->size - 1)];

		if (!*at || same_value((*at)->text, text))
			return at;
	}
}

/* Put a number into the table, where its double may be already. */
static void
enter(struct jqjson *j, struct jqnum *num)
{
	struct jqnum **at = find(j, num->d), *head = *at, *old, **known;

	num->ambiguous = false;
	if (num->inexact) {
		known = find_value(j, num->text);
		if (!*known)
			*known = num;
		old = *known == num ? NULL : *known;
	} else {
		old = head; /* those that are exact are there first: it is the same */
	}
	if (!head) {
		*at = num;
		num->different = 1;
	} else if (!old) {
		num->rank = head->different++;
		head->ambiguous = true;
		j->ambiguous = true;
	} else {
		num->rank = old->rank;
		if (!slice_eq(old->text, num->text.p, num->text.n))
			old->plain = !old->inexact; /* two ways to write it: take jq's */
	}
}

/*
 * A double of its own for an inexact number. Ids in a row crowd around few doubles: whoever
 * passes over those that are taken leaves word how far they go.
 */
static double
apart(struct jqjson *j, struct jqnum *num)
{
	double away = fabs(num->nearest) > DBL_MAX / 2 ? 0
		      : num->nearest < 0               ? -INFINITY
						       : INFINITY;
	struct jqnum **known = find_value(j, num->text), *other;
	double d, at = num->nearest, next, step;

	if (*known)
		return (*known)->d;
	*known = num;
	while ((other = *find(j, at)))
		at = other->beyond != 0 ? other->beyond : nextafter(at, away);
	next = nextafter(at, away);
	for (d = num->nearest; d != at; d = step) {
		other = *find(j, d);
		step = other->beyond != 0 ? other->beyond : nextafter(d, away);
		other->beyond = next;
	}
	num->beyond = next;
	return at;
}

/* The double n places above d, which is finite. */
static double
beside(double d, int64_t n)
{
	int64_t bits;

	memcpy(&bits, &d, sizeof bits);
	if (bits < 0)
		bits = INT64_MIN - bits;
	bits += n;
	if (bits < 0)
		bits = INT64_MIN - bits;
	memcpy(&d, &bits, sizeof d);
	return d;
}

/* The double that stands for an inexact number this time. */
static double
stand_in(struct jqjson *j, struct jqnum *num, enum jqjson_as as, unsigned nth)
{
	double d = num->nearest;

	switch (as) {
	case JQJSON_APART:
		return apart(j, num);
	case JQJSON_ABOVE:
	case JQJSON_BELOW:
		/* The infinite are still large then, and their order another each time. */
		if (isinf(d))
			return copysign(
			    DBL_MAX / (as == JQJSON_ABOVE ? 2 + num->rank : 1e6 - num->rank), d);
		return beside(
		    d, as == JQJSON_ABOVE ? 1 + (int64_t)num->rank : -1 - (int64_t)num->rank);
	case JQJSON_ODD:
		return EXACT - 1 - 2 * (double)nth;
	default:
		return d;
	}
}

static void
build_table(struct jqjson *j, enum jqjson_as as)
{
	unsigned nth = 0;

	if (j->size < j->n * 2) {
		for (j->size = 64; j->size < j->n * 2; j->size *= 2)
			;
		j->table = xreallocarray(j->table, j->size, sizeof *j->table);
		j->values = xreallocarray(j->values, j->size, sizeof *j->values);
	}
	memset(j->table, 0, j->size * sizeof *j->table);
	memset(j->values, 0, j->size * sizeof *j->values);
	j->ambiguous = false;
	for (size_t i = 0; i < j->n; i++) {
		j->nums[i].beyond = 0;
		if (!j->nums[i].inexact)
			enter(j, &j->nums[i]);
	}
	for (size_t i = 0; i < j->n; i++) {
		struct jqnum *num = &j->nums[i];
		unsigned rank = num->rank;

		if (!num->inexact)
			continue;
		num->d = stand_in(j, num, as, nth++);
		enter(j, num);
		if (as != JQJSON_NEAREST)
			num->rank = rank;
	}
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
read_scalar(struct jqjson *j, jv *out)
{
	struct value v;
	size_t at;

	if (scan_value(&j->scan, &v) < 0)
		return fail(j, j->scan.err);
	switch (v.type) {
	case JSON_STRING:
		return read_string(j, v.p + 1, v.n - 2, v.flags & VALUE_ESC, out);
	case JSON_NUMBER:
		at = j->n++;
		if (!j->again) {
			j->n--;
			add_number(j, (struct slice){v.p, v.n});
			j->plain &= j->nums[at].plain && fabs(j->nums[at].d) < EXACT;
			if (j->lossy && j->nums[at].inexact) {
				j->nums[at].inexact = false;
				j->nums[at].plain = true;
			}
			if (j->nums[at].inexact && !j->inexact && !j->texts) {
				j->inexact = true;
				j->number = j->nums[at].text;
			}
		}
		*out = j->nums[at].inexact && (j->texts || j->as_text)
			   ? jv_string_sized(v.p, (int)v.n)
			   : jv_number(j->nums[at].d);
		return 0;
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

int
jqjson_read(struct jqjson *j, const char *p, size_t n, jv *out)
{
	if (!j->keys) {
		j->keys = xcalloc(KEYS, sizeof *j->keys);
		for (size_t i = 0; i < KEYS; i++)
			j->keys[i].n = KEY_MAX + 1;
	}
	j->src = (struct slice){p, n};
	j->n = j->constants;
	j->plain = true;
	j->inexact = j->ambiguous = j->again = j->as_text = false;
	scan_init(&j->scan, p, n);
	if (read_text(j, out) < 0)
		return -1;
	if (!j->plain)
		build_table(j, JQJSON_NEAREST);
	return 0;
}

int
jqjson_again(struct jqjson *j, enum jqjson_as as, jv *out)
{
	j->as_text = as == JQJSON_TEXT;
	build_table(j, j->as_text ? JQJSON_NEAREST : as);
	j->n = j->constants;
	j->again = true;
	scan_init(&j->scan, j->src.p, j->src.n);
	return read_text(j, out);
}

bool
jqjson_same(struct jqjson *j, const struct buf *first, const struct buf *again)
{
	const char *p = first->p, *q = again->p, *p_end = p + first->len, *q_end = q + again->len;

	while (p < p_end && q < q_end) {
		size_t n;

		if (*p == *q) {
			p++, q++;
			continue;
		}
		n = *q == '"' ? strspn(q + 1, "+-.0123456789Ee") : 0;
		if (n == 0 || q[1 + n] != '"' || n > (size_t)(p_end - p) ||
		    memcmp(p, q + 1, n) != 0 || !*find_value(j, (struct slice){p, n}))
			return false;
		p += n;
		q += n + 2;
	}
	return p == p_end && q == q_end;
}

static int
write_number(struct jqjson *j, struct buf *out, double d)
{
	struct jqnum *num = j->plain ? NULL : *find(j, d);
	size_t n;

	if (num && num->ambiguous)
		return fail(j, "a number that jq cannot tell from another");
	if (num && !num->plain) {
		buf_add(out, num->text.p, num->text.n);
		return 0;
	}
	buf_room(out, NUM_TEXT);
	n = render(out->p + out->len, d);
	/* An id that was text, say, and went through tonumber. */
	if (!num && !j->inexact && !j->lossy && fabs(d) >= EXACT && fabs(d) < DBL_MAX &&
	    decimal((struct slice){out->p + out->len, n}).n > 15)
		return fail(j, "a number beyond 2^53 was computed, which jq may have rounded");
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

void
jqjson_release(struct jqjson *j)
{
	for (size_t i = 0; j->keys && i < KEYS; i++)
		if (j->keys[i].n <= KEY_MAX)
			jv_free(j->keys[i].v);
	free(j->keys);
	free(j->nums);
	free(j->table);
	free(j->values);
	buf_release(&j->text);
	scan_release(&j->scan);
	memset(j, 0, sizeof *j);
}
