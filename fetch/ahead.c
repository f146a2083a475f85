#include "ahead.h"

#include "signals.h"

/*
 * Is nothing behind it, as far as the server's counts go? One that ends with a page as full as any will be tried by one request
 * more, see next_by_number(): *probe.
 */
static bool
is_behind(const struct pager *p, bool *probe)
{
	const struct opts *o = p->o;
	uint64_t pages = o->paginate == PAGE_PAGE ? p->at - o->first_page : 0;
	bool full = o->has_more == NULL && (o->paginate == PAGE_PAGE || p->aligned);

	if (p->total != UINT64_MAX && p->received >= p->total) {
		*probe = full && p->received == p->total;
		return true;
	}
	*probe = full && pages == p->pages_there;
	return p->pages_there > 0 && pages >= p->pages_there;
}

/*
 * The i-th request from the one to come, 0, if all pages between are as large as the first. False: there is none, or nobody
 * knows.
 */
static bool
guess(const struct pager *p, uint64_t i, struct request *q)
{
	const struct opts *o = p->o;
	struct pager then = *p;
	uint64_t step = p->full;
	bool probe;

	if (i == 0) {
		pager_request(p, q);
		return true;
	}
	if (!pager_by_number(o) || p->full == 0 || p->last < p->full || p->bare ||
	    p->probe != PROBE_NONE || p->back != 1)
		return false;
	if (o->paginate == PAGE_OFFSET && !p->aligned && p->full > 1)
		step--;
	then.at += i * (o->paginate == PAGE_OFFSET ? step : 1);
	then.received += i * step;
	if (is_behind(&then, &probe)) {
		if (!probe)
			return false;
		then.bare = true;
	}
	if ((o->max_records > 0 && then.received >= o->max_records) ||
	    (o->max_pages > 0 && p->spent + p->pages + i >= o->max_pages) ||
	    (o->max_offset > 0 && then.at > o->max_offset))
		return false;
	pager_request(&then, q);
	return true;
}

/*
 * How many pages to ask for at once. Where nothing says how many there are, twice as many as have come, unless the
 * first was as large as was asked for: a short list is not asked for what it has not.
 */
static uint64_t
most(const struct pager *p)
{
	const struct opts *o = p->o;

	if (p->total != UINT64_MAX || p->pages_there > 0 || o->parallel < 2 * p->pages ||
	    (o->page_size > 0 && p->full >= o->page_size))
		return o->parallel;
	return 2 * p->pages;
}

void
ahead_plan(struct engine *e, const struct pager *p)
{
	struct request q = {0};
	uint64_t n = most(p);

	for (uint64_t i = 0; i < n && guess(p, i, &q); i++)
		if (!engine_ahead(e, i + 1, &q, false))
			break;
	request_release(&q);
}

void
ahead_slow(struct engine *e, const struct pager *p)
{
	const struct opts *o = p->o;
	struct request q = {0};
	struct pager then = *p; /* when the first page has come, as large as was asked for */

	if ((o->total == NULL && o->total_pages == NULL) || o->max_records > 0 ||
	    o->max_pages > 0 || (o->paginate == PAGE_OFFSET && o->page_size == 0))
		return;
	then.full = then.last = then.received = o->page_size > 0 ? o->page_size : 1;
	then.at += o->paginate == PAGE_OFFSET ? o->page_size : 1;
	then.pages = 1;
	then.n_lines = then.full;
	for (uint64_t i = 0; i < o->parallel / 2 && guess(&then, i, &q); i++)
		if (!engine_ahead(e, i + 1, &q, false))
			break;
	request_release(&q);
}

void
ahead_shown(struct engine *e, const struct pager *p, struct page *page)
{
	struct request q = {0};
	struct page now = *page;
	struct buf said = {0};

	if (p->o->parallel < 2)
		return;
	/* So far it is the beginning of a JSON text: close what is open. */
	now.split.envelope = (struct buf){0};
	buf_add(&now.split.envelope, page->split.envelope.p, page->split.envelope.len);
	if (page->split.envelope.len > 0)
		buf_addc(&now.split.envelope, ']');
	for (int i = 0; i < page->split.depth && page->split.envelope.len > 0; i++)
		buf_addc(&now.split.envelope, '}');
	fail_hold(&said);
	if (pager_peek(p, &now, &q))
		engine_ahead(e, 1, &q, false);
	fail_hold(NULL);
	buf_release(&now.split.envelope);
	buf_release(&said);
	request_release(&q);
}
