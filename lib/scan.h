/*
 * The JSON scanner: strict RFC 8259 and UTF-8 over a byte slice, in one pass,
 * without allocation or recursion. It never builds a tree and never converts:
 * numbers and strings stay slices of the input.
 *
 * The text must be followed by BUF_PAD readable bytes of which the first is not
 * part of it (a newline, NUL, or any other byte): struct buf and struct lines
 * see to that.
 *
 * Policy where RFC 8259 leaves a choice:
 * - depth: 512 levels of nesting, counted in constant memory; more is an error
 * - a byte order mark is an error here; readers skip one at the start of input
 * - invalid UTF-8 (overlong forms, surrogates, > U+10FFFF) is an error
 * - \u0000 and lone surrogate escapes are accepted and stay as written;
 *   whoever must decode them (json_unescape) is told and decides
 * - duplicate keys are reported as they come; consumers let the last win, at
 *   the place of the first
 *
 * How to walk:
 *	scan_init(&s, p, n);
 *	if (scan_type(&s) == JSON_OBJECT) {
 *		scan_enter(&s);
 *		while ((r = scan_key(&s, &key)) > 0)
 *			... scan_enter() again, or:
 *			scan_value(&s, &v);
 *	}
 *	if (r < 0 || scan_done(&s) < 0) ... s.err says why, scan_at(&s) where
 * The caller's own control flow remembers what it is inside of.
 */
#ifndef SCAN_H
#define SCAN_H

#include <sys/types.h>
#if defined(__SSE2__) && !defined(CS_SCALAR)
#include <emmintrin.h>
#endif

#include "buf.h"
#include "cs.h"

#define SCAN_DEPTH 512

enum json_type {
	JSON_NULL = 1,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

enum {
	VALUE_ESC = 1,	/* a string (or key) with a backslash in it */
	VALUE_REAL = 2, /* a number with a fraction or an exponent */
	VALUE_WS = 4	/* an array or object with white space between tokens */
};

/* A whole value as it stands in the text; strings with their quotes. */
struct value {
	const char *p;
	size_t n; /* bytes */
	unsigned char type;
	unsigned char flags;
};

struct scan {
	const char *p;	 /* next byte */
	const char *beg; /* the text */
	const char *end; /* one past it */
	const char *err; /* why the last call returned -1; static */
	int depth;
	int first;	/* just inside a container */
	struct buf key; /* decoded key; kept from record to record */
};

/* s must be zeroed before its first use; afterwards the same s may be initialised again. */
void	scan_init(struct scan *s, const char *p, size_t n);
void	scan_release(struct scan *s);
/* Type of the value at the cursor, by its first byte, or -1. */
int	scan_type(struct scan *s);
/* Step into the object or array at the cursor. 0 or -1. */
int	scan_enter(struct scan *s);
/*
 * Inside an object: 1 and the next member's key (decoded; valid until the next
 * scan_key on s), with the cursor at its value; 0 when the object has just been
 * closed; -1 on error, which includes a key whose escapes are no Unicode text.
 */
int	scan_key(struct scan *s, struct slice *key);
/* Inside an array: 1 with the cursor at the next element; 0 when just closed; -1. */
int	scan_item(struct scan *s);
/* Read the value at the cursor whole, nested or not. 0 or -1. */
int	scan_value(struct scan *s, struct value *v);
/* 0 if nothing but white space is left, else -1. */
int	scan_done(struct scan *s);
/* Offset in bytes, from 1, where the last error was met. */
size_t	scan_at(const struct scan *s);
/* Is the text one valid JSON value? 0, or -1 with *err the reason. *v is the value. */
int	scan_text(const char *p, size_t n, struct value *v, const char **err);

/*
 * Inside an object: is the next thing this member's key, raw[0..n) with quotes and colon, both followed by BUF_PAD
 * bytes, and without white space? If so 1, as from scan_key(); else 0 and nothing has happened. Much
 * quicker, where it can be foreseen which key comes.
 */
static inline int
scan_expect(struct scan *s, const char *raw, size_t n)
{
	const char *p = s->p;

	if (!s->first) {
		if (*p != ',')
			return 0;
		p++;
	}
	if (p + n >= s->end)
		return 0;
#if defined(__SSE2__) && !defined(CS_SCALAR)
	for (size_t i = 0; i < n; i += 16) {
		unsigned same = (unsigned)_mm_movemask_epi8(
		    _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + i)),
			_mm_loadu_si128((const __m128i *)(raw + i))));

		if (n - i < 16)
			same |= ~0u << (n - i);
		if ((same & 0xffff) != 0xffff)
			return 0;
	}
#else
	if (__builtin_memcmp(p, raw, n) != 0)
		return 0;
#endif
	if ((unsigned char)p[n] <= ' ')
		return 0;
	s->first = 0;
	s->p = p + n;
	return 1;
}

/* The bytes between a string's quotes, still escaped where VALUE_ESC. */
static inline struct slice
value_inner(const struct value *v)
{
	return (struct slice){v->p + 1, v->n - 2};
}

static inline int
slice_eq(struct slice a, const char *p, size_t n)
{
	return a.n == n && __builtin_memcmp(a.p, p, n) == 0;
}

static inline int
slice_is(struct slice a, const char *s)
{
	return slice_eq(a, s, __builtin_strlen(s));
}

/*
 * Append the text of an escaped, valid JSON string body (no quotes).
 * 0; JSON_NUL when it holds U+0000 (decoded as a NUL byte); -1 when it holds a
 * lone surrogate, which no UTF-8 can say (nothing is appended).
 */
#define JSON_NUL 1
int	json_unescape(struct buf *out, const char *p, size_t n);
/* Append the text as a JSON string with quotes; p[0..n) must be UTF-8. */
void	json_quote(struct buf *out, const char *p, size_t n);
/* Append a valid JSON text without the white space between its tokens. */
void	json_compact(struct buf *out, const char *p, size_t n);
/* Is p[0..n) strict UTF-8? */
int	utf8_valid(const char *p, size_t n);

/*
 * Find where a value that arrives in pieces ends. Zero the struct, then feed
 * chunks from the value's first byte on: returns how many bytes of the chunk belong to
 * it; s->done is set with the last one. Checks brackets, strings and depth only:
 * run scan_text() over the whole. Numbers and literals end before the first
 * byte that cannot be part of one.
 * -1: deeper than SCAN_DEPTH, or not the start of a value.
 */
struct scan_find {
	int depth;
	unsigned char in_string, escaped, scalar, done;
};
ssize_t scan_find(struct scan_find *s, const char *p, size_t n);

#endif
