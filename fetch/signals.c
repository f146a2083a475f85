#include "signals.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "link.h"
#include "scan.h"
#include "secret.h"

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
		if (strcasecmp(b.p, "true") == 0 || strcmp(b.p, "1") == 0)
			*more = 1;
		else if (strcasecmp(b.p, "false") == 0 || strcmp(b.p, "0") == 0)
			*more = 0;
		else
			r = fail(CS_DATA, "%s: --has-more %s: %s", page->url.p, path->text,
			    type == 0 ? "is not there" : "is not true or false");
	}
	buf_release(&b);
	return r;
}

/* null, false, "", {}, and 0 or "0", which is how many an API says that there is no next cursor: no page
 * but the first is at 0. */
static bool
is_nothing(int type, const struct buf *b)
{
	switch (type) {
	case JSON_NULL:
	case JSON_FALSE:
		return true;
	case JSON_NUMBER:
	case JSON_STRING:
		return b->len == 0 || strcmp(b->p, "0") == 0;
	default:
		return strcmp(b->p, "{}") == 0 || strcmp(b->p, "[]") == 0;
	}
}

static int
read_token(struct signals *s, const struct page *page, struct http *h, const struct path *path,
    const char *option)
{
	int r = read_path(page, h, path, option, &s->next, &s->type);

	if (r != 0)
		return r;
	s->absent = s->type == 0;
	if (is_nothing(s->type, &s->next))
		buf_clear(&s->next);
	if (s->type == JSON_TRUE)
		return fail(CS_DATA, "%s: %s %s: is neither text, number nor object", page->url.p,
		    option, path->text);
	for (size_t i = 0; i < s->next.len; i++)
		if ((unsigned char)s->next.p[i] < ' ' || s->next.p[i] == 0x7f)
			return fail(CS_DATA, "%s: %s %s: holds a control character", page->url.p,
			    option, path->text);
	return 0;
}

static void
read_link(struct signals *s, const struct page *page, struct http *h)
{
	const char *field;
	struct slice target;

	s->type = JSON_STRING;
	for (size_t i = 0; (field = http_field(h, "link", i)) != NULL; i++)
		if (link_find(field, "next", &target)) {
			if (target.n > 0)
				buf_add(&s->next, target.p, target.n);
			else /* an empty reference is the page itself */
				buf_add(&s->next, page->url.p, page->url.len);
			return;
		}
}

/* Where an answer may be one of errors although its status is 200. */
static int
refuse_errors(const struct opts *o, const struct page *page, struct http *h)
{
	struct buf b = {0};
	int type, r;

	if (o->errors == NULL)
		return 0;
	r = read_path(page, h, o->errors, "--paginate graphql", &b, &type);
	if (r == 0 && type > JSON_NULL && strcmp(b.p, "[]") != 0)
		r = fail(CS_DATA, "%s: the answer has errors: %.*s", page->url.p,
		    b.len > 300 ? 300 : (int)b.len, b.p);
	buf_release(&b);
	return r;
}

int
signals_read(struct signals *s, const struct opts *o, const struct page *page, struct http *h)
{
	int r;

	*s = (struct signals){.total = NONE, .pages = NONE, .more = -1};
	if ((r = refuse_errors(o, page, h)) != 0 ||
	    (r = read_count(page, h, o->total, "--total", &s->total)) != 0 ||
	    (r = read_count(page, h, o->total_pages, "--total-pages", &s->pages)) != 0 ||
	    (r = read_more(page, h, o->has_more, &s->more)) != 0)
		return r;
	if (o->paginate == PAGE_CURSOR)
		return read_token(s, page, h, o->cursor_path, "--cursor-path");
	if (o->paginate == PAGE_NEXT_URL)
		return read_token(s, page, h, o->next, "--next");
	if (o->paginate == PAGE_LINK)
		read_link(s, page, h);
	return 0;
}

/* Does a member of this name lead on, in most APIs? */
static bool
leads(struct slice key)
{
	static const char *const part[] = {"next", "cursor", "scroll", "continuation", "bookmark",
	    "hasmore", "has_more", "pagetoken", "page_token", "lastevaluatedkey"};
	static const char *const not [] = {"prev", "start", "self", "current", "first"};
	char *name = xstrndup(key.p, key.n);
	bool is = strcasecmp(name, "after") == 0 || strcasecmp(name, "marker") == 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++)
		is |= strcasestr(name, part[i]) != NULL;
	for (size_t i = 0; i < sizeof(not ) / sizeof(*not ); i++)
		is &= strcasestr(name, not [i]) == NULL;
	free(name);
	return is;
}

/* s is at a value: walk all of it. True when a member that leads on was found, its path in where. */
static bool
find_lead(struct scan *s, struct buf *where)
{
	struct slice key;
	struct value v;
	struct buf text = {0};
	bool found = false;
	size_t at = where->len;

	switch (scan_type(s)) {
	case JSON_OBJECT:
		scan_enter(s);
		while (!found && scan_key(s, &key) > 0) {
			bool lead = leads(key);

			where->len = at;
			buf_addc(where, '.');
			buf_add(where, key.p, key.n);
			if (!lead || scan_type(s) == JSON_OBJECT) {
				found = find_lead(s, where);
				continue;
			}
			scan_value(s, &v);
			buf_clear(&text);
			buf_add(&text, v.p + (v.type == JSON_STRING),
			    v.n - 2 * (v.type == JSON_STRING));
			found = v.type != JSON_ARRAY && !is_nothing(v.type, &text);
		}
		break;
	default:
		scan_value(s, &v);
	}
	buf_release(&text);
	return found;
}

/* The path of what leads on, beside the records. */
static bool
find_beside(const struct page *page, struct buf *where)
{
	const struct buf *json = &page->split.envelope;
	struct scan s = {0};
	size_t bom = json->len >= 3 && memcmp(json->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	bool found;

	scan_init(&s, json->p != NULL ? json->p + bom : "", json->len - bom);
	found = json->len > 0 && find_lead(&s, where);
	if (found)
		make_plain(where->p, where->len);
	scan_release(&s);
	return found;
}

int
signals_lack(const struct opts *o, const struct page *page)
{
	const struct path *path = o->paginate == PAGE_CURSOR ? o->cursor_path : o->next;
	const char *option = o->paginate == PAGE_CURSOR ? "--cursor-path" : "--next";
	struct buf where = {0};
	int r = 0;

	if (path == NULL || o->next_sure)
		return 0;
	if (find_beside(page, &where)) {
		r = fail(CS_DATA, "%s: %s %s: is not there, but %s is", page->url.p, option,
		    path->text, where.p);
	} else if (page->n == 0 || (o->stop_short && page->n < o->page_size))
		;
	else if (page->n >= o->page_size)
		r = fail(CS_DATA,
		    "%s: %s %s: is not there: if the only page may lack it, "
		    "say --page-size, --total or --has-more",
		    page->url.p, option, path->text);
	else if (!o->quiet)
		say("%s: %s %s: is not there: taken for the only page", page->url.p, option,
		    path->text);
	buf_release(&where);
	return r;
}

void
signals_hint(const struct opts *o, const struct page *page)
{
	static bool told;
	struct buf where = {0};

	if (told || o->quiet || o->paginate_said || o->max_records > 0 ||
	    (o->records != NULL && o->records->jq != NULL))
		return;
	told = find_beside(page, &where);
	if (told)
		say("%s: one page was asked for, and %s may lead to another: say --paginate, or "
		    "--paginate none",
		    page->url.p, where.p);
	buf_release(&where);
}
