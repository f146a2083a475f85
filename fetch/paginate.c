#include "paginate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "origin.h"
#include "url.h"

#define NONE        UINT64_MAX
#define EMPTIES_MAX 1000 /* pages without a record, one after the other */
#define STUCK_MAX   3    /* rewinds that get no further */

static bool
by_number(const struct opts *o)
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

static uint64_t
plan(const struct pager *p)
{
	const struct opts *o = p->o;
	struct buf b = {0};
	uint64_t h;

	buf_addf(&b, "%s %s %d %" PRIu64 " %" PRIu64 " %s %s %s %s ", http_method(o), p->base.p,
	    o->paginate, o->page_size, o->first_page, o->limit_param, o->offset_param,
	    o->page_param, o->cursor_param);
	buf_addf(&b, "%s %d ", o->records != NULL ? o->records->text : "", o->format);
	buf_add(&b, o->data != NULL ? o->data : "", o->data_len);
	for (size_t i = 0; i < o->form.n; i++)
		buf_adds(&b, o->form.v[i].text);
	h = fingerprint(b.p, b.len);
	buf_release(&b);
	return h;
}

void
pager_init(struct pager *p, const struct opts *o, const char *auth_param, const char *since)
{
	char n[24];

	*p = (struct pager){.o = o, .auth_param = auth_param, .total = NONE, .total_min = NONE};
	p->at = o->paginate == PAGE_PAGE ? o->first_page : 0;
	p->back = 1;
	buf_adds(&p->base, o->url);
	add_query(&p->base, &o->query);
	if (o->page_size > 0 && o->paginate != PAGE_NONE) {
		snprintf(n, sizeof(n), "%" PRIu64, o->page_size);
		url_set(&p->base, o->limit_param, n);
	}
	p->plan = plan(p);
	if (*since != '\0')
		url_set(&p->base, o->since_param, since);
}

void
pager_release(struct pager *p)
{
	buf_release(&p->base);
	buf_release(&p->next);
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

/* An object for a cursor: each member is a parameter. */
static void
add_members(struct buf *url, const struct buf *object)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	struct buf text = {0};

	scan_init(&s, object->p, object->len);
	scan_enter(&s);
	while (scan_key(&s, &key) > 0) {
		char *name = xstrndup(key.p, key.n);
		buf_clear(&text);
		buf_adds(&text, "");
		if (scan_value(&s, &v) == 0) {
			if (v.type != JSON_STRING)
				buf_add(&text, v.p, v.n);
			else
				json_unescape(&text, v.p + 1, v.n - 2);
			url_set(url, name, text.p);
		}
		free(name);
	}
	scan_release(&s);
	buf_release(&text);
}

static void
add_cursor(const struct pager *p, struct request *q)
{
	const char *param = p->o->cursor_param;

	if (p->next_object)
		add_members(&q->url, &p->next);
	else if (strncmp(param, "header:", 7) == 0)
		buf_addf(&q->cursor_header, "%s: %s", param + 7, p->next.p);
	else
		url_set(&q->url, param, p->next.p);
}

void
pager_request(const struct pager *p, struct request *q)
{
	const struct opts *o = p->o;
	bool is_url = p->next.len > 0 && o->paginate != PAGE_CURSOR;
	char n[24];

	buf_clear(&q->url);
	buf_clear(&q->cursor_header);
	q->foreign = is_url && p->foreign;
	buf_adds(&q->url, is_url ? p->next.p : p->base.p);
	snprintf(n, sizeof(n), "%" PRIu64, asked(p));
	if (o->paginate == PAGE_OFFSET)
		url_set(&q->url, o->offset_param, n);
	else if (o->paginate == PAGE_PAGE)
		url_set(&q->url, o->page_param, n);
	else if (o->paginate == PAGE_CURSOR && p->next.len > 0)
		add_cursor(p, q);
}

/* What a page says of itself. */
struct signals {
	uint64_t total, pages; /* NONE: does not say */
	int more;              /* -1: does not say */
	struct buf next;       /* empty: there is none */
	bool object, absent;   /* next is an object; is not there, and not even null */
};

static int
read_path(const struct page *page, struct http *h, const struct path *path, const char *option,
    struct buf *out, int *type)
{
	const char *err;

	buf_clear(out);
	buf_adds(out, "");
	*type = page_text(page, h, path, out, &err);
	if (*type < 0)
		return fail(CS_DATA, "%s: %s %s: %s", page->url.p, option, path->text, err);
	return 0;
}

static int
read_count(const struct page *page, struct http *h, const struct path *path, const char *option,
    uint64_t *n)
{
	struct buf b = {0};
	char *end;
	int type, r;

	if (path == NULL)
		return 0;
	r = read_path(page, h, path, option, &b, &type);
	if (r == 0 && type > JSON_NULL) {
		*n = strtoull(b.p, &end, 10);
		if ((type != JSON_NUMBER && type != JSON_STRING) || *b.p < '0' || *b.p > '9' ||
		    *end != '\0')
			r = fail(CS_DATA, "%s: %s %s: \"%s\" is not a whole number", page->url.p,
			    option, path->text, b.p);
	}
	buf_release(&b);
	return r;
}

static int
read_more(const struct page *page, struct http *h, const struct path *path, int *more)
{
	struct buf b = {0};
	int type, r;

	if (path == NULL)
		return 0;
	r = read_path(page, h, path, "--has-more", &b, &type);
	if (r == 0) {
		if (strcmp(b.p, "true") == 0 || strcmp(b.p, "1") == 0)
			*more = 1;
		else if (strcmp(b.p, "false") == 0 || strcmp(b.p, "0") == 0)
			*more = 0;
		else
			r = fail(CS_DATA, "%s: --has-more %s: %s", page->url.p, path->text,
			    type == 0 ? "is not there" : "is not true or false");
	}
	buf_release(&b);
	return r;
}

static int
read_token(const struct page *page, struct http *h, const struct path *path, const char *option,
    struct signals *s)
{
	int type, r = read_path(page, h, path, option, &s->next, &type);

	if (r != 0)
		return r;
	s->object = type == JSON_OBJECT;
	s->absent = type == 0;
	if (type == JSON_NULL || type == JSON_FALSE || (s->object && strcmp(s->next.p, "{}") == 0))
		buf_clear(&s->next);
	if (type == JSON_TRUE || type == JSON_ARRAY)
		return fail(CS_DATA, "%s: %s %s: is neither text, number nor object", page->url.p,
		    option, path->text);
	for (size_t i = 0; i < s->next.len; i++)
		if ((unsigned char)s->next.p[i] < ' ' || s->next.p[i] == 0x7f)
			return fail(CS_DATA, "%s: %s %s: holds a control character", page->url.p,
			    option, path->text);
	return 0;
}

static void
read_link(const struct page *page, struct http *h, struct signals *s)
{
	const char *field;
	struct slice target;

	for (size_t i = 0; (field = http_field(h, "link", i)) != NULL; i++)
		if (link_find(field, "next", &target)) {
			if (target.n > 0)
				buf_add(&s->next, target.p, target.n);
			else /* an empty reference is the page itself */
				buf_add(&s->next, page->url.p, page->url.len);
			return;
		}
}

static int
read_signals(const struct pager *p, const struct page *page, struct http *h, struct signals *s)
{
	const struct opts *o = p->o;
	int r;

	*s = (struct signals){.total = NONE, .pages = NONE, .more = -1};
	if ((r = read_count(page, h, o->total, "--total", &s->total)) != 0 ||
	    (r = read_count(page, h, o->total_pages, "--total-pages", &s->pages)) != 0 ||
	    (r = read_more(page, h, o->has_more, &s->more)) != 0)
		return r;
	if (o->total != NULL && s->total == NONE && p->total == NONE)
		return fail(CS_DATA, "%s: --total %s: is not there", page->url.p, o->total->text);
	if (o->paginate == PAGE_CURSOR)
		return read_token(page, h, o->cursor_path, "--cursor-path", s);
	if (o->paginate == PAGE_NEXT_URL)
		return read_token(page, h, o->next, "--next", s);
	if (o->paginate == PAGE_LINK)
		read_link(page, h, s);
	return 0;
}

static int
doubt(struct pager *p, int r)
{
	p->distrust = true;
	return r;
}

/* The rest has moved: go on at another place. PAGER_REWIND, or CS_PROTOCOL when that leads nowhere. */
static int
rewind_to(struct pager *p, const struct page *page, uint64_t at)
{
	if (p->at > p->high) {
		p->high = p->at;
		p->stuck = 0;
	} else if (p->back == 1 && ++p->stuck == STUCK_MAX)
		return doubt(p, fail(CS_PROTOCOL,
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
static int
lost_rows(struct pager *p, const struct page *page, const struct signals *s)
{
	uint64_t lost, back, at, first = p->o->paginate == PAGE_PAGE ? p->o->first_page : 0;
	int r;

	if (!by_number(p->o) || s->total == NONE || p->total == NONE || s->total >= p->total ||
	    p->at == first || p->full == 0)
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
static void
keep_lines(struct pager *p, const struct page *page)
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
static int
join(struct pager *p, const struct page *page, const struct signals *s, uint64_t at, bool *again)
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
		return doubt(
		    p, fail(CS_PROTOCOL, "%s: --total %s counts what remains, not what there is",
			   page->url.p, p->o->total->text));
	p->joined = true;
	p->at = p->received = at;
	p->back = 1;
	return PAGER_END;
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
count_matches(struct pager *p, const struct page *page)
{
	uint64_t least = by_number(p->o) ? p->total : p->total_min;
	uint64_t most = by_number(p->o) ? p->total : p->total_max;

	if (p->total == NONE || (p->received >= least && p->received <= most))
		return PAGER_END;
	return doubt(p,
	    fail(CS_PROTOCOL,
		"%s: the server says there are %" PRIu64 " records, but %" PRIu64 " came%s",
		page->url.p, p->total, p->received,
		p->o->paginate == PAGE_NONE ? ": say how to get the others with --paginate" : ""));
}

static int
more_but_nothing(struct pager *p, const struct page *page)
{
	return doubt(
	    p, fail(CS_PROTOCOL, "%s: the server says there is more, but not how to get it",
		   page->url.p));
}

/* PAGER_MORE or PAGER_END by numbers. */
static int
go_on_number(struct pager *p, const struct page *page, const struct signals *s)
{
	const struct opts *o = p->o;
	bool empty = page->split.n == 0;

	if (s->more == 0)
		return PAGER_END;
	if (s->more == 1)
		return empty && o->paginate == PAGE_OFFSET ? more_but_nothing(p, page) : PAGER_MORE;
	if (s->pages != NONE)
		return p->last_at + 1 - o->first_page < s->pages ? PAGER_MORE : PAGER_END;
	if (p->total != NONE && p->received >= p->total)
		return PAGER_END;
	return empty ? PAGER_END : PAGER_MORE;
}

/* The same for what leads from page to page; the way becomes p->next. */
static int
go_on_token(struct pager *p, const struct page *page, const struct signals *s)
{
	char *url = NULL;
	const char *from = page->url.p;
	bool foreign = false;
	int r = 0;

	if (s->more == 0)
		return PAGER_END;
	if (s->absent && p->next.len == 0 && s->more < 0 && p->total == NONE)
		r = page_lacks_next(page, p->o);
	if (s->next.len == 0 && r == 0)
		return s->more == 1 ? more_but_nothing(p, page) : PAGER_END;
	if (r != 0)
		return r;
	buf_clear(&p->next);
	p->next_object = s->object;
	if (p->o->paginate == PAGE_CURSOR)
		buf_add(&p->next, s->next.p, s->next.len);
	else if (s->object || (url = url_resolve(from, s->next.p)) == NULL)
		r = fail(CS_PROTOCOL, "%s: the next page is at \"%s\", which is no URL", from,
		    s->next.p);
	else {
		r = origin_check(p->o, from, url, &foreign);
		buf_adds(&p->next, url);
		if (p->auth_param != NULL)
			url_set(&p->next, p->auth_param, NULL);
	}
	free(url);
	p->foreign = foreign;
	if (r == 0 && seen_add(&p->seen, fingerprint(p->next.p, p->next.len)))
		r = doubt(p, fail(CS_PROTOCOL, "%s: the server leads in a circle, back to \"%s\"",
				 from, p->next.p));
	return r != 0 ? r : PAGER_MORE;
}

/* n: records in it, with the one that came before */
static int
decide(struct pager *p, const struct page *page, const struct signals *s, uint64_t n)
{
	const struct opts *o = p->o;

	if (page->stopped || o->paginate == PAGE_NONE || (o->stop_empty && n == 0) ||
	    (o->stop_short && n < o->page_size))
		return PAGER_END;
	if (n > 0)
		p->empties = 0;
	else if (++p->empties == EMPTIES_MAX)
		return doubt(p, fail(CS_PROTOCOL, "%s: %d pages in a row without a record",
				    page->url.p, EMPTIES_MAX));
	return by_number(o) ? go_on_number(p, page, s) : go_on_token(p, page, s);
}

/* Count the page in, which began at p->at. */
static void
advance(struct pager *p, const struct page *page)
{
	p->last_at = p->at;
	if (p->pages == 0)
		p->full = page->split.n;
	p->pages++;
	p->received += page->split.n;
	p->at += p->o->paginate == PAGE_OFFSET ? page->split.n : 1;
}

static void
drop_first(struct split *s)
{
	char *next = (char *)memchr(s->page.p, '\n', s->page.len) + 1;

	s->page.len -= next - s->page.p;
	memmove(s->page.p, next, s->page.len);
	s->n--;
}

/* A page in its place. */
static int
take(struct pager *p, struct page *page, const struct signals *s, bool again)
{
	uint64_t n = page->split.n;
	bool repeats;

	note_total(p, s->total);
	p->hash = fingerprint(page->split.page.p, page->split.page.len);
	repeats = n > 0 && seen_add(&p->seen, p->hash) && (!by_number(p->o) || p->at >= p->high);
	if (repeats)
		return doubt(p, fail(CS_PROTOCOL,
				    "%s: the server sends a page again that came before: "
				    "it does not heed what asks for the next",
				    page->url.p));
	keep_lines(p, page);
	advance(p, page);
	if (again)
		drop_first(&page->split);
	return decide(p, page, s, n);
}

int
pager_take(struct pager *p, struct page *page, struct http *h)
{
	struct signals s = {.total = NONE, .pages = NONE, .more = -1};
	uint64_t at = asked(p);
	bool again = false;
	int r = page->stopped ? 0 : read_signals(p, page, h, &s);

	if (r == 0)
		r = at < p->at ? join(p, page, &s, at, &again) : lost_rows(p, page, &s);
	if (r == 0) {
		p->bare = false;
		r = take(p, page, &s, again);
		if (r == PAGER_END)
			r = count_matches(p, page);
		else if (r == PAGER_MORE && p->o->max_pages > 0 && p->pages >= p->o->max_pages) {
			fail(CS_PROTOCOL, "%s: there is more after --max-pages %" PRIu64,
			    page->url.p, p->o->max_pages);
			r = PAGER_CAPPED;
		}
	}
	buf_release(&s.next);
	return r;
}

bool
pager_tentative(const struct pager *p)
{
	return asked(p) < p->at && !p->joined;
}

bool
pager_refused(struct pager *p)
{
	if (!pager_tentative(p))
		return false;
	p->aligned = true;
	return true;
}

bool
pager_save(const struct pager *p, struct state *s)
{
	struct buf masked = {0};
	bool clean = true;

	s->plan = p->plan;
	s->records = p->received;
	s->total = p->total;
	s->at = p->last_at;
	s->hash = p->hash;
	free(s->next);
	s->next = NULL;
	if (!by_number(p->o)) {
		mask(&masked, p->next.p != NULL ? p->next.p : "", p->next.len);
		clean = p->next.len > 0 && masked.len == p->next.len &&
			memcmp(masked.p, p->next.p, masked.len) == 0;
		if (clean)
			s->next = xstrdup(p->next.p);
		s->next_object = p->next_object;
		buf_release(&masked);
	}
	return clean && p->o->paginate != PAGE_NONE;
}

static bool
valid_object(const struct buf *b)
{
	struct value v;
	const char *err;

	return scan_text(b->p, b->len, &v, &err) == 0 && v.type == JSON_OBJECT;
}

bool
pager_load(struct pager *p, const struct state *s)
{
	if (!s->unfinished || s->plan != p->plan || by_number(p->o) != (s->next == NULL))
		return false;
	p->received = s->records;
	p->total = p->total_min = s->total;
	p->total_max = s->total != NONE ? s->total : 0;
	p->at = s->at;
	p->hash = s->hash;
	if (by_number(p->o))
		return true;
	buf_adds(&p->next, s->next);
	p->next_object = s->next_object;
	return p->o->paginate == PAGE_CURSOR
		   ? !p->next_object || valid_object(&p->next)
		   : origin_check(p->o, p->o->url, p->next.p, &p->foreign) == 0;
}

void
pager_skip(struct pager *p, const struct page *page)
{
	seen_add(&p->seen, p->hash);
	keep_lines(p, page);
	p->full = page->split.n;
	p->last_at = p->at;
	p->at += p->o->paginate == PAGE_OFFSET ? page->split.n : 1;
}
