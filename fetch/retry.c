#include "retry.h"

#include <poll.h>
#include <sys/random.h>
#include <time.h>

#include "clock.h"
#include "cs.h"
#include "instant.h"
#include "progress.h"
#include "stop.h"

/* In fifths of a retry. Each takes five from what the run may spend, a request that needed none gives one back. */
#define COST 5

static char come_back[INSTANT_MAX];
static uint64_t spent;

bool
retry_helps(long status)
{
	return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
}

/* 0..max, evenly enough */
static uint64_t
chance(uint64_t max)
{
	uint64_t x;

	if (getrandom(&x, sizeof(x), 0) != sizeof(x))
		x = (uint64_t)time(NULL) * UINT64_C(0x9e3779b97f4a7c15);
	return x % (max + 1);
}

/* Full jitter: the clients that failed together do not come back together. */
static uint64_t
backoff(uint64_t tries, int busy)
{
	uint64_t base = busy ? 1000 : 250, cap = busy ? 60000 : 20000;
	uint64_t most = tries > 16 ? cap : base << (tries - 1);

	return base / 10 + chance((most < cap ? most : cap) - base / 10);
}

void
retry_done(const struct retry *r)
{
	uint64_t back = r->tries > 0 ? COST : 1;

	spent -= back < spent ? back : spent;
}

void
retry_remember(int64_t after)
{
	struct instant t = {.sec = clock_wall() + (after + 999) / 1000};

	instant_format(&t, come_back);
}

int
retry_next(struct retry *r, const struct opts *o, int code, int64_t after, int busy,
    const char *what, uint64_t *wait)
{
	uint64_t ms;

	if (after > 0)
		retry_remember(after);
	if (after > 0 && (uint64_t)after > o->max_wait)
		return fail(CS_LATER,
		    "%s: the server says to come back at %s, later than --max-wait allows", what,
		    come_back);
	if (++r->tries > o->retries)
		return r->tries == 1 ? fail(code, "%s", what)
				     : fail(code, "%s: given up after %llu tries", what,
					   (unsigned long long)r->tries);
	if (spent + COST > o->retry_budget * COST)
		return fail(code, "%s: given up, the run's --retry-budget is spent", what);
	spent += COST;
	ms = after > 0 ? after + chance(after / 10) : backoff(r->tries, busy);
	if (o->retry_max_time > 0 && r->waited + ms > o->retry_max_time)
		return fail(code, "%s: given up, --retry-max-time is spent", what);
	if (!o->quiet)
		say("%s: trying again in %llu.%llu s", what, (unsigned long long)ms / 1000,
		    (unsigned long long)ms % 1000 / 100);
	r->waited += ms;
	come_back[0] = '\0';
	progress_retry();
	*wait = ms;
	return 0;
}

int
retry_wait(
    struct retry *r, const struct opts *o, int code, int64_t after, int busy, const char *what)
{
	struct pollfd stop = {.fd = stop_fd(), .events = POLLIN};
	uint64_t ms, end;
	int result = retry_next(r, o, code, after, busy, what, &ms);

	if (result != 0)
		return result;
	progress_wait(ms);
	end = clock_ms() + ms;
	if (clock_stands())
		clock_skip(ms);
	for (; (ms = clock_ms()) < end && stop_signal() == 0; progress_tick())
		poll(&stop, 1, end - ms < 200 ? (int)(end - ms) : 200);
	progress_wait(0);
	return stop_signal() != 0 ? -1 : 0;
}

const char *
retry_at(void)
{
	return come_back[0] != '\0' ? come_back : NULL;
}
