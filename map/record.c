#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "record.h"
#include "ref.h"

static int
fail_text(struct records *r, const char *why, size_t n)
{
	buf_clear(&r->err);
	buf_add(&r->err, why, n);
	/* Keys, and what a program says, may hold anything. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)r->err.p[i] < 0x20 || r->err.p[i] == 0x7f)
			r->err.p[i] = ' ';
	return -1;
}

static int
fail(struct records *r, const char *why)
{
	return fail_text(r, why, strlen(why));
}

/* Is it JSON? Says where not. */
static int
check(struct records *r, const char *p, size_t n)
{
	struct value v;

	scan_init(&r->scan, p, n);
	if (scan_value(&r->scan, &v) == 0 && scan_done(&r->scan) == 0)
		return 0;
	buf_clear(&r->err);
	buf_addf(&r->err, "byte %zu: %s", scan_at(&r->scan), r->scan.err);
	return -1;
}

/* The tag as it came, but saying that the record is wrapped. */
static void
add_wrapped_tag(struct records *r)
{
	const struct slice raw = r->tagged ? r->tag.raw : (struct slice){"{}", 2};
	const char *end = raw.p + raw.n - 1, *p = raw.p + 1;

	while (*p == ' ' || *p == '\t')
		p++;
	buf_add(&r->out, raw.p, (size_t)(end - raw.p));
	buf_adds(&r->out, p < end ? ",\"wrapped\":true}" : "\"wrapped\":true}");
}

/*
 * The record that out has from at on is done: give it back the tag it came with, wrap it
 * where it would be taken for something else, end the line.
 */
static void
finish(void *arg, size_t at, bool tagged)
{
	struct records *r = arg;
	struct buf *out = &r->out;
	bool plain = out->p[at + 1] == '"' && out->p[at + 2] != '@' && out->p[at + 2] != '\\';
	bool forged = !tagged && !plain && line_kind(out->p + at, out->len - at) != LINE_RECORD;

	r->n++;
	if (tagged || (!r->tagged && !forged)) {
		buf_addc(out, '\n');
		return;
	}
	buf_clear(&r->text);
	buf_add(&r->text, out->p + at, out->len - at);
	out->len = at;
	buf_adds(out, "{\"@cs\":");
	if (forged && !r->tag.wrapped)
		add_wrapped_tag(r);
	else
		buf_add(out, r->tag.raw.p, r->tag.raw.n);
	if (forged || r->tag.wrapped) {
		buf_adds(out, ",\"record\":");
		buf_add(out, r->text.p, r->text.len);
		buf_adds(out, "}\n");
	} else {
		size_t i = 1 + strspn(r->text.p + 1, " \t");

		buf_adds(out, r->text.p[i] == '}' ? "" : ",");
		buf_add(out, r->text.p + i, r->text.len - i);
		buf_addc(out, '\n');
	}
}

/* Take the tag off the valid line *p[0..*n), which becomes the record alone. */
static int
untag(struct records *r, const char **p, size_t *n)
{
	const char *end = *p + *n, *at;
	struct slice key;
	struct value v;
	int more;

	if (tag_parse(&r->tag, &r->scan, *p, *n) < 0)
		return fail(r, r->scan.err);
	r->tagged = true;
	at = r->scan.p;
	while ((more = scan_key(&r->scan, &key)) > 0)
		scan_value(&r->scan, &v);
	*p = at - 1;
	*n = (size_t)(r->scan.p - *p);
	if (more < 0 || tag_done(&r->tag, &r->scan) < 0)
		return fail(r, r->scan.err);
	if (r->tag.wrapped)
		return 0;
	buf_clear(&r->value);
	at += strspn(at, " \t");
	at += *at == ',';
	buf_addc(&r->value, '{');
	buf_add(&r->value, at, (size_t)(end - at));
	*p = r->value.p;
	*n = r->value.len;
	return 0;
}

/* What came in, or one result of the filter, through the rules. */
static int
map(struct records *r, const char *p, size_t n)
{
	struct buf value = {0};
	size_t at = r->out.len;
	int status = 0;

	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	if (*p != '{') {
		buf_adds(&value, "{\"value\":");
		buf_add(&value, p, n);
		buf_addc(&value, '}');
		p = value.p;
		n = value.len;
	}
	if (!r->mapping) {
		buf_add(&r->out, p, n);
		finish(r, at, false);
	} else if (mapper_run(&r->mapper, p, n) < 0) {
		status = fail_text(r, r->mapper.err.p, r->mapper.err.len);
	}
	buf_release(&value);
	return status;
}

/* A new line: *p becomes the record alone. checked: it is JSON. */
static int
start(struct records *r, const char **p, size_t *n, bool checked)
{
	enum line_kind kind = line_kind(*p, *n);

	buf_clear(&r->out);
	r->n = 0;
	r->tagged = r->tag.wrapped = false;
	r->mapper.partial = r->mapper.childless = false;
	if (kind == LINE_BAD)
		return fail(r, "a first member \"@cs\" that is neither text nor an object");
	if (!checked && (**p != '{' || kind == LINE_TAGGED) && check(r, *p, *n) < 0)
		return -1;
	if (kind != LINE_TAGGED)
		return 0;
	if (untag(r, p, n) < 0)
		return -1;
	r->mapper.partial = r->tag.op != OP_UPSERT;
	r->mapper.childless = r->tag.op == OP_DELETE;
	return 0;
}

/* What is known of columns counts only records that went through. */
static int
settle(struct records *r, int status)
{
	if (r->mapping && status == 0)
		mapper_commit(&r->mapper);
	else if (r->mapping)
		mapper_rollback(&r->mapper);
	return status;
}

static int
native(struct records *r, const char *p, size_t n)
{
	const char *line = p, *why;
	size_t line_n = n;
	bool wanted = true;

	if (start(r, &p, &n, false) < 0)
		return -1;
	if (r->condition && where_test(r->condition, p, n, &wanted, &why) < 0)
		return fail(r, why);
	if (!wanted)
		return 0;
	if (r->mapping)
		return map(r, p, n);
	if (*line == '{' && !r->tagged && !r->condition && check(r, line, line_n) < 0)
		return -1;
	buf_add(&r->out, line, line_n);
	buf_addc(&r->out, '\n');
	r->n = 1;
	return 0;
}

int
records_map(struct records *r, const char *p, size_t n)
{
	return settle(r, native(r, p, n));
}

/* The name of the first member of object that other has not, as a JSON string. */
static bool
first_other(struct records *r, const struct buf *object, const struct buf *other, struct buf *name)
{
	struct slice key;
	struct value v;
	struct scan *s = &r->scan;

	scan_init(s, object->p, object->len);
	scan_enter(s);
	while (scan_key(s, &key) > 0 && scan_value(s, &v) == 0) {
		buf_clear(name);
		json_quote(name, key.p, key.n);
		buf_addc(name, ':');
		if (!memmem(other->p, other->len, name->p, name->len)) {
			name->p[--name->len] = '\0';
			return true;
		}
	}
	return false;
}

static int
through_rules(struct records *r, const struct buf *record)
{
	const char *p = record->p;
	size_t n = record->len;

	return start(r, &p, &n, false) < 0 ? -1 : map(r, p, n);
}

void
records_name(struct records *r, struct slice key, struct buf *out)
{
	struct buf record = {0}, plain = {0}, name = {0};
	bool found = false;

	buf_adds(&record, "{}");
	if (r->mapping && !r->filter && through_rules(r, &record) == 0) {
		buf_add(&plain, r->out.p, r->out.len);
		buf_clear(&record);
		buf_addc(&record, '{');
		json_quote(&record, key.p, key.n);
		buf_adds(&record, ":null}");
		found = through_rules(r, &record) == 0 && r->n == 1 &&
			first_other(r, &r->out, &plain, &name);
	}
	if (r->mapping)
		mapper_rollback(&r->mapper);
	if (found)
		buf_add(out, name.p, name.len);
	else
		json_quote(out, key.p, key.n);
	buf_release(&record);
	buf_release(&plain);
	buf_release(&name);
}

bool
records_judged(const struct records *r)
{
	return r->where || r->filter;
}

/* The first result of --where decides. */
static int
on_where(void *arg, const char *p, size_t n)
{
	bool *wanted = arg;

	*wanted = !(n == 4 && memcmp(p, "null", 4) == 0) && !(n == 5 && memcmp(p, "false", 5) == 0);
	return 1;
}

static void
add_text(struct buf *b, const char *p, size_t n)
{
	uint32_t len = (uint32_t)n;

	buf_add(b, &len, sizeof len);
	buf_add(b, p, n);
}

static int
on_result(void *arg, const char *p, size_t n)
{
	struct records *r = arg;

	/* The record itself, once: the line says it better. */
	r->same = p == r->record && *p == '{' && r->nresults == 0;
	add_text(&r->results, p, n);
	r->nresults++;
	return 0;
}

/* 1: the line stays, 0: it goes, or there are results; -1 with r->err. */
static int
judge(struct records *r, const char *p, size_t n)
{
	const char *line = p, *why;
	size_t line_n = n;
	bool wanted = true;

	r->nresults = 0;
	r->same = false;
	buf_clear(&r->results);
	if (start(r, &p, &n, false) < 0)
		return -1;
	r->record = p;
	if (r->condition && where_test(r->condition, p, n, &wanted, &why) < 0)
		goto bad;
	if (r->where) {
		wanted = false;
		if (jqrun_run(r->where, p, n, on_where, &wanted, &why) < 0)
			goto bad;
	}
	if (!wanted || !r->filter)
		return wanted;
	if (jqrun_run(r->filter, p, n, on_result, r, &why) < 0)
		goto bad;
	return r->nresults == 1 && r->same;
bad:
	fail(r, why);
	/* Say where, if the line is no JSON at all. */
	(void)(!r->tagged && check(r, line, line_n));
	return -1;
}

void
records_judge(struct records *r, const char *p, size_t n, struct buf *verdict)
{
	switch (judge(r, p, n)) {
	case 1:
		buf_addc(verdict, VERDICT_KEEP);
		break;
	case 0:
		buf_addc(verdict, r->nresults ? VERDICT_RESULTS : VERDICT_DROP);
		if (!r->nresults)
			break;
		buf_add(verdict, &r->nresults, sizeof r->nresults);
		buf_add(verdict, r->results.p, r->results.len);
		break;
	default:
		buf_addc(verdict, VERDICT_BAD);
		add_text(verdict, r->err.p, r->err.len);
	}
}

static uint32_t
number(const char **v)
{
	uint32_t n;

	memcpy(&n, *v, sizeof n);
	*v += sizeof n;
	return n;
}

static int
keep(struct records *r, const char *p, size_t n)
{
	const char *line = p;
	size_t line_n = n;

	if (start(r, &p, &n, true) < 0)
		return -1;
	if (r->mapping)
		return map(r, p, n);
	buf_add(&r->out, line, line_n);
	buf_addc(&r->out, '\n');
	r->n = 1;
	return 0;
}

static int
follow(struct records *r, const char *p, size_t n, const char **v)
{
	uint32_t count, len;
	int status = 0;

	switch (*(*v)++) {
	case VERDICT_KEEP:
		return keep(r, p, n);
	case VERDICT_DROP:
		buf_clear(&r->out);
		r->n = 0;
		return 0;
	case VERDICT_BAD:
		len = number(v);
		buf_clear(&r->err);
		buf_add(&r->err, *v, len);
		*v += len;
		return -1;
	default:
		status = start(r, &p, &n, true);
		for (count = number(v); count; count--) {
			len = number(v);
			if (status == 0) {
				/* What follows must be no part of it, nor the end of what may be read. */
				buf_clear(&r->value);
				buf_add(&r->value, *v, len);
				status = map(r, r->value.p, len);
			}
			*v += len;
		}
		return status;
	}
}

int
records_follow(struct records *r, const char *p, size_t n, const char **v)
{
	return settle(r, follow(r, p, n, v));
}

static struct jqrun *
program(const char *name, const char *text, const struct opts *o)
{
	struct jqrun *j;
	char *why;

	if (!text)
		return NULL;
	j = jqrun_new(text, o->vars, o->numbers, &why);
	if (!j)
		errx(CS_USAGE, "%s: %s", name, why);
	return j;
}

/* What --hash needs; libcrypto is not loaded for less. */
static void
start_hash(const struct rules *r)
{
	struct buf salt = {0};
	bool wanted = false;
	char *why;

	for (size_t i = 0; i < r->columns; i++)
		wanted |= r->column[i].hide == HIDE_HASH;
	if (!wanted)
		return;
	if (r->salt && ref_read(&salt, r->salt, "--salt", &why) < 0)
		errx(CS_AUTH, "--salt: %s", why);
	if (r->salt && !salt.len)
		errx(CS_AUTH, "--salt: is empty");
	hash_start(salt.p);
	if (salt.p)
		explicit_bzero(salt.p, salt.len);
	buf_release(&salt);
}

static void
start_schema(struct records *r, const struct opts *o)
{
	const struct rules *rules = &o->rules;

	r->mapping = true;
	r->table = xcalloc(rules->children + 1, sizeof *r->table);
	for (size_t i = 0; i < rules->children; i++)
		r->table[i + 1] = rules->child[i].to;
	r->schema = schema_new(r->table, rules->children + 1);
}

void
records_init(struct records *r, const struct opts *o)
{
	*r = (struct records){.mapping = !rules_none(&o->rules)};
	start_hash(&o->rules);
	if (o->schema_out)
		start_schema(r, o);
	r->condition = o->rules.where ? where_new(o->rules.where) : NULL;
	if (!r->condition)
		r->where = program("--where", o->rules.where, o);
	r->filter = program("--filter", o->rules.filter, o);
	r->mapper = (struct mapper){.out = &r->out, .done = finish, .arg = r, .schema = r->schema};
	if (r->mapping)
		mapper_init(&r->mapper, &o->rules);
}

void
records_release(struct records *r)
{
	where_free(r->condition);
	jqrun_free(r->where);
	jqrun_free(r->filter);
	if (r->mapping)
		mapper_release(&r->mapper);
	schema_free(r->schema);
	free(r->table);
	tag_release(&r->tag);
	scan_release(&r->scan);
	buf_release(&r->out);
	buf_release(&r->err);
	buf_release(&r->text);
	buf_release(&r->results);
	buf_release(&r->value);
}
