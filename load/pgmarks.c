/* Deletes, where deleted rows stay and are marked: PostgreSQL. */
#include "pgsink.h"

bool
pgmark_deletes(const struct table *t)
{
	return t->meta[META_DELETED] >= 0 || t->meta[META_GONE] >= 0 || t->meta[META_ACTIVE] >= 0;
}

void
pgmark_sql(const struct sink *s, const struct table *t, struct buf *b)
{
	static const enum meta set[] = {META_DELETED, META_GONE, META_TO, META_ACTIVE, META_SYNCED};
	const char *sep = " set ";

	for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
		if (t->meta[set[i]] < 0)
			continue;
		buf_adds(b, sep);
		pg_name(b, t->columns[t->meta[set[i]]].name);
		if (meta_boolean(set[i]))
			buf_adds(b, set[i] == META_GONE ? " = true" : " = false");
		else
			buf_addf(b, " = '%s'", s->now);
		sep = ", ";
	}
}

void
pgmark_live_sql(const struct table *t, const char *word, struct buf *b)
{
	bool flag = t->meta[META_GONE] >= 0;
	int c = t->meta[flag ? META_GONE : META_DELETED], active = t->meta[META_ACTIVE];

	if (active >= 0) {
		buf_addf(b, "%st.", word);
		pg_name(b, t->columns[active].name);
	}
	if (c < 0)
		return;
	buf_addf(b, "%st.", word);
	pg_name(b, t->columns[c].name);
	buf_adds(b, flag ? " is not true" : " is null");
}
