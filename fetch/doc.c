#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "file.h"
#include "secret.h"

char *
doc_at(const struct doc *d, const char *at)
{
	size_t line = 1;

	for (const char *p = d->text.p; p < at; p++)
		line += *p == '\n';
	return xasprintf("%s:%zu", d->file, line);
}

void
doc_fail(const struct doc *d, const char *at, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	die(CS_USAGE, "%s: %s", doc_at(d, at), msg);
}

void
doc_read(struct doc *d, const char *file, struct members *root)
{
	struct value v = {0};
	const char *why;
	struct scan s = {0};
	size_t bom;

	d->file = file;
	d->text.max = DOC_MAX;
	if (file_read(&d->text, file) < 0)
		die(CS_USAGE, "%s: %s", file, strerror(errno));
	bom = d->text.len >= 3 && memcmp(d->text.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	scan_init(&s, d->text.p + bom, d->text.len - bom);
	if (scan_value(&s, &v) < 0 || scan_done(&s) < 0) {
		why = s.err;
		doc_fail(d, d->text.p + bom + scan_at(&s) - 1, "not valid JSON: %s", why);
	}
	scan_release(&s);
	doc_members(d, &v, "top level", root);
}

void
doc_release(struct doc *d)
{
	buf_release(&d->text);
}

void
doc_members(const struct doc *d, const struct value *v, const char *where, struct members *m)
{
	struct slice key;
	struct scan s = {0};
	struct member *x;
	int r;

	*m = (struct members){0};
	if (v->type != JSON_OBJECT)
		doc_fail(d, v->p, "%s: must be an object", where);
	scan_init(&s, v->p, v->n);
	scan_enter(&s);
	while ((r = scan_key(&s, &key)) > 0) {
		m->v = xreallocarray(m->v, m->n + 1, sizeof(*m->v));
		x = &m->v[m->n];
		x->key = xstrndup(key.p, key.n);
		if (strlen(x->key) != key.n)
			doc_fail(d, s.p, "%s: a key with U+0000 in it", where);
		if (members_find(m, x->key))
			doc_fail(d, s.p, "%s: \"%s\" comes twice", where, x->key);
		scan_value(&s, &x->v);
		m->n++;
	}
	if (r < 0)
		doc_fail(d, s.p, "%s: %s", where, s.err);
	scan_release(&s);
}

void
members_release(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].key);
	free(m->v);
	*m = (struct members){0};
}

const struct member *
members_find(const struct members *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].key, key) == 0)
			return &m->v[i];
	return NULL;
}

char *
doc_text(const struct doc *d, const struct value *v, const char *where)
{
	struct buf b = {0};
	struct slice in;

	switch (v->type) {
	case JSON_STRING:
		in = value_inner(v);
		buf_addf(&b, "%s", "");
		if (json_unescape(&b, in.p, in.n) != 0)
			doc_fail(d, v->p, "%s: has U+0000 or half a surrogate pair in it", where);
		return buf_steal(&b);
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE:
		return xstrndup(v->p, v->n);
	default:
		doc_fail(d, v->p, "%s: must be a string, a number, true or false", where);
	}
}

char **
doc_list(const struct doc *d, const struct value *v, const char *where)
{
	char **list;
	struct scan s = {0};
	struct value x;
	size_t n = 0;

	if (v->type != JSON_ARRAY)
		doc_fail(d, v->p, "%s: must be an array", where);
	list = xcalloc(1, sizeof(*list));
	scan_init(&s, v->p, v->n);
	scan_enter(&s);
	while (scan_item(&s) > 0) {
		scan_value(&s, &x);
		list = xreallocarray(list, n + 2, sizeof(*list));
		list[n++] = doc_text(d, &x, where);
		list[n] = NULL;
	}
	scan_release(&s);
	return list;
}

/* Edits (insert, delete, replace) that make b of a; both shorter than 64 bytes. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], diag, up, la = strlen(a), lb = strlen(b);

	if (la >= 64 || lb >= 64)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			up = row[j];
			diag += a[i - 1] != b[j - 1];
			if (up + 1 < diag)
				diag = up + 1;
			if (row[j - 1] + 1 < diag)
				diag = row[j - 1] + 1;
			row[j] = diag;
			diag = up;
		}
	}
	return row[lb];
}

void
guess_add(struct guess *g, const char *candidate)
{
	size_t dist = distance(g->name, candidate);

	if (dist <= strlen(g->name) / 3 + (strlen(g->name) > 4) && (!g->best || dist < g->dist)) {
		g->best = candidate;
		g->dist = dist;
	}
}

const char *
guess_text(const struct guess *g)
{
	static char text[128];

	if (!g->best)
		return "";
	snprintf(text, sizeof(text), "; did you mean %s?", g->best);
	return text;
}
