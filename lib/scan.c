#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(CS_SCALAR)
#include <emmintrin.h>
#define SCAN_SSE2 1
#endif

#include "scan.h"

/* JSON white space (RFC 8259, 2). */
static inline bool
is_ws(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
fail(struct scan *s, const char *at, const char *why)
{
	s->p = at < s->end ? at : s->end;
	s->err = why;
	return -1;
}

/* The bytes that end a plain run inside a string: quote, backslash, controls, non-ASCII. */
static inline const char *
plain_end(const char *p)
{
#ifdef SCAN_SSE2
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(0x20); /* signed: also catches >= 0x80 */

	for (;; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		int m = _mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(v, space),
		    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash))));
		if (m)
			return p + __builtin_ctz((unsigned)m);
	}
#else
	while (*p != '"' && *p != '\\' && (signed char)*p >= 0x20)
		p++;
	return p;
#endif
}

/* Length of the UTF-8 sequence at p (RFC 3629, 4), of at least two bytes, or 0. */
static inline int
utf8_seq(const char *q)
{
	const unsigned char *p = (const unsigned char *)q;

#define CONT(i) ((p[i] & 0xc0) == 0x80)
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return CONT(1) ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if (!CONT(1) || !CONT(2) || (p[0] == 0xe0 && p[1] < 0xa0) ||
		    (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (!CONT(1) || !CONT(2) || !CONT(3) || (p[0] == 0xf0 && p[1] < 0x90) ||
		    (p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
#undef CONT
}

int
utf8_valid(const char *p, size_t n)
{
	const char *end = p + n;
	char tail[8];

	while (p < end) {
		int k;

		if (!(*p & 0x80)) {
			p++;
			continue;
		}
		if (end - p >= 4) {
			k = utf8_seq(p);
		} else {
			memset(tail, 0, sizeof tail);
			memcpy(tail, p, (size_t)(end - p));
			k = utf8_seq(tail);
		}
		if (!k)
			return 0;
		p += k;
	}
	return 1;
}

static inline int
hex(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits of an escape, or -1. */
static inline int
hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int d = hex(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* What may follow a backslash, but for u. */
static const bool is_escape[256] = {['"'] = true,
    ['\\'] = true,
    ['/'] = true,
    ['b'] = true,
    ['f'] = true,
    ['n'] = true,
    ['r'] = true,
    ['t'] = true};

/* p is behind the opening quote. The closing quote, or NULL with s->err. */
static inline __attribute__((always_inline)) const char *
string_end(struct scan *s, const char *p, unsigned *flags)
{
	for (;;) {
		p = plain_end(p);
		if (*p == '"') {
			if (p < s->end)
				return p;
			break;
		}
		if (*p & 0x80) {
			do {
				int k = utf8_seq(p);

				if (!k) {
					fail(s, p, "invalid UTF-8");
					return NULL;
				}
				p += k;
			} while (*p & 0x80);
			continue;
		}
		if (*p != '\\')
			break;
		*flags |= VALUE_ESC;
		if (p[1] == 'u') {
			if (hex4(p + 2) < 0) {
				fail(s, p, "invalid \\u escape");
				return NULL;
			}
			p += 6;
		} else if (is_escape[(unsigned char)p[1]]) {
			p += 2;
		} else {
			fail(s, p, "invalid escape");
			return NULL;
		}
	}
	fail(s, p, p < s->end ? "raw control character in a string" : "string without an end");
	return NULL;
}

/* One past the number at p (RFC 8259, 6), or NULL with s->err. */
static inline const char *
number_end(struct scan *s, const char *p, unsigned *flags)
{
	const char *beg = p;

	if (*p == '-')
		p++;
	if (*p == '0') {
		p++;
	} else {
		if (!is_digit(*p))
			goto bad;
		while (is_digit(*p))
			p++;
	}
	if (*p == '.') {
		*flags |= VALUE_REAL;
		if (!is_digit(*++p))
			goto bad;
		while (is_digit(*p))
			p++;
	}
	if ((*p | 0x20) == 'e') {
		*flags |= VALUE_REAL;
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			goto bad;
		while (is_digit(*p))
			p++;
	}
	if (p <= s->end && !is_digit(*p) && *p != '.' && (*p | 0x20) != 'e')
		return p;
bad:
	fail(s, beg, "invalid number");
	return NULL;
}

static inline const char *
literal_end(struct scan *s, const char *p, const char *word, size_t n)
{
	if ((size_t)(s->end - p) >= n && memcmp(p, word, n) == 0)
		return p + n;
	fail(s, p, "unexpected character");
	return NULL;
}

/* The scalar at p. One past it, or NULL with s->err. */
static inline __attribute__((always_inline)) const char *
scalar(struct scan *s, const char *p, unsigned *type, unsigned *flags)
{
	if (p >= s->end) {
		fail(s, p, "text ends too early");
		return NULL;
	}
	switch (*p) {
	case '"':
		*type = JSON_STRING;
		p = string_end(s, p + 1, flags);
		return p ? p + 1 : NULL;
	case 't':
		*type = JSON_TRUE;
		return literal_end(s, p, "true", 4);
	case 'f':
		*type = JSON_FALSE;
		return literal_end(s, p, "false", 5);
	case 'n':
		*type = JSON_NULL;
		return literal_end(s, p, "null", 4);
	default:
		if (*p != '-' && !is_digit(*p)) {
			fail(s, p, "unexpected character");
			return NULL;
		}
		*type = JSON_NUMBER;
		return number_end(s, p, flags);
	}
}

static inline const char *
skip_ws(const struct scan *s, const char *p)
{
	if ((unsigned char)*p > ' ')
		return p;
	while (p < s->end && is_ws(*p))
		p++;
	return p;
}

/* The array or object at s->p, whole: a machine with one bit a level. */
static int
nested(struct scan *s, struct value *v)
{
	uint64_t objects[SCAN_DEPTH / 64 + 1];
	const char *p = s->p, *q;
	int depth = s->depth;
	unsigned type, esc, flags = 0;

#define BIT (UINT64_C(1) << (depth & 63))
#define WS                                                                                         \
	do {                                                                                       \
		if ((unsigned char)*p <= ' ') {                                                    \
			q = p;                                                                     \
			p = skip_ws(s, p);                                                         \
			flags |= p != q ? VALUE_WS : 0;                                            \
		}                                                                                  \
	} while (0)

value:
	if (*p == '{' && p < s->end) {
		if (++depth > SCAN_DEPTH)
			return fail(s, p, "nested too deeply (limit 512)");
		objects[depth >> 6] |= BIT;
		p++;
		WS;
		if (*p != '}')
			goto key;
		goto after; /* which sees the brace */
	}
	if (*p == '[' && p < s->end) {
		if (++depth > SCAN_DEPTH)
			return fail(s, p, "nested too deeply (limit 512)");
		objects[depth >> 6] &= ~BIT;
		p++;
		WS;
		if (*p != ']')
			goto value;
		goto after;
	}
	esc = 0;
	p = scalar(s, p, &type, &esc);
	if (!p)
		return -1;
after:
	WS;
	if (p >= s->end)
		return fail(s, p, "text ends too early");
	if (*p == ',') {
		p++;
		WS;
		if (objects[depth >> 6] & BIT)
			goto key;
		goto value;
	}
	if (*p != ((objects[depth >> 6] & BIT) ? '}' : ']'))
		return fail(s, p,
		    (objects[depth >> 6] & BIT) ? "expected ',' or '}'" : "expected ',' or ']'");
	p++;
	if (--depth > s->depth)
		goto after;
	*v = (struct value){s->p, (size_t)(p - s->p), v->type, (unsigned char)flags};
	s->p = p;
	return 0;
key:
	if (*p != '"' || p >= s->end)
		return fail(s, p, "expected a key");
	esc = 0;
	p = string_end(s, p + 1, &esc);
	if (!p)
		return -1;
	p++;
	WS;
	if (*p != ':' || p >= s->end)
		return fail(s, p, "expected ':'");
	p++;
	WS;
	goto value;
#undef WS
#undef BIT
}

void
scan_init(struct scan *s, const char *p, size_t n)
{
	s->p = s->beg = p;
	s->end = p + n;
	s->err = NULL;
	s->depth = 0;
	s->first = 0;
}

void
scan_release(struct scan *s)
{
	buf_release(&s->key);
}

int
scan_type(struct scan *s)
{
	s->p = skip_ws(s, s->p);
	if (s->p >= s->end)
		return fail(s, s->p, "text ends too early");
	switch (*s->p) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		if (*s->p == '-' || is_digit(*s->p))
			return JSON_NUMBER;
		return fail(s, s->p, "unexpected character");
	}
}

int
scan_enter(struct scan *s)
{
	s->p = skip_ws(s, s->p);
	if (s->p >= s->end || (*s->p != '{' && *s->p != '['))
		return fail(s, s->p, "expected an object or an array");
	if (++s->depth > SCAN_DEPTH)
		return fail(s, s->p, "nested too deeply (limit 512)");
	s->p++;
	s->first = 1;
	return 0;
}

/* Move to the next member or element: 1, 0 when the container ends here, -1. */
static inline int
next(struct scan *s, char close, const char *expected)
{
	const char *p = skip_ws(s, s->p);
	int first = s->first;

	s->first = 0;
	if (p >= s->end)
		return fail(s, p, "text ends too early");
	if (*p == close) {
		s->p = p + 1;
		s->depth--;
		return 0;
	}
	if (!first) {
		if (*p != ',')
			return fail(s, p, expected);
		p = skip_ws(s, p + 1);
	}
	s->p = p;
	return 1;
}

int
scan_key(struct scan *s, struct slice *key)
{
	int r = next(s, '}', "expected ',' or '}'");
	const char *p = s->p, *q;
	unsigned esc = 0;

	if (r <= 0)
		return r;
	if (*p != '"' || p >= s->end)
		return fail(s, p, "expected a key");
	q = string_end(s, ++p, &esc);
	if (!q)
		return -1;
	*key = (struct slice){p, (size_t)(q - p)};
	if (esc) {
		buf_clear(&s->key);
		if (json_unescape(&s->key, key->p, key->n) < 0)
			return fail(s, p, "a lone surrogate in a key");
		*key = (struct slice){s->key.p, s->key.len};
	}
	p = skip_ws(s, q + 1);
	if (*p != ':' || p >= s->end)
		return fail(s, p, "expected ':'");
	s->p = skip_ws(s, p + 1);
	return 1;
}

int
scan_item(struct scan *s)
{
	return next(s, ']', "expected ',' or ']'");
}

static __attribute__((noinline)) int
any_value(struct scan *s, struct value *v)
{
	const char *p = skip_ws(s, s->p), *q;
	unsigned type, flags = 0;

	s->p = p;
	if (p < s->end && (*p == '{' || *p == '[')) {
		v->type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		return nested(s, v);
	}
	q = scalar(s, p, &type, &flags);
	if (!q)
		return -1;
	*v = (struct value){p, (size_t)(q - p), (unsigned char)type, (unsigned char)flags};
	s->p = q;
	return 0;
}

int
scan_done(struct scan *s)
{
	s->p = skip_ws(s, s->p);
	return s->p == s->end ? 0 : fail(s, s->p, "something follows the value");
}

int
scan_value(struct scan *s, struct value *v)
{
	const char *p = s->p, *q;

	/* Most are short strings of plain ASCII. */
	if (*p == '"') {
		q = plain_end(p + 1);
		if (*q == '"' && q < s->end) {
			*v = (struct value){p, (size_t)(q + 1 - p), JSON_STRING, 0};
			s->p = q + 1;
			return 0;
		}
	}
	return any_value(s, v);
}

size_t
scan_at(const struct scan *s)
{
	return (size_t)(s->p - s->beg) + 1;
}

int
scan_text(const char *p, size_t n, struct value *v, const char **err)
{
	struct scan s = {0};

	scan_init(&s, p, n);
	if (scan_value(&s, v) == 0 && scan_done(&s) == 0)
		return 0;
	*err = s.err;
	return -1;
}

/* Inside a string: the next quote or backslash in p..end, or end. */
static inline const char *
find_quote(const char *p, const char *end)
{
#ifdef SCAN_SSE2
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		int m = _mm_movemask_epi8(
		    _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
		if (m)
			return p + __builtin_ctz((unsigned)m);
	}
#endif
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Outside strings: the next quote or bracket in p..end, or end. */
static inline const char *
find_bracket(const char *p, const char *end)
{
#ifdef SCAN_SSE2
	const __m128i quote = _mm_set1_epi8('"'), low = _mm_set1_epi8(0x20);
	const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i w = _mm_or_si128(v, low); /* [ and ] become { and } */
		int m = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(w, open), _mm_cmpeq_epi8(w, close))));
		if (m)
			return p + __builtin_ctz((unsigned)m);
	}
#endif
	while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}')
		p++;
	return p;
}

static inline bool
in_scalar(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || c == '+' || c == '-' || c == '.' ||
	       c == 'E';
}

ssize_t
scan_find(struct scan_find *s, const char *p, size_t n)
{
	const char *beg = p, *end = p + n;

	if (s->done || !n)
		return 0;
	if (s->depth == 0 && !s->in_string && !s->scalar && *p != '"' && *p != '{' && *p != '[') {
		if (!in_scalar(*p))
			return -1;
		s->scalar = 1;
	}
	if (s->scalar) {
		while (p < end && in_scalar(*p))
			p++;
		s->done = p < end;
		return p - beg;
	}
	while (p < end) {
		if (s->escaped) {
			s->escaped = 0;
			p++;
			continue;
		}
		p = s->in_string ? find_quote(p, end) : find_bracket(p, end);
		if (p == end)
			break;
		if (*p == '"')
			s->in_string = !s->in_string;
		else if (*p == '\\')
			s->escaped = 1;
		else if ((*p | 0x20) == '{' && ++s->depth > SCAN_DEPTH)
			return -1;
		else if ((*p | 0x20) == '}')
			s->depth--;
		p++;
		if (s->depth == 0 && !s->in_string && !s->escaped) {
			s->done = 1;
			break;
		}
	}
	return p - beg;
}
