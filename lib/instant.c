#include <stdio.h>
#include <string.h>
#include <time.h>

#include "instant.h"
#include "num.h"

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
static int64_t
days_from_date(int y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_from_days(int64_t z, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400) + (*m <= 2);
}

/* Exactly k digits, 2 or 4, at *p (moved behind them) with a value in min..max, or -1. */
static inline int
field(const char **p, const char *end, int k, int min, int max)
{
	const char *q = *p;
	int v = 0;

	if (end - q < k)
		return -1;
	for (int i = 0; i < k; i++) {
		unsigned digit = (unsigned)(unsigned char)q[i] - '0';

		if (digit > 9)
			return -1;
		v = v * 10 + (int)digit;
	}
	*p = q + k;
	return v < min || v > max ? -1 : v;
}

static inline int
eat(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return 0;
	++*p;
	return 1;
}

/* Z, +HH:MM, +HHMM or +HH up to the end. Seconds east of UTC in *off; 0 or -1. */
static int
zone(const char *p, const char *end, int *off)
{
	int sign, h, m = 0;

	if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
		*off = 0;
		return 0;
	}
	if (p == end || (*p != '+' && *p != '-'))
		return -1;
	sign = *p++ == '-' ? -1 : 1;
	h = field(&p, end, 2, 0, 23);
	if (h < 0)
		return -1;
	if (p < end) {
		eat(&p, end, ':');
		m = field(&p, end, 2, 0, 59);
	}
	if (m < 0 || p != end)
		return -1;
	*off = sign * (h * 3600 + m * 60);
	return 0;
}

static int
days_in(int y, int m)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

/* 0 in the years 0001 to 9999, else -1. */
static int
in_range(const struct instant *t)
{
	return t->sec >= INT64_C(-62135596800) && t->sec <= INT64_C(253402300799) ? 0 : -1;
}

int
instant_parse(struct instant *t, const char *p, size_t n)
{
	const char *end = p + n;
	int y, m, d, hh, mm, ss = 0, off = 0;

	memset(t, 0, sizeof *t);
	y = field(&p, end, 4, 1, 9999);
	if (y < 0 || !eat(&p, end, '-'))
		return -1;
	m = field(&p, end, 2, 1, 12);
	if (m < 0 || !eat(&p, end, '-'))
		return -1;
	d = field(&p, end, 2, 1, days_in(y, m));
	if (d < 0)
		return -1;
	t->sec = days_from_date(y, m, d) * 86400;
	if (p == end) {
		t->date_only = 1;
		return 0;
	}
	if (!eat(&p, end, 'T') && !eat(&p, end, 't') && !eat(&p, end, ' '))
		return -1;
	hh = field(&p, end, 2, 0, 23);
	if (hh < 0 || !eat(&p, end, ':'))
		return -1;
	mm = field(&p, end, 2, 0, 59);
	if (mm < 0)
		return -1;
	if (eat(&p, end, ':')) {
		ss = field(&p, end, 2, 0, 60);
		if (ss < 0)
			return -1;
		if (eat(&p, end, '.') || eat(&p, end, ',')) {
			t->frac.p = p;
			while (p < end && *p >= '0' && *p <= '9')
				p++;
			t->frac.n = (size_t)(p - t->frac.p);
			if (!t->frac.n)
				return -1;
		}
	}
	if (p < end) {
		if (zone(p, end, &off) < 0)
			return -1;
		t->zoned = 1;
	}
	t->sec += hh * 3600 + mm * 60 + ss - off;
	return in_range(t);
}

int
instant_epoch(struct instant *t, const char *p, size_t n, int scale, char *mem)
{
	const char *end = p + n, *q = p;
	char frac[INSTANT_MAX];
	int64_t unit = 1, v, rest;
	size_t len = 0;

	memset(t, 0, sizeof *t);
	t->zoned = 1;
	for (int i = 0; i < scale; i++)
		unit *= 10;
	while (q < end && *q != '.')
		q++;
	if (num_int64(p, (size_t)(q - p), &v) < 0)
		return -1;
	rest = v % unit;
	t->sec = v / unit;
	if (scale && rest)
		len = (size_t)snprintf(
		    frac, sizeof frac, "%0*lld", scale, (long long)(rest < 0 ? rest + unit : rest));
	if (rest < 0)
		t->sec--;
	if (q < end) {
		/* A fraction of a second before 1970 would have to be turned round: no API sends one. */
		if (scale || *p == '-' || end - q < 2 || end - q > 64)
			return -1;
		for (q++; q < end; q++) {
			if (*q < '0' || *q > '9')
				return -1;
			frac[len++] = *q;
		}
	}
	memcpy(mem, frac, len);
	t->frac = (struct slice){mem, len};
	return in_range(t);
}

int
instant_cmp(const struct instant *a, const struct instant *b)
{
	size_t n = a->frac.n > b->frac.n ? a->frac.n : b->frac.n;

	if (a->sec != b->sec)
		return a->sec < b->sec ? -1 : 1;
	for (size_t i = 0; i < n; i++) {
		int x = i < a->frac.n ? a->frac.p[i] : '0', y = i < b->frac.n ? b->frac.p[i] : '0';

		if (x != y)
			return x - y;
	}
	return 0;
}

static char *
put2(char *o, int v, char behind)
{
	o[0] = (char)('0' + v / 10);
	o[1] = (char)('0' + v % 10);
	o[2] = behind;
	return o + 3;
}

size_t
instant_format(const struct instant *t, char out[INSTANT_MAX])
{
	int64_t days = t->sec / 86400;
	int y, m, d, rest = (int)(t->sec % 86400);
	size_t frac = t->frac.n > 64 ? 64 : t->frac.n;
	char *o = out;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	date_from_days(days, &y, &m, &d);
	o = put2(o, y / 100, 0) - 1;
	o = put2(o, y % 100, '-');
	o = put2(o, m, '-');
	o = put2(o, d, 'T');
	o = put2(o, rest / 3600, ':');
	o = put2(o, rest / 60 % 60, ':');
	o = put2(o, rest % 60, '.');
	if (frac)
		memcpy(o, t->frac.p, frac);
	else
		o--;
	o += frac;
	*o++ = 'Z';
	*o = '\0';
	return (size_t)(o - out);
}

size_t
instant_now(char out[INSTANT_MAX])
{
	struct timespec ts;
	char ms[16];
	struct instant t = {0};

	clock_gettime(CLOCK_REALTIME, &ts);
	snprintf(ms, sizeof ms, "%03ld", ts.tv_nsec / 1000000);
	t.sec = ts.tv_sec;
	t.frac = (struct slice){ms, 3};
	return instant_format(&t, out);
}
