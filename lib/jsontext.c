/* Strings and white space of JSON texts: the conversions of scan.h. */
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(CS_SCALAR)
#include <emmintrin.h>
#define TEXT_SSE2 1
#endif

#include "scan.h"

/* Two quotes, an escape, and what a block may write too much. */
#define QUOTE_ROOM 32

static int
hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return v;
}

static size_t
utf8_put(char *o, uint32_t c)
{
	if (c < 0x80) {
		o[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		o[0] = (char)(0xc0 | c >> 6);
		o[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		o[0] = (char)(0xe0 | c >> 12);
		o[1] = (char)(0x80 | (c >> 6 & 0x3f));
		o[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	o[0] = (char)(0xf0 | c >> 18);
	o[1] = (char)(0x80 | (c >> 12 & 0x3f));
	o[2] = (char)(0x80 | (c >> 6 & 0x3f));
	o[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The code point of the \u escape(s) at p, which is moved behind them; -1 for a lone surrogate. */
static int32_t
code_point(const char **p, const char *end)
{
	int32_t hi = hex4(*p + 2), lo;

	*p += 6;
	if (hi < 0xd800 || hi > 0xdfff)
		return hi;
	if (hi > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	lo = hex4(*p + 2);
	if (lo < 0xdc00 || lo > 0xdfff)
		return -1;
	*p += 6;
	return 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
}

int
json_unescape(struct buf *out, const char *p, size_t n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *end = p + n, *q;
	size_t start = out->len;
	int r = 0;

	if (buf_room(out, n) < 0) /* text never grows */
		return -1;
	while (p < end) {
		int32_t c;

		q = memchr(p, '\\', (size_t)(end - p));
		if (!q)
			q = end;
		memcpy(out->p + out->len, p, (size_t)(q - p));
		out->len += (size_t)(q - p);
		p = q;
		if (p == end)
			break;
		if (p[1] != 'u') {
			out->p[out->len++] = to[strchr(from, p[1]) - from];
			p += 2;
			continue;
		}
		c = code_point(&p, end);
		if (c < 0) {
			out->len = start;
			r = -1;
			break;
		}
		if (c == 0)
			r = JSON_NUL;
		out->len += utf8_put(out->p + out->len, (uint32_t)c);
	}
	out->p[out->len] = '\0';
	return r;
}

/* The escape for the control character c at o. One past it. */
static char *
escape(char *o, unsigned char c)
{
	static const char digits[] = "0123456789abcdef", from[] = "\b\f\n\r\t", to[] = "bfnrt";
	const char *known = c ? strchr(from, c) : NULL;

	*o++ = '\\';
	if (known) {
		*o++ = to[known - from];
		return o;
	}
	memcpy(o, "u00", 3);
	o[3] = digits[c >> 4];
	o[4] = digits[c & 15];
	return o + 5;
}

void
json_quote(struct buf *out, const char *p, size_t n)
{
	const char *end = p + n;
	char *o;

	buf_room(out, n + QUOTE_ROOM);
	o = out->p + out->len;
	*o++ = '"';
	for (;;) {
#ifdef TEXT_SSE2
		const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
		const __m128i high = _mm_set1_epi8((char)0x80),
			      space = _mm_set1_epi8((char)(0x20 - 0x80));

		for (; end - p >= 16; p += 16, o += 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)p);
			int m = _mm_movemask_epi8(
			    _mm_or_si128(_mm_cmplt_epi8(_mm_xor_si128(v, high), space),
				_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash))));

			_mm_storeu_si128((__m128i *)o, v);
			if (m) {
				p += __builtin_ctz((unsigned)m);
				o += __builtin_ctz((unsigned)m);
				break;
			}
		}
#endif
		while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
			*o++ = *p++;
		if (p == end)
			break;
		if (*p == '"' || *p == '\\') {
			*o++ = '\\';
			*o++ = *p++;
		} else {
			o = escape(o, (unsigned char)*p++);
		}
		out->len = (size_t)(o - out->p);
		if (out->cap - out->len < (size_t)(end - p) + QUOTE_ROOM) {
			buf_room(out, (size_t)(end - p) + QUOTE_ROOM);
			o = out->p + out->len;
		}
	}
	*o++ = '"';
	*o = '\0';
	out->len = (size_t)(o - out->p);
}

void
json_compact(struct buf *out, const char *p, size_t n)
{
	const char *end = p + n;
	char *o;

	buf_room(out, n);
	o = out->p + out->len;
	while (p < end) {
		const char *q = p;

		if (*p == '"') {
			for (q++; *q != '"'; q++)
				q += *q == '\\';
			q++;
		} else if (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
			p++;
			continue;
		} else {
			q++;
		}
		memcpy(o, p, (size_t)(q - p));
		o += q - p;
		p = q;
	}
	*o = '\0';
	out->len = (size_t)(o - out->p);
}
