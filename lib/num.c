#include <err.h>
#include <stdbool.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cs.h"
#include "num.h"

/* Digits at *p, moved behind them. 0, or -1 when there are none or they do not fit. */
static int
digits(const char **p, uint64_t *out)
{
	char *end;

	if (**p < '0' || **p > '9')
		return -1;
	errno = 0;
	*out = strtoull(*p, &end, 10);
	*p = end;
	return errno ? -1 : 0;
}

uint64_t
opt_uint(const char *name, const char *arg, uint64_t min, uint64_t max)
{
	const char *p = arg;
	uint64_t v;

	if (digits(&p, &v) < 0 || *p)
		errx(CS_USAGE, "%s: \"%s\" is not a whole number", name, arg);
	if (v < min || v > max) {
		if (max == UINT64_MAX)
			errx(CS_USAGE, "%s: %s is less than %llu", name, arg,
			    (unsigned long long)min);
		errx(CS_USAGE, "%s: %s is not in %llu..%llu", name, arg, (unsigned long long)min,
		    (unsigned long long)max);
	}
	return v;
}

uint64_t
opt_size(const char *name, const char *arg, uint64_t min, uint64_t max)
{
	static const char units[] = "KMGT";
	const char *p = arg, *unit;
	uint64_t v;

	if (digits(&p, &v) < 0)
		goto bad;
	if (*p && (unit = strchr(units, *p & ~0x20))) {
		for (ptrdiff_t i = unit - units; i >= 0; i--)
			if (__builtin_mul_overflow(v, UINT64_C(1024), &v))
				goto bad;
		p++;
	}
	if (*p)
		goto bad;
	if (v < min || v > max)
		errx(CS_USAGE, "%s: %s is not in %llu..%llu bytes", name, arg,
		    (unsigned long long)min, (unsigned long long)max);
	return v;
bad:
	errx(CS_USAGE, "%s: \"%s\" is not a size (such as 500, 64K, 16M, 1G)", name, arg);
}

uint64_t
opt_duration(const char *name, const char *arg)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
	    {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const char *p = arg;
	uint64_t v;

	if (digits(&p, &v) == 0)
		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (!strcmp(p, units[i].unit) && v <= INT64_MAX / units[i].ms)
				return v * units[i].ms;
	errx(
	    CS_USAGE, "%s: \"%s\" is not a duration (such as 500ms, 30s, 15m, 4h, 90d)", name, arg);
}

int
num_int64(const char *p, size_t n, int64_t *out)
{
	const char *end = p + n;
	int neg = n && *p == '-';
	int64_t v = 0;

	p += neg;
	if (p == end || end - p > 19)
		return -1;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    (neg ? __builtin_sub_overflow(v, *p - '0', &v)
			 : __builtin_add_overflow(v, *p - '0', &v)))
			return -1;
	}
	*out = v;
	return 0;
}

int
num_cmp(const char *a, size_t an, const char *b, size_t bn)
{
	int aneg = an && *a == '-', bneg = bn && *b == '-', r;

	a += aneg, an -= (size_t)aneg;
	b += bneg, bn -= (size_t)bneg;
	while (an && *a == '0')
		a++, an--;
	while (bn && *b == '0')
		b++, bn--;
	if (!an)
		aneg = 0; /* -0 is 0 */
	if (!bn)
		bneg = 0;
	if (aneg != bneg)
		return bneg - aneg;
	r = an != bn ? (an > bn) - (an < bn) : memcmp(a, b, an);
	return aneg ? -r : r;
}

/* A JSON number as 0.DIGITS times ten to the exponent; no digits are zero. */
struct decimal {
	const char *p,
	    *end; /* digits, with a point among them perhaps, the first of them no zero */
	int64_t exp;
	bool neg;
};

#define EXP_MAX INT64_C(100000000000000000) /* ten times this still fits */

static struct decimal
decimal(const char *p, size_t n)
{
	struct decimal d = {.end = p + n};
	const char *e, *q;
	int64_t exp = 0;
	bool neg;

	d.neg = *p == '-';
	p += d.neg;
	for (e = p; e < d.end && (*e | 0x20) != 'e';)
		e++;
	if (e < d.end) {
		q = e + 1;
		neg = *q == '-';
		q += *q == '-' || *q == '+';
		for (; q < d.end; q++)
			exp = exp < EXP_MAX ? exp * 10 + *q - '0' : exp;
		exp = neg ? -exp : exp;
		d.end = e;
	}
	for (q = p; q < d.end && *q != '.'; q++)
		exp++;
	for (; p < d.end && (*p == '0' || *p == '.'); p++)
		exp -= *p == '0';
	d.p = p;
	d.exp = exp;
	return d;
}

int
num_compare(const char *a, size_t an, const char *b, size_t bn)
{
	struct decimal x = decimal(a, an), y = decimal(b, bn);
	int sign = x.neg ? -1 : 1;

	if (x.p == x.end || y.p == y.end) /* one of them is zero */
		return x.p < x.end ? sign : y.p < y.end ? (y.neg ? 1 : -1) : 0;
	if (x.neg != y.neg)
		return sign;
	if (x.exp != y.exp)
		return x.exp < y.exp ? -sign : sign;
	while (x.p < x.end || y.p < y.end) {
		int i, k;

		x.p += x.p < x.end && *x.p == '.';
		y.p += y.p < y.end && *y.p == '.';
		i = x.p < x.end ? *x.p++ : '0';
		k = y.p < y.end ? *y.p++ : '0';
		if (i != k)
			return i < k ? -sign : sign;
	}
	return 0;
}
