/* The columns that cs-load fills by itself: times of runs, marks of deleted rows. */
#include <stdlib.h>
#include <string.h>

#include "table.h"

const char *
meta_option(enum meta m)
{
	static const char *const options[METAS] = {[META_SYNCED] = "--synced-at",
	    [META_FIRST] = "--first-seen",
	    [META_DELETED] = "--deleted-at",
	    [META_GONE] = "--deleted",
	    [META_HASH] = "--key-hash",
	    [META_FROM] = "--mode history",
	    [META_TO] = "--mode history",
	    [META_ACTIVE] = "--mode history"};

	return options[m];
}

bool
meta_boolean(enum meta m)
{
	return m == META_GONE || m == META_ACTIVE;
}

int
meta_want(struct sink *s, struct table *t)
{
	int r = 0;

	for (int m = META_NONE + 1; m < METAS && r == 0; m++) {
		const char *name = s->o->meta[m];
		struct column *c;

		if (m >= META_FROM && !t->key.n)
			continue;
		if (!name || (m == META_HASH && !(t->key.n == 1 && !strcmp(t->key.v[0], name))))
			continue;
		r = table_want(s, t, name, &t->meta[m]);
		if (r)
			break;
		c = &t->columns[t->meta[m]];
		c->meta = (enum meta)m;
		if (c->wanted)
			c->want = meta_boolean(c->meta) ? STORE_BOOLEAN : STORE_TEXT;
	}
	return r;
}

static void
fill(struct table *t, enum meta m, struct cell value)
{
	int c = t->meta[m];

	if (c < 0)
		return;
	t->set[c / 64] |= UINT64_C(1) << (c % 64);
	t->columns[c].cell = value;
}

void
meta_fill(const struct sink *s, struct table *t, enum op op)
{
	struct cell now = {.kind = KIND_STRING, .p = s->now, .n = strlen(s->now)};
	int any = -1;

	for (int m = 0; m < METAS; m++)
		any &= t->meta[m]; /* negative as long as all are */
	if (any < 0)
		return;
	fill(t, META_SYNCED, now);
	if (t->meta[META_HASH] >= 0)
		fill(t, META_HASH, t->columns[t->meta[META_HASH]].cell);
	fill(t, META_FROM, now);
	fill(t, META_TO, (struct cell){.kind = KIND_NULL});
	fill(t, META_ACTIVE, (struct cell){.kind = KIND_BOOL, .i = 1, .p = "true", .n = 4});
	if (op != OP_UPSERT)
		return;
	fill(t, META_FIRST, now);
	fill(t, META_DELETED, (struct cell){.kind = KIND_NULL});
	fill(t, META_GONE, (struct cell){.kind = KIND_BOOL, .p = "false", .n = 5});
}
