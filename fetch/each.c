#include "each.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "stop.h"
#include "stream.h"

#define NEXT_OK 1 /* each_next(): there is one */

/* What is known of a parent. */
struct part {
	char *id;
	struct slice state; /* into e->file */
	bool done;          /* in this run */
};

static int
by_id(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->id, ((const struct part *)b)->id);
}

static struct part *
part(struct each *e, const char *id)
{
	const struct part key = {.id = (char *)(uintptr_t)id};
	struct part **at = tsearch(&key, &e->parts, by_id);

	if (*at == &key) {
		*at = xcalloc(1, sizeof(**at));
		(*at)->id = xstrdup(id);
	}
	return *at;
}

static void
part_free(void *p)
{
	free(((struct part *)p)->id);
	free(p);
}

/* The checkpoints that cs-state hands over. */
static int
read_parts(struct each *e, const char *stream)
{
	const char *name = e->o->parts != NULL ? e->o->parts : getenv("CS_PARTS"), *err;
	char *line, *end, *nl;
	size_t n = strlen(stream);

	if (name == NULL || *name == '\0')
		return 0;
	if (file_read(&e->file, name) < 0)
		return fail(CS_IO, "--parts: %s: %s", name, strerror(errno));
	end = e->file.p + e->file.len;
	for (line = e->file.p; line < end; line = nl + 1) {
		struct control c = {0};

		if ((nl = memchr(line, '\n', end - line)) == NULL)
			nl = end;
		if (control_parse(&c, line, nl - line, &err) == 0 && c.stream != NULL &&
		    strncmp(c.stream, stream, n) == 0 && c.stream[n] == '/')
			part(e, c.stream + n + 1)->state = c.state;
		control_release(&c);
	}
	return 0;
}

static void
parent_free(struct parent *p)
{
	if (p == NULL)
		return;
	buf_release(&p->id);
	buf_release(&p->keys);
	filled_release(&p->request);
	free(p);
}

/* Look at a parent. NULL, or what is wrong with it, which *what has. */
static const char *
read_parent(struct each *e, struct parent *p, struct slice record, const char **what)
{
	const struct list *l = &e->o->parent_key;
	const char *why;
	struct buf text = {0};
	int type;

	if ((why = template_read(&e->template, record, &p->id, what)) != NULL)
		return why;
	for (size_t i = 0; i < l->n; i++) {
		*what = l->v[i].text;
		why = field_value(e->o->parent_path[i], record, &text, &type);
		if (why != NULL && type != JSON_NULL)
			break;
		why = NULL;
		buf_addc(&p->keys, ',');
		json_quote(&p->keys, l->v[i].text, strcspn(l->v[i].text, "="));
		buf_addc(&p->keys, ':');
		if (type == JSON_STRING)
			json_quote(&p->keys, text.p, text.len);
		else if (type == JSON_NULL)
			buf_adds(&p->keys, "null");
		else
			buf_add(&p->keys, text.p, text.len);
	}
	buf_release(&text);
	return why;
}

/* Before a read that would have to wait. */
static int
wait_for_input(void *arg)
{
	const struct each *e = arg;
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	if (!e->wait)
		return 1;
	while (stop_signal() == 0)
		if (poll(&p, 1, 200) != 0)
			return stop_signal();
	return 1;
}

static int
on_control(struct each *e, const char *p, size_t n)
{
	struct control c = {0};
	const char *err;
	int r = 0, code;

	if (control_parse(&c, p, n, &err) < 0)
		r = fail(CS_DATA, "stdin:%" PRIu64 ": %s", e->in.lineno, err);
	else if (c.kind == CONTROL_BEGIN) {
		e->begun = true;
		e->ended = false;
		e->incremental |= c.mode != NULL && strcmp(c.mode, "incremental") == 0;
	} else if (c.kind == CONTROL_END) {
		e->ended = true;
		e->partial |= !c.complete;
		e->incremental |= c.rejected > 0;
	} else if (c.kind == CONTROL_ERROR) {
		code = c.code > 0 && c.code < 126 ? (int)c.code : CS_DATA;
		r = fail(code, "stdin: the stream of parents failed: %s",
		    c.message != NULL ? c.message : "no reason given");
	}
	control_release(&c);
	return r;
}

/* The next line that is a parent. 1, 0 at the end, -1 if there is none yet or a signal came, or CS_*. */
static int
read_line(struct each *e, const char **line, size_t *n)
{
	int r;

	for (;;) {
		switch (lines_next(&e->in, line, n)) {
		case LINES_OK:
			break;
		case LINES_EOF:
			return e->begun && !e->ended
				   ? fail(CS_DATA,
					 "stdin: the stream of parents stopped without an "
					 "end line")
				   : 0;
		case LINES_STOP:
			return -1;
		case LINES_TOOLONG:
			return fail(CS_DATA, "stdin:%" PRIu64 ": a line longer than --max-record",
			    e->in.lineno);
		default:
			return fail(CS_IO, "stdin: %s", strerror(errno));
		}
		if (line_kind(*line, *n) != LINE_CONTROL)
			return NEXT_OK;
		if ((r = on_control(e, *line, *n)) != 0)
			return r;
	}
}

/* The record of a line, or .p NULL when it says that the parent is gone. */
static struct slice
record(const char *line, size_t n)
{
	struct tag t = {0};
	struct scan s = {0};
	bool gone;

	if (line_kind(line, n) != LINE_TAGGED)
		return (struct slice){line, n};
	gone = tag_parse(&t, &s, line, n) == 0 && t.op == OP_DELETE;
	tag_release(&t);
	scan_release(&s);
	if (gone)
		return (struct slice){NULL, 0};
	return split_record(line, n);
}

/* A line: the parent to ask for, or NULL when it is none, which has been said. */
static struct parent *
take_line(struct each *e, const char *line, size_t n)
{
	struct slice rec = record(line, n);
	struct parent *p = xcalloc(1, sizeof(*p));
	const char *why, *what = "the line", *err;
	struct value v;
	struct part *known;

	if (rec.p == NULL)
		goto none;
	if (scan_text(rec.p, rec.n, &v, &err) < 0)
		why = err;
	else if (v.type != JSON_OBJECT)
		why = "is no object";
	else
		why = read_parent(e, p, rec, &what);
	if (why != NULL) {
		say("stdin:%" PRIu64 ": %s: %s", e->in.lineno, what, why);
		e->bad++;
		goto none;
	}
	known = part(e, p->id.p);
	if (known->done)
		goto none;
	known->done = true;
	p->state = known->state;
	template_fill(&e->template, &p->request);
	return p;
none:
	parent_free(p);
	return NULL;
}

/* Read until n parents are in the queue, or no more lines are there; wait for them? */
static void
fill(struct each *e, size_t n, bool wait)
{
	const char *line;
	struct parent *p;
	size_t len;
	int r;

	e->wait = wait;
	while (e->n_queue < n && e->over == NEXT_OK) {
		r = read_line(e, &line, &len);
		if (r == -1 && !wait)
			return;
		if (r != NEXT_OK)
			e->over = r;
		else if ((p = take_line(e, line, len)) != NULL)
			e->queue[e->n_queue++] = p;
	}
}

int
each_open(struct each *e, struct opts *o, const char *stream)
{
	int r;

	*e = (struct each){.o = o, .over = NEXT_OK, .file = {.max = (size_t)1 << 31}};
	template_open(&e->template, o);
	if (e->template.n_field == 0)
		return fail(CS_USAGE, "--each: no {field} of a parent is in the URL, the query, a "
				      "header or the JSON body");
	lines_open(&e->in, STDIN_FILENO, "stdin", o->max_record);
	e->in.idle = wait_for_input;
	e->in.arg = e;
	if ((r = read_parts(e, stream)) != 0)
		return r;
	fill(e, 1, true);
	return e->over == NEXT_OK || e->over == 0 ? 0 : e->n_queue > 0 ? 0 : e->over;
}

void
each_release(struct each *e)
{
	if (e->o == NULL)
		return;
	template_close(&e->template);
	parent_free(e->now);
	for (size_t i = 0; i < e->n_queue; i++)
		parent_free(e->queue[i]);
	tdestroy(e->parts, part_free);
	buf_release(&e->file);
	lines_close(&e->in);
}

int
each_next(struct each *e)
{
	struct parent *before = e->now;

	fill(e, 1, true);
	if (e->n_queue == 0)
		return e->over;
	e->now = e->queue[0];
	memmove(e->queue, e->queue + 1, --e->n_queue * sizeof(*e->queue));
	filled_lend(&e->now->request, e->o);
	parent_free(before);
	return NEXT_OK;
}

const struct parent *
each_peek(struct each *e, size_t i, struct opts *then)
{
	if (i >= PARENTS_AHEAD || e->template.in_header)
		return NULL;
	fill(e, i + 1, false);
	if (i >= e->n_queue)
		return NULL;
	*then = *e->o;
	filled_lend(&e->queue[i]->request, then);
	return e->queue[i];
}

/* Does the object have a member that --parent-key wants to add? */
static const char *
taken(const struct list *l, struct slice obj)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	const char *name = NULL;

	scan_init(&s, obj.p, obj.n);
	scan_enter(&s);
	while (name == NULL && scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0)
		for (size_t i = 0; i < l->n; i++)
			if (slice_eq(key, l->v[i].text, strcspn(l->v[i].text, "=")))
				name = l->v[i].text;
	scan_release(&s);
	return name;
}

int
each_tag(const struct each *e, struct split *s)
{
	const char *line = s->page.p, *end = line + s->page.len, *nl, *name;
	struct buf out = {0};
	int r = 0;

	if (e->now->keys.len == 0)
		return 0;
	for (; r == 0 && line < end; line = nl + 1) {
		struct slice obj;
		bool empty;

		nl = memchr(line, '\n', end - line);
		obj = split_record(line, nl - line);
		empty = obj.n == 2;
		if ((name = taken(&e->o->parent_key, obj)) != NULL)
			r = fail(
			    CS_DATA, "--parent-key %s: the record has a member of that name", name);
		buf_add(&out, line, obj.p + obj.n - 1 - line);
		buf_add(&out, e->now->keys.p + empty, e->now->keys.len - empty);
		buf_add(&out, obj.p + obj.n - 1, nl + 1 - (obj.p + obj.n - 1));
	}
	buf_release(&s->page);
	s->page = out;
	return r;
}
