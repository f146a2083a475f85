#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "scan.h"
#include "schema.h"

#define CHAINS 1024 /* a power of two */

enum seen_type {
	SEEN_BOOLEAN,
	SEEN_INTEGER,
	SEEN_DECIMAL,
	SEEN_STRING,
	SEEN_ARRAY,
	SEEN_OBJECT,
	SEEN_NULL
};

static const char *const type_names[] = {
    "boolean", "integer", "decimal", "string", "array", "object"};

struct seen {
	struct slice name;
	size_t table;
	unsigned types;  /* a bit for each type but null */
	uint64_t values; /* but null */
	size_t longest;  /* bytes of UTF-8, or of a number's text */
	bool met;        /* in a record that went through; in the order of that: */
	struct seen *next;
	struct seen *chain; /* with the same hash */
};

struct note {
	struct seen *column; /* NULL: a row of the table that size is the number of */
	enum seen_type type;
	size_t size;
};

struct schema {
	const char *const *names;
	uint64_t *rows;
	size_t tables;
	struct seen *first, **last, **chains;
	struct note *notes;
	size_t n, cap;
};

struct schema *
schema_new(const char *const *names, size_t n)
{
	struct schema *s = xcalloc(1, sizeof *s);

	s->names = names;
	s->tables = n;
	s->rows = xcalloc(n, sizeof *s->rows);
	s->chains = xcalloc(CHAINS, sizeof *s->chains);
	s->last = &s->first;
	return s;
}

void
schema_free(struct schema *s)
{
	struct seen *next;

	for (size_t i = 0; s && i < CHAINS; i++) {
		for (struct seen *c = s->chains[i]; c; c = next) {
			next = c->chain;
			free((char *)c->name.p);
			free(c);
		}
	}
	if (!s)
		return;
	free(s->chains);
	free(s->rows);
	free(s->notes);
	free(s);
}

struct seen *
schema_column(struct schema *s, size_t table, struct slice name)
{
	size_t h = table;
	struct seen **at, *c;

	for (size_t i = 0; i < name.n; i++)
		h = h * 31 + (unsigned char)name.p[i];
	at = &s->chains[h & (CHAINS - 1)];
	for (c = *at; c; c = c->chain)
		if (c->table == table && slice_eq(c->name, name.p, name.n))
			return c;
	c = xcalloc(1, sizeof *c);
	c->name = (struct slice){xstrndup(name.p, name.n), name.n};
	c->table = table;
	c->chain = *at;
	*at = c;
	return c;
}

static void
note(struct schema *s, struct note n)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->notes = xreallocarray(s->notes, s->cap, sizeof *s->notes);
	}
	s->notes[s->n++] = n;
}

void
schema_row(struct schema *s, size_t table)
{
	note(s, (struct note){.size = table});
}

/* The bytes of the text of a JSON string's inside. */
static size_t
text_length(const char *p, size_t n)
{
	struct buf b = {0};
	size_t len = n;

	if (memchr(p, '\\', n) && json_unescape(&b, p, n) >= 0)
		len = b.len;
	buf_release(&b);
	return len;
}

void
schema_value(struct schema *s, struct seen *column, const char *p, size_t n)
{
	enum seen_type type = *p == '"'          ? SEEN_STRING
			      : *p == '['        ? SEEN_ARRAY
			      : *p == '{'        ? SEEN_OBJECT
			      : *p == 'n'        ? SEEN_NULL
			      : strchr("tf", *p) ? SEEN_BOOLEAN
						 : SEEN_INTEGER;

	if (type == SEEN_INTEGER && (memchr(p, '.', n) || memchr(p, 'e', n) || memchr(p, 'E', n)))
		type = SEEN_DECIMAL;
	note(s, (struct note){column, type, type == SEEN_STRING ? text_length(p + 1, n - 2) : n});
}

void
schema_commit(struct schema *s)
{
	for (const struct note *n = s->notes; n < s->notes + s->n; n++) {
		struct seen *c = n->column;

		if (c && !c->met) {
			c->met = true;
			*s->last = c;
			s->last = &c->next;
		}
		if (!c) {
			s->rows[n->size]++;
		} else if (n->type != SEEN_NULL) {
			c->types |= 1u << n->type;
			c->values++;
			if (n->size > c->longest)
				c->longest = n->size;
		}
	}
	s->n = 0;
}

size_t
schema_mark(const struct schema *s)
{
	return s->n;
}

void
schema_rollback(struct schema *s, size_t mark)
{
	s->n = mark;
}

static void
add_column(struct buf *b, const struct seen *c, uint64_t rows)
{
	bool first = true;

	json_quote(b, c->name.p, c->name.n);
	buf_adds(b, ":{\"types\":[");
	for (int t = 0; t < SEEN_NULL; t++) {
		if (!(c->types & 1u << t))
			continue;
		buf_addf(b, "%s\"%s\"", first ? "" : ",", type_names[t]);
		first = false;
	}
	buf_addf(b, "],\"nullable\":%s,\"longest\":%zu}", c->values < rows ? "true" : "false",
	    c->longest);
}

int
schema_write(const struct schema *s, const char *path)
{
	struct buf b = {0};
	int r;

	for (size_t i = 0; i < s->tables; i++) {
		bool first = true;

		buf_adds(&b, i ? ",\n {\"table\":" : "[{\"table\":");
		if (s->names[i])
			json_quote(&b, s->names[i], strlen(s->names[i]));
		else
			buf_adds(&b, "null");
		buf_addf(&b, ",\"rows\":%llu,\"columns\":{", (unsigned long long)s->rows[i]);
		for (const struct seen *c = s->first; c; c = c->next) {
			if (c->table != i)
				continue;
			buf_adds(&b, first ? "\n  " : ",\n  ");
			add_column(&b, c, s->rows[i]);
			first = false;
		}
		buf_adds(&b, "}}");
	}
	buf_adds(&b, "]\n");
	r = file_write(path, b.p, b.len, 0666);
	if (r < 0)
		warn("%s", path);
	buf_release(&b);
	return r;
}
