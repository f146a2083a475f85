/*
 * The rules compiled: a tree of the keys that records have, each with the column it becomes.
 *
 * It grows as keys are met, so that each is named and looked up in the rules once. Records of one
 * kind have their keys in one order: every key remembers which one followed it last.
 */
#ifndef TREE_H
#define TREE_H

#include <stdint.h>

#include "rules.h"
#include "scan.h"

/* A column of the output. What follows gen is of the record with that number. */
struct slot {
	char *name;	     /* ,"name": as it is written, BUF_PAD bytes behind it */
	size_t n;	     /* of that, in bytes */
	struct slice plain;  /* the name itself */
	struct bucket *bucket;
	enum cast cast;
	struct slice missing; /* what --default says, or .p NULL */
	struct slot *next_missing;
	uint64_t gen;
	struct node *from; /* what gave the value; NULL: it was taken back */
	struct value v;
	struct slot *next; /* in the same bucket */
	struct slot *chain; /* with the same hash */
};

/* A key at its place in the source. */
struct node {
	char *key;
	size_t n;    /* bytes */
	int depth;   /* 1 is a member of the record */
	bool enter;  /* an object here is taken apart */
	bool dropped;
	struct node *parent, *first, *follower; /* guesses: first child, next sibling */
	struct slot *slot; /* NULL: in the output there is no such column */
	struct slice name; /* of the column, or the beginning of those below */
	const struct path *keep; /* the entry of --keep for it or what it is in, or NULL */
	uint64_t gen;	     /* the last record it was in */
	struct node **below; /* tree_below() */
	size_t belows;
	struct node *chain; /* with the same hash */
};

/* The columns of one record in the order of the output: those of an entry of --keep, or all. */
struct bucket {
	struct slot *head, **tail; /* of the record numbered gen */
	uint64_t gen;
};

struct tree {
	const struct rules *rules;
	struct node root;
	struct bucket *bucket; /* for each entry of --keep (head at first: its slot), and one more */
	size_t buckets;
	struct slot *missing; /* all with a default */
	char err[256];	      /* why tree_child() failed */
	/* private */
	struct slice *column; /* what each of rules->column is called in the output */
	struct node **nodes;  /* by hash */
	struct slot **slots;
	size_t learnt; /* nodes */
	uint64_t seed;
};

/* rules must outlive t. Rules that contradict each other end the process with CS_USAGE. */
void	tree_init(struct tree *t, const struct rules *rules);
void	tree_release(struct tree *t);
/* Between records: forget what was learnt when there is too much of it. */
void	tree_trim(struct tree *t);
/*
 * The child of parent with this key, made if need be; after is the child before it in this
 * record, or NULL. NULL with t->err when it can have no name.
 */
struct node *tree_learn(struct tree *t, struct node *parent, struct node *after, struct slice key);

static inline struct node *
tree_child(struct tree *t, struct node *parent, struct node *after, struct slice key)
{
	struct node *guess = after ? after->follower : parent->first;

	if (guess && guess->n == key.n && __builtin_memcmp(guess->key, key.p, key.n) == 0)
		return guess;
	return tree_learn(t, parent, after, key);
}

/* The kept columns that have their paths below node, for when it is null: node->below. */
void	tree_below(struct tree *t, struct node *node);

/* How many of the n bytes of UTF-8 at p to show, if at most max. */
static inline size_t
tree_cut(const char *p, size_t n, size_t max)
{
	if (n <= max)
		return n;
	while (max && (p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* Append the node's path as --rename and others take it. */
void	tree_path(struct buf *out, const struct node *node);

#endif
