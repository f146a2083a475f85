#include <math.h>
#include <stdint.h>
#include <string.h>

#include "jqsum.h"
#include "num.h"
#include "numop.h"

struct operand {
	struct slice text;
	bool inexact;  /* it is something else to jq */
	bool cut;      /* and its text is not all of it */
	bool special;  /* infinite, or no number */
	bool fraction; /* a third, say, as jq has it */
	char mem[JQNUM_TEXT];
};

static bool
small(double d)
{
	return fabs(d) < JQNUM_EXACT;
}

static void
operand(struct jqnums *s, double d, struct operand *x)
{
	const struct jqnum *num = jqnums_find(s, d);

	x->text = num ? num->text : (struct slice){x->mem, jqnum_render(x->mem, d)};
	x->inexact = num && (num->inexact || num->d != num->nearest);
	x->special = !num && !isfinite(d);
	x->inexact |= !x->special && !small(d) && jqnum_digits(x->text) > 15;
	x->cut = num && num->rounded;
	x->fraction = (!num || num->made) && !x->special && !x->inexact && d != trunc(d) &&
		      jqnum_digits(x->text) > 15;
}

/* As jq 1.6 computes it. */
static double
compute(char op, double a, double b)
{
	switch (op) {
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	case '/':
		return a / b;
	default:
		return (double)((intmax_t)a % (intmax_t)b);
	}
}

bool
jqsum_long(struct jqnums *s, double d)
{
	const struct jqnum *num = jqnums_find(s, d);

	return (fabs(d) >= JQNUM_EXACT && isfinite(d)) ||
	       (num && (num->inexact || num->d != num->nearest));
}

bool
jqsum_rounded(double d)
{
	return !small(d) && isfinite(d) && jqnum_many(d);
}

/* *out: the double of a number that was computed. */
static int
make(struct jqnums *s, struct slice text, bool rounded, double *out)
{
	return jqnums_make(s, text, rounded, out) < 0 ? JQSUM_UNHELD : JQSUM_OK;
}

static int
as_jq(struct jqnums *s, double d, double *out)
{
	char mem[JQNUM_TEXT];
	struct slice text;

	*out = d;
	if (!isfinite(d) || (d == trunc(d) && fabs(d) < JQNUM_COMMON))
		return JQSUM_OK;
	if (!small(d) && jqnum_many(d))
		return JQSUM_UNHELD;
	text = (struct slice){mem, jqnum_render(mem, d)};
	return make(s, text, false, out);
}

int
jqsum(struct jqnums *s, char op, double a, double b, double *out)
{
	struct operand x, y;
	struct buf text = {0};
	bool inexact, whole = op == '%';
	int r;

	operand(s, a, &x);
	operand(s, b, &y);
	inexact = x.inexact || y.inexact;
	if (whole && inexact && (x.special || y.special))
		return JQSUM_UNHELD;
	if (x.special || y.special ||
	    (!y.inexact && (b == 0 || (whole && fabs(b) < 1)) && (whole || op == '/')))
		return JQSUM_JQ;
	if (!inexact && small(a) && small(b) && small(compute(op, a, b)))
		return as_jq(s, compute(op, a, b), out);
	if (inexact && (x.cut || y.cut || x.fraction || y.fraction))
		return JQSUM_UNHELD;
	r = num_op(&text, op, x.text, y.text);
	if (r != 0 && !inexact && (r < 0 || small(compute(op, a, b))))
		r = whole ? JQSUM_JQ : as_jq(s, compute(op, a, b), out);
	else if (r < 0)
		r = JQSUM_UNHELD;
	else
		r = make(s, (struct slice){text.p, text.len}, r == 1, out);
	buf_release(&text);
	return r;
}

int
jqsum_compare(struct jqnums *s, char op, double a, double b, bool *out)
{
	struct operand x, y;
	int order;

	operand(s, a, &x);
	operand(s, b, &y);
	if ((!x.inexact && !y.inexact) || x.special || y.special)
		return JQSUM_JQ;
	order = num_compare(x.text.p, x.text.n, y.text.p, y.text.n);
	if ((x.cut || y.cut) &&
	    (jqnum_digits(x.text) > NUM_OP_DIGITS || jqnum_digits(y.text) > NUM_OP_DIGITS))
		return JQSUM_UNHELD;
	if (order == 0 && x.cut && y.cut)
		return JQSUM_UNHELD;
	if (order == 0 &&
	    (x.cut || y.cut)) /* what is cut off is farther from 0 than what is left */
		order = x.cut == (x.text.p[0] != '-') ? 1 : -1;
	*out = op == '<'   ? order < 0
	       : op == '>' ? order > 0
	       : op == 'l' ? order <= 0
	       : op == 'g' ? order >= 0
			   : (order == 0) == (op == '=');
	return JQSUM_OK;
}

int
jqsum_round(struct jqnums *s, char how, double a, double *out)
{
	struct operand x;
	struct buf text = {0};
	int r = JQSUM_UNHELD;

	operand(s, a, &x);
	if (!x.inexact)
		return JQSUM_JQ;
	if (num_round(&text, how, x.text, x.cut) == 0)
		r = make(s, (struct slice){text.p, text.len}, x.cut && strchr("AN", how), out);
	buf_release(&text);
	return r;
}
