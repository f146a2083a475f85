#include "request.h"

#include <string.h>

static bool
buf_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

void
request_clear(struct request *r)
{
	buf_clear(&r->url);
	buf_clear(&r->fields);
	buf_clear(&r->body);
	r->conditional = r->foreign = false;
}

void
request_copy(struct request *to, const struct request *from)
{
	request_clear(to);
	buf_add(&to->url, from->url.p, from->url.len);
	buf_add(&to->fields, from->fields.p, from->fields.len);
	buf_add(&to->body, from->body.p, from->body.len);
	to->foreign = from->foreign;
	to->hint = from->hint;
	to->conditional = from->conditional;
}

void
request_release(struct request *r)
{
	buf_release(&r->url);
	buf_release(&r->fields);
	buf_release(&r->body);
}

const char *
http_method(const struct opts *o)
{
	if (o->method != NULL)
		return o->method;
	return o->data != NULL || o->form.n > 0 ? "POST" : "GET";
}

bool
http_reads(const struct opts *o)
{
	const char *method = http_method(o);

	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

bool
http_repeats(const struct opts *o)
{
	return o->retry_post || http_reads(o);
}

bool
http_sends(const struct opts *o)
{
	return o->data != NULL || o->form.n > 0 || !http_reads(o);
}

bool
request_equal(const struct request *a, const struct request *b)
{
	return a->foreign == b->foreign && buf_equal(&a->url, &b->url) &&
	       buf_equal(&a->fields, &b->fields) && buf_equal(&a->body, &b->body);
}
