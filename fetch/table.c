#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define SHOWN  60          /* bytes of a name in a message */
#define ENOUGH (64u << 10) /* bytes at a time: long names make short rows long */

static void
forget_header(struct table *t)
{
	while (t->n > 0)
		free(t->key[--t->n]);
	free(t->key);
	t->key = NULL;
}

void
table_release(struct table *t)
{
	forget_header(t);
	csvread_release(&t->csv);
}

void
table_reset(struct table *t)
{
	table_release(t);
	t->begun = false;
	t->first = '\0';
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two columns of one name would be one member twice. */
static const char *
find_twin(struct table *t)
{
	char **sorted = xcalloc(t->n, sizeof(*sorted)), *twin = NULL;

	memcpy(sorted, t->key, t->n * sizeof(*sorted));
	qsort(sorted, t->n, sizeof(*sorted), by_text);
	for (size_t i = 1; i < t->n && twin == NULL; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			twin = sorted[i];
	free(sorted);
	if (twin == NULL)
		return NULL;
	snprintf(t->why, sizeof(t->why), "the header row has the column %.*s twice",
	    (int)(strlen(twin) - 1 < SHOWN ? strlen(twin) - 1 : SHOWN), twin);
	return t->why;
}

static const char foreign[] = "the reply is not CSV, it looks like JSON or HTML";
static const char no_text[] = "the reply is not CSV, its header row is no text in UTF-8";

static bool
is_foreign(const struct table *t)
{
	return t->n == 0 && t->first != '\0' && strchr("{[<", t->first) != NULL;
}

static const char *
take_header(struct table *t)
{
	const struct csvread_field *f = t->csv.field;
	struct buf key = {0};
	struct value v;
	const char *err;
	bool text = true;

	if (is_foreign(t))
		return foreign;
	t->key = xcalloc(t->csv.n, sizeof(*t->key));
	for (; t->n < t->csv.n; f++) {
		if (f->text.n > 0)
			json_quote(&key, f->text.p, f->text.n);
		else
			buf_addf(&key, "\"column_%zu\"", t->n + 1);
		text &= scan_text(key.p, key.len, &v, &err) == 0;
		buf_addc(&key, ':');
		t->key[t->n++] = buf_steal(&key);
	}
	return text ? find_twin(t) : no_text;
}

static const char *
take_row(struct table *t, struct buf *out)
{
	if (t->n == 0)
		return take_header(t);
	if (t->csv.n != t->n) {
		snprintf(t->why, sizeof(t->why), "line %llu has %zu fields, the header row %zu",
		    (unsigned long long)t->csv.line, t->csv.n, t->n);
		return t->why;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct csvread_field *f = &t->csv.field[i];

		buf_addc(out, i > 0 ? ',' : '{');
		buf_adds(out, t->key[i]);
		if (f->text.n > 0 || f->quoted)
			json_quote(out, f->text.p, f->text.n);
		else
			buf_adds(out, "null");
	}
	buf_adds(out, "}\n");
	return NULL;
}

static const char *
bad(struct table *t)
{
	if (is_foreign(t))
		return foreign;
	snprintf(t->why, sizeof(t->why), "the row in line %llu: %s",
	    (unsigned long long)t->csv.line, t->csv.err);
	return t->why;
}

const char *
table_feed(struct table *t, const char **p, size_t *n, struct buf *out)
{
	const char *why = NULL;
	int r;

	if (!t->begun && *n > 0) {
		t->begun = true;
		t->first = **p;
	}
	while (why == NULL && out->len < ENOUGH && (r = csvread_next(&t->csv, p, n)) != 0)
		why = r > 0 ? take_row(t, out) : bad(t);
	return why;
}

const char *
table_end(struct table *t, struct buf *out)
{
	const char *why = NULL;
	int r = csvread_end(&t->csv);

	if (r != 0)
		why = r > 0 ? take_row(t, out) : bad(t);
	return why == NULL && t->n == 0 ? "the reply has no header row" : why;
}
