/* Records into groups of rows that wait to be written. */
#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "pgseen.h"
#include "pgstage.h"
#include "show.h"

#define GROUPS_MAX 64
#define ROUNDS_MAX 16 /* the same key so many times */
#define BYTES_MAX  (16u << 20)

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (; n >= 8; s += 8, n -= 8) {
		uint64_t w;

		memcpy(&w, s, 8);
		h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (; n; s++, n--)
		h = (h ^ *s) * UINT64_C(0x100000001b3);
	return (h ^ n) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
}

/* A hash of the key that is the same for keys that the server takes for the same; it need not tell all others apart. */
static uint64_t
key_hash(struct pgdb *db, const struct table *t)
{
	uint64_t h = (uint64_t)(uintptr_t)t;

	for (size_t i = 0; i < t->key.n; i++) {
		const struct column *c = &t->columns[table_named(t, t->key.v[i])];
		const struct cell *x = &c->cell;

		if (x->kind == KIND_INT && c->store != STORE_TEXT) {
			h = mix(h, &x->i, sizeof x->i);
		} else if ((x->kind == KIND_REAL || x->kind == KIND_LONG) &&
			   c->store != STORE_TEXT) {
			int64_t whole = x->kind == KIND_REAL ? (int64_t)x->d : 0;

			buf_clear(&db->sql);
			canon_value(&db->sql, x->raw);
			if (x->kind == KIND_REAL && (double)whole == x->d)
				h = mix(h, &whole, sizeof whole);
			else
				h = mix(h, db->sql.p, db->sql.len);
		} else {
			h = mix(h, x->p, x->n);
		}
		h = mix(h, "", 1);
	}
	return h >> 8 ? h : 1 << 8;
}

static void
grow_keys(struct pgdb *db)
{
	size_t old = db->keys ? db->mask + 1 : 0, cap = old ? old * 2 : 1024;
	uint64_t *keys = db->keys;

	db->keys = xcalloc(cap, sizeof *db->keys);
	db->mask = cap - 1;
	for (size_t i = 0; i < old; i++) {
		size_t k = keys[i] >> 8 & db->mask;

		if (!keys[i])
			continue;
		while (db->keys[k])
			k = (k + 1) & db->mask;
		db->keys[k] = keys[i];
	}
	free(keys);
}

/* In which round may the row be written, none with its key being in it already? */
static unsigned
key_round(struct pgdb *db, uint64_t hash)
{
	uint64_t *k;

	if (db->nkeys * 2 >= db->mask)
		grow_keys(db);
	hash >>= 8;
	for (size_t i = hash & db->mask; *(k = &db->keys[i]); i = (i + 1) & db->mask)
		if (*k >> 8 == hash)
			return (unsigned)(++*k & 0xff); /* no more than ROUNDS_MAX */
	*k = hash << 8;
	db->nkeys++;
	return 0;
}

void
pgrows_forget(struct pgdb *db)
{
	for (size_t i = 0; i < db->ngroups; i++) {
		buf_release(&db->groups[i]->data);
		free(db->groups[i]->columns);
		free(db->groups[i]);
	}
	if (db->nkeys)
		memset(db->keys, 0, (db->mask + 1) * sizeof *db->keys);
	db->ngroups = db->nkeys = 0;
	db->rows = db->bytes = 0;
	db->last = NULL;
}

static bool
is_group(const struct group *g, const struct table *t, enum op op, unsigned round,
    const uint64_t *numbers)
{
	size_t bytes = (t->n + 63) / 64 * sizeof *t->set;

	return g->t == t && g->op == op && g->round == round && !memcmp(g->set, t->set, bytes) &&
	       !memcmp(g->numbers, numbers, bytes);
}

/* Would an insert of these columns be refused, though the row may be there to be updated? */
static bool
lacks_required(const struct table *t)
{
	for (size_t i = 0; i < t->n && t->key.n; i++)
		if (t->columns[i].required && !(t->set[i / 64] >> (i % 64) & 1))
			return true;
	return false;
}

static struct group *
find_group(struct pgdb *db, struct table *t, enum op op, unsigned round, const uint64_t *numbers)
{
	struct group *g = db->last;

	if (g && is_group(g, t, op, round, numbers))
		return g;
	for (size_t i = 0; i < db->ngroups; i++)
		if (is_group(db->groups[i], t, op, round, numbers))
			return db->last = db->groups[i];
	g = xcalloc(1, sizeof *g);
	g->t = t;
	g->op = op;
	g->round = round;
	g->copy = db->native && !db->careful;
	g->split = op == OP_UPSERT && lacks_required(t);
	memcpy(g->set, t->set, sizeof g->set);
	memcpy(g->numbers, numbers, sizeof g->numbers);
	g->columns = xcalloc(t->n, sizeof *g->columns);
	for (unsigned i = 0; i < t->n; i++)
		if (t->set[i / 64] >> (i % 64) & 1)
			g->columns[g->n++] = i;
	if (db->ngroups == db->cap) {
		db->cap = db->cap ? db->cap * 2 : 16;
		db->groups = xreallocarray(db->groups, db->cap, sizeof *db->groups);
	}
	return db->last = db->groups[db->ngroups++] = g;
}

/* Append the row as the group has it. */
static void
add(struct group *g)
{
	const struct table *t = g->t;
	struct buf *b = &g->data;

	if (g->copy) {
		for (size_t i = 0; i < g->n; i++) {
			if (i)
				buf_addc(b, '\t');
			pgcell_copy(b, &t->columns[g->columns[i]]);
		}
		buf_addc(b, '\n');
	} else {
		buf_adds(b, g->rows ? ",{" : "[{");
		for (size_t i = 0; i < g->n; i++) {
			const struct column *c = &t->columns[g->columns[i]];

			if (i)
				buf_addc(b, ',');
			json_quote(b, c->name, c->len);
			buf_addc(b, ':');
			pgcell_json(b, c);
		}
		buf_addc(b, '}');
	}
	g->rows++;
}

/* Columns of text that have a number in this record: 1.0 is no change to 1 there. */
static void
note_numbers(const struct table *t, enum op op, uint64_t *numbers)
{
	memset(numbers, 0, SET_WORDS * sizeof *numbers);
	for (size_t i = 0; i < t->n && op != OP_DELETE; i++) {
		const struct column *c = &t->columns[i];

		if (c->native == NATIVE_TEXT && c->inferred && !c->rule.type && !c->key &&
		    c->stamp == t->row && (t->set[i / 64] >> (i % 64) & 1) && c->cell.n < 100 &&
		    (c->cell.kind == KIND_INT || c->cell.kind == KIND_REAL ||
			c->cell.kind == KIND_LONG))
			numbers[i / 64] |= UINT64_C(1) << (i % 64);
	}
}

/* A row that is to be deleted is told by its key alone. */
static void
choose_key(struct table *t)
{
	memset(t->set, 0, sizeof t->set);
	for (size_t i = 0; i < t->key.n; i++) {
		int c = table_named(t, t->key.v[i]);

		t->set[c / 64] |= UINT64_C(1) << (c % 64);
	}
}

static int
wait_row(struct pgdb *db, struct table *t, const struct row *row, size_t members)
{
	uint64_t numbers[SET_WORDS];
	unsigned round = 0;
	struct group *g;
	size_t before;
	int r;

	if (row->op == OP_DELETE)
		choose_key(t);
	else
		record_choose(&db->sink, t, row, members, db->stage != NULL);
	note_numbers(t, row->op, numbers);
	if (t->key.n)
		round = key_round(db, key_hash(db, t));
	if (round >= ROUNDS_MAX || db->ngroups >= GROUPS_MAX) {
		r = pg_flush(db);
		if (r)
			return r;
		round = t->key.n ? key_round(db, key_hash(db, t)) : 0;
	}
	g = find_group(db, t, row->op, round, numbers);
	before = g->data.len;
	add(g);
	db->rows++;
	db->bytes += g->data.len - before;
	return db->rows >= db->most_rows || db->bytes >= BYTES_MAX ? pg_flush(db) : 0;
}

/* Read the record and see that it can be stored, or updated or deleted; *skip: there is nothing to. */
static int
prepare(struct pgdb *db, struct table *t, const struct row *row, size_t *members, bool *skip)
{
	struct sink *s = &db->sink;
	bool there = t->exists;
	int r = record_read(s, t, row, members);

	if (r == 0 && t->meta[META_HASH] >= 0)
		r = rowhash(s, t, row->op);
	if (r == 0 && (t->exists || row->op == OP_UPSERT))
		r = record_key(s, t);
	if (r == 0 && row->op != OP_UPSERT && t->exists && t->dirty)
		r = pg_find(db, t, &there); /* before the table is changed for it */
	if (r == 0 && row->op == OP_UPSERT && !t->exists)
		r = record_begins(s, t);
	*skip = row->op != OP_UPSERT && !there;
	return r;
}

int
pgrow_take(struct pgdb *db, const struct row *row)
{
	struct sink *s = &db->sink;
	struct table *t;
	size_t members, n;
	bool skip;
	int r = pgtable_get(db, row->table, &t);

	if (r)
		return r;
	if ((row->table.p || !t->by_default) && (r = table_asked(s, t, row->table)))
		return r;
	if (!t->key.n && s->life->begun && !db->stage && (r = resume_append(s)))
		return r;
	if (s->o->missing && t->key.n && (r = pgseen_row(db, t, row->tag ? row->tag->version : -1)))
		return r;
	if (row->op != OP_UPSERT && !t->key.n)
		return row_bad(
		    s, "table \"%s\" has no key to find a row by (--key)", shown(t->name));
	n = t->n;
	r = prepare(db, t, row, &members, &skip);
	if (r == 0 && db->stage)
		r = pgstage_row(db, t, row);
	if (r == 0 && pgstage_takes(db)) {
		table_undo(t, n);
		return 0;
	}
	if (r == 0 && skip)
		s->counts.ignored++;
	if (r || skip) {
		table_undo(t, n);
		return r;
	}
	r = pgtable_sync(db, t);
	if (r == 0)
		r = wait_row(db, t, row, members);
	if (r == 0 && t->n > n)
		record_stored(t, members);
	return r;
}
