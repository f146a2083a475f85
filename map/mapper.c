#include <stdlib.h>
#include <string.h>

#include "cast.h"
#include "mapper.h"

#define EXCERPT 40 /* bytes of a value that a message shows */

/* An array that gives rows. */
struct pending {
	struct node *node;
	struct value v;
	uint64_t serial;
};

/* A value in m->keys. */
struct span {
	size_t at, n;
};

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
fail_taken(struct mapper *m, const struct node *node)
{
	buf_clear(&m->err);
	tree_path(&m->err, node);
	buf_adds(&m->err,
	    " would be a column named as the key of the row: set it apart by --rename or "
	    "--drop");
	return -1;
}

static int
fail_guarded(struct mapper *m, const struct node *node, const struct value *v)
{
	buf_clear(&m->err);
	tree_path(&m->err, node);
	buf_addf(&m->err,
	    " is an %s that is not taken apart: what is to be hidden in it would show",
	    v->type == JSON_ARRAY ? "array" : "object");
	return -1;
}

/* A value that is hidden in the output is not shown here either. */
static int
fail_cast(struct mapper *m, const struct slot *s)
{
	size_t n = tree_cut(s->v.p, s->v.n, EXCERPT);

	buf_clear(&m->err);
	buf_adds(&m->err, "column ");
	json_quote(&m->err, s->plain.p, s->plain.n);
	if (!s->cast)
		buf_adds(&m->err, ": its value has a lone surrogate: it cannot be hashed");
	else if (s->hide)
		buf_addf(&m->err, ": its value is not %s %s", s->cast == CAST_INTEGER ? "an" : "a",
		    cast_name(s->cast));
	else
		buf_addf(&m->err, ": %.*s%s is not %s %s", (int)n, s->v.p, n < s->v.n ? "..." : "",
		    s->cast == CAST_INTEGER ? "an" : "a", cast_name(s->cast));
	return -1;
}

/* Does what was read at node count, if it was when the serial was this? The last of members with one key does. */
static bool
counts(const struct mapper *m, const struct node *node, uint64_t serial)
{
	if (m->doubles)
		for (; node; node = node->parent)
			if (node->serial > serial)
				return false;
	return true;
}

static bool
there(const struct mapper *m, const struct slot *s)
{
	return s->serial > m->start && s->from && counts(m, s->from, s->serial);
}

static void
append(struct mapper *m, struct slot *s)
{
	struct bucket *b = s->bucket;

	if (b->start != m->start) {
		b->start = m->start;
		b->tail = &b->head;
	}
	s->next = NULL;
	*b->tail = s;
	b->tail = &s->next;
}

static int
set(struct mapper *m, struct node *node, const struct value *v)
{
	struct slot *s = node->slot;

	if (s->serial <= m->start)
		append(m, s);
	else if (s->from != node && there(m, s))
		return fail_both(m, s->from, node,
		    " give columns of one name: set them apart by --rename or --drop");
	s->serial = m->serial;
	s->from = node;
	s->v = *v;
	if (s->simple)
		return 0;
	if (s->taken)
		return fail_taken(m, node);
	if (node->guarded && v->type >= JSON_ARRAY)
		return fail_guarded(m, node, v);
	if (s->fill == FILL_ALWAYS || (s->fill == FILL_NULL && v->type == JSON_NULL))
		s->v = (struct value){.p = s->value.p, .n = s->value.n};
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

/* An array that gives rows, for later. */
static int
put_off(struct mapper *m, struct node *node, const struct value *v)
{
	if (v->type == JSON_NULL)
		return 0;
	if (v->type != JSON_ARRAY) {
		buf_clear(&m->err);
		tree_path(&m->err, node);
		buf_adds(&m->err, " is no array: --child cannot make rows of it");
		return -1;
	}
	if (m->pendings == m->pending_cap) {
		m->pending_cap = m->pending_cap ? m->pending_cap * 2 : 16;
		m->pending = xreallocarray(m->pending, m->pending_cap, sizeof *m->pending);
	}
	m->pending[m->pendings++] = (struct pending){node, *v, m->serial};
	return 0;
}

static int
take(struct mapper *m, struct node *node, const struct value *v)
{
	if (node->slot)
		return set(m, node, v);
	if (node->rows)
		return m->childless ? 0 : put_off(m, node, v);
	return node->enter && v->type == JSON_NULL ? set_below(m, node, v) : 0;
}

/* The next member of the object of at, behind last: 1, 0 at its end, -1. */
static inline int
member(struct mapper *m, struct node *at, struct node *last, struct node **node)
{
	struct node *guess = last ? last->follower : at->first;
	struct slice key;
	int r;

	if (guess && guess->raw_n && scan_expect(&m->scan, guess->raw, guess->raw_n)) {
		*node = guess;
		return 1;
	}
	r = scan_key(&m->scan, &key);
	if (r < 0)
		return fail_scan(m);
	if (r == 0)
		return 0;
	*node = tree_learn(&m->tree, at, last, key);
	if (*node)
		return 1;
	buf_clear(&m->err);
	buf_adds(&m->err, m->tree.err);
	return -1;
}

/* Read the object at the cursor into the slots of the columns that are below root. */
static int
walk(struct mapper *m, struct node *root)
{
	struct node *at = root, *last = NULL, *node;
	struct scan *s = &m->scan;
	struct value v;
	int r;

	m->start = ++m->serial; /* which no other record has */
	m->doubles = false;
	if (scan_enter(s) < 0)
		return fail_scan(m);
	for (;;) {
		r = member(m, at, last, &node);
		if (r < 0)
			return -1;
		if (r == 0) {
			if (at == root)
				return 0;
			last = at;
			at = at->parent;
			continue;
		}
		m->doubles |= node->serial > m->start;
		node->serial = ++m->serial;
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
		if (take(m, node, &v) < 0)
			return -1;
	}
}

/* Copy where the source has 16 readable bytes too many, and the destination room for them. */
static inline char *
copy(char *to, const char *p, size_t n)
{
	if (n > 128)
		memcpy(to, p, n);
	else
		for (size_t i = 0; i < n; i += 16)
			memcpy(to + i, p + i, 16);
	return to + n;
}

static inline void
add(struct buf *out, const struct slot *s)
{
	char *o;

	if (out->cap - out->len < s->n + s->v.n + 16 || !out->p)
		buf_room(out, s->n + s->v.n + 16);
	o = copy(out->p + out->len, s->name, s->n);
	o = copy(o, s->v.p, s->v.n);
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

	if (s->v.p == s->value.p || (!s->cast && !s->hide && !text)) {
		if (s->v.type == JSON_ARRAY && m->arrays == ARRAYS_EXPLODE) {
			if (m->array)
				return fail_both(m, m->array->from, s->from,
				    " are both arrays: --keep or --drop one, as only one can be "
				    "exploded");
			m->array = s;
		}
		add(m->out, s);
		return 0;
	}
	buf_add(m->out, s->name, s->n);
	if (s->hide)
		*s->met = true;
	if (!s->cast && !s->hide)
		cast_json_text(m->out, &s->v, r->python, &m->tmp);
	else if (column_value(m->out, s->cast, s->hide, &s->v, r->python, &m->tmp) < 0)
		return fail_cast(m, s);
	return 0;
}

/* Write the columns that there are, each with a comma before it. 0 or -1. */
static int
put_all(struct mapper *m, struct table *table)
{
	struct buf *out = m->out;

	m->array = NULL;
	for (size_t i = 0; i < m->tree.buckets; i++) {
		struct bucket *b = &table->bucket[i];

		for (struct slot *s = b->start == m->start ? b->head : NULL; s; s = s->next) {
			size_t at = out->len + s->n;

			if (!s->from || !counts(m, s->from, s->serial))
				continue;
			if (s->simple && s->v.type < JSON_ARRAY) {
				add(out, s);
				continue;
			}
			if (put(m, s) < 0)
				return -1;
			if (s->key) {
				m->key[s->key - 1] = (struct span){m->keys.len, out->len - at};
				buf_add(&m->keys, out->p + at, out->len - at);
			}
			if (s->seen)
				schema_value(m->schema, s->seen, out->p + at, out->len - at);
		}
	}
	return 0;
}

/* Give the columns that are missing what --default and the like say. */
static void
fill(struct mapper *m, struct table *table)
{
	for (struct slot *s = table->values; s; s = s->next_value) {
		if (there(m, s))
			continue;
		if (s->serial <= m->start)
			append(m, s);
		s->serial = ++m->serial;
		s->from = &m->tree.root;
		s->v = (struct value){.p = s->value.p, .n = s->value.n};
	}
}

/* Write the record that was walked, unless there is an array to explode (m->array). 0 or -1. */
static int
finish(struct mapper *m)
{
	struct table *table = m->tree.table;
	size_t start = m->out->len, mark = m->schema ? schema_mark(m->schema) : 0;

	if (!m->partial)
		fill(m, table);
	buf_clear(&m->keys);
	for (size_t i = 0; i < m->tree.rules->child_key.n; i++)
		m->key[i].n = 0;
	if (put_all(m, table) < 0)
		return -1;
	if (m->array) { /* the caller's business */
		m->out->len = start;
		if (m->schema)
			schema_rollback(m->schema, mark);
		return 0;
	}
	if (m->out->len == start)
		buf_addc(m->out, ',');
	m->out->p[start] = '{'; /* instead of the first comma */
	buf_addc(m->out, '}');
	if (m->schema)
		schema_row(m->schema, 0);
	m->done(m->arg, start, false);
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
		scan_init(&m->scan, m->piece.p, m->piece.len);
		if (walk(m, &m->tree.root) < 0 || finish(m) < 0)
			return -1;
	} while (scan_item(&s) > 0);
	return 0;
}

/* Of the arrays put off since there were this many, those that count. */
static void
sift(struct mapper *m, size_t from)
{
	size_t n = from;

	if (!m->doubles)
		return;
	for (size_t i = from; i < m->pendings; i++)
		if (counts(m, m->pending[i].node, m->pending[i].serial))
			m->pending[n++] = m->pending[i];
	m->pendings = n;
}

/* The beginning of a row, and the values of its key, which are the parent's and its index. */
static void
open_row(struct mapper *m, const struct table *table, size_t index)
{
	const size_t number = (size_t)(table - m->tree.table);
	struct span *own = &m->key[table->keys - 1];
	struct buf *out = m->out;

	own->at = m->keys.len;
	buf_addf(&m->keys, "%zu", index);
	own->n = m->keys.len - own->at;
	buf_adds(out, table->open);
	for (size_t i = 0; i < table->keys; i++) {
		buf_add(out, table->key[i].p, table->key[i].n);
		buf_add(out, m->keys.p + m->key[i].at, m->key[i].n);
		if (table->seen)
			schema_value(
			    m->schema, table->seen[i], m->keys.p + m->key[i].at, m->key[i].n);
	}
	if (m->schema)
		schema_row(m->schema, number);
}

static int rows(struct mapper *m, size_t from);

/* The element p[0..n) as a row, and the rows of its own arrays. */
static int
row(struct mapper *m, struct node *node, size_t index, const char *p, size_t n)
{
	struct table *table = node->rows;
	size_t from = m->pendings, keys = m->keys.len, start;

	scan_init(&m->scan, p, n);
	if (walk(m, node) < 0)
		return -1;
	sift(m, from);
	fill(m, table);
	if (!m->declared[table - m->tree.table]) {
		buf_adds(m->out, table->schema);
		m->declared[table - m->tree.table] = m->declaring = true;
	}
	start = m->out->len;
	open_row(m, table, index);
	if (put_all(m, table) < 0)
		return -1;
	buf_addc(m->out, '}');
	m->done(m->arg, start, true);
	if (rows(m, from) < 0)
		return -1;
	m->keys.len = keys;
	return 0;
}

/* The rows of the arrays that were put off since there were this many. */
static int
rows(struct mapper *m, size_t from)
{
	struct buf wrapped = {0};
	int r = 0;

	for (size_t i = from; r == 0 && i < m->pendings; i++) {
		const struct pending a = m->pending[i];
		struct scan s = {0};
		struct value v;

		scan_init(&s, a.v.p, a.v.n);
		scan_enter(&s);
		for (size_t index = 0; r == 0 && scan_item(&s) > 0; index++) {
			scan_value(&s, &v);
			if (v.type == JSON_OBJECT) {
				r = row(m, a.node, index, v.p, v.n);
				continue;
			}
			buf_clear(&wrapped);
			buf_adds(&wrapped, "{\"value\":");
			buf_add(&wrapped, v.p, v.n);
			buf_addc(&wrapped, '}');
			r = row(m, a.node, index, wrapped.p, wrapped.len);
		}
	}
	buf_release(&wrapped);
	m->pendings = from;
	return r;
}

/* Rows need the key of the record that they come from. */
static int
check_key(struct mapper *m)
{
	const struct paths *key = &m->tree.rules->child_key;

	for (size_t i = 0; i < key->n; i++) {
		const struct span *k = &m->key[i];
		const char *p = k->n ? m->keys.p + k->at : "";

		if (k->n && *p != 'n' && *p != '{' && *p != '[')
			continue;
		buf_clear(&m->err);
		buf_addf(&m->err, "%s is %s: the rows of --child need it to tell whose they are",
		    key->v[i].text,
		    !k->n       ? "missing"
		    : *p == 'n' ? "null"
				: "no scalar");
		return -1;
	}
	return 0;
}

int
mapper_run(struct mapper *m, const char *p, size_t n)
{
	tree_trim(&m->tree);
	m->arrays = m->tree.rules->arrays;
	m->pendings = 0;
	scan_init(&m->scan, p, n);
	if (walk(m, &m->tree.root) < 0)
		return -1;
	if (scan_done(&m->scan) < 0)
		return fail_scan(m);
	sift(m, 0);
	if (finish(m) < 0)
		return -1;
	if (m->array)
		return explode(m, p, n);
	return m->pendings ? check_key(m) < 0 ? -1 : rows(m, 0) : 0;
}

void
mapper_commit(struct mapper *m)
{
	if (m->declaring)
		memcpy(m->declared_before, m->declared, m->tables * sizeof *m->declared);
	m->declaring = false;
	if (m->schema)
		schema_commit(m->schema);
}

void
mapper_rollback(struct mapper *m)
{
	if (m->declaring)
		memcpy(m->declared, m->declared_before, m->tables * sizeof *m->declared);
	m->declaring = false;
	if (m->schema)
		schema_rollback(m->schema, 0);
}

void
mapper_init(struct mapper *m, const struct rules *rules)
{
	size_t depth = rules->children; /* of arrays that give rows, at most */

	m->tables = rules->children + 1;
	m->declared = xcalloc(m->tables, sizeof *m->declared);
	m->declared_before = xcalloc(m->tables, sizeof *m->declared);
	m->key = xcalloc(rules->child_key.n + depth, sizeof *m->key);
	m->tree.schema = m->schema;
	tree_init(&m->tree, rules);
}

void
mapper_release(struct mapper *m)
{
	tree_release(&m->tree);
	scan_release(&m->scan);
	buf_release(&m->err);
	buf_release(&m->keys);
	buf_release(&m->tmp);
	buf_release(&m->piece);
	free(m->declared);
	free(m->declared_before);
	free(m->pending);
	free(m->key);
}
