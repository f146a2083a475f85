#include "split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jqrun.h"

enum { START, ENVELOPE, GAP, ELEMENT, LINE, WHOLE, TAIL };
enum { FIRST, COMMA, ITEM }; /* next: an item or ], a comma or ], an item */

static int
give_up(struct split *s, int result, const char *fmt, ...)
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

static int
too_large(struct split *s)
{
	return give_up(
	    s, SPLIT_LIMIT, "the page is larger than --max-page (%zu bytes)", s->max_page);
}

/* The records. */

/* Is one of the letters of @cs written as \u00XX? */
static bool
hides_letters(const char *p, size_t n)
{
	static const char *const letters[] = {"40", "63", "73"};
	const char *end = p + n;

	/* What follows is readable: the record is valid. */
	for (; (p = memchr(p, '\\', end - p)) != NULL; p += 2)
		if (memcmp(p + 1, "u00", 3) == 0)
			for (int i = 0; i < 3; i++)
				if (memcmp(p + 4, letters[i], 2) == 0)
					return true;
	return false;
}

static bool
names_cs(const char *p, size_t n)
{
	const char *at = p, *end = p + n;

	for (; (at = memchr(at, '@', end - at)) != NULL; at++)
		if (at > p && at[-1] == '"' && memcmp(at, "@cs\"", 4) == 0)
			return true;
	return false;
}

static bool
has_cs(const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	bool found = false;

	if (!names_cs(p, n) && !hides_letters(p, n))
		return false;
	scan_init(&s, p, n);
	scan_enter(&s);
	while (!found && scan_key(&s, &key) > 0) {
		found = slice_is(key, "@cs");
		if (scan_value(&s, &v) < 0)
			break;
	}
	scan_release(&s);
	return found;
}

/* Put head before and } behind what stands at page[start..]. */
static int
wrap(struct split *s, size_t start, const char *head)
{
	size_t h = strlen(head), n = s->page.len - start;

	if (buf_room(&s->page, h + 1) < 0)
		return -1;
	memmove(s->page.p + start + h, s->page.p + start, n);
	memcpy(s->page.p + start, head, h);
	s->page.len += h;
	return buf_addc(&s->page, '}');
}

/* page[start..] becomes p[0..n), which may be a part of it. */
static void
put_back(struct split *s, size_t start, const char *p, size_t n)
{
	if (p != s->page.p + start)
		memmove(s->page.p + start, p, n);
	s->page.len = start + n;
	s->page.p[s->page.len] = '\0';
}

static int
finish_record(struct split *s, size_t start)
{
	const struct path *r = s->records;
	struct value v;
	const char *err;

	if (s->page.len - start > s->max_record)
		return give_up(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (scan_text(s->page.p + start, s->page.len - start, &v, &err) < 0)
		return give_up(s, SPLIT_BAD, "record %llu: %s",
		    (unsigned long long)(s->before + s->n + 1), err);
	if (r != NULL && r->jq == NULL && r->n_outer < r->n_step) {
		if (!path_walk(r, r->n_outer, r->n_step, v.p, v.n, &v))
			return give_up(s, SPLIT_SHAPE, "--records %s: element %llu has none",
			    r->text, (unsigned long long)(s->before + s->n + 1));
		put_back(s, start, v.p, v.n);
		v.p = s->page.p + start;
	}
	if (v.flags & VALUE_WS) {
		buf_clear(&s->scratch);
		json_compact(&s->scratch, v.p, v.n);
		put_back(s, start, s->scratch.p, s->scratch.len);
	} else
		put_back(s, start, v.p, v.n);
	if ((v.type != JSON_OBJECT && wrap(s, start, "{\"value\":") < 0) ||
	    (v.type == JSON_OBJECT && has_cs(s->page.p + start, s->page.len - start) &&
		wrap(s, start, WRAP_HEAD) < 0) ||
	    buf_addc(&s->page, '\n') < 0)
		return too_large(s);
	s->n++;
	return SPLIT_OK;
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

struct slice
split_record(const char *line, size_t n)
{
	size_t h = sizeof(WRAP_HEAD) - 1;

	if (n > h && memcmp(line, WRAP_HEAD, h) == 0)
		return (struct slice){line + h, n - h - 1};
	return (struct slice){line, n};
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
	return give_up(s, SPLIT_BAD, "after record %llu: unexpected '%c'",
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
		return give_up(s, SPLIT_BAD, "record %llu: nested deeper than %d",
		    (unsigned long long)(s->before + s->n + 1), SCAN_DEPTH);
	if (s->page.len - s->start + used > s->max_record)
		return give_up(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (buf_add(&s->page, *p, used) < 0)
		return too_large(s);
	*p += used;
	*n -= used;
	if (!s->find.done)
		return SPLIT_OK;
	s->state = GAP;
	s->next = COMMA;
	return finish_record(s, s->start);
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
	    has_cs(v.p, v.n) || buf_room(&s->page, v.n + 1) < 0)
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

/*
 * The envelope, byte by byte. Its grammar is checked when it is whole; here only
 * strings, brackets and the keys on the path are told apart.
 */

static void
key_ends(struct split *s)
{
	const struct slice *want = &s->records->step[s->matched];
	const char *p = s->envelope.p + s->key_at, *err;
	size_t n = s->envelope.len - s->key_at - 1;
	struct value v;

	s->key = false;
	s->here = slice_eq(*want, p, n);
	if (memchr(p, '\\', n) == NULL || scan_text(p - 1, n + 2, &v, &err) < 0)
		return;
	buf_clear(&s->scratch);
	s->here = json_unescape(&s->scratch, p, n) == 0 &&
		  slice_eq(*want, s->scratch.p ? s->scratch.p : "", s->scratch.len);
}

static void
in_string(struct split *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"') {
		s->in_string = false;
		if (s->key)
			key_ends(s);
		else
			s->here = false;
	}
}

static int
opens(struct split *s, char c)
{
	int steps = s->records != NULL ? s->records->n_outer : 0;
	int taken = s->depth > 0 ? s->matched + 1 : 0; /* steps that lead into this value */

	if (s->here && c == '[' && taken == steps) {
		s->seen = true;
		s->here = false;
		s->state = GAP;
		s->next = FIRST;
		return SPLIT_OK;
	}
	if (++s->depth > SCAN_DEPTH)
		return give_up(s, SPLIT_BAD, "nested deeper than %d", SCAN_DEPTH);
	if (s->here && c == '{' && taken < steps) {
		s->on = s->depth;
		s->matched = taken;
		s->key = true;
	}
	s->here = false;
	return SPLIT_OK;
}

static void
closes(struct split *s)
{
	if (s->depth == s->on) {
		s->on--;
		s->matched--;
	}
	s->here = s->key = false;
	if (--s->depth == 0)
		s->state = TAIL;
}

/* Where the envelope has arrays, two levels deep; it need not be whole. */
static void
list_arrays(const struct split *s, struct buf *out)
{
	struct scan a = {0};
	struct buf outer = {0};
	struct slice key;
	struct value v;
	int depth = 1, r, type;

	scan_init(&a, s->envelope.p, s->envelope.len);
	if (scan_type(&a) != JSON_OBJECT || scan_enter(&a) < 0)
		depth = 0;
	while (depth > 0 && (r = scan_key(&a, &key)) >= 0) {
		if (r == 0) {
			depth--;
			continue;
		}
		if (depth == 1) {
			buf_clear(&outer);
			buf_add(&outer, key.p, key.n);
		}
		type = scan_type(&a);
		if (type == JSON_ARRAY && out->len < 200)
			buf_addf(out, depth == 1 ? "%s .%s" : "%s .%s.%.*s",
			    out->len > 0 ? "," : "", outer.p, (int)key.n, key.p);
		if (type == JSON_OBJECT && depth == 1) {
			scan_enter(&a);
			depth++;
		} else if (scan_value(&a, &v) < 0)
			break;
	}
	scan_release(&a);
	buf_release(&outer);
}

static int
no_array(struct split *s, int result, const char *what)
{
	struct buf arrays = {0};

	list_arrays(s, &arrays);
	if (s->records != NULL)
		give_up(s, 0, "--records %s: %s", s->records->text, what);
	else
		give_up(s, 0, "the reply is an object, not an array");
	if (arrays.len > 0)
		buf_addf(&s->why, "; it has arrays at%s%s", arrays.p,
		    s->records == NULL ? ": name one with --records" : "");
	buf_release(&arrays);
	return result;
}

static int
envelope_full(struct split *s)
{
	if (!s->seen)
		return no_array(s, SPLIT_LIMIT, "no such array in the first MiB of the reply");
	return give_up(s, SPLIT_LIMIT, "more than %u bytes stand beside the records", ENVELOPE_MAX);
}

static int
envelope(struct split *s, char c)
{
	if (buf_addc(&s->envelope, c) < 0)
		return envelope_full(s);
	if (s->in_string) {
		in_string(s, c);
		return s->seen && s->here ? give_up(s, SPLIT_BAD, "the records' place comes twice")
					  : SPLIT_OK;
	}
	switch (c) {
	case '"':
		s->in_string = true;
		s->key = s->key && s->depth == s->on;
		s->key_at = s->envelope.len;
		break;
	case '{':
	case '[':
		return opens(s, c);
	case '}':
	case ']':
		closes(s);
		break;
	case ',':
		if (s->depth == s->on) {
			s->key = true;
			s->here = false;
		}
		break;
	}
	return SPLIT_OK;
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
	n = finish_record(s, n);
	s->start = s->page.len;
	return n;
}

static int
line(struct split *s, const char **p, size_t *n)
{
	const char *nl = memchr(*p, '\n', *n);
	size_t take = nl != NULL ? (size_t)(nl - *p) : *n;

	if (s->page.len - s->start + take > s->max_record)
		return give_up(s, SPLIT_LIMIT,
		    "record %llu is larger than --max-record (%zu bytes)",
		    (unsigned long long)(s->before + s->n + 1), s->max_record);
	if (buf_add(&s->page, *p, take) < 0)
		return too_large(s);
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
		return give_up(s, SPLIT_SHAPE, "the reply is not JSON");
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
		return give_up(s, SPLIT_SHAPE, "the reply is not a JSON object or array");
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
	return give_up(s, SPLIT_BAD, "something follows after the end of the JSON text");
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
		r = buf_add(&s->envelope, *p, *n) < 0 ? too_large(s) : SPLIT_OK;
		*n = 0;
		return r;
	}
	r = s->state == ENVELOPE ? envelope(s, **p) : tail(s, **p);
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
	return r != SPLIT_OK || wrong == NULL ? r : give_up(s, SPLIT_BAD, "%s", wrong);
}

int
split_feed(struct split *s, const char *p, size_t n)
{
	int r;

	s->fed += n;
	if (s->fed > s->max_page)
		return too_large(s);
	if (s->keep && buf_add(&s->body, p, n) < 0)
		return too_large(s);
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
	return buf_add(&s->page, p, n) < 0 ? too_large(s) : finish_record(s, s->start);
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
		r = no_array(s, SPLIT_SHAPE, "gives null");
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
		r = give_up(s, scan_at(&a) > s->envelope.len ? SPLIT_CUT : SPLIT_BAD, "%s", a.err);
	scan_release(&a);
	if (r != SPLIT_OK)
		return r;
	s->next = SPLIT_OK;
	if (jqrun_run(s->records->jq, s->envelope.p, s->envelope.len, jq_result, s, &err) < 0)
		return give_up(s, SPLIT_SHAPE, "--records: %s", err);
	return s->next;
}

static int
end_envelope(struct split *s)
{
	static const char *const is[] = {[JSON_NULL] = "is null",
	    [JSON_FALSE] = "is false",
	    [JSON_TRUE] = "is true",
	    [JSON_NUMBER] = "is a number",
	    [JSON_STRING] = "is text",
	    [JSON_ARRAY] = "is not reached",
	    [JSON_OBJECT] = "is an object, not an array"};
	const struct path *r = s->records;
	struct value v;
	const char *err;

	if (scan_text(s->envelope.p, s->envelope.len, &v, &err) < 0)
		return give_up(s, SPLIT_BAD, "%s", err);
	if (s->seen)
		return SPLIT_OK;
	if (r == NULL || !path_walk(r, 0, r->n_outer, v.p, v.n, &v))
		return no_array(s, SPLIT_SHAPE, "is not there");
	return no_array(s, SPLIT_SHAPE, is[v.type]);
}

int
split_end(struct split *s)
{
	int r;

	if (s->tabular && (r = take_rows(s, table_end(&s->table, &s->rows))) != SPLIT_OK)
		return r;
	switch (s->state) {
	case START:
		return s->ndjson ? SPLIT_OK : give_up(s, SPLIT_CUT, "the reply is empty");
	case LINE:
		return line_ends(s);
	case WHOLE:
		return end_whole(s);
	case TAIL:
		return end_envelope(s);
	}
	return give_up(s, SPLIT_CUT, "the JSON text ends early");
}
