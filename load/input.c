#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "parts.h"
#include "show.h"
#include "stats.h"

#define U(x) ((unsigned long long)(x))

struct load {
	const struct opts *o;
	struct sink *sink;
	struct input *in;
	struct life *life;
	struct lines lines;
	struct apply apply;
	struct buf error;   /* the error line, which goes out last */
	int upstream;       /* the status it names */
	bool ended;         /* the stream has, and no other has begun */
	struct counts told; /* what earlier end lines said */
	int status;         /* of the idle hook's failure */
};

int
row_bad(struct sink *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_clear(&s->why);
	buf_adds(&s->why, text);
	if (s->why.len == sizeof text - 1)
		while (!utf8_valid(s->why.p, s->why.len))
			s->why.p[--s->why.len] = '\0'; /* cut inside a character */
	for (size_t i = 0; i < s->why.len; i++)
		if ((unsigned char)s->why.p[i] < 0x20)
			s->why.p[i] = '?'; /* one line */
	return ROW_BAD;
}

int
row_end(struct sink *s, const struct row *row, int r)
{
	if (r == 0)
		r = row->tag ? tag_done(row->tag, row->scan) : scan_done(row->scan);
	return r == 0 ? 0 : row_bad(s, "%s at byte %zu", row->scan->err, scan_at(row->scan));
}

/* The input itself is wrong, at the line just read. What came from elsewhere has been through shown(). */
static int __attribute__((format(printf, 2, 3)))
bad_input(const struct load *l, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	warnx("stdin:%llu: %s", U(l->lines.lineno), text);
	return CS_DATA;
}

/* Input would have to wait. */
static int
idle(void *arg)
{
	struct load *l = arg;

	l->status = apply_idle(&l->apply, l->lines.fd);
	return l->status;
}

/* The number of records does not match what the producer counted. */
static int
check_records(const struct load *l, const struct control *c)
{
	if (c->records < 0 || (uint64_t)c->records == l->life->records)
		return 0;
	if (!l->o->quiet || l->o->strict)
		bad_input(l, "%llu records came of the %llu that were sent%s", U(l->life->records),
		    U(c->records), l->o->strict ? " (--strict)" : "");
	return l->o->strict ? CS_DATA : 0;
}

static int
on_begin(struct load *l, const struct control *c, const char *p, size_t n)
{
	struct life *life = l->life;

	if (life->begun && !l->ended)
		return bad_input(l, "stream \"%s\" begins before \"%s\" has ended",
		    shown(c->stream), shown(life->stream));
	if (!life->begun && life->records)
		return bad_input(
		    l, "records before the begin line of stream \"%s\"", shown(c->stream));
	if (l->o->parts)
		out_line(&l->in->out, p, n);
	free(life->stream);
	free(life->run);
	life->stream = xstrdup(c->stream);
	life->run = xstrdup(c->run);
	buf_clear(&life->from);
	if (c->from.p)
		json_compact(&life->from, c->from.p, c->from.n);
	else
		buf_adds(&life->from, "null");
	life->incremental = c->mode && !strcmp(c->mode, "incremental");
	life->full = c->mode && !strcmp(c->mode, "full");
	life->begun = true;
	life->records = life->rejected = life->upstream = 0;
	life->serial++;
	l->ended = false;
	l->in->complete = false;
	return 0;
}

/* What the stages before this one have set aside so far. */
static void
note_rejected(struct load *l, const struct control *c)
{
	if (c->rejected > 0)
		l->life->upstream = (uint64_t)c->rejected;
}

static int
on_checkpoint(struct load *l, struct control *c, const char *p, size_t n)
{
	int r = check_records(l, c);

	note_rejected(l, c);
	if (r)
		return r;
	apply_names(&l->apply, c);
	if (!c->stream)
		return bad_input(l, "a checkpoint that names no stream (--stream gives it one)");
	return apply_checkpoint(&l->apply, l->lines.lineno, p, n);
}

/* The end line again, with what became of the records. */
static int
tell(struct load *l, const char *p, size_t n)
{
	const struct counts *c = &l->sink->counts, *t = &l->told;
	struct counts d = {c->inserted - t->inserted, c->updated - t->updated,
	    c->unchanged - t->unchanged, c->deleted - t->deleted, c->ignored - t->ignored,
	    c->rejected - t->rejected};
	struct buf b = {0};

	l->told = *c;
	while (p[n - 1] != '}')
		n--;
	if (l->o->parts) { /* counts are of the rows, so not for here */
		parts_control(&b, p, n, l->sink->parts);
	} else {
		buf_add(&b, p, n - 1);
		buf_adds(&b, ",\"counts\":");
		counts_json(&b, &d);
		buf_adds(&b, "}\n");
	}
	out_write(&l->in->out, b.p, b.len);
	buf_release(&b);
	if (out_flush(&l->in->out) == 0)
		return 0;
	warn("stdout");
	return CS_IO;
}

static int
on_end(struct load *l, const struct control *c, const char *p, size_t n)
{
	int r = check_records(l, c);

	note_rejected(l, c);
	if (r == 0)
		r = apply_end(&l->apply, c->complete);
	if (r)
		return r;
	l->ended = true;
	l->in->complete = c->complete;
	return l->o->dry_run ? 0 : tell(l, p, n);
}

/* The producer gave up: its last checkpoint is as far as this run gets. */
static int
on_error(struct load *l, const struct control *c, const char *p, size_t n)
{
	buf_add(&l->error, p, n);
	buf_addc(&l->error, '\n');
	l->upstream = c->code > 0 && c->code < 126 ? (int)c->code : CS_DATA;
	return bad_input(l, "the stream failed upstream: %s",
	    c->message ? shown_cut((struct slice){c->message, strlen(c->message)}, 4 * SHOWN_MAX)
		       : "no reason given");
}

static int
on_control(struct load *l, const char *p, size_t n)
{
	struct control c;
	const char *err;
	int r;

	if (control_parse(&c, p, n, &err) < 0)
		r = bad_input(l, "%s", err);
	else if (l->o->stream && c.stream && !stream_within(c.stream, l->o->stream))
		r = bad_input(l, "stream \"%s\" where --stream %s was to come", shown(c.stream),
		    l->o->stream);
	else if (l->ended && c.kind != CONTROL_BEGIN && c.kind != CONTROL_OTHER)
		r = bad_input(l, "a line after the end of the stream");
	else if (c.kind == CONTROL_BEGIN)
		r = on_begin(l, &c, p, n);
	else if (c.kind == CONTROL_SCHEMA)
		r = apply_line(&l->apply, l->lines.lineno, p, n);
	else if (c.kind == CONTROL_CHECKPOINT)
		r = on_checkpoint(l, &c, p, n);
	else if (c.kind == CONTROL_END)
		r = on_end(l, &c, p, n);
	else if (c.kind == CONTROL_ERROR)
		r = on_error(l, &c, p, n);
	else
		r = 0; /* of the future: nothing to do with it here */
	control_release(&c);
	return r;
}

static int
on_line(struct load *l, const char *p, size_t n)
{
	if (line_kind(p, n) == LINE_CONTROL)
		return on_control(l, p, n);
	if (l->ended)
		return bad_input(l, "a record after the end of the stream");
	l->life->records++;
	return apply_line(&l->apply, l->lines.lineno, p, n);
}

/* A byte order mark and nothing else. */
static int
mark_alone(struct load *l)
{
	l->life->records++;
	row_bad(l->sink, "a byte order mark, and no record");
	return apply_reject(&l->apply, l->lines.lineno, "", 0);
}

static int
too_long(struct load *l)
{
	l->life->records++;
	row_bad(l->sink, "a line longer than --max-record");
	return apply_reject(&l->apply, l->lines.lineno, NULL, 0);
}

static int
end_of_input(struct load *l)
{
	const char *awaited = l->o->stream ? l->o->stream : getenv("CS_STREAM");
	int r;

	if (l->life->begun && !l->ended) {
		warnx("stdin: stream \"%s\" stopped without an end line: nothing after its last "
		      "checkpoint is kept",
		    shown(l->life->stream));
		return CS_DATA;
	}
	if (l->ended)
		return 0;
	if (l->o->strict) {
		warnx("stdin: no stream began: the stage before this one failed (--strict)");
		return CS_DATA;
	}
	if (l->lines.lineno == 0 && awaited && !l->o->allow_empty) {
		warnx("stdin: nothing came of stream \"%s\", not even its beginning: the stage "
		      "before this one failed (--allow-empty if it may say nothing)",
		    shown(awaited));
		return CS_DATA;
	}
	r = apply_end(&l->apply, true);
	l->in->complete = r == 0;
	return r;
}

static int
read_all(struct load *l)
{
	const char *p;
	size_t n;
	int r = 0;

	while (r == 0)
		switch (lines_next(&l->lines, &p, &n)) {
		case LINES_OK:
			r = n ? on_line(l, p, n) : mark_alone(l);
			break;
		case LINES_TOOLONG:
			r = too_long(l);
			break;
		case LINES_EOF:
			return end_of_input(l);
		case LINES_STOP:
			return l->status;
		default:
			warn("stdin");
			r = CS_IO;
		}
	return r;
}

/*
 * The input is wrong from here on (status says how): go back to the last
 * checkpoint, and make that durable. When the database itself has failed, nothing can be done with it.
 */
static int
salvage(struct load *l, int status)
{
	int r;

	if (status == CS_IO || status == CS_LATER || status == CS_FENCED || status == CS_AUTH ||
	    status == CS_REFUSED)
		return status;
	r = apply_salvage(&l->apply);
	if (r)
		return r;
	if (l->error.len && !l->o->dry_run)
		out_write(&l->in->out, l->error.p, l->error.len);
	return l->upstream ? l->upstream : status;
}

int
input_load(struct input *in, const struct opts *o, struct sink *sink)
{
	struct load l = {.o = o, .sink = sink, .in = in, .life = &in->life};
	int r, closed;

	lines_open(&l.lines, STDIN_FILENO, "stdin", o->max_record);
	l.lines.idle = idle;
	l.lines.arg = &l;
	out_open(&in->out, STDOUT_FILENO);
	r = apply_open(&l.apply, o, sink, in);
	if (r == 0)
		r = read_all(&l);
	if (r)
		r = salvage(&l, r);
	closed = apply_close(&l.apply);
	lines_close(&l.lines);
	buf_release(&l.error);
	return closed ? closed : r;
}

int
input_close(struct input *in)
{
	bool told = in->out.error; /* and printed, then */
	int r = 0;

	if (out_close(&in->out) < 0 && !told) {
		warn("stdout");
		r = CS_IO;
	}
	free(in->life.stream);
	free(in->life.run);
	buf_release(&in->life.from);
	return r;
}
