#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "jqlook.h"

/* Functions and keywords that look at no number's value and make no number, but by the prelude's +; sorted. */
static const char *const calm_names[] = {"INDEX", "add", "all", "and", "any", "arrays", "as",
    "ascii_downcase", "ascii_upcase", "booleans", "break", "ceil", "def", "del", "delpaths", "elif",
    "else", "empty", "end", "endswith", "error", "fabs", "false", "first", "flatten", "floor",
    "foreach", "format", "getpath", "gsub", "has", "if", "in", "isempty", "iterables", "join",
    "label", "limit", "ltrimstr", "map", "map_values", "nearbyint", "not", "null", "nulls",
    "numbers", "objects", "or", "recurse", "reduce", "reverse", "rint", "round", "rtrimstr",
    "scalars", "select", "setpath", "split", "startswith", "strings", "sub", "test", "then",
    "tojson", "tostring", "true", "trunc", "try", "type", "values", "walk"};

/* Those that make text of numbers; sorted. */
static const char *const text_names[] = {"INDEX", "format", "join", "tojson", "tostring"};

/* Those that jqrun.c has an eye on; sorted. */
static const char *const sum_names[] = {"add", "ceil", "dateadd", "datesub", "drem", "fabs", "fdim",
    "floor", "fma", "fmod", "hypot", "ldexp", "modf", "nearbyint", "nextafter", "nexttoward", "pow",
    "range", "remainder", "rint", "round", "scalb", "scalbln", "trunc"};

/* Those with which a program may add again and again; sorted. */
static const char *const loop_names[] = {"add", "dateadd", "def", "foreach", "limit", "range",
    "recurse", "reduce", "repeat", "until", "walk", "while"};

/* Those of libjq's whose results may be much larger than what they are given; sorted. */
static const char *const large_names[] = {
    "exp10", "exp2", "fma", "ldexp", "pow", "scalb", "scalbln"};

/* Those that put numbers in order, or choose by it, in libjq; sorted. */
static const char *const order_names[] = {"_group_by_impl", "_max_by_impl", "_min_by_impl",
    "_sort_by_impl", "_unique_by_impl", "fdim", "fmax", "fmin", "group_by", "max", "max_by", "min",
    "min_by", "range", "sort", "sort_by", "truncate_stream", "unique", "unique_by"};

/* Those of a program that is narrow; sorted. */
static const char *const narrow_names[] = {"and", "elif", "else", "empty", "end", "endswith", "has",
    "if", "not", "or", "select", "startswith", "test", "then", "type"};

enum token {
	NOTHING, /* the program's beginning */
	TEXT,    /* a string: whatever is added to it, or compared with it, is no number */
	WORD,    /* null, true or false: so with comparing */
	NAME,    /* a field, key or variable */
	NUMBER,
	OPEN, /* { or, directly inside of one, a comma: a key follows */
	DOT,
	OTHER
};

struct look {
	const char *p;
	enum token last;
	char pending; /* an operator that waits to see what follows, or NUL */
	struct jqlook found;
	struct buf nest; /* ( [ { and, for a string that is interrupted, " */
};

/* Does the operator c between t and anything leave digits out of account? */
static bool
harmless(char c, enum token t)
{
	return t == TEXT || (t == WORD && c != '+' && c != '/');
}

static void
token(struct look *l, enum token t)
{
	if (l->pending && !harmless(l->pending, t)) {
		if (strchr("+/", l->pending)) {
			l->found.sums = true;
			l->found.additions += l->pending == '+';
		} else {
			l->found.compares = true;
		}
	}
	l->pending = '\0';
	l->last = t;
}

/* p is inside a string: read on to its end or to an interpolation, which is left open. */
static void
string(struct look *l)
{
	for (; *l->p && *l->p != '"'; l->p++) {
		if (*l->p != '\\' || !l->p[1])
			continue;
		if (*++l->p != '(')
			continue;
		l->found.narrow = false;
		l->found.texts = true;
		l->p++;
		buf_addc(&l->nest, '"');
		return;
	}
	l->p += *l->p == '"';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
in_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

static int
compare(const void *key, const void *elem)
{
	return strcmp(key, *(const char *const *)elem);
}

#define AMONG(name, names)                                                                         \
	(bsearch(name, names, sizeof names / sizeof *names, sizeof *names, compare) != NULL)

/* A name that is neither field nor key nor variable. */
static void
call(struct look *l, const char *p, size_t n)
{
	char name[16] = "";

	if (n < sizeof name)
		memcpy(name, p, n);
	if (!strcmp(name, "null") || !strcmp(name, "true") || !strcmp(name, "false")) {
		token(l, WORD);
		return;
	}
	if (!AMONG(name, calm_names))
		l->found.kind = JQLOOK_VALUE;
	if (!AMONG(name, narrow_names))
		l->found.narrow = false;
	l->found.sums |= AMONG(name, sum_names);
	l->found.orders |= AMONG(name, order_names);
	l->found.loops |= AMONG(name, loop_names);
	l->found.multiplies |= AMONG(name, large_names);
	l->found.parses |= !strcmp(name, "fromjson");
	l->found.texts |= AMONG(name, text_names);
	token(l, OTHER);
}

static void
name(struct look *l)
{
	const char *p = l->p;
	bool field = l->last == DOT || l->last == OPEN, variable = *p == '$';

	for (l->p++; in_name(*l->p);)
		l->p++;
	if (variable && l->p - p == 4 && memcmp(p, "$ENV", 4) == 0)
		l->found.refused = "$ENV";
	if (variable && l->p - p == 8 && memcmp(p, "$__loc__", 8) == 0)
		l->found.kind = JQLOOK_VALUE;
	if (variable || l->last == OPEN)
		l->found.narrow = false;
	else if (field) {
		buf_add(&l->found.fields, p, (size_t)(l->p - p));
		buf_addc(&l->found.fields, '\0');
	}
	if (field || variable)
		token(l, NAME);
	else
		call(l, p, (size_t)(l->p - p));
}

static void
number(struct look *l, void (*found)(void *, struct slice), void *arg)
{
	const char *p = l->p;
	char *end;

	(void)strtod(p, &end);
	l->p = end;
	if (found)
		found(arg, (struct slice){p, (size_t)(end - p)});
	token(l, NUMBER);
}

static void
bracket(struct look *l, char c)
{
	l->found.narrow &= c == '(' || c == ')';
	if (c == '(' || c == '[' || c == '{') {
		buf_addc(&l->nest, c);
		token(l, c == '{' ? OPEN : OTHER);
		return;
	}
	token(l, OTHER);
	if (l->nest.len && l->nest.p[--l->nest.len] == '"')
		string(l);
}

/* After the operator c, behind the token left: are both sides fields or numbers? Or no numbers at all. */
static bool
plain_operands(const struct look *l, char c, enum token left)
{
	const char *p = l->p + strspn(l->p, " \t\r\n");

	if (!strchr("=!<>+-*", c))
		return false;
	if (harmless(c, left) || *p == '"' || strncmp(p, "null", 4) == 0 ||
	    strncmp(p, "true", 4) == 0 || strncmp(p, "false", 5) == 0)
		return true; /* another word that begins like that is no narrow one */
	return (left == NAME || left == NUMBER) && (is_digit(*p) || (*p == '.' && in_name(p[1])));
}

/* An operator, or what else is left. */
static void
sign(struct look *l, char c)
{
	enum token left = l->last;

	token(l, OTHER);
	if (c == '/' && *l->p == '/') {
		l->p++; /* the alternative operator */
		return;
	}
	if (c == '=' && *l->p != '=') {
		l->found.narrow &= left == NAME;
		return; /* an assignment */
	}
	if (strchr("=!<>+-*/%", c))
		l->p += *l->p == '=';
	l->found.narrow &= (c == '|' && *l->p != '=') || c == '?' || plain_operands(l, c, left);
	if (strchr("=!<>+/", c))
		l->pending = harmless(c, left) ? '\0' : c;
	l->found.texts |= c == '@';
	if (strchr("-*%", c))
		l->found.sums = true;
	l->found.additions += c == '-';
	l->found.multiplies |= c == '*';
}

struct jqlook
jqlook(const char *program, void (*found)(void *, struct slice), void *arg)
{
	struct look l = {.p = program, .found.narrow = true};

	while (*l.p) {
		char c = *l.p;

		if (strchr(" \t\r\n", c)) {
			l.p++;
		} else if (c == '#') {
			l.p += strcspn(l.p, "\n");
		} else if (c == '"') {
			l.found.narrow &= l.last != DOT && l.last != OPEN;
			token(&l, l.last == DOT || l.last == OPEN ? NAME : TEXT);
			l.p++;
			string(&l);
		} else if (is_digit(c) || (c == '.' && is_digit(l.p[1]))) {
			number(&l, found, arg);
		} else if (c == '$' || in_name(c)) {
			name(&l);
		} else if (strchr("()[]{}", c)) {
			l.p++;
			bracket(&l, c);
		} else if (c == '.') {
			l.found.narrow &= l.p[1] != '.';
			token(&l, l.p[1] == '.' ? OTHER : DOT);
			l.p += l.p[1] == '.' ? 2 : 1;
		} else if (c == ',') {
			l.p++;
			token(&l, l.nest.len && l.nest.p[l.nest.len - 1] == '{' ? OPEN : OTHER);
		} else {
			l.p++;
			sign(&l, c);
		}
	}
	buf_release(&l.nest);
	return l.found;
}
