/*
 * Names of streams: what may be one, and what it is called as a file.
 */
#ifndef NAME_H
#define NAME_H

#include "buf.h"

/*
 * NULL if s may name a stream, else why not (static): UTF-8 without control characters, not
 * empty, not too long.
 */
const char *name_check(const char *s);
/*
 * The name as part of a file name, to be freed: letters, digits, "_-+=,@" and what is not ASCII stay, as do
 * points that are not the first; every other byte becomes %XX. No two names give the same.
 */
char	*name_encode(const char *s);
/*
 * Append s for a person or a table to read: control characters, which others may have written,
 * become "?".
 */
void	name_show(struct buf *b, const char *s);

#endif
