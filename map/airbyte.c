/* The Airbyte Protocol: airbyte_protocol.yaml. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "stream.h"

static struct slice
raw(const struct value *v)
{
	return (struct slice){v->p, v->n};
}

/* The members of the object that v is; what names it. */
static int
inside(struct bridge *b, const struct value *v, const char *what, struct member *m, size_t count)
{
	if (!v->p || v->type != JSON_OBJECT)
		return bridge_refuse(b, "%s is not an object", what);
	return bridge_members(b, v->p, v->n, m, count);
}

/* A stream's name, in b->text: namespace, NUL, name; without a namespace the name alone. */
static int
full_name(
    struct bridge *b, const struct value *namespace, const struct value *name, struct slice *out)
{
	struct buf both = {0};

	if (namespace->p && namespace->type == JSON_STRING && namespace->n > 2) {
		if (bridge_text(b, namespace, "a namespace", out) < 0)
			return BRIDGE_REFUSED;
		buf_add(&both, out->p, out->n);
		buf_addc(&both, '\0');
	}
	if (bridge_text(b, name, "the name of a stream", out) < 0) {
		buf_release(&both);
		return BRIDGE_REFUSED;
	}
	buf_add(&both, out->p, out->n);
	buf_clear(&b->text);
	buf_add(&b->text, both.p, both.len);
	buf_release(&both);
	*out = (struct slice){b->text.p, b->text.len};
	return 0;
}

/* The table is called namespace.name. The JSON string of that, in b->text. */
static int
table_name(
    struct bridge *b, const struct value *namespace, const struct value *name, struct slice *out)
{
	struct buf quoted = {0};
	char *nul;

	if (!namespace->p && name->p && name->type == JSON_STRING) {
		if (memchr(name->p, '\\', name->n) &&
		    bridge_text(b, name, "the name of a stream", out) < 0)
			return BRIDGE_REFUSED;
		*out = raw(name);
		return 0;
	}
	if (full_name(b, namespace, name, out) < 0)
		return BRIDGE_REFUSED;
	nul = memchr(b->text.p, '\0', b->text.len);
	if (nul)
		*nul = '.';
	json_quote(&quoted, b->text.p, b->text.len);
	buf_clear(&b->text);
	buf_add(&b->text, quoted.p, quoted.len);
	buf_release(&quoted);
	*out = (struct slice){b->text.p, b->text.len};
	return 0;
}

static int
record(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "stream"}, {.name = "namespace"}, {.name = "data"}};
	struct slice table;

	if (inside(b, v, "the record of a RECORD", m, 3) < 0 ||
	    table_name(b, &m[1].v, &m[0].v, &table) < 0)
		return BRIDGE_REFUSED;
	b->loose |= !b->begun;
	return bridge_record(b, table, NULL, &m[2].v);
}

/* [["id"],["line"]] as ["id","line"]; a path below the top is no column. */
static int
primary_key(struct bridge *b, const struct value *v, struct buf *out)
{
	struct scan s = {0};
	struct value part;
	int parts = 1;

	buf_addc(out, '[');
	scan_init(&s, v->p, v->n);
	if (scan_type(&s) == JSON_ARRAY && scan_enter(&s) == 0)
		while (parts == 1 && scan_item(&s) > 0 && scan_type(&s) == JSON_ARRAY) {
			parts = 0;
			scan_enter(&s);
			while (scan_item(&s) > 0 && scan_value(&s, &part) == 0) {
				if (parts++)
					continue;
				buf_adds(out, out->len > 1 ? "," : "");
				buf_add(out, part.p, part.n);
			}
		}
	scan_release(&s);
	buf_addc(out, ']');
	return parts == 1 ? 0 : bridge_refuse(b, "a primary key below the top of its record");
}

/* One stream of a catalog, or of a configured catalog, which has it as its member "stream". */
static int
catalog_stream(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "name"}, {.name = "namespace"}, {.name = "json_schema"},
	    {.name = "source_defined_primary_key"}, {.name = "stream"}, {.name = "primary_key"}};
	struct value chosen, key = {.type = JSON_ARRAY};
	struct buf columns = {0};
	struct slice table;
	int r;

	if (inside(b, v, "a stream of the catalog", m, 6) < 0)
		return BRIDGE_REFUSED;
	chosen = m[5].v;
	if (m[4].v.p && inside(b, &m[4].v, "a stream of the catalog", m, 4) < 0)
		return BRIDGE_REFUSED;
	if (!chosen.p || chosen.n <= 2)
		chosen = m[3].v;
	if (table_name(b, &m[1].v, &m[0].v, &table) < 0)
		return BRIDGE_REFUSED;
	r = chosen.p ? primary_key(b, &chosen, &columns) : 0;
	key.p = columns.len > 2 ? columns.p : NULL;
	key.n = columns.len;
	if (r == 0)
		bridge_schema(b, table, &key, &m[2].v);
	buf_release(&columns);
	return r;
}

static int
catalog(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "streams"}};
	struct scan s = {0};
	struct value stream;
	int r = 0;

	if (inside(b, v, "the catalog of a CATALOG", m, 1) < 0)
		return BRIDGE_REFUSED;
	if (!m[0].v.p || m[0].v.type != JSON_ARRAY)
		return bridge_refuse(b, "a CATALOG without streams");
	scan_init(&s, m[0].v.p, m[0].v.n);
	scan_enter(&s);
	while (r == 0 && scan_item(&s) > 0 && scan_value(&s, &stream) == 0)
		r = catalog_stream(b, &stream);
	scan_release(&s);
	return r;
}

/* Keep one AirbyteStateMessage, which replaces an earlier one of the same stream. */
static int
keep_state(struct bridge *b, const struct value *v)
{
	struct member m[] = {
	    {.name = "type"}, {.name = "stream"}, {.name = "global"}, {.name = "data"}};
	struct member s[] = {{.name = "stream_descriptor"}};
	struct member d[] = {{.name = "name"}, {.name = "namespace"}};
	struct bridge_table *t;
	struct slice name;
	struct buf *to = &b->whole;

	if (inside(b, v, "the state of a STATE", m, 4) < 0)
		return BRIDGE_REFUSED;
	if (bridge_is(&m[0].v, "STREAM")) {
		if (inside(b, &m[1].v, "the stream of a STATE", s, 1) < 0 ||
		    inside(b, &s[0].v, "the stream_descriptor of a STATE", d, 2) < 0 ||
		    full_name(b, &d[1].v, &d[0].v, &name) < 0)
			return BRIDGE_REFUSED;
		t = bridge_table(b, name, true);
		to = &t->state;
		buf_clear(&b->whole);
	} else if (bridge_is(&m[0].v, "GLOBAL") ? !m[2].v.p : !m[3].v.p) {
		return bridge_refuse(b, "a STATE that is neither STREAM nor GLOBAL nor LEGACY");
	} else {
		for (size_t i = 0; i < b->n; i++)
			buf_clear(&b->tables[i].state);
		b->legacy = !bridge_is(&m[0].v, "GLOBAL");
		if (b->legacy)
			v = &m[3].v; /* the data alone is the state */
	}
	buf_clear(to);
	json_compact(to, v->p, v->n);
	return 0;
}

void
airbyte_state(struct bridge *b, struct buf *out)
{
	const char *sep = "";
	bool list = !b->whole.len || !b->legacy;

	buf_adds(out, list ? "[" : "");
	buf_add(out, b->whole.p, b->whole.len);
	for (size_t i = 0; i < b->n; i++) {
		if (!b->tables[i].state.len)
			continue;
		buf_adds(out, sep);
		buf_add(out, b->tables[i].state.p, b->tables[i].state.len);
		sep = ",";
	}
	buf_adds(out, list ? "]" : "");
}

void
airbyte_resume(struct bridge *b, const char *p, size_t n)
{
	struct scan s = {0};
	struct value v;

	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_ARRAY && scan_enter(&s) == 0)
		while (scan_item(&s) > 0 && scan_value(&s, &v) == 0)
			(void)keep_state(b, &v); /* what is none of these is not kept */
	scan_release(&s);
}

static int
state(struct bridge *b, const struct value *v)
{
	if (keep_state(b, v) < 0)
		return BRIDGE_REFUSED;
	b->loose |= !b->begun;
	buf_adds(&b->out, "{\"@cs\":\"checkpoint\",\"stream\":");
	json_quote(&b->out, b->stream, strlen(b->stream));
	buf_adds(&b->out, ",\"state\":");
	airbyte_state(b, &b->out);
	buf_adds(&b->out, ",\"records\":0}\n"); /* counted when it is passed on */
	return 0;
}

static int
status(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "status"}, {.name = "stream_descriptor"}};
	struct member d[] = {{.name = "name"}, {.name = "namespace"}};
	struct bridge_table *t;
	struct slice name;

	if (inside(b, v, "the stream_status of a TRACE", m, 2) < 0 ||
	    inside(b, &m[1].v, "the stream_descriptor of a TRACE", d, 2) < 0 ||
	    full_name(b, &d[1].v, &d[0].v, &name) < 0)
		return BRIDGE_REFUSED;
	t = bridge_table(b, name, true);
	t->started = true;
	t->complete = bridge_is(&m[0].v, "COMPLETE");
	/* A source that tells how its streams end is held to it. */
	if (!b->begun && !b->loose)
		bridge_begin(b);
	return 0;
}

static int
failure(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "message"}, {.name = "failure_type"}};
	struct slice text;

	if (inside(b, v, "the error of a TRACE", m, 2) < 0)
		return BRIDGE_REFUSED;
	if (b->failure.len)
		return 0; /* the first is the cause */
	if (bridge_text(b, &m[0].v, "the message of an error", &text) < 0)
		text = (struct slice){"the source failed", 17};
	buf_add(&b->failure, text.p, text.n);
	for (size_t i = 0; i < b->failure.len; i++)
		if (!b->failure.p[i])
			b->failure.p[i] = ' ';
	b->code = bridge_is(&m[1].v, "transient_error") ? CS_LATER
		  : bridge_is(&m[1].v, "config_error")  ? CS_USAGE
							: CS_REFUSED;
	return 0;
}

static int
trace(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "type"}, {.name = "stream_status"}, {.name = "error"}};

	if (inside(b, v, "the trace of a TRACE", m, 3) < 0)
		return BRIDGE_REFUSED;
	if (bridge_is(&m[0].v, "STREAM_STATUS"))
		return status(b, &m[1].v);
	return bridge_is(&m[0].v, "ERROR") ? failure(b, &m[2].v) : 0; /* estimates, analytics */
}

static int
log_line(struct bridge *b, const struct value *v)
{
	struct member m[] = {{.name = "level"}, {.name = "message"}};
	struct slice text;

	if (inside(b, v, "the log of a LOG", m, 2) < 0 ||
	    bridge_text(b, &m[1].v, "the message of a LOG", &text) < 0)
		return BRIDGE_REFUSED;
	if (b->quiet)
		return 0;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)b->text.p[i] < 0x20 || b->text.p[i] == 0x7f)
			b->text.p[i] = ' ';
	fprintf(stderr, "%.*s: %.*s\n", m[0].v.n > 2 && m[0].v.n < 10 ? (int)m[0].v.n - 2 : 3,
	    m[0].v.n > 2 && m[0].v.n < 10 ? m[0].v.p + 1 : "LOG", (int)text.n, text.p);
	return 0;
}

int
airbyte_line(struct bridge *b, const char *p, size_t n)
{
	enum { TYPE, RECORD, STATE, TRACE, LOG, CATALOG, STREAMS, MEMBERS };
	struct member m[MEMBERS] = {{.name = "type"}, {.name = "record"}, {.name = "state"},
	    {.name = "trace"}, {.name = "log"}, {.name = "catalog"}, {.name = "streams"}};
	static const struct {
		const char *type;
		int member;
		int (*take)(struct bridge *, const struct value *);
	} kinds[] = {{"RECORD", RECORD, record}, {"STATE", STATE, state}, {"TRACE", TRACE, trace},
	    {"LOG", LOG, log_line}, {"CATALOG", CATALOG, catalog}};
	struct slice type;

	if (bridge_members(b, p, n, m, MEMBERS) < 0)
		return BRIDGE_REFUSED;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (bridge_is(&m[TYPE].v, kinds[i].type))
			return kinds[i].take(b, &m[kinds[i].member].v);
	if (bridge_is(&m[TYPE].v, "SPEC"))
		return 0;
	if (bridge_is(&m[TYPE].v, "CONTROL")) {
		/* Not shown: it may hold a token. */
		warnx("the source sends a new configuration (CONTROL), which is not stored");
		return 0;
	}
	/* The file that a source is configured with, in front of its messages. */
	if (!m[TYPE].v.p && m[STREAMS].v.p)
		return catalog(b, &(struct value){.p = p, .n = n, .type = JSON_OBJECT});
	if (bridge_text(b, &m[TYPE].v, "the type of a message", &type) < 0)
		return BRIDGE_REFUSED;
	return bridge_refuse(b, "a message of the unknown type \"%s\"", type.p);
}

void
airbyte_end(struct bridge *b)
{
	const struct bridge_table *open = NULL;
	const char *run = getenv("CS_RUN");
	char *why;

	for (size_t i = 0; i < b->n && !open; i++)
		if (b->tables[i].started && !b->tables[i].complete)
			open = &b->tables[i];
	if (b->failure.len) {
		stream_error(&b->out, b->stream, b->code, b->failure.p, NULL);
	} else if (open) {
		const char *name = open->name + strlen(open->name);

		name = name < open->name + open->n ? name + 1 : open->name;
		why = xasprintf("the source did not complete its stream \"%s\"", name);
		stream_error(&b->out, b->stream, CS_REFUSED, why, NULL);
		free(why);
	} else if (b->begun) {
		stream_end(&b->out, b->stream, run && *run ? run : b->run, 0, 0, true);
	}
}
