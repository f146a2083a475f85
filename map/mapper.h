/*
 * One record in, the rules applied, none or more records out.
 */
#ifndef MAPPER_H
#define MAPPER_H

#include <stdbool.h>

#include "schema.h"
#include "tree.h"

struct mapper {
	struct buf *out;	     /* where records go: the caller's */
	/* Called after each, with where it begins in out; a row of a table of its own has its tag already. */
	void (*done)(void *, size_t, bool tagged);
	void *arg;
	struct schema *schema; /* to be told of what is written, or NULL */
	bool partial; /* the record at hand changes some columns only: no defaults for the others */
	bool childless; /* nor are there rows of its arrays */
	struct buf err; /* why mapper_run() failed; UTF-8 */
	/* private */
	struct tree tree;
	struct scan scan;
	enum arrays arrays;
	uint64_t serial; /* of members of objects, over all records */
	uint64_t start;	 /* what it was when the record began */
	bool doubles;	 /* some key of the record came twice */
	struct slot *array; /* to explode */
	struct pending *pending; /* arrays that give rows */
	size_t pendings, pending_cap;
	struct span *key; /* of the row at hand and those it is in: values in keys */
	struct buf keys;
	size_t tables;
	bool *declared, *declared_before, declaring; /* tables of --child, on the stream */
	struct buf tmp, piece;
};

/* m's first members are set already, the others zero. rules must outlive m. May end the process with CS_USAGE. */
void	mapper_init(struct mapper *m, const struct rules *rules);
void	mapper_release(struct mapper *m);
/* The object p[0..n), followed by BUF_PAD bytes. 0, or -1 with m->err; out may have grown then. */
int	mapper_run(struct mapper *m, const char *p, size_t n);
/* What is in out goes through, or none of it. */
void	mapper_commit(struct mapper *m);
void	mapper_rollback(struct mapper *m);

#endif
