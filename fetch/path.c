#include "path.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jqrun.h"
#include "secret.h"

static void
add_step(struct path *p, struct buf *key)
{
	p->step = xreallocarray(p->step, p->n_step + 1, sizeof(*p->step));
	p->step[p->n_step++] = (struct slice){xstrndup(key->p ? key->p : "", key->len), key->len};
}

/* A JSON string at t; its length with quotes, or 0. */
static size_t
quoted(const char *t, struct buf *key)
{
	struct buf copy = {0};
	struct value v;
	const char *err;
	size_t n = 1;

	while (t[n] != '\0' && t[n] != '"')
		n += t[n] == '\\' && t[n + 1] != '\0' ? 2 : 1;
	if (t[n] != '"')
		return 0;
	buf_add(&copy, t, ++n);
	if (scan_text(copy.p, n, &v, &err) < 0 || json_unescape(key, copy.p + 1, n - 2) < 0)
		n = 0;
	buf_release(&copy);
	return n;
}

static size_t
name(const char *t, struct buf *key)
{
	size_t n = 0;

	if (isalpha((unsigned char)*t) || *t == '_')
		while (isalnum((unsigned char)t[n]) || t[n] == '_')
			n++;
	buf_add(key, t, n);
	return n;
}

/* One .key, ."key", ["key"] or [] at t; the bytes it takes, or 0. */
static size_t
step(struct path *p, const char *t, bool first)
{
	struct buf key = {0};
	size_t dot = *t == '.', n;

	if (strncmp(t + dot, "[]", 2) == 0 && !p->iterates && (!dot || first)) {
		p->iterates = true;
		p->n_outer = p->n_step;
		return dot + 2;
	}
	if (t[dot] == '[' && t[dot + 1] == '"' && (!dot || first)) {
		n = quoted(t + dot + 1, &key);
		n = n > 0 && t[dot + 1 + n] == ']' ? n + 2 : 0;
	} else if (dot && t[1] == '"')
		n = quoted(t + 1, &key);
	else
		n = dot ? name(t + 1, &key) : 0;
	if (n > 0)
		add_step(p, &key);
	buf_release(&key);
	return n > 0 ? n + dot : 0;
}

/* One [n] at t, as step(). */
static size_t
place(struct path *p, const char *t, bool first)
{
	size_t n = first ? 1 : 0;
	bool minus = t[n] == '[' && t[n + 1] == '-';
	size_t digits = strspn(t + n + 1 + minus, "0123456789");

	if (t[n] != '[' || digits == 0 || digits > 9 || t[n + 1 + minus + digits] != ']')
		return 0;
	p->step = xreallocarray(p->step, p->n_step + 1, sizeof(*p->step));
	p->step[p->n_step++] = (struct slice){NULL, (size_t)strtol(t + n + 1, NULL, 10)};
	return n + minus + digits + 2;
}

/* It is not as simple as it began. */
static void
forget(struct path *p)
{
	while (p->n_step > 0)
		free((char *)(uintptr_t)p->step[--p->n_step].p);
	p->n_outer = 0;
	p->iterates = false;
}

/* places: [n] is a step, too. */
static bool
simple(struct path *p, bool places)
{
	const char *t = p->text;
	size_t n;

	if (strcmp(t, ".") == 0)
		return true;
	if (*t != '.')
		return false;
	for (bool first = true; *t != '\0'; t += n, first = false)
		if ((n = step(p, t, first)) == 0 && (!places || (n = place(p, t, first)) == 0))
			return false;
	if (!p->iterates)
		p->n_outer = p->n_step;
	return true;
}

/* All paths there are: they live until exit, but libjq is to be left in order. */
static struct path **all;
static size_t n_all;

static void
leave(void)
{
	for (size_t i = 0; i < n_all; i++)
		jqrun_free(all[i]->jq);
}

struct path *
path_new(const char *text, const char *where)
{
	struct path *p = xcalloc(1, sizeof(*p));
	char *err = NULL;

	if (n_all == 0)
		atexit(leave);
	all = xreallocarray(all, n_all + 1, sizeof(*all));
	all[n_all++] = p;
	p->text = xstrdup(text);
	if (strncmp(text, "header:", 7) == 0) {
		p->header = p->text + 7;
		if (*p->header == '\0')
			die(CS_USAGE, "%s: header: needs the name of a header", where);
		return p;
	}
	if (simple(p, false))
		return p;
	forget(p);
	if (!simple(p, true) || p->iterates)
		forget(p);
	p->n_outer = 0;
	p->jq = jqrun_new(text, NULL, JQRUN_EXACT, &err);
	if (p->jq == NULL)
		die(CS_USAGE,
		    "%s: \"%s\" is no path such as .data or .page.next, and no jq program: %s",
		    where, text, err);
	return p;
}

struct path *
path_any(const char *text, ...)
{
	struct path *first = path_new(text, text), *last = first;
	va_list ap;

	va_start(ap, text);
	while ((text = va_arg(ap, const char *)) != NULL)
		last = last->or = path_new(text, text);
	va_end(ap);
	return first;
}

struct path *
path_beside(const struct path *p, const char *a, const char *b)
{
	struct buf text = {0};
	struct path *made;

	for (int i = 0; i + 1 < p->n_outer; i++) {
		buf_addc(&text, '.');
		json_quote(&text, p->step[i].p, p->step[i].n);
	}
	buf_addf(&text, ".%s.%s", a, b);
	made = path_new(text.p, p->text);
	buf_release(&text);
	return made;
}

static int
member(const struct slice *key, const char *json, size_t n, struct value *found)
{
	struct scan s = {0};
	struct slice k;
	struct value v;
	int there = 0;

	scan_init(&s, json, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &k) > 0) {
			int is = slice_eq(k, key->p, key->n);
			if (scan_value(&s, &v) < 0)
				break;
			if (is) {
				*found = v;
				there = 1;
			}
		}
	scan_release(&s);
	return there;
}

/* The element at an index, from the end where it is negative. */
static int
item(int64_t at, const char *json, size_t n, struct value *found)
{
	struct scan s = {0};
	int64_t i = 0;
	int more = 0;

	for (int pass = at < 0 ? 0 : 1; pass < 2; pass++) {
		scan_init(&s, json, n);
		if (scan_type(&s) == JSON_ARRAY && scan_enter(&s) == 0)
			for (i = 0; (pass == 0 || i <= at) && (more = scan_item(&s)) > 0; i++)
				if ((more = scan_value(&s, found)) < 0)
					break;
		scan_release(&s);
		if (pass == 0)
			at += i;
		if (more < 0 || at < 0)
			return 0;
	}
	return i == at + 1;
}

int
path_walk(const struct path *p, int from, int to, const char *json, size_t n, struct value *v)
{
	const char *err;

	if (from == to)
		return scan_text(json, n, v, &err) == 0;
	for (int i = from; i < to; i++) {
		const struct slice *at = &p->step[i];

		if (!(at->p != NULL ? member(at, json, n, v) : item((int64_t)at->n, json, n, v)))
			return 0;
		json = v->p;
		n = v->n;
	}
	return 1;
}

struct first {
	struct buf text;
	int results;
};

static int
keep_first(void *arg, const char *p, size_t n)
{
	struct first *f = arg;

	f->results++;
	buf_add(&f->text, p, n);
	return 1;
}

static int
value_text(const struct value *v, struct buf *out, const char **err)
{
	if (v->type != JSON_STRING)
		buf_add(out, v->p, v->n);
	else if (json_unescape(out, v->p + 1, v->n - 2) != 0) {
		*err = "holds U+0000 or half a surrogate pair";
		return -1;
	}
	return v->type;
}

static int
one_text(const struct path *p, const char *json, size_t n, struct buf *out, const char **err)
{
	struct first f = {0};
	struct value v = {0};
	int r = 0;

	if (p->jq == NULL) {
		r = path_walk(p, 0, p->n_step, json, n, &v);
		if (r == 0 && v.type == JSON_NULL) /* a member of null is null, as for jq */
			return JSON_NULL;
		return r ? value_text(&v, out, err) : 0;
	}
	if (p->n_step > 0 && path_walk(p, 0, p->n_step, json, n, &v))
		return value_text(&v, out, err);
	if (jqrun_run(p->jq, json, n, keep_first, &f, err) < 0)
		r = -1;
	else if (f.results > 0) {
		r = scan_text(f.text.p, f.text.len, &v, err);
		if (r == 0)
			r = value_text(&v, out, err);
	}
	buf_release(&f.text);
	return r;
}

int
path_text(const struct path *p, const char *json, size_t n, struct buf *out, const char **err)
{
	int r = 0;

	for (; p != NULL && r == 0; p = p->or)
		r = one_text(p, json, n, out, err);
	return r;
}
