/*
 * The numbers of a JSON text as doubles, which is what libjq 1.6 has, and back.
 *
 * Each is remembered with its bytes. Several numbers that no double holds may be nearest to the same double; then
 * others can stand for them.
 */
#ifndef JQNUM_H
#define JQNUM_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cs.h"

#define JQNUM_EXACT 9007199254740992.0 /* 2^53: whole numbers up to it are doubles */
#define JQNUM_COMMON 4503599627370496.0 /* 2^52: whole numbers up to it stand for nothing else */
#define JQNUM_TEXT  40		       /* bytes of a double as text, at most */

/* What stands for the numbers that no double holds. */
enum jqnums_as {
	JQNUMS_NEAREST,
	JQNUMS_APART, /* the nearest double, or one nearby where another number has that */
	JQNUMS_ABOVE, /* doubles above the nearest, one for each: above all numbers that have it */
	JQNUMS_BELOW  /* those below it */
};

struct jqnum {
	double d; /* what stands for it */
	double nearest;
	double beyond[2]; /* in the table: those from d up, or down, to here are taken */
	struct slice text;
	bool inexact;   /* nearest is not the value of the text */
	bool made;      /* by jqnums_make() */
	bool rounded;   /* made, and not even the text is its value */
	bool plain;     /* d is written as text has it anyway */
	bool ambiguous; /* another number, of another value, has the same d */
};

struct jqnums {
	struct jqnum *v; /* in order; the constants before those of the text */
	size_t n, cap;
	bool ambiguous; /* jqnums_stand: some number is the nearest to another one, too */
	bool common;	/* jqnums_stand: some number is the nearest to one that programs may come to themselves */
	size_t made;	/* numbers that jqnums_make() made since */
	/* private */
	struct jqnum **more;
	enum jqnums_as as;
	bool down;	       /* the way to the next double that is free */
	struct jqnum **order;  /* by value: for a moment */
	struct jqnum **table;  /* by double */
	struct jqnum **values; /* by value: the inexact ones, and those made */
	size_t size;	       /* of both: a power of two */
	struct buf text;
};

void	jqnums_release(struct jqnums *s);
/* A number, as JSON writes it; text must stay where it is. Valid until the next one. */
struct jqnum *jqnums_add(struct jqnums *s, struct slice text);
/* Give all of them their doubles. Before, only exact ones have one. */
void	jqnums_stand(struct jqnums *s, enum jqnums_as as);
/*
 * Are the doubles in the order of what they stand for, those of numbers made since as well? JQNUMS_APART sees to that for the
 * others, where there is room between them. After jqnums_stand().
 */
bool	jqnums_ordered(struct jqnums *s);
/* What this double stands for, or NULL. After jqnums_stand(). */
const struct jqnum *jqnums_find(struct jqnums *s, double d);
/*
 * A double for a number that was computed: its own, or another where no double holds it or that stands for something
 * else; text is copied. After jqnums_stand(), until the next. 0, or -1: too many of them.
 */
int	jqnums_make(struct jqnums *s, struct slice text, bool rounded, double *d);
/* d as jq writes it; returns the length. */
size_t	jqnum_render(char out[JQNUM_TEXT], double d);
/* Does jq write d with more than 15 digits? */
bool	jqnum_many(double d);
/* How many digits a number has, zeros at either end not counted. */
size_t	jqnum_digits(struct slice text);

#endif
