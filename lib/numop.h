/* Exact arithmetic on JSON numbers of up to 37 digits, zeros at either end not counted. */
#ifndef NUMOP_H
#define NUMOP_H

#include <stdbool.h>

#include "buf.h"
#include "cs.h"

#define NUM_OP_DIGITS 37

/*
 * a op b as a JSON number, appended to out; op is + - * / or %, which takes whole numbers, cut off, and has a's sign.
 * 0; 1: a quotient of more digits, cut off; -1: it needs more digits, or b is 0.
 */
int	num_op(struct buf *out, char op, struct slice a, struct slice b);
/*
 * a made whole: F floor, C ceiling, T cut off, R to the nearest and, halfway, away from zero, E halfway to the even one;
 * A: without its sign, N: with the other one. cut: a is such a quotient, and goes on. 0 or -1.
 */
int	num_round(struct buf *out, char how, struct slice a, bool cut);

#endif
