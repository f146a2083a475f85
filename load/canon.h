/*
 * The one text of a JSON value, whichever way it was written (close to RFC 8785): no white space, members in
 * the order of their names' bytes and of those with one name the last, strings escaped where they must be, numbers
 * as JavaScript writes them but with all their digits.
 */
#ifndef CANON_H
#define CANON_H

#include "buf.h"
#include "scan.h"

/* Append that of a valid JSON value. */
void	canon_value(struct buf *out, struct slice json);

#endif
