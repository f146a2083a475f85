/* Singer: singer-spec's SPEC.md, and what taps send beyond it. */
#include "bridge.h"

enum { TYPE, STREAM, RECORD, VERSION, VALUE, SCHEMA, KEY, MEMBERS };

static struct slice
raw(const struct value *v)
{
	return (struct slice){v->p, v->n};
}

static int
record(struct bridge *b, const struct member *m)
{
	struct bridge_table *t;
	struct slice name;

	if (bridge_text(b, &m[STREAM].v, "the stream of a RECORD", &name) < 0)
		return BRIDGE_REFUSED;
	t = bridge_table(b, name, false);
	if (!t || !t->declared)
		return bridge_refuse(b, "a RECORD of stream \"%s\" before its SCHEMA", name.p);
	return bridge_record(b, raw(&m[STREAM].v), &m[VERSION].v, &m[RECORD].v);
}

static int
schema(struct bridge *b, const struct member *m)
{
	struct slice name;

	if (bridge_text(b, &m[STREAM].v, "the stream of a SCHEMA", &name) < 0)
		return BRIDGE_REFUSED;
	if (!name.n)
		return bridge_refuse(b, "a SCHEMA of a stream without a name");
	if (!m[SCHEMA].v.p || m[SCHEMA].v.type != JSON_OBJECT)
		return bridge_refuse(b, "a SCHEMA of stream \"%s\" without a schema", name.p);
	bridge_table(b, name, true)->declared = true;
	bridge_schema(b, raw(&m[STREAM].v), &m[KEY].v, &m[SCHEMA].v);
	return 0;
}

static int
state(struct bridge *b, const struct value *value)
{
	if (!value->p)
		return bridge_refuse(b, "a STATE without a value");
	buf_adds(&b->out, "{\"@cs\":\"checkpoint\",\"stream\":");
	json_quote(&b->out, b->stream, __builtin_strlen(b->stream));
	buf_adds(&b->out, ",\"state\":");
	json_compact(&b->out, value->p, value->n);
	buf_adds(&b->out, ",\"records\":0}\n"); /* counted when it is passed on */
	return 0;
}

/*
 * Rows of older versions may go. Taps send it before the records of that version or after them, so it waits for
 * the end of the stream, which alone says that all of them came.
 */
static int
activate(struct bridge *b, const struct member *m)
{
	struct bridge_table *t;
	struct slice name;

	if (bridge_text(b, &m[STREAM].v, "the stream of an ACTIVATE_VERSION", &name) < 0)
		return BRIDGE_REFUSED;
	if (!bridge_version(&m[VERSION].v))
		return bridge_refuse(b, "an ACTIVATE_VERSION without a version");
	t = bridge_table(b, name, true);
	buf_clear(&t->version);
	buf_add(&t->version, m[VERSION].v.p, m[VERSION].v.n);
	return 0;
}

int
singer_line(struct bridge *b, const char *p, size_t n)
{
	struct member m[MEMBERS] = {{.name = "type"}, {.name = "stream"}, {.name = "record"},
	    {.name = "version"}, {.name = "value"}, {.name = "schema"}, {.name = "key_properties"}};
	struct slice type;

	if (bridge_members(b, p, n, m, MEMBERS) < 0)
		return BRIDGE_REFUSED;
	if (bridge_is(&m[TYPE].v, "RECORD"))
		return record(b, m);
	if (bridge_is(&m[TYPE].v, "STATE"))
		return state(b, &m[VALUE].v);
	if (bridge_is(&m[TYPE].v, "SCHEMA"))
		return schema(b, m);
	if (bridge_is(&m[TYPE].v, "ACTIVATE_VERSION"))
		return activate(b, m);
	if (bridge_is(&m[TYPE].v, "BATCH")) {
		bridge_refuse(b, "a BATCH, whose records are in files that are not read here: turn "
				 "batches off in the tap (batch_config)");
		return CS_DATA;
	}
	if (bridge_text(b, &m[TYPE].v, "the type of a message", &type) < 0)
		return BRIDGE_REFUSED;
	return bridge_refuse(b, "a message of the unknown type \"%s\"", type.p);
}
