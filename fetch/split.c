#include "splitting.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jqrun.h"

int
split_fail(struct split *s, int result, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		buf_clear(&s->why);
		buf_adds(&s->why, text);
		free(text);
	}
	va_end(ap);
	return result;
}

int
split_too_large(struct split *s)
{
	return split_fail(
	    s, SPLIT_LIMIT, "the page is larger than --max-page (%zu bytes)", s->max_page);
}

void
split_reset(struct split *s)
{
	buf_clear(&s->page);
	buf_clear(&s->envelope);
	buf_clear(&s->body);
	buf_clear(&s->why);
	s->page.max = s->body.max = s->max_page;
	s->envelope.max =
	    s->raw || (s->records != NULL && s->records->jq != NULL) ? s->max_page : ENVELOPE_MAX;
	s->n = s->before = 0;
	s->state = START;
	s->matched = s->depth = s->on = 0;
	s->in_string = s->escaped = s->key = s->seen = false;
	s->here = true;
	s->bom = s->fed = 0;
	s->find = (struct scan_find){0};
	table_reset(&s->table);
}

void
split_release(struct split *s)
{
	buf_release(&s->page);
	buf_release(&s->envelope);
	buf_release(&s->body);
	buf_release(&s->why);
	buf_release(&s->scratch);
	buf_release(&s->rows);
	table_release(&s->table);
}

size_t
split_whole(const struct split *s)
{
	return s->state == ELEMENT || s->state == LINE ? s->start : s->page.len;
}

void
split_drain(struct split *s, size_t bytes, uint64_t n)
{
	size_t left = s->page.len - bytes;

	if (bytes == 0)
		return;
	memmove(s->page.p, s->page.p + bytes, left);
	s->page.len = left;
	s->page.p[left] = '\0';
	s->start = s->state == ELEMENT || s->state == LINE ? s->start - bytes : 0;
	s->before += n;
	s->n -= n;
	if (s->endless)
		s->fed = 0;
}

/* The array: what stands between elements, one byte; then an element's bytes. */

static int
gap(struct split *s, char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
		return SPLIT_OK;
	case ']':
		if (s->next == ITEM)
			break;
		buf_addc(&s->envelope, ']');
		s->state = s->depth > 0 ? ENVELOPE : TAIL;
		return SPLIT_OK;
	case ',':
		if (s->next != COMMA)
			break;
		s->next = ITEM;
		return SPLIT_OK;
	}
	return split_fail(s, SPLIT_BAD, "after record %llu: unexpected '%c'",
	    (unsigned long long)(s->before + s->n), c > ' ' && c < 0x7f ? c : '?');
}

static bool
begins_value(char c)
{
	return c == '{' || c == '[' || c == '"' || c == '-' || (c >= '0' && c <= '9') || c == 't' ||
	       c == 'f' || c == 'n';
}

static int
element(struct split *s, const char **p, size_t *n)
{
	ssize_t used = scan_find(&s->find, *p, *n);

	if (used < 0)
		return split_fail(s, SPLIT_BAD, "record %llu: nested deeper than %d",
		    (unsigned long long)(s->before + s->n + 1), SCAN_DEPTH);
	if (s->page.len - s->start + used > s->max_record)
		return split_fail(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (buf_add(&s->page, *p, used) < 0)
		return split_too_large(s);
	*p += used;
	*n -= used;
	if (!s->find.done)
		return SPLIT_OK;
	s->state = GAP;
	s->next = COMMA;
	return split_finish(s, s->start);
}

/*
 * The scanner needs a byte behind its text that ends all it may be in the middle of: the last quote that
 * has come is one, unless it is escaped. NULL: there is none.
 */
static const char *
last_quote(const char *p, size_t n)
{
	const char *q = n > BUF_PAD ? memrchr(p, '"', n - BUF_PAD) : NULL;

	while (q != NULL && q > p && q[-1] == '\\')
		q = memrchr(p, '"', q - p);
	return q;
}

/*
 * Most elements are objects that lie whole in what has come and go out as they stand: one look is enough. False:
 * this one is for element(), which begins anew.
 */
static bool
whole_element(struct split *s, const char **p, size_t *n)
{
	const struct path *r = s->records;
	struct scan scan = {0};
	struct value v;

	if (**p != '{' || s->quote == NULL || s->quote <= *p ||
	    (r != NULL && r->n_outer < r->n_step))
		return false;
	scan_init(&scan, *p, s->quote - *p);
	if (scan_value(&scan, &v) < 0 || (v.flags & VALUE_WS) || v.n > s->max_record ||
	    record_has_cs(v.p, v.n) || buf_room(&s->page, v.n + 1) < 0)
		return false;
	memcpy(s->page.p + s->page.len, v.p, v.n);
	s->page.len += v.n;
	s->page.p[s->page.len++] = '\n';
	s->page.p[s->page.len] = '\0';
	s->n++;
	s->next = COMMA;
	*p += v.n;
	*n -= v.n;
	return true;
}

static int
array(struct split *s, const char **p, size_t *n)
{
	int r;

	if (s->state == GAP && s->next != COMMA && whole_element(s, p, n))
		return SPLIT_OK;
	if (s->state == GAP && s->next != COMMA && begins_value(**p)) {
		s->state = ELEMENT;
		s->find = (struct scan_find){0};
		s->start = s->page.len;
	}
	if (s->state == ELEMENT)
		return element(s, p, n);
	r = gap(s, **p);
	(*p)++;
	(*n)--;
	return r;
}

/* The rest of the body's kinds. */

static int
line_ends(struct split *s)
{
	size_t n = s->page.len;

	while (n > s->start && memchr(" \t\r", s->page.p[n - 1], 3) != NULL)
		n--;
	s->page.len = n;
	n = s->start;
	if (s->page.len == n)
		return SPLIT_OK;
	n = split_finish(s, n);
	s->start = s->page.len;
	return n;
}

static int
line(struct split *s, const char **p, size_t *n)
{
	const char *nl = memchr(*p, '\n', *n);
	size_t take = nl != NULL ? (size_t)(nl - *p) : *n;

	if (s->page.len - s->start + take > s->max_record)
		return split_fail(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (buf_add(&s->page, *p, take) < 0)
		return split_too_large(s);
	take += nl != NULL;
	*p += take;
	*n -= take;
	return nl != NULL ? line_ends(s) : SPLIT_OK;
}

static int
start(struct split *s, const char **p, size_t *n)
{
	static const char mark[] = "\xef\xbb\xbf";
	char c = **p;

	if (s->bom < 3 && c == mark[s->bom]) {
		s->bom++;
		goto next;
	}
	if (s->bom > 0 && s->bom < 3)
		return split_fail(s, SPLIT_SHAPE, "the reply is not JSON");
	s->bom = 3;
	if (s->ndjson) {
		s->state = LINE;
		s->start = 0;
		return SPLIT_OK;
	}
	if (!s->raw && strchr(" \t\r\n", c) != NULL && c != '\0')
		goto next;
	if (s->raw || (s->records != NULL && s->records->jq != NULL))
		s->state = WHOLE;
	else if (c == '{' || c == '[')
		s->state = ENVELOPE;
	else
		return split_fail(s, SPLIT_SHAPE, "the reply is not a JSON object or array");
	return SPLIT_OK;
next:
	(*p)++;
	(*n)--;
	return SPLIT_OK;
}

static int
tail(struct split *s, char c)
{
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return SPLIT_OK;
	return split_fail(s, SPLIT_BAD, "something follows after the end of the JSON text");
}

static int
step(struct split *s, const char **p, size_t *n)
{
	int r;

	switch (s->state) {
	case START:
		return start(s, p, n);
	case GAP:
	case ELEMENT:
		return array(s, p, n);
	case LINE:
		return line(s, p, n);
	case WHOLE:
		r = buf_add(&s->envelope, *p, *n) < 0 ? split_too_large(s) : SPLIT_OK;
		*n = 0;
		return r;
	}
	if (s->state == ENVELOPE)
		return envelope_take(s, p, n);
	r = tail(s, **p);
	(*p)++;
	(*n)--;
	return r;
}

static int
steps(struct split *s, const char *p, size_t n)
{
	int r = SPLIT_OK;

	s->quote = last_quote(p, n);
	while (n > 0 && r == SPLIT_OK)
		r = step(s, &p, &n);
	return r;
}

/* The rows that are whole, then what is wrong with the one after them. */
static int
take_rows(struct split *s, const char *wrong)
{
	int r = steps(s, s->rows.p, s->rows.len);

	buf_clear(&s->rows);
	return r != SPLIT_OK || wrong == NULL ? r : split_fail(s, SPLIT_BAD, "%s", wrong);
}

int
split_feed(struct split *s, const char *p, size_t n)
{
	int r;

	s->fed += n;
	if (s->fed > s->max_page)
		return split_too_large(s);
	if (s->keep && buf_add(&s->body, p, n) < 0)
		return split_too_large(s);
	if (!s->tabular)
		return steps(s, p, n);
	s->table.csv.max = s->max_record;
	do
		r = take_rows(s, table_feed(&s->table, &p, &n, &s->rows));
	while (r == SPLIT_OK && n > 0);
	return r;
}

static int
jq_record(struct split *s, const char *p, size_t n)
{
	s->start = s->page.len;
	return buf_add(&s->page, p, n) < 0 ? split_too_large(s) : split_finish(s, s->start);
}

/* A result of the jq program that selects the records: an array of them, or one. */
static int
jq_result(void *arg, const char *p, size_t n)
{
	struct split *s = arg;
	struct scan a = {0};
	struct buf text = {0};
	struct value v;
	int r = SPLIT_OK;

	buf_add(&text, p, n);
	scan_init(&a, text.p, n);
	if (scan_type(&a) == JSON_NULL)
		r = split_no_array(s, SPLIT_SHAPE, "gives null");
	else if (scan_type(&a) != JSON_ARRAY)
		r = jq_record(s, p, n);
	else {
		scan_enter(&a);
		while (r == SPLIT_OK && scan_item(&a) > 0 && scan_value(&a, &v) == 0)
			r = jq_record(s, v.p, v.n);
	}
	scan_release(&a);
	buf_release(&text);
	s->next = r;
	return r;
}

static int
end_whole(struct split *s)
{
	struct scan a = {0};
	struct value v;
	const char *err;
	int r = SPLIT_OK;

	if (s->raw)
		return r;
	scan_init(&a, s->envelope.p, s->envelope.len);
	if (scan_value(&a, &v) < 0 || scan_done(&a) < 0)
		r = split_fail(
		    s, scan_at(&a) > s->envelope.len ? SPLIT_CUT : SPLIT_BAD, "%s", a.err);
	scan_release(&a);
	if (r != SPLIT_OK)
		return r;
	s->next = SPLIT_OK;
	if (jqrun_run(s->records->jq, s->envelope.p, s->envelope.len, jq_result, s, &err) < 0)
		return split_fail(s, SPLIT_SHAPE, "--records: %s", err);
	return s->next;
}

int
split_end(struct split *s)
{
	int r;

	if (s->tabular && (r = take_rows(s, table_end(&s->table, &s->rows))) != SPLIT_OK)
		return r;
	switch (s->state) {
	case START:
		return s->ndjson ? SPLIT_OK : split_fail(s, SPLIT_CUT, "the reply is empty");
	case LINE:
		return line_ends(s);
	case WHOLE:
		return end_whole(s);
	case TAIL:
		return envelope_end(s);
	}
	return split_fail(s, SPLIT_CUT, "the JSON text ends early");
}
