/* What a reply is worth: it is taken, asked for again, or the end. */
#include <string.h>
#include <strings.h>

#include "link.h"
#include "predicate.h"
#include "rate.h"
#include "retryafter.h"
#include "verdict.h"

#define EXCERPT 160 /* bytes of what a program says */

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
	return retry_helps(status) || (after >= 0 && status >= 402 && status <= 499);
}

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
		return page_fail(p, CS_AUTH,
		    p->status == 407 ? "the proxy wants credentials: --proxy-user, --proxy-password"
		    : p->o->auth == AUTH_NONE ? "no credentials were sent, see --auth"
					      : "the credentials were refused");
	p->refusable = p->status >= 400 && p->status <= 499;
	return page_fail(p, CS_REFUSED, p->asked.hint != NULL ? p->asked.hint : "");
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

static int
judge_body(struct page *p, struct verdict *v)
{
	const struct reply *r = &p->reply;
	bool ended = p->split_result == SPLIT_OK;

	if (p->status == 206 && !asks_for_part(p->o))
		return page_fail(p, CS_DATA, "a part only, which nobody asked for");
	if (p->status == 204 || p->status == 205) {
		p->refusable = true;
		return page_fail(p, CS_DATA,
		    "no content: where that means that there are no records, say "
		    "--stop-on status:204");
	}
	if (p->split.ndjson && ended && !r->framed && !r->body.packed)
		return page_fail(p, CS_DATA,
		    "nothing marks the end of these lines: "
		    "a reply without length or chunks may be cut");
	if (ended)
		p->split_result = split_end(&p->split);
	if (p->split_result == SPLIT_OK && has_next(p))
		return page_fail(p, CS_PROTOCOL,
		    "there is a next page: say --paginate link, "
		    "or --paginate none to take one page");
	if (p->split_result == SPLIT_OK)
		return page_complete(p);
	if (p->split_result == SPLIT_CUT && !r->framed && !r->body.packed) {
		*v = (struct verdict){CS_DATA, -1, p->split.why.p, false};
		return AGAIN;
	}
	p->refusable = true;
	return page_fail(p, CS_DATA, p->split.why.p);
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
			r = page_fail(p, CS_REFUSED, why.p);
		}
	}
	if (yes < 0 && good(p->status)) {
		buf_addf(&why, "the program of --%s fails: %s",
		    o->retry_if != NULL ? "retry-if or --fail-if" : "fail-if", said.p);
		r = page_fail(p, CS_DATA, why.p);
	}
	buf_release(&input);
	buf_release(&said);
	buf_release(&why);
	return r;
}

int
page_judge(struct page *p, int result, struct verdict *v)
{
	const struct reply *r = &p->reply;
	int code;

	switch (result) {
	case HTTP_BROKEN:
	case HTTP_DAMAGED:
		if (r->body.final)
			return page_fail(p, CS_DATA, r->why.p);
		*v = (struct verdict){
		    result == HTTP_BROKEN ? CS_LATER : CS_DATA, -1, r->why.p, false};
		buf_clear(&p->excerpt);
		return AGAIN;
	case HTTP_FAILED:
		if (r->code == CS_IO) /* here, not there */
			return fail(CS_IO, "%s", r->why.p);
		return page_fail(p, r->code, r->why.p);
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
