#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "num.h"
#include "stream.h"

enum line_kind
line_kind(const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	enum line_kind kind = LINE_RECORD;

	/* Nearly all lines: an object whose first key cannot be "@cs", not even escaped. */
	if (n < 3 || (p[0] == '{' && p[1] == '"' && p[2] != '@' && p[2] != '\\'))
		return LINE_RECORD;
	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0 && scan_key(&s, &key) == 1 &&
	    slice_is(key, "@cs")) {
		int type = scan_type(&s);

		kind = type == JSON_STRING   ? LINE_CONTROL
		       : type == JSON_OBJECT ? LINE_TAGGED
					     : LINE_BAD;
	}
	scan_release(&s);
	return kind;
}

/* The string value v as NUL-terminated text; NULL (and *err) when it is no string or holds NUL. */
static char *
text(const struct value *v, const char **err)
{
	struct buf b = {0};
	struct slice in;

	if (v->type != JSON_STRING) {
		*err = "a member of the control line should be a string";
		return NULL;
	}
	in = value_inner(v);
	if (json_unescape(&b, in.p, in.n) != 0) {
		buf_release(&b);
		*err = "a string of the control line holds U+0000 or a lone surrogate";
		return NULL;
	}
	return buf_steal(&b);
}

static enum control_kind
control_kind(const char *name)
{
	static const char *const names[] = {"begin", "schema", "checkpoint", "end", "error"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return (enum control_kind)(i + 1);
	return CONTROL_OTHER;
}

/* One member of a control line. 0, or -1 with *err. */
static int
member(struct control *c, struct slice key, const struct value *v, const char **err)
{
	const struct {
		const char *name;
		char **text;
		struct slice *raw;
		int64_t *number;
	} members[] = {
	    {"stream", &c->stream, NULL, NULL},
	    {"run", &c->run, NULL, NULL},
	    {"mode", &c->mode, NULL, NULL},
	    {"table", &c->table, NULL, NULL},
	    {"message", &c->message, NULL, NULL},
	    {"retry_at", &c->retry_at, NULL, NULL},
	    {"state", NULL, &c->state, NULL},
	    {"from", NULL, &c->from, NULL},
	    {"key", NULL, &c->key, NULL},
	    {"columns", NULL, &c->columns, NULL},
	    {"version", NULL, NULL, &c->version},
	    {"records", NULL, NULL, &c->records},
	    {"rejected", NULL, NULL, &c->rejected},
	    {"code", NULL, NULL, &c->code},
	};

	if (slice_is(key, "complete")) {
		if (v->type != JSON_TRUE && v->type != JSON_FALSE) {
			*err = "\"complete\" should be true or false";
			return -1;
		}
		c->complete = v->type == JSON_TRUE;
		return 0;
	}
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (!slice_is(key, members[i].name))
			continue;
		if (members[i].raw) {
			*members[i].raw = (struct slice){v->p, v->n};
		} else if (v->type == JSON_NULL) {
			/* as if absent */
		} else if (members[i].text) {
			free(*members[i].text);
			*members[i].text = text(v, err);
			return *members[i].text ? 0 : -1;
		} else if (num_int64(v->p, v->n, members[i].number) < 0) {
			*err = "a number of the control line is not an integer";
			return -1;
		}
		return 0;
	}
	return 0; /* a member of the future */
}

/* Is what this kind needs there? NULL, or what is wrong. */
static const char *
incomplete(const struct control *c)
{
	switch (c->kind) {
	case CONTROL_BEGIN:
		if (!c->stream || !c->run)
			return "\"begin\" without \"stream\" or \"run\"";
		if (c->version != 1)
			return "\"begin\" of a version other than 1";
		return NULL;
	case CONTROL_CHECKPOINT:
		return c->state.p ? NULL : "\"checkpoint\" without \"state\"";
	case CONTROL_SCHEMA:
		return c->table ? NULL : "\"schema\" without \"table\"";
	default:
		return NULL;
	}
}

int
control_parse(struct control *c, const char *p, size_t n, const char **err)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	char *name;
	int r, first = 1;

	memset(c, 0, sizeof *c);
	c->version = c->records = -1;
	scan_init(&s, p, n);
	if (scan_enter(&s) < 0)
		goto bad;
	while ((r = scan_key(&s, &key)) > 0) {
		if (scan_value(&s, &v) < 0)
			goto bad;
		if (!first) {
			if (member(c, key, &v, err) < 0)
				goto out;
			continue;
		}
		first = 0;
		name = text(&v, err);
		if (!name)
			goto out;
		c->kind = control_kind(name);
		free(name);
	}
	if (r < 0 || scan_done(&s) < 0)
		goto bad;
	*err = incomplete(c);
	scan_release(&s);
	return *err ? -1 : 0;
bad:
	*err = s.err;
out:
	scan_release(&s);
	return -1;
}

void
control_release(struct control *c)
{
	free(c->stream);
	free(c->run);
	free(c->mode);
	free(c->table);
	free(c->message);
	free(c->retry_at);
	memset(c, 0, sizeof *c);
}

static int
tag_fail(struct scan *s, const char *why)
{
	s->err = why;
	return -1;
}

static int
tag_op(struct tag *t, struct scan *s, const struct value *v)
{
	struct slice in;

	if (v->type != JSON_STRING)
		return tag_fail(s, "the tag's \"op\" should be a string");
	in = value_inner(v);
	if (slice_is(in, "upsert"))
		t->op = OP_UPSERT;
	else if (slice_is(in, "update"))
		t->op = OP_UPDATE;
	else if (slice_is(in, "delete"))
		t->op = OP_DELETE;
	else
		return tag_fail(s, "the tag's \"op\" is not upsert, update or delete");
	return 0;
}

static int
tag_members(struct tag *t, struct scan *s)
{
	struct slice key;
	struct value v;
	int r;

	if (scan_enter(s) < 0)
		return -1;
	while ((r = scan_key(s, &key)) > 0) {
		int op = slice_is(key, "op"), table = slice_is(key, "table");
		int wrapped = slice_is(key, "wrapped");

		if (scan_value(s, &v) < 0)
			return -1;
		if (op && tag_op(t, s, &v) < 0)
			return -1;
		if (wrapped)
			t->wrapped = v.type == JSON_TRUE;
		if (slice_is(key, "version") &&
		    (v.type != JSON_NUMBER || num_int64(v.p, v.n, &t->version) < 0 ||
			t->version < 0))
			return tag_fail(
			    s, "the tag's \"version\" should be a number, whole and not negative");
		if (!table)
			continue;
		if (v.type != JSON_STRING)
			return tag_fail(s, "the tag's \"table\" should be a string");
		buf_clear(&t->mem);
		if (json_unescape(&t->mem, v.p + 1, v.n - 2) != 0)
			return tag_fail(s, "the tag's \"table\" holds U+0000 or a lone surrogate");
		t->table = (struct slice){t->mem.p, t->mem.len};
	}
	return r;
}

int
tag_parse(struct tag *t, struct scan *s, const char *p, size_t n)
{
	struct slice key;
	int r;

	t->op = OP_UPSERT;
	t->wrapped = false;
	t->version = -1;
	t->table = (struct slice){0};
	scan_init(s, p, n);
	if (scan_enter(s) < 0 || scan_key(s, &key) < 0)
		return -1;
	t->raw.p = s->p;
	if (tag_members(t, s) < 0)
		return -1;
	t->raw.n = (size_t)(s->p - t->raw.p);
	if (!t->wrapped)
		return 0;
	r = scan_key(s, &key);
	if (r < 0)
		return -1;
	if (r == 0 || !slice_is(key, "record"))
		return tag_fail(s, "a wrapped line without \"record\"");
	return scan_enter(s);
}

int
tag_done(const struct tag *t, struct scan *s)
{
	struct slice key;
	int r = t->wrapped ? scan_key(s, &key) : 0;

	if (r > 0)
		return tag_fail(s, "a wrapped line with more than \"record\"");
	return r < 0 ? -1 : scan_done(s);
}

void
tag_release(struct tag *t)
{
	buf_release(&t->mem);
}

static void
add_text(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(b, ",\"%s\":", name);
	json_quote(b, value, strlen(value));
}

static void
add_raw(struct buf *b, const char *name, struct slice raw)
{
	buf_addf(b, ",\"%s\":", name);
	if (raw.n)
		json_compact(b, raw.p, raw.n);
	else
		buf_adds(b, "null");
}

void
stream_begin(struct buf *b, const struct stream_begin *x)
{
	buf_adds(b, "{\"@cs\":\"begin\",\"version\":1");
	add_text(b, "stream", x->stream);
	add_text(b, "run", x->run);
	add_text(b, "mode", x->mode);
	add_raw(b, "from", x->from);
	if (x->key) {
		const char *p = x->key, *q;

		buf_adds(b, ",\"key\":[");
		for (;; p = q + 1) {
			q = strchrnul(p, ',');
			json_quote(b, p, (size_t)(q - p));
			if (!*q)
				break;
			buf_addc(b, ',');
		}
		buf_addc(b, ']');
	}
	add_text(b, "cursor", x->cursor);
	buf_adds(b, "}\n");
}

void
stream_checkpoint(
    struct buf *b, const char *stream, const char *run, struct slice state, uint64_t records)
{
	buf_adds(b, "{\"@cs\":\"checkpoint\"");
	add_text(b, "stream", stream);
	add_text(b, "run", run);
	add_raw(b, "state", state);
	buf_addf(b, ",\"records\":%llu}\n", (unsigned long long)records);
}

void
stream_end(struct buf *b, const char *stream, const char *run, uint64_t records, uint64_t rejected,
    bool complete)
{
	buf_adds(b, "{\"@cs\":\"end\"");
	add_text(b, "stream", stream);
	add_text(b, "run", run);
	buf_addf(b, ",\"records\":%llu,\"complete\":%s", (unsigned long long)records,
	    complete ? "true" : "false");
	if (rejected)
		buf_addf(b, ",\"rejected\":%llu", (unsigned long long)rejected);
	buf_adds(b, "}\n");
}

void
stream_error(struct buf *b, const char *stream, int code, const char *message, const char *retry_at)
{
	buf_adds(b, "{\"@cs\":\"error\"");
	add_text(b, "stream", stream);
	buf_addf(b, ",\"code\":%d", code);
	add_text(b, "message", message);
	add_text(b, "retry_at", retry_at);
	buf_adds(b, "}\n");
}

void
run_id(char out[RUN_ID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct timespec ts;
	unsigned char chance[16];
	uint64_t ms;

	if (getentropy(chance, sizeof chance) < 0)
		err(CS_IO, "getentropy");
	clock_gettime(CLOCK_REALTIME, &ts);
	ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	for (int i = 0; i < 16; i++)
		out[10 + i] = digits[chance[i] & 31];
	out[RUN_ID_LEN] = '\0';
}

void
stream_add(struct buf *b, const char *name, const char *json)
{
	b->len -= 2; /* the brace and the newline */
	buf_addf(b, ",\"%s\":%s}\n", name, json);
}

int
stream_within(const char *stream, const char *of)
{
	size_t n = strlen(of);

	return strncmp(stream, of, n) == 0 && (stream[n] == '\0' || stream[n] == '/');
}
