/* One record into the cells of its columns. */
#include <stdio.h>
#include <string.h>

#include "show.h"
#include "table.h"

int
cell_bad(struct sink *s, const struct column *c, bool fits)
{
	char mem[RULE_SQL_MAX];
	const char *type = c->rule.type ? type_name(c->rule.type) : shown(c->sqltype), *text;
	struct buf b = {0};
	int r;

	if (c->rule.type == TYPE_DECIMAL) {
		snprintf(mem, sizeof mem, "DECIMAL(%d,%d)", c->rule.precision, c->rule.scale);
		type = mem;
	}
	cell_show(&b, &c->cell);
	text = shown(b.p);
	if (!c->rule.type && c->store != STORE_INTEGER && (!c->native || c->store == STORE_REAL) &&
	    (c->cell.kind == KIND_INT || c->cell.kind == KIND_LONG))
		r = row_bad(
		    s, "column \"%s\": %s would lose digits as %s", shown(c->name), text, type);
	else if (!c->rule.type && !c->native && c->store == STORE_NUMERIC)
		r = row_bad(
		    s, "column \"%s\": %s would become a number as %s", shown(c->name), text, type);
	else if (c->rule.type && fits)
		r = row_bad(s,
		    "column \"%s\": %s is a %s, but would be changed by the column's type %s in "
		    "the table",
		    shown(c->name), text, type, *c->sqltype ? shown(c->sqltype) : "BLOB");
	else
		r = row_bad(s, "column \"%s\": %s is not %s %s", shown(c->name), text,
		    *type && strchr("AEIO", *type) ? "an" : "a", type);
	buf_release(&b);
	return r;
}

static int
read_cell(struct sink *s, struct table *t, int i, const struct value *v)
{
	struct column *c = &t->columns[i];
	const char *why;

	if (c->meta)
		return row_bad(
		    s, "column \"%s\" is the one %s fills", shown(c->name), meta_option(c->meta));
	if (c->generated)
		return row_bad(s, "column \"%s\" is computed by the database", shown(c->name));
	c->stamp = t->row;
	why = cell_read(&c->cell, v, &t->mem);
	if (why)
		return row_bad(s, "column \"%s\": %s", shown(c->name), why);
	if (c->cell.kind == KIND_NULL) {
		return c->key ? row_bad(s, "key column \"%s\" is null", shown(c->name)) : 0;
	}
	if (c->key && c->cell.kind == KIND_JSON)
		return row_bad(s, "key column \"%s\" is an array or an object", shown(c->name));
	if (c->presence == COLUMN_NULL) {
		c->presence = COLUMN_NEW;
		t->dirty = true;
	}
	return s->fit(s, t, c);
}

/* A column that is not in the table; *c is its number if it has been seen before, or -1. */
static int
unknown_column(struct sink *s, struct table *t, struct slice name, int *c)
{
	switch (s->o->columns) {
	case COLUMNS_FREEZE:
		return row_bad(s, "column \"%s\" is not in table \"%s\" (--columns freeze)",
		    shown_cut(name, SHOWN_MAX), shown(t->name));
	case COLUMNS_DISCARD:
		*c = -1;
		return 0;
	default:
		return *c < 0 ? table_add(s, t, name, c) : 0;
	}
}

/* The column for the i-th member, or -1 when --columns discard or a delete has no use for it. */
static int
find_column(struct sink *s, struct table *t, struct slice key, size_t i, enum op op, int *out)
{
	int c, r;

	if (i < t->nguess && t->guess[i] < t->n &&
	    slice_eq(key, t->columns[t->guess[i]].name, t->columns[t->guess[i]].len))
		c = (int)t->guess[i];
	else
		c = table_find(t, key);
	if (op == OP_DELETE && (c < 0 || !t->columns[c].key)) {
		c = -1;
	} else if (c < 0 || t->columns[c].presence == COLUMN_NULL) {
		r = unknown_column(s, t, key, &c);
		if (r)
			return r;
	}
	if (i >= t->nguess) {
		t->nguess = i + 1 < 32 ? 32 : (i + 1) * 2;
		t->guess = xreallocarray(t->guess, t->nguess, sizeof *t->guess);
		memset(t->guess + i, 0xff, (t->nguess - i) * sizeof *t->guess);
	}
	t->guess[i] = (unsigned)c;
	*out = c;
	return 0;
}

int
record_read(struct sink *s, struct table *t, const struct row *row, size_t *members)
{
	struct scan *in = row->scan;
	struct slice key;
	struct value v;
	int r, c, bad;

	t->row++;
	*members = 0;
	buf_clear(&t->mem);
	buf_room(&t->mem, row->n); /* decoded is never longer: nothing moves */
	while ((r = scan_key(in, &key)) > 0) {
		bad = find_column(s, t, key, *members, row->op, &c);
		if (bad)
			return bad;
		if (scan_value(in, &v) < 0)
			break;
		++*members;
		bad = c < 0 ? 0 : read_cell(s, t, c, &v);
		if (bad)
			return bad;
	}
	return row_end(s, row, in->err ? -1 : r);
}

int
record_key(struct sink *s, const struct table *t)
{
	for (size_t i = 0; i < t->key.n; i++) {
		int c = table_named(t, t->key.v[i]);

		if (c < 0 || t->columns[c].stamp != t->row)
			return row_bad(s, "no key column \"%s\"", shown(t->key.v[i]));
	}
	return 0;
}

void
record_choose(
    const struct sink *s, struct table *t, const struct row *row, size_t members, bool whole)
{
	memset(t->set, 0, (t->n + 63) / 64 * sizeof *t->set);
	for (size_t i = 0; i < members; i++) {
		unsigned c = t->guess[i];

		if (c < t->n && t->columns[c].presence == COLUMN_STORED)
			t->set[c / 64] |= UINT64_C(1) << (c % 64);
	}
	for (unsigned i = 0; (whole || s->o->missing_null) && row->op == OP_UPSERT && i < t->n;
	     i++) {
		struct column *c = &t->columns[i];

		if (c->presence != COLUMN_STORED || c->generated)
			continue;
		t->set[i / 64] |= UINT64_C(1) << (i % 64);
		if (c->stamp != t->row)
			c->cell.kind = KIND_NULL;
	}
	meta_fill(s, t, row->op);
}

int
record_begins(struct sink *s, struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].presence != COLUMN_NULL)
			return 0;
	if (!t->n)
		return row_bad(s, "a record without members cannot begin a table");
	for (size_t i = 0; i < t->n; i++)
		t->columns[i].presence = COLUMN_NEW;
	t->dirty = true;
	return 0;
}

void
record_stored(struct table *t, size_t members)
{
	for (size_t i = 0; i < members; i++) {
		unsigned c = t->guess[i];

		if (c < t->n && t->columns[c].presence == COLUMN_NULL)
			t->columns[c].null_seen = true;
	}
}
