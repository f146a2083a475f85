#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

void
text_room(struct text *t, size_t more)
{
	if (t->cap - t->len > more)
		return;
	size_t cap = t->cap ? t->cap : 256;
	while (cap - t->len <= more)
		cap *= 2;
	char *p = realloc(t->p, cap);
	if (p == NULL)
		err(74, "out of memory");
	t->p = p;
	t->cap = cap;
}

void
text_add(struct text *t, const void *p, size_t len)
{
	text_room(t, len);
	if (len > 0)
		memcpy(t->p + t->len, p, len);
	t->len += len;
	t->p[t->len] = '\0';
}

void
text_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_int(struct text *t, int64_t v)
{
	char digits[24], *end = digits + sizeof(digits), *p = end;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
	} while ((u /= 10) > 0);
	if (v < 0)
		*--p = '-';
	text_add(t, p, (size_t)(end - p));
}

void
text_fmt(struct text *t, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	int len = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (len < 0)
		err(74, "out of memory");
	text_add(t, s, (size_t)len);
	free(s);
}

void
text_release(struct text *t)
{
	free(t->p);
	*t = (struct text){0};
}

/* Length of the well-formed UTF-8 sequence at s, or 0. */
static size_t
utf8_len(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;

	if (n == 0 || n > len || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void
text_escape(struct text *t, const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t run = i;
		while (
		    run < len && u[run] >= 0x20 && u[run] < 0x7f && u[run] != '"' && u[run] != '\\')
			run++;
		text_add(t, s + i, run - i);
		if ((i = run) == len)
			break;
		size_t n = utf8_len(u + i, len - i);
		if (u[i] == '"' || u[i] == '\\') {
			text_lit(t, "\\");
			text_add(t, s + i, 1);
		} else if (u[i] == '\n') {
			text_lit(t, "\\n");
		} else if (n > 1) {
			text_add(t, s + i, n);
		} else {
			text_fmt(t, "\\u%04x", u[i]);
		}
		i += n ? n : 1;
	}
}

void
text_json(struct text *t, const char *s)
{
	if (s == NULL) {
		text_lit(t, "null");
		return;
	}
	text_lit(t, "\"");
	text_escape(t, s, strlen(s));
	text_lit(t, "\"");
}

static char *
put_digits(char *p, int v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

void
text_time(struct text *t, int64_t ms, bool millis)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	struct tm tm;
	char out[32], *p = out;

	gmtime_r(&s, &tm);
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	if (millis) {
		*p++ = '.';
		p = put_digits(p, (int)(ms - s * 1000), 3);
	}
	*p++ = 'Z';
	text_add(t, out, (size_t)(p - out));
}

void
text_http_date(struct text *t, int64_t seconds)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm;

	gmtime_r(&seconds, &tm);
	text_fmt(t, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
text_percent(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			text_add(t, s, 1);
		else
			text_fmt(t, "%%%02X", (unsigned char)*s);
	}
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_base64(struct text *t, const void *p, size_t len)
{
	const unsigned char *u = p;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)u[i] << 16;
		if (n > 1)
			v |= (unsigned)u[i + 1] << 8;
		if (n > 2)
			v |= u[i + 2];
		char out[4] = {base64[v >> 18], base64[v >> 12 & 63],
		    n > 1 ? base64[v >> 6 & 63] : '=', n > 2 ? base64[v & 63] : '='};
		text_add(t, out, 4);
	}
}

bool
text_unbase64(struct text *t, const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len % 4 != 0)
		return false;
	size_t pad = (s[len - 1] == '=') + (size_t)(s[len - 1] == '=' && s[len - 2] == '=');
	for (size_t i = 0; i < len; i += 4) {
		unsigned v = 0;
		for (size_t k = 0; k < 4; k++) {
			const char *at = i + k < len - pad ? strchr(base64, s[i + k]) : base64;
			if (at == NULL)
				return false;
			v = v << 6 | (unsigned)(at - base64);
		}
		char out[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
		text_add(t, out, i + 4 == len ? 3 - pad : 3);
	}
	return true;
}

/* Two or four digits at *s, moved past; -1 where they are not digits. */
static int
take_digits(const char **s, int width)
{
	int v = 0;

	for (int i = 0; i < width; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static bool
take_char(const char **s, char c)
{
	return *(*s)++ == c;
}

/* The date or time fields sep separates, into v[0..n). */
static bool
take_fields(const char **s, char sep, int *v, int n, int first_width)
{
	for (int i = 0; i < n; i++) {
		if (i > 0 && (**s != sep || !take_char(s, sep)))
			return false;
		if ((v[i] = take_digits(s, i == 0 ? first_width : 2)) < 0)
			return false;
	}
	return true;
}

/* What may follow the seconds: a fraction, then Z or an offset. */
static bool
take_zone(const char **s, bool strict, int *millis, bool *rest, int *offset)
{
	if (!strict && **s == '.') {
		int digits = 0;
		for ((*s)++; isdigit((unsigned char)**s); (*s)++, digits++) {
			if (digits < 3)
				*millis += (**s - '0') * (digits == 0 ? 100 : digits == 1 ? 10 : 1);
			else if (**s != '0')
				*rest = true;
		}
		if (digits == 0)
			return false;
	}
	char c = *(*s)++;
	if (c == 'Z')
		return **s == '\0';
	int hm[2];
	if (strict || (c != '+' && c != '-') || !take_fields(s, ':', hm, 2, 2))
		return false;
	*offset = (hm[0] * 60 + hm[1]) * (c == '-' ? -60 : 60);
	return **s == '\0';
}

bool
parse_time(const char *s, bool strict, int64_t *ms, bool *rest)
{
	int date[3], clock[3] = {0}, millis = 0, offset = 0;
	bool lost = false;

	if (!take_fields(&s, '-', date, 3, 4))
		return false;
	if (*s != '\0' || strict) {
		if (*s != 'T' || !take_char(&s, 'T') || !take_fields(&s, ':', clock, 3, 2) ||
		    !take_zone(&s, strict, &millis, &lost, &offset))
			return false;
	}
	struct tm tm = {.tm_year = date[0] - 1900,
	    .tm_mon = date[1] - 1,
	    .tm_mday = date[2],
	    .tm_hour = clock[0],
	    .tm_min = clock[1],
	    .tm_sec = clock[2]};
	time_t t = timegm(&tm);
	/* timegm() quietly turns February 30 into March 2. */
	if (tm.tm_mon != date[1] - 1 || tm.tm_mday != date[2] || clock[0] > 23 || clock[1] > 59 ||
	    clock[2] > 59)
		return false;
	*ms = ((int64_t)t - offset) * 1000 + millis;
	if (rest)
		*rest = lost;
	return true;
}

bool
parse_int(const char *s, int64_t min, int64_t max, int64_t *v)
{
	char *end;

	errno = 0;
	long long n = strtoll(s, &end, 10);
	if (errno || end == s || *end || isspace((unsigned char)*s) || *s == '+' || n < min ||
	    n > max)
		return false;
	*v = n;
	return true;
}

uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return x;
}

uint64_t
unmix(uint64_t x)
{
	/* Newton's iteration doubles the correct low bits of an odd number's inverse: 3, 6, 12, … 96. */
	uint64_t m = 0xd6e8feb86659fd93u, inverse = m;
	for (int i = 0; i < 5; i++)
		inverse *= 2 - m * inverse;

	x ^= x >> 32;
	x *= inverse;
	x ^= x >> 32;
	x *= inverse;
	x ^= x >> 32;
	return x;
}
