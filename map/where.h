/*
 * Conditions on a record that need no jq: paths compared with scalars, has(), and, or, not.
 *
 *	.a.b == "x"    .n >= 10 and (.deleted | not)    has("id")    .a["b c"] != null
 *
 * They mean what jq means by them, but that numbers are compared by all of their digits.
 */
#ifndef WHERE_H
#define WHERE_H

#include <stdbool.h>

#include "scan.h"

struct where;

/* NULL when it takes jq to say what the program means. One that is always true by mistake ends the process. */
struct where *where_new(const char *program);
void	where_free(struct where *w);
/*
 * The JSON text p[0..n), followed by BUF_PAD bytes, is checked whole. 0 and whether the condition holds, or -1
 * with *why (owned by w, until the next call).
 */
int	where_test(struct where *w, const char *p, size_t n, bool *holds, const char **why);

#endif
