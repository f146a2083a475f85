/* --key-hash: rows without a key of their own are told apart by what they hold. */
#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "hash.h"
#include "show.h"
#include "table.h"

static int
by_name(const void *a, const void *b, void *arg)
{
	const struct table *t = arg;

	return strcmp(t->columns[*(const unsigned *)a].name, t->columns[*(const unsigned *)b].name);
}

/* All columns in the order of their names. */
static void
sort_columns(struct table *t)
{
	if (t->nsorted == t->n)
		return;
	t->sorted = xreallocarray(t->sorted, t->n, sizeof *t->sorted);
	for (t->nsorted = 0; t->nsorted < t->n; t->nsorted++)
		t->sorted[t->nsorted] = (unsigned)t->nsorted;
	qsort_r(t->sorted, t->n, sizeof *t->sorted, by_name, t);
}

int
rowhash(struct sink *s, struct table *t, enum op op)
{
	struct buf *b = &s->scratch;
	struct column *key = &t->columns[t->meta[META_HASH]];
	const char *sep = "{";

	if (op != OP_UPSERT)
		return row_bad(s, "table \"%s\" has no key but the hash of its rows to find one by",
		    shown(t->name));
	sort_columns(t);
	buf_clear(b);
	for (size_t i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[t->sorted[i]];

		if (c->meta || c->stamp != t->row || c->cell.kind == KIND_NULL)
			continue;
		buf_adds(b, sep);
		json_quote(b, c->name, c->len);
		buf_addc(b, ':');
		canon_value(b, c->cell.raw);
		sep = ",";
	}
	buf_adds(b, *sep == '{' ? "{}" : "}");
	if (!t->hash[0])
		hash_start(NULL);
	hash_hex(t->hash, b->p, b->len);
	key->cell = (struct cell){.kind = KIND_STRING, .p = t->hash, .n = HASH_HEX};
	key->stamp = t->row;
	return 0;
}
