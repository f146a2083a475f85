#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "load.h"

int
names_add(struct names *l, const char *list)
{
	const char *p = list, *q;

	for (;; p = q + 1) {
		q = strchrnul(p, ',');
		if (q == p)
			return -1;
		l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
		l->v[l->n++] = xstrndup(p, (size_t)(q - p));
		if (!*q)
			return 0;
	}
}

void
names_copy(struct names *to, const struct names *from)
{
	to->v = xcalloc(from->n, sizeof *to->v);
	for (; to->n < from->n; to->n++)
		to->v[to->n] = xstrdup(from->v[to->n]);
}

void
names_release(struct names *l)
{
	while (l->n)
		free(l->v[--l->n]);
	free(l->v);
	l->v = NULL;
}
