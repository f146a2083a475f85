#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "ref.h"
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
		if (i < n && text[i] == '\\' && i + 1 < n && strchr(".,=\\ ", text[i + 1])) {
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

bool
path_same(const struct path *a, const struct path *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!slice_eq(a->key[i], b->key[i].p, b->key[i].n))
			return false;
	return true;
}

bool
path_in(const struct path *p, const struct path *head)
{
	if (p->n <= head->n)
		return false;
	for (size_t i = 0; i < head->n; i++)
		if (!slice_eq(p->key[i], head->key[i].p, head->key[i].n))
			return false;
	return true;
}

void
rules_path(struct paths *l, const char *what, const char *text, size_t n)
{
	struct path p = parse_path(what, text, n);

	for (size_t i = 0; i < l->n; i++)
		if (path_same(&l->v[i], &p))
			errx(CS_USAGE, "%s: %s is given twice", what, p.text);
	l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = p;
}

void
rules_each(const char *what, const char *text, void (*one)(void *arg, const char *name, size_t n),
    void *arg)
{
	const char *end = text, *beg = text;

	for (;; text = ++end) {
		bool space = text > beg && *text == ' ';

		for (; *end && *end != ','; end++) {
			end += *end == '\\' && end[1];
			space |= *end == ' ' && end[-(end > text)] != '\\' && end[1] == ',';
		}
		if (space)
			errx(CS_USAGE,
			    "%s: a space beside a comma in \"%s\" (in a name it takes a "
			    "backslash)",
			    what, beg);
		one(arg, text, (size_t)(end - text));
		if (!*end)
			break;
	}
}

struct list {
	struct paths *to;
	const char *what;
};

static void
add_path(void *arg, const char *name, size_t n)
{
	const struct list *l = arg;

	rules_path(l->to, l->what, name, n);
}

void
rules_list(struct paths *l, const char *what, const char *text)
{
	struct list list = {l, what};

	rules_each(what, text, add_path, &list);
}

/* Remember for --only that a rule names this. */
static void
name(struct rules *r, const char *what, const char *text, size_t n)
{
	struct path p = parse_path(what, text, n);

	for (size_t i = 0; i < r->named.n; i++) {
		if (path_same(&r->named.v[i], &p)) {
			path_release(&p);
			return;
		}
	}
	r->named.v = xreallocarray(r->named.v, r->named.n + 1, sizeof *r->named.v);
	r->named.v[r->named.n++] = p;
}

void
rules_rename(struct rules *r, const char *what, const char *from, size_t n, const char *to)
{
	struct path p = parse_path(what, from, n);
	size_t i;

	if (!*to || !utf8_valid(to, strlen(to)))
		errx(CS_USAGE, "%s: %s: the new name is empty or not UTF-8", what, p.text);
	for (i = 0; i < r->renames; i++)
		if (path_same(&r->rename[i].from, &p))
			break;
	if (i == r->renames) {
		r->rename = xreallocarray(r->rename, ++r->renames, sizeof *r->rename);
	} else {
		path_release(&r->rename[i].from);
		free(r->rename[i].to);
	}
	r->rename[i] = (struct rename){p, xstrdup(to)};
	name(r, what, from, n);
}

/* The column's entry, made if there is none. */
static struct column *
column(struct rules *r, const char *what, const char *text, size_t n)
{
	struct path p = parse_path(what, text, n);

	name(r, what, text, n);
	for (size_t i = 0; i < r->columns; i++) {
		if (!path_same(&r->column[i].name, &p))
			continue;
		path_release(&p);
		return &r->column[i];
	}
	r->column = xreallocarray(r->column, r->columns + 1, sizeof *r->column);
	r->column[r->columns] = (struct column){.name = p};
	return &r->column[r->columns++];
}

void
rules_type(struct rules *r, const char *what, const char *of, size_t n, const char *type)
{
	size_t i = lookup(cast_names, sizeof cast_names / sizeof *cast_names, type);

	if (i == sizeof cast_names / sizeof *cast_names)
		errx(CS_USAGE,
		    "%s: %.*s: \"%s\" is not string, integer, decimal, boolean, json, timestamp, "
		    "timestamp:s, timestamp:ms, timestamp:us or date",
		    what, (int)n, of, type);
	column(r, what, of, n)->cast = (enum cast)i;
}

void
rules_value(struct rules *r, const char *what, enum fill fill, const char *of, size_t n,
    const char *json, size_t json_n)
{
	struct buf text = {0};
	struct value v;
	struct column *c = column(r, what, of, n);
	const char *why;

	buf_add(&text, json, json_n); /* with the bytes behind it that the scanner wants */
	if (scan_text(text.p, text.len, &v, &why) < 0)
		errx(CS_USAGE, "%s: %.*s: %s is not JSON (text takes quotes: '\"text\"')", what,
		    (int)n, of, text.p);
	free(c->value);
	c->value = buf_steal(&text);
	c->fill = fill;
}

void
rules_hide(struct rules *r, const char *what, enum hide hide, const char *of, size_t n)
{
	struct column *c = column(r, what, of, n);

	c->hide = hide;
	if (!c->met)
		c->met = xcalloc(1, sizeof *c->met);
}

void
rules_child(struct rules *r, const char *what, const char *from, size_t n, const char *to)
{
	struct path p = parse_path(what, from, n);

	if (!*to || !utf8_valid(to, strlen(to)))
		errx(CS_USAGE, "%s: %s: the table's name is empty or not UTF-8", what, p.text);
	for (size_t i = 0; i < r->children; i++)
		if (path_same(&r->child[i].from, &p) || !strcmp(r->child[i].to, to))
			errx(CS_USAGE, "%s: %s is given twice", what,
			    path_same(&r->child[i].from, &p) ? p.text : to);
	r->child = xreallocarray(r->child, r->children + 1, sizeof *r->child);
	r->child[r->children++] = (struct child){p, xstrdup(to)};
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

const struct child *
rules_row(const struct rules *r, const struct path *p)
{
	const struct child *in = NULL;

	for (size_t i = 0; i < r->children; i++)
		if (path_in(p, &r->child[i].from) && (!in || r->child[i].from.n > in->from.n))
			in = &r->child[i];
	return in;
}

/* A path of several keys is only ever reached by flattening. */
static void
check_depth(const struct rules *r, const char *what, const struct path *p)
{
	const struct child *in = rules_row(r, p);
	size_t n = p->n - (in ? in->from.n : 0);

	if (n > 1 && !r->flatten)
		errx(CS_USAGE,
		    "%s: %s is a path, which needs --flatten (a dot in a name takes a backslash)",
		    what, p->text);
	if (r->depth >= 0 && n > (size_t)r->depth + 1)
		errx(CS_USAGE, "%s: %s is deeper than --depth %d", what, p->text, r->depth);
}

static void
check_paths(const struct rules *r, const char *what, const struct paths *l)
{
	for (size_t i = 0; i < l->n; i++)
		check_depth(r, what, &l->v[i]);
}

static void
check_renames(const struct rules *r)
{
	for (size_t i = 0; i < r->renames; i++) {
		check_depth(r, "--rename", &r->rename[i].from);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(r->rename[i].to, r->rename[k].to) &&
			    rules_row(r, &r->rename[i].from) == rules_row(r, &r->rename[k].from))
				errx(CS_USAGE, "--rename: both %s and %s would be named %s",
				    r->rename[k].from.text, r->rename[i].from.text,
				    r->rename[i].to);
	}
}

static void
check_children(struct rules *r)
{
	for (size_t i = 0; i < r->children; i++)
		check_depth(r, "--child", &r->child[i].from);
	if (r->child_key.n && !r->children)
		errx(CS_USAGE, "--child-key needs --child");
	if (r->children && r->arrays == ARRAYS_EXPLODE)
		errx(CS_USAGE, "--child and --arrays explode: a record's rows would multiply");
	if (r->children && !r->child_key.n)
		rules_list(&r->child_key, "--child-key", "id");
	for (size_t i = 0; i < r->child_key.n; i++)
		if (rules_row(r, &r->child_key.v[i]))
			errx(CS_USAGE, "--child-key: %s is not the parent's",
			    r->child_key.v[i].text);
	check_paths(r, "--child-key", &r->child_key);
}

/* --only: keep what rules name, unless it is just another name for it. */
static void
keep_named(struct rules *r)
{
	r->chosen = r->keep.n;
	for (size_t i = 0; r->only && i < r->named.n; i++) {
		struct path *p = &r->named.v[i];
		bool known = false;

		for (size_t k = 0; k < r->keep.n; k++)
			known |= path_same(p, &r->keep.v[k]);
		for (size_t k = 0; k < r->renames; k++)
			known |= p->n == 1 && slice_is(p->key[0], r->rename[k].to);
		if (!known)
			rules_path(&r->keep, "--only", p->text, strlen(p->text));
	}
	if (r->only && !r->keep.n)
		errx(CS_USAGE, "--only: no rule names a column");
}

void
rules_check(struct rules *r)
{
	if (r->depth >= 0 && !r->flatten)
		errx(CS_USAGE, "--depth needs --flatten");
	if (!r->arrays)
		r->arrays = r->flatten ? ARRAYS_JSON : ARRAYS_KEEP;
	keep_named(r);
	for (size_t i = 0; i < r->keep.n; i++)
		for (size_t k = 0; k < r->drop.n; k++)
			if (path_same(&r->keep.v[i], &r->drop.v[k]))
				errx(
				    CS_USAGE, "%s is in both --keep and --drop", r->drop.v[k].text);
	check_paths(r, "--keep", &r->keep);
	check_paths(r, "--drop", &r->drop);
	for (size_t i = 0; i < r->columns; i++)
		check_depth(r,
		    r->column[i].hide    ? "--hash, --mask or --null"
		    : r->column[i].value ? "--default, --fill or --set"
					 : "--type",
		    &r->column[i].name);
	check_renames(r);
	check_children(r);
	if (r->salt) {
		bool used = false;

		if (!ref_is(r->salt))
			errx(CS_USAGE, "--salt: not env:NAME, file:PATH, fd:N or cmd:COMMAND");

		for (size_t i = 0; i < r->columns; i++)
			used |= r->column[i].hide == HIDE_HASH;
		if (!used)
			errx(CS_USAGE, "--salt needs --hash");
	}
}

const char *
rules_unmet(const struct rules *r, size_t *i)
{
	for (; *i < r->columns; ++*i)
		if (r->column[*i].name.n == 1 && r->column[*i].hide && !*r->column[*i].met)
			return r->column[(*i)++].name.text;
	return NULL;
}

bool
rules_none(const struct rules *r)
{
	return !r->flatten && r->arrays == ARRAYS_KEEP && r->names == NAMES_KEEP && !r->keep.n &&
	       !r->drop.n && !r->renames && !r->columns && !r->children;
}
