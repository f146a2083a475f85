#include "shape.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "instant.h"
#include "seen.h"

#define DEPTH  6 /* of objects that are looked into */
#define HINTS  256
#define FIELDS 64

/* An array and how much it looks like the records. */
struct best {
	int score;
	struct slice raw;
};

static void
add_step(struct buf *path, struct slice key)
{
	bool plain = key.n > 0 && (key.p[0] < '0' || key.p[0] > '9');

	for (size_t i = 0; i < key.n && plain; i++)
		plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789",
			    key.p[i]) != NULL &&
			key.p[i] != '\0';
	buf_addc(path, '.');
	if (plain)
		buf_add(path, key.p, key.n);
	else
		json_quote(path, key.p, key.n);
}

/* Elements, and how many of them are objects. */
static size_t
count(struct slice array, size_t *objects)
{
	struct scan s = {0};
	struct value v;
	size_t n = 0;

	*objects = 0;
	scan_init(&s, array.p, array.n);
	for (scan_enter(&s); scan_item(&s) > 0 && scan_value(&s, &v) == 0; n++)
		*objects += v.type == JSON_OBJECT;
	scan_release(&s);
	return n;
}

/* Are the elements {"node":{...}}? */
static bool
has_nodes(struct slice array)
{
	struct scan s = {0};
	struct slice key;
	bool yes = false;

	scan_init(&s, array.p, array.n);
	if (scan_enter(&s) == 0 && scan_item(&s) > 0 && scan_type(&s) == JSON_OBJECT &&
	    scan_enter(&s) == 0)
		while (!yes && scan_key(&s, &key) > 0) {
			struct value v;

			yes = slice_is(key, "node");
			if (scan_value(&s, &v) < 0)
				break;
		}
	scan_release(&s);
	return yes;
}

static void
consider(struct shape *s, struct best *best, const char *path, const struct value *v, int depth)
{
	static const char *const names[] = {"data", "items", "results", "records", "value", "nodes",
	    "edges", "entries", "rows", "hits"};
	const char *name = strrchr(path, '.');
	size_t objects, n = count((struct slice){v->p, v->n}, &objects);
	int score =
	    1 + (n > 0) * 4 + (n > 0 && objects == n) * 8 + (int)(n > 64 ? 64 : n) / 4 - depth;

	for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(*names); i++)
		score += strcasecmp(name + 1, names[i]) == 0 ? 6 : 0;
	if (score <= best->score)
		return;
	best->score = score;
	best->raw = (struct slice){v->p, v->n};
	free(s->records);
	s->records = xstrdup(path);
	s->n = n;
	s->objects = objects == n;
}

static void
add_hint(struct shape *s, const char *path, const struct value *v)
{
	const char *name;

	if (s->n_hint == HINTS)
		return;
	s->hint = xreallocarray(s->hint, s->n_hint + 1, sizeof(*s->hint));
	s->hint[s->n_hint] =
	    (struct hint){.path = xstrdup(path), .raw = {v->p, v->n}, .type = v->type};
	name = s->hint[s->n_hint].path;
	/* The last step: after the last point outside of quotes. */
	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '"')
			while (c[1] != '\0' && *++c != '"')
				c += *c == '\\' && c[1] != '\0';
		else if (*c == '.')
			name = c + 1;
	}
	s->hint[s->n_hint++].name = name;
}

static void
visit(struct shape *s, struct best *best, struct buf *path, const struct value *v, int depth)
{
	struct scan sc = {0};
	struct slice key;
	struct value child;
	size_t len = path->len;

	if (v->type == JSON_ARRAY)
		consider(s, best, path->p, v, depth);
	else if (v->type != JSON_OBJECT)
		add_hint(s, path->p, v);
	if (v->type != JSON_OBJECT || depth == DEPTH)
		return;
	scan_init(&sc, v->p, v->n);
	scan_enter(&sc);
	while (scan_key(&sc, &key) > 0) {
		add_step(path, key);
		if (scan_value(&sc, &child) < 0)
			break;
		visit(s, best, path, &child, depth + 1);
		path->len = len;
		path->p[len] = '\0';
	}
	scan_release(&sc);
}

static bool
is_time(const struct value *v)
{
	struct instant t;

	return v->type == JSON_STRING && v->n > 10 && instant_parse(&t, v->p + 1, v->n - 2) == 0;
}

static struct shape_field *
find_field(struct shape *s, struct slice key)
{
	for (size_t i = 0; i < s->n_field; i++)
		if (slice_is(key, s->field[i].name))
			return &s->field[i];
	return NULL;
}

/* The members of one record; seen and hits are those of the fields. */
static void
read_record(struct shape *s, struct scan *sc, struct seen *seen, size_t *hits, bool first)
{
	struct slice key;
	struct value v;
	struct shape_field *f;

	while (scan_key(sc, &key) > 0) {
		struct buf name = {0};

		buf_add(&name, key.p, key.n); /* valid until the value is read */
		if (scan_value(sc, &v) < 0)
			key.n = 0;
		key = (struct slice){name.p != NULL ? name.p : "", key.n};
		f = find_field(s, key);
		if (f == NULL && first && key.n > 0 && s->n_field < FIELDS) {
			f = &s->field[s->n_field++];
			*f = (struct shape_field){xstrndup(key.p, key.n), true, true};
		}
		if (f != NULL) {
			hits[f - s->field]++;
			f->unique &= (v.type == JSON_STRING || v.type == JSON_NUMBER) &&
				     !seen_add(&seen[f - s->field], fingerprint(v.p, v.n));
			f->time &= is_time(&v);
		}
		buf_release(&name);
	}
}

static void
read_fields(struct shape *s, struct slice array)
{
	struct seen seen[FIELDS] = {0};
	size_t hits[FIELDS] = {0}, n = 0;
	struct scan sc = {0};
	struct value v;
	bool nodes = has_nodes(array);

	s->field = xcalloc(FIELDS, sizeof(*s->field));
	scan_init(&sc, array.p, array.n);
	for (scan_enter(&sc); scan_item(&sc) > 0 && scan_value(&sc, &v) == 0; n++) {
		struct scan record = {0};
		struct slice key;

		if (v.type == JSON_OBJECT) {
			scan_init(&record, v.p, v.n);
			scan_enter(&record);
			while (nodes && scan_key(&record, &key) > 0 && !slice_is(key, "node"))
				scan_value(&record, &v);
			if (!nodes ||
			    (scan_type(&record) == JSON_OBJECT && scan_enter(&record) == 0))
				read_record(s, &record, seen, hits, n == 0);
		}
		scan_release(&record);
	}
	scan_release(&sc);
	for (size_t i = 0; i < s->n_field; i++) {
		s->field[i].unique &= hits[i] == n;
		seen_release(&seen[i]);
	}
}

void
shape_read(struct shape *s, const char *p, size_t n)
{
	struct best best = {0};
	struct buf path = {0};
	struct value v;
	const char *err;

	*s = (struct shape){0};
	buf_adds(&path, "");
	if (scan_text(p, n, &v, &err) == 0)
		visit(s, &best, &path, &v, 0);
	if (s->records != NULL) {
		read_fields(s, best.raw);
		if (*s->records != '\0' && has_nodes(best.raw)) {
			char *old = s->records;

			s->records = xasprintf("%s[].node", old);
			free(old);
		}
	}
	buf_release(&path);
}

void
shape_release(struct shape *s)
{
	for (size_t i = 0; i < s->n_hint; i++)
		free(s->hint[i].path);
	for (size_t i = 0; i < s->n_field; i++)
		free(s->field[i].name);
	free(s->hint);
	free(s->field);
	free(s->records);
	*s = (struct shape){0};
}

const struct hint *
shape_hint(const struct shape *s, const char *const *names, unsigned types)
{
	for (; *names != NULL; names++)
		for (size_t i = 0; i < s->n_hint; i++)
			if ((types & 1u << s->hint[i].type) &&
			    strcasecmp(s->hint[i].name, *names) == 0)
				return &s->hint[i];
	return NULL;
}
