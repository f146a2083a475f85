#include "quota.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "cs.h"
#include "instant.h"
#include "retryafter.h"

#define FAR     (INT64_C(365) * 86400000) /* ms; more is as good as for ever */
#define MOST    INT64_C(1000000000000)    /* no quota is larger */
#define AN_AGE  INT64_C(100000000)    /* seconds, three years: no wait, but a moment since 1970 */
#define AGES_MS INT64_C(100000000000) /* no moment in seconds, but in milliseconds */

/* A decimal number in thousandths, *end behind it. -1: there is none. */
static int64_t
thousandths(const char *s, const char **end)
{
	int64_t n = 0, place = 100;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++)
		if (n < 100000 * MOST)
			n = n * 10 + (*s - '0') * 1000;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, place /= 10)
			n += (*s - '0') * place;
	*end = s;
	return n;
}

/* Whole, 0..MOST; or -1. Behind it may stand a comma, a semicolon or a blank. */
static int64_t
count(const char *s)
{
	const char *end;
	int64_t n;

	s += strspn(s, " \t");
	n = thousandths(s, &end);
	if (n < 0 || (*end != '\0' && strchr(",; \t", *end) == NULL))
		return -1;
	return n / 1000 < MOST ? n / 1000 : MOST;
}

/* 6m0s, 1m30.5s, 250ms: as some write it. */
static int64_t
duration(const char *s)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
	int64_t sum = 0, n;

	while (*s != '\0') {
		size_t i = 0;

		if ((n = thousandths(s, &s)) < 0 || n > FAR * 1000)
			return -1;
		while (i < 5 && strncmp(s, units[i].name, strlen(units[i].name)) != 0)
			i++;
		if (i == 5)
			return -1;
		s += strlen(units[i].name);
		sum += n > FAR * 1000 / units[i].ms ? FAR : n * units[i].ms / 1000;
	}
	return sum < FAR ? sum : FAR;
}

static int64_t
from_now(int64_t ms, const char *date)
{
	int64_t now = date != NULL ? http_date(date) : -1;

	if (now < 0)
		now = clock_wall();
	ms -= now * 1000;
	return ms <= 0 ? 0 : ms < FAR ? ms : FAR;
}

int64_t
quota_reset(const char *value, enum reset how, const char *date)
{
	size_t len;
	const char *end;
	struct instant t;
	int64_t n;

	value += strspn(value, " \t");
	len = strlen(value);
	while (len > 0 && strchr(" \t", value[len - 1]) != NULL)
		len--;
	n = thousandths(value, &end);
	if (n < 0 || end != value + len) {
		if (instant_parse(&t, value, len) == 0)
			return from_now(t.sec * 1000, date);
		n = http_date(value);
		return n >= 0 ? from_now(n * 1000, date) : len > 0 ? duration(value) : -1;
	}
	if (how == RESET_AUTO)
		how = n / 1000 < AN_AGE    ? RESET_DELTA
		      : n / 1000 < AGES_MS ? RESET_EPOCH
					   : RESET_EPOCH_MS;
	switch (how) {
	case RESET_EPOCH:
		return from_now(n, date);
	case RESET_EPOCH_MS:
		return from_now(n / 1000, date);
	case RESET_DELTA_MS:
		n /= 1000;
		break;
	default:
		break;
	}
	return n < FAR ? n : FAR;
}

/* Of two quotas the one that binds: the fewer left, and of those the longer to wait. */
static void
tighten(struct quota *q, const struct quota *other)
{
	if (other->left < 0 && (q->left >= 0 || other->reset < q->reset))
		return;
	if (q->left < 0 || other->left < q->left ||
	    (other->left == q->left && other->reset > q->reset))
		*q = *other;
}

/* Three fields of their own. */
static void
read_family(struct quota *q, const char *prefix, enum reset how, quota_field *field, void *arg)
{
	static const char *const suffix[] = {"limit", "remaining", "reset", "reset-after"};
	const char *value[4];
	struct quota one = {-1, -1, -1};
	char name[48];

	for (int i = 0; i < 4; i++) {
		strcpy(name, prefix);
		strcat(name, suffix[i]);
		value[i] = field(arg, name, 0);
	}
	if (value[0] != NULL)
		one.limit = count(value[0]);
	if (value[1] != NULL)
		one.left = count(value[1]);
	if (value[3] != NULL)
		one.reset = quota_reset(value[3], RESET_DELTA, NULL);
	else if (value[2] != NULL)
		one.reset = quota_reset(value[2], how, field(arg, "date", 0));
	tighten(q, &one);
}

/* One parameter of a structured field, key=number, *s moved behind it. */
static void
parameter(const char **s, char *key, size_t size, int64_t *n)
{
	size_t len;

	*s += strspn(*s, " \t;");
	len = strcspn(*s, "=;, \t\"");
	*key = '\0';
	if (len < size) {
		memcpy(key, *s, len);
		key[len] = '\0';
	}
	*s += len;
	*n = -1;
	if (**s == '=') {
		*n = count(*s + 1);
		*s += 1 + strcspn(*s + 1, ";,");
	}
}

static const char *
skip_name(const char *s)
{
	s += strspn(s, " \t,");
	if (*s != '"')
		return s + strcspn(s, ";,");
	for (s++; *s != '\0' && *s != '"'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
	return *s == '"' ? s + 1 : s;
}

/* RateLimit: "a";r=50;t=30, "b";r=3;t=3600   or, in earlier drafts,   limit=100, remaining=50, reset=30 */
static void
read_structured(struct quota *q, const char *s)
{
	struct quota flat = {-1, -1, -1};
	char key[16];
	int64_t n;

	while (*s != '\0') {
		struct quota one = {-1, -1, -1};
		size_t plain = strcspn(s, "=\";,");

		if (s[plain] == '=') {
			parameter(&s, key, sizeof(key), &n);
			if (strcasecmp(key, "limit") == 0)
				flat.limit = n;
			else if (strcasecmp(key, "remaining") == 0)
				flat.left = n;
			else if (strcasecmp(key, "reset") == 0)
				flat.reset = n < 0 ? -1 : n < FAR / 1000 ? n * 1000 : FAR;
		} else
			for (s = skip_name(s); *s != '\0' && *s != ',';) {
				const char *before = s;

				parameter(&s, key, sizeof(key), &n);
				if (strcmp(key, "r") == 0)
					one.left = n;
				else if (strcmp(key, "t") == 0)
					one.reset = n < 0 ? -1 : n < FAR / 1000 ? n * 1000 : FAR;
				if (s == before)
					s++;
			}
		tighten(q, &one);
		s += strcspn(s, ",");
		s += strspn(s, ", \t");
	}
	tighten(q, &flat);
}

/* RateLimit-Policy: "a";q=100;w=60 */
static void
read_policy(struct quota *q, const char *s)
{
	const char *at = strstr(s, "q=");

	if (q->limit < 0 && at != NULL)
		q->limit = count(at + 2);
}

void
quota_read(struct quota *q, enum reset how, quota_field *field, void *arg)
{
	const char *value;

	*q = (struct quota){-1, -1, -1};
	read_family(q, "x-ratelimit-", how, field, arg);
	read_family(q, "x-rate-limit-", how, field, arg);
	read_family(q, "ratelimit-", how, field, arg);
	for (size_t i = 0; (value = field(arg, "ratelimit", i)) != NULL; i++)
		read_structured(q, value);
	if ((value = field(arg, "ratelimit-policy", 0)) != NULL)
		read_policy(q, value);
}
