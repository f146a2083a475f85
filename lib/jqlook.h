/*
 * A look at a jq program before it runs: may the value of a number make a difference to its
 * results, other than by being passed on?
 */
#ifndef JQLOOK_H
#define JQLOOK_H

#include <stdbool.h>

#include "buf.h"
#include "cs.h"

enum jqlook_kind {
	JQLOOK_CALM, /* it passes numbers on, asks their type, and does with them what the flags say */
	JQLOOK_VALUE /* it may sort them, and give them to any function */
};

struct jqlook {
	enum jqlook_kind kind;
	bool texts;	     /* it may make text of numbers */
	bool sums;	     /* it may compute with numbers, by operators or by functions that jqrun.c has an eye on */
	int additions;	     /* how many + and - there are ... */
	bool loops;	     /* ... which may each come many times */
	bool multiplies;     /* it may make numbers that are much larger */
	bool compares;	     /* it may compare numbers by operators */
	bool orders;	     /* it may put numbers in order by functions of libjq's */
	bool parses;	     /* it may make numbers of text */
	const char *refused; /* the name of a variable that programs may not use, or NULL */
	/*
	 * It does no more with numbers than compare, add, subtract and multiply those that lie below one of these keys,
	 * texts, each ended by NUL, and those of its own.
	 */
	bool narrow;
	struct buf fields;
};

/*
 * Errs on the side of caution; what is no jq at all gives some kind. Calls number, if not
 * NULL, for each number of the program. fields is the caller's to release.
 */
struct jqlook jqlook(const char *program, void (*number)(void *, struct slice), void *arg);

#endif
