#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "opts.h"

static struct {
	bool on, shown;
	uint64_t pages, records, retries;
	uint64_t start, drawn, wait_until; /* ms */
} now;

static uint64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
progress_init(int when)
{
	now.on = when == WHEN_ALWAYS ||
		 (when == WHEN_AUTO && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO));
	now.start = clock_ms();
}

void
progress_page(uint64_t records)
{
	now.pages++;
	now.records += records;
	progress_tick();
}

void
progress_retry(void)
{
	now.retries++;
}

void
progress_wait(uint64_t ms)
{
	now.wait_until = ms > 0 ? clock_ms() + ms : 0;
}

void
progress_tick(void)
{
	uint64_t t, ms;

	if (!now.on)
		return;
	t = clock_ms();
	if (now.shown && t - now.drawn < 200)
		return;
	now.drawn = t;
	now.shown = true;
	ms = t > now.start ? t - now.start : 1;
	fprintf(stderr, "\r%llu pages, %llu records, %llu/s", (unsigned long long)now.pages,
	    (unsigned long long)now.records, (unsigned long long)(now.records * 1000 / ms));
	if (now.retries > 0)
		fprintf(stderr, ", %llu retries", (unsigned long long)now.retries);
	if (now.wait_until > t)
		fprintf(
		    stderr, ", waiting %llu s", (unsigned long long)((now.wait_until - t) / 1000));
	fputs("\033[K", stderr);
}

void
progress_clear(void)
{
	if (now.shown)
		fputs("\r\033[K", stderr);
	now.shown = false;
}
