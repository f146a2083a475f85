/* Rows of a file and the changes to them. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "part.h"

/* One change to the row that k->now holds if there is one. */
static int
change(struct keyed *k, enum op op, struct slice record, int how)
{
	struct counts *c = k->counts;
	struct buf t;

	if (op == OP_DELETE || (op == OP_UPDATE && !k->present)) {
		*(k->present ? &c->deleted : &c->ignored) += 1;
		k->changed |= k->present;
		k->present = false;
		return 0;
	}
	if (!k->present) {
		buf_clear(&k->now);
		buf_add(&k->now, record.p, record.n);
		k->present = k->changed = true;
		c->inserted++;
		return 0;
	}
	if (op == OP_UPSERT && k->o->missing_null)
		how |= MERGE_WHOLE;
	buf_clear(&k->next);
	if (!merge(&k->merge, &k->next, (struct slice){k->now.p, k->now.len}, record, how)) {
		c->unchanged++;
		return 0;
	}
	t = k->now;
	k->now = k->next;
	k->next = t;
	k->changed = true;
	c->updated++;
	return 0;
}

static int
change_text(void *arg, enum op op, struct slice record)
{
	return change(arg, op, record, MERGE_TEXT);
}

static int
change_json(void *arg, enum op op, struct slice record)
{
	return change(arg, op, record, 0);
}

/* What becomes of the old row in k->now, whose key is in k->key. */
static int
merge_row(struct part *p, struct keyed *k, bool *stays)
{
	struct slice key = {k->key.p, k->key.len};
	bool again;
	int r = pending_meet(k->pending, key, &again);

	*stays = true;
	if (r < 0)
		return CS_IO;
	if (r == 0)
		return 0;
	if (again) {
		warnx("%s: two rows have the key \"%.*s\", so it cannot be told which is to change",
		    p->path, (int)key.n, key.p);
		return CS_DATA;
	}
	k->present = true;
	k->changed = false;
	r = pending_each(k->pending, key, p->is_csv ? change_text : change_json, k);
	*stays = !k->changed;
	if (r || !k->changed)
		return r;
	p->changed = true;
	if (k->present && !(k->move && k->move(k->arg, p, (struct slice){k->now.p, k->now.len})))
		part_add(p, k->now.p, k->now.len);
	return 0;
}

struct walk {
	struct part *p;
	struct keyed *k;
	const int *column; /* of the key */
};

static int
csv_row(void *arg, const struct csvread *row, struct slice raw)
{
	struct walk *w = arg;
	struct keyed *k = w->k;
	const struct names *key = &k->o->key;
	bool stays;
	int r;

	buf_clear(&k->key);
	for (size_t i = 0; i < key->n; i++) {
		const struct csvread_field *f = &row->field[w->column[i]];

		if (!f->text.n && !f->quoted) {
			warnx("%s:%llu: key column \"%s\" is empty", w->p->path,
			    (unsigned long long)row->line, key->v[i]);
			return CS_DATA;
		}
		key_add(&k->key, key->n, f->text);
	}
	buf_clear(&k->now);
	if (csv_object(&w->p->csv, &k->now, row) < 0) {
		warnx("%s:%llu: the row is no text: it is no UTF-8, or holds a NUL", w->p->path,
		    (unsigned long long)row->line);
		return CS_DATA;
	}
	r = merge_row(w->p, k, &stays);
	if (r == 0 && stays)
		csv_copy(&w->p->csv, &w->p->pack.out, raw);
	return r;
}

static int
merge_csv(struct part *p, struct keyed *k)
{
	const struct names *key = &k->o->key;
	int *column = xcalloc(key->n, sizeof *column), r = 0;
	struct walk w = {p, k, column};

	csv_write_header(&p->csv, &p->pack.out);
	for (size_t i = 0; r == 0 && i < key->n && p->old.p; i++) {
		column[i] = csv_find(&p->csv, key->v[i]);
		if (column[i] >= 0 && (size_t)column[i] < p->csv.nold)
			continue;
		warnx("%s: has no column \"%s\" to find rows by (--key)", p->path, key->v[i]);
		r = CS_DATA;
	}
	if (r == 0 && p->old.p)
		r = csv_each(&p->csv, p->path, p->old.p, p->old.n, csv_row, &w);
	free(column);
	return r;
}

static int
json_row(struct part *p, struct keyed *k, uint64_t lineno, struct slice line)
{
	bool stays;
	int r;

	buf_clear(&k->now); /* a copy, which may be read beyond its end */
	buf_add(&k->now, line.p, line.n);
	while (k->now.len && memchr(" \t\r", k->now.p[k->now.len - 1], 3))
		k->now.p[--k->now.len] = '\0';
	if (!k->now.len) {
		out_line(&p->pack.out, line.p, line.n);
		return 0;
	}
	buf_clear(&k->key);
	if (key_read(&k->merge, &k->key, &k->o->key, (struct slice){k->now.p, k->now.len},
		&k->why) < 0) {
		warnx("%s:%llu: %s", p->path, (unsigned long long)lineno, k->why.p);
		return CS_DATA;
	}
	r = merge_row(p, k, &stays);
	if (r == 0 && stays)
		out_line(&p->pack.out, line.p, line.n);
	return r;
}

static int
merge_json(struct part *p, struct keyed *k)
{
	const char *at = p->old.p, *end, *nl;
	uint64_t lineno = 0;
	int r = 0;

	if (!at)
		return 0;
	end = at + p->old.n;
	if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	for (; r == 0 && at < end; at = nl + 1) {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (!nl)
			nl = end;
		r = json_row(p, k, ++lineno, (struct slice){at, (size_t)(nl - at)});
	}
	return r;
}

int
part_merge(struct part *p, struct keyed *k)
{
	return p->is_csv ? merge_csv(p, k) : merge_json(p, k);
}

int
keyed_rest(struct keyed *k, bool is_csv, struct slice *record)
{
	struct slice key;
	int r;

	while ((r = pending_rest(k->pending, &key)) > 0) {
		k->present = false;
		if (pending_each(k->pending, key, is_csv ? change_text : change_json, k))
			return -1;
		if (k->present) {
			*record = (struct slice){k->now.p, k->now.len};
			return 1;
		}
	}
	return r;
}

void
keyed_release(struct keyed *k)
{
	merge_release(&k->merge);
	buf_release(&k->now);
	buf_release(&k->next);
	buf_release(&k->key);
	buf_release(&k->why);
}
