/*
 * The cursor of an incremental sync: a value in each record that grows with every change.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "instant.h"
#include "opts.h"
#include "split.h"
#include "state.h"

/* A cursor value, as text and parsed. */
struct mark {
	struct buf text; /* empty: none */
	struct instant time;
	char mem[INSTANT_MAX];
};

struct cursor {
	const struct opts *o;
	struct mark since; /* where this run begins, lookback taken off; inclusive */
	struct mark max;   /* largest so far, of this run and those before */
	struct mark last;  /* of the record before */
	struct mark first; /* largest of the first page and the runs before; what changes later is larger */
	struct mark safe;
	bool more; /* a first page was */
	bool ascending;    /* all records so far were */
	uint64_t dropped;  /* by --client-filter */
};

/*
 * Begin a run from the state (or, with full, from nothing); an unfinished run keeps its own beginning.
 * 0, or a CS_* status after fail().
 */
int cursor_init(struct cursor *c, const struct opts *o, const struct state *s);
void cursor_release(struct cursor *c);
/* The value for --since-param, or 0 bytes when everything is wanted; as JSON it is of the type. */
int cursor_param(const struct cursor *c, struct buf *out);
int cursor_param_type(const struct opts *o);
/*
 * Look at the records of a page; with --client-filter those before since are taken out of it. page: for messages, from 1.
 * 0, or CS_DATA after fail() for a record without a cursor.
 */
int cursor_page(struct cursor *c, struct split *s, uint64_t page);
/* The next page may hold records from before the last one: that says nothing of the order. */
void cursor_rewind(struct cursor *c);
/*
 * What a later run may begin with when this one is complete, or, in order, has come so far. before: what this
 * one began with; started: the server's clock then, or -1. Owned by c; NULL: none yet.
 */
const char *cursor_safe(struct cursor *c, const char *before, int64_t started);

#endif
