#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export.h"
#include "instant.h"

enum { /* of values seen in a column, or declared */
	IS_STRING = 1,
	IS_INTEGER = 2,
	IS_NUMBER = 4,
	IS_BOOLEAN = 8,
	IS_OBJECT = 16,
	IS_ARRAY = 32
};

struct export_column {
	char *name;
	size_t n;
	unsigned types;
	const char *format; /* of a declared string, or NULL */
};

struct export_table {
	char *name;
	size_t n;
	struct export_column *columns;
	size_t ncolumns;
	struct buf key; /* raw JSON */
	bool told;      /* something of it has been sent */
	bool more;      /* more is known than that */
};

static struct export_table *
table(struct export *e, struct slice name)
{
	struct export_table *t;

	for (size_t i = 0; i < e->n; i++) {
		t = &e->tables[(e->last + i) % e->n];
		if (slice_eq(name, t->name, t->n)) {
			e->last = (size_t)(t - e->tables);
			return t;
		}
	}
	e->tables = xreallocarray(e->tables, e->n + 1, sizeof *e->tables);
	t = &e->tables[e->n++];
	*t = (struct export_table){.name = xmalloc(name.n + 1), .n = name.n};
	memcpy(t->name, name.p, name.n);
	t->name[name.n] = '\0';
	if (e->key.len)
		buf_add(&t->key, e->key.p, e->key.len);
	return t;
}

/* The column of this name; at is where it probably is. */
static struct export_column *
column(struct export_table *t, struct slice name, size_t at)
{
	struct export_column *c;

	for (size_t i = 0; i < t->ncolumns; i++) {
		c = &t->columns[(at + i) % t->ncolumns];
		if (slice_eq(name, c->name, c->n))
			return c;
	}
	t->columns = xreallocarray(t->columns, t->ncolumns + 1, sizeof *t->columns);
	c = &t->columns[t->ncolumns++];
	*c = (struct export_column){.name = xmalloc(name.n + 1), .n = name.n};
	memcpy(c->name, name.p, name.n);
	c->name[name.n] = '\0';
	return c;
}

static unsigned
type_of(const struct value *v)
{
	switch (v->type) {
	case JSON_STRING:
		return IS_STRING;
	case JSON_NUMBER:
		return v->flags & VALUE_REAL ? IS_NUMBER : IS_INTEGER;
	case JSON_TRUE:
	case JSON_FALSE:
		return IS_BOOLEAN;
	case JSON_OBJECT:
		return IS_OBJECT;
	case JSON_ARRAY:
		return IS_ARRAY;
	default:
		return 0;
	}
}

/* Append "key":TEXT and what comes before it. */
static void
add_name(struct buf *b, const char *before, const char *p, size_t n)
{
	buf_adds(b, before);
	json_quote(b, p, n);
}

static void
add_types(struct buf *b, const struct export_column *c)
{
	static const char *const names[] = {
	    "string", "integer", "number", "boolean", "object", "array"};
	unsigned types = c->types & IS_NUMBER ? c->types & ~(unsigned)IS_INTEGER : c->types;

	buf_adds(b, "{\"type\":[\"null\"");
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (types & 1u << i)
			buf_addf(b, ",\"%s\"", names[i]);
	buf_addc(b, ']');
	if (c->format && types == IS_STRING)
		buf_addf(b, ",\"format\":\"%s\"", c->format);
	buf_addc(b, '}');
}

/* A SCHEMA of what is known so far: targets want one first, and again when it changes. */
static void
tell_singer(struct export *e, const struct export_table *t)
{
	struct buf *b = &e->out;
	const char *sep = "";

	add_name(b, "{\"type\":\"SCHEMA\",\"stream\":", t->name, t->n);
	buf_adds(b, ",\"schema\":{\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!t->columns[i].types)
			continue; /* null so far: whatever it will be */
		add_name(b, sep, t->columns[i].name, t->columns[i].n);
		buf_addc(b, ':');
		add_types(b, &t->columns[i]);
		sep = ",";
	}
	buf_adds(b, "}},\"key_properties\":");
	if (t->key.len)
		buf_add(b, t->key.p, t->key.len);
	else
		buf_adds(b, "[]");
	buf_adds(b, "}\n");
}

/* Airbyte: how a stream fares. A table's name is namespace.name only to those who know: here it is the name. */
static void
tell_airbyte(struct export *e, const struct export_table *t, const char *status)
{
	buf_addf(&e->out,
	    "{\"type\":\"TRACE\",\"trace\":{\"type\":\"STREAM_STATUS\",\"emitted_at\":%lld",
	    (long long)time(NULL) * 1000);
	add_name(&e->out, ",\"stream_status\":{\"stream_descriptor\":{\"name\":", t->name, t->n);
	buf_addf(&e->out, "},\"status\":\"%s\"}}}\n", status);
}

static void
tell(struct export *e, struct export_table *t)
{
	bool first = !t->told;

	t->told = true;
	t->more = false;
	if (e->to == DIALECT_SINGER)
		tell_singer(e, t);
	else if (first)
		tell_airbyte(e, t, "STARTED");
}

/* Look at the members of the record that e->scan is inside of: 0, or -1 with e->err. */
static int
learn(struct export *e, struct export_table *t)
{
	struct export_column *c = NULL;
	struct slice key;
	struct value v;
	unsigned types;
	int r;

	for (size_t i = 0; (r = scan_key(&e->scan, &key)) > 0; i++) {
		if (e->to == DIALECT_SINGER)
			c = column(t, key, i);
		if ((r = scan_value(&e->scan, &v)) < 0)
			break;
		if (!c)
			continue;
		types = c->types | type_of(&v);
		t->more |= types != c->types;
		c->types = types;
	}
	e->err = e->scan.err;
	return r;
}

static void
message(struct export *e, const struct export_table *t, enum op op)
{
	struct buf *b = &e->out;
	char now[INSTANT_MAX];

	if (e->to == DIALECT_AIRBYTE) {
		add_name(b, "{\"type\":\"RECORD\",\"record\":{\"stream\":", t->name, t->n);
		buf_adds(b, ",\"data\":");
		buf_add(b, e->record.p, e->record.len);
		buf_addf(b, ",\"emitted_at\":%lld}}\n", (long long)time(NULL) * 1000);
		return;
	}
	add_name(b, "{\"type\":\"RECORD\",\"stream\":", t->name, t->n);
	buf_adds(b, ",\"record\":");
	if (op == OP_DELETE) { /* as taps that read logs do it */
		instant_now(now);
		buf_add(b, e->record.p, e->record.len - 1);
		buf_addf(b, "%s\"_sdc_deleted_at\":\"%s\"", e->record.len > 2 ? "," : "", now);
		buf_addc(b, '}');
	} else {
		buf_add(b, e->record.p, e->record.len);
	}
	if (e->tag.version >= 0)
		buf_addf(b, ",\"version\":%lld", (long long)e->tag.version);
	buf_adds(b, "}\n");
}

static struct slice
default_name(const struct export *e)
{
	const char *s = e->stream ? e->stream : e->begun ? e->begun : getenv("CS_STREAM");

	if (!s || !*s)
		s = "records";
	return (struct slice){s, strlen(s)};
}

/* What is no object is the value of a record, as it is for the rules. */
static int
export_value(struct export *e, const char *p, size_t n)
{
	struct buf wrapped = {0};
	int r;

	buf_adds(&wrapped, "{\"value\":");
	buf_add(&wrapped, p, n);
	buf_addc(&wrapped, '}');
	r = export_record(e, wrapped.p, wrapped.len);
	buf_release(&wrapped);
	return r;
}

int
export_record(struct export *e, const char *p, size_t n)
{
	const char *at;
	struct export_table *t;
	struct slice name = default_name(e);

	while (*p == ' ' || *p == '\t')
		p++, n--;
	at = p + 1;

	e->tag.op = OP_UPSERT;
	e->tag.wrapped = false;
	e->tag.version = -1;
	buf_clear(&e->record);
	if (line_kind(p, n) == LINE_TAGGED) {
		if (tag_parse(&e->tag, &e->scan, p, n) < 0) {
			e->err = e->scan.err;
			return -1;
		}
		if (e->tag.table.p)
			name = e->tag.table;
		at = e->scan.p;
	} else {
		scan_init(&e->scan, p, n);
		if (*p != '{')
			return export_value(e, p, n);
		scan_enter(&e->scan);
	}
	e->err = "an update of some columns, which these messages cannot say";
	if (e->tag.op == OP_UPDATE)
		return -1;
	e->err = "a delete, which these messages cannot say";
	if (e->tag.op == OP_DELETE && e->to == DIALECT_AIRBYTE)
		return -1;
	t = table(e, name);
	if (learn(e, t) < 0)
		return -1;
	at += strspn(at, " \t\r");
	at += *at == ',';
	buf_addc(&e->record, '{');
	buf_add(&e->record, at, (size_t)(e->scan.p - at));
	if (e->tag.op == OP_DELETE) {
		struct export_column *c = column(t, (struct slice){"_sdc_deleted_at", 15}, 0);

		t->more |= !c->types;
		c->types |= IS_STRING;
	}
	if (!t->told || (t->more && e->to == DIALECT_SINGER))
		tell(e, t);
	message(e, t, e->tag.op);
	return 0;
}

static void
declare(struct export_column *c, const struct value *type)
{
	static const struct {
		const char *name;
		unsigned types;
		const char *format;
	} types[] = {{"BOOLEAN", IS_BOOLEAN, NULL}, {"SHORT", IS_INTEGER, NULL},
	    {"INT", IS_INTEGER, NULL}, {"LONG", IS_INTEGER, NULL}, {"FLOAT", IS_NUMBER, NULL},
	    {"DOUBLE", IS_NUMBER, NULL}, {"NAIVE_DATE", IS_STRING, "date"},
	    {"NAIVE_DATETIME", IS_STRING, "date-time"}, {"UTC_DATETIME", IS_STRING, "date-time"},
	    {"JSON", IS_OBJECT | IS_ARRAY, NULL}};

	if (type->type == JSON_OBJECT) /* a DECIMAL with precision and scale */
		c->types |= IS_NUMBER;
	if (type->type != JSON_STRING)
		return;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (bridge_is(type, types[i].name)) {
			c->types |= types[i].types;
			c->format = types[i].format;
			return;
		}
	c->types |= IS_STRING;
}

/* Has each column of the key a type? Targets want them all in a SCHEMA; the first record may tell. */
static bool
key_known(struct export *e, struct export_table *t)
{
	struct scan *s = &e->scan;
	struct buf name = {0};
	struct value v;
	bool known = true;

	scan_init(s, t->key.p, t->key.len);
	if (t->key.len && scan_type(s) == JSON_ARRAY && scan_enter(s) == 0)
		while (scan_item(s) > 0 && scan_value(s, &v) == 0) {
			bool found = v.type != JSON_STRING;

			buf_clear(&name);
			if (!found)
				(void)json_unescape(&name, v.p + 1, v.n - 2);
			for (size_t i = 0; !found && i < t->ncolumns; i++)
				found = t->columns[i].types && name.len == t->columns[i].n &&
					memcmp(t->columns[i].name, name.p, name.len) == 0;
			known &= found;
		}
	buf_release(&name);
	return known;
}

static void
schema(struct export *e, const struct control *c)
{
	struct export_table *t = table(e, (struct slice){c->table, strlen(c->table)});
	struct scan *s = &e->scan;
	struct slice key;
	struct value v;

	if (c->key.p) {
		buf_clear(&t->key);
		json_compact(&t->key, c->key.p, c->key.n);
	}
	if (c->columns.p) {
		scan_init(s, c->columns.p, c->columns.n);
		if (scan_type(s) == JSON_OBJECT && scan_enter(s) == 0)
			while (scan_key(s, &key) > 0) {
				struct export_column *col = column(t, key, t->ncolumns);

				if (scan_value(s, &v) < 0)
					break;
				declare(col, &v);
			}
	}
	if (c->version >= 0 ? c->key.p || c->columns.p || !t->told
			    : e->to != DIALECT_SINGER || key_known(e, t))
		tell(e, t);
	if (c->version < 0 || e->to != DIALECT_SINGER)
		return;
	add_name(&e->out, "{\"type\":\"ACTIVATE_VERSION\",\"stream\":", t->name, t->n);
	buf_addf(&e->out, ",\"version\":%lld}\n", (long long)c->version);
}

/* One state of cs-stream is the list of all states of an Airbyte source, if it came from one. */
static void
state_airbyte(struct export *e, struct slice state)
{
	struct scan *s = &e->scan;
	struct value v;

	scan_init(s, state.p, state.n);
	if (scan_type(s) == JSON_ARRAY && scan_enter(s) == 0) {
		while (scan_item(s) > 0 && scan_value(s, &v) == 0) {
			buf_adds(&e->out, "{\"type\":\"STATE\",\"state\":");
			json_compact(&e->out, v.p, v.n);
			buf_adds(&e->out, "}\n");
		}
		return;
	}
	buf_adds(&e->out, "{\"type\":\"STATE\",\"state\":{\"type\":\"LEGACY\",\"data\":");
	json_compact(&e->out, state.p, state.n);
	buf_adds(&e->out, "}}\n");
}

static void
error_airbyte(struct export *e, const struct control *c)
{
	const char *why = c->message ? c->message : "the source failed";

	buf_addf(&e->out,
	    "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"emitted_at\":%lld,\"error\":{"
	    "\"failure_type\":\"%s\"",
	    (long long)time(NULL) * 1000,
	    c->code == CS_LATER   ? "transient_error"
	    : c->code == CS_USAGE ? "config_error"
				  : "system_error");
	add_name(&e->out, ",\"message\":", why, strlen(why));
	buf_adds(&e->out, "}}}\n");
}

void
export_control(struct export *e, const struct control *c)
{
	const bool airbyte = e->to == DIALECT_AIRBYTE;

	switch (c->kind) {
	case CONTROL_BEGIN:
		free(e->begun);
		e->begun = xstrdup(c->stream);
		buf_clear(&e->key);
		if (c->key.p)
			json_compact(&e->key, c->key.p, c->key.n);
		break;
	case CONTROL_SCHEMA:
		schema(e, c);
		break;
	case CONTROL_CHECKPOINT:
		if (airbyte) {
			state_airbyte(e, c->state);
			break;
		}
		buf_adds(&e->out, "{\"type\":\"STATE\",\"value\":");
		json_compact(&e->out, c->state.p, c->state.n);
		buf_adds(&e->out, "}\n");
		break;
	case CONTROL_END:
	case CONTROL_ERROR:
		if (airbyte && c->kind == CONTROL_ERROR)
			error_airbyte(e, c);
		for (size_t i = 0; airbyte && i < e->n; i++)
			if (e->tables[i].told)
				tell_airbyte(e, &e->tables[i],
				    c->kind == CONTROL_END && c->complete ? "COMPLETE"
									  : "INCOMPLETE");
		break;
	case CONTROL_OTHER:
		break;
	}
}

void
export_release(struct export *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct export_table *t = &e->tables[i];

		for (size_t k = 0; k < t->ncolumns; k++)
			free(t->columns[k].name);
		free(t->columns);
		free(t->name);
		buf_release(&t->key);
	}
	free(e->tables);
	free(e->begun);
	buf_release(&e->out);
	buf_release(&e->key);
	buf_release(&e->record);
	tag_release(&e->tag);
	scan_release(&e->scan);
}
