#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "tree.h"

/* "id" of the parent is "_parent_id" here, its "_index" "_parent_index". */
static struct slice
key_name(struct slice of)
{
	struct buf b = {0}, name = {0};

	buf_adds(&name, of.n && *of.p == '_' ? "_parent" : "_parent_");
	buf_add(&name, of.p, of.n);
	json_quote(&b, name.p, name.len);
	buf_release(&name);
	return (struct slice){b.p, b.len};
}

void
table_child(struct table *table, const struct slice *keys, size_t n)
{
	struct buf open = {0}, schema = {0};
	const char *to = table->child->to;

	table->key = xcalloc(n + 1, sizeof *table->key);
	table->keys = n + 1;
	buf_adds(&open, "{\"@cs\":{\"table\":");
	buf_adds(&schema, "{\"@cs\":\"schema\",\"table\":");
	json_quote(&open, to, strlen(to));
	json_quote(&schema, to, strlen(to));
	buf_addc(&open, '}');
	buf_adds(&schema, ",\"key\":[");
	for (size_t i = 0; i <= n; i++) {
		struct slice name = i < n ? key_name(keys[i]) : (struct slice){NULL, 0};
		struct buf b = {0};

		buf_addc(&b, ',');
		if (name.p)
			buf_add(&b, name.p, name.n);
		else
			buf_adds(&b, "\"_index\"");
		buf_add(&schema, b.p + !i, b.len - !i);
		buf_addc(&b, ':');
		table->key[i].n = b.len;
		table->key[i].p = buf_steal(&b);
		free((char *)name.p);
	}
	buf_adds(&schema, "]}\n");
	table->open = buf_steal(&open);
	table->schema = buf_steal(&schema);
}

void
table_columns(struct table *t, struct schema *schema, size_t number)
{
	t->seen = xcalloc(t->keys, sizeof *t->seen);
	for (size_t i = 0; i < t->keys; i++) {
		const struct slice *k = &t->key[i]; /* ,"name": */
		struct buf name = {0};

		(void)json_unescape(&name, k->p + 2, k->n - 4);
		t->seen[i] = schema_column(schema, number, (struct slice){name.p, name.len});
		buf_release(&name);
	}
}

void
table_release(struct table *t)
{
	for (size_t i = 0; i < t->keys; i++)
		free((char *)t->key[i].p);
	free(t->key);
	free(t->seen);
	free(t->open);
	free(t->schema);
	free(t->bucket);
}
