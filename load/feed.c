/* The lines of --changes. */
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "scan.h"

void
image_begin(struct image *m, const struct table *t)
{
	if (m->cap < t->n) {
		m->cap = t->n;
		m->end = xreallocarray(m->end, m->cap, sizeof *m->end);
	}
	buf_clear(&m->text);
	m->n = 0;
}

static struct slice
value(const struct image *m, size_t i)
{
	size_t from = i ? m->end[i - 1] : 0;

	if (i >= m->n)
		return (struct slice){"", 0};
	return (struct slice){m->text.p + from, m->end[i] - from};
}

/* "name":{"a":1,...}: all columns of m, the key's alone, or those in which it differs from other. */
static void
add_object(struct buf *b, const char *name, const struct table *t, const struct image *m,
    const struct image *other, bool key)
{
	const char *sep = "";

	buf_addf(b, ",\"%s\":{", name);
	for (size_t k = 0; k < 2 * m->n; k++) { /* in the table's order: ours are the last */
		size_t i = k % m->n;
		const struct column *c = &t->columns[i];
		struct slice v = value(m, i);

		if (c->presence != COLUMN_STORED || (c->meta == META_NONE) != (k < m->n) ||
		    (key && !c->key && c->meta != META_FROM) ||
		    (other && i < other->n && slice_eq(value(other, i), v.p, v.n)))
			continue;
		buf_adds(b, sep);
		json_quote(b, c->name, c->len);
		buf_addc(b, ':');
		if (v.n)
			buf_add(b, v.p, v.n);
		else
			buf_adds(b, "null"); /* a column that came later */
		sep = ",";
	}
	buf_addc(b, '}');
}

int
feed_line(struct changes *c, const struct table *t, const char *op, const struct image *old,
    const struct image *new)
{
	struct buf *b = &c->line;

	buf_clear(b);
	buf_addf(b, "{\"op\":\"%s\",\"table\":", op);
	json_quote(b, t->name, strlen(t->name));
	add_object(b, "key", t, *op == 'i' ? &c->new : &c->old, NULL, true);
	if (old)
		add_object(b, "old", t, old, new, false);
	if (new)
		add_object(b, "new", t, new, old, false);
	buf_adds(b, "}\n");
	return trail_add(&c->trail, b->p, b->len);
}

void
feed_free(struct changes *c)
{
	if (!c)
		return;
	trail_close(&c->trail);
	buf_release(&c->old.text);
	buf_release(&c->new.text);
	buf_release(&c->old.mem);
	buf_release(&c->new.mem);
	buf_release(&c->line);
	free(c->old.end);
	free(c->new.end);
	free(c);
}
