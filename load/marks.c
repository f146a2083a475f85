/* Deletes, where deleted rows stay and are marked. */
#include "sqlite.h"

void
meta_delete_sql(const struct db *db, const struct table *t, struct buf *b)
{
	const enum meta set[] = {META_DELETED, META_GONE, META_TO, META_ACTIVE, META_SYNCED};
	const char *sep = " SET ";

	if (t->meta[META_DELETED] < 0 && t->meta[META_GONE] < 0 && t->meta[META_ACTIVE] < 0) {
		buf_adds(b, "DELETE FROM ");
		sql_name(b, t->name);
		return;
	}
	buf_adds(b, "UPDATE ");
	sql_name(b, t->name);
	for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
		if (t->meta[set[i]] < 0)
			continue;
		buf_adds(b, sep);
		sql_name(b, t->columns[t->meta[set[i]]].name);
		if (meta_boolean(set[i]))
			buf_adds(b, set[i] == META_GONE ? " = 1" : " = 0");
		else
			buf_addf(b, " = '%s'", db->sink.now);
		sep = ", ";
	}
}

void
meta_live_sql(const struct table *t, const char *word, struct buf *b)
{
	bool flag = t->meta[META_GONE] >= 0;
	int c = t->meta[flag ? META_GONE : META_DELETED], active = t->meta[META_ACTIVE];

	if (active >= 0) {
		buf_adds(b, word);
		sql_name(b, t->columns[active].name);
		buf_adds(b, " = 1");
	}
	if (c < 0)
		return;
	buf_adds(b, word);
	sql_name(b, t->columns[c].name);
	buf_adds(b, flag ? " IS NOT 1" : " IS NULL");
}
