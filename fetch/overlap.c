#include "overlap.h"

#include <stdlib.h>
#include <string.h>

#define STUCK_MAX 3 /* rewinds that get no further */

/* The rest has moved: go on at another place. PAGER_REWIND, or CS_PROTOCOL when that leads nowhere. */
static int
rewind_to(struct pager *p, const struct page *page, uint64_t at)
{
	if (p->at > p->high) {
		p->high = p->at;
		p->stuck = 0;
	} else if (p->back == 1 && ++p->stuck == STUCK_MAX)
		return pager_doubt(p, fail(CS_PROTOCOL,
					  "%s: the list or its total changes with every request: "
					  "sort it by what stays, and is --total all there is?",
					  page->url.p));
	if (!p->o->quiet && !p->told)
		say("rows moved while paging: going back");
	p->told = true;
	p->at = at;
	return PAGER_REWIND;
}

/*
 * Where nothing else shows it: rows that were deleted move the ones behind them forward, past where
 * we are: go back by as many as the total has lost. Reading a record twice is harmless, missing one is
 * not. PAGER_END: none were.
 */
int
overlap_lost(struct pager *p, const struct page *page, const struct signals *s)
{
	uint64_t lost, back, at, first = p->o->paginate == PAGE_PAGE ? p->o->first_page : 0;
	int r;

	if (!pager_by_number(p->o) || s->total == NONE || p->total == NONE ||
	    s->total >= p->total || p->at == first || p->full == 0)
		return PAGER_END;
	lost = p->total - s->total;
	back = p->o->paginate == PAGE_OFFSET ? lost : (lost + p->full - 1) / p->full;
	at = p->at - first > back ? p->at - back : first;
	if ((r = rewind_to(p, page, at)) != PAGER_REWIND)
		return r;
	p->received = p->o->paginate == PAGE_OFFSET ? at : (at - first) * p->full;
	p->total = p->total_min = s->total;
	return r;
}

/* The records of the page, for the next to be joined to. */
void
overlap_keep(struct pager *p, const struct page *page)
{
	const char *line = page->split.page.p, *end = line + page->split.page.len, *nl;

	if (p->o->paginate != PAGE_OFFSET || page->split.n == 0)
		return;
	if (page->split.n > p->cap_lines) {
		p->cap_lines = page->split.n;
		free(p->lines);
		p->lines = xcalloc(p->cap_lines, sizeof(*p->lines));
	}
	for (p->n_lines = 0; line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		p->lines[p->n_lines++] = fingerprint(line, nl - line);
	}
}

/* Is any record of the page one of the page before? The first of it, most often the last of that. */
static bool
joins(const struct pager *p, const struct page *page)
{
	struct seen before = {0};
	const char *line = page->split.page.p, *end = line + page->split.page.len, *nl;
	bool found = false;

	for (size_t i = 0; i < p->n_lines; i++)
		seen_add(&before, p->lines[i]);
	for (; !found && line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		found = seen_has(&before, fingerprint(line, nl - line));
	}
	seen_release(&before);
	return found;
}

/*
 * A page that was asked for from before its place: PAGER_END when it joins the last one.
 * *again: its first record is the last one's last.
 */
int
overlap_join(
    struct pager *p, const struct page *page, const struct signals *s, uint64_t at, bool *again)
{
	const struct buf *b = &page->split.page;
	const char *nl = page->split.n > 0 ? memchr(b->p, '\n', b->len) : b->p;
	int r;

	*again = p->back == 1 && page->split.n > 0 &&
		 fingerprint(b->p, nl - b->p) == p->lines[p->n_lines - 1];
	if (page->stopped || (*again && page->split.n == 1)) {
		p->bare = true; /* is that all? */
		return PAGER_REWIND;
	}
	if (!*again && p->back == 1 && !p->joined && fingerprint(b->p, b->len) == p->hash) {
		p->aligned = true;
		return PAGER_REWIND;
	}
	if (!*again && at > 0 && !joins(p, page)) {
		if ((r = rewind_to(p, page, p->at)) == PAGER_REWIND)
			p->back = p->back == 1 ? p->n_lines / 2 + 1 : 2 * p->back;
		return r;
	}
	if (*again && at - p->last_at > 1 && s->total != NONE && p->total != NONE &&
	    s->total + (at - p->last_at) == p->total)
		return pager_doubt(
		    p, fail(CS_PROTOCOL, "%s: --total %s counts what remains, not what there is",
			   page->url.p, p->o->total->text));
	p->joined = true;
	p->at = p->received = at;
	p->back = 1;
	return PAGER_END;
}
