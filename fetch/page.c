#include "page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "link.h"
#include "origin.h"
#include "predicate.h"
#include "progress.h"
#include "rate.h"
#include "retry.h"
#include "retryafter.h"
#include "stop.h"
#include "url.h"

#define REDIRECTS   5
#define EXCERPT_MAX 4096 /* bytes kept of a body, so that no secret is cut before it is masked */
#define PROGRAM_MAX (64u << 10) /* bytes kept for a program of the user's */
#define EXCERPT     160         /* bytes shown of them */

static bool
is_program(const struct path *path)
{
	return path != NULL && path->jq != NULL;
}

/* Does a program of the user's judge replies? */
static bool
has_judge(const struct opts *o)
{
	return o->retry_if != NULL || o->fail_if != NULL;
}

/* A program may look at the records, which the envelope has not. */
static bool
wants_records(const struct opts *o)
{
	return is_program(o->cursor_path) || is_program(o->next) || is_program(o->has_more) ||
	       is_program(o->total) || is_program(o->total_pages) || has_judge(o);
}

void
page_init(struct page *p, const struct opts *o)
{
	char delimiter = o->format == FORMAT_TSV ? '\t' : ',';

	*p = (struct page){.excerpt.max = has_judge(o) ? PROGRAM_MAX : EXCERPT_MAX,
	    .split = {.records = o->records,
		.ndjson = o->format != FORMAT_JSON,
		.tabular = o->format >= FORMAT_CSV,
		.table.csv.delimiter = o->csv_delimiter != '\0' ? o->csv_delimiter : delimiter,
		.keep = !is_program(o->records) && wants_records(o),
		.max_record = o->max_record,
		.max_page = o->max_page}};
}

void
page_release(struct page *p)
{
	split_release(&p->split);
	buf_release(&p->url);
	buf_release(&p->excerpt);
}

static bool
good(long status)
{
	return status >= 200 && status <= 299;
}

static int
on_body(void *arg, long status, const char *s, size_t n)
{
	struct page *p = arg;
	size_t room = p->excerpt.max - p->excerpt.len;

	buf_add(&p->excerpt, s, n < room ? n : room);
	if (good(status) && p->split_result == SPLIT_OK)
		p->split_result = split_feed(&p->split, s, n);
	return p->split_result != SPLIT_OK;
}

/* "URL: status 401, text/html: what the body says", to be freed. */
static char *
describe(struct page *p, struct http *h, const char *what)
{
	struct buf out = {0}, text = {0};
	const char *type = http_field(h, "content-type", 0);
	bool gap = false;

	buf_addf(&out, "%s: ", p->url.p);
	if (p->status != 0)
		buf_addf(&out, "status %ld%s%s: ", p->status, type != NULL ? ", " : "",
		    type != NULL ? type : "");
	buf_adds(&out, what);
	mask(&text, p->excerpt.p != NULL ? p->excerpt.p : "", p->excerpt.len);
	if (text.len > 0)
		buf_adds(&out, *what != '\0' ? ": " : "");
	for (size_t i = 0, n = 0; i < text.len && (n < EXCERPT || (text.p[i] & 0xc0) == 0x80);
	     i++) {
		if ((unsigned char)text.p[i] <= ' ') {
			gap = n > 0;
			continue;
		}
		if (gap)
			buf_addc(&out, ' ');
		gap = false;
		buf_addc(&out, text.p[i]);
		n++;
	}
	buf_release(&text);
	return buf_steal(&out);
}

static int
failed(struct page *p, struct http *h, int code, const char *what)
{
	char *text = describe(p, h, what);

	fail(code, "%s", text);
	free(text);
	return code;
}

static const char *
field(void *http, const char *name, size_t i)
{
	return http_field(http, name, i);
}

/* Wait until a request may be made. 0, HTTP_SIGNAL, or CS_LATER after fail(). */
static int
take_turn(struct http *h)
{
	int64_t ms;

	while ((ms = rate_ask(http_turn(h))) > 0) {
		if (auth_spent(http_auth(h), (unsigned)auth_next(http_auth(h)), ms) == 0)
			continue;
		progress_wait(ms);
		if (stop_sleep(ms, progress_tick) != 0)
			return HTTP_SIGNAL;
		progress_wait(0);
	}
	return ms < 0 ? CS_LATER : 0;
}

/* A credential whose last request this was rests until it may make more, where there are others. */
static void
note_quota(struct http *h, const struct opts *o, const struct reply *r)
{
	struct quota q;

	if (auth_count(http_auth(h)) < 2)
		return;
	quota_read(&q, o->rate_reset, field, h);
	if (q.left == 0 && q.reset > 0)
		auth_spent(http_auth(h), r->serial, q.reset);
}

/* One exchange, redirects followed. An enum http_result, or a CS_* status after fail(). */
static int
exchange(
    struct page *p, struct http *h, const struct opts *o, const struct request *q, struct reply *r)
{
	struct request here = {0};
	const char *to;
	char *url;
	int result, n;

	request_copy(&here, q);
	for (n = 0;; n++) {
		buf_clear(&p->url);
		buf_add(&p->url, here.url.p, here.url.len);
		buf_clear(&p->excerpt);
		split_reset(&p->split);
		p->split_result = SPLIT_OK;
		if (here.foreign && http_sends(o)) {
			p->status = 0;
			result = failed(p, h, CS_PROTOCOL,
			    "another host, which gets no body and no method but GET: refused");
			break;
		}
		if ((result = take_turn(h)) != 0)
			break;
		result = http_run(h, &here, r, progress_tick);
		p->status = r->status;
		rate_reply(http_rate(h), result == HTTP_OK ? r->status : 0, field, h);
		if (result == HTTP_OK)
			note_quota(h, o, r);
		if (result != HTTP_OK || r->status < 300 || r->status > 399 || r->status == 304 ||
		    (to = http_field(h, "location", 0)) == NULL)
			break;
		if (strcmp(http_method(o), "GET") != 0 && strcmp(http_method(o), "HEAD") != 0)
			result = failed(p, h, CS_REFUSED, "a redirect is followed for GET only");
		else if (n == REDIRECTS)
			result = failed(p, h, CS_PROTOCOL, "more than 5 redirects");
		else if ((url = url_resolve(here.url.p, to)) == NULL)
			result = failed(p, h, CS_PROTOCOL, "a redirect to what is no URL");
		else {
			result = origin_check(o, here.url.p, url, &here.foreign);
			buf_clear(&here.url);
			buf_adds(&here.url, url);
			free(url);
		}
		if (result != 0)
			break;
	}
	request_release(&here);
	return result;
}

static bool
stops(const struct opts *o, long status, bool first)
{
	for (int i = 0; i < o->n_ignore_status; i++)
		if (status >= o->ignore_status[i].from && status <= o->ignore_status[i].to)
			return true;
	for (int i = 0; i < o->n_stop_status; i++)
		if (o->stop_status[i] == status)
			return !first || good(status);
	return false;
}

/* When the server wants us back, in ms; -1: it did not say. Some say it by their quota alone. */
static int64_t
come_back(struct http *h, const struct opts *o, long status)
{
	const char *value = http_field(h, "retry-after", 0);
	int64_t after = value != NULL ? retry_after(value, http_field(h, "date", 0)) : -1;
	struct quota q;

	if (after >= 0 || (status != 403 && status != 429))
		return after;
	quota_read(&q, o->rate_reset, field, h);
	return q.left == 0 || (q.left < 0 && status == 429) ? q.reset : -1;
}

/* A refusal that says when to come back, as a rate limit may, is none. */
static bool
is_transient(long status, int64_t after)
{
	if (after >= 0 && status >= 402 && status <= 499)
		return true;
	return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
}

/* What to do with an answer: 0 take it, 1 try again, else final. */
enum { TAKE = 0, AGAIN = 1 };

struct verdict {
	int code;      /* status when there are no more tries */
	int64_t after; /* ms, or -1 */
	const char *what;
	unsigned refusals; /* of credentials, one after the other */
	bool at_once;      /* with another credential */
};

/* Is there another credential whose quota is not spent? Else *after is when the first of them is good again. */
static bool
other_quota(struct http *h, const struct reply *r, int64_t *after)
{
	int64_t wait = auth_spent(http_auth(h), r->serial,
	    *after > 1000 ? *after
	    : *after < 0  ? 60000
			  : 1000);

	if (*after > wait && wait > 0)
		*after = wait;
	return wait == 0;
}

static int
judge_status(struct page *p, struct http *h, const struct opts *o, const struct reply *r,
    struct verdict *v, int tentative)
{
	const char *date = http_field(h, "date", 0);
	int64_t after = come_back(h, o, p->status);
	unsigned refusals = v->refusals;

	if (is_transient(p->status, after)) {
		rate_pause(http_rate(h), after);
		*v = (struct verdict){CS_LATER, after, "", refusals, false};
		if (p->status <= 499)
			v->at_once = other_quota(h, r, &v->after);
		return AGAIN;
	}
	if ((p->status == 401 || p->status == 403) &&
	    auth_refused(http_auth(h), r->serial, refusals, p->status, date)) {
		*v = (struct verdict){CS_AUTH, -1, "", refusals + 1, true};
		return AGAIN;
	}
	if (p->status == 401 || p->status == 403 || p->status == 407)
		return failed(p, h, CS_AUTH,
		    p->status == 407 ? "the proxy wants credentials: --proxy-user, --proxy-password"
		    : o->auth == AUTH_NONE ? "no credentials were sent, see --auth"
					   : "the credentials were refused");
	if (tentative == PAGE_TENTATIVE ? p->status >= 400 && p->status <= 499
					: tentative == PAGE_UNLESS_GONE && p->status == 410)
		return PAGE_REFUSED;
	return failed(p, h, CS_REFUSED, "");
}

/* Is there more than the one page that we ask for unless told otherwise? */
static bool
has_next(const struct page *p, struct http *h, const struct opts *o)
{
	const char *field;
	struct slice target;

	if (o->paginate_said || (o->max_records > 0 && p->split.n >= o->max_records))
		return false;
	for (size_t i = 0; (field = http_field(h, "link", i)) != NULL; i++)
		if (link_find(field, "next", &target))
			return true;
	return false;
}

static bool
asks_for_part(const struct opts *o)
{
	for (size_t i = 0; i < o->header.n; i++)
		if (strncasecmp(o->header.v[i].text, "range:", 6) == 0)
			return true;
	return false;
}

static int
judge_body(struct page *p, struct http *h, const struct opts *o, const struct reply *r,
    struct verdict *v, int tentative)
{
	bool ended = p->split_result == SPLIT_OK;

	if (p->status == 206 && !asks_for_part(o))
		return failed(p, h, CS_DATA, "a part only, which nobody asked for");
	if (p->split.ndjson && ended && !r->framed && !r->body.packed)
		return failed(p, h, CS_DATA,
		    "nothing marks the end of these lines: "
		    "a reply without length or chunks may be cut");
	if (ended)
		p->split_result = split_end(&p->split);
	if (p->split_result == SPLIT_OK && has_next(p, h, o))
		return failed(p, h, CS_PROTOCOL,
		    "there is a next page: say --paginate link, "
		    "or --paginate none to take one page");
	if (p->split_result == SPLIT_OK)
		return TAKE;
	if (p->split_result == SPLIT_CUT && !r->framed && !r->body.packed) {
		*v = (struct verdict){CS_DATA, -1, p->split.why.p, 0, false};
		return AGAIN;
	}
	if (tentative == PAGE_TENTATIVE)
		return PAGE_REFUSED;
	return failed(p, h, CS_DATA, p->split.why.p);
}

/* What the user's programs see of the reply. */
static void
program_input(struct page *p, struct http *h, struct buf *out)
{
	const struct split *s = &p->split;
	const struct buf *body = s->keep ? &s->body : &s->envelope;
	struct slice text = {p->excerpt.p != NULL ? p->excerpt.p : "", p->excerpt.len};
	struct buf headers = {0};

	http_headers(h, &headers);
	predicate_input(out, p->status, &headers,
	    good(p->status) && body->len > 0 ? (struct slice){body->p, body->len} : text, text);
	buf_release(&headers);
}

/*
 * What the user's programs say. One that fails says nothing about a reply that is an error anyway.
 */
static int
judge_programs(struct page *p, struct http *h, const struct opts *o, struct verdict *v)
{
	struct buf input = {0}, said = {0}, why = {0};
	int r = TAKE, yes;

	program_input(p, h, &input);
	yes = o->retry_if != NULL ? predicate(o->retry_if, &input, &said) : 0;
	if (yes > 0) {
		*v = (struct verdict){
		    CS_LATER, come_back(h, o, p->status), "as --retry-if says", v->refusals, false};
		r = AGAIN;
	} else if (yes == 0 && o->fail_if != NULL) {
		buf_clear(&said);
		if ((yes = predicate(o->fail_if, &input, &said)) > 0) {
			make_plain(said.p, said.len);
			buf_addf(&why, "a failure, as --fail-if says: %.*s", EXCERPT, said.p);
			r = failed(p, h, CS_REFUSED, why.p);
		}
	}
	if (yes < 0 && good(p->status)) {
		buf_addf(&why, "the program of --%s fails: %s",
		    o->retry_if != NULL ? "retry-if or --fail-if" : "fail-if", said.p);
		r = failed(p, h, CS_DATA, why.p);
	}
	buf_release(&input);
	buf_release(&said);
	buf_release(&why);
	return r;
}

static int
judge(struct page *p, struct http *h, const struct opts *o, int result, const struct reply *r,
    struct verdict *v, bool first, int tentative)
{
	int code;

	switch (result) {
	case HTTP_SIGNAL:
		return PAGE_SIGNAL;
	case HTTP_BROKEN:
	case HTTP_DAMAGED:
		if (r->body.final)
			return failed(p, h, CS_DATA, r->why.p);
		*v = (struct verdict){
		    result == HTTP_BROKEN ? CS_LATER : CS_DATA, -1, r->why.p, v->refusals, false};
		buf_clear(&p->excerpt);
		return AGAIN;
	case HTTP_FAILED:
		return failed(p, h, r->code, r->why.p);
	case HTTP_OK:
	case HTTP_STOPPED:
		break;
	default:
		return result;
	}
	p->stopped = stops(o, p->status, first);
	if (p->stopped) {
		split_reset(&p->split);
		return TAKE;
	}
	if (has_judge(o) && (code = judge_programs(p, h, o, v)) != TAKE)
		return code;
	return good(p->status) ? judge_body(p, h, o, r, v, tentative)
			       : judge_status(p, h, o, r, v, tentative);
}

static void
log_request(const struct page *p, const struct opts *o, const struct reply *r)
{
	if (o->verbose)
		say("%s %s: %ld, %llu records, %llu bytes, %llu ms", http_method(o), p->url.p,
		    p->status, (unsigned long long)p->split.n, (unsigned long long)r->body.in,
		    (unsigned long long)r->ms);
}

int
page_get(struct page *p, struct http *h, const struct opts *o, const struct request *q, bool first,
    int tentative)
{
	struct reply r = {.sink = on_body, .arg = p};
	struct retry retry = {.o = o};
	struct verdict v = {0};
	bool repeatable = strcmp(http_method(o), "GET") == 0 ||
			  strcmp(http_method(o), "HEAD") == 0 || o->retry_post;
	const char *date;
	char *text;
	int result;

	for (;;) {
		v.at_once = false;
		result = exchange(p, h, o, q, &r);
		result = judge(p, h, o, result, &r, &v, first, tentative);
		log_request(p, o, &r);
		if (result != AGAIN)
			break;
		if (v.at_once)
			continue;
		if (!repeatable) {
			result = failed(p, h, v.code, v.what);
			break;
		}
		text = describe(p, h, v.what);
		result = retry_wait(&retry, v.code, v.after,
		    v.after >= 0 || p->status == 429 || p->status == 503, text);
		free(text);
		if (result != 0)
			break;
	}
	if (result == 0)
		retry_done(&retry);
	date = http_field(h, "date", 0);
	p->date = date != NULL ? http_date(date) : -1;
	body_release(&r.body);
	buf_release(&r.why);
	return result;
}

int
page_text(const struct page *p, struct http *h, const struct path *path, struct buf *out,
    const char **err)
{
	const struct buf *json =
	    path->jq != NULL && p->split.keep ? &p->split.body : &p->split.envelope;
	const char *value;
	size_t bom;

	if (path->header == NULL) {
		bom = json->len >= 3 && memcmp(json->p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
		return path_text(
		    path, json->p != NULL ? json->p + bom : "", json->len - bom, out, err);
	}
	value = http_field(h, path->header, 0);
	if (value == NULL)
		return 0;
	buf_adds(out, value);
	return JSON_STRING;
}
