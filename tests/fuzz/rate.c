/*
 * A run against a server with a quota, with a clock of its own: each byte is a request, a reply or a wait.
 *
 * What must hold: never more starts in a second than --rate says, no wait without end, at least one request may be in
 * flight, none starts while the quota is known to be spent; and after a 429 the next are not faster than the ones before.
 */
#include <stdio.h>

#include "fetch/clock.h"
#include "fetch/rate.h"
#include "fuzz.h"

#define STARTS 4096

static struct {
	char limit[24], left[24], reset[24];
} header;

static const char *
field(void *arg, const char *name, size_t i)
{
	(void)arg;
	if (i > 0)
		return NULL;
	if (strcmp(name, "x-ratelimit-limit") == 0 && header.limit[0] != '\0')
		return header.limit;
	if (strcmp(name, "x-ratelimit-remaining") == 0 && header.left[0] != '\0')
		return header.left;
	if (strcmp(name, "x-ratelimit-reset") == 0 && header.reset[0] != '\0')
		return header.reset;
	return NULL;
}

/* Ask until there is a turn; when it came, ms. */
static uint64_t
take_turn(struct rate *r)
{
	int64_t ms;
	int rounds = 0;

	while ((ms = rate_ask(r)) > 0) {
		FUZZ_CHECK(ms <= 3600 * 1000 && rounds++ < 1000);
		clock_skip((uint64_t)ms);
	}
	FUZZ_CHECK(ms == 0); /* --max-wait is longer than all of it */
	return clock_ms();
}

static void
answer(struct rate *r, unsigned char c)
{
	header.limit[0] = header.left[0] = header.reset[0] = '\0';
	if (c & 0x40) {
		snprintf(header.limit, sizeof(header.limit), "%d", 16);
		snprintf(header.left, sizeof(header.left), "%d", c % 17);
		snprintf(header.reset, sizeof(header.reset), "%d", 1 + c % 3);
	}
	rate_reply(r, (c & 0x30) == 0x30 ? 429 : (c & 0x30) == 0x20 ? 503 : 200, field, NULL);
}

/* With one in flight and no quota: the pace after a 429 is half the one before, and comes back. */
static void
check_pace(uint64_t ms)
{
	static char url[] = "https://a/";
	struct opts o = {.url = url, .max_wait = 86400000};
	struct rate *r = rate_new(&o, NULL);
	uint64_t before = 0, after = 0, t;

	header.limit[0] = header.left[0] = header.reset[0] = '\0';
	for (int i = 0; i < 10; i++) {
		before = take_turn(r);
		clock_skip(ms);
		rate_reply(r, i < 9 ? 200 : 429, field, NULL);
	}
	t = take_turn(r);
	FUZZ_CHECK(t - before >= 2 * ms - 1 && t - before <= 2 * ms + 1);
	for (int i = 0; i < 200; i++) {
		rate_reply(r, 200, field, NULL);
		after = take_turn(r) - t;
		t += after;
		clock_skip(ms);
		t += ms;
	}
	FUZZ_CHECK(after == 0);
	rate_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char url[] = "https://a/";
	struct opts o = {.url = url, .max_wait = 86400000};
	static uint64_t start[STARTS];
	uint64_t held = 0;
	struct rate *r;
	unsigned flying = 0;
	size_t n = 0;

	if (size < 2)
		return 0;
	if (!clock_stands())
		clock_stand(1767225600);
	clock_skip(1000);
	check_pace(1 + data[1]);
	o.rate = data[0] % 8;
	o.rate_window = 1000;
	r = rate_new(&o, NULL);
	for (size_t i = 1; i < size && n < STARTS; i++) {
		unsigned slots = rate_slots(r, 16);

		FUZZ_CHECK(slots >= 1 && slots <= 16);
		if ((data[i] & 0x80) && (flying < slots || flying == 0)) {
			start[n] = take_turn(r);
			FUZZ_CHECK(start[n] >= held);
			if (o.rate > 0 && n >= o.rate)
				FUZZ_CHECK(start[n] - start[n - o.rate] >= 999);
			n++;
			flying++;
		} else if (flying > 0) {
			clock_skip(data[i] % 8);
			answer(r, data[i]);
			flying--;
			held = 0;
			if (header.left[0] == '0')
				held = clock_ms() + strtoull(header.reset, NULL, 10) * 1000 - 1;
		} else
			clock_skip(data[i]);
	}
	rate_free(r);
	return 0;
}
