/*
 * Members of JSON objects, as slices of their text.
 */
#ifndef PICK_H
#define PICK_H

#include <stdbool.h>

#include "scan.h"

/*
 * The member of that name of the object json, which is valid JSON followed by BUF_PAD readable bytes; of several the
 * last. False when json is no object or has none.
 */
bool	pick(struct slice json, const char *name, struct value *v);
/* The same along names, the last of which is NULL. */
bool	pick_path(struct slice json, struct value *v, ...);
/* A string decoded, or a number as it stands; to be freed. NULL: it is neither, or no text (U+0000). */
char	*pick_text(const struct value *v);
/* The object without the members whose names begin the list without, up to NULL; appended to out, not closed. */
void	pick_rest(struct buf *out, struct slice json, const char *const *without);

#endif
