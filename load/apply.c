#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply.h"

#define U(x)  ((unsigned long long)(x))
#define TENTH 10   /* a commit may take this part of the time */
#define LOOK  1024 /* rows between looks at the clock */

uint64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + 1;
}

int
sink_row(struct sink *s, struct scan *scan, struct tag *tag, const char *p, size_t n)
{
	struct row row = {.p = p, .n = n, .op = OP_UPSERT, .scan = scan};

	switch (line_kind(p, n)) {
	case LINE_BAD:
		return row_bad(s, "\"@cs\" is neither an object nor a string");
	case LINE_TAGGED:
		if (tag_parse(tag, scan, p, n) < 0)
			return row_end(s, &row, -1);
		row.tag = tag;
		row.op = tag->op;
		row.table = tag->table;
		break;
	default:
		scan_init(scan, p, n);
		if (scan_type(scan) > 0 && *scan->p != '{') {
			struct value v;

			return row_end(s, &row, scan_value(scan, &v))
				   ? ROW_BAD
				   : row_bad(s, "a record is an object");
		}
		if (scan_enter(scan) < 0)
			return row_end(s, &row, -1);
	}
	return s->row(s, &row);
}

int
apply_reject(struct apply *a, uint64_t lineno, const char *p, size_t n)
{
	int r = reject_line(&a->reject, lineno, a->sink->why.p, p, n);

	if (r == 0) {
		a->sink->counts.rejected++;
		a->in->life.rejected++;
	}
	return r;
}

static int
schema(struct apply *a, uint64_t lineno, const struct control *c)
{
	struct decl *d;
	char *why = NULL;
	int r = CS_DATA;

	if (schema_line(&d, c, &why) < 0) {
		warnx("stdin:%llu: %s", U(lineno), why);
	} else {
		r = a->sink->declare(a->sink, d);
		if (r == ROW_BAD) {
			warnx("stdin:%llu: %s", U(lineno), a->sink->why.p);
			r = CS_DATA;
		}
	}
	free(why);
	return r;
}

static int
open_batch(struct apply *a)
{
	int r;

	if (a->open)
		return 0;
	r = a->sink->batch(a->sink);
	a->open = r == 0;
	return r;
}

/* The batch is good; c is the checkpoint that says so, or NULL. */
static int
keep(struct apply *a, const struct control *c)
{
	int r = a->sink->keep(a->sink, c);

	a->open = r != 0;
	a->tx |= r == 0;
	return r;
}

static int
checkpoint(struct apply *a, struct control *c, const char *p, size_t n)
{
	int r = open_batch(a);

	apply_names(a, c);
	if (r == 0)
		r = keep(a, c);
	if (r)
		return r;
	buf_add(&a->acks, p, n);
	buf_addc(&a->acks, '\n');
	a->nacks++;
	return 0;
}

static int
control(struct apply *a, uint64_t lineno, const char *p, size_t n)
{
	struct control c;
	const char *err;
	int r;

	if (control_parse(&c, p, n, &err) < 0) {
		warnx("stdin:%llu: %s", U(lineno), err);
		r = CS_DATA;
	} else if (c.kind == CONTROL_CHECKPOINT) {
		r = checkpoint(a, &c, p, n);
	} else {
		r = open_batch(a);
		if (r == 0)
			r = schema(a, lineno, &c);
	}
	control_release(&c);
	return r;
}

/* Have a line's effect. */
static int
apply(struct apply *a, uint64_t lineno, const char *p, size_t n)
{
	struct sink *s = a->sink;
	int r;

	s->ahead -= n < s->ahead ? n : s->ahead;
	if (line_kind(p, n) == LINE_CONTROL)
		return control(a, lineno, p, n);
	r = open_batch(a);
	if (r)
		return r;
	s->bytes += n;
	s->records++;
	r = sink_row(s, &a->scan, &a->tag, p, n);
	return r == ROW_BAD ? apply_reject(a, lineno, p, n) : r;
}

/* Apply what was spooled, up to a line; what comes after it stays. */
static int
drain(struct apply *a, uint64_t upto)
{
	struct spool *rest = &a->spools[a->spool == a->spools];
	const char *p;
	size_t n;
	uint64_t lineno;
	int got = LINES_EOF, r = spool_rewind(a->spool);

	a->sink->ahead = a->spooled;
	a->spooled = a->marked = 0;
	while (r == 0 && (got = spool_next(a->spool, &p, &n, &lineno)) == LINES_OK) {
		if (lineno <= upto) {
			r = apply(a, lineno, p, n);
		} else {
			r = spool_add(rest, lineno, p, n);
			a->spooled += n;
		}
	}
	if (r == 0 && got != LINES_EOF) {
		warn("temporary file");
		r = CS_IO;
	}
	if (r == 0)
		r = spool_clear(a->spool);
	a->spool = rest;
	return r;
}

/* Make what is kept durable, then acknowledge it. */
static int
commit(struct apply *a)
{
	struct out *out = &a->in->out;
	uint64_t begun = clock_ms();
	int r;

	if (!a->tx || a->open)
		return 0; /* nothing kept, so nothing to acknowledge */
	r = reject_sync(&a->reject);
	if (r == 0)
		r = a->sink->commit(a->sink);
	if (r)
		return r;
	a->tx = false;
	a->rows = a->bytes = a->first = 0;
	a->last = clock_ms();
	a->took = a->last - begun;
	if (a->o->dry_run)
		return 0;
	if (a->acks.len)
		out_write(out, a->acks.p, a->acks.len);
	a->in->checkpoints += a->nacks;
	a->nacks = 0;
	buf_clear(&a->acks);
	if (out_flush(out) < 0) {
		warn("stdout");
		return CS_IO;
	}
	return 0;
}

/* Apply and commit all that a checkpoint covers. */
static int
flush(struct apply *a)
{
	int r = a->marked ? drain(a, a->marked) : 0;

	return r ? r : commit(a);
}

static bool
due(const struct apply *a)
{
	const struct opts *o = a->o;

	return !a->sink->lazy && a->first &&
	       (a->bytes >= o->commit_bytes || a->rows >= o->commit_rows ||
		   clock_ms() - a->first >= o->commit_ms);
}

int
apply_line(struct apply *a, uint64_t lineno, const char *p, size_t n)
{
	int r;

	if (!a->first)
		a->first = clock_ms();
	a->bytes += n;
	if (++a->rows % LOOK == 0 && a->marked && due(a) && (r = flush(a)))
		return r;
	if (a->direct)
		return apply(a, lineno, p, n);
	a->spooled += n;
	return spool_add(a->spool, lineno, p, n);
}

int
apply_checkpoint(struct apply *a, uint64_t lineno, const char *p, size_t n)
{
	int r;

	if (a->o->dry_run)
		return 0; /* all of it is one batch, which is taken back */
	if (!a->first)
		a->first = clock_ms();
	if (a->direct) {
		r = apply(a, lineno, p, n);
	} else {
		r = spool_add(a->spool, lineno, p, n);
		a->marked = lineno;
		if (r == 0 && a->sink->lazy)
			r = drain(a, lineno);
	}
	return r == 0 && due(a) ? flush(a) : r;
}

int
apply_end(struct apply *a, bool complete)
{
	int r = a->direct ? 0 : drain(a, UINT64_MAX);

	if (r == 0)
		r = open_batch(a);
	if (r == 0)
		r = a->sink->finish(a->sink, complete);
	if (r == 0)
		r = keep(a, NULL);
	return r ? r : commit(a);
}

int
apply_idle(struct apply *a, int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint64_t at = a->last + a->took * TENTH, latest = a->first + a->o->commit_ms, now;

	if (a->sink->lazy || a->o->bulk || (!a->tx && !a->marked))
		return 0;
	now = clock_ms();
	at = at < latest ? at : latest;
	if (at > now && poll(&pfd, 1, at - now < INT32_MAX ? (int)(at - now) : INT32_MAX) > 0)
		return 0;
	return flush(a);
}

int
apply_salvage(struct apply *a)
{
	int r = 0, dropped = 0;

	if (a->sink->whole) {
		a->open = a->tx = false; /* all or nothing, so nothing */
		return 0;
	}
	if (!a->open && a->marked)
		r = drain(a, a->marked);
	if (r == CS_IO || r == CS_LATER)
		return r;
	if (a->open)
		dropped = a->sink->drop(a->sink);
	a->open = false;
	if (dropped == 0)
		dropped = commit(a);
	return dropped ? dropped : r;
}

void
apply_names(const struct apply *a, struct control *c)
{
	const struct life *life = &a->in->life;

	if (!c->stream && (life->stream || a->o->stream))
		c->stream = xstrdup(life->stream ? life->stream : a->o->stream);
	if (!c->run && life->run)
		c->run = xstrdup(life->run);
}

int
apply_open(struct apply *a, const struct opts *o, struct sink *sink, struct input *in)
{
	struct stat st;

	memset(a, 0, sizeof *a);
	a->o = o;
	a->sink = sink;
	a->in = in;
	a->direct = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	sink->ahead = a->direct ? (uint64_t)st.st_size : 0;
	a->spool = a->spools;
	spool_init(&a->spools[0], o->max_record);
	spool_init(&a->spools[1], o->max_record);
	return reject_open(&a->reject, o->rejects && o->dry_run ? "/dev/null" : o->rejects, "stdin",
	    o->max_rejects);
}

int
apply_close(struct apply *a)
{
	int r = reject_close(&a->reject) ? CS_IO : 0;

	spool_release(&a->spools[0]);
	spool_release(&a->spools[1]);
	scan_release(&a->scan);
	tag_release(&a->tag);
	buf_release(&a->acks);
	return r;
}
