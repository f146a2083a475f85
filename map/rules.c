#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "rules.h"
#include "scan.h"

static const char *const cast_names[] = {[CAST_STRING] = "string",
    [CAST_INTEGER] = "integer",
    [CAST_DECIMAL] = "decimal",
    [CAST_BOOLEAN] = "boolean",
    [CAST_JSON] = "json",
    [CAST_TIMESTAMP] = "timestamp",
    [CAST_EPOCH_S] = "timestamp:s",
    [CAST_EPOCH_MS] = "timestamp:ms",
    [CAST_EPOCH_US] = "timestamp:us",
    [CAST_DATE] = "date"};

const char *
cast_name(enum cast c)
{
	return cast_names[c];
}

/* The index of word among n names, some of which may be NULL, or n. */
static size_t
lookup(const char *const *names, size_t n, const char *word)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (names[i] && !strcmp(names[i], word))
			break;
	return i;
}

void
rules_arrays(struct rules *r, const char *what, const char *mode)
{
	static const char *const modes[] = {
	    [ARRAYS_JSON] = "json", [ARRAYS_KEEP] = "keep", [ARRAYS_EXPLODE] = "explode"};
	size_t i = lookup(modes, sizeof modes / sizeof *modes, mode);

	if (i == sizeof modes / sizeof *modes)
		errx(CS_USAGE, "%s: \"%s\" is not json, keep or explode", what, mode);
	r->arrays = (enum arrays)i;
}

void
rules_names(struct rules *r, const char *what, const char *mode)
{
	static const char *const modes[] = {"keep", "snake", "fivetran"};
	size_t i = lookup(modes, sizeof modes / sizeof *modes, mode);

	if (i == sizeof modes / sizeof *modes)
		errx(CS_USAGE, "%s: \"%s\" is not keep, snake or fivetran", what, mode);
	r->names = (enum names)i;
}

void
rules_depth(struct rules *r, const char *what, const char *levels)
{
	r->depth = (int)opt_uint(what, levels, 0, SCAN_DEPTH);
}

static struct path
parse_path(const char *what, const char *text, size_t n)
{
	struct path p = {.text = xstrndup(text, n), .mem = xmalloc(n + 1)};
	char *o = p.mem, *beg = p.mem;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && text[i] == '\\' && i + 1 < n && strchr(".,=\\", text[i + 1])) {
			*o++ = text[++i];
		} else if (i < n && text[i] != '.') {
			*o++ = text[i];
		} else {
			if (o == beg)
				errx(CS_USAGE, "%s: a name is empty in \"%s\"", what, p.text);
			p.key = xreallocarray(p.key, p.n + 1, sizeof *p.key);
			p.key[p.n++] = (struct slice){beg, (size_t)(o - beg)};
			*o++ = '\0';
			beg = o;
		}
	}
	if (!utf8_valid(text, n))
		errx(CS_USAGE, "%s: a name is not UTF-8", what);
	return p;
}

static void
path_release(struct path *p)
{
	free(p->text);
	free(p->key);
	free(p->mem);
}

static bool
same_path(const struct path *a, const struct path *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!slice_eq(a->key[i], b->key[i].p, b->key[i].n))
			return false;
	return true;
}

void
rules_path(struct paths *l, const char *what, const char *text, size_t n)
{
	struct path p = parse_path(what, text, n);

	for (size_t i = 0; i < l->n; i++)
		if (same_path(&l->v[i], &p))
			errx(CS_USAGE, "%s: %s is given twice", what, p.text);
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = p;
}

void
rules_list(struct paths *l, const char *what, const char *text)
{
	const char *end = text;

	for (;; text = ++end) {
		for (; *end && *end != ','; end++)
			end += *end == '\\' && end[1];
		rules_path(l, what, text, (size_t)(end - text));
		if (!*end)
			break;
	}
}

void
rules_rename(struct rules *r, const char *what, const char *from, size_t n, const char *to)
{
	struct path p = parse_path(what, from, n);
	struct rename *at;

	if (!*to || !utf8_valid(to, strlen(to)))
		errx(CS_USAGE, "%s: %s: the new name is empty or not UTF-8", what, p.text);
	for (at = r->rename; at < r->rename + r->renames; at++)
		if (same_path(&at->from, &p))
			break;
	if (at == r->rename + r->renames) {
		r->rename = xreallocarray(r->rename, r->renames + 1, sizeof *r->rename);
		at = &r->rename[r->renames++];
	} else {
		path_release(&at->from);
		free(at->to);
	}
	*at = (struct rename){p, xstrdup(to)};
}

/* The column's entry, made if there is none. */
static struct column *
column(struct rules *r, const char *what, const char *name, size_t n)
{
	struct path p = parse_path(what, name, n);

	for (struct column *c = r->column; c < r->column + r->columns; c++) {
		if (!same_path(&c->name, &p))
			continue;
		path_release(&p);
		return c;
	}
	r->column = xreallocarray(r->column, r->columns + 1, sizeof *r->column);
	r->column[r->columns] = (struct column){.name = p};
	return &r->column[r->columns++];
}

void
rules_type(struct rules *r, const char *what, const char *name, size_t n, const char *type)
{
	size_t i = lookup(cast_names, sizeof cast_names / sizeof *cast_names, type);

	if (i == sizeof cast_names / sizeof *cast_names)
		errx(CS_USAGE,
		    "%s: %.*s: \"%s\" is not string, integer, decimal, boolean, json, timestamp, "
		    "timestamp:s, timestamp:ms, timestamp:us or date",
		    what, (int)n, name, type);
	column(r, what, name, n)->cast = (enum cast)i;
}

void
rules_default(
    struct rules *r, const char *what, const char *name, size_t n, const char *json, size_t json_n)
{
	struct buf text = {0};
	struct value v;
	struct column *c = column(r, what, name, n);
	const char *why;

	buf_add(&text, json, json_n); /* with the bytes behind it that the scanner wants */
	if (scan_text(text.p, text.len, &v, &why) < 0)
		errx(CS_USAGE, "%s: %.*s: %s is not JSON (text takes quotes: '\"text\"')", what,
		    (int)n, name, text.p);
	free(c->missing);
	c->missing = buf_steal(&text);
}

const char *
rules_equals(const char *what, const char *text)
{
	const char *p;

	for (p = text; *p && *p != '='; p++)
		p += *p == '\\' && p[1];
	if (*p)
		return p;
	errx(CS_USAGE, "%s: \"%s\" lacks a =", what, text);
}

/* A path of several keys is only ever reached by flattening. */
static void
check_depth(const struct rules *r, const char *what, const struct path *p)
{
	if (p->n > 1 && !r->flatten)
		errx(CS_USAGE,
		    "%s: %s is a path, which needs --flatten (a dot in a name takes a backslash)",
		    what, p->text);
	if (r->depth >= 0 && p->n > (size_t)r->depth + 1)
		errx(CS_USAGE, "%s: %s is deeper than --depth %d", what, p->text, r->depth);
}

void
rules_check(struct rules *r)
{
	if (r->depth >= 0 && !r->flatten)
		errx(CS_USAGE, "--depth needs --flatten");
	if (!r->arrays)
		r->arrays = r->flatten ? ARRAYS_JSON : ARRAYS_KEEP;
	for (size_t i = 0; i < r->keep.n; i++) {
		check_depth(r, "--keep", &r->keep.v[i]);
		for (size_t k = 0; k < r->drop.n; k++)
			if (same_path(&r->keep.v[i], &r->drop.v[k]))
				errx(
				    CS_USAGE, "%s is in both --keep and --drop", r->drop.v[k].text);
	}
	for (size_t i = 0; i < r->drop.n; i++)
		check_depth(r, "--drop", &r->drop.v[i]);
	for (size_t i = 0; i < r->columns; i++)
		check_depth(r, "--type or --default", &r->column[i].name);
	for (size_t i = 0; i < r->renames; i++) {
		check_depth(r, "--rename", &r->rename[i].from);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(r->rename[i].to, r->rename[k].to))
				errx(CS_USAGE, "--rename: both %s and %s would be named %s",
				    r->rename[k].from.text, r->rename[i].from.text,
				    r->rename[i].to);
	}
}

bool
rules_none(const struct rules *r)
{
	return !r->flatten && r->arrays == ARRAYS_KEEP && r->names == NAMES_KEEP && !r->keep.n &&
	       !r->drop.n && !r->renames && !r->columns;
}
