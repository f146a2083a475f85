#include <err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apply.h"
#include "parts.h"

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
sink_row(
    struct sink *s, struct scan *scan, struct tag *tag, uint64_t lineno, const char *p, size_t n)
{
	struct row row = {.lineno = lineno, .p = p, .n = n, .op = OP_UPSERT, .scan = scan};

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
checkpoint(struct apply *a, struct control *c, uint64_t lineno, const char *p, size_t n)
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
	a->kept = lineno;
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
		r = checkpoint(a, &c, lineno, p, n);
	} else {
		r = open_batch(a);
		if (r == 0)
			r = schema(a, lineno, &c);
	}
	control_release(&c);
	return r;
}

/* The sink asks for lines again that were refused before: they are set aside once. */
static int
refuse(void *arg, uint64_t lineno, const char *p, size_t n)
{
	struct apply *a = arg;
	size_t lo = 0, hi = a->nrefused;

	while (lo < hi && a->sink->replays) {
		size_t mid = (lo + hi) / 2;

		if (a->refused[mid] == lineno)
			return 0;
		if (a->refused[mid] < lineno)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (a->sink->replays) {
		a->refused = xreallocarray(a->refused, a->nrefused + 1, sizeof *a->refused);
		memmove(&a->refused[lo + 1], &a->refused[lo],
		    (a->nrefused++ - lo) * sizeof *a->refused);
		a->refused[lo] = lineno;
	}
	return apply_reject(a, lineno, p, n);
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
	a->since++;
	r = sink_row(s, &a->scan, &a->tag, lineno, p, n);
	return r == ROW_BAD ? refuse(a, lineno, p, n) : r;
}

/* Lines up to this one do not come again. */
static void
forget_refused(struct apply *a, uint64_t upto)
{
	size_t n = 0;

	while (n < a->nrefused && a->refused[n] <= upto)
		n++;
	a->nrefused -= n;
	if (n)
		memmove(a->refused, a->refused + n, a->nrefused * sizeof *a->refused);
}

static void
acknowledge(struct apply *a)
{
	struct sink *s = a->sink;

	/* The part comes before the checkpoints that cover it, and they count it. */
	for (size_t at = 0; a->o->parts && at < a->acks.len;) {
		const char *p = a->acks.p + at;
		size_t n = strcspn(p, "\n");

		parts_control(&s->listed, p, n, s->parts);
		at += n + 1;
	}
	if (a->o->parts)
		out_write(&a->in->out, s->listed.p, s->listed.len);
	else
		out_write(&a->in->out, a->acks.p, a->acks.len);
	buf_clear(&s->listed);
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
	forget_refused(a, a->kept);
	a->kept = a->since = 0;
	a->rows = a->bytes = a->first = 0;
	a->last = clock_ms();
	a->took = a->last - begun;
	if (a->o->dry_run)
		return 0;
	acknowledge(a);
	a->in->checkpoints += a->nacks;
	a->nacks = 0;
	buf_clear(&a->acks);
	if (out_flush(out) < 0) {
		warn("stdout");
		return CS_IO;
	}
	return 0;
}

/* Apply what was spooled, up to a line; what comes after it is put into the other spool, unless it is there. */
static int
drain(struct apply *a, uint64_t upto)
{
	struct spool *rest = &a->spools[a->spool == a->spools];
	const char *p;
	size_t n;
	uint64_t lineno;
	int got = LINES_EOF, r = spool_rewind(a->spool);

	a->marked = 0; /* it had its chance */
	if (!a->moved) {
		a->sink->ahead = a->spooled;
		a->spooled = 0;
	}
	while (r == 0 && (got = spool_next(a->spool, &p, &n, &lineno)) == LINES_OK) {
		if (lineno <= a->done)
			continue;
		if (lineno <= upto) {
			r = apply(a, lineno, p, n);
			if (r == 0 && a->kept == lineno && a->limit && a->since >= a->limit) {
				r = commit(a);
				a->done = r == 0 ? lineno : a->done;
			}
		} else if (lineno > a->moved) {
			r = spool_add(rest, lineno, p, n);
			a->moved = lineno;
			a->spooled += n;
		}
	}
	if (r == 0 && got != LINES_EOF) {
		warn("temporary file");
		r = CS_IO;
	}
	return r;
}

/* What was drained has served. */
static int
settle(struct apply *a)
{
	int r = spool_clear(a->spool);

	forget_refused(a, UINT64_MAX);
	a->spool = &a->spools[a->spool == a->spools];
	a->moved = a->done = a->limit = 0;
	return r;
}

/* The sink has lost its transaction: what was in it comes again, in smaller ones where there are checkpoints to end them at. */
static void
forget(struct apply *a)
{
	a->limit = (a->limit ? a->limit : a->since) / 2 + 1;
	a->open = a->tx = false;
	a->kept = a->since = a->nacks = 0;
	buf_clear(&a->acks);
}

/* Apply what was spooled up to a line, 0: nothing, do what end() does, and commit. */
static int
persist(struct apply *a, uint64_t upto, int (*end)(struct apply *))
{
	int r;

	for (;;) {
		r = upto ? drain(a, upto) : 0;
		if (r == 0 && end)
			r = end(a);
		if (r == 0)
			r = commit(a);
		if (r != SINK_AGAIN)
			break;
		forget(a);
	}
	return r == 0 && upto ? settle(a) : r;
}

/* Apply and commit all that a checkpoint covers. */
static int
flush(struct apply *a)
{
	return persist(a, a->marked, NULL);
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
		if (r == 0 && a->sink->lazy)
			r = settle(a);
	}
	return r == 0 && due(a) ? flush(a) : r;
}

static int
end(struct apply *a)
{
	int r = open_batch(a);

	if (r == 0)
		r = a->sink->finish(a->sink, a->complete);
	return r ? r : keep(a, NULL);
}

int
apply_end(struct apply *a, bool complete)
{
	a->complete = complete;
	return persist(a, a->direct ? 0 : UINT64_MAX, end);
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
	uint64_t kept = a->kept;
	int r = 0, dropped = 0;

	if (a->sink->whole) {
		a->open = a->tx = false; /* all or nothing, so nothing */
		return 0;
	}
	if (!a->open && a->marked)
		r = persist(a, a->marked, NULL);
	if (r == CS_IO || r == CS_LATER || r == CS_FENCED)
		return r;
	if (a->open)
		dropped = a->sink->drop(a->sink);
	a->open = false;
	if (dropped == 0)
		dropped = commit(a);
	if (dropped == SINK_AGAIN) {
		forget(a);
		dropped = persist(a, kept, NULL);
	}
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
	a->direct = !sink->replays && fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	sink->refuse = refuse;
	sink->arg = a;
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
	free(a->refused);
	return r;
}
