#include "python.h"

#include <stdint.h>
#include <string.h>

#include "scan.h"

/* The code unit as it stands in Python's text: itself, a short escape or \uXXXX. */
static void
add_unit(struct buf *out, unsigned c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	const char *known = c && c < 0x80 ? strchr(from, (int)c) : NULL;
	char e[2] = "\\";

	if (known) {
		e[1] = to[known - from];
		buf_add(out, e, 2);
	} else if (c >= 0x20 && c < 0x7f) {
		buf_addc(out, (char)c);
	} else {
		buf_addf(out, "\\u%04x", c);
	}
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The escape at p. One past it. */
static const char *
escape(struct buf *out, const char *p)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known = strchr(from, p[1]);

	if (p[1] == 'u') {
		add_unit(out, (unsigned)(digit(p[2]) << 12 | digit(p[3]) << 8 | digit(p[4]) << 4 |
					 digit(p[5])));
		return p + 6;
	}
	add_unit(out, (unsigned char)(known ? to[known - from] : p[1]));
	return p + 2;
}

/* The UTF-8 sequence at p, as one or two code units. One past it. */
static const char *
sequence(struct buf *out, const char *p)
{
	unsigned c = (unsigned char)*p++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;

	c &= 0x3fu >> more;
	while (more--)
		c = c << 6 | (*p++ & 0x3f);
	if (c >= 0x10000) {
		add_unit(out, 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + (c & 0x3ff);
	}
	add_unit(out, c);
	return p;
}

/* The string at p, behind its quote. One past its end. */
static const char *
string(struct buf *out, const char *p)
{
	buf_addc(out, '"');
	while (*p != '"') {
		if (*p == '\\')
			p = escape(out, p);
		else if (*p & 0x80)
			p = sequence(out, p);
		else
			add_unit(out, (unsigned char)*p++);
	}
	buf_addc(out, '"');
	return p + 1;
}

void
python_json(struct buf *out, const char *p, size_t n)
{
	for (const char *end = p + n; p < end;) {
		if (*p == '"') {
			p = string(out, p + 1);
			continue;
		}
		if (!strchr(" \t\r\n", *p))
			buf_addc(out, *p);
		if (*p == ',' || *p == ':')
			buf_addc(out, ' ');
		p++;
	}
}
