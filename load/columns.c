/* The columns of a table: those it has, and those that records want it to have. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "show.h"
#include "table.h"

static uint32_t
hash(const char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 16777619u;
	return h;
}

static void
index_add(struct table *t, unsigned column)
{
	const struct column *c = &t->columns[column];
	size_t i = hash(c->name, c->len) & t->mask;

	while (t->index[i])
		i = (i + 1) & t->mask;
	t->index[i] = column + 1;
}

int
table_find(const struct table *t, struct slice name)
{
	size_t i;

	if (!t->index)
		return -1;
	for (i = hash(name.p, name.n) & t->mask; t->index[i]; i = (i + 1) & t->mask) {
		const struct column *c = &t->columns[t->index[i] - 1];

		if (slice_eq(name, c->name, c->len))
			return (int)t->index[i] - 1;
	}
	return -1;
}

int
table_named(const struct table *t, const char *name)
{
	return table_find(t, (struct slice){name, strlen(name)});
}

/* A new column at the end, known to be new. */
struct column *
table_column(struct table *t, struct slice name)
{
	struct column *c;

	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->columns = xreallocarray(t->columns, t->cap, sizeof *t->columns);
		t->mask = t->cap * 4 - 1;
		free(t->index);
		t->index = xcalloc(t->mask + 1, sizeof *t->index);
		for (size_t i = 0; i < t->n; i++)
			index_add(t, (unsigned)i);
	}
	c = &t->columns[t->n];
	memset(c, 0, sizeof *c);
	c->name = xstrndup(name.p, name.n);
	c->len = name.n;
	c->sqltype = xstrdup("");
	index_add(t, (unsigned)t->n++);
	for (size_t i = 0; i < t->key.n; i++)
		if (!strcmp(t->key.v[i], c->name))
			c->key = true;
	return c;
}

int
table_add(struct sink *s, struct table *t, struct slice name, int *column)
{
	struct column *c;

	if (!name.n)
		return row_bad(s, "a column without a name");
	if (memchr(name.p, '\0', name.n))
		return row_bad(s, "a column name that holds U+0000");
	if (s->name_max && name.n > s->name_max)
		return row_bad(s,
		    "column \"%s\" would become \"%s\": a name has at most %zu bytes; rename "
		    "it (cs-map --rename)",
		    shown_cut(name, 4 * SHOWN_MAX),
		    shown_cut((struct slice){name.p, s->name_max}, 4 * SHOWN_MAX), s->name_max);
	for (const char *const *l = s->taken; l && *l; l++)
		if (slice_is(name, *l))
			return row_bad(s,
			    "column \"%s\": every table has one of its own of that name; rename it "
			    "(cs-map --rename)",
			    *l);
	if (t->n == COLUMNS_MAX)
		return row_bad(s, "column \"%s\": a table has at most %d columns",
		    shown_cut(name, SHOWN_MAX), COLUMNS_MAX);
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].len == name.n && !strncasecmp(t->columns[i].name, name.p, name.n))
			return row_bad(s,
			    "column \"%s\" differs from column \"%s\" only in case; "
			    "rename one (cs-map --rename)",
			    shown_cut(name, SHOWN_MAX), shown(t->columns[i].name));
	c = table_column(t, name);
	c->presence = COLUMN_NULL;
	*column = (int)(c - t->columns);
	return 0;
}

/* Forget the columns from the n-th on. The newest goes first, so that no search misses another. */
void
table_truncate(struct table *t, size_t n)
{
	while (t->n > n) {
		struct column *c = &t->columns[--t->n];
		size_t i = hash(c->name, c->len) & t->mask;

		while (t->index[i] != t->n + 1)
			i = (i + 1) & t->mask;
		t->index[i] = 0;
		free(c->name);
		free(c->sqltype);
	}
}

void
table_undo(struct table *t, size_t n)
{
	table_truncate(t, n);
	if (!t->dirty)
		return;
	t->dirty = false;
	for (size_t i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		c->recast = false;
		if (c->presence == COLUMN_STORED) {
			c->want = c->store;
		} else if (c->wanted) {
			t->dirty = true;
		} else {
			c->want = STORE_NONE;
			c->presence = COLUMN_NULL;
		}
	}
}

bool
table_want_nulls(const struct sink *s, struct table *t)
{
	for (size_t i = 0; i < t->n && s->o->columns == COLUMNS_EVOLVE; i++)
		if (t->columns[i].presence == COLUMN_NULL && t->columns[i].null_seen) {
			t->columns[i].presence = COLUMN_NEW;
			t->dirty = true;
		}
	return t->dirty;
}

struct table *
table_new(struct slice name)
{
	struct table *t = xcalloc(1, sizeof *t);

	t->name = xstrndup(name.p, name.n);
	t->alias = -1;
	memset(t->meta, 0xff, sizeof t->meta); /* -1 */
	return t;
}

void
table_release(struct table *t)
{
	table_truncate(t, 0);
	free(t->columns);
	free(t->index);
	free(t->guess);
	free(t->sorted);
	names_release(&t->key);
	names_release(&t->pk);
	buf_release(&t->mem);
	free(t->name);
	free(t->asked);
	free(t);
}
