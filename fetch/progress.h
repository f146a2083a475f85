/* One line on a terminal that says how far we are. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* when: enum when of opts.h. auto: only if stderr is a terminal and stdout is not. */
void progress_init(int when);
void progress_page(uint64_t records);
void progress_retry(void);
/* What we are waiting for, in milliseconds from now; 0: nothing. */
void progress_wait(uint64_t ms);
/* Show it, at most five times a second. */
void progress_tick(void);
/* Take the line away, before a message or at the end. */
void progress_clear(void);

#endif
