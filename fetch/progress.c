#include "progress.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "opts.h"

static struct counts all;
static struct {
	bool on, shown;
	uint64_t drawn, wait_since, wait_until; /* ms */
} line;
static volatile sig_atomic_t asked;

static void
on_signal(int sig)
{
	(void)sig;
	asked = 1;
}

void
progress_init(int when)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	line.on = when == WHEN_ALWAYS ||
		  (when == WHEN_AUTO && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO));
	all.start = clock_ms();
	sigaction(SIGUSR1, &sa, NULL);
}

const struct counts *
progress_counts(void)
{
	return &all;
}

void
progress_page(void)
{
	all.pages++;
	progress_tick();
}

void
progress_records(uint64_t n)
{
	all.records += n;
}

void
progress_request(uint64_t bytes)
{
	all.requests++;
	all.bytes += bytes;
}

void
progress_retry(void)
{
	all.retries++;
}

void
progress_wait(uint64_t ms)
{
	uint64_t t = clock_ms();

	if (line.wait_until > 0)
		all.waited += t - line.wait_since;
	line.wait_since = t;
	line.wait_until = ms > 0 ? t + ms : 0;
}

static void
show(uint64_t t, const char *before, const char *after)
{
	uint64_t ms = t > all.start ? t - all.start : 1;

	fprintf(stderr, "%s%llu pages, %llu records, %llu/s", before, (unsigned long long)all.pages,
	    (unsigned long long)all.records, (unsigned long long)(all.records * 1000 / ms));
	if (all.retries > 0)
		fprintf(stderr, ", %llu retries", (unsigned long long)all.retries);
	if (line.wait_until > t)
		fprintf(stderr, ", waiting %llu s",
		    (unsigned long long)((line.wait_until - t + 999) / 1000));
	fputs(after, stderr);
}

void
progress_tick(void)
{
	uint64_t t;

	if (!line.on && !asked)
		return;
	t = clock_ms();
	if (asked) {
		asked = 0;
		progress_clear();
		show(t, "cs-fetch: ", "\n");
	}
	if (!line.on || (line.shown && t - line.drawn < 200))
		return;
	line.drawn = t;
	line.shown = true;
	show(t, "\r", "\033[K");
}

void
progress_clear(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
}
