/* Pages larger than --page-buffer: how much of them is held, what is written, and what comes again. */
#include <string.h>

#include "verdict.h"

#define PART (240u << 10) /* bytes of a page that is written in parts, once that has begun */

/* Can its records be written before its end has come? Not where the end may say that they are none. */
static bool
streams(const struct page *p, long status)
{
	const struct opts *o = p->o;
	const struct reply *r = &p->reply;

	return p->lead && !p->whole && status == 200 && !has_judge(o) && !p->split.keep &&
	       !is_program(o->records) && (!p->split.ndjson || r->framed || r->body.packed);
}

size_t
page_most(const struct page *p, long status)
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

int
page_leave_out(struct page *p, bool ended)
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
	return page_fail(p, CS_PROTOCOL,
	    "it broke off after records that are written already, and when asked again "
	    "the server sent others: run again, perhaps with a larger --page-buffer");
}

/* All of its records have come. */
int
page_complete(struct page *p)
{
	const struct split *s = &p->split;
	struct print f;
	int r = page_leave_out(p, true);

	p->n = s->before + s->n;
	f = p->print;
	print_add(&f, s->page.p, s->page.len);
	p->hash = print_end(&f);
	return r;
}

bool
page_part(struct page *p, struct split *part)
{
	size_t len;
	int r;

	if (!p->full || !p->lead)
		return false;
	fail_hold(&p->why);
	r = page_leave_out(p, false);
	fail_hold(NULL);
	if (r != 0) {
		page_cancel(p);
		page_settle(p, r);
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
