/*
 * What follows a page that was taken, by number, by what it says, or by its last key: PAGER_MORE, PAGER_END, or a CS_*
 * status after fail().
 */
#ifndef NEXT_H
#define NEXT_H

#include "paginate.h"
#include "signals.h"

/* n: records of the page as it came. */
int next_by_number(
    struct pager *p, const struct page *page, const struct signals *s, uint64_t n);
/* The way becomes p->next. */
int next_by_token(struct pager *p, const struct page *page, const struct signals *s);
/* fresh: of the n records had not come before; bare: asked from the last key itself. */
int next_by_key(struct pager *p, const struct page *page, const struct signals *s, uint64_t n,
    uint64_t fresh, bool bare);

#endif
