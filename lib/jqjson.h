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
#include "jqnum.h"
#include "scan.h"

#define JQJSON_DEPTH 256 /* levels of nesting that are read: libjq's own limit */

/* Why a result is not written. */
#define JQJSON_DEPENDS	"the result depends on a number's digits"
#define JQJSON_COMPUTED "a number beyond 2^53 was computed, which jq may have rounded: --numbers lossy takes jq's"

struct jqjson {
	bool texts;	     /* set by the caller: numbers that no double holds are read as text ... */
	bool lossy;	     /* ... or are the nearest double, also when they are written */
	const struct buf *fields; /* set by the caller: keys, each ended by NUL, or NULL */
	bool inexact;	     /* read: some number is held by no double ... */
	bool ambiguous;	     /* ... and is the nearest to another number of the text, too */
	bool common;	     /* ... or to one that programs may come to themselves */
	struct slice number; /* the first of them */
	double largest;	     /* of the numbers read, and the constants, without their signs */
	bool below;	     /* read: an inexact number is below one of the fields, or there are none */
	bool far;	     /* read: the inexact numbers are beyond 2^53 */
	struct slice src;    /* the text */
	const char *err;     /* why the last call failed; static */
	struct jqnums nums;  /* of the text and the program */
	/* private */
	struct scan scan;
	struct buf text;
	struct jqkey *keys;   /* strings met before, by hash */
	struct jqnums asked;
	size_t constants;     /* how many of them come before those of the text */
	size_t at;	      /* the next of them, when the text is read again */
	bool plain; /* all are written as doubles */
	bool again, inner;
	double largest_constant;
	bool text_only, has_long; /* written is text for the program; there was a long number */
	bool stray; /* an inexact number was read, nobody knows below what */
};

/* Zeroed is ready for use. */
void	jqjson_release(struct jqjson *j);
/* The valid JSON text p[0..n), which must stay where it is until the results are written. 0 or -1. */
int	jqjson_read(struct jqjson *j, const char *p, size_t n, jv *out);
/* The same text again, with other doubles for its inexact numbers. 0 or -1. */
int	jqjson_again(struct jqjson *j, enum jqnums_as as, jv *out);
/* Append v as compact JSON; v is consumed. 0 or -1. */
int	jqjson_write(struct jqjson *j, struct buf *out, jv v);
/*
 * What tojson makes of v, which is consumed, with the digits of its long numbers. 1; 0: it has none, jq may do it; -1.
 */
int	jqjson_text(struct jqjson *j, struct buf *out, jv v);
/* Is this text, which a NUL or more text follows, no number for jq, or one that a double holds? */
bool	jqjson_holds(struct jqjson *j, const char *p, size_t n);
/*
 * JSON in a string, where libjq would lose digits of its numbers: 1 with its value, whose numbers are made as
 * jqnums_make() says; 0: libjq may read it; -1: neither. After jqjson_again().
 */
int	jqjson_inner(struct jqjson *j, const char *p, size_t n, jv *out);
/* Would libjq lose digits of a number in it? */
bool	jqjson_loses(struct jqjson *j, const char *p, size_t n);
/* The numbers of the text last read, which must outlive j, count as constants from now on. */
void	jqjson_adopt(struct jqjson *j);
/*
 * A number that does not come from the texts but from the program: may a double hold
 * it (0) or not (-1)? If so, an inexact number read as the same one is ambiguous. p[0..n) must
 * outlive j.
 */
int	jqjson_constant(struct jqjson *j, const char *p, size_t n);

#endif
