#include "next.h"

#include <inttypes.h>
#include <stdlib.h>

#include "origin.h"
#include "url.h"

static int
more_but_nothing(struct pager *p, const struct page *page)
{
	return pager_doubt(
	    p, fail(CS_PROTOCOL, "%s: the server says there is more, but not how to get it",
		   page->url.p));
}

/*
 * The server's count is reached with a page as full as any: one request more shows whether the count
 * is right, and any answer but a page of new records does.
 */
static int
at_count(struct pager *p, const struct page *page)
{
	if (page->split.before + page->split.n < p->full ||
	    (p->pages == 1 && p->o->page_size != p->full))
		return PAGER_END;
	p->probe = PROBE_COUNT;
	p->bare = true;
	return PAGER_MORE;
}

/* Page by page, of as many as the server says there are. */
static int
next_of_pages(struct pager *p, const struct page *page, uint64_t there, uint64_t n)
{
	uint64_t at = p->last_at + 1 - p->o->first_page;

	if (at < there)
		return PAGER_MORE;
	if (at == there || n == 0)
		return at_count(p, page);
	return pager_doubt(p, fail(CS_PROTOCOL,
				  "%s: the server says there are %" PRIu64
				  " pages, but there are records on the next, too",
				  page->url.p, there));
}

int
next_by_number(struct pager *p, const struct page *page, const struct signals *s, uint64_t n)
{
	const struct opts *o = p->o;

	if (s->more == 0)
		return PAGER_END;
	if (s->more == 1)
		return n == 0 && o->paginate == PAGE_OFFSET ? more_but_nothing(p, page)
							    : PAGER_MORE;
	if (s->pages != NONE)
		return next_of_pages(p, page, s->pages, n);
	if (p->total != NONE && p->received >= p->total)
		return p->received == p->total ? at_count(p, page) : PAGER_END;
	return n == 0 ? PAGER_END : PAGER_MORE;
}

/* Where a server leads, from the page at from, into url. */
static int
lead(struct pager *p, const char *from, const char *to, struct buf *url, bool *foreign)
{
	char *whole = url_resolve(from, to);
	int r;

	if (whole == NULL)
		return fail(
		    CS_PROTOCOL, "%s: the next page is at \"%s\", which is no URL", from, to);
	r = origin_check(p->o, from, whole, foreign);
	buf_clear(url);
	buf_adds(url, whole);
	if (p->auth_param != NULL)
		url_set(url, p->auth_param, NULL);
	free(whole);
	return r;
}

/* The URL of the next page into p->next. */
static int
next_url(struct pager *p, const char *from, const struct signals *s)
{
	if (s->type != JSON_STRING)
		return fail(CS_PROTOCOL, "%s: the next page is at \"%s\", which is no URL", from,
		    s->next.p);
	p->next_type = JSON_STRING;
	return lead(p, from, s->next.p, &p->next, &p->foreign);
}

int
pager_start(struct pager *p, const char *url)
{
	return lead(p, p->o->url, url, &p->base.url, &p->base.foreign);
}

/* Can it be sent? */
static int
next_cursor(struct pager *p, const struct signals *s)
{
	struct request trial = {0};
	int r;

	buf_add(&p->next, s->next.p, s->next.len);
	p->next_type = s->type;
	request_copy(&trial, &p->base);
	r = pager_put_next(p->o, &trial, p->next_type, p->next.p);
	request_release(&trial);
	return r;
}

int
next_by_token(struct pager *p, const struct page *page, const struct signals *s)
{
	const char *from = page->url.p;
	int r = 0;

	if (s->more == 0)
		return PAGER_END;
	if (s->absent && p->next.len == 0 && s->more < 0 && p->total == NONE)
		r = signals_lack(p->o, page);
	if (s->next.len == 0 && r == 0)
		return s->more == 1 ? more_but_nothing(p, page) : PAGER_END;
	if (r != 0)
		return r;
	buf_clear(&p->next);
	p->foreign = false;
	r = p->o->paginate == PAGE_CURSOR ? next_cursor(p, s) : next_url(p, from, s);
	if (r == 0 && seen_add(&p->seen, fingerprint(p->next.p, p->next.len)))
		r = pager_doubt(
		    p, fail(CS_PROTOCOL, "%s: the server leads in a circle, back to \"%s\"", from,
			   p->next.p));
	return r != 0 ? r : PAGER_MORE;
}

static int
ties(struct pager *p, const struct page *page)
{
	return pager_doubt(
	    p, fail(CS_PROTOCOL,
		   "%s: records of one --keyset %s fill a page, and there may be more of "
		   "them: say a larger --page-size",
		   page->url.p, p->o->keyset->text));
}

/* Is a page of n records as full as any? Of the first one nothing but --page-size shows it. */
static bool
is_full(const struct pager *p, uint64_t n)
{
	if (p->o->page_size > 0 && n >= p->o->page_size)
		return true;
	return n >= p->most && (p->pages > 1 || (p->o->page_size == 0 && n > 1));
}

/* What a request from the last key itself skips, unless the server is inclusive, is what is left of that key. */
int
next_by_key(struct pager *p, const struct page *page, const struct signals *s, uint64_t n,
    uint64_t fresh, bool bare)
{
	struct keyset *k = &p->keyset;
	bool was_cut = p->cut;

	p->cut = k->single && is_full(p, n);
	if (bare && was_cut && !k->inclusive)
		return ties(p, page);
	if (s->more == 0)
		return PAGER_END;
	if (n == 0 && !bare && k->last.len > 0) { /* what was asked from is gone, or all is */
		k->bare = true;
		return PAGER_MORE;
	}
	if (n == 0)
		return s->more == 1 ? more_but_nothing(p, page) : PAGER_END;
	if (fresh > 0)
		return PAGER_MORE;
	if (!bare) {
		k->bare = true;
		return PAGER_MORE;
	}
	if (s->more < 0 && (n < p->most || n == 1 || n < p->o->page_size))
		return PAGER_END;
	return ties(p, page);
}
