/*
 * What split.c, record.c and envelope.c have in common, and nobody else.
 */
#ifndef SPLITTING_H
#define SPLITTING_H

#include "split.h"

enum { START, ENVELOPE, GAP, ELEMENT, LINE, WHOLE, TAIL }; /* .state */
enum { FIRST, COMMA, ITEM }; /* .next: an item or ], a comma or ], an item */

/* Say why. Returns result. */
int split_fail(struct split *s, int result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int split_too_large(struct split *s);
/* The same with where there are arrays: the one that is wanted is not there, as what says. */
int split_no_array(struct split *s, int result, const char *what);

/* The bytes of page from start on are one element: make it a record. An enum split_result. */
int split_finish(struct split *s, size_t start);
/* Has the valid record a member "@cs", however it is written? */
bool record_has_cs(const char *p, size_t n);

/* What there is of it at *p, which moves behind it. An enum split_result. */
int envelope_take(struct split *s, const char **p, size_t *n);
/* The body is complete, and so is it; is it valid, and had it the array? */
int envelope_end(struct split *s);

#endif
