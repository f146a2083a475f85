#include <string.h>

#include "cast.h"
#include "mapper.h"

#define EXCERPT 40 /* bytes of a value that a message shows */

static int
fail_scan(struct mapper *m)
{
	buf_clear(&m->err);
	buf_addf(&m->err, "byte %zu: %s", scan_at(&m->scan), m->scan.err);
	return -1;
}

static int
fail_both(struct mapper *m, const struct node *a, const struct node *b, const char *why)
{
	buf_clear(&m->err);
	tree_path(&m->err, a);
	buf_adds(&m->err, " and ");
	tree_path(&m->err, b);
	buf_adds(&m->err, why);
	return -1;
}

static int
fail_cast(struct mapper *m, const struct slot *s)
{
	size_t n = tree_cut(s->v.p, s->v.n, EXCERPT);

	buf_clear(&m->err);
	buf_adds(&m->err, "column ");
	json_quote(&m->err, s->plain.p, s->plain.n);
	buf_addf(&m->err, ": %.*s%s is not %s %s", (int)n, s->v.p, n < s->v.n ? "..." : "",
	    s->cast == CAST_INTEGER ? "an" : "a", cast_name(s->cast));
	return -1;
}

/* Take back what an earlier member of the same name gave: the last one counts. */
static void
forget(struct mapper *m, const struct node *node)
{
	for (size_t i = 0; i < m->tree.buckets; i++) {
		struct bucket *b = &m->tree.bucket[i];

		for (struct slot *s = b->gen == m->gen ? b->head : NULL; s; s = s->next) {
			const struct node *at = s->from;

			while (at && at != node)
				at = at->parent;
			if (at)
				s->from = NULL;
		}
	}
}

static void
append(struct mapper *m, struct slot *s)
{
	struct bucket *b = s->bucket;

	if (b->gen != m->gen) {
		b->gen = m->gen;
		b->tail = &b->head;
	}
	s->gen = m->gen;
	s->next = NULL;
	*b->tail = s;
	b->tail = &s->next;
}

static int
set(struct mapper *m, struct node *node, const struct value *v)
{
	struct slot *s = node->slot;

	if (s->gen != m->gen)
		append(m, s);
	else if (s->from && s->from != node)
		return fail_both(m, s->from, node,
		    " give columns of one name: set them apart by --rename or --drop");
	s->from = node;
	s->v = *v;
	return 0;
}

/* A null where an object with kept columns should be: they are null. */
static int
set_below(struct mapper *m, struct node *node, const struct value *v)
{
	tree_below(&m->tree, node);
	for (size_t i = 0; i < node->belows; i++) {
		struct node *below = node->below[i];

		if (below->slot && set(m, below, v) < 0)
			return -1;
	}
	return 0;
}

/* Read the record into the columns' slots. */
static int
walk(struct mapper *m, const char *p, size_t n)
{
	struct node *at = &m->tree.root, *last = NULL, *node;
	struct scan *s = &m->scan;
	struct slice key;
	struct value v;
	int r;

	m->gen++;
	scan_init(s, p, n);
	if (scan_enter(s) < 0)
		return fail_scan(m);
	for (;;) {
		r = scan_key(s, &key);
		if (r < 0)
			return fail_scan(m);
		if (r == 0) {
			if (!at->parent)
				break;
			last = at;
			at = at->parent;
			continue;
		}
		node = tree_child(&m->tree, at, last, key);
		if (!node) {
			buf_clear(&m->err);
			buf_adds(&m->err, m->tree.err);
			return -1;
		}
		if (node->gen == m->gen)
			forget(m, node);
		node->gen = m->gen;
		if (node->enter && *s->p == '{') {
			if (scan_enter(s) < 0)
				return fail_scan(m);
			at = node;
			last = NULL;
			continue;
		}
		last = node;
		if (scan_value(s, &v) < 0)
			return fail_scan(m);
		r = node->slot                           ? set(m, node, &v)
		    : node->enter && v.type == JSON_NULL ? set_below(m, node, &v)
							 : 0;
		if (r < 0)
			return -1;
	}
	return scan_done(s) < 0 ? fail_scan(m) : 0;
}

/* Copy where the source has 16 readable bytes too many, and the destination room for them. */
static inline char *
copy(char *to, const char *p, size_t n)
{
	if (n <= 16)
		memcpy(to, p, 16);
	else
		memcpy(to, p, n);
	return to + n;
}

static void
add(struct buf *out, const char *name, size_t name_n, const char *p, size_t n)
{
	char *o;

	if (!out->p || out->cap - out->len < name_n + n + 16)
		buf_room(out, name_n + n + 16);
	o = copy(out->p + out->len, name, name_n);
	o = copy(o, p, n);
	out->len = (size_t)(o - out->p);
}

/* Write one column. */
static int
put(struct mapper *m, struct slot *s)
{
	const struct rules *r = m->tree.rules;
	bool text = s->v.type == JSON_ARRAY    ? m->arrays == ARRAYS_JSON
		    : s->v.type == JSON_OBJECT ? r->flatten != NULL
					       : false;

	if (!s->cast && !text) {
		if (s->v.type == JSON_ARRAY && m->arrays == ARRAYS_EXPLODE) {
			if (m->array)
				return fail_both(m, m->array->from, s->from,
				    " are both arrays: --keep or --drop one, as only one can be "
				    "exploded");
			m->array = s;
		}
		add(m->out, s->name, s->n, s->v.p, s->v.n);
		return 0;
	}
	buf_add(m->out, s->name, s->n);
	if (s->cast)
		return cast_value(m->out, s->cast, &s->v, &m->tmp) < 0 ? fail_cast(m, s) : 0;
	cast_json_text(m->out, &s->v, &m->tmp);
	return 0;
}

/* Write the columns that there are. 0 or -1. */
static int
put_all(struct mapper *m)
{
	struct buf *out = m->out;
	size_t start = out->len;

	m->array = NULL;
	for (size_t i = 0; i < m->tree.buckets; i++) {
		struct bucket *b = &m->tree.bucket[i];

		for (struct slot *s = b->gen == m->gen ? b->head : NULL; s; s = s->next) {
			if (!s->from)
				continue;
			if (s->v.p == s->missing.p)
				add(out, s->name, s->n, s->missing.p, s->missing.n);
			else if (put(m, s) < 0)
				return -1;
		}
	}
	if (out->len == start)
		buf_addc(out, ',');
	out->p[start] = '{'; /* instead of the first comma */
	buf_addc(out, '}');
	return 0;
}

/* Give the columns that are missing what --default says. */
static void
fill(struct mapper *m)
{
	for (struct slot *s = m->tree.missing; s; s = s->next_missing) {
		if (s->gen == m->gen && s->from)
			continue;
		if (s->gen != m->gen)
			append(m, s);
		s->from = &m->tree.root;
		s->v = (struct value){.p = s->missing.p, .n = s->missing.n};
	}
}

/* Write the record that was walked, unless there is an array to explode (m->array). 0 or -1. */
static int
finish(struct mapper *m)
{
	size_t start = m->out->len;

	if (!m->partial)
		fill(m);
	if (put_all(m) < 0)
		return -1;
	if (m->array)
		m->out->len = start; /* the caller's business */
	else
		m->done(m->arg, start);
	return 0;
}

/* A record for each element, as if it stood in the array's place; for none, one without the column. */
static int
explode(struct mapper *m, const char *p, size_t n)
{
	const struct value array = m->array->v;
	const char *behind = array.p + array.n;
	struct scan s = {0};
	struct value v;

	scan_init(&s, array.p, array.n);
	scan_enter(&s);
	if (scan_item(&s) == 0) {
		m->array->from = NULL;
		return finish(m);
	}
	do {
		scan_value(&s, &v);
		buf_clear(&m->piece);
		buf_add(&m->piece, p, (size_t)(array.p - p));
		buf_add(&m->piece, v.p, v.n);
		buf_add(&m->piece, behind, (size_t)(p + n - behind));
		m->arrays = ARRAYS_JSON;
		if (walk(m, m->piece.p, m->piece.len) < 0 || finish(m) < 0)
			return -1;
	} while (scan_item(&s) > 0);
	return 0;
}

int
mapper_run(struct mapper *m, const char *p, size_t n)
{
	tree_trim(&m->tree);
	m->arrays = m->tree.rules->arrays;
	if (walk(m, p, n) < 0 || finish(m) < 0)
		return -1;
	return m->array ? explode(m, p, n) : 0;
}

void
mapper_init(struct mapper *m, const struct rules *rules)
{
	tree_init(&m->tree, rules);
}

void
mapper_release(struct mapper *m)
{
	tree_release(&m->tree);
	scan_release(&m->scan);
	buf_release(&m->err);
	buf_release(&m->tmp);
	buf_release(&m->piece);
}
