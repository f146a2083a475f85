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

/* A column of the output. What follows serial is of the record that was read when it had that number. */
struct slot {
	char *name;	     /* ,"name": as it is written, BUF_PAD bytes behind it */
	size_t n;	     /* of that, in bytes */
	struct slice plain;  /* the name itself */
	struct table *table;
	struct bucket *bucket;
	enum cast cast;
	enum hide hide;
	bool *met;	     /* set when it is hidden */
	enum fill fill;
	struct slice value;  /* what --default and the like say, or .p NULL */
	struct slot *next_value;
	bool simple;	     /* nothing is to be done with its values, if they are scalars */
	bool taken;	     /* by the key that the row has of its parent */
	size_t key;	     /* from 1: which of --child-key it is; 0: none */
	struct seen *seen;   /* for --schema-out, or NULL */
	uint64_t serial;
	struct node *from; /* what gave the value; NULL: it was taken back */
	struct value v;
	struct slot *next; /* in the same bucket */
	struct slot *chain; /* with the same hash */
};

/* A key at its place in the source. */
struct node {
	char *key;
	size_t n;    /* bytes */
	char *raw;   /* "key": as records mostly write it, BUF_PAD bytes behind it */
	size_t raw_n; /* 0: it needs escapes */
	int depth;   /* 1 is a member of the record */
	int level;   /* 1 is a member of the row */
	bool enter;  /* an object here is taken apart */
	bool dropped;
	bool guarded; /* something below it is hidden: as a whole it must not go through */
	struct node *parent, *first, *follower; /* guesses: first child, next sibling */
	struct slot *slot; /* NULL: in the output there is no such column */
	struct slice name; /* of the column, or the beginning of those below */
	struct table *table; /* that it is in */
	struct table *rows;  /* an array here gives rows of this, or NULL */
	const struct path *keep; /* the entry of --keep for it or what it is in, or NULL */
	uint64_t serial;     /* of where it was met last */
	struct node **below; /* tree_below() */
	size_t belows;
	struct node *chain; /* with the same hash */
};

/* The columns of one record in the order of the output: those of an entry of --keep, or all. */
struct bucket {
	struct slot *head, **tail; /* of the record that began with this serial */
	uint64_t start;
};

/* Where rows go: the records' own table, or one that --child names. */
struct table {
	const struct child *child; /* NULL: the records' own */
	struct bucket *bucket; /* for each entry of --keep (head at first: its slot), and one more */
	bool chosen;	       /* some entry of --keep is a column of it */
	struct slot *values;   /* all with a value of their own */
	char *open, *schema;   /* of a child: how a row begins, and the line that declares it */
	struct slice *key;     /* of a child: ,"name": of what it has of its parent, and of its index */
	size_t keys;
	struct seen **seen; /* of these, for --schema-out, or NULL */
};

/* The table of a child gets its key, how its rows begin and what declares it. keys: the columns that tell its parents apart. */
void	table_child(struct table *t, const struct slice *keys, size_t n);
/* The columns of its key are announced as those of this table. */
void	table_columns(struct table *t, struct schema *schema, size_t number);
void	table_release(struct table *t);

/* What a rule's column is called in the output. */
struct column_name {
	struct table *table;
	struct slice name;
};

struct tree {
	const struct rules *rules;
	struct node root;
	struct table *table; /* the records', then one for each rules->child */
	size_t buckets;	     /* of each table */
	struct schema *schema; /* that new columns are announced to, or NULL */
	char err[256];	     /* why tree_learn() failed */
	/* private */
	struct column_name *column; /* of rules->column */
	struct slice *key;	    /* of rules->child_key */
	struct node **nodes;  /* by hash */
	struct slot **slots;
	size_t chains; /* of each of these */
	size_t learnt; /* nodes */
	uint64_t seed;
};

/* rules must outlive t; zero t before. Rules that contradict each other end the process with CS_USAGE. */
void	tree_init(struct tree *t, const struct rules *rules);
void	tree_release(struct tree *t);
/* Between records: forget what was learnt when there is too much of it. */
void	tree_trim(struct tree *t);
/*
 * The child of parent with this key, made if need be; after is the child before it in this
 * record, or NULL. NULL with t->err when it can have no name.
 */
struct node *tree_learn(struct tree *t, struct node *parent, struct node *after, struct slice key);

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
