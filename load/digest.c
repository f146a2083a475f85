#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "digest.h"
#include "show.h"

unsigned digest_first = 1000;

struct entry {
	uint64_t key;     /* hash; 0: free */
	uint64_t content; /* 0: not known */
	sqlite3_int64 rowid;
};

struct digest {
	struct entry *map; /* NULL: none now */
	size_t cap, n;
	struct entry *at; /* of the last look, or NULL */
	uint64_t key,
	    content; /* of the record at hand; content 0: it has columns that the map does not know */
	bool partial;            /* its columns are not those of the map */
	uint64_t set[SET_WORDS]; /* columns that the content is made of */
	uint64_t seed[4];
	uint64_t upserts, there; /* without a map: how many, and how many found their row */
	uint64_t next;           /* upserts at which making one is looked at again */
	uint64_t looks,
	    vain; /* with a map: how many, and how many unchanged rows it did not know to be so */
	bool never;
	sqlite3_stmt *probe; /* of digest_there() */
};

static uint64_t
mul(uint64_t a, uint64_t b) /* both halves of the product */
{
#ifdef __SIZEOF_INT128__
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
#else
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t m = ah * bl + (al * bl >> 32), k = al * bh + (uint32_t)m;

	return a * b ^ (ah * bh + (m >> 32) + (k >> 32));
#endif
}

static uint64_t
word(const char *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

static uint64_t
hash_bytes(const uint64_t seed[4], uint64_t h, const char *p, size_t n)
{
	uint64_t a = 0, b = 0, len = n;

	for (; n > 16; p += 16, n -= 16)
		h = mul(word(p, 8) ^ seed[1], word(p + 8, 8) ^ h);
	if (n >= 8) {
		a = word(p, 8);
		b = word(p + n - 8, 8);
	} else if (n >= 4) {
		a = word(p, 4);
		b = word(p + n - 4, 4);
	} else if (n) {
		a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
		    (unsigned char)p[n - 1];
	}
	return mul(seed[2] ^ len, mul(a ^ seed[1], b ^ h));
}

static uint64_t
hash_int(const uint64_t seed[4], uint64_t h, int64_t i)
{
	return mul(seed[3] ^ (uint64_t)i, h ^ seed[2]);
}

/* Equal numbers are one value to SQLite, whichever way they are stored. */
static uint64_t
hash_real(const uint64_t seed[4], uint64_t h, double d)
{
	uint64_t bits;

	if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && (double)(int64_t)d == d)
		return hash_int(seed, h, (int64_t)d);
	memcpy(&bits, &d, sizeof bits);
	return hash_int(seed, ~h, (int64_t)bits);
}

/* Where the hash of a column's value starts: no two columns share it, nor do text and blob. */
static uint64_t
start(const struct digest *d, unsigned column, bool blob)
{
	return d->seed[0] + (column * 2 + blob) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Of a cell, as row.c binds it and the column's affinity leaves it. 0: NULL. */
static uint64_t
hash_cell(const struct digest *d, const struct column *c, unsigned column)
{
	const struct cell *x = &c->cell;
	uint64_t h = start(d, column, x->kind == KIND_BLOB);

	if (x->kind == KIND_NULL)
		return 0;
	if (c->store != STORE_TEXT && (x->kind == KIND_INT || x->kind == KIND_BOOL))
		return hash_int(d->seed, h, x->i);
	if (c->store != STORE_TEXT && x->kind == KIND_REAL)
		return hash_real(d->seed, h, x->d);
	return hash_bytes(d->seed, h, x->p, x->n);
}

static uint64_t
hash_value(const struct digest *d, sqlite3_value *v, unsigned column)
{
	const char *p;

	switch (sqlite3_value_type(v)) {
	case SQLITE_NULL:
		return 0;
	case SQLITE_INTEGER:
		return hash_int(d->seed, start(d, column, false), sqlite3_value_int64(v));
	case SQLITE_FLOAT:
		return hash_real(d->seed, start(d, column, false), sqlite3_value_double(v));
	case SQLITE_BLOB:
		p = sqlite3_value_blob(v);
		return hash_bytes(
		    d->seed, start(d, column, true), p, (size_t)sqlite3_value_bytes(v));
	default:
		p = (const char *)sqlite3_value_text(v);
		return hash_bytes(
		    d->seed, start(d, column, false), p, (size_t)sqlite3_value_bytes(v));
	}
}

/* The content's hash is the sum over its columns: NULL adds nothing, so a record that lacks a column
 * is the same as the row when that column is NULL there. Never 0, nor is a key's. */
static uint64_t
not_zero(uint64_t h)
{
	return h ? h : 1;
}

/* Hash the key and the content of the record at hand. */
static void
hash_record(struct digest *d, const struct table *t)
{
	uint64_t key = 0, content = 0;
	bool more = false;

	d->partial = false;
	for (size_t w = 0; w < (t->n + 63) / 64; w++) {
		d->partial |= t->set[w] != d->set[w];
		more |= (t->set[w] & ~d->set[w]) != 0;
		for (uint64_t bits = t->set[w]; bits; bits &= bits - 1) {
			unsigned i = (unsigned)(w * 64) + (unsigned)__builtin_ctzll(bits);
			const struct column *c = &t->columns[i];

			if (c->key)
				key += hash_cell(d, c, i);
			else if (!t->bulk && column_compared(c))
				content += hash_cell(d, c, i);
		}
	}
	more |= t->bulk;
	d->key = not_zero(key);
	d->content = more ? 0 : not_zero(content);
}

/* The entry of a key, or the free one where it would be. */
static struct entry *
find(const struct digest *d, uint64_t key)
{
	size_t i = (size_t)(((key >> 32) * d->cap) >> 32);

	while (d->map[i].key && d->map[i].key != key)
		i = i + 1 < d->cap ? i + 1 : 0;
	return &d->map[i];
}

enum digest_says
digest_look(struct table *t)
{
	struct digest *d = t->digest;

	if (!d || !d->map)
		return DIGEST_NOTHING;
	d->looks++;
	hash_record(d, t);
	d->at = find(d, d->key);
	if (!d->at->key)
		return DIGEST_ABSENT;
	return d->content && d->at->content == d->content ? DIGEST_SAME : DIGEST_OTHER;
}

bool
digest_rowid(const struct table *t, sqlite3_int64 *rowid)
{
	*rowid = t->digest->at->rowid;
	return !t->without_rowid;
}

static void
unmap(struct entry *map, size_t cap)
{
	if (map)
		munmap(map, cap * sizeof *map);
}

void
digest_drop(struct table *t)
{
	struct digest *d = t->digest;

	if (!d || t->bulk)
		return;
	unmap(d->map, d->cap);
	d->map = NULL;
	d->upserts = d->there = 0;
	/* Each time it was in vain, it has to be worth more. */
	d->next = d->next < UINT64_MAX / 4 ? d->next * 2 : UINT64_MAX;
}

void
digest_free(struct table *t)
{
	if (!t->digest)
		return;
	unmap(t->digest->map, t->digest->cap);
	sqlite3_finalize(t->digest->probe);
	free(t->digest);
	t->digest = NULL;
}

/* Bytes that all maps together may have: what the page cache and the buffers leave. */
static uint64_t
budget(const struct db *db)
{
	uint64_t used = DIGEST_BASE(db->sink.o);

	for (const struct table *t = db->tables; t; t = t->next)
		if (t->digest && t->digest->map)
			used += t->digest->cap * sizeof(struct entry);
	return db->sink.o->memory > used ? db->sink.o->memory - used : 0;
}

/* An empty map for n rows; false when there is no memory for it. */
static bool
map_new(const struct db *db, struct digest *d, size_t n)
{
	size_t cap = n + n / 4 + 64, size = cap * sizeof(struct entry);
	void *p;

	if (n > UINT32_MAX / 2 || size > budget(db))
		return false;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
#ifdef MADV_HUGEPAGE
	madvise(p, size, MADV_HUGEPAGE); /* rows are looked up all over it */
#endif
	d->map = p;
	d->cap = cap;
	d->n = 0;
	return true;
}

static bool
grow(const struct db *db, struct digest *d)
{
	struct entry *old = d->map;
	size_t cap = d->cap, n = d->n;
	uint64_t line = db->sink.bytes / (db->sink.records ? db->sink.records : 1) + 1;

	/* For all that is known to come, or at least for some more. */
	if (!map_new(db, d, n + n / 2 + db->sink.ahead / line) && !map_new(db, d, n))
		return false;
	d->n = n;
	for (size_t i = 0; i < cap; i++)
		if (old[i].key)
			*find(d, old[i].key) = old[i];
	d->at = find(d, d->key);
	unmap(old, cap);
	return true;
}

static sqlite3_int64
ask(struct db *db, const char *sql, const char *name)
{
	sqlite3_stmt *st = NULL;
	sqlite3_int64 v = -1;

	if (sqlite3_prepare_v2(db->h, sql, -1, &st, NULL) == SQLITE_OK) {
		if (name)
			sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
		if (sqlite3_step(st) == SQLITE_ROW)
			v = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return v;
}

/* SELECT what FROM the table, as a number; -1 when it cannot be had. */
static sqlite3_int64
ask_table(struct db *db, const struct table *t, const char *what)
{
	buf_clear(&db->sql);
	buf_addf(&db->sql, "SELECT %s FROM ", what);
	sql_name(&db->sql, t->name);
	return ask(db, db->sql.p, NULL);
}

/* May a statement change rows that it does not name, or are there equal keys with different bytes? */
static bool
unsafe(struct db *db, const struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->columns[i].key && t->columns[i].collated)
			return true;
	if (!t->without_rowid && !table_rowid(t))
		return true;
	return ask(db, "SELECT count(*) FROM main.sqlite_schema WHERE type = 'trigger'", NULL) !=
		   0 ||
	       ask(db,
		   "SELECT count(*) FROM pragma_foreign_key_list(?1)"
		   " WHERE on_update NOT IN ('NO ACTION', 'RESTRICT')"
		   " OR on_delete NOT IN ('NO ACTION', 'RESTRICT')",
		   t->name) != 0 ||
	       ask(db,
		   "SELECT count(*) FROM main.sqlite_schema"
		   " WHERE type = 'table' AND name = ?1 AND sql LIKE '%replace%'",
		   t->name) != 0;
}

/* At most how many rows the table has, found out without reading it. */
static uint64_t
rows_at_most(struct db *db, const struct table *t)
{
	sqlite3_int64 bytes =
	    ask(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", NULL);
	uint64_t line = db->sink.bytes / (db->sink.records ? db->sink.records : 1);
	uint64_t n = (uint64_t)bytes / (line / 4 ? line / 4 : 1);
	const char *rowid = t->without_rowid ? NULL : table_rowid(t);
	char what[64];
	sqlite3_int64 max;

	if (!rowid)
		return n;
	snprintf(what, sizeof what, "max(%s)", rowid);
	max = ask_table(db, t, what);
	snprintf(what, sizeof what, "min(%s)", rowid);
	max -= ask_table(db, t, what) - 1;
	return max > 0 && (uint64_t)max < n ? (uint64_t)max : n;
}

/* SELECT rowid, keys and columns of the set FROM the table. */
static sqlite3_stmt *
scan_prepare(struct db *db, const struct table *t)
{
	buf_clear(&db->sql);
	buf_addf(&db->sql, "SELECT %s", t->without_rowid ? "0" : table_rowid(t));
	for (size_t i = 0; i < t->n; i++)
		if (t->digest->set[i / 64] >> (i % 64) & 1) {
			buf_adds(&db->sql, ", ");
			sql_name(&db->sql, t->columns[i].name);
		}
	buf_adds(&db->sql, " FROM ");
	sql_name(&db->sql, t->name);
	return db_prepare(db, db->sql.p);
}

/* Read the whole table into the map. 0, or a CS_ status. */
static int
scan(struct db *db, struct table *t)
{
	struct digest *d = t->digest;
	sqlite3_stmt *st = scan_prepare(db, t);
	size_t words = (t->n + 63) / 64;
	int rc;

	if (!st)
		return CS_IO;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && d->n < d->cap / 8 * 7) {
		uint64_t key = 0, content = 0;
		struct entry *e;
		int k = 1;

		for (size_t w = 0; w < words; w++)
			for (uint64_t bits = d->set[w]; bits; bits &= bits - 1) {
				unsigned i = (unsigned)(w * 64) + (unsigned)__builtin_ctzll(bits);
				/* Not protected by a mutex: there are no threads here. */
				uint64_t h = hash_value(d, sqlite3_column_value(st, k++), i);

				if (t->columns[i].key)
					key += h;
				else if (column_compared(&t->columns[i]))
					content += h;
			}
		key = not_zero(key);
		e = find(d, key);
		/* Of keys that share a hash none is known to be the same. */
		*e = (struct entry){
		    key, e->key ? 0 : not_zero(content), sqlite3_column_int64(st, 0)};
		d->n++;
	}
	sqlite3_finalize(st);
	if (rc == SQLITE_ROW)
		digest_drop(t);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

/* Say what --memory the map of n rows would need. */
static void
tell(const struct db *db, const struct table *t, sqlite3_int64 n)
{
	uint64_t map = (uint64_t)n * 30, need = map + 3 * DIGEST_BUFFERS;

	if (need > UINT64_C(256) << 20)
		need = (map + DIGEST_BUFFERS) / 3 * 4; /* a quarter is page cache */

	if (db->sink.o->verbose && n > 0)
		warnx("table \"%s\": digests of %lld rows need --memory %lluM; comparing without "
		      "them",
		    shown(t->name), (long long)n, (unsigned long long)(need >> 20) + 1);
}

/* The map, if there is room for it. 0 or a CS_ status. */
static int
make(struct db *db, struct table *t)
{
	struct digest *d = t->digest;
	sqlite3_int64 n = ask_table(db, t, "count(*)");

	if (n < 0 || !map_new(db, d, (size_t)n) || getrandom(d->seed, sizeof d->seed, 0) < 0) {
		tell(db, t, n);
		digest_drop(t);
		d->never = true;
		return 0;
	}
	memset(d->set, 0, sizeof d->set);
	for (size_t s = 0; s < t->nstmts; s++)
		for (size_t w = 0; t->stmts[s]->op == OP_UPSERT && w < SET_WORDS; w++)
			d->set[w] |= t->stmts[s]->set[w];
	d->looks = d->vain = 0;
	d->at = NULL;
	return scan(db, t);
}

/* Look whether a map is worth its scan: most records find their row, and enough of them come. */
static int
consider(struct db *db, struct table *t)
{
	struct digest *d = t->digest;
	uint64_t line = db->sink.bytes / (db->sink.records ? db->sink.records : 1) + 1, rows;

	d->next *= 2;
	if (d->there * 2 < d->upserts || db->sink.o->memory <= DIGEST_BASE(db->sink.o))
		return 0;
	rows = rows_at_most(db, t);
	if (db->sink.ahead / line * 2 < rows && d->upserts * 8 < rows)
		return 0;
	d->never = unsafe(db, t);
	return d->never ? 0 : make(db, t);
}

int
digest_upserted(struct db *db, struct table *t, enum digest_did did, sqlite3_int64 rowid)
{
	struct digest *d = t->digest;

	if (!d) {
		d = t->digest = xcalloc(1, sizeof *d);
		d->next = digest_first;
	}
	if (!d->map) {
		d->upserts++;
		d->there += did != DIGEST_INSERTED;
		return d->upserts < d->next || d->never ? 0 : consider(db, t);
	}
	if (t->bulk && did == DIGEST_INSERTED && d->n >= d->cap / 8 * 7 && !grow(db, d))
		return digest_seal(db, t);
	if (!d->at->key) {
		if (did != DIGEST_INSERTED || (d->n >= d->cap / 8 * 7 && !grow(db, d))) {
			digest_drop(t); /* it was wrong, or there is no room */
			d->never = true;
			return 0;
		}
		d->at = find(d, d->key);
		d->n++;
	}
	if (did == DIGEST_INSERTED)
		d->at->rowid = rowid;
	else if (did == DIGEST_UNCHANGED && ++d->vain > digest_first && d->vain > d->looks / 4)
		d->never = true; /* records that each lack some other column */
	d->at->key = d->key;
	d->at->content = d->partial ? 0 : d->content;
	if (d->never)
		digest_drop(t);
	return 0;
}

void
digest_bulk(struct db *db, struct table *t)
{
	struct digest *d = xcalloc(1, sizeof *d);

	t->digest = d;
	t->bulk = getrandom(d->seed, sizeof d->seed, 0) >= 0 && map_new(db, d, digest_first);
	if (!t->bulk)
		digest_free(t);
}

int
digest_there(struct db *db, struct table *t, bool *there)
{
	struct digest *d = t->digest;
	int rc;

	if (!d->probe) {
		buf_clear(&db->sql);
		buf_adds(&db->sql, "SELECT 1 FROM ");
		sql_name(&db->sql, t->name);
		buf_adds(&db->sql, " WHERE ");
		key_is(&db->sql, t, NULL);
		buf_addf(&db->sql, " AND %s = ?%zu", table_rowid(t), t->key.n + 1);
		d->probe = db_prepare(db, db->sql.p);
		if (!d->probe)
			return CS_IO;
	}
	if (bind_key(db, t, d->probe) ||
	    sqlite3_bind_int64(d->probe, (int)t->key.n + 1, d->at->rowid))
		return db_fail(db);
	rc = sqlite3_step(d->probe);
	*there = rc == SQLITE_ROW;
	sqlite3_reset(d->probe);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
digest_seal(struct db *db, struct table *t)
{
	if (!t->bulk)
		return 0;
	t->bulk = false;
	digest_free(t);
	stmts_free(t);
	return table_unique(db, t);
}

void
digest_touched(struct table *t)
{
	struct digest *d = t->digest;
	uint64_t key = 0;

	if (!d || !d->map)
		return;
	for (unsigned i = 0; i < t->n; i++)
		if (t->columns[i].key)
			key += hash_cell(d, &t->columns[i], i);
	find(d, not_zero(key))->content = 0;
}
