/*
 * JSON texts to libjq's values and back, every number's digits kept.
 *
 * libjq 1.6 holds numbers as doubles. Those of the text last read are remembered with their
 * bytes, and a double that came from one of them is written as it stood in the text.
 */
#ifndef JQJSON_H
#define JQJSON_H

#include <jv.h>
#include <stdbool.h>

#include "buf.h"
#include "scan.h"

#define JQJSON_DEPTH 256 /* levels of nesting that are read: libjq's own limit */

/* What stands for the numbers that no double holds, when a text is read again. */
enum jqjson_as {
	JQJSON_NEAREST,
	JQJSON_APART, /* the nearest double, or one nearby where another number has that */
	JQJSON_ABOVE, /* the doubles above the nearest, one for each number of its own */
	JQJSON_BELOW, /* those below it, so that these come in the opposite order */
	JQJSON_ODD,   /* odd integers below 2^53 */
	JQJSON_TEXT   /* their digits as text */
};

struct jqjson {
	bool texts;	     /* set by the caller: numbers that no double holds are read as text ... */
	bool lossy;	     /* ... or are the nearest double, also when they are written */
	bool inexact;	     /* read: some number is held by no double ... */
	bool ambiguous;	     /* ... and is the nearest to another number of the text, too */
	struct slice number; /* the first of them */
	struct slice src;    /* the text */
	const char *err;     /* why the last call failed; static */
	/* private */
	struct scan scan;
	struct buf text;
	struct jqkey *keys;   /* strings met before, by hash */
	struct jqnum *nums;   /* of the text, in order; the constants before them */
	size_t n, cap, constants;
	struct jqnum **table; /* by double; not built while all are written as they stand */
	struct jqnum **values; /* likewise, by value: those that got doubles of their own */
	size_t size;	      /* of the tables: a power of two */
	bool plain, again, as_text;
};

/* Zeroed is ready for use. */
void	jqjson_release(struct jqjson *j);
/* The valid JSON text p[0..n), which must stay where it is until the results are written. 0 or -1. */
int	jqjson_read(struct jqjson *j, const char *p, size_t n, jv *out);
/* The same text again, with other doubles for its inexact numbers. 0 or -1. */
int	jqjson_again(struct jqjson *j, enum jqjson_as as, jv *out);
/*
 * Are two results the same but for the quotes of numbers that the second run read as text (JQJSON_TEXT)?
 */
bool	jqjson_same(struct jqjson *j, const struct buf *first, const struct buf *again);
/* Append v as compact JSON; v is consumed. 0 or -1. */
int	jqjson_write(struct jqjson *j, struct buf *out, jv v);
/* The numbers of the text last read, which must outlive j, count as constants from now on. */
void	jqjson_adopt(struct jqjson *j);
/*
 * A number that does not come from the texts but from the program: may a double hold
 * it (0) or not (-1)? If so, an inexact number read as the same one is ambiguous. p[0..n) must
 * outlive j.
 */
int	jqjson_constant(struct jqjson *j, const char *p, size_t n);

#endif
