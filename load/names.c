#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "load.h"

static void
push(struct names *l, char *name)
{
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = name;
}

void
names_push(struct names *l, const char *name)
{
	push(l, xstrdup(name));
}

bool
names_have(const struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], name))
			return true;
	return false;
}

int
names_add(struct names *l, const char *list)
{
	const char *p = list, *q;

	for (;; p = q + 1) {
		q = strchrnul(p, ',');
		if (q == p)
			return -1;
		push(l, xstrndup(p, (size_t)(q - p)));
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
names_cut(struct names *l, size_t n)
{
	while (l->n > n)
		free(l->v[--l->n]);
}

void
names_release(struct names *l)
{
	names_cut(l, 0);
	free(l->v);
	l->v = NULL;
}
