#include "rate.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cs.h"
#include "ratefile.h"
#include "retry.h"

#define MS      INT64_C(1000000)              /* ns */
#define A_YEAR  (INT64_C(365) * 86400 * 1000) /* ms */
#define SLOWEST (10000 * MS) /* between two requests, as far as we slow down by ourselves */
#define STEPS   16           /* good replies that give back the half that was taken */
#define SPREAD  (1000 * MS)  /* what is left of a quota is spread no thinner */

struct rate {
	const struct opts *o;
	struct ratefile
	    file; /* shared: the next moment by --rate, and when the server's pause is over */

	int64_t interval,
	    burst; /* ns of --rate: between requests; how far ahead of that one may be */

	struct quota quota; /* what the server said last, less what has started since */
	int64_t reset_at;   /* when it is renewed */

	/* What the server takes ill: rate and requests in flight are halved, and grow by steps. */
	int64_t pace, pace_cut; /* ns between requests, now and when it was cut; 0: as they come */
	unsigned slots, good;   /* 0: no limit; good replies since the last step */
	unsigned flying, stale; /* in flight; of them those that started before the cut */

	int64_t last, since; /* the last start; the first since a pause */
	uint64_t starts;     /* since then */
};

/* A tenth of a quota by the minute or the hour may come at once: the sum stays below it in every window. */
static void
set_interval(struct rate *r)
{
	const struct opts *o = r->o;
	uint64_t ahead = o->rate_window <= 1000 ? o->rate / 100 : o->rate / 10;

	if (o->rate == 0)
		return;
	if (ahead < 1)
		ahead = 1;
	r->interval = (int64_t)o->rate_window * MS / (int64_t)(o->rate - ahead + 1);
	r->burst = (int64_t)(ahead - 1) * r->interval;
}

struct rate *
rate_new(const struct opts *o, const char *who)
{
	struct rate *r = xcalloc(1, sizeof(*r));

	r->o = o;
	r->quota = (struct quota){-1, -1, -1};
	set_interval(r);
	ratefile_init(&r->file, o->url, who, o->rate > 0);
	return r;
}

void
rate_free(struct rate *r)
{
	if (r == NULL)
		return;
	ratefile_release(&r->file);
	free(r);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When there may be another by what the server said is left. */
static int64_t
quota_allows(struct rate *r, int64_t now)
{
	const struct quota *q = &r->quota;
	int64_t gap;

	if (q->left < 0 || r->reset_at <= now)
		return now;
	if (q->left == 0)
		return r->reset_at;
	if (q->left > (q->limit > 0 ? q->limit / 10 : 10))
		return now;
	gap = (r->reset_at - now) / (q->left + 1);
	return gap <= SPREAD ? r->last + gap : now;
}

static void
started(struct rate *r, int64_t now)
{
	if (r->starts++ == 0)
		r->since = now;
	r->last = now;
	r->flying++;
	if (r->quota.left > 0)
		r->quota.left--;
}

int64_t
rate_ask(struct rate *r)
{
	int64_t now = clock_ns(), server = quota_allows(r, now), at = server, ms;

	if (r->pace > 0 && r->last > 0)
		at = later(at, r->last + r->pace);
	/* The shared file is asked last, for it counts the request at once. */
	if (at <= now) {
		at = ratefile_take(&r->file, now, r->interval, r->burst);
		server = r->file.pause;
	}
	if (at <= now) {
		started(r, now);
		return 0;
	}
	ms = (at - now + MS - 1) / MS;
	if (server > now && (uint64_t)((server - now) / MS) > r->o->max_wait) {
		retry_remember(ms);
		fail(CS_LATER, "%s: the quota is spent until %s, later than --max-wait allows",
		    r->o->url, retry_at());
		return -1;
	}
	return ms;
}

void
rate_pause(struct rate *r, int64_t ms)
{
	if (ms <= 0)
		return;
	if (ms > A_YEAR) /* a run does not wait that long, whatever a server says */
		ms = A_YEAR;
	ratefile_pause(&r->file, clock_ns() + ms * MS);
	r->starts = 0;
}

/* Multiplicative decrease, once for all that was in flight together. */
static void
cut(struct rate *r)
{
	int64_t mean = r->pace;

	if (r->stale > 0)
		return;
	if (mean == 0 && r->starts > 1)
		mean = (r->last - r->since) / (int64_t)(r->starts - 1);
	r->pace = r->pace_cut = mean * 2 < SLOWEST ? mean * 2 : SLOWEST;
	r->slots = r->slots == 0 ? r->flying + 1 : r->slots;
	r->slots = r->slots > 1 ? r->slots / 2 : 1;
	r->good = 0;
	r->stale = r->flying;
}

/* Additive increase. */
static void
grow(struct rate *r)
{
	if (r->slots > 0 && ++r->good >= r->slots * 4) {
		r->slots++;
		r->good = 0;
	}
	if (r->pace == 0)
		return;
	/* 1 / pace grows by 1 / (STEPS * pace_cut) */
	r->pace = (int64_t)(1.0 / (1.0 / r->pace + 1.0 / ((double)STEPS * r->pace_cut)));
	if (r->pace < r->pace_cut / 4)
		r->pace = 0;
}

void
rate_reply(struct rate *r, long status, quota_field *field, void *arg)
{
	struct quota q;

	if (r->flying > 0)
		r->flying--;
	if (status == 429 || status == 503)
		cut(r);
	else if (status >= 200 && status <= 299)
		grow(r);
	if (r->stale > 0)
		r->stale--;
	if (status == 0)
		return;
	quota_read(&q, r->o->rate_reset, field, arg);
	if (q.left < 0 && q.reset < 0)
		return;
	r->quota = q;
	/* Those in flight are not in it yet. */
	if (q.left >= 0)
		r->quota.left = q.left > r->flying ? q.left - r->flying : 0;
	r->reset_at = q.reset >= 0 ? clock_ns() + q.reset * MS : 0;
	if (q.left == 0 && q.reset > 0)
		rate_pause(r, q.reset);
}

unsigned
rate_slots(const struct rate *r, unsigned most)
{
	unsigned n = r->slots > 0 && r->slots < most ? r->slots : most;

	if (r->quota.left >= 0 && r->reset_at > clock_ns() && r->quota.left + r->flying < n)
		n = r->flying + (unsigned)r->quota.left;
	return n > 0 ? n : 1;
}
