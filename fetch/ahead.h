/*
 * Asking for pages before their turn: --parallel.
 *
 * It is guesswork: the engine uses what was asked for when the pager, which alone knows, comes to ask for the very same,
 * and gives it up otherwise. So what is written does not depend on how much is in flight.
 */
#ifndef AHEAD_H
#define AHEAD_H

#include "engine.h"
#include "paginate.h"

/* The pager has come to its next page, but not asked yet: ask for that one and, by number, those behind. */
void ahead_plan(struct engine *e, const struct pager *p);
/*
 * By number: the first page lets wait for itself. Where the server will say how many there are, ask for half of what may be in
 * flight beside it: what a short list is asked for in vain is less than what a long one would wait for.
 */
void ahead_slow(struct engine *e, const struct pager *p);
/* By token: the page that p waits for shows what leads to the next: ask for that one. */
void ahead_shown(struct engine *e, const struct pager *p, struct page *page);

#endif
