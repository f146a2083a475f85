#include <ctype.h>
#include <string.h>

#include "names.h"

/*
 * ASCII only, whatever the locale: the rules' authors mean it so, and what is beyond becomes
 * an underscore.
 */
static bool
upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
word(char c)
{
	return upper(c) || lower(c) || digit(c) || c == '_';
}

/* Lower case, runs of underscores as one. */
static void
add(struct buf *out, size_t start, char c)
{
	if (c == '_' && out->len > start && out->p[out->len - 1] == '_')
		return;
	buf_addc(out, upper(c) ? (char)(c | 0x20) : c);
}

/* dlt, step 1: some signs have letters of their own, other runs become an underscore. */
static void
reduce(struct buf *b, const char *p, size_t n)
{
	static const char signs[] = "+-*@|", letters[] = "x_xal";

	bool run = false;

	for (size_t i = 0; i < n; i++) {
		const char *sign = p[i] ? strchr(signs, p[i]) : NULL;
		char c = sign ? letters[sign - signs] : p[i];

		if (word(c) || !run)
			buf_addc(b, word(c) ? c : '_');
		run = !word(c);
	}
}

/* dlt, step 2: a capital and what follows it in lower case is a word, wherever it stands. */
static void
break_words(struct buf *b, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		buf_addc(b, p[i]);
		if (p[i++] == '_' || i + 1 >= n || !upper(p[i]) || !lower(p[i + 1]))
			continue;
		buf_addc(b, '_');
		buf_addc(b, p[i++]);
		while (i < n && lower(p[i]))
			buf_addc(b, p[i++]);
	}
}

/* dlt, step 3: a capital after a small letter or digit begins a word. */
static void
break_capitals(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_addc(b, p[i]);
		if (i + 1 < n && (lower(p[i]) || digit(p[i])) && upper(p[i + 1])) {
			buf_addc(b, '_');
			buf_addc(b, p[++i]);
		}
	}
}

static int
snake(struct buf *out, const char *p, size_t n)
{
	struct buf a = {0}, b = {0};
	size_t start = out->len, len;

	while (n && isspace((unsigned char)*p))
		p++, n--;
	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	reduce(&a, p, n);
	break_words(&b, a.p, a.len);
	buf_clear(&a);
	break_capitals(&a, b.p, b.len);
	/* Last: no digit at the beginning, no underscore at the end, no two in a row. */
	if (a.len && digit(a.p[0]))
		buf_addc(out, '_');
	for (len = a.len; len && a.p[len - 1] == '_';)
		len--;
	for (size_t i = 0; i < a.len; i++)
		add(out, start, i < len ? a.p[i] : 'x');
	buf_release(&a);
	buf_release(&b);
	return out->len > start ? 0 : -1;
}

/* Words break at small letter to capital and between letters and digits. */
static int
fivetran(struct buf *out, const char *p, size_t n)
{
	size_t start = out->len;

	for (size_t i = 0; i < n; i++) {
		char c = word(p[i]) ? p[i] : '_', last = i && word(p[i - 1]) ? p[i - 1] : '_';

		if (c != '_' && last != '_' &&
		    ((lower(last) && upper(c)) || digit(last) != digit(c)))
			add(out, start, '_');
		add(out, start, c);
	}
	return out->len > start ? 0 : -1;
}

int
name_key(struct buf *out, enum names how, const char *p, size_t n)
{
	switch (how) {
	case NAMES_SNAKE:
		return snake(out, p, n);
	case NAMES_FIVETRAN:
		return fivetran(out, p, n);
	default:
		return buf_add(out, p, n);
	}
}
