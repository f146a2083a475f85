#include "clock.h"

#include <time.h>

#ifndef CLOCK_BOOTTIME
#define CLOCK_BOOTTIME CLOCK_MONOTONIC
#endif

static struct {
	bool on;
	int64_t wall, ns; /* when it began; since then */
} still;

int64_t
clock_ns(void)
{
	struct timespec t;

	if (still.on)
		return still.ns;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t
clock_ms(void)
{
	return (uint64_t)clock_ns() / 1000000;
}

int64_t
clock_wall(void)
{
	return still.on ? still.wall + still.ns / 1000000000 : (int64_t)time(NULL);
}

void
clock_stand(int64_t wall)
{
	still.on = true;
	still.wall = wall;
	still.ns = 0;
}

bool
clock_stands(void)
{
	return still.on;
}

void
clock_skip(uint64_t ms)
{
	still.ns += (int64_t)ms * 1000000;
}
