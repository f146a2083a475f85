#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cs.h"

#define TOUCH (256u << 10) /* bytes */

static void
no_memory(void)
{
	errx(CS_IO, "out of memory");
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		no_memory();
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		no_memory();
	return p;
}

void *
xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		no_memory();
	return p;
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		no_memory();
	return xrealloc(p, n * size);
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		no_memory();
	va_end(ap);
	return s;
}

int
buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap;

	if (n > SIZE_MAX - BUF_PAD - b->len || (b->max && b->len + n > b->max))
		return -1;
	if (b->p && b->len + n <= cap)
		return 0;
	if (cap < 64)
		cap = 64;
	while (cap < b->len + n)
		cap = cap > SIZE_MAX / 2 - BUF_PAD ? b->len + n : cap * 2;
	if (b->max && cap > b->max)
		cap = b->max;
	b->p = xrealloc(b->p, cap + BUF_PAD);
	/* Large ones are not touched before they are used: half of what doubling gives never is. */
	if (cap <= TOUCH) {
		memset(b->p + b->len, 0, cap + BUF_PAD - b->len);
	} else {
		memset(b->p + b->len, 0, b->len + BUF_PAD <= cap ? BUF_PAD : cap - b->len);
		memset(b->p + cap, 0, BUF_PAD);
	}
	b->cap = cap;
	return 0;
}

/* As buf_room(), for when there is room already: cap is never beyond max. */
static inline int
room(struct buf *b, size_t n)
{
	return b->p && n <= b->cap - b->len ? 0 : buf_room(b, n);
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	if (room(b, n) < 0)
		return -1;
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
	return 0;
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addc(struct buf *b, char c)
{
	if (room(b, 1) < 0)
		return -1;
	b->p[b->len++] = c;
	b->p[b->len] = '\0';
	return 0;
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n, r;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		no_memory();
	r = buf_add(b, s, (size_t)n);
	free(s);
	return r;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = '\0';
}

void
buf_release(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
}

char *
buf_steal(struct buf *b)
{
	char *p;

	if (!b->p && buf_room(b, 1) < 0)
		return xstrdup("");
	p = b->p;
	p[b->len] = '\0';
	b->p = NULL;
	b->len = b->cap = 0;
	return p;
}
