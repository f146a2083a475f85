/* SIGINT, SIGTERM and SIGHUP: remembered, looked at where it is safe, then died of. */
#ifndef STOP_H
#define STOP_H

void stop_init(void);
/* The signal that told us to end, or 0. */
int stop_signal(void);
/* A descriptor that becomes readable when it comes, or -1 before stop_init(). */
int stop_fd(void);
/* Die of sig as if it had never been caught. */
_Noreturn void stop_die(int sig);

#endif
