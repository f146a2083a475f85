/* SIGINT, SIGTERM and SIGHUP: remembered, looked at where it is safe, then died of. */
#ifndef STOP_H
#define STOP_H

#include <stdint.h>

void stop_init(void);
/* The signal that told us to end, or 0. */
int stop_signal(void);
/* Wait; 0, or the signal that came. tick (or NULL) is called about once a second. */
int stop_sleep(uint64_t ms, void (*tick)(void));
/* Die of sig as if it had never been caught. */
_Noreturn void stop_die(int sig);

#endif
