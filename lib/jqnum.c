#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jqnum.h"
#include "num.h"
#include "scan.h"

#define LARGE 35184372088832.0 /* 2^45 */
#define SMALL                                                                                      \
	4398046511104.0 /* 2^42: more than the milliseconds of today, and thousandths of it are no loss */

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
	if (short_number(num) < 0)
		long_number(s, num);
	if (num->inexact)
		num->plain = false;
	num->nearest = num->d;
	num->large = fabs(num->d) >= (num->inexact ? LARGE : JQNUM_EXACT) &&
		     (num->inexact || jqnum_digits(text) > 15);
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

/* Put a number into the table, where its double may be already. */
static void
enter(struct jqnums *s, struct jqnum *num)
{
	struct jqnum **at = find(s, num->d), *head = *at, *old, **known;

	num->ambiguous = false;
	if (num->inexact) {
		known = find_value(s, num->text);
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
		s->ambiguous = true;
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
apart(struct jqnums *s, struct jqnum *num)
{
	double away = fabs(num->nearest) > DBL_MAX / 2 ? 0
		      : num->nearest < 0               ? -INFINITY
						       : INFINITY;
	struct jqnum **known = find_value(s, num->text), *other;
	double d, at = num->nearest, next, step;

	if (*known)
		return (*known)->d;
	*known = num;
	while ((other = *find(s, at)))
		at = other->beyond != 0 ? other->beyond : nextafter(at, away);
	next = nextafter(at, away);
	for (d = num->nearest; d != at; d = step) {
		other = *find(s, d);
		step = other->beyond != 0 ? other->beyond : nextafter(d, away);
		other->beyond = next;
	}
	num->beyond = next;
	return at;
}

/* The place of d among the doubles. */
static int64_t
place(double d)
{
	int64_t bits;

	memcpy(&bits, &d, sizeof bits);
	return bits < 0 ? INT64_MIN - bits : bits;
}

/* The double n places above d, which is finite. */
static double
beside(double d, int64_t n)
{
	int64_t bits = place(d) + n;

	if (bits < 0)
		bits = INT64_MIN - bits;
	memcpy(&d, &bits, sizeof d);
	return d;
}

static int
by_value(const void *a, const void *b)
{
	const struct jqnum *const *x = a, *const *y = b;

	return num_compare((*x)->text.p, (*x)->text.n, (*y)->text.p, (*y)->text.n);
}

/* Sort the numbers, and count the inexact ones. */
static void
sort(struct jqnums *s)
{
	const struct jqnum *last = NULL;

	if (s->sorted)
		return;
	s->sorted = xcalloc(s->n, sizeof *s->sorted);
	for (size_t i = 0; i < s->n; i++)
		s->sorted[i] = &s->v[i];
	qsort(s->sorted, s->n, sizeof *s->sorted, by_value);
	s->ordinals = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct jqnum *num = s->sorted[i];

		if (!num->inexact)
			continue;
		num->ordinal = s->ordinals;
		num->closer = last ? last->closer : 0;
		if (last && by_value(&last, &num) == 0)
			num->ordinal = last->ordinal;
		else
			s->ordinals++;
		if (last && place(num->nearest) - place(last->nearest) > 1)
			num->closer++;
		last = num;
	}
}

/* The double for a large number that is so much beyond the last one: a whole one if it is whole. */
static double
next_small(double last, const struct jqnum *num, double gap)
{
	struct decimal t = decimal(num->text);

	if (last >= JQNUM_EXACT / 4)
		return nextafter(last, INFINITY);
	return floor(last) + fmax(2, floor(gap)) + (t.exp >= (int64_t)t.n ? 0 : 0.5);
}

/* Large numbers of one sign get smaller doubles, those of their value in the program excepted. Small differences stay. */
static void
make_small(struct jqnums *s, int sign)
{
	struct jqnum **v = s->sorted;
	const ssize_t step = sign, end = sign > 0 ? (ssize_t)s->n : -1;
	const double most = JQNUM_EXACT / 8 / (double)s->n;
	double last = SMALL, before = DBL_MAX;
	ssize_t next;

	for (ssize_t i = sign > 0 ? 0 : (ssize_t)s->n - 1; i != end; i = next) {
		double d = fabs(v[i]->nearest);
		bool kept = false;

		for (next = i; next != end && by_value(&v[i], &v[next]) == 0; next += step)
			kept |= !v[next]->large;
		if (v[i]->nearest * sign <= 0)
			continue;
		last = kept ? fmax(last, d) : next_small(last, v[i], fmin(d - before, most));
		before = kept ? before : d;
		for (; !kept && i != next; i += step) {
			v[i]->d = last * sign;
			v[i]->plain = false;
		}
	}
}

/* The double that stands for an inexact number this time. */
static double
stand_in(struct jqnums *s, struct jqnum *num, enum jqnums_as as, unsigned nth)
{
	double d = num->nearest;
	unsigned above = s->sums ? num->ordinal : num->rank;
	unsigned below = s->sums ? s->ordinals - 1 - num->ordinal : num->rank;

	switch (as) {
	case JQNUMS_APART:
		return apart(s, num);
	case JQNUMS_ABOVE:
	case JQNUMS_BELOW:
	case JQNUMS_CLOSER:
		/* The infinite are still large then, and their order another each time. */
		if (isinf(d))
			return copysign(
			    DBL_MAX / (as == JQNUMS_ABOVE ? 2 + num->rank : 1e6 - num->rank), d);
		return beside(d, as == JQNUMS_ABOVE   ? 1 + (int64_t)above
				 : as == JQNUMS_BELOW ? -1 - (int64_t)below
						      : -1 - (int64_t)num->closer);
	case JQNUMS_SMALL:
		return num->large ? num->d : d;
	case JQNUMS_ODD:
		return JQNUM_EXACT - 1 - 2 * (double)nth;
	default:
		return d;
	}
}

void
jqnums_stand(struct jqnums *s, enum jqnums_as as)
{
	unsigned nth = 0;

	if (s->size < s->n * 2) {
		for (s->size = 64; s->size < s->n * 2; s->size *= 2)
			;
		s->table = xreallocarray(s->table, s->size, sizeof *s->table);
		s->values = xreallocarray(s->values, s->size, sizeof *s->values);
	}
	memset(s->table, 0, s->size * sizeof *s->table);
	memset(s->values, 0, s->size * sizeof *s->values);
	s->ambiguous = false;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].beyond = 0;
		s->v[i].d = s->v[i].nearest;
	}
	if (as == JQNUMS_NEAREST) {
		free(s->sorted);
		s->sorted = NULL;
	} else if (s->sums || as == JQNUMS_SMALL) {
		sort(s);
	}
	if (as == JQNUMS_SMALL) {
		make_small(s, 1);
		make_small(s, -1);
	}
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].inexact)
			enter(s, &s->v[i]);
	for (size_t i = 0; i < s->n; i++) {
		struct jqnum *num = &s->v[i];
		unsigned rank = num->rank;

		if (!num->inexact)
			continue;
		num->d = stand_in(s, num, as, nth++);
		enter(s, num);
		if (as != JQNUMS_NEAREST)
			num->rank = rank;
	}
}

const struct jqnum *
jqnums_find(struct jqnums *s, double d)
{
	return *find(s, d);
}

bool
jqnums_hold(struct jqnums *s, struct slice text)
{
	return *find_value(s, text) != NULL;
}

size_t
jqnum_digits(struct slice text)
{
	return decimal(text).n;
}

void
jqnums_release(struct jqnums *s)
{
	free(s->v);
	free(s->table);
	free(s->values);
	free(s->sorted);
	buf_release(&s->text);
	memset(s, 0, sizeof *s);
}
