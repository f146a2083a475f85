/*
 * The cursor of an incremental sync: a value in each record that grows with every change.
 */
#ifndef CURSOR_H
#define CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "keyset.h"
#include "mark.h"
#include "split.h"
#include "state.h"

struct cursor {
	const struct opts *o;
	struct mark since; /* where this run begins, lookback taken off; inclusive */
	struct mark max;   /* largest so far, of this run and those before */
	struct mark last;  /* of the record before */
	struct mark first; /* largest of the first page and the runs before; what changes later is larger */
	struct mark until; /* of the window, exclusive; or what --until-param says; empty: neither */
	struct mark safe;
	struct known ties;     /* the records at max, for --max-offset */
	struct known anchored; /* those at since, which were sent before it was moved there */
	bool more; /* a first page was */
	bool ascending, descending; /* all records so far were */
	bool last_window, ends; /* ends: where --end says, and what is behind that is not wanted */
	uint64_t dropped;  /* by --client-filter */
};

/*
 * Begin a run from the state (or, with full, from nothing); an unfinished run keeps its own beginning.
 * 0, or a CS_* status after fail().
 */
int cursor_init(struct cursor *c, const struct opts *o, const struct state *s);
void cursor_release(struct cursor *c);
/* What an unfinished run needs to go on. */
void cursor_save(const struct cursor *c, struct state *s);
/* A value for --since-param or --until-param, 0 bytes when there is none; as JSON it is of the type. */
int cursor_param(const struct opts *o, const struct mark *m, struct buf *out);
int cursor_param_type(const struct opts *o);
/*
 * Look at the records of a page; with --client-filter those before since are taken out of it. page: for messages, from 1.
 * 0, or CS_DATA after fail() for a record without a cursor.
 */
int cursor_page(struct cursor *c, struct split *s, uint64_t page);
/* The rest of a feed that was descending the last time, and is, is older than all that is wanted. */
bool cursor_past(const struct cursor *c, const struct state *s);
/* Begin again at the largest so far, which all before it have come. False: not known, or no further. */
bool cursor_anchor(struct cursor *c);
/* The next page may hold records from before the last one: that says nothing of the order. */
void cursor_rewind(struct cursor *c);
/*
 * What a later run may begin with when this one is complete, or, in order, has come so far. before: what this
 * one began with; started: the server's clock then, or -1. Owned by c; NULL: none yet.
 */
const char *cursor_safe(struct cursor *c, const char *before, int64_t started);

/* --window: the one at since; is it the last; the next; and what is complete when one is. started: as above */
void window_set(struct cursor *c, int64_t now);
void window_resume(struct cursor *c, int64_t started); /* c->until is that of the run before */
bool window_last(const struct cursor *c, int64_t started);
void window_next(struct cursor *c, int64_t started);
const char *window_safe(struct cursor *c, const char *before, int64_t started);

#endif
