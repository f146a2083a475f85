#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cast.h"
#include "names.h"
#include "schema.h"
#include "tree.h"

#define CHAINS     1024  /* a power of two; doubled as needed */
#define LEARNT_MAX 16384 /* keys: some 8 MB */

/* Each bit of the result depends on all of them (the finaliser of splitmix64). */
static inline uint64_t
mix(uint64_t h)
{
	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

/* Seeded, as keys come from strangers. */
static size_t
hash(const struct tree *t, const void *where, const char *p, size_t n)
{
	uint64_t h = mix(t->seed ^ (uint64_t)(uintptr_t)where), w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w);
	}
	w = n;
	for (size_t i = 0; i < n; i++)
		w = w << 8 | (unsigned char)p[i];
	return mix(h ^ w) & (t->chains - 1);
}

/* Twice as many chains: a hostile record may have any number of keys. */
static void
grow(struct tree *t)
{
	size_t old = t->chains;
	struct node **nodes = t->nodes, *node, *next;
	struct slot **slots = t->slots, *s, *after;

	t->chains *= 2;
	t->nodes = xcalloc(t->chains, sizeof *t->nodes);
	t->slots = xcalloc(t->chains, sizeof *t->slots);
	for (size_t i = 0; i < old; i++) {
		for (node = nodes[i]; node; node = next) {
			struct node **at = &t->nodes[hash(t, node->parent, node->key, node->n)];

			next = node->chain;
			node->chain = *at;
			*at = node;
		}
		for (s = slots[i]; s; s = after) {
			struct slot **at = &t->slots[hash(t, s->table, s->plain.p, s->plain.n)];

			after = s->chain;
			s->chain = *at;
			*at = s;
		}
	}
	free(nodes);
	free(slots);
}

void
tree_path(struct buf *out, const struct node *node)
{
	for (int depth = 1; depth <= node->depth; depth++) {
		const struct node *at = node;

		while (at->depth > depth)
			at = at->parent;
		if (depth > 1)
			buf_addc(out, '.');
		for (size_t i = 0; i < at->n; i++) {
			if (at->key[i] && strchr(".,=\\", at->key[i]))
				buf_addc(out, '\\');
			buf_addc(out, at->key[i]);
		}
	}
}

/* Is the path at, or below, the node? Its keys from the node's depth on are not looked at. */
static bool
leads_through(const struct path *p, const struct node *node)
{
	if (p->n < (size_t)node->depth)
		return false;
	for (; node->parent; node = node->parent)
		if (!slice_eq(p->key[node->depth - 1], node->key, node->n))
			return false;
	return true;
}

static bool
is_at(const struct path *p, const struct node *node)
{
	return p->n == (size_t)node->depth && leads_through(p, node);
}

/* Does the user mean this node, which would be called name? Columns of other tables have a path. */
static bool
meant(const struct path *p, const struct node *node, struct slice name)
{
	return is_at(p, node) ||
	       (p->n == 1 && !node->table->child && slice_eq(name, p->key[0].p, p->key[0].n));
}

static struct table *
table_of(const struct tree *t, const struct child *child)
{
	return &t->table[child ? 1 + (child - t->rules->child) : 0];
}

/* Where the node is: its table, its level there, and whether an array gives rows of another. */
static void
place(const struct tree *t, struct node *node)
{
	const struct node *up = node->parent;

	node->depth = up->depth + 1;
	node->table = up->rows ? up->rows : up->table;
	node->level = up->rows ? 1 : up->level + 1;
	for (size_t i = 0; i < t->rules->children; i++)
		if (is_at(&t->rules->child[i].from, node))
			node->rows = table_of(t, &t->rules->child[i]);
}

/* Find the node's name by --names and --rename. 0, or -1 with t->err. */
static int
give_name(struct tree *t, struct node *node)
{
	const struct rules *r = t->rules;
	struct buf b = {0};

	if (node->level > 1) {
		buf_add(&b, node->parent->name.p, node->parent->name.n);
		buf_adds(&b, r->flatten ? r->flatten : "");
	}
	if (name_key(&b, r->names, node->key, node->n) < 0) {
		buf_release(&b);
		snprintf(t->err, sizeof t->err, "nothing is left of the name \"%.*s\"",
		    (int)tree_cut(node->key, node->n, 100), node->key);
		return -1;
	}
	node->name.n = b.len;
	node->name.p = buf_steal(&b);
	for (size_t i = 0; i < r->renames; i++) {
		if (!meant(&r->rename[i].from, node, node->name))
			continue;
		free((char *)node->name.p);
		node->name.n = strlen(r->rename[i].to);
		node->name.p = xstrdup(r->rename[i].to);
		break;
	}
	return 0;
}

/* The column of this name, made if need be. */
static struct slot *
slot(struct tree *t, struct table *table, struct slice name, const struct path *keep)
{
	const struct rules *r = t->rules;
	struct slot **at = &t->slots[hash(t, table, name.p, name.n)], *s;
	struct buf b = {0};

	for (s = *at; s; s = s->chain)
		if (s->table == table && slice_eq(s->plain, name.p, name.n))
			return s;
	s = xcalloc(1, sizeof *s);
	buf_addc(&b, ',');
	json_quote(&b, name.p, name.n);
	buf_addc(&b, ':');
	s->n = b.len;
	s->name = buf_steal(&b);
	s->plain = (struct slice){xstrndup(name.p, name.n), name.n};
	s->table = table;
	s->bucket = &table->bucket[keep ? (size_t)(keep - r->keep.v) : t->buckets - 1];
	for (size_t i = 0; i < r->columns; i++) {
		const struct column_name *c = &t->column[i];

		if (c->table != table || !slice_eq(name, c->name.p, c->name.n))
			continue;
		s->cast = r->column[i].cast ? r->column[i].cast : s->cast;
		if (r->column[i].hide) {
			s->hide = r->column[i].hide;
			s->met = r->column[i].met;
		}
	}
	for (size_t i = 0; !table->child && i < r->child_key.n; i++)
		if (slice_eq(name, t->key[i].p, t->key[i].n))
			s->key = i + 1;
	for (size_t i = 0; i < table->keys; i++)
		s->taken |= slice_eq(table->key[i], s->name, s->n);
	if (t->schema)
		s->seen = schema_column(t->schema, (size_t)(table - t->table), s->plain);
	s->simple = !s->cast && !s->hide && !s->taken && !s->key && !s->seen;
	s->chain = *at;
	*at = s;
	return s;
}

/* The path of a kept column below node, or NULL if the entry of --keep has none there. */
static const struct path *
path_below(const struct tree *t, const struct path *keep, const struct node *node)
{
	const struct child *in = node->table->child;

	if (keep->n > (size_t)node->depth && leads_through(keep, node))
		return rules_row(t->rules, keep) == in ? keep : NULL;
	for (size_t i = 0; keep->n == 1 && i < t->rules->renames; i++) {
		const struct rename *r = &t->rules->rename[i];

		if (r->from.n > (size_t)node->depth && leads_through(&r->from, node) &&
		    slice_is(keep->key[0], r->to) && rules_row(t->rules, &r->from) == in)
			return &r->from;
	}
	return NULL;
}

/* Is the column that is called so in the output one of those below the node, if it is an object? */
static bool
begins(const struct tree *t, const struct path *p, const struct node *node)
{
	const char *sep = t->rules->flatten;
	size_t n = node->name.n;

	return p->n == 1 && sep && !node->table->child && p->key[0].n > n + strlen(sep) &&
	       memcmp(p->key[0].p, node->name.p, n) == 0 &&
	       memcmp(p->key[0].p + n, sep, strlen(sep)) == 0;
}

/* Is something below it to be hidden? Then it must not go through as a whole. */
static bool
holds_hidden(const struct tree *t, const struct node *node)
{
	for (size_t i = 0; i < t->rules->columns; i++) {
		const struct path *p = &t->rules->column[i].name;

		if (t->rules->column[i].hide &&
		    ((p->n > (size_t)node->depth && leads_through(p, node)) || begins(t, p, node)))
			return true;
	}
	return false;
}

/* May an object here have kept columns in it although it is not kept itself? */
static bool
holds_kept(const struct tree *t, const struct node *node)
{
	for (size_t i = 0; i < t->rules->keep.n; i++) {
		const struct path *k = &t->rules->keep.v[i];

		if (path_below(t, k, node) || begins(t, k, node))
			return true;
	}
	return false;
}

/* Is there an array below this object that gives rows? */
static bool
holds_rows(const struct tree *t, const struct node *node)
{
	for (size_t i = 0; i < t->rules->children; i++) {
		const struct path *from = &t->rules->child[i].from;

		if (from->n > (size_t)node->depth && leads_through(from, node))
			return true;
	}
	return false;
}

/* What the rules say of a node that has its name. */
static void
apply_rules(struct tree *t, struct node *node)
{
	const struct rules *r = t->rules;

	node->keep = node->parent->keep;
	for (size_t i = 0; i < r->keep.n; i++)
		if (meant(&r->keep.v[i], node, node->name))
			node->keep = &r->keep.v[i];
	node->dropped = node->parent->dropped;
	for (size_t i = 0; i < r->drop.n; i++)
		if (meant(&r->drop.v[i], node, node->name))
			node->dropped = true;
	if (node->dropped || node->rows)
		return;
	if (!node->table->chosen || node->keep)
		node->slot = slot(t, node->table, node->name, node->keep);
	node->guarded = node->slot && !node->slot->hide && holds_hidden(t, node);
	if (node->guarded)
		node->slot->simple = false;
	node->enter = r->flatten && (r->depth < 0 || node->level <= r->depth) &&
		      (node->slot ? node->slot->cast != CAST_JSON && !node->slot->hide
				  : holds_kept(t, node) || holds_rows(t, node));
}

static void
node_free(struct node *node)
{
	free(node->key);
	free(node->raw);
	free((char *)node->name.p);
	free(node->below);
	free(node);
}

/* What stands before the node's value where the record has no white space and no escapes that it can do without. */
static void
give_raw(struct node *node)
{
	struct buf b = {0};

	json_quote(&b, node->key, node->n);
	if (memchr(b.p, '\\', b.len) == NULL) {
		buf_addc(&b, ':');
		node->raw_n = b.len;
	}
	node->raw = buf_steal(&b);
}

struct node *
tree_learn(struct tree *t, struct node *parent, struct node *after, struct slice key)
{
	struct node **at = &t->nodes[hash(t, parent, key.p, key.n)], *node;

	for (node = *at; node; node = node->chain)
		if (node->parent == parent && slice_eq(key, node->key, node->n))
			break;
	if (!node) {
		node = xcalloc(1, sizeof *node);
		node->key = xstrndup(key.p, key.n);
		node->n = key.n;
		node->parent = parent;
		place(t, node);
		if (give_name(t, node) < 0) {
			node_free(node);
			return NULL;
		}
		give_raw(node);
		apply_rules(t, node);
		node->chain = *at;
		*at = node;
		if (++t->learnt > t->chains)
			grow(t);
	}
	if (after)
		after->follower = node;
	else
		parent->first = node;
	return node;
}

/* The node at the end of a path. A name that cannot be is the user's mistake. */
static struct node *
walk_path(struct tree *t, const struct path *p)
{
	struct node *node = &t->root;

	for (size_t i = 0; i < p->n; i++) {
		node = tree_learn(t, node, NULL, p->key[i]);
		if (!node)
			errx(CS_USAGE, "%s: %s", p->text, t->err);
	}
	return node;
}

void
tree_below(struct tree *t, struct node *node)
{
	const struct path *p;

	if (node->below)
		return;
	node->below = xcalloc(t->rules->keep.n, sizeof *node->below);
	for (size_t i = 0; i < t->rules->keep.n; i++) {
		p = path_below(t, &t->rules->keep.v[i], node);
		if (p)
			node->below[node->belows++] = walk_path(t, p);
	}
}

/* What is called path in the rules is called what in the output? The caller frees it. */
static struct slice
output_name(struct tree *t, const struct path *p)
{
	struct node *nodes = xcalloc(p->n, sizeof *nodes), *last = &nodes[p->n - 1];
	const struct rules *r = t->rules;
	struct slice name = {0};

	for (size_t i = 0; p->n == 1 && i < r->renames; i++)
		if (slice_is(p->key[0], r->rename[i].to) && !rules_row(r, &r->rename[i].from))
			name = (struct slice){xstrdup(r->rename[i].to), p->key[0].n};
	for (size_t i = 0; !name.p && i < p->n; i++) {
		nodes[i] = (struct node){.key = (char *)p->key[i].p,
		    .n = p->key[i].n,
		    .parent = i ? &nodes[i - 1] : &t->root};
		place(t, &nodes[i]);
		if (give_name(t, &nodes[i]) < 0)
			errx(CS_USAGE, "%s: %s", p->text, t->err);
	}
	if (!name.p)
		name = (struct slice){xstrndup(last->name.p, last->name.n), last->name.n};
	for (size_t i = 0; i < p->n; i++)
		free((char *)nodes[i].name.p);
	free(nodes);
	return name;
}

/* Is there a chance that --keep lets a column of this name through? */
static bool
may_be_kept(const struct tree *t, struct column_name c)
{
	struct slice name = c.name;

	for (size_t i = 0; i < t->buckets - 1; i++) {
		const struct slot *head = c.table->bucket[i].head;
		struct slice k = head ? head->plain : (struct slice){0};

		if (!head)
			continue;
		if (slice_eq(name, k.p, k.n) ||
		    (t->rules->flatten && name.n > k.n && memcmp(name.p, k.p, k.n) == 0))
			return true;
	}
	return !c.table->chosen;
}

/* The entries of --keep in their order, each a column or the beginning of some. */
static void
init_keep(struct tree *t)
{
	const struct rules *r = t->rules;

	for (size_t i = 0; i < r->keep.n; i++) {
		struct node *node = walk_path(t, &r->keep.v[i]);
		struct bucket *b = node->table->bucket;

		if (node->dropped)
			errx(CS_USAGE, "--keep: %s is in what --drop drops", r->keep.v[i].text);
		if (node->rows)
			continue; /* whose columns have entries of their own, or are all kept */
		for (size_t k = 0; i < r->chosen && k < i; k++)
			if (b[k].head == node->slot)
				errx(CS_USAGE, "--keep: %s and %s are both named %.*s",
				    r->keep.v[k].text, r->keep.v[i].text, (int)node->name.n,
				    node->name.p);
		b[i].head = node->slot;
	}
}

/* What a column is given, cast as --type says and hidden if need be. */
static void
init_value(struct tree *t, const struct column *c, struct column_name name)
{
	struct slot *s = slot(t, name.table, name.name, NULL);
	struct buf b = {0}, tmp = {0};
	struct value v = {0};
	const char *why;

	if (s->taken)
		errx(CS_USAGE, "%s is a column of the key of the row", c->name.text);
	(void)scan_text(c->value, strlen(c->value), &v, &why); /* checked before */
	if (column_value(&b, s->cast, s->hide, &v, t->rules->python, &tmp) < 0)
		errx(CS_USAGE, "--default or the like: %s: %s is no %s", c->name.text, c->value,
		    cast_name(s->cast));
	free((char *)s->value.p);
	s->value.n = b.len;
	s->value.p = buf_steal(&b);
	s->fill = c->fill;
	s->simple = false;
	buf_release(&tmp);
	s->next_value = name.table->values;
	name.table->values = s;
}

/* The tables of --child, and those of their children, whose key begins with theirs. */
static void
init_children(struct tree *t, const struct child *in, const struct slice *keys, size_t n)
{
	const struct rules *r = t->rules;

	for (size_t i = 0; i < r->children; i++) {
		struct table *table = table_of(t, &r->child[i]);
		struct slice *below;

		if (rules_row(r, &r->child[i].from) != in)
			continue;
		table_child(table, keys, n);
		if (t->schema)
			table_columns(table, t->schema, (size_t)(table - t->table));
		below = xcalloc(n + 1, sizeof *below);
		for (size_t k = 0; k <= n; k++) /* without ," and ": */
			below[k] = (struct slice){table->key[k].p + 2, table->key[k].n - 4};
		init_children(t, &r->child[i], below, n + 1);
		free(below);
	}
}

/* Every array that gives rows must be one that is come across. */
static void
check_children(struct tree *t)
{
	const struct rules *r = t->rules;

	for (size_t i = 0; i < r->children; i++) {
		struct node *node = walk_path(t, &r->child[i].from);

		for (const struct node *up = node; up->parent; up = up->parent)
			if (up->dropped || (up != node && !up->enter && !up->rows))
				errx(CS_USAGE, "--child: %s is in what is dropped, or no object",
				    r->child[i].from.text);
		for (size_t k = 0; k < r->columns; k++)
			if (path_same(&r->column[k].name, &r->child[i].from))
				errx(CS_USAGE, "%s gives rows by --child: it is no column",
				    r->child[i].from.text);
	}
}

static void
init_tables(struct tree *t)
{
	const struct rules *r = t->rules;

	t->table = xcalloc(r->children + 1, sizeof *t->table);
	t->root.table = t->table;
	for (size_t i = 0; i <= r->children; i++) {
		t->table[i].child = i ? &r->child[i - 1] : NULL;
		t->table[i].bucket = xcalloc(t->buckets, sizeof *t->table[i].bucket);
	}
	for (size_t i = 0; i < r->keep.n; i++)
		table_of(t, rules_row(r, &r->keep.v[i]))->chosen = true;
}

void
tree_init(struct tree *t, const struct rules *rules)
{
	*t = (struct tree){.rules = rules, .buckets = rules->keep.n + 1, .schema = t->schema};
	if (getentropy(&t->seed, sizeof t->seed) < 0)
		err(CS_IO, "getentropy");
	t->chains = CHAINS;
	t->nodes = xcalloc(t->chains, sizeof *t->nodes);
	t->slots = xcalloc(t->chains, sizeof *t->slots);
	t->column = xcalloc(rules->columns, sizeof *t->column);
	t->key = xcalloc(rules->child_key.n, sizeof *t->key);
	init_tables(t);
	for (size_t i = 0; i < rules->columns; i++)
		t->column[i] =
		    (struct column_name){table_of(t, rules_row(rules, &rules->column[i].name)),
			output_name(t, &rules->column[i].name)};
	for (size_t i = 0; i < rules->child_key.n; i++)
		t->key[i] = output_name(t, &rules->child_key.v[i]);
	init_children(t, NULL, t->key, rules->child_key.n);
	init_keep(t);
	for (size_t i = rules->columns; i--;) {
		const struct column *c = &rules->column[i];

		if (!c->value && !may_be_kept(t, t->column[i]))
			errx(CS_USAGE, "a rule's column %s is not among what --keep keeps",
			    c->name.text);
		if (c->value)
			init_value(t, c, t->column[i]);
	}
	check_children(t);
	for (size_t i = 0; i < rules->child_key.n; i++)
		if (!may_be_kept(t, (struct column_name){t->table, t->key[i]}))
			errx(CS_USAGE, "--child-key: %s is not among what --keep keeps",
			    rules->child_key.v[i].text);
}

void
tree_release(struct tree *t)
{
	for (size_t i = 0; i < t->chains; i++) {
		struct node *node, *next;
		struct slot *s, *chain;

		for (node = t->nodes[i]; node; node = next) {
			next = node->chain;
			node_free(node);
		}
		for (s = t->slots[i]; s; s = chain) {
			chain = s->chain;
			free(s->name);
			free((char *)s->plain.p);
			free((char *)s->value.p);
			free(s);
		}
	}
	for (size_t i = 0; i < t->rules->columns; i++)
		free((char *)t->column[i].name.p);
	for (size_t i = 0; i < t->rules->child_key.n; i++)
		free((char *)t->key[i].p);
	for (size_t i = 0; i <= t->rules->children; i++)
		table_release(&t->table[i]);
	free(t->table);
	free(t->key);
	free(t->column);
	free(t->nodes);
	free(t->slots);
}

void
tree_trim(struct tree *t)
{
	const struct rules *rules = t->rules;

	if (t->learnt < LEARNT_MAX)
		return;
	tree_release(t);
	tree_init(t, rules);
}
