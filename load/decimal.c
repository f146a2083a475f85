#include <stdio.h>
#include <stdlib.h>

#include "decimal.h"

/* 0.d1d2d3... times ten to the exp; d1 is not 0. */
struct decimal {
	bool neg;
	const char *p, *end; /* from d1 on, perhaps with a point; empty: zero */
	int64_t exp;
};

static bool
digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* A JSON number, whole. -1 when it is none, or of an exponent that nobody means. */
static int
decimal_read(struct decimal *d, const char *p, size_t n)
{
	const char *end = p + n, *e;
	bool point = false, neg;
	int64_t exp = 0;

	*d = (struct decimal){.neg = n && *p == '-'};
	p += d->neg;
	for (e = p; digit(e, end) || (e < end && *e == '.' && !point && e > p); e++) {
		if (*e == '.') {
			point = true;
			continue;
		}
		if (!d->p && *e != '0')
			d->p = e;
		if (d->p)
			d->exp += !point; /* digits in front of the point */
		else
			d->exp -= point; /* zeros behind it */
	}
	if (e == p || e[-1] == '.')
		return -1;
	d->end = e;
	if (!d->p)
		d->p = e;
	if (e == end)
		return 0;
	if ((*e | 0x20) != 'e' || end - e > 12)
		return -1;
	e += 1 + (e + 1 < end && (e[1] == '+' || e[1] == '-'));
	if (!digit(e, end))
		return -1;
	neg = e[-1] == '-';
	for (; digit(e, end); e++)
		exp = exp * 10 + (*e - '0');
	d->exp += neg ? -exp : exp;
	return e == end ? 0 : -1;
}

static int
next_digit(struct decimal *d)
{
	d->p += d->p < d->end && *d->p == '.';
	return d->p < d->end ? *d->p++ : '0';
}

bool
decimal_same(const char *a, size_t an, const char *b, size_t bn)
{
	struct decimal x, y;
	bool zero;

	if (decimal_read(&x, a, an) < 0 || decimal_read(&y, b, bn) < 0)
		return false;
	zero = x.p == x.end;
	if (zero || y.p == y.end)
		return zero && y.p == y.end; /* -0 too */
	if (x.neg != y.neg || x.exp != y.exp)
		return false;
	while (x.p < x.end || y.p < y.end)
		if (next_digit(&x) != next_digit(&y))
			return false;
	return true;
}

void
decimal_canon(struct buf *out, const char *p, size_t n)
{
	struct decimal d;
	char digits[2] = "";
	int64_t count = 0, last = 0, i = 0;
	bool far;

	if (decimal_read(&d, p, n) < 0) {
		buf_add(out, p, n);
		return;
	}
	if (d.p == d.end) {
		buf_addc(out, '0');
		return;
	}
	for (const char *q = d.p; q < d.end; q++) {
		count += *q != '.';
		if (*q != '.' && *q != '0')
			last = count; /* zeros behind it are none of its digits */
	}
	buf_adds(out, d.neg ? "-" : "");
	far = d.exp > 21 || d.exp <= -6;
	if (!far && d.exp <= 0)
		for (buf_adds(out, "0."); i > d.exp; i--)
			buf_addc(out, '0');
	for (i = 0; i < last || (i < d.exp && !far); i++) {
		if (i && i == (far ? 1 : d.exp))
			buf_addc(out, '.');
		digits[0] = (char)(i < last ? next_digit(&d) : '0');
		buf_adds(out, digits);
	}
	if (far)
		buf_addf(out, "e%+lld", (long long)d.exp - 1);
}

void
real_text(double d, char text[REAL_MAX])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, REAL_MAX, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
}
