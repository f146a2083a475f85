/*
 * Column names: one key of a record made fit for a database.
 */
#ifndef NAMES_H
#define NAMES_H

#include "rules.h"

/* Append what the key p[0..n) is called; n is at least 1 for all but NAMES_KEEP. 0, or -1: nothing is left of it. */
int	name_key(struct buf *out, enum names how, const char *p, size_t n);

#endif
