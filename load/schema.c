#include <cjson/cJSON.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "schema.h"
#include "show.h"

#define SCHEMA_MAX (16u << 20) /* bytes of a --schema file */

void
decl_free(struct decl *d)
{
	struct decl *next;

	for (; d; d = next) {
		next = d->next;
		for (size_t i = 0; i < d->ncolumns; i++)
			free(d->columns[i].name);
		free(d->columns);
		names_release(&d->key);
		free(d->table);
		free(d);
	}
}

/* Parse, refusing what cJSON would cut short. NULL with *why. */
static cJSON *
parse(const char *p, size_t n, char **why)
{
	cJSON *j;

	if (memmem(p, n, "\\u0000", 6)) {
		*why = xstrdup("U+0000 in a schema");
		return NULL;
	}
	j = cJSON_ParseWithLength(p, n);
	if (!j)
		*why = xstrdup("a schema that is no JSON");
	return j;
}

/* {"type":"DECIMAL","precision":P,"scale":S} */
static int
decimal(struct rule *r, const char *column, const cJSON *j, char **why)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(j, "type");
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(j, "precision");
	const cJSON *s = cJSON_GetObjectItemCaseSensitive(j, "scale");

	if (!cJSON_IsString(type) || strcmp(type->valuestring, "DECIMAL") != 0 ||
	    !cJSON_IsNumber(p) || !cJSON_IsNumber(s) || p->valueint < 1 || p->valueint > 38 ||
	    s->valueint < 0 || s->valueint > p->valueint || p->valuedouble != p->valueint ||
	    s->valuedouble != s->valueint) {
		*why =
		    xasprintf("column \"%s\": a type given as an object is {\"type\":\"DECIMAL\","
			      "\"precision\":1..38,\"scale\":0..precision}",
			shown(column));
		return -1;
	}
	*r = (struct rule){TYPE_DECIMAL, p->valueint, s->valueint};
	return 0;
}

static int
column_type(struct rule *r, const char *column, const cJSON *j, char **why)
{
	if (cJSON_IsObject(j))
		return decimal(r, column, j, why);
	if (cJSON_IsNull(j))
		return 0; /* it is there, and its values will tell its type */
	if (cJSON_IsString(j))
		r->type = type_named(j->valuestring);
	if (r->type == TYPE_DECIMAL) {
		*why = xasprintf("column \"%s\": DECIMAL needs precision and scale: "
				 "{\"type\":\"DECIMAL\",\"precision\":15,\"scale\":2}",
		    shown(column));
		return -1;
	}
	if (r->type == TYPE_NONE) {
		char *got = cJSON_PrintUnformatted(j);

		*why = xasprintf(
		    "column \"%s\": %s is no type; types are BOOLEAN SHORT INT LONG "
		    "DECIMAL FLOAT DOUBLE NAIVE_DATE NAIVE_DATETIME UTC_DATETIME BINARY XML "
		    "STRING JSON",
		    shown(column), got ? shown(got) : "?");
		free(got);
		return -1;
	}
	return 0;
}

static int
read_columns(struct decl *d, const cJSON *j, char **why)
{
	const cJSON *c;

	if (!cJSON_IsObject(j)) {
		*why = xasprintf(
		    "table \"%s\": \"columns\" should be an object {name: type}", shown(d->table));
		return -1;
	}
	cJSON_ArrayForEach(c, j)
	{
		struct decl_column *col;

		d->columns = xreallocarray(d->columns, d->ncolumns + 1, sizeof *d->columns);
		col = &d->columns[d->ncolumns++];
		*col = (struct decl_column){.name = xstrdup(c->string)};
		if (column_type(&col->rule, col->name, c, why) < 0)
			return -1;
	}
	return 0;
}

/* A list of names, or the comma-separated form of the options. */
static int
read_key(struct decl *d, const cJSON *j, char **why)
{
	const cJSON *k;

	if (cJSON_IsString(j) && names_add(&d->key, j->valuestring) == 0)
		return 0;
	if (!cJSON_IsArray(j))
		goto bad;
	cJSON_ArrayForEach(k, j)
	{
		if (!cJSON_IsString(k) || !*k->valuestring)
			goto bad;
		names_push(&d->key, k->valuestring);
	}
	return 0;
bad:
	*why = xasprintf("table \"%s\": the key should be a list of column names", shown(d->table));
	return -1;
}

static int
read_table(struct decl *d, const cJSON *j, char **why)
{
	const cJSON *table = cJSON_GetObjectItemCaseSensitive(j, "table"), *m;

	if (!cJSON_IsString(table) || !*table->valuestring) {
		*why = xstrdup("a table is declared as "
			       "{\"table\":NAME,\"primary_key\":[...],\"columns\":{...}}");
		return -1;
	}
	d->table = xstrdup(table->valuestring);
	cJSON_ArrayForEach(m, j)
	{
		if (!strcmp(m->string, "table"))
			continue;
		if (!strcmp(m->string, "primary_key")) {
			if (read_key(d, m, why) < 0)
				return -1;
		} else if (!strcmp(m->string, "columns")) {
			if (read_columns(d, m, why) < 0)
				return -1;
		} else {
			*why = xasprintf("table \"%s\": unknown member \"%s\"", shown(d->table),
			    shown(m->string));
			return -1;
		}
	}
	return 0;
}

int
schema_file(struct decl **out, const char *path)
{
	struct buf b = {.max = SCHEMA_MAX};
	struct decl *d;
	cJSON *j = NULL;
	const cJSON *t;
	char *why = NULL;
	int r = CS_USAGE;

	*out = NULL;
	if (file_read(&b, path) < 0) {
		warn("%s", path);
		goto out;
	}
	j = parse(b.p ? b.p : "", b.len, &why);
	if (!j)
		goto out;
	for (t = cJSON_IsArray(j) ? j->child : j; t; t = t->next) {
		d = xcalloc(1, sizeof *d);
		d->version = -1;
		d->next = *out;
		*out = d;
		if (read_table(d, t, &why) < 0)
			goto out;
	}
	r = 0;
out:
	if (why)
		warnx("%s: %s", path, why);
	free(why);
	cJSON_Delete(j);
	buf_release(&b);
	if (r) {
		decl_free(*out);
		*out = NULL;
	}
	return r;
}

int
schema_line(struct decl **out, const struct control *c, char **why)
{
	struct decl *d = xcalloc(1, sizeof *d);
	cJSON *key = NULL, *columns = NULL;
	int r = -1;

	d->table = xstrdup(c->table);
	d->version = c->version;
	if (c->key.p && !slice_is(c->key, "null")) {
		key = parse(c->key.p, c->key.n, why);
		if (!key || read_key(d, key, why) < 0)
			goto out;
	}
	if (c->columns.p) {
		columns = parse(c->columns.p, c->columns.n, why);
		if (!columns || read_columns(d, columns, why) < 0)
			goto out;
	}
	r = 0;
out:
	cJSON_Delete(key);
	cJSON_Delete(columns);
	if (r < 0) {
		decl_free(d);
		d = NULL;
	}
	*out = d;
	return r;
}
