#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "input.h"
#include "lines.h"
#include "reject.h"
#include "show.h"
#include "spool.h"
#include "stats.h"

/* A transaction ends at the first checkpoint beyond these. Small ones cost: every commit rewrites
 * the pages of a random key's index; large ones make other writers wait. */
#define TX_BYTES   (64u << 20)
#define TX_SECONDS 5

#define U(x) ((unsigned long long)(x))

struct load {
	const struct opts *o;
	struct sink *sink;
	struct input *in;
	struct life *life;
	struct lines lines;
	struct spool spool;
	struct reject reject;
	struct scan scan;
	struct tag tag;
	struct buf acks; /* checkpoint lines that wait for the commit */
	uint64_t nacks;
	struct buf error;   /* the error line, which goes out last */
	int upstream;       /* the status it names */
	bool direct;        /* stdin never blocks: no spool */
	bool open;          /* a batch is */
	bool ended;         /* the stream has, and no other has begun */
	uint64_t spooled;   /* bytes of lines in the spool */
	uint64_t bytes;     /* of records since the transaction began */
	time_t since;       /* when that was; 0: none is open */
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

static int
one_row(struct load *l, const char *p, size_t n)
{
	struct row row = {.p = p, .n = n, .op = OP_UPSERT, .scan = &l->scan};

	switch (line_kind(p, n)) {
	case LINE_BAD:
		return row_bad(l->sink, "\"@cs\" is neither an object nor a string");
	case LINE_TAGGED:
		if (tag_parse(&l->tag, &l->scan, p, n) < 0)
			return row_end(l->sink, &row, -1);
		row.tag = &l->tag;
		row.op = l->tag.op;
		row.table = l->tag.table;
		break;
	default:
		scan_init(&l->scan, p, n);
		if (scan_type(&l->scan) > 0 && *l->scan.p != '{') {
			struct value v;

			return row_end(l->sink, &row, scan_value(&l->scan, &v))
				   ? ROW_BAD
				   : row_bad(l->sink, "a record is an object");
		}
		if (scan_enter(&l->scan) < 0)
			return row_end(l->sink, &row, -1);
	}
	return l->sink->row(l->sink, &row);
}

static int
reject(struct load *l, uint64_t lineno, const char *p, size_t n)
{
	int r = reject_line(&l->reject, lineno, l->sink->why.p, p, n);

	if (r == 0) {
		l->sink->counts.rejected++;
		l->life->rejected++;
	}
	return r;
}

static int
schema(struct load *l, uint64_t lineno, const char *p, size_t n)
{
	struct control c;
	struct decl *d;
	const char *err;
	char *why = NULL;
	int r = CS_DATA;

	if (control_parse(&c, p, n, &err) < 0) {
		warnx("stdin:%llu: %s", U(lineno), err);
	} else if (schema_line(&d, &c, &why) < 0) {
		warnx("stdin:%llu: %s", U(lineno), why);
	} else {
		r = l->sink->declare(l->sink, d);
		if (r == ROW_BAD) {
			warnx("stdin:%llu: %s", U(lineno), l->sink->why.p);
			r = CS_DATA;
		}
	}
	free(why);
	control_release(&c);
	return r;
}

/* A record or a schema line, inside a batch. */
static int
apply(struct load *l, uint64_t lineno, const char *p, size_t n)
{
	int r;

	l->bytes += n;
	l->sink->ahead -= n < l->sink->ahead ? n : l->sink->ahead;
	if (line_kind(p, n) == LINE_CONTROL)
		return schema(l, lineno, p, n);
	l->sink->bytes += n;
	l->sink->records++;
	r = one_row(l, p, n);
	return r == ROW_BAD ? reject(l, lineno, p, n) : r;
}

static int
open_batch(struct load *l)
{
	int r;

	if (l->open)
		return 0;
	r = l->sink->batch(l->sink);
	if (r)
		return r;
	l->open = true;
	if (!l->since) {
		l->since = time(NULL);
		l->bytes = 0;
	}
	return 0;
}

/* Apply what was spooled. */
static int
drain(struct load *l)
{
	const char *p;
	size_t n;
	uint64_t lineno;
	int got = LINES_EOF, r = spool_rewind(&l->spool);

	l->sink->ahead = l->spooled;
	l->spooled = 0;
	while (r == 0 && (got = spool_next(&l->spool, &p, &n, &lineno)) == LINES_OK)
		r = apply(l, lineno, p, n);
	if (r == 0 && got != LINES_EOF) {
		warn("temporary file");
		r = CS_IO;
	}
	return r ? r : spool_clear(&l->spool);
}

static int
take(struct load *l, const char *p, size_t n)
{
	int r;

	if (!l->direct) {
		l->spooled += n;
		return spool_add(&l->spool, l->lines.lineno, p, n);
	}
	r = open_batch(l);
	return r ? r : apply(l, l->lines.lineno, p, n);
}

/* A batch with every record so far in it. */
static int
gather(struct load *l)
{
	int r = open_batch(l);

	return r || l->direct ? r : drain(l);
}

/* The batch is good; c is the checkpoint that says so, or NULL. */
static int
keep(struct load *l, const struct control *c)
{
	int r = l->sink->keep(l->sink, c);

	l->open = r != 0;
	return r;
}

/* Make what is kept durable, then acknowledge it. */
static int
commit(struct load *l)
{
	int r;

	if (!l->since || l->open)
		return 0; /* nothing kept, so nothing to acknowledge */
	r = reject_sync(&l->reject);
	if (r == 0)
		r = l->sink->commit(l->sink);
	if (r)
		return r;
	l->since = 0;
	if (l->o->dry_run)
		return 0;
	if (l->acks.len)
		out_write(&l->in->out, l->acks.p, l->acks.len);
	l->in->checkpoints += l->nacks;
	l->nacks = 0;
	buf_clear(&l->acks);
	if (out_flush(&l->in->out) < 0) {
		warn("stdout");
		return CS_IO;
	}
	return 0;
}

/* The last batch of a stream that ended well. */
static int
close_stream(struct load *l, bool complete)
{
	int r = gather(l);

	if (r == 0)
		r = l->sink->finish(l->sink, complete);
	if (r == 0)
		r = keep(l, NULL);
	return r ? r : commit(l);
}

/* Input would have to wait: let others have the database meanwhile. */
static int
idle(void *arg)
{
	struct load *l = arg;

	if (l->sink->lazy)
		return 0;
	l->status = commit(l);
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
on_begin(struct load *l, const struct control *c)
{
	struct life *life = l->life;

	if (life->begun && !l->ended)
		return bad_input(l, "stream \"%s\" begins before \"%s\" has ended",
		    shown(c->stream), shown(life->stream));
	if (!life->begun && life->records)
		return bad_input(
		    l, "records before the begin line of stream \"%s\"", shown(c->stream));
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
	if (!c->stream && (l->life->stream || l->o->stream))
		c->stream = xstrdup(l->life->stream ? l->life->stream : l->o->stream);
	if (!c->run && l->life->run)
		c->run = xstrdup(l->life->run);
	if (!c->stream)
		return bad_input(l, "a checkpoint that names no stream (--stream gives it one)");
	if (l->o->dry_run)
		return 0; /* all of it is one batch, which is taken back */
	r = gather(l);
	if (r == 0)
		r = keep(l, c);
	if (r)
		return r;
	buf_add(&l->acks, p, n);
	buf_addc(&l->acks, '\n');
	l->nacks++;
	if (!l->sink->lazy && (l->bytes > TX_BYTES || time(NULL) - l->since > TX_SECONDS))
		return commit(l);
	return 0;
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
	buf_add(&b, p, n - 1);
	buf_adds(&b, ",\"counts\":");
	counts_json(&b, &d);
	buf_addc(&b, '}');
	out_line(&l->in->out, b.p, b.len);
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
		r = close_stream(l, c->complete);
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
	else if (l->o->stream && c.stream && strcmp(c.stream, l->o->stream) != 0)
		r = bad_input(l, "stream \"%s\" where --stream %s was to come", shown(c.stream),
		    l->o->stream);
	else if (l->ended && c.kind != CONTROL_BEGIN && c.kind != CONTROL_OTHER)
		r = bad_input(l, "a line after the end of the stream");
	else if (c.kind == CONTROL_BEGIN)
		r = on_begin(l, &c);
	else if (c.kind == CONTROL_SCHEMA)
		r = take(l, p, n);
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
	return take(l, p, n);
}

/* A byte order mark and nothing else. */
static int
mark_alone(struct load *l)
{
	l->life->records++;
	row_bad(l->sink, "a byte order mark, and no record");
	return reject(l, l->lines.lineno, "", 0);
}

static int
too_long(struct load *l)
{
	l->life->records++;
	row_bad(l->sink, "a line longer than --max-record");
	return reject(l, l->lines.lineno, NULL, 0);
}

static int
end_of_input(struct load *l)
{
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
	r = close_stream(l, true);
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
	int r = 0;

	if (status == CS_IO || status == CS_LATER)
		return status;
	if (l->sink->whole)
		l->since = 0; /* all or nothing, so nothing */
	else if (l->open) {
		r = l->sink->drop(l->sink);
	}
	l->open = false;
	if (r == 0)
		r = commit(l);
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
	struct stat st;
	int r;

	lines_open(&l.lines, STDIN_FILENO, "stdin", o->max_record);
	l.lines.idle = idle;
	l.lines.arg = &l;
	l.direct = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	sink->ahead = l.direct ? (uint64_t)st.st_size : 0;
	spool_init(&l.spool, o->max_record);
	out_open(&in->out, STDOUT_FILENO);
	r = reject_open(&l.reject, o->rejects && o->dry_run ? "/dev/null" : o->rejects, "stdin",
	    o->max_rejects);
	if (r == 0)
		r = read_all(&l);
	if (r)
		r = salvage(&l, r);
	if (reject_close(&l.reject))
		r = CS_IO;
	spool_release(&l.spool);
	lines_close(&l.lines);
	scan_release(&l.scan);
	tag_release(&l.tag);
	buf_release(&l.acks);
	buf_release(&l.error);
	return r;
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
