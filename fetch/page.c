#include "verdict.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "origin.h"
#include "progress.h"
#include "retry.h"
#include "rate.h"
#include "retryafter.h"
#include "url.h"

#define HELD_MAX    (256u << 20) /* bytes of a page that cannot be written in parts */
#define REDIRECTS   5
#define EXCERPT_MAX 4096 /* bytes kept of a body, so that no secret is cut before it is masked */
#define PROGRAM_MAX (64u << 10) /* bytes kept for a program of the user's */
#define EXCERPT     160         /* bytes shown of them */

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
	p->full = p->split.page.len >= page_most(p, status);
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

int
page_fail(struct page *p, int code, const char *what)
{
	char *text = describe(p, what);

	fail(code, "%s", text);
	free(text);
	return code;
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

void
page_settle(struct page *p, int code)
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
		page_settle(
		    p, page_fail(p, CS_PROTOCOL,
			   "another host, which gets no body and no method but GET: refused"));
		return;
	}
	p->state = PAGE_RUNNING;
	if ((r = http_start(p->http, &p->here, &p->reply)) != 0) {
		rate_reply(http_rate(p->http), 0, field, p->http);
		page_settle(p, r > 0 ? r : CS_LATER); /* or a signal came, and nobody asks */
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
		return page_fail(p, CS_REFUSED, "a redirect is followed for GET only");
	if (p->redirects++ == REDIRECTS)
		return page_fail(p, CS_PROTOCOL, "more than 5 redirects");
	if ((url = url_resolve(p->here.url.p, to)) == NULL)
		return page_fail(p, CS_PROTOCOL, "a redirect to what is no URL");
	r = origin_check(p->o, p->here.url.p, url, &p->here.foreign);
	buf_clear(&p->here.url);
	buf_adds(&p->here.url, url);
	free(url);
	return r;
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
		page_settle(p, page_fail(p, v->code, v->what));
		return;
	}
	text = describe(p, v->what);
	r = retry_next(&p->retry, p->o, v->code, v->after, busy, text, &wait);
	free(text);
	if (r != 0)
		page_settle(p, r);
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
			page_settle(p, r);
	} else {
		r = page_judge(p, result, &v);
		log_request(p);
		if (r == AGAIN)
			again(p, &v);
		else
			page_settle(p, r);
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
	if (p->full && p->split.page.len < page_most(p, p->reply.status)) {
		p->full = false;
		http_resume(p->http);
	}
}

/* Is it still to be told of that it takes its time? */
static bool
may_be_slow(const struct page *p)
{
	return p->first && !p->shown && p->state == PAGE_RUNNING && p->o->parallel > 1 &&
	       (p->o->paginate == PAGE_OFFSET || p->o->paginate == PAGE_PAGE);
}

bool
page_shows(struct page *p)
{
	bool seen = p->o->paginate == PAGE_LINK ? p->reply.status != 0 : p->split.seen;

	if (may_be_slow(p))
		seen = http_waits(p->http, clock_ms()) >= PAGE_PROMPT;
	else
		seen &= p->state == PAGE_RUNNING && good(p->reply.status);
	if (p->shown || !seen)
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
	uint64_t due = p->state == PAGE_WAITING ? p->due : http_due(p->http), now, past;

	if (!may_be_slow(p))
		return due;
	now = clock_ms();
	past = http_waits(p->http, now);
	past = past < PAGE_PROMPT ? now + PAGE_PROMPT - past : now;
	return past < due ? past : due;
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
		page_settle(p, CS_LATER);
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
