#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "when.h"

static int64_t ahead; /* ms from when_up() to the time that is followed; 0: none is */

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
when_up(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

void
when_follow(int64_t ms)
{
	ahead = ms - when_up();
}

int64_t
when_now(void)
{
	return ahead != 0 ? when_up() + ahead : clock_ms(CLOCK_REALTIME);
}

void
when_text(int64_t ms, char out[INSTANT_MAX])
{
	char frac[16];
	struct instant t = {.sec = ms / 1000, .frac = {frac, 3}};

	snprintf(frac, sizeof frac, "%03d", (int)(ms % 1000));
	instant_format(&t, out);
}

int64_t
when_parse(const char *rfc3339)
{
	struct instant t;
	int64_t ms = 0;

	if (rfc3339 == NULL || instant_parse(&t, rfc3339, strlen(rfc3339)) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		ms = ms * 10 + (i < t.frac.n ? t.frac.p[i] - '0' : 0);
	return t.sec * 1000 + ms;
}

void
when_span(struct buf *b, int64_t ms)
{
	static const struct {
		int64_t ms, until; /* the unit, and from where on the next is better */
		const char *name;
	} units[] = {
	    {1, 1000, "ms"},
	    {1000, 120 * 1000, "s"},
	    {60 * 1000, 120 * 60 * 1000, "m"},
	    {3600 * 1000, 48 * 3600 * 1000, "h"},
	    {24 * 3600 * 1000, INT64_MAX, "d"},
	};
	int i = 0;

	while (ms >= units[i].until)
		i++;
	buf_addf(b, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}
