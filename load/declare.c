/* What the command line and declarations say of a table. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "show.h"
#include "table.h"

struct decl *
decl_of(struct decl *list, const char *table)
{
	while (list && strcasecmp(list->table, table) != 0)
		list = list->next;
	return list;
}

/* A version alone declares nothing else anew. */
struct decl *
decl_push(struct decl **list, struct decl *d)
{
	struct decl *old = decl_of(*list, d->table);

	if (old && !d->key.n && !d->ncolumns) {
		old->version = d->version;
		decl_free(d);
		return old;
	}
	d->next = *list;
	*list = d;
	return d;
}

bool
decl_activated(struct decl *list, const char *table, int64_t version)
{
	const struct decl *d = decl_of(list, table);

	return version < 0 || (d && d->version == version);
}

int
table_key(struct sink *s, struct table *t, const struct decl *d)
{
	const struct opts *o = s->o;
	const struct names *key = &o->key;

	if (d && d->key.n && (!key->n || !o->table || strcasecmp(t->name, o->table) != 0))
		key = &d->key;
	if (o->mode == MODE_APPEND)
		return 0;
	if ((o->mode == MODE_UPSERT || o->mode == MODE_HISTORY) && !key->n && !o->meta[META_HASH]) {
		warnx("table \"%s\": its mode needs a key: --key, or one in --schema",
		    shown(t->name));
		return CS_USAGE;
	}
	if (key->n || !o->meta[META_HASH]) {
		names_copy(&t->key, key);
	} else {
		names_push(&t->key, o->meta[META_HASH]);
	}
	return 0;
}

int
table_allowed(struct sink *s, const struct table *t)
{
	if (!strncasecmp(t->name, "_cs_", 4) || !strncasecmp(t->name, "sqlite_", 7))
		return row_bad(s, "table \"%s\": names that begin with _cs_ or sqlite_ are taken",
		    shown(t->name));
	return 0;
}

int
table_creatable(struct sink *s, const struct table *t, const struct decl *d)
{
	if (t->exists || d || s->o->columns == COLUMNS_EVOLVE)
		return 0;
	warnx("%s: no table \"%s\", and --columns %s adds none", s->place, shown(t->name),
	    s->o->columns == COLUMNS_FREEZE ? "freeze" : "discard");
	return CS_USAGE;
}

int
table_want(struct sink *sink, struct table *t, const char *name, int *c)
{
	struct slice s = {name, strlen(name)};
	int r;

	*c = table_find(t, s);
	if (*c >= 0)
		return 0;
	r = table_add(sink, t, s, c);
	if (r)
		return r;
	t->columns[*c].presence = COLUMN_NEW;
	t->columns[*c].wanted = true;
	t->dirty = true;
	return 0;
}

int
table_wants(struct sink *s, struct table *t, const struct decl *d)
{
	int c, r;

	for (size_t i = 0; d && i < d->ncolumns; i++) {
		r = table_want(s, t, d->columns[i].name, &c);
		if (r)
			return r;
		t->columns[c].rule = d->columns[i].rule;
	}
	return meta_want(s, t);
}

int
table_asked(struct sink *s, struct table *t, struct slice name)
{
	t->by_default |= !name.p;
	if (!name.p)
		name = (struct slice){s->o->table, strlen(s->o->table)};
	if (!t->asked)
		t->asked = xstrndup(name.p, name.n);
	if (slice_eq(name, t->asked, strlen(t->asked)))
		return 0;
	return row_bad(s, "table \"%s\" differs from table \"%s\" only in case; rename one",
	    shown_cut(name, SHOWN_MAX), shown(t->asked));
}
