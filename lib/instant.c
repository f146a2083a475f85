#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A text taken apart. */
struct fields {
	int y, m, d, hh, mm, ss, off; /* off: seconds east of UTC */
	struct slice frac;
	bool date_only, zoned;
};

static int
take_apart(struct fields *f, const char *p, size_t n)
{
	const char *end = p + n;

	*f = (struct fields){.frac = {NULL, 0}};
	f->y = field(&p, end, 4, 1, 9999);
	if (f->y < 0 || !eat(&p, end, '-'))
		return -1;
	f->m = field(&p, end, 2, 1, 12);
	if (f->m < 0 || !eat(&p, end, '-'))
		return -1;
	f->d = field(&p, end, 2, 1, days_in(f->y, f->m));
	if (f->d < 0)
		return -1;
	if (p == end) {
		f->date_only = true;
		return 0;
	}
	if (!eat(&p, end, 'T') && !eat(&p, end, 't') && !eat(&p, end, ' '))
		return -1;
	f->hh = field(&p, end, 2, 0, 23);
	if (f->hh < 0 || !eat(&p, end, ':'))
		return -1;
	f->mm = field(&p, end, 2, 0, 59);
	if (f->mm < 0)
		return -1;
	if (eat(&p, end, ':')) {
		f->ss = field(&p, end, 2, 0, 60);
		if (f->ss < 0)
			return -1;
		if (eat(&p, end, '.') || eat(&p, end, ',')) {
			f->frac.p = p;
			while (p < end && *p >= '0' && *p <= '9')
				p++;
			f->frac.n = (size_t)(p - f->frac.p);
			if (!f->frac.n)
				return -1;
		}
	}
	f->zoned = p < end;
	return f->zoned ? zone(p, end, &f->off) : 0;
}

/* 0, or -1 outside of the years. */
static int
put_together(struct instant *t, const struct fields *f)
{
	*t = (struct instant){.frac = f->frac, .date_only = f->date_only, .zoned = f->zoned};
	t->sec = days_from_date(f->y, f->m, f->d) * 86400;
	t->sec += f->hh * 3600 + f->mm * 60 + f->ss - f->off;
	return in_range(t);
}

int
instant_parse(struct instant *t, const char *p, size_t n)
{
	struct fields f;

	memset(t, 0, sizeof *t);
	return take_apart(&f, p, n) < 0 ? -1 : put_together(t, &f);
}

/* Digits behind the point of a negative number, turned round: -1.25 is -2 and .75. false: they are all zeros. */
static bool
turn_round(char *frac, size_t len)
{
	bool any = false;

	while (len--) {
		int digit = '9' - frac[len] + !any;

		any |= frac[len] != '0';
		frac[len] = (char)(digit > 9 ? '0' : '0' + digit);
	}
	return any;
}

int
instant_epoch(struct instant *t, const char *p, size_t n, int scale, char *mem)
{
	const char *end = p + n, *q = p;
	const bool neg = n && *p == '-';
	int64_t unit = 1, v;
	size_t len = 0;

	memset(t, 0, sizeof *t);
	t->zoned = 1;
	for (int i = 0; i < scale; i++)
		unit *= 10;
	while (q < end && *q != '.')
		q++;
	if (num_int64(p, (size_t)(q - p), &v) < 0 || (q < end && (end - q < 2 || end - q > 64)))
		return -1;
	if (scale && (v % unit || q < end))
		len = (size_t)snprintf(mem, INSTANT_MAX, "%0*lld", scale, llabs(v % unit));
	for (q++; q < end; q++) {
		if (*q < '0' || *q > '9')
			return -1;
		mem[len++] = *q;
	}
	t->sec = v / unit - (neg && turn_round(mem, len));
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

ssize_t
instant_utc(const char *p, size_t n, char out[INSTANT_MAX])
{
	struct fields f;
	struct instant t;
	char *o = out + 11;
	int minute;

	if (take_apart(&f, p, n) < 0 || f.frac.n > 64)
		return -1;
	if (f.date_only)
		return 0;
	minute = f.hh * 60 + f.mm - f.off / 60;
	if (minute < 0 || minute >= 1440 || f.ss == 60)
		return put_together(&t, &f) < 0 ? -1 : (ssize_t)instant_format(&t, out);
	/* The date stays as it is. */
	memcpy(out, p, 10);
	out[10] = 'T';
	o = put2(o, minute / 60, ':');
	o = put2(o, minute % 60, ':');
	o = put2(o, f.ss, '.');
	if (f.frac.n)
		memcpy(o, f.frac.p, f.frac.n);
	else
		o--;
	o += f.frac.n;
	*o++ = 'Z';
	*o = '\0';
	return o - out;
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
