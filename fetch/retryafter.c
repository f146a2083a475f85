#include "retryafter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clock.h"

#define FAR (INT64_C(1000) * 365 * 86400) /* seconds; more is as good as for ever */

static int
month(const char *s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (strncasecmp(names + 3 * i, s, 3) == 0)
			return i;
	return -1;
}

/* A two-digit year is the one of this century, unless that is over 50 years ahead (RFC 9110 5.6.7). */
static int
whole_year(int year)
{
	time_t now = clock_wall();
	struct tm tm;

	gmtime_r(&now, &tm);
	year += (tm.tm_year + 1900) / 100 * 100;
	return year > tm.tm_year + 1900 + 50 ? year - 100 : year;
}

static int
days_in(int year, int mon)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[mon] + (mon == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

int64_t
http_date(const char *s)
{
	int day, year, hour, min, sec, mon, end = 0;
	char name[4] = "";
	struct tm tm;

	if (sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %*1[Gg]%*1[Mm]%*1[Tt]%n", &day,
		name, &year, &hour, &min, &sec, &end) == 6 &&
	    end > 0)
		;
	else if (sscanf(s, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d %*1[Gg]%*1[Mm]%*1[Tt]%n",
		     &day, name, &year, &hour, &min, &sec, &end) == 6 &&
		 end > 0)
		year = whole_year(year);
	else if (sscanf(s, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", name, &day, &hour, &min,
		     &sec, &year, &end) != 6 ||
		 end == 0)
		return -1;
	mon = month(name);
	if (s[end] != '\0' || mon < 0 || year < 1900 || day < 1 || day > days_in(year, mon) ||
	    hour < 0 || hour > 23 || min < 0 || min > 59 || sec < 0 || sec > 60)
		return -1;
	tm = (struct tm){.tm_year = year - 1900,
	    .tm_mon = mon,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = min,
	    .tm_sec = sec};
	return timegm(&tm);
}

int64_t
retry_after(const char *value, const char *date)
{
	size_t digits;
	int64_t now, then;

	value += strspn(value, " \t");
	digits = strspn(value, "0123456789");
	if (digits > 0 && value[digits + strspn(value + digits, " \t")] == '\0') {
		unsigned long long s = strtoull(value, NULL, 10); /* overflow is ULLONG_MAX: far */
		return (int64_t)(s < FAR ? s : FAR) * 1000;
	}
	then = http_date(value);
	if (then < 0)
		return -1;
	now = date != NULL ? http_date(date) : -1;
	if (now < 0)
		now = clock_wall();
	return then > now ? (then - now < FAR ? then - now : FAR) * 1000 : 0;
}
