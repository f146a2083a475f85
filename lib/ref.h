/*
 * References to secrets: env:NAME, file:PATH, fd:N, cmd:COMMAND.
 */
#ifndef REF_H
#define REF_H

#include <stdbool.h>

#include "buf.h"

#define REF_MAX (64u << 10) /* bytes that a secret may have */

/* Does it look like one? */
bool	ref_is(const char *s);
/*
 * Append what ref_is() refers to, without newlines at its end. 0, or -1 with *why (free() it), which does not hold
 * it. Says on stderr, after where, when others may read the file.
 */
int	ref_read(struct buf *b, const char *ref, const char *where, char **why);

#endif
