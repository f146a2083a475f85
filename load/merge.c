#include <stdlib.h>
#include <string.h>

#include "merge.h"
#include "show.h"
#include "types.h"

#define FEW 24 /* members that are looked through one by one */

void
merge_release(struct merge *m)
{
	scan_release(&m->scan);
	buf_release(&m->names);
	buf_release(&m->mem);
	free(m->v);
	free(m->sorted);
	free(m->found);
	memset(m, 0, sizeof *m);
}

static struct slice
name_of(const struct merge *m, size_t i)
{
	return (struct slice){m->names.p + m->v[i].name, m->v[i].len};
}

static int
compare(struct slice x, struct slice y)
{
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return memcmp(x.p, y.p, x.n);
}

static int
by_name(const void *a, const void *b, void *arg)
{
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	int c = compare(name_of(arg, i), name_of(arg, k));

	return c ? c : (i > k) - (i < k);
}

/* The member of that name, or m->n; it may well be the one at guess. */
static size_t
find(const struct merge *m, struct slice name, size_t guess)
{
	size_t lo = 0, hi = m->n_sorted, mid;

	if (guess < m->n && slice_eq(name, name_of(m, guess).p, m->v[guess].len))
		return guess;
	if (m->n <= FEW) {
		for (size_t i = 0; i < m->n; i++)
			if (slice_eq(name, name_of(m, i).p, m->v[i].len))
				return i;
		return m->n;
	}
	while (lo < hi) {
		int c;

		mid = lo + (hi - lo) / 2;
		c = compare(name_of(m, m->sorted[mid]), name);
		if (c == 0)
			return m->sorted[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return m->n;
}

static void
sort(struct merge *m)
{
	size_t keep = 0;

	m->sorted = xreallocarray(m->sorted, m->n, sizeof *m->sorted);
	for (size_t i = 0; i < m->n; i++)
		m->sorted[i] = i;
	qsort_r(m->sorted, m->n, sizeof *m->sorted, by_name, m);
	/* Of one name's members the last counts, at the place of the first. */
	for (size_t i = 1; i < m->n; i++) {
		struct member *first = &m->v[m->sorted[keep]], *next = &m->v[m->sorted[i]];

		if (compare(name_of(m, m->sorted[keep]), name_of(m, m->sorted[i])) != 0) {
			m->sorted[++keep] = m->sorted[i];
			continue;
		}
		first->v = next->v;
		next->used = true; /* it is not added at the end */
	}
	m->n_sorted = keep + 1;
}

/* Read the members of a change. */
static void
load(struct merge *m, struct slice change)
{
	struct slice name;
	struct value v;

	m->n = 0;
	buf_clear(&m->names);
	scan_init(&m->scan, change.p, change.n);
	scan_enter(&m->scan);
	while (scan_key(&m->scan, &name) > 0) {
		size_t i = m->n < FEW ? find(m, name, m->n) : m->n;

		if (scan_value(&m->scan, &v) < 0)
			break;
		if (i < m->n) {
			m->v[i].v = v;
			continue;
		}
		if (m->n == m->cap) {
			m->cap = m->cap ? m->cap * 2 : 32;
			m->v = xreallocarray(m->v, m->cap, sizeof *m->v);
		}
		m->v[m->n++] = (struct member){m->names.len, name.n, v, false};
		buf_add(&m->names, name.p, name.n);
	}
	if (m->n > FEW)
		sort(m);
}

/* Do both say the same? */
static bool
same(struct merge *m, const struct value *a, const struct value *b, bool text)
{
	struct cell x, y;

	if (a->n == b->n && memcmp(a->p, b->p, a->n) == 0)
		return true;
	if (a->type != b->type && !text)
		return false;
	buf_clear(&m->mem);
	buf_room(&m->mem, a->n + b->n);
	if (cell_read(&x, a, &m->mem) || cell_read(&y, b, &m->mem))
		return false; /* what cannot be said as text is the same only to the letter */
	if ((x.kind == KIND_NULL) != (y.kind == KIND_NULL))
		return false;
	return slice_eq((struct slice){x.p, x.n}, y.p, y.n);
}

/* A quote is in front of the next key; the key as it is written, with its quotes. */
static struct slice
raw_key(const char *from, const char *value)
{
	const char *p = memchr(from, '"', (size_t)(value - from)), *q = p + 1;

	for (; *q != '"'; q++)
		q += *q == '\\';
	return (struct slice){p, (size_t)(q + 1 - p)};
}

static void
add(struct buf *out, size_t *n, struct slice key, const struct value *v)
{
	if ((*n)++)
		buf_addc(out, ',');
	buf_add(out, key.p, key.n);
	buf_addc(out, ':');
	buf_add(out, v->p, v->n);
}

bool
merge(struct merge *m, struct buf *out, struct slice old, struct slice change, int how)
{
	bool changed = false, text = how & MERGE_TEXT;
	size_t n = 0, i, guess = 0;
	struct slice name;
	struct value v;

	load(m, change);
	scan_init(&m->scan, old.p, old.n);
	scan_enter(&m->scan);
	buf_addc(out, '{');
	for (const char *from = m->scan.p; scan_key(&m->scan, &name) > 0; from = m->scan.p) {
		struct slice key = raw_key(from, m->scan.p);

		i = find(m, name, guess);
		scan_value(&m->scan, &v);
		if (i < m->n) {
			m->v[i].used = true;
			if (!same(m, &v, &m->v[i].v, text)) {
				changed = true;
				v = m->v[i].v;
			}
			guess = i + 1;
		} else if (how & MERGE_WHOLE) {
			changed |= !text || v.type != JSON_NULL;
			continue;
		}
		add(out, &n, key, &v);
	}
	for (i = 0; i < m->n; i++) {
		if (m->v[i].used)
			continue;
		changed |= !text || m->v[i].v.type != JSON_NULL;
		if (n++)
			buf_addc(out, ',');
		json_quote(out, name_of(m, i).p, m->v[i].len);
		buf_addc(out, ':');
		buf_add(out, m->v[i].v.p, m->v[i].v.n);
	}
	buf_addc(out, '}');
	return changed;
}

void
key_add(struct buf *out, size_t columns, struct slice text)
{
	if (columns > 1)
		buf_addf(out, "%zu:", text.n);
	buf_add(out, text.p, text.n);
}

static int
bad_key(struct buf *why, const char *name, const char *what)
{
	buf_clear(why);
	buf_addf(why, "key column \"%s\" %s", shown(name), what);
	return -1;
}

int
key_read(
    struct merge *m, struct buf *out, const struct names *key, struct slice record, struct buf *why)
{
	struct value v;
	struct slice name;
	struct cell cell;
	const char *err;
	int r;

	m->found = xreallocarray(m->found, key->n, sizeof *m->found);
	memset(m->found, 0, key->n * sizeof *m->found);
	scan_init(&m->scan, record.p, record.n);
	r = scan_enter(&m->scan);
	while (r == 0 && (r = scan_key(&m->scan, &name)) > 0) {
		r = scan_value(&m->scan, &v);
		for (size_t i = 0; r == 0 && i < key->n; i++)
			if (slice_is(name, key->v[i]))
				m->found[i] = v;
	}
	if (r == 0)
		r = scan_done(&m->scan);
	if (r < 0) {
		buf_clear(why);
		buf_addf(why, "%s at byte %zu", m->scan.err, scan_at(&m->scan));
		return -1;
	}
	for (size_t i = 0; i < key->n; i++) {
		if (!m->found[i].type)
			return bad_key(why, key->v[i], "is missing");
		buf_clear(&m->mem);
		buf_room(&m->mem, m->found[i].n);
		err = cell_read(&cell, &m->found[i], &m->mem);
		if (err || cell.kind == KIND_NULL)
			return bad_key(why, key->v[i], err ? err : "is null");
		if (cell.kind == KIND_JSON)
			return bad_key(why, key->v[i], "is an array or an object");
		key_add(out, key->n, (struct slice){cell.p, cell.n});
	}
	return 0;
}
