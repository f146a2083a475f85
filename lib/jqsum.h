/*
 * The sums, products, quotients, remainders and comparisons of jq programs, of numbers that doubles stand for (jqnum.h).
 *
 * What no double holds, and what is beyond 2^53, is computed with all its digits; the rest as jq does.
 */
#ifndef JQSUM_H
#define JQSUM_H

#include "jqnum.h"

enum { JQSUM_OK, JQSUM_JQ, JQSUM_UNHELD };

/*
 * *out: a op b, for + - * / and %. JQSUM_JQ: nothing for this, as dividing by 0. JQSUM_UNHELD: the result
 * has too many digits, or is jq's, rounded. After jqnums_stand().
 */
int	jqsum(struct jqnums *s, char op, double a, double b, double *out);
/* *out: is a op b, for < > = and, for <= >= and !=, l, g and !. As above; JQSUM_UNHELD: quotients of too many digits. */
int	jqsum_compare(struct jqnums *s, char op, double a, double b, bool *out);
/* *out: a made whole, as num_round() says. As above. */
int	jqsum_round(struct jqnums *s, char how, double a, double *out);
/* Is it a number that a function of libjq may change without a trace? */
bool	jqsum_long(struct jqnums *s, double d);
/* Is it a whole number that libjq computed and may have rounded? */
bool	jqsum_rounded(double d);

#endif
