/*
 * Values into declared types, by their text: no number passes through a double.
 */
#ifndef CAST_H
#define CAST_H

#include "rules.h"
#include "scan.h"

/*
 * Append v as JSON of the type c, or of its own for CAST_NONE, hidden if hide says so; null stays null. Arrays and
 * objects become JSON text, python's if so wanted. 0, or -1 when that cannot be without loss or guessing:
 * nothing is appended then. tmp is for the function's own use, kept from call to call.
 */
int	column_value(struct buf *out, enum cast c, enum hide hide, const struct value *v, bool python,
	    struct buf *tmp);
/* Append v as a string that holds its JSON text. */
void	cast_json_text(struct buf *out, const struct value *v, bool python, struct buf *tmp);

#endif
