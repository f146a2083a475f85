/*
 * jq code that comes before a program, and the questions that it asks in the middle of it.
 *
 * libjq has no call back but those of debug and input: a question is an array whose first element begins with U+0000,
 * given to debug, and its answer the next input.
 */
#ifndef JQASK_H
#define JQASK_H

#include "jqjson.h"

/* For every program: what it may not use, and numbers of many digits in text. */
extern const char jqask_prelude[];
/* Behind it, for a program that multiplies and records without long numbers: notes a result beyond 2^53. */
extern const char jqask_watch[];
/* Behind it, for records with long numbers: exact operators, and no such numbers for functions that may change them. */
extern const char jqask_careful[];

struct jqask {
	struct jqjson *json; /* set by the caller: what the program runs over */
	bool careful; /* set by the caller: the program has jqask_careful */
	bool ordered; /* arrays or objects were compared, whose numbers have whatever doubles */
	bool lost;    /* long numbers in a string, or products beyond 2^53, which only the careful program holds */
	bool unheld;  /* something was to be computed with a long number that cannot be: the record must fail */
	jv reply;     /* to the last question; null at first */
};

/* Answer v, which is consumed, if it is a question: true. */
bool	jqask(struct jqask *k, jv v);
/* The answer, once. */
jv	jqask_reply(struct jqask *k);

#endif
