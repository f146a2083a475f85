/*
 * The one place where the process waits: for transfers, for stdout, for a moment, for a signal.
 */
#ifndef LOOP_H
#define LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/* A transfer in the loop: the easy handle's CURLOPT_PRIVATE. */
struct transfer {
	CURL *easy;
	void (*done)(struct transfer *t, CURLcode code); /* it has left the loop; may add another */
};

struct loop {
	CURLM *multi;
	int n;           /* transfers in it */
	uint64_t looked; /* clock_ms() when stdout was looked at */
};

void loop_open(struct loop *l);
void loop_close(struct loop *l);
void loop_add(struct loop *l, struct transfer *t);
/* Without done(). */
void loop_remove(struct loop *l, struct transfer *t);

enum { LOOP_OUT = 1, LOOP_GONE = 2 };
/*
 * Wait until something happens, at most wait ms, and move all transfers on. out: a descriptor (-1: none) whose reader
 * is watched; with writing, also until it takes bytes. Returns at once when a signal has come (stop_signal()).
 * LOOP_OUT: out may be tried; LOOP_GONE: nobody reads it any more.
 */
int loop_turn(struct loop *l, uint64_t wait, int out, bool writing);

#endif
