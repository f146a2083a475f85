/* --detect: ask an API that nobody has described once, and print the options that it seems to need. */
#include "run.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "job.h"
#include "lines.h"
#include "link.h"
#include "quota.h"
#include "shape.h"
#include "stop.h"
#include "url.h"

#define TEXT   (1u << JSON_STRING)
#define NUMBER (1u << JSON_NUMBER)
#define TRUTH  (1u << JSON_TRUE | 1u << JSON_FALSE)
#define NONE   (1u << JSON_NULL)

/* What is being written: options first, then what people may want to know. */
struct report {
	const struct opts *o;
	struct http *http;
	struct shape shape;
	struct buf options, notes;
};

static void
option(struct report *r, const char *name, const char *value)
{
	buf_addf(&r->options, " --%s ", name);
	shell_word(&r->options, value);
}

static void
line(struct report *r)
{
	buf_adds(&r->options, " \\\n   ");
}

static void __attribute__((format(printf, 2, 3))) note(struct report *r, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		make_plain(text, strlen(text));
		buf_addf(&r->notes, "# %s\n", text);
		free(text);
	}
	va_end(ap);
}

static const struct hint *
hint(const struct report *r, unsigned types, const char *const *names)
{
	return shape_hint(&r->shape, names, types);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The first of the names that is a parameter of the URL or of --query, or fallback. */
static const char *
param(const struct report *r, const char *const *names, const char *fallback)
{
	const char *query = strchr(r->o->url, '?');

	for (; *names != NULL; names++) {
		size_t n = strlen(*names);

		for (const char *p = query; p != NULL; p = strchr(p + 1, '&'))
			if (strncmp(p + 1, *names, n) == 0 && p[1 + n] == '=')
				return *names;
		for (size_t i = 0; i < r->o->query.n; i++)
			if (strncmp(r->o->query.v[i].text, *names, n) == 0 &&
			    r->o->query.v[i].text[n] == '=')
				return *names;
	}
	return fallback;
}

static const char *
limit_param(const struct report *r)
{
	return param(r,
	    NAMES("limit", "per_page", "page_size", "pageSize", "perPage", "size", "count", "first",
		"max_results", "maxResults", "$top", "top", "rows", "take"),
	    NULL);
}

static void
page_size(struct report *r)
{
	const char *name = limit_param(r);
	char n[24];

	if (name == NULL || r->shape.n == 0) {
		note(r, "larger pages: --page-size N --limit-param NAME, where the API has that");
		return;
	}
	snprintf(n, sizeof(n), "%zu", r->shape.n);
	option(r, "page-size", n);
	if (strcmp(name, "limit") != 0)
		option(r, "limit-param", name);
}

/* How many there are in all, where the server says so. */
static bool
total(struct report *r)
{
	const struct hint *h = hint(r, NUMBER,
	    NAMES("total", "total_count", "totalCount", "total_results", "totalResults",
		"total_records", "totalRecords", "totalElements", "total_entries", "totalItems",
		"total_items", "nbHits", "count", "numFound"));
	static const char *const headers[] = {
	    "x-total-count", "x-total", "total", "x-wp-total", NULL};

	if (h != NULL &&
	    (strcasecmp(h->name, "count") != 0 || strtoull(h->raw.p, NULL, 10) > r->shape.n)) {
		option(r, "total", h->path);
		return true;
	}
	for (size_t i = 0; headers[i] != NULL; i++)
		if (http_field(r->http, headers[i], 0) != NULL) {
			char *path = xasprintf("header:%s", headers[i]);

			option(r, "total", path);
			free(path);
			return true;
		}
	return false;
}

/* The parameter that a cursor of this name goes back in: next_cursor in cursor, nextPageToken in pageToken. */
static char *
goes_in(const char *name)
{
	char *p;

	if (strncasecmp(name, "next_", 5) == 0)
		return xstrdup(name + 5);
	if (strncasecmp(name, "next", 4) == 0 && isupper((unsigned char)name[4])) {
		p = xstrdup(name + 4);
		*p = (char)tolower((unsigned char)*p);
		return p;
	}
	return xstrdup(strcasecmp(name, "end_cursor") == 0 || strcasecmp(name, "endCursor") == 0
			   ? "after"
			   : name);
}

static bool
by_link(struct report *r)
{
	const char *field;
	struct slice target;

	for (size_t i = 0; (field = http_field(r->http, "link", i)) != NULL; i++)
		if (link_find(field, "next", &target)) {
			option(r, "paginate", "link");
			return true;
		}
	return false;
}

static bool
by_graphql(struct report *r)
{
	const struct hint *more = hint(r, TRUTH, NAMES("hasNextPage"));

	if (more == NULL || strstr(more->path, ".pageInfo.") == NULL)
		return false;
	option(r, "paginate", "graphql");
	return true;
}

/* A JSON string that is a URL, whole or relative. */
static bool
is_url(struct slice raw)
{
	return raw.n > 2 &&
	       (raw.p[1] == '/' || raw.p[1] == '?' || strncasecmp(raw.p + 1, "http", 4) == 0 ||
		   (memchr(raw.p, '?', raw.n) != NULL && memchr(raw.p, '=', raw.n) != NULL));
}

/* A next page that is a URL, of this or any other name. */
static bool
by_url(struct report *r)
{
	const struct hint *h;

	if (hint(r, TEXT, NAMES("\"@odata.nextLink\"", "\"odata.nextLink\"", "__next")) != NULL ||
	    hint(r, TEXT, NAMES("\"@odata.context\"")) != NULL) {
		option(r, "paginate", "odata");
		return true;
	}
	h = hint(r, TEXT,
	    NAMES("next", "next_url", "nextUrl", "next_page_url", "nextPageUrl", "nextLink",
		"next_link", "next_page", "nextPage", "nextRecordsUrl", "href"));
	if (h == NULL || !is_url(h->raw) ||
	    (strcmp(h->name, "href") == 0 && strstr(h->path, "next.href") == NULL))
		return false;
	option(r, "paginate", "next-url");
	option(r, "next", h->path);
	if ((h = hint(r, TRUTH, NAMES("end_of_stream"))) != NULL) {
		char *more = xasprintf("%s | not", h->path);

		option(r, "has-more", more);
		free(more);
	}
	return true;
}

static const struct hint *
says_more(const struct report *r)
{
	return hint(r, TRUTH, NAMES("has_more", "hasMore", "has_next", "hasNext"));
}

static bool
from_cursor(struct report *r, const struct hint *h)
{
	char *name = goes_in(h->name);

	option(r, "paginate", "cursor");
	option(r, "cursor-path", h->path);
	option(r, "cursor-param", name);
	note(r, "--cursor-param %s: by the cursor's name; the API's documentation knows it", name);
	free(name);
	if (says_more(r) != NULL)
		option(r, "has-more", says_more(r)->path);
	return true;
}

static bool
by_cursor(struct report *r)
{
	const struct hint *h = hint(r, TEXT,
	    NAMES("next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token",
		"nextToken", "pagination_token", "continuation_token", "continuationToken",
		"continuation", "end_cursor", "endCursor", "scroll_id", "_scroll_id",
		"scroll_param", "cursor", "after", "marker", "nextMarker", "bookmark", "next",
		"offset"));

	if (h == NULL || h->raw.n < 3)
		h = hint(
		    r, NUMBER, NAMES("next_cursor", "nextCursor", "next_offset", "nextOffset"));
	return h != NULL && from_cursor(r, h);
}

static const struct hint *
pages(const struct report *r)
{
	return hint(r, NUMBER,
	    NAMES("total_pages", "totalPages", "page_count", "pageCount", "last_page", "lastPage",
		"nbPages", "pages"));
}

/* Where no count of pages says more. */
static bool
by_next_number(struct report *r)
{
	const struct hint *h = hint(r, NUMBER, NAMES("next", "next_page", "nextPage"));

	return h != NULL && pages(r) == NULL && from_cursor(r, h);
}

static bool
by_page(struct report *r)
{
	const char *name =
	    param(r, NAMES("page", "page_number", "pageNumber", "p", "pageNo"), NULL);
	const struct hint *at = hint(r, NUMBER,
	    NAMES("page", "current_page", "currentPage", "page_number", "pageNumber", "page_index",
		"pageIndex"));

	if (pages(r) == NULL && name == NULL && at == NULL)
		return false;
	if (at == NULL && pages(r) != NULL)
		at = hint(r, NUMBER, NAMES("number"));
	option(r, "paginate", "page");
	if (name != NULL && strcmp(name, "page") != 0)
		option(r, "page-param", name);
	if (at != NULL && slice_is(at->raw, "0"))
		option(r, "first-page", "0");
	if (pages(r) != NULL)
		option(r, "total-pages", pages(r)->path);
	page_size(r);
	total(r);
	return true;
}

/* Are there as many records as the URL asks for? */
static bool
is_full(const struct report *r)
{
	const char *name = limit_param(r);
	char n[24];

	snprintf(n, sizeof(n), "%zu", r->shape.n);
	return name != NULL && r->shape.n > 0 && url_has(r->o->url, name, n);
}

static bool
by_offset(struct report *r)
{
	const struct hint *at =
	    hint(r, NUMBER, NAMES("offset", "skip", "start", "startAt", "from"));
	const char *name =
	    param(r, NAMES("offset", "skip", "$skip", "start", "startAt", "from"), NULL);
	bool counted = r->shape.n_hint > 0 || http_field(r->http, "x-total-count", 0) != NULL;

	if (at == NULL && name == NULL && !counted && !is_full(r))
		return false;
	if (at == NULL && name == NULL && is_full(r))
		note(r, "a page as large as it was asked for, and no word of others: "
			"--paginate offset is a guess");
	else if (at == NULL && name == NULL) {
		size_t before = r->options.len;

		if (!total(r))
			return false;
		r->options.len = before;
		note(r, "a total without a link, a cursor, a page or an offset: --paginate offset "
			"is a guess");
	}
	option(r, "paginate", "offset");
	if (name == NULL && at != NULL)
		name = at->name;
	if (name != NULL && strcmp(name, "offset") != 0)
		option(r, "offset-param", name);
	page_size(r);
	total(r);
	return true;
}

/* The best of the fields that tell records apart. */
static const char *
key(const struct shape *s)
{
	static const char *const names[] = {
	    "id", "uuid", "guid", "_id", "key", "gid", "sid", "code", "slug"};

	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
		for (size_t i = 0; i < s->n_field; i++)
			if (s->field[i].unique && strcasecmp(s->field[i].name, names[k]) == 0)
				return s->field[i].name;
	for (size_t i = 0; i < s->n_field; i++) {
		size_t n = strlen(s->field[i].name);

		if (s->field[i].unique && n > 2 && strcasecmp(s->field[i].name + n - 2, "id") == 0)
			return s->field[i].name;
	}
	return NULL;
}

static bool
by_keyset(struct report *r)
{
	const struct hint *more = says_more(r);
	const char *id = key(&r->shape);
	char *path;

	if (more == NULL || id == NULL)
		return false;
	path = xasprintf(".%s", id);
	option(r, "paginate", "keyset");
	option(r, "keyset", path);
	option(r, "keyset-param", "starting_after");
	option(r, "has-more", more->path);
	note(r, "--keyset-param starting_after: a guess; the API's documentation knows the name");
	free(path);
	return true;
}

static void
paging(struct report *r)
{
	line(r);
	if (by_link(r) || by_graphql(r) || by_url(r) || by_cursor(r) || by_next_number(r) ||
	    by_keyset(r) || by_page(r) || by_offset(r))
		return;
	option(r, "paginate", "none");
	note(r, "nothing says that there is another page");
}

/* Other keys there may be, and times that tell changes. */
static void
name_fields(struct report *r, const char *id)
{
	struct buf keys = {0}, times = {0};
	const char *best = NULL;

	for (size_t i = 0; i < r->shape.n_field; i++) {
		const struct shape_field *f = &r->shape.field[i];

		if (f->time)
			buf_addf(&times, "%s %s", times.len > 0 ? "," : "", f->name);
		else if (f->unique && id != f->name && r->shape.n > 1)
			buf_addf(&keys, "%s %s", keys.len > 0 ? "," : "", f->name);
		if (f->time && (best == NULL || strcasestr(f->name, "upd") != NULL ||
				   strcasestr(f->name, "modif") != NULL ||
				   strcasestr(f->name, "change") != NULL))
			best = f->name;
	}
	if (keys.len > 0)
		note(r, "also different in each of them:%s", keys.p);
	if (best != NULL)
		note(r,
		    "times:%s; changes only: --cursor-field .%s and --since-param NAME, or "
		    "--client-filter",
		    times.p, best);
	buf_release(&keys);
	buf_release(&times);
}

static void
records(struct report *r)
{
	const char *id = key(&r->shape);

	if (r->shape.records == NULL) {
		line(r);
		option(r, "records", "[.]");
		note(r, "no array: the reply is one record");
		return;
	}
	if (*r->shape.records != '\0') {
		line(r);
		option(r, "records", r->shape.records);
	}
	note(r, "%zu records on this page%s", r->shape.n,
	    r->shape.objects ? "" : ", not all of them objects");
	if (id != NULL) {
		line(r);
		option(r, "primary-key", id);
	}
	name_fields(r, id);
}

static const char *
field(void *http, const char *name, size_t i)
{
	return http_field(http, name, i);
}

static void
politeness(struct report *r)
{
	struct quota q;
	struct buf text = {0};

	quota_read(&q, r->o->rate_reset, field, r->http);
	if (q.limit >= 0)
		buf_addf(&text, " of %" PRId64, q.limit);
	if (q.left >= 0)
		buf_addf(&text, " %" PRId64 " left", q.left);
	if (q.reset >= 0)
		buf_addf(&text, " renewed in %" PRId64 " s", (q.reset + 999) / 1000);
	if (text.len > 0)
		note(r, "the server tells its quota, which is kept to:%s", text.p);
	if (http_field(r->http, "etag", 0) != NULL ||
	    http_field(r->http, "last-modified", 0) != NULL)
		note(r, "it tells versions: --etag FILE asks for a reply only when it has changed");
	buf_release(&text);
}

/* The type of the body, where that is not JSON; NULL: it is. */
static const char *
format(struct report *r, const struct buf *body)
{
	const char *type = http_field(r->http, "content-type", 0);
	struct value v;
	const char *err;

	if (scan_text(body->p != NULL ? body->p : "", body->len, &v, &err) == 0)
		return NULL;
	if (type != NULL && strcasestr(type, "csv") != NULL)
		return "csv";
	if (type != NULL && strcasestr(type, "tab-separated") != NULL)
		return "tsv";
	if (body->len > 0 && body->p[0] == '{')
		return "ndjson";
	return "";
}

static int
report(struct report *r, const char *given, const struct page *page)
{
	const struct buf *body = &page->split.envelope;
	const char *other = format(r, body);
	int status = 0;

	buf_adds(&r->options, "cs-fetch");
	buf_adds(&r->options, given);
	if (other == NULL) {
		shape_read(&r->shape, body->p, body->len);
		records(r);
		paging(r);
		shape_release(&r->shape);
	} else if (*other != '\0') {
		option(r, "format", other);
		if (!by_link(r))
			option(r, "paginate", "none");
	} else
		return fail(CS_DATA, "%s: neither JSON, JSON lines nor CSV", page->url.p);
	politeness(r);
	line(r);
	buf_addc(&r->options, ' ');
	shell_word(&r->options, r->o->url);
	buf_addc(&r->options, '\n');
	buf_add(&r->options, r->notes.p != NULL ? r->notes.p : "", r->notes.len);
	struct buf text = {0};
	mask(&text, r->options.p, r->options.len);
	if (write_all(STDOUT_FILENO, text.p, text.len) < 0)
		status = fail(CS_IO, "stdout: %s", strerror(errno));
	buf_release(&text);
	return status;
}

int
run_detect(struct opts *o, const char *given)
{
	struct how how = {.first = true, .whole = true};
	struct report r = {.o = o};
	struct job j;
	int status;

	o->paginate_said = true; /* one page, and no word about others */
	if ((status = job_init(&j, o)) != 0)
		goto out;
	stop_init();
	pager_request(&j.pager, &j.request);
	status = engine_get(&j.engine, &j.request, &how, &j.page);
	if (status == PAGE_SIGNAL)
		stop_die(stop_signal());
	if (status == 0) {
		r.http = j.page->http;
		status = report(&r, given, j.page);
	}
	buf_release(&r.options);
	buf_release(&r.notes);
out:
	job_release(&j);
	return status;
}
