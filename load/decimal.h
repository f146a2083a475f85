/*
 * Decimal numbers as text: JSON's, of any length.
 */
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Are they the same number? False when one is no JSON number. */
bool	decimal_same(const char *a, size_t an, const char *b, size_t bn);
/* Append the one text of a number (ECMA-262, Number::toString, of digits that need not fit a double); it is left as it
 * is when its exponent has more than ten digits. */
void	decimal_canon(struct buf *out, const char *p, size_t n);

/* The shortest decimal that reads back the same. */
#define REAL_MAX 32
void	real_text(double d, char text[REAL_MAX]);

#endif
