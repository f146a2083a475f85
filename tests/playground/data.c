#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "text.h"

#define HOUR        3600000
#define DAY         (24 * (int64_t)HOUR)
#define CREATED_IN  (700 * DAY) /* the span of createdAt, and after it that of updatedAt */
#define UPDATED_IN  (300 * DAY)
#define TIED        7 /* neighbours by updatedAt that share it: no page size is a multiple */
#define SELECTIONS  8
#define MAX_RECORDS 200000000u

/* A record that is no longer what its number says. */
struct touched {
	int64_t created, updated;
	uint32_t n, rev;
	bool deleted;
};

struct selection {
	struct query q;
	enum resource r;
	uint64_t generation, used; /* of the data; of the clock of uses */
	uint32_t *v;
	size_t len;
};

/* Row of a sort with several keys. */
struct row {
	int64_t key[MAX_SORT];
	uint32_t n;
};

static struct table {
	uint32_t base;          /* records at the start */
	uint32_t count;         /* with the inserted, deleted ones too */
	uint64_t step, inverse; /* rank by updatedAt = n * step mod base */
	int64_t newest;
	uint64_t generation, picks;
	struct touched *touched;
	size_t ntouched, cap;
	uint32_t *slot; /* open addressing: index into touched + 1 */
	size_t slots;   /* a power of two */
} tables[RESOURCES];

static const char *const names[RESOURCES] = {
    "users", "companies", "documents", "job-roles", "people"};

static struct data_opts opts;
static struct selection selections[SELECTIONS];
static uint64_t uses;

static void *
grow(void *p, size_t n, size_t size)
{
	if ((p = reallocarray(p, n, size)) == NULL)
		err(74, "out of memory");
	return p;
}

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	while (b > 0) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* A number near the golden section of n that shares no factor with it: multiples of it visit all of 0..n-1. */
static uint64_t
stride(uint64_t n)
{
	uint64_t s = (uint64_t)((double)n * 0.6180339887);

	while (s < 1 || gcd(s, n) != 1)
		s++;
	return s;
}

static uint64_t
modular_inverse(uint64_t a, uint64_t n)
{
	int64_t t = 0, next_t = 1, r = (int64_t)n, next_r = (int64_t)(a % n);

	while (next_r != 0) {
		int64_t q = r / next_r, swap = t - q * next_t;
		t = next_t;
		next_t = swap;
		swap = r - q * next_r;
		r = next_r;
		next_r = swap;
	}
	return (uint64_t)(t < 0 ? t + (int64_t)n : t);
}

static void
table_release(struct table *t)
{
	free(t->touched);
	free(t->slot);
	t->touched = NULL;
	t->slot = NULL;
	t->ntouched = t->cap = t->slots = 0;
}

void
data_reset(void)
{
	for (int r = 0; r < RESOURCES; r++) {
		struct table *t = &tables[r];
		table_release(t);
		t->count = t->base;
		t->newest = opts.newest;
		t->picks = 0;
		t->generation++;
	}
}

void
data_init(const struct data_opts *o)
{
	opts = *o;
	for (int r = 0; r < RESOURCES; r++) {
		struct table *t = &tables[r];
		t->base = o->count[r];
		if (t->base > 0) {
			t->step = stride(t->base);
			t->inverse = modular_inverse(t->step, t->base);
		}
	}
	data_reset();
}

void
data_release(void)
{
	for (int r = 0; r < RESOURCES; r++)
		table_release(&tables[r]);
	for (int i = 0; i < SELECTIONS; i++)
		free(selections[i].v);
}

static struct touched *
touched_find(const struct table *t, uint32_t n)
{
	if (t->ntouched == 0)
		return NULL;
	for (size_t i = mix(n) & (t->slots - 1);; i = (i + 1) & (t->slots - 1)) {
		if (t->slot[i] == 0)
			return NULL;
		if (t->touched[t->slot[i] - 1].n == n)
			return &t->touched[t->slot[i] - 1];
	}
}

static void
touched_slot(struct table *t, size_t index)
{
	size_t i = mix(t->touched[index].n) & (t->slots - 1);

	while (t->slot[i] != 0)
		i = (i + 1) & (t->slots - 1);
	t->slot[i] = (uint32_t)index + 1;
}

static struct touched *
touched_add(struct table *t, const struct record *rec)
{
	if (t->ntouched == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->touched = grow(t->touched, t->cap, sizeof(*t->touched));
		t->slots = 2 * t->cap;
		t->slot = grow(t->slot, t->slots, sizeof(*t->slot));
		memset(t->slot, 0, t->slots * sizeof(*t->slot));
		for (size_t i = 0; i < t->ntouched; i++)
			touched_slot(t, i);
	}
	t->touched[t->ntouched] = (struct touched){
	    .n = rec->n, .rev = rec->rev, .created = rec->created, .updated = rec->updated};
	touched_slot(t, t->ntouched);
	return &t->touched[t->ntouched++];
}

static uint64_t
salt(enum resource r)
{
	return mix(opts.seed * RESOURCES + r + 1);
}

/* One user an hour; with ties, users 49 and 50 (from 0), 99 and 100 … share theirs. */
static void
user_times(uint32_t n, uint64_t hash, int64_t *created, int64_t *updated)
{
	const struct table *t = &tables[USERS];
	int64_t hours = t->base - n, minutes = (int64_t)(hash % 60);

	if (opts.ties && n > 0 && n % 50 == 0) {
		hours++;
		minutes = (int64_t)(mix(salt(USERS) + n - 1) % 60);
	}
	*created = opts.newest - hours * HOUR;
	*updated = *created + minutes * (HOUR / 60);
}

/* How untouched record n of a Humaans resource stands in the order of updatedAt. */
static uint32_t
rank_of(const struct table *t, uint32_t n)
{
	return (uint32_t)(n * t->step % t->base);
}

static void
humaans_times(const struct table *t, uint32_t n, int64_t *created, int64_t *updated)
{
	uint32_t tied = t->base < 50 ? 1 : TIED;
	int64_t group = (t->base - 1 - rank_of(t, n)) / tied, groups = (t->base - 1) / tied + 1;

	*updated = opts.newest - UPDATED_IN / groups * group;
	*created = opts.newest - UPDATED_IN - CREATED_IN + CREATED_IN / t->base * n;
}

void
data_record(enum resource r, uint32_t n, struct record *rec)
{
	const struct table *t = &tables[r];
	const struct touched *o = touched_find(t, n);

	*rec = (struct record){.r = r, .n = n, .hash = mix(salt(r) + n)};
	if (o != NULL) {
		rec->rev = o->rev;
		rec->created = o->created;
		rec->updated = o->updated;
	} else if (r == USERS) {
		user_times(n, rec->hash, &rec->created, &rec->updated);
	} else {
		humaans_times(t, n, &rec->created, &rec->updated);
	}
}

enum person_status
data_person_status(const struct record *rec)
{
	return rec->hash % 10 == 0 ? OFFBOARDED : rec->hash % 10 == 1 ? NEW_HIRE : ACTIVE;
}

void
query_init(struct query *q)
{
	memset(q, 0, sizeof(*q));
	q->updated[0] = q->created[0] = INT64_MIN;
	q->updated[1] = q->created[1] = INT64_MAX;
	q->status = -1;
}

static bool
matches(const struct query *q, const struct record *rec)
{
	return rec->updated >= q->updated[0] && rec->updated <= q->updated[1] &&
	       rec->created >= q->created[0] && rec->created <= q->created[1] &&
	       (q->status < 0 || (int)data_person_status(rec) == q->status);
}

static void
push(struct selection *s, const struct query *q, enum resource r, uint32_t n)
{
	struct record rec;

	data_record(r, n, &rec);
	if (matches(q, &rec))
		s->v[s->len++] = n;
}

static int
by_updated(const void *a, const void *b)
{
	const struct touched *x = a, *y = b;

	if (x->updated != y->updated)
		return x->updated < y->updated ? -1 : 1;
	return (x->n > y->n) - (x->n < y->n);
}

/* Untouched records are in order by construction; touched ones are all newer. */
static void
select_by_updated(
    struct selection *s, const struct table *t, const struct query *q, enum resource r)
{
	for (uint32_t rank = 0; rank < t->base; rank++) {
		uint32_t n = r == USERS ? rank : (uint32_t)(rank * t->inverse % t->base);
		if (touched_find(t, n) == NULL)
			push(s, q, r, n);
	}
	if (t->ntouched == 0)
		return;
	struct touched *sorted = grow(NULL, t->ntouched, sizeof(*sorted));
	memcpy(sorted, t->touched, t->ntouched * sizeof(*sorted));
	qsort(sorted, t->ntouched, sizeof(*sorted), by_updated);
	for (size_t i = 0; i < t->ntouched; i++)
		if (!sorted[i].deleted)
			push(s, q, r, sorted[i].n);
	free(sorted);
}

static void
select_as_made(struct selection *s, const struct table *t, const struct query *q, enum resource r)
{
	for (uint32_t n = 0; n < t->count; n++) {
		const struct touched *o = touched_find(t, n);
		if (o == NULL || !o->deleted)
			push(s, q, r, n);
	}
}

static int
by_keys(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	for (int i = 0; i < MAX_SORT; i++)
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	return (x->n > y->n) - (x->n < y->n);
}

static int64_t
sort_key(const struct sort *by, const struct record *rec)
{
	/* Ids sort as their hash does; the top bit makes that order a signed one. */
	int64_t key = by->field == SORT_CREATED   ? rec->created
		      : by->field == SORT_UPDATED ? rec->updated
		      : by->field == SORT_ID      ? (int64_t)(rec->hash ^ (uint64_t)1 << 63)
						  : 0;
	return by->desc ? ~key : key;
}

static void
sort_by_keys(struct selection *s, const struct query *q, enum resource r)
{
	struct row *rows = grow(NULL, s->len + 1, sizeof(*rows));

	for (size_t i = 0; i < s->len; i++) {
		struct record rec;
		data_record(r, s->v[i], &rec);
		rows[i].n = rec.n;
		for (int k = 0; k < MAX_SORT; k++)
			rows[i].key[k] = sort_key(&q->sort[k], &rec);
	}
	qsort(rows, s->len, sizeof(*rows), by_keys);
	for (size_t i = 0; i < s->len; i++)
		s->v[i] = rows[i].n;
	free(rows);
}

static void
select_fill(struct selection *s, const struct query *q, enum resource r)
{
	const struct table *t = &tables[r];

	s->v = grow(s->v, t->count + 1, sizeof(*s->v));
	s->len = 0;
	if (q->sort[0].field == SORT_UPDATED && q->sort[1].field == SORT_NONE)
		select_by_updated(s, t, q, r);
	else
		select_as_made(s, t, q, r);
	if (q->sort[0].field == SORT_ID || q->sort[1].field != SORT_NONE) {
		sort_by_keys(s, q, r);
	} else if (q->sort[0].desc) {
		for (size_t i = 0, j = s->len; i + 1 < j; i++) {
			uint32_t swap = s->v[i];
			s->v[i] = s->v[--j];
			s->v[j] = swap;
		}
	}
}

const uint32_t *
data_select(enum resource r, const struct query *q, size_t *len)
{
	struct selection *s = &selections[0];

	for (int i = 0; i < SELECTIONS; i++) {
		struct selection *c = &selections[i];
		if (c->v != NULL && c->r == r && c->generation == tables[r].generation &&
		    memcmp(&c->q, q, sizeof(*q)) == 0) {
			c->used = ++uses;
			*len = c->len;
			return c->v;
		}
		if (c->used < s->used)
			s = c;
	}
	select_fill(s, q, r);
	memcpy(&s->q, q, sizeof(*q));
	s->r = r;
	s->generation = tables[r].generation;
	s->used = ++uses;
	*len = s->len;
	return s->v;
}

int
data_resource(const char *name)
{
	for (int r = 0; r < RESOURCES; r++)
		if (strcmp(name, names[r]) == 0)
			return r;
	return -1;
}

const char *
data_name(enum resource r)
{
	return names[r];
}

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void
data_id(enum resource r, uint32_t n, char id[static 25])
{
	uint64_t high = mix(salt(r) + n), low = mix(high + 1);

	for (int i = 10; i >= 0; i--, high /= 62)
		id[i] = base62[high % 62];
	for (int i = 23; i > 10; i--, low = low / 62 ? low / 62 : mix(low + n))
		id[i] = base62[low % 62];
	id[24] = '\0';
}

bool
data_find(enum resource r, const char *id, uint32_t *n)
{
	uint64_t high = 0;
	char want[25];

	if (strlen(id) != 24)
		return false;
	for (int i = 0; i < 11; i++) {
		const char *at = strchr(base62, id[i]);
		if (at == NULL)
			return false;
		high = high * 62 + (uint64_t)(at - base62);
	}
	uint64_t found = unmix(high) - salt(r);
	if (found >= tables[r].count)
		return false;
	*n = (uint32_t)found;
	data_id(r, *n, want);
	const struct touched *o = touched_find(&tables[r], *n);
	return strcmp(id, want) == 0 && (o == NULL || !o->deleted);
}

size_t
data_pick(enum resource r, size_t count, uint32_t *picked)
{
	struct table *t = &tables[r];
	size_t len = 0;

	if (t->count == 0)
		return 0;
	uint64_t step = stride(t->count), at = mix(salt(r) ^ ++t->picks) % t->count;
	for (uint32_t i = 0; i < t->count && len < count; i++, at = (at + step) % t->count) {
		const struct touched *o = touched_find(t, (uint32_t)at);
		if (o == NULL || !o->deleted)
			picked[len++] = (uint32_t)at;
	}
	return len;
}

/* Users are told in whole seconds, the others in milliseconds. */
static int64_t
tick(enum resource r)
{
	return tables[r].newest += r == USERS ? 1000 : 250;
}

static struct touched *
touch(enum resource r, uint32_t n)
{
	struct table *t = &tables[r];
	struct touched *o = touched_find(t, n);
	struct record rec;

	t->generation++;
	if (o != NULL)
		return o;
	data_record(r, n, &rec);
	return touched_add(t, &rec);
}

void
data_change(enum resource r, uint32_t n, bool same_time)
{
	struct touched *o = touch(r, n);

	o->rev++;
	o->updated = same_time ? tables[r].newest : tick(r);
}

uint32_t
data_insert(enum resource r)
{
	struct table *t = &tables[r];

	if (t->count >= MAX_RECORDS)
		errx(74, "too many records");
	struct record rec = {.r = r, .n = t->count++, .created = tick(r), .updated = t->newest};
	touched_add(t, &rec);
	t->generation++;
	return rec.n;
}

void
data_delete(enum resource r, uint32_t n)
{
	touch(r, n)->deleted = true;
}
