#include "page.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "link.h"
#include "origin.h"
#include "predicate.h"
#include "progress.h"
#include "retry.h"
#include "rate.h"
#include "retryafter.h"
#include "url.h"

#define PART        (240u << 10) /* bytes of a page that is written in parts, once that has begun */
#define HELD_MAX    (256u << 20) /* bytes of a page that cannot be written in parts */
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
page_init(struct page *p, struct http *h, const struct opts *o)
{
	char delimiter = o->format == FORMAT_TSV ? '\t' : ',';

	*p = (struct page){.http = h,
	    .o = o,
	    .excerpt.max = has_judge(o) ? PROGRAM_MAX : EXCERPT_MAX,
	    .split = {.records = o->records,
		.raw = o->detect,
		.ndjson = !o->detect && o->format != FORMAT_JSON,
		.tabular = !o->detect && o->format >= FORMAT_CSV,
		.table.csv.delimiter = o->csv_delimiter != '\0' ? o->csv_delimiter : delimiter,
		.keep = !is_program(o->records) && wants_records(o),
		.max_record = o->max_record,
		.max_page = o->max_page > 0 ? o->max_page : HELD_MAX,
		.endless = o->max_page == 0}};
}

void
page_release(struct page *p)
{
	if (p->http == NULL)
		return;
	page_cancel(p);
	http_free(p->http);
	split_release(&p->split);
	request_release(&p->asked);
	request_release(&p->here);
	body_release(&p->reply.body);
	buf_release(&p->reply.why);
	buf_release(&p->url);
	buf_release(&p->why);
	buf_release(&p->excerpt);
	p->http = NULL;
}

static bool
good(long status)
{
	return status >= 200 && status <= 299;
}

/* Can its records be written before its end has come? Not where the end may say that they are none. */
static bool
streams(const struct page *p, long status)
{
	const struct opts *o = p->o;
	const struct reply *r = &p->reply;

	return p->lead && !p->whole && status == 200 && !has_judge(o) && !p->split.keep &&
	       !is_program(o->records) && (!p->split.ndjson || r->framed || r->body.packed);
}

static size_t
most(const struct page *p, long status)
{
	if (!p->lead)
		return p->room;
	if (!streams(p, status))
		return SIZE_MAX;
	/* Buffers double: what is a little over the limit would take twice of it. What has begun to be written stays in the
	 * processor's cache. */
	return p->sent.n > 0 && p->o->page_buffer > PART
		   ? PART
		   : p->o->page_buffer - p->o->page_buffer / 16;
}

static int
on_body(void *arg, long status, const char *s, size_t n)
{
	struct page *p = arg;
	size_t room = p->excerpt.max - p->excerpt.len;

	buf_add(&p->excerpt, s, n < room ? n : room);
	if (good(status) && p->split_result == SPLIT_OK)
		p->split_result = split_feed(&p->split, s, n);
	if (p->split_result != SPLIT_OK)
		return SINK_STOP;
	p->full = p->split.page.len >= most(p, status);
	return p->full ? SINK_FULL : SINK_ON;
}

/* "URL: status 401, text/html: what the body says", to be freed. */
static char *
describe(struct page *p, const char *what)
{
	struct buf out = {0}, text = {0};
	const char *type = http_field(p->http, "content-type", 0);
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
failed(struct page *p, int code, const char *what)
{
	char *text = describe(p, what);

	fail(code, "%s", text);
	free(text);
	return code;
}

static const char *
field(void *http, const char *name, size_t i)
{
	return http_field(http, name, i);
}

/* May a request start now? 0, else in how many ms to ask again, or -1 after fail(). */
static int64_t
may_start(struct http *h)
{
	int64_t ms;

	while ((ms = rate_ask(http_turn(h))) > 0)
		if (auth_spent(http_auth(h), (unsigned)auth_next(http_auth(h)), ms) != 0)
			break;
	return ms;
}

/* A credential whose last request this was rests until it may make more, where there are others. */
static void
note_quota(struct page *p)
{
	struct quota q;

	if (auth_count(http_auth(p->http)) < 2)
		return;
	quota_read(&q, p->o->rate_reset, field, p->http);
	if (q.left == 0 && q.reset > 0)
		auth_spent(http_auth(p->http), p->reply.serial, q.reset);
}

/* It came to its end. */
static void
settle(struct page *p, int code)
{
	const char *date = http_field(p->http, "date", 0);

	p->date = date != NULL ? http_date(date) : -1;
	p->code = code;
	p->state = PAGE_ENDED;
	p->full = false;
	if (code == 0)
		retry_done(&p->retry);
}

/* The next request: p->here. */
static void
begin(struct page *p)
{
	int r;

	buf_clear(&p->url);
	buf_add(&p->url, p->here.url.p, p->here.url.len);
	buf_clear(&p->excerpt);
	split_reset(&p->split);
	p->split_result = SPLIT_OK;
	p->print = (struct print){0};
	p->full = p->shown = false;
	if (p->here.foreign && http_sends(p->o)) {
		p->status = 0;
		settle(p, failed(p, CS_PROTOCOL,
			      "another host, which gets no body and no method but GET: refused"));
		return;
	}
	p->state = PAGE_RUNNING;
	if ((r = http_start(p->http, &p->here, &p->reply)) != 0) {
		rate_reply(http_rate(p->http), 0, field, p->http);
		settle(p, r > 0 ? r : CS_LATER); /* or a signal came, and nobody asks */
	}
}

/* Begin again, redirects and all, at that moment. */
static void
begin_at(struct page *p, uint64_t due)
{
	p->state = PAGE_WAITING;
	p->due = due;
	p->redirects = 0;
	request_copy(&p->here, &p->asked);
}

/* 0: p->here is where the reply leads. Else a CS_* status after fail(). */
static int
redirect(struct page *p, const char *to)
{
	char *url;
	int r;

	if (!http_reads(p->o))
		return failed(p, CS_REFUSED, "a redirect is followed for GET only");
	if (p->redirects++ == REDIRECTS)
		return failed(p, CS_PROTOCOL, "more than 5 redirects");
	if ((url = url_resolve(p->here.url.p, to)) == NULL)
		return failed(p, CS_PROTOCOL, "a redirect to what is no URL");
	r = origin_check(p->o, p->here.url.p, url, &p->here.foreign);
	buf_clear(&p->here.url);
	buf_adds(&p->here.url, url);
	free(url);
	return r;
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
come_back(const struct page *p)
{
	const char *value = http_field(p->http, "retry-after", 0);
	int64_t after = value != NULL ? retry_after(value, http_field(p->http, "date", 0)) : -1;
	struct quota q;

	if (after >= 0 || (p->status != 403 && p->status != 429))
		return after;
	quota_read(&q, p->o->rate_reset, field, p->http);
	return q.left == 0 || (q.left < 0 && p->status == 429) ? q.reset : -1;
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
	bool at_once; /* with another credential */
};

/* Is there another credential whose quota is not spent? Else *after is when the first of them is good again. */
static bool
other_quota(struct page *p, int64_t *after)
{
	int64_t wait = auth_spent(http_auth(p->http), p->reply.serial,
	    *after > 1000 ? *after
	    : *after < 0  ? 60000
			  : 1000);

	if (*after > wait && wait > 0)
		*after = wait;
	return wait == 0;
}

static int
judge_status(struct page *p, struct verdict *v)
{
	const char *date = http_field(p->http, "date", 0);
	int64_t after = come_back(p);

	if (is_transient(p->status, after)) {
		rate_pause(http_rate(p->http), after);
		*v = (struct verdict){CS_LATER, after, "", false};
		if (p->status <= 499)
			v->at_once = other_quota(p, &v->after);
		return AGAIN;
	}
	if ((p->status == 401 || p->status == 403) &&
	    auth_refused(http_auth(p->http), p->reply.serial, p->refusals, p->status, date)) {
		p->refusals++;
		*v = (struct verdict){CS_AUTH, -1, "", true};
		return AGAIN;
	}
	if (p->status == 401 || p->status == 403 || p->status == 407)
		return failed(p, CS_AUTH,
		    p->status == 407 ? "the proxy wants credentials: --proxy-user, --proxy-password"
		    : p->o->auth == AUTH_NONE ? "no credentials were sent, see --auth"
					      : "the credentials were refused");
	p->refusable = p->status >= 400 && p->status <= 499;
	return failed(p, CS_REFUSED, p->asked.hint != NULL ? p->asked.hint : "");
}

/* Is there more than the one page that we ask for unless told otherwise? */
static bool
has_next(const struct page *p)
{
	const struct opts *o = p->o;
	const char *field;
	struct slice target;

	if (o->paginate_said || (o->max_records > 0 && p->split.n >= o->max_records))
		return false;
	for (size_t i = 0; (field = http_field(p->http, "link", i)) != NULL; i++)
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

/*
 * What was written before a try failed has to come again: it is compared by its fingerprint and left out. 0, or
 * CS_PROTOCOL after fail(). ended: no more records come.
 */
static int
leave_out_sent(struct page *p, bool ended)
{
	struct split *s = &p->split;
	const char *at = s->page.p, *end = at + split_whole(s);
	uint64_t n = 0;

	if (s->before >= p->sent.n)
		return 0;
	for (; s->before + n < p->sent.n && at < end; n++)
		at = (const char *)memchr(at, '\n', end - at) + 1;
	print_add(&p->print, s->page.p, at - s->page.p);
	split_drain(s, at - s->page.p, n);
	if (s->before == p->sent.n ? print_end(&p->print) == print_end(&p->sent.print) : !ended)
		return 0;
	buf_clear(&p->excerpt);
	return failed(p, CS_PROTOCOL,
	    "it broke off after records that are written already, and when asked again "
	    "the server sent others: run again, perhaps with a larger --page-buffer");
}

/* All of its records have come. */
static int
complete(struct page *p)
{
	const struct split *s = &p->split;
	struct print f;
	int r = leave_out_sent(p, true);

	p->n = s->before + s->n;
	f = p->print;
	print_add(&f, s->page.p, s->page.len);
	p->hash = print_end(&f);
	return r;
}

static int
judge_body(struct page *p, struct verdict *v)
{
	const struct reply *r = &p->reply;
	bool ended = p->split_result == SPLIT_OK;

	if (p->status == 206 && !asks_for_part(p->o))
		return failed(p, CS_DATA, "a part only, which nobody asked for");
	if (p->split.ndjson && ended && !r->framed && !r->body.packed)
		return failed(p, CS_DATA,
		    "nothing marks the end of these lines: "
		    "a reply without length or chunks may be cut");
	if (ended)
		p->split_result = split_end(&p->split);
	if (p->split_result == SPLIT_OK && has_next(p))
		return failed(p, CS_PROTOCOL,
		    "there is a next page: say --paginate link, "
		    "or --paginate none to take one page");
	if (p->split_result == SPLIT_OK)
		return complete(p);
	if (p->split_result == SPLIT_CUT && !r->framed && !r->body.packed) {
		*v = (struct verdict){CS_DATA, -1, p->split.why.p, false};
		return AGAIN;
	}
	p->refusable = true;
	return failed(p, CS_DATA, p->split.why.p);
}

/* What the user's programs see of the reply. */
static void
program_input(struct page *p, struct buf *out)
{
	const struct split *s = &p->split;
	const struct buf *body = s->keep ? &s->body : &s->envelope;
	struct slice text = {p->excerpt.p != NULL ? p->excerpt.p : "", p->excerpt.len};
	struct buf headers = {0};

	http_headers(p->http, &headers);
	predicate_input(out, p->status, &headers,
	    good(p->status) && body->len > 0 ? (struct slice){body->p, body->len} : text, text);
	buf_release(&headers);
}

/*
 * What the user's programs say. One that fails says nothing about a reply that is an error anyway.
 */
static int
judge_programs(struct page *p, struct verdict *v)
{
	const struct opts *o = p->o;
	struct buf input = {0}, said = {0}, why = {0};
	int r = TAKE, yes;

	program_input(p, &input);
	yes = o->retry_if != NULL ? predicate(o->retry_if, &input, &said) : 0;
	if (yes > 0) {
		*v = (struct verdict){CS_LATER, come_back(p), "as --retry-if says", false};
		r = AGAIN;
	} else if (yes == 0 && o->fail_if != NULL) {
		buf_clear(&said);
		if ((yes = predicate(o->fail_if, &input, &said)) > 0) {
			make_plain(said.p, said.len);
			buf_addf(&why, "a failure, as --fail-if says: %.*s", EXCERPT, said.p);
			r = failed(p, CS_REFUSED, why.p);
		}
	}
	if (yes < 0 && good(p->status)) {
		buf_addf(&why, "the program of --%s fails: %s",
		    o->retry_if != NULL ? "retry-if or --fail-if" : "fail-if", said.p);
		r = failed(p, CS_DATA, why.p);
	}
	buf_release(&input);
	buf_release(&said);
	buf_release(&why);
	return r;
}

static int
judge(struct page *p, int result, struct verdict *v)
{
	const struct reply *r = &p->reply;
	int code;

	switch (result) {
	case HTTP_BROKEN:
	case HTTP_DAMAGED:
		if (r->body.final)
			return failed(p, CS_DATA, r->why.p);
		*v = (struct verdict){
		    result == HTTP_BROKEN ? CS_LATER : CS_DATA, -1, r->why.p, false};
		buf_clear(&p->excerpt);
		return AGAIN;
	case HTTP_FAILED:
		if (r->code == CS_IO) /* here, not there */
			return fail(CS_IO, "%s", r->why.p);
		return failed(p, r->code, r->why.p);
	}
	p->unchanged = p->status == 304 && p->here.conditional;
	p->stopped = p->unchanged || stops(p->o, p->status, p->first);
	if (p->stopped) {
		split_reset(&p->split);
		p->n = 0;
		p->hash = fingerprint(NULL, 0);
		return TAKE;
	}
	if (has_judge(p->o) && (code = judge_programs(p, v)) != TAKE)
		return code;
	return good(p->status) ? judge_body(p, v) : judge_status(p, v);
}

static void
log_request(const struct page *p)
{
	if (p->o->verbose)
		say("%s %s: %ld, %llu records, %llu bytes, %llu ms", http_method(p->o), p->url.p,
		    p->status, (unsigned long long)(p->split.before + p->split.n),
		    (unsigned long long)p->reply.body.in, (unsigned long long)p->reply.ms);
}

/* Worth another try: when, or the end. */
static void
again(struct page *p, const struct verdict *v)
{
	bool busy = v->after >= 0 || p->status == 429 || p->status == 503;
	uint64_t wait;
	char *text;
	int r;

	if (v->at_once) {
		begin_at(p, 0);
		return;
	}
	if (!http_repeats(p->o)) {
		settle(p, failed(p, v->code, v->what));
		return;
	}
	text = describe(p, v->what);
	r = retry_next(&p->retry, p->o, v->code, v->after, busy, text, &wait);
	free(text);
	if (r != 0)
		settle(p, r);
	else {
		progress_wait(wait);
		begin_at(p, clock_ms() + wait);
	}
}

/* A reply came, or none: the one place where it is looked at. */
static void
on_done(void *arg, int result)
{
	struct page *p = arg;
	struct verdict v = {0};
	const char *to;
	int r;

	p->status = p->reply.status;
	progress_request(p->reply.body.in);
	rate_reply(http_rate(p->http), result == HTTP_OK ? p->status : 0, field, p->http);
	if (result == HTTP_OK)
		note_quota(p);
	if (result == HTTP_OK && good(p->status))
		auth_accepted(http_auth(p->http), p->reply.serial);
	fail_hold(&p->why);
	if (result == HTTP_OK && p->status >= 300 && p->status <= 399 && p->status != 304 &&
	    (to = http_field(p->http, "location", 0)) != NULL) {
		if ((r = redirect(p, to)) == 0) {
			p->state = PAGE_WAITING;
			p->due = 0;
		} else
			settle(p, r);
	} else {
		r = judge(p, result, &v);
		log_request(p);
		if (r == AGAIN)
			again(p, &v);
		else
			settle(p, r);
	}
	fail_hold(NULL);
}

void
page_start(struct page *p, const struct request *q, bool first, size_t room)
{
	page_cancel(p);
	p->reply.sink = on_body;
	p->reply.done = on_done;
	p->reply.arg = p;
	p->first = first;
	p->stopped = p->unchanged = p->refusable = false;
	p->retry = (struct retry){0};
	p->refusals = 0;
	p->lead = p->whole = false;
	p->room = room;
	p->sent.n = 0;
	request_copy(&p->asked, q);
	begin_at(p, 0);
	page_tick(p, clock_ms());
}

void
page_lead(struct page *p, bool whole)
{
	p->lead = true;
	p->whole = whole;
	if (p->full && p->split.page.len < most(p, p->reply.status)) {
		p->full = false;
		http_resume(p->http);
	}
}

bool
page_part(struct page *p, struct split *part)
{
	size_t len;
	int r;

	if (!p->full || !p->lead)
		return false;
	fail_hold(&p->why);
	r = leave_out_sent(p, false);
	fail_hold(NULL);
	if (r != 0) {
		page_cancel(p);
		settle(p, r);
		return false;
	}
	len = split_whole(&p->split);
	if (len == 0) {
		page_go_on(p);
		return false;
	}
	*part = (struct split){.page = p->split.page, .n = p->split.n};
	part->page.len = len;
	print_add(&p->print, part->page.p, len);
	p->sent.print = p->print;
	p->sent.n = p->split.before + p->split.n;
	return true;
}

void
page_go_on(struct page *p)
{
	split_drain(&p->split, split_whole(&p->split), p->split.n);
	p->full = false;
	http_resume(p->http);
}

bool
page_shows(struct page *p)
{
	bool seen = p->o->paginate == PAGE_LINK ? p->reply.status != 0 : p->split.seen;

	if (p->shown || p->state != PAGE_RUNNING || !seen || !good(p->reply.status))
		return false;
	p->shown = true;
	return true;
}

void
page_cancel(struct page *p)
{
	if (p->state == PAGE_RUNNING) {
		http_cancel(p->http);
		rate_reply(http_rate(p->http), 0, field, p->http);
	}
	p->state = PAGE_IDLE;
}

bool
page_busy(const struct page *p)
{
	return p->state == PAGE_WAITING || p->state == PAGE_RUNNING;
}

uint64_t
page_due(const struct page *p)
{
	return p->state == PAGE_WAITING ? p->due : http_due(p->http);
}

void
page_tick(struct page *p, uint64_t now)
{
	int64_t ms;

	if (p->state == PAGE_RUNNING)
		http_tick(p->http, now);
	if (p->state != PAGE_WAITING || p->due > now)
		return;
	fail_hold(&p->why);
	ms = may_start(p->http);
	progress_wait(ms > 0 ? ms : 0);
	if (ms > 0)
		p->due = now + ms;
	else if (ms < 0)
		settle(p, CS_LATER);
	else
		begin(p);
	fail_hold(NULL);
}

int
page_result(struct page *p, int tentative)
{
	if (p->code != 0 && p->refusable && p->sent.n == 0 &&
	    (tentative == PAGE_TENTATIVE || (tentative == PAGE_UNLESS_GONE && p->status == 410)))
		return PAGE_REFUSED;
	return p->code == 0 ? 0 : fail(p->code, "%s", p->why.p);
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
