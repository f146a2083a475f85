#include "csvread.h"

#include <stdlib.h>
#include <string.h>

/* Where we are in a row: before a field, in it, in quotes, behind a quote in quotes, behind a CR. */
enum { BEFORE, PLAIN, QUOTED, QUOTE, CR };

static int
bad(struct csvread *c, const char *why)
{
	c->err = why;
	return -1;
}

static int
take(struct csvread *c, const char *p, size_t n)
{
	if (c->max > 0 && c->mem.len + n > c->max)
		return bad(c, "a row is too long");
	return buf_add(&c->mem, p, n);
}

/* The field is whole; until the row is, its text is an offset: mem may move. */
static void
end_field(struct csvread *c, bool quoted)
{
	if (c->n == c->cap) {
		c->cap = c->cap > 0 ? c->cap * 2 : 16;
		c->field = xreallocarray(c->field, c->cap, sizeof(*c->field));
	}
	c->field[c->n++] =
	    (struct csvread_field){.text.n = c->mem.len - c->start, .quoted = quoted};
	c->start = c->mem.len;
	c->state = BEFORE;
}

static int
end_row(struct csvread *c, bool crlf)
{
	const char *p;

	buf_addc(&c->mem, '\0'); /* so that there is a text */
	p = c->mem.p;
	for (size_t i = 0; i < c->n; p += c->field[i++].text.n)
		c->field[i].text.p = p;
	c->crlf = crlf;
	c->last = true;
	return 1;
}

static void
begin_row(struct csvread *c)
{
	buf_clear(&c->mem);
	c->n = c->start = 0;
	c->state = BEFORE;
	c->last = false;
	c->line = c->lines + 1;
}

/* The first bytes may be a mark: it is taken off whole. Returns how many bytes were. */
static size_t
skip_mark(struct csvread *c, const char *p, size_t n)
{
	static const char mark[] = "\xef\xbb\xbf";
	size_t i = 0;

	for (; c->bom >= 0 && i < n; i++) {
		if (p[i] != mark[c->bom]) {
			buf_add(&c->mem, mark, (size_t)c->bom); /* no mark, but text */
			c->state = c->bom > 0 ? PLAIN : BEFORE;
			c->bom = -1;
			break;
		}
		c->bom = c->bom == 2 ? -1 : c->bom + 1;
	}
	return i;
}

/* The run of bytes of a field that mean nothing but themselves. */
static size_t
plain(const struct csvread *c, const char *p, size_t n)
{
	const char *q;
	size_t i;

	if (c->state == QUOTED) {
		q = memchr(p, '"', n);
		return q != NULL ? (size_t)(q - p) : n;
	}
	for (i = 0; i < n && p[i] != c->delimiter && p[i] != '\n' && p[i] != '\r'; i++)
		;
	return i;
}

/* One byte that means something. 1: a row is whole. */
static int
step(struct csvread *c, char b)
{
	bool quoted = c->state == QUOTE;

	switch (c->state) {
	case QUOTED: /* only a quote comes here */
		c->state = QUOTE;
		return 0;
	case QUOTE:
		if (b == '"') {
			c->state = QUOTED;
			return take(c, &b, 1);
		}
		break;
	case CR:
		if (b != '\n')
			return bad(c, "a carriage return that ends no line");
		c->lines++;
		return c->n > 0 ? end_row(c, true) : (begin_row(c), 0);
	}
	if (b == c->delimiter)
		end_field(c, quoted);
	else if (b == '\n' || b == '\r') {
		/* A line without a byte is no row. */
		if (c->n > 0 || c->state != BEFORE)
			end_field(c, quoted);
		if (b == '\r')
			c->state = CR;
		else if (c->lines++, c->n > 0)
			return end_row(c, false);
		else
			begin_row(c);
	} else if (c->state == BEFORE && b == '"')
		c->state = QUOTED;
	else if (quoted)
		return bad(c, "text behind a closing quote");
	else {
		c->state = PLAIN;
		return take(c, &b, 1);
	}
	return 0;
}

static void
count_lines(struct csvread *c, const char *p, size_t n)
{
	const char *end = p + n;

	for (; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		c->lines++;
}

int
csvread_next(struct csvread *c, const char **p, size_t *n)
{
	size_t k;
	int r;

	if (c->delimiter == '\0')
		c->delimiter = ',';
	if (c->last || c->line == 0)
		begin_row(c);
	k = skip_mark(c, *p, *n);
	*p += k;
	*n -= k;
	while (*n > 0) {
		if (c->state == PLAIN || c->state == QUOTED) {
			k = plain(c, *p, *n);
			if (c->state == QUOTED)
				count_lines(c, *p, k);
			if (take(c, *p, k) < 0)
				return -1;
			*p += k;
			*n -= k;
			if (*n == 0)
				break;
		}
		r = step(c, **p);
		++*p;
		--*n;
		if (r != 0)
			return r;
	}
	return 0;
}

int
csvread_end(struct csvread *c)
{
	if (c->last || c->line == 0)
		begin_row(c);
	if (c->bom > 0) { /* half a mark is text */
		buf_add(&c->mem, "\xef\xbb", (size_t)c->bom);
		c->state = PLAIN;
		c->bom = -1;
	}
	if (c->state == QUOTED)
		return bad(c, "a quoted field without its closing quote");
	if (c->state == CR)
		return bad(c, "a carriage return that ends no line");
	if (c->n == 0 && c->state == BEFORE)
		return 0;
	end_field(c, c->state == QUOTE);
	return end_row(c, false);
}

void
csvread_release(struct csvread *c)
{
	free(c->field);
	buf_release(&c->mem);
	*c = (struct csvread){.delimiter = c->delimiter, .max = c->max};
}
