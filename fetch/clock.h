/*
 * The time that waits are measured in: it never jumps, and goes on while the machine sleeps.
 *
 * A replay has a clock of its own, which stands still but for the waits: they are over at once.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Since some moment that all processes share until the machine starts again. */
int64_t clock_ns(void);
uint64_t clock_ms(void);
/* Seconds since 1970, for what people read. */
int64_t clock_wall(void);
/* From now on time passes by clock_skip() alone; it begins at wall seconds since 1970. */
void clock_stand(int64_t wall);
bool clock_stands(void);
void clock_skip(uint64_t ms);

#endif
