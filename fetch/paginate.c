#include "paginate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"
#include "next.h"
#include "origin.h"
#include "overlap.h"
#include "signals.h"
#include "url.h"

#define CEILING_MIN 1000 /* no server refuses offsets below */
#define EMPTIES_MAX 1000 /* pages without a record, one after the other */

bool
pager_by_number(const struct opts *o)
{
	return o->paginate == PAGE_OFFSET || o->paginate == PAGE_PAGE;
}

/* name=value pairs of the user: they take the place of all of these names that the URL has. */
static void
add_query(struct buf *url, const struct list *l)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < l->n; i++) {
			char *name = xstrndup(l->v[i].text, strcspn(l->v[i].text, "="));
			if (pass == 0)
				url_set(url, name, NULL);
			else
				url_add(url, name, l->v[i].text + strlen(name) + 1);
			free(name);
		}
}

static const char *
path_of(const struct path *path)
{
	return path != NULL ? path->text : "";
}

static uint64_t
plan(const struct pager *p)
{
	const struct opts *o = p->o;
	struct buf b = {0};
	uint64_t h;

	buf_addf(&b, "%s %s %d %" PRIu64 " %" PRIu64 " %s %s %s %s ", http_method(o), p->base.url.p,
	    o->paginate, o->page_size, o->first_page, o->limit_param.text, o->offset_param.text,
	    o->page_param.text, o->cursor_param.text);
	buf_addf(&b, "%s %d ", path_of(o->records), o->format);
	if (o->paginate == PAGE_KEYSET)
		buf_addf(&b, "%s %s ", o->keyset_param.text, path_of(o->keyset));
	buf_add(&b, o->data != NULL ? o->data : "", o->data_len);
	for (size_t i = 0; i < o->form.n; i++)
		buf_adds(&b, o->form.v[i].text);
	h = fingerprint(b.p, b.len);
	buf_release(&b);
	return h;
}

int
pager_init(struct pager *p, const struct opts *o, const char *auth_param)
{
	char n[24];
	int r = 0;

	*p = (struct pager){.o = o, .auth_param = auth_param, .total = NONE, .total_min = NONE};
	p->at = o->paginate == PAGE_PAGE ? o->first_page : 0;
	p->back = 1;
	buf_adds(&p->base.url, o->url);
	add_query(&p->base.url, &o->query);
	if (o->data_json)
		buf_add(&p->base.body, o->data, o->data_len);
	snprintf(n, sizeof(n), "%" PRIu64, o->page_size);
	if (o->page_size > 0 && o->paginate != PAGE_NONE)
		r = place_put(&o->limit_param, &p->base, JSON_NUMBER, n);
	p->plan = plan(p);
	return r;
}

int
pager_put(struct pager *p, const struct place *place, int type, const struct buf *value)
{
	return value->len > 0 ? place_put(place, &p->base, type, value->p) : 0;
}

void
pager_release(struct pager *p)
{
	request_release(&p->base);
	buf_release(&p->next);
	keyset_release(&p->keyset);
	seen_release(&p->seen);
	free(p->lines);
}

/* Where the request to come begins. */
static uint64_t
asked(const struct pager *p)
{
	if (p->o->paginate != PAGE_OFFSET || p->aligned || p->bare || p->n_lines < 2)
		return p->at;
	return p->at > p->back ? p->at - p->back : 0;
}

/* A cursor or key, and what it stands for. */
int
pager_put_next(const struct opts *o, struct request *q, int type, const char *text)
{
	const struct list *l = &o->cursor_replaces;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].text, "*") == 0)
			q->url.p[q->url.len = strcspn(q->url.p, "?#")] = '\0';
		else
			url_set(&q->url, l->v[i].text, NULL);
	return place_put(
	    o->paginate == PAGE_KEYSET ? &o->keyset_param : &o->cursor_param, q, type, text);
}

void
pager_request(const struct pager *p, struct request *q)
{
	const struct opts *o = p->o;
	const char *key;
	char n[24];
	int type;

	request_copy(q, &p->base);
	snprintf(n, sizeof(n), "%" PRIu64, asked(p));
	switch (o->paginate) {
	case PAGE_OFFSET:
		place_put(&o->offset_param, q, JSON_NUMBER, n);
		if (p->at >= CEILING_MIN)
			q->hint = "if it is the offset, --max-offset goes on behind it";
		break;
	case PAGE_PAGE:
		place_put(&o->page_param, q, JSON_NUMBER, n);
		break;
	case PAGE_CURSOR:
		if (p->next.len > 0)
			pager_put_next(o, q, p->next_type, p->next.p);
		break;
	case PAGE_KEYSET:
		if ((key = keyset_next(&p->keyset, &type)) != NULL)
			pager_put_next(o, q, type, key);
		break;
	default:
		if (p->next.len == 0)
			break;
		buf_clear(&q->url);
		buf_add(&q->url, p->next.p, p->next.len);
		q->foreign = p->foreign;
	}
}

int
pager_doubt(struct pager *p, int r)
{
	p->distrust = true;
	return r;
}

static void
note_total(struct pager *p, uint64_t total)
{
	if (total == NONE)
		return;
	p->total = total;
	if (p->total_min == NONE || total < p->total_min)
		p->total_min = total;
	if (total > p->total_max)
		p->total_max = total;
}

static int
count_matches(struct pager *p, const char *url)
{
	uint64_t least = pager_by_number(p->o) ? p->total : p->total_min;
	uint64_t most = pager_by_number(p->o) ? p->total : p->total_max;

	if (p->total == NONE || (p->received >= least && p->received <= most))
		return PAGER_END;
	return pager_doubt(p,
	    fail(CS_PROTOCOL,
		"%s: the server says there are %" PRIu64 " records, but %" PRIu64 " came%s", url,
		p->total, p->received,
		p->o->paginate == PAGE_NONE ? ": say how to get the others with --paginate" : ""));
}

/*
 * Is a page that is shorter than asked for the end, as the user says? Of the first one nothing shows that the
 * server does not give shorter pages than it was asked for: one more request does.
 */
static bool
ends_short(struct pager *p, uint64_t n)
{
	if (!p->o->stop_short || n >= p->o->page_size)
		return false;
	if (p->pages > 1 || n == 0)
		return true;
	p->probe = PROBE_SHORT;
	p->bare = true;
	return false;
}

/* n: records in it as it came; fresh: of them new, for keys; bare: asked for from the last key */
static int
decide(struct pager *p, const struct page *page, const struct signals *s, uint64_t n,
    uint64_t fresh, bool bare)
{
	const struct opts *o = p->o;

	if (o->paginate == PAGE_NONE && !page->stopped)
		signals_hint(o, page);
	if (page->stopped || o->paginate == PAGE_NONE || (o->stop_empty && n == 0) ||
	    ends_short(p, n))
		return PAGER_END;
	if (n > 0)
		p->empties = 0;
	else if (++p->empties == EMPTIES_MAX)
		return pager_doubt(p, fail(CS_PROTOCOL, "%s: %d pages in a row without a record",
					  page->url.p, EMPTIES_MAX));
	if (o->paginate == PAGE_KEYSET)
		return next_by_key(p, page, s, n, fresh, bare);
	return pager_by_number(o) ? next_by_number(p, page, s, n) : next_by_token(p, page, s);
}

/* Count the page in, which began at p->at. n: records as it came, fresh: of them new. */
static void
advance(struct pager *p, const struct page *page, uint64_t n, uint64_t fresh)
{
	const struct opts *o = p->o;

	p->last_at = p->at;
	if (p->pages == 0)
		p->full = n;
	else if (p->pages == 1 && n == p->full && n < o->page_size && !o->quiet)
		say("%s: the server gives %" PRIu64 " records a page, not %" PRIu64
		    " (--page-size)",
		    page->url.p, n, o->page_size);
	if (n > p->most)
		p->most = n;
	p->last = n;
	p->pages++;
	p->received += fresh;
	p->at += o->paginate == PAGE_OFFSET ? n : 1;
}

static void
drop_first(struct split *s)
{
	char *next = (char *)memchr(s->page.p, '\n', s->page.len) + 1;

	s->page.len -= next - s->page.p;
	memmove(s->page.p, next, s->page.len);
	s->n--;
}

/* Nothing new came where nothing was to come. */
static int
proven(struct pager *p, struct page *page)
{
	p->probe = PROBE_NONE;
	page->split.page.len = page->split.n = 0;
	return PAGER_END;
}

static int
comes_again(struct pager *p, const struct page *page)
{
	return pager_doubt(p, fail(CS_PROTOCOL,
				  "%s: the server sends a page again that came before: "
				  "it does not heed what asks for the next",
				  page->url.p));
}

/* A page in its place. */
static int
take(struct pager *p, struct page *page, const struct signals *s, bool again)
{
	const struct opts *o = p->o;
	uint64_t n = page->n, fresh = n;
	bool repeats, bare = p->keyset.bare;
	int r;

	note_total(p, s->total);
	p->hash = page->hash;
	if (s->pages != NONE)
		p->pages_there = s->pages;
	if (o->paginate == PAGE_KEYSET &&
	    (r = keyset_take(&p->keyset, o, page, p->pages + 1, &fresh)) != 0)
		return r;
	repeats =
	    fresh > 0 && seen_add(&p->seen, p->hash) && (!pager_by_number(o) || p->at >= p->high);
	if (p->probe != PROBE_NONE && (repeats || fresh == 0))
		return proven(p, page);
	if (repeats)
		return comes_again(p, page);
	if (p->probe == PROBE_SHORT)
		return pager_doubt(
		    p, fail(CS_PROTOCOL,
			   "%s: there is more after a page of %" PRIu64 " records, which is "
			   "shorter than --page-size: say --page-size %" PRIu64,
			   page->url.p, p->full, p->full));
	p->probe = PROBE_NONE;
	overlap_keep(p, page);
	advance(p, page, n, fresh);
	if (again)
		drop_first(&page->split);
	r = decide(p, page, s, n, fresh, bare);
	if (r != PAGER_MORE)
		p->probe = PROBE_NONE;
	return r;
}

static int
read_signals(const struct pager *p, struct signals *s, const struct page *page, struct http *h)
{
	const struct opts *o = p->o;
	int r = signals_read(s, o, page, h);

	if (r == 0 && o->total != NULL && !o->total_maybe && s->total == NONE && p->total == NONE)
		return fail(CS_DATA, "%s: --total %s: is not there", page->url.p, o->total->text);
	return r;
}

int
pager_take(struct pager *p, struct page *page, struct http *h)
{
	struct signals s = {.total = NONE, .pages = NONE, .more = -1};
	uint64_t at = asked(p);
	bool again = false;
	int r = page->stopped ? 0 : read_signals(p, &s, page, h);

	if (r == 0 && p->probe == PROBE_NONE)
		r = at < p->at ? overlap_join(p, page, &s, at, &again) : overlap_lost(p, page, &s);
	if (r == 0) {
		p->bare = false;
		r = take(p, page, &s, again);
		if (r == PAGER_MORE && p->o->max_offset > 0 && p->at > p->o->max_offset)
			r = PAGER_CEILING;
		if (r == PAGER_END)
			r = count_matches(p, page->url.p);
		else if (r == PAGER_MORE && p->o->max_pages > 0 &&
			 p->spent + p->pages >= p->o->max_pages && p->probe == PROBE_NONE) {
			fail(CS_PROTOCOL, "%s: there is more after --max-pages %" PRIu64,
			    page->url.p, p->o->max_pages);
			r = PAGER_CAPPED;
		}
	}
	buf_release(&s.next);
	return r;
}

bool
pager_peek(const struct pager *p, const struct page *page, struct request *q)
{
	struct pager then = *p;
	struct signals s = {0};
	bool more;

	then.next = (struct buf){0};
	then.seen = (struct seen){0};
	buf_add(&then.next, p->next.p, p->next.len);
	more = p->o->paginate != PAGE_KEYSET && p->o->paginate != PAGE_NONE &&
	       signals_read(&s, p->o, page, page->http) == 0 && s.next.len > 0 &&
	       next_by_token(&then, page, &s) == PAGER_MORE;
	if (more)
		pager_request(&then, q);
	buf_release(&s.next);
	buf_release(&then.next);
	seen_release(&then.seen);
	return more;
}

bool
pager_whole(const struct pager *p)
{
	return p->o->paginate == PAGE_KEYSET || p->o->paginate == PAGE_OFFSET ||
	       p->probe != PROBE_NONE;
}

/* Was the request for keys that the server need not know any more? */
static bool
by_key_before(const struct pager *p)
{
	return p->o->paginate == PAGE_KEYSET && !p->keyset.bare && p->keyset.last.len > 0;
}

bool
pager_tentative(const struct pager *p)
{
	return (asked(p) < p->at && !p->joined) || p->probe != PROBE_NONE || by_key_before(p);
}

int
pager_refused(struct pager *p)
{
	if (p->probe != PROBE_NONE)
		return count_matches(p, p->base.url.p);
	if (!pager_tentative(p))
		return PAGER_LOST;
	if (by_key_before(p))
		p->keyset.bare = true;
	else
		p->aligned = true;
	return PAGER_MORE;
}

bool
pager_save(const struct pager *p, struct state *s)
{
	struct buf masked = {0}, known = {0};
	const char *next = p->next.p != NULL ? p->next.p : "", *key;
	bool clean = true;
	int type = p->next_type;

	s->plan = p->plan;
	s->records = p->received;
	s->total = p->total;
	s->at = p->last_at;
	s->hash = p->hash;
	free(s->next);
	free(s->known);
	s->next = s->known = NULL;
	if (p->o->paginate == PAGE_KEYSET) {
		key = keyset_next(&p->keyset, &type);
		next = key != NULL ? key : "";
		known_format(&p->keyset.known, &known);
		s->known = buf_steal(&known);
	}
	if (!pager_by_number(p->o)) {
		mask(&masked, next, strlen(next));
		clean = masked.len > 0 && strcmp(masked.p, next) == 0;
		if (clean)
			s->next = xstrdup(next);
		s->next_type = type;
		buf_release(&masked);
	}
	return clean && p->o->paginate != PAGE_NONE;
}

bool
pager_load(struct pager *p, const struct state *s)
{
	const struct opts *o = p->o;

	if (!s->unfinished || s->plan != p->plan || pager_by_number(o) != (s->next == NULL))
		return false;
	p->received = s->records;
	p->total = p->total_min = s->total;
	p->total_max = s->total != NONE ? s->total : 0;
	p->at = s->at;
	p->hash = s->hash;
	if (pager_by_number(o))
		return true;
	if (o->paginate == PAGE_KEYSET) {
		buf_addf(&p->keyset.before, "%d%s", s->next_type, s->next);
		return s->known == NULL || known_parse(&p->keyset.known, s->known);
	}
	buf_adds(&p->next, s->next);
	p->next_type = s->next_type;
	return o->paginate == PAGE_CURSOR ||
	       (p->next_type == JSON_STRING &&
		   origin_check(o, o->url, p->next.p, &p->foreign) == 0);
}

void
pager_skip(struct pager *p, const struct page *page)
{
	seen_add(&p->seen, p->hash);
	overlap_keep(p, page);
	p->full = page->n;
	p->last_at = p->at;
	p->at += p->o->paginate == PAGE_OFFSET ? page->n : 1;
}
