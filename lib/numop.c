#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "numop.h"

typedef unsigned __int128 u128;

#define DIGITS    NUM_OP_DIGITS
#define EXPONENTS 1000000000 /* and no more */

/* m * 10^exp */
struct number {
	u128 m; /* < 10^DIGITS */
	int64_t exp;
	bool neg;
};

/* 10^n, n <= DIGITS. */
static u128
power(int64_t n)
{
	u128 r = 1;

	while (n-- > 0)
		r *= 10;
	return r;
}

/* m *= 10^n. 0, or -1: too many digits. */
static int
scale(u128 *m, int64_t n)
{
	if (*m == 0)
		return 0;
	if (n > DIGITS || *m >= power(DIGITS - n))
		return -1;
	*m *= power(n);
	return 0;
}

/* Add the exponent that is written there. 0, or -1: nobody means that. */
static int
exponent(const char *p, const char *end, int64_t *exp)
{
	bool neg = *p == '-';
	int64_t n = 0;

	for (p += *p == '-' || *p == '+'; p < end && n < EXPONENTS; p++)
		n = n * 10 + *p - '0';
	*exp += neg ? -n : n;
	return n < EXPONENTS ? 0 : -1;
}

static int
parse(struct slice t, struct number *r)
{
	const char *p = t.p, *end = p + t.n;
	int64_t zeros = 0; /* read and not yet part of m */
	bool point = false;

	*r = (struct number){.neg = *p == '-'};
	for (p += r->neg; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		r->exp -= point;
		zeros++;
		if (*p == '0')
			continue;
		if (scale(&r->m, zeros) < 0)
			return -1;
		r->m += (u128)(*p - '0');
		zeros = 0;
	}
	r->exp += zeros;
	if (p < end && exponent(p + 1, end, &r->exp) < 0)
		return -1;
	if (r->m == 0)
		r->exp = 0;
	return 0;
}

static int
add(struct number *a, struct number *b)
{
	struct number *low = a->exp < b->exp ? a : b, *high = low == a ? b : a;

	if (low->m == 0) {
		low->exp = high->exp;
	} else {
		if (scale(&high->m, high->exp - low->exp) < 0)
			return -1;
		high->exp = low->exp;
	}
	if (a->neg == b->neg) {
		a->m += b->m;
	} else if (a->m >= b->m) {
		a->m -= b->m;
	} else {
		a->m = b->m - a->m;
		a->neg = b->neg;
	}
	return a->m < power(DIGITS) ? 0 : -1;
}

static int
multiply(struct number *a, const struct number *b)
{
	a->neg ^= b->neg;
	a->exp += b->exp;
	return __builtin_mul_overflow(a->m, b->m, &a->m) || a->m >= power(DIGITS) ? -1 : 0;
}

static int
divide(struct number *a, const struct number *b)
{
	u128 rest;

	if (b->m == 0)
		return -1;
	rest = a->m % b->m;
	a->m /= b->m;
	a->neg ^= b->neg;
	a->exp -= b->exp;
	for (; rest && a->m < power(DIGITS - 1); rest %= b->m) {
		rest *= 10;
		a->m = a->m * 10 + rest / b->m;
		a->exp--;
	}
	return rest ? 1 : 0;
}

/* Without what is behind the point. 0, or -1. */
static int
whole(struct number *a)
{
	if (a->exp > 0 && scale(&a->m, a->exp) < 0)
		return -1;
	if (a->exp < 0)
		a->m = a->exp < -DIGITS ? 0 : a->m / power(-a->exp);
	a->exp = 0;
	return 0;
}

static int
modulo(struct number *a, struct number *b)
{
	if (whole(a) < 0 || whole(b) < 0 || b->m == 0)
		return -1;
	a->m %= b->m;
	return 0;
}

static void
render(struct buf *out, struct number a)
{
	char mem[DIGITS + 1], *p = mem + sizeof mem;
	int64_t n, point;

	if (a.m == 0) {
		buf_addc(out, '0');
		return;
	}
	for (; a.m % 10 == 0; a.m /= 10)
		a.exp++;
	for (; a.m; a.m /= 10)
		*--p = (char)('0' + (int)(a.m % 10));
	n = mem + sizeof mem - p;
	point = n + a.exp;
	if (a.neg)
		buf_addc(out, '-');
	if (point > DIGITS + 3 || point < -6) {
		buf_addc(out, *p);
		if (n > 1)
			buf_addc(out, '.');
		buf_add(out, p + 1, (size_t)n - 1);
		buf_addf(out, "e%c%02lld", point > 0 ? '+' : '-', llabs((long long)point - 1));
		return;
	}
	if (point <= 0) {
		buf_add(out, "0.000000", (size_t)(2 - point));
	}
	for (int64_t i = 0; i < n || i < point; i++) {
		if (i == point && i > 0)
			buf_addc(out, '.');
		buf_addc(out, i < n ? p[i] : '0');
	}
}

int
num_op(struct buf *out, char op, struct slice a, struct slice b)
{
	struct number x, y;
	int r;

	if (parse(a, &x) < 0 || parse(b, &y) < 0)
		return -1;
	y.neg ^= op == '-';
	r = op == '*'   ? multiply(&x, &y)
	    : op == '/' ? divide(&x, &y)
	    : op == '%' ? modulo(&x, &y)
			: add(&x, &y);
	if (r >= 0)
		render(out, x);
	return r;
}

int
num_round(struct buf *out, char how, struct slice a, bool cut)
{
	struct number x;
	u128 ten, rest;
	bool up;

	if (parse(a, &x) < 0 || (cut && x.exp > 0))
		return -1;
	if (strchr("AN", how)) {
		x.neg = how == 'N' && !x.neg;
	} else if (x.exp < 0 || cut) {
		ten = power(x.exp < -DIGITS ? DIGITS : -x.exp);
		rest = x.exp < -DIGITS ? 1 : x.m % ten; /* less than a half, anyway */
		x.m = x.exp < -DIGITS ? 0 : x.m / ten;
		x.exp = 0;
		up = how == 'F'   ? x.neg && (rest || cut)
		     : how == 'C' ? !x.neg && (rest || cut)
		     : how == 'T' ? false
		     : how == 'R' ? rest * 2 >= ten && ten > 1
				  : rest * 2 > ten || (rest * 2 == ten && (cut || x.m % 2));
		x.m += up;
	}
	render(out, x);
	return 0;
}
