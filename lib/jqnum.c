#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jqnum.h"
#include "num.h"
#include "scan.h"

#define MADE_MAX 100000 /* numbers computed over one text */

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
render_real(char out[JQNUM_TEXT], double d)
{
	char e[JQNUM_TEXT], digits[JQNUM_TEXT] = "", *o = out;
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
render_integer(char out[JQNUM_TEXT], int64_t v)
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
render_short(char out[JQNUM_TEXT], double d)
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
size_t
jqnum_render(char out[JQNUM_TEXT], double d)
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
	if (fabs(d) <= JQNUM_EXACT && d == trunc(d))
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
		if (v > (int64_t)JQNUM_EXACT && !num->inexact)
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
long_number(struct jqnums *s, struct jqnum *num)
{
	char text[JQNUM_TEXT];
	size_t n;

	/* A copy, as a digit may follow the text. */
	buf_clear(&s->text);
	buf_add(&s->text, num->text.p, num->text.n);
	num->d = strtod(s->text.p, NULL);
	n = jqnum_render(text, num->d);
	num->plain = slice_eq(num->text, text, n);
	num->inexact = !num->plain && !same_value(num->text, (struct slice){text, n});
}

/* What follows from num's text. */
static void
evaluate(struct jqnums *s, struct jqnum *num)
{
	if (short_number(num) < 0)
		long_number(s, num);
	if (num->inexact)
		num->plain = false;
	num->nearest = num->d;
}

struct jqnum *
jqnums_add(struct jqnums *s, struct slice text)
{
	struct jqnum *num;

	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->v = xreallocarray(s->v, s->cap, sizeof *s->v);
	}
	num = &s->v[s->n++];
	*num = (struct jqnum){.text = text};
	evaluate(s, num);
	return num;
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
find(struct jqnums *s, double d)
{
	uint64_t bits;
	size_t i;

	memcpy(&bits, &d, sizeof bits);
	for (i = mix(bits);; i++) {
		struct jqnum **at = &s->table[i & (s->size - 1)];

		if (!*at || memcmp(&(*at)->d, &d, sizeof d) == 0)
			return at;
	}
}

/* Where the number of this value is among the values, or would be. */
static struct jqnum **
find_value(struct jqnums *s, struct slice text)
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
		struct jqnum **at = &s->values[i & (s->size - 1)];

		if (!*at || same_value((*at)->text, text))
			return at;
	}
}

/* Where the search for a double of a number's own starts, and which way it goes. */
static double
start(const struct jqnums *s, double nearest, bool down, double *toward)
{
	/* Numbers beyond all doubles have others, so that it never meets an end. */
	double huge = s->as <= JQNUMS_APART   ? DBL_MAX * (1 - 1e-3)
		      : s->as == JQNUMS_ABOVE ? DBL_MAX * (1 - 1e-6)
					      : DBL_MAX * (1 - 1e-9);

	*toward = down ? -INFINITY : INFINITY;
	if (fabs(nearest) > DBL_MAX / 2)
		return copysign(huge, nearest);
	return s->as <= JQNUMS_APART ? nearest : nextafter(nearest, *toward);
}

/* May a program that knows nothing of the numbers come to d, by counting, say, or as one of its own constants? */
static bool
common(double d)
{
	if (isinf(d) || (fabs(d) < JQNUM_COMMON && d == trunc(d)))
		return true;
	if (fabs(d) < DBL_MIN)
		return false; /* so many of them have few digits that a search would not end */
	return !jqnum_many(d);
}

/*
 * The first double from the start on that stands for nothing yet. Ids in a row crowd around few doubles: whoever
 * passes over those that are taken leaves word how far they go.
 */
static double
vacant(struct jqnums *s, double nearest, bool down)
{
	struct jqnum *other;
	double toward, from = start(s, nearest, down, &toward), at, next, step;

	while (common(from))
		from = nextafter(from, toward);
	for (at = from; (other = *find(s, at)) || common(at);)
		at =
		    other && other->beyond[down] != 0 ? other->beyond[down] : nextafter(at, toward);
	next = nextafter(at, toward);
	for (double d = from; d != at; d = step) {
		other = *find(s, d);
		step =
		    other && other->beyond[down] != 0 ? other->beyond[down] : nextafter(d, toward);
		if (other)
			other->beyond[down] = next;
	}
	return at;
}

/* Put a number into the table. */
static void
enter(struct jqnums *s, struct jqnum *num)
{
	struct jqnum **known = num->inexact ? find_value(s, num->text) : NULL, **at, *old;
	const enum jqnums_as as = s->as;

	num->ambiguous = false;
	num->beyond[0] = num->beyond[1] = 0;
	num->d = num->nearest;
	if (known && *known)
		num->d = (*known)->d;
	else if (known && as != JQNUMS_NEAREST)
		num->d = vacant(s, num->nearest, s->down);
	else if (known)
		s->common |= common(num->d);
	at = find(s, num->d);
	old = *at;
	if (!old)
		*at = num;
	else if (known ? *known != NULL : !old->inexact) {
		/* the same; two ways to write it: take jq's */
		if (known)
			old = *known;
		if (!slice_eq(old->text, num->text.p, num->text.n))
			old->plain = !old->inexact;
	} else {
		old->ambiguous = s->ambiguous = true;
	}
	if (known && !*known)
		*known = num;
}

static void
forget_made(struct jqnums *s)
{
	while (s->made)
		free(s->more[--s->made]);
}

static void
resize(struct jqnums *s, size_t size)
{
	if (size > s->size) {
		s->size = size;
		s->table = xreallocarray(s->table, size, sizeof *s->table);
		s->values = xreallocarray(s->values, size, sizeof *s->values);
	}
	memset(s->table, 0, s->size * sizeof *s->table);
	memset(s->values, 0, s->size * sizeof *s->values);
}

static int
by_value(const void *a, const void *b)
{
	const struct jqnum *x = *(struct jqnum *const *)a, *y = *(struct jqnum *const *)b;

	if (x->nearest != y->nearest)
		return x->nearest < y->nearest ? -1 : 1;
	return num_compare(x->text.p, x->text.n, y->text.p, y->text.n);
}

/* Is what stands for an inexact number on the same side of its nearest double as its value, if programs may come to that? */
static bool
sides(const struct jqnum *num)
{
	char mem[JQNUM_TEXT];
	int side;

	if (!num->inexact || !common(num->nearest) || isinf(num->nearest))
		return true;
	side = num_compare(num->text.p, num->text.n, mem, jqnum_render(mem, num->nearest));
	return side < 0 ? num->d < num->nearest : num->d > num->nearest;
}

bool
jqnums_ordered(struct jqnums *s)
{
	size_t n = 0;

	s->order = xreallocarray(s->order, s->n + s->made + 1, sizeof *s->order);
	for (size_t i = 0; i < s->n; i++)
		s->order[n++] = &s->v[i];
	for (size_t i = 0; i < s->made; i++)
		s->order[n++] = s->more[i];
	qsort(s->order, n, sizeof *s->order, by_value);
	for (size_t i = 0; i < n; i++) {
		if (!sides(s->order[i]))
			return false;
		if (i && (by_value(&s->order[i - 1], &s->order[i]) == 0
				 ? s->order[i - 1]->d != s->order[i]->d
				 : s->order[i - 1]->d >= s->order[i]->d))
			return false;
	}
	return true;
}

/* Is a number to stand below what its nearest double stands for, rather than above? */
static bool
below(struct jqnums *s, const struct jqnum *num)
{
	const struct jqnum *other = *find(s, num->nearest);
	char mem[JQNUM_TEXT];
	struct slice text;

	if (s->as > JQNUMS_APART || isinf(num->nearest))
		return s->down;
	if (!other && !common(num->nearest))
		return false;
	text = other ? other->text : (struct slice){mem, jqnum_render(mem, num->nearest)};
	return num_compare(num->text.p, num->text.n, text.p, text.n) < 0;
}

/* Where inexact numbers stand that cannot have their nearest double. */
enum way { UP, DOWN, SIDES };

/* Enter all numbers, the inexact ones in the order of their values, as far as no other has a double between theirs. */
static void
enter_all(struct jqnums *s, enum way way)
{
	size_t n = 0;

	memset(s->table, 0, s->size * sizeof *s->table);
	memset(s->values, 0, s->size * sizeof *s->values);
	s->ambiguous = s->common = false;
	s->down = way != UP;
	s->order = xreallocarray(s->order, s->n + 1, sizeof *s->order);
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].inexact)
			s->order[n++] = &s->v[i];
		else
			enter(s, &s->v[i]);
	}
	if (s->as != JQNUMS_NEAREST)
		qsort(s->order, n, sizeof *s->order, by_value);
	for (size_t i = n; s->down && i--;)
		if (way == DOWN || below(s, s->order[i])) {
			enter(s, s->order[i]);
			s->order[i] = NULL;
		}
	s->down = way == DOWN;
	for (size_t i = 0; way != DOWN && i < n; i++)
		if (s->order[i])
			enter(s, s->order[i]);
}

void
jqnums_stand(struct jqnums *s, enum jqnums_as as)
{
	size_t size = 64;

	forget_made(s);
	while (size < s->n * 2)
		size *= 2;
	resize(s, size);
	s->as = as;
	if (as != JQNUMS_APART) {
		enter_all(s, as == JQNUMS_BELOW ? DOWN : UP);
		return;
	}
	enter_all(s, SIDES);
	for (enum way way = UP; way <= DOWN && !jqnums_ordered(s); way++)
		enter_all(s, way);
}

/* Room for one more number, everything in the tables staying as it is. */
static void
grow(struct jqnums *s)
{
	struct jqnum **old = s->table, **values = s->values;
	size_t size = s->size;

	if ((s->n + s->made + 1) * 2 <= size)
		return;
	s->table = s->values = NULL;
	resize(s, size * 2);
	for (size_t i = 0; i < size; i++) {
		if (old[i])
			*find(s, old[i]->d) = old[i];
		if (values[i])
			*find_value(s, values[i]->text) = values[i];
	}
	free(old);
	free(values);
}

int
jqnums_make(struct jqnums *s, struct slice text, bool rounded, double *d)
{
	struct jqnum *num = *find_value(s, text), *at;

	if (num) {
		num->rounded |= rounded;
		*d = num->d;
		return 0;
	}
	if (s->made == MADE_MAX)
		return -1;
	num = xcalloc(1, sizeof *num + text.n);
	num->text = (struct slice){memcpy(num + 1, text.p, text.n), text.n};
	evaluate(s, num);
	num->made = true;
	num->rounded = rounded;
	*d = num->nearest;
	at = num->inexact ? NULL : *find(s, num->nearest);
	if (!num->inexact && (at ? !at->inexact && at->d == at->nearest : common(num->nearest))) {
		free(num);
		return 0;
	}
	grow(s);
	if (num->inexact || at) {
		*d = num->d = vacant(s, num->nearest, below(s, num));
		num->plain = false;
		*find_value(s, num->text) = num;
	}
	*find(s, num->d) = num;
	if (s->made % 64 == 0)
		s->more = xreallocarray(s->more, s->made + 64, sizeof *s->more);
	s->more[s->made++] = num;
	return 0;
}

const struct jqnum *
jqnums_find(struct jqnums *s, double d)
{
	return *find(s, d);
}

size_t
jqnum_digits(struct slice text)
{
	return decimal(text).n;
}

bool
jqnum_many(double d)
{
	char text[JQNUM_TEXT];
	int64_t v, unit = 1;
	size_t n;

	if (fabs(d) >= JQNUM_EXACT && fabs(d) < 9e18) { /* the same without the text */
		v = llabs((int64_t)d);
		while (v / unit >= INT64_C(1000000000000000))
			unit *= 10;
		return (double)((v + unit / 2) / unit * unit) != fabs(d);
	}
	n = jqnum_render(text, d);
	return jqnum_digits((struct slice){text, n}) > 15;
}

void
jqnums_release(struct jqnums *s)
{
	forget_made(s);
	free(s->more);
	free(s->order);
	free(s->v);
	free(s->table);
	free(s->values);
	buf_release(&s->text);
	memset(s, 0, sizeof *s);
}
