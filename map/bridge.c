#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "file.h"
#include "num.h"
#include "stream.h"

enum dialect
dialect_named(const char *option, const char *name)
{
	if (!strcmp(name, "singer"))
		return DIALECT_SINGER;
	if (!strcmp(name, "airbyte"))
		return DIALECT_AIRBYTE;
	errx(CS_USAGE, "%s: \"%s\" is neither singer nor airbyte", option, name);
}

int
bridge_refuse(struct bridge *b, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		err(CS_IO, NULL);
	va_end(ap);
	buf_clear(&b->err);
	buf_adds(&b->err, text);
	free(text);
	for (char *p = b->err.p; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return BRIDGE_REFUSED;
}

int
bridge_members(struct bridge *b, const char *p, size_t n, struct member *m, size_t count)
{
	struct scan *s = &b->scan;
	struct slice key;
	struct value v, *to;
	int more;

	for (size_t i = 0; i < count; i++)
		m[i].v = (struct value){0};
	scan_init(s, p, n);
	if (scan_type(s) > 0 && *s->p != '{')
		return bridge_refuse(b, "a message that is not an object");
	if (scan_enter(s) < 0)
		return bridge_refuse(b, "byte %zu: %s", scan_at(s), s->err);
	while ((more = scan_key(s, &key)) > 0) {
		to = &v;
		for (size_t i = 0; i < count; i++)
			if (slice_is(key, m[i].name))
				to = &m[i].v;
		if (scan_value(s, to) < 0)
			break;
	}
	if (more || scan_done(s) < 0)
		return bridge_refuse(b, "byte %zu: %s", scan_at(s), s->err);
	return 0;
}

bool
bridge_is(const struct value *v, const char *s)
{
	return v->type == JSON_STRING && slice_is(value_inner(v), s);
}

int
bridge_text(struct bridge *b, const struct value *v, const char *what, struct slice *out)
{
	struct slice in;

	if (!v->p || v->type != JSON_STRING)
		return bridge_refuse(b, "%s is not text", what);
	in = value_inner(v);
	buf_clear(&b->text);
	if (json_unescape(&b->text, in.p, in.n) != 0)
		return bridge_refuse(b, "%s holds U+0000 or a lone surrogate", what);
	*out = (struct slice){b->text.p, b->text.len};
	return 0;
}

struct bridge_table *
bridge_table(struct bridge *b, struct slice name, bool add)
{
	struct bridge_table *t;

	for (size_t i = 0; i < b->n; i++) {
		t = &b->tables[(b->last + i) % b->n]; /* records come in runs */
		if (slice_eq(name, t->name, t->n)) {
			b->last = (size_t)(t - b->tables);
			return t;
		}
	}
	if (!add)
		return NULL;
	b->tables = xreallocarray(b->tables, b->n + 1, sizeof *b->tables);
	t = &b->tables[b->n++];
	*t = (struct bridge_table){.name = xmalloc(name.n + 1), .n = name.n};
	memcpy(t->name, name.p, name.n);
	t->name[name.n] = '\0';
	return t;
}

bool
bridge_version(const struct value *v)
{
	int64_t version;

	return v->p && v->type == JSON_NUMBER && num_int64(v->p, v->n, &version) == 0 &&
	       version >= 0;
}

int
bridge_record(
    struct bridge *b, struct slice table, const struct value *version, const struct value *record)
{
	struct buf *out = &b->out;
	const char *p, *end;
	bool wrap;

	if (!record->p || record->type != JSON_OBJECT)
		return bridge_refuse(b, "a record that is not an object");
	p = record->p + 1;
	end = record->p + record->n;
	wrap = line_kind(record->p, record->n) != LINE_RECORD;
	buf_adds(out, "{\"@cs\":{\"table\":");
	buf_add(out, table.p, table.n);
	if (version && bridge_version(version)) {
		buf_adds(out, ",\"version\":");
		buf_add(out, version->p, version->n);
	}
	if (wrap) {
		buf_adds(out, ",\"wrapped\":true},\"record\":");
		buf_add(out, record->p, record->n);
		buf_adds(out, "}\n");
		return 0;
	}
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	buf_adds(out, *p == '}' ? "}" : "},");
	buf_add(out, p, (size_t)(end - p));
	return buf_addc(out, '\n');
}

/* The key, by the names that its columns will have. */
static void
add_key(struct bridge *b, const struct value *key)
{
	struct scan s = {0};
	struct value v;
	struct buf name = {0};
	const char *sep = "";

	buf_addc(&b->out, '[');
	scan_init(&s, key->p, key->n);
	scan_enter(&s);
	for (; scan_item(&s) > 0 && scan_value(&s, &v) == 0; sep = ",") {
		buf_adds(&b->out, sep);
		buf_clear(&name);
		if (v.type == JSON_STRING && json_unescape(&name, v.p + 1, v.n - 2) == 0)
			b->rename(b->arg, (struct slice){name.p, name.len}, &b->out);
		else
			buf_add(&b->out, v.p, v.n);
	}
	buf_addc(&b->out, ']');
	buf_release(&name);
	scan_release(&s);
}

void
bridge_schema(
    struct bridge *b, struct slice table, const struct value *key, const struct value *schema)
{
	struct buf *out = &b->out;

	buf_adds(out, "{\"@cs\":\"schema\",\"table\":");
	buf_add(out, table.p, table.n);
	if (key && key->p && key->type == JSON_ARRAY) {
		buf_adds(out, ",\"key\":");
		if (b->bare && b->rename)
			add_key(b, key);
		else
			json_compact(out, key->p, key->n);
	}
	if (schema && schema->p && !b->bare) {
		buf_adds(out, ",\"columns\":");
		jsonschema_columns(out, schema->p, schema->n);
	}
	buf_adds(out, "}\n");
}

/* The state that the environment hands to the pipeline, as it is or as @FILE. Empty: none. */
static void
environment_state(struct buf *state)
{
	const char *text = getenv("CS_STATE");

	if (!text || !*text)
		return;
	if (*text != '@')
		buf_adds(state, text);
	else if (file_read(state, text + 1) < 0)
		err(CS_USAGE, "CS_STATE: %s", text + 1);
}

void
bridge_begin(struct bridge *b)
{
	const char *run = getenv("CS_RUN");

	if (!run || !*run) {
		run_id(b->run);
		run = b->run;
	}
	stream_begin(&b->out, &(struct stream_begin){.stream = b->stream,
				  .run = run,
				  .mode = "incremental",
				  .from = {b->state.p, b->state.len}});
	b->begun = true;
}

/* The tap ended well, so all rows of these versions came: those of others may go. */
static void
versions(struct bridge *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct bridge_table *t = &b->tables[i];

		if (!t->version.len)
			continue;
		buf_adds(&b->out, "{\"@cs\":\"schema\",\"table\":");
		json_quote(&b->out, t->name, t->n);
		buf_adds(&b->out, ",\"version\":");
		buf_add(&b->out, t->version.p, t->version.len);
		buf_adds(&b->out, "}\n");
	}
}

/*
 * A control line among the messages: whoever started the tap knows how it ended, and says so with a bare
 * begin, end or error line, which is filled in here.
 */
static int
wrapper(struct bridge *b, const char *p, size_t n)
{
	struct control c;
	const char *why;
	struct member m[] = {{.name = "@cs"}};
	const char *run = getenv("CS_RUN");

	if (bridge_members(b, p, n, m, 1) < 0)
		return BRIDGE_REFUSED;
	if (b->ended)
		return bridge_refuse(b, "a line after the end of the stream");
	if (bridge_is(&m[0].v, "begin")) {
		if (b->begun)
			return bridge_refuse(b, "a second begin line");
		bridge_begin(b);
		return 0;
	}
	if (control_parse(&c, p, n, &why) < 0) {
		control_release(&c);
		return bridge_refuse(b, "%s", why);
	}
	b->ended = c.kind == CONTROL_END || c.kind == CONTROL_ERROR;
	if (c.kind == CONTROL_END)
		versions(b);
	if (c.kind == CONTROL_END)
		stream_end(&b->out, b->stream, run && *run ? run : b->run, 0, 0, true);
	else if (c.kind == CONTROL_ERROR)
		stream_error(&b->out, b->stream, c.code ? (int)c.code : CS_DATA,
		    c.message ? c.message : "the tap failed", c.retry_at);
	control_release(&c);
	return b->ended
		   ? 0
		   : bridge_refuse(b, "a control line that is not begin, end or error: was this "
				      "mapped already, as cs-singer's output is?");
}

void
bridge_init(struct bridge *b)
{
	struct value v;
	const char *why;

	environment_state(&b->state); /* now: later no file can be opened */
	if (!b->stream)
		b->stream = getenv("CS_STREAM");
	if (!b->stream || !*b->stream)
		b->stream = b->from == DIALECT_SINGER ? "singer" : "airbyte";
	if (b->from != DIALECT_AIRBYTE)
		return;
	if (b->state.len && scan_text(b->state.p, b->state.len, &v, &why) < 0)
		errx(CS_USAGE, "CS_STATE: not JSON: %s", why);
	if (b->state.len)
		airbyte_resume(b, v.p, v.n);
}

int
bridge_line(struct bridge *b, const char *p, size_t n)
{
	buf_clear(&b->out);
	if (line_kind(p, n) == LINE_CONTROL)
		return wrapper(b, p, n);
	if (b->ended)
		return bridge_refuse(b, "a message after the end of the stream");
	return b->from == DIALECT_SINGER ? singer_line(b, p, n) : airbyte_line(b, p, n);
}

void
bridge_end(struct bridge *b)
{
	buf_clear(&b->out);
	if (b->from == DIALECT_AIRBYTE && !b->ended)
		airbyte_end(b);
}

void
bridge_release(struct bridge *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->tables[i].name);
		buf_release(&b->tables[i].version);
		buf_release(&b->tables[i].state);
	}
	free(b->tables);
	buf_release(&b->state);
	buf_release(&b->out);
	buf_release(&b->err);
	buf_release(&b->failure);
	buf_release(&b->whole);
	buf_release(&b->text);
	scan_release(&b->scan);
}
