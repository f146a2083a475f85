/*
 * Offsets and page numbers count in a list that may change meanwhile: has anything moved, and how far back to go.
 */
#ifndef OVERLAP_H
#define OVERLAP_H

#include "paginate.h"
#include "signals.h"

/*
 * Where nothing else shows it: rows that were deleted move the ones behind them forward, past where
 * we are: go back by as many as the total has lost. Reading a record twice is harmless, missing one is
 * not. PAGER_END: none were.
 */
int overlap_lost(struct pager *p, const struct page *page, const struct signals *s);
/* The records of the page, for the next to be joined to. */
void overlap_keep(struct pager *p, const struct page *page);
/*
 * A page that was asked for from before its place: PAGER_END when it joins the last one.
 * *again: its first record is the last one's last.
 */
int overlap_join(struct pager *p, const struct page *page, const struct signals *s, uint64_t at,
    bool *again);

#endif
