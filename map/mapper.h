/*
 * One record in, the rules applied, none or more records out.
 */
#ifndef MAPPER_H
#define MAPPER_H

#include <stdbool.h>

#include "tree.h"

struct mapper {
	struct buf *out;	     /* where records go: the caller's */
	void (*done)(void *, size_t); /* called after each, with where it begins in out */
	void *arg;
	bool partial; /* the record at hand changes some columns only: no defaults for the others */
	struct buf err; /* why mapper_run() failed; UTF-8 */
	/* private */
	struct tree tree;
	struct scan scan;
	enum arrays arrays;
	uint64_t gen; /* number of the record */
	struct slot *array; /* to explode */
	struct buf tmp, piece;
};

/* m's first three members are set already. rules must outlive m. May end the process with CS_USAGE. */
void	mapper_init(struct mapper *m, const struct rules *rules);
void	mapper_release(struct mapper *m);
/* The object p[0..n), followed by BUF_PAD bytes. 0, or -1 with m->err; out may have grown then. */
int	mapper_run(struct mapper *m, const char *p, size_t n);

#endif
