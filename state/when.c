#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "instant.h"
#include "when.h"

int64_t
when_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
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
