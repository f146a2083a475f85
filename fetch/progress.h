/* How far we are: counted for all who want to know, in one line on a terminal, and in one more for SIGUSR1. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* Of this run so far. */
struct counts {
	uint64_t requests, retries; /* sent; of them again */
	uint64_t pages, records;    /* that went out */
	uint64_t bytes;             /* of bodies, as they came */
	uint64_t waited;            /* ms, for the server or the rate */
	uint64_t start;             /* clock_ms() */
};

/* when: enum when of opts.h. auto: only if stderr is a terminal and stdout is not. SIGUSR1 is caught from now on. */
void progress_init(int when);
/* They went out. */
void progress_records(uint64_t n);
void progress_page(void);
/* A request is over; its body had so many bytes. */
void progress_request(uint64_t bytes);
void progress_retry(void);
/* What we are waiting for, in milliseconds from now; 0: nothing. */
void progress_wait(uint64_t ms);
/* Show it, at most five times a second, and answer SIGUSR1. */
void progress_tick(void);
/* Take the line away, before a message or at the end. */
void progress_clear(void);
const struct counts *progress_counts(void);

#endif
