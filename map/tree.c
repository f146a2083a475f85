#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cast.h"
#include "names.h"
#include "tree.h"

#define CHAINS     4096  /* a power of two */
#define LEARNT_MAX 16384 /* keys: some 8 MB */

/* Seeded, as keys come from strangers. */
static size_t
hash(const struct tree *t, const void *where, const char *p, size_t n)
{
	uint64_t h = t->seed ^ (uint64_t)(uintptr_t)where;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (; n; p++, n--)
		h = (h ^ (unsigned char)*p) * UINT64_C(0x9e3779b97f4a7c15);
	return (h ^ h >> 32) & (CHAINS - 1);
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

/* Does the user mean this node, which would be called name? */
static bool
meant(const struct path *p, const struct node *node, struct slice name)
{
	return (p->n == (size_t)node->depth && leads_through(p, node)) ||
	       (p->n == 1 && slice_eq(name, p->key[0].p, p->key[0].n));
}

/* Find the node's name by --names and --rename. 0, or -1 with t->err. */
static int
give_name(struct tree *t, struct node *node)
{
	const struct rules *r = t->rules;
	struct buf b = {0};

	if (node->parent->parent) {
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

static struct bucket *
bucket_of(const struct tree *t, const struct path *keep)
{
	return keep ? &t->bucket[keep - t->rules->keep.v] : &t->bucket[t->buckets - 1];
}

/* The column of this name, made if need be. */
static struct slot *
slot(struct tree *t, struct slice name, const struct path *keep)
{
	struct slot **at = &t->slots[hash(t, NULL, name.p, name.n)], *s;
	struct buf b = {0};

	for (s = *at; s; s = s->chain)
		if (slice_eq(s->plain, name.p, name.n))
			return s;
	s = xcalloc(1, sizeof *s);
	buf_addc(&b, ',');
	json_quote(&b, name.p, name.n);
	buf_addc(&b, ':');
	s->n = b.len;
	s->name = buf_steal(&b);
	s->plain = (struct slice){xstrndup(name.p, name.n), name.n};
	s->bucket = bucket_of(t, keep);
	for (size_t i = 0; i < t->rules->columns; i++)
		if (t->rules->column[i].cast && slice_eq(name, t->column[i].p, t->column[i].n))
			s->cast = t->rules->column[i].cast;
	s->chain = *at;
	*at = s;
	return s;
}

/* The path of a kept column below node, or NULL if the entry of --keep has none there. */
static const struct path *
path_below(const struct tree *t, const struct path *keep, const struct node *node)
{
	if (keep->n > (size_t)node->depth && leads_through(keep, node))
		return keep;
	for (size_t i = 0; keep->n == 1 && i < t->rules->renames; i++) {
		const struct rename *r = &t->rules->rename[i];

		if (r->from.n > (size_t)node->depth && leads_through(&r->from, node) &&
		    slice_is(keep->key[0], r->to))
			return &r->from;
	}
	return NULL;
}

/* May an object here have kept columns in it although it is not kept itself? */
static bool
holds_kept(const struct tree *t, const struct node *node)
{
	size_t sep = strlen(t->rules->flatten);

	for (size_t i = 0; i < t->rules->keep.n; i++) {
		const struct path *k = &t->rules->keep.v[i];

		if (path_below(t, k, node))
			return true;
		if (k->n == 1 && k->key[0].n > node->name.n + sep &&
		    memcmp(k->key[0].p, node->name.p, node->name.n) == 0 &&
		    memcmp(k->key[0].p + node->name.n, t->rules->flatten, sep) == 0)
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
	if (node->dropped)
		return;
	if (!r->keep.n || node->keep)
		node->slot = slot(t, node->name, node->keep);
	node->enter = r->flatten && (r->depth < 0 || node->depth <= r->depth) &&
		      (node->slot ? node->slot->cast != CAST_JSON : holds_kept(t, node));
}

static void
node_free(struct node *node)
{
	free(node->key);
	free((char *)node->name.p);
	free(node->below);
	free(node);
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
		node->depth = parent->depth + 1;
		if (give_name(t, node) < 0) {
			node_free(node);
			return NULL;
		}
		apply_rules(t, node);
		node->chain = *at;
		*at = node;
		t->learnt++;
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
	struct slice name = {0};

	for (size_t i = 0; p->n == 1 && i < t->rules->renames; i++)
		if (slice_is(p->key[0], t->rules->rename[i].to))
			name = (struct slice){xstrdup(t->rules->rename[i].to), p->key[0].n};
	for (size_t i = 0; !name.p && i < p->n; i++) {
		nodes[i] = (struct node){.key = (char *)p->key[i].p,
		    .n = p->key[i].n,
		    .depth = (int)i + 1,
		    .parent = i ? &nodes[i - 1] : &t->root};
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
may_be_kept(const struct tree *t, struct slice name)
{
	for (size_t i = 0; i < t->buckets - 1; i++) {
		struct slice k = t->bucket[i].head->plain;

		if (slice_eq(name, k.p, k.n) ||
		    (t->rules->flatten && name.n > k.n && memcmp(name.p, k.p, k.n) == 0))
			return true;
	}
	return t->buckets == 1;
}

/* The entries of --keep in their order, each a column or the beginning of some. */
static void
init_keep(struct tree *t)
{
	const struct rules *r = t->rules;

	for (size_t i = 0; i < r->keep.n; i++) {
		struct node *node = walk_path(t, &r->keep.v[i]);

		if (node->dropped)
			errx(CS_USAGE, "--keep: %s is in what --drop drops", r->keep.v[i].text);
		for (size_t k = 0; k < i; k++)
			if (t->bucket[k].head == node->slot)
				errx(CS_USAGE, "--keep: %s and %s are both named %.*s",
				    r->keep.v[k].text, r->keep.v[i].text, (int)node->name.n,
				    node->name.p);
		t->bucket[i].head = node->slot;
	}
}

/* What --default gives, cast as --type says. */
static void
init_missing(struct tree *t, const struct column *c, struct slice name)
{
	struct slot *s = slot(t, name, NULL);
	struct buf b = {0}, tmp = {0};
	struct value v = {0};
	const char *why;

	(void)scan_text(c->missing, strlen(c->missing), &v, &why); /* checked before */
	if (s->cast && cast_value(&b, s->cast, &v, &tmp) < 0)
		errx(CS_USAGE, "--default: %s: %s is no %s", c->name.text, c->missing,
		    cast_name(s->cast));
	if (!s->cast)
		json_compact(&b, v.p, v.n);
	s->missing.n = b.len;
	s->missing.p = buf_steal(&b);
	buf_release(&tmp);
	s->next_missing = t->missing;
	t->missing = s;
}

void
tree_init(struct tree *t, const struct rules *rules)
{
	*t = (struct tree){.rules = rules, .buckets = rules->keep.n + 1};
	if (getentropy(&t->seed, sizeof t->seed) < 0)
		err(CS_IO, "getentropy");
	t->bucket = xcalloc(t->buckets, sizeof *t->bucket);
	t->nodes = xcalloc(CHAINS, sizeof *t->nodes);
	t->slots = xcalloc(CHAINS, sizeof *t->slots);
	t->column = xcalloc(rules->columns, sizeof *t->column);
	for (size_t i = 0; i < rules->columns; i++)
		t->column[i] = output_name(t, &rules->column[i].name);
	init_keep(t);
	for (size_t i = rules->columns; i--;) {
		const struct column *c = &rules->column[i];

		if (c->cast && !c->missing && !may_be_kept(t, t->column[i]))
			errx(CS_USAGE, "--type: %s is not among what --keep keeps", c->name.text);
		if (c->missing)
			init_missing(t, c, t->column[i]);
	}
}

void
tree_release(struct tree *t)
{
	for (size_t i = 0; i < CHAINS; i++) {
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
			free((char *)s->missing.p);
			free(s);
		}
	}
	for (size_t i = 0; i < t->rules->columns; i++)
		free((char *)t->column[i].p);
	free(t->column);
	free(t->nodes);
	free(t->slots);
	free(t->bucket);
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
