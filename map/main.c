/*
 * cs-map: reshape NDJSON records between a producer and a loader.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "export.h"
#include "file.h"
#include "lines.h"
#include "pool.h"
#include "reject.h"
#include "sandbox.h"

struct run {
	const struct opts *o;
	struct lines in;
	struct out out;
	struct reject reject;
	struct records records;
	struct pool *pool;         /* where programs run; NULL: there are none */
	uint64_t lineno;           /* of the line at hand */
	struct bridge bridge;      /* --from */
	struct export export;      /* --to */
	struct buf line;           /* a control line, rewritten */
	uint64_t passed, rejected; /* records and lines since begin */
	uint64_t lines, all;       /* with records: read, and written */
	bool open;                 /* begun and not ended */
	int status;                /* why reading stopped */
};

/* No input is waiting. */
static int
flush(void *arg)
{
	struct run *r = arg;

	r->status = r->pool ? pool_wait(r->pool, r->in.fd) : 0;
	return out_flush(&r->out) < 0 || r->status ? -1 : 0;
}

static int
refuse(struct run *r, const char *reason, const char *p, size_t n)
{
	int status = reject_line(&r->reject, r->lineno, reason, p, n);

	r->rejected += !status;
	return status;
}

/* Let a checkpoint or an end tell what was let through here, and what was set aside. */
static void
recount(struct run *r, const char *p, size_t n, int64_t rejected)
{
	struct value v = {0}, records = {0}, aside = {0};
	const char *end = p + n;
	struct scan s = {0};
	struct slice key;
	struct buf *b = &r->line;
	uint64_t count;

	scan_init(&s, p, n);
	scan_enter(&s);
	while (scan_key(&s, &key) > 0) {
		struct value *to = slice_is(key, "records")    ? &records
				   : slice_is(key, "rejected") ? &aside
							       : &v;
		scan_value(&s, to);
	}
	buf_clear(b);
	for (int i = 0; i < 2; i++) {
		bool earlier = records.p < aside.p;
		const struct value *at = earlier == (i == 0) ? &records : &aside;

		if (!at->p || (at == &aside && !r->rejected))
			continue;
		count = at == &records ? r->passed : (uint64_t)rejected + r->rejected;
		buf_add(b, p, (size_t)(at->p - p));
		buf_addf(b, "%llu", (unsigned long long)count);
		p = at->p + at->n;
	}
	if (!aside.p && r->rejected) {
		buf_add(b, p, (size_t)(s.p - 1 - p));
		buf_addf(b, ",\"rejected\":%llu", (unsigned long long)r->rejected);
		p = s.p - 1;
	}
	buf_add(b, p, (size_t)(end - p));
	scan_release(&s);
}

/* What --to made of the lines so far. */
static void
send_messages(struct run *r)
{
	out_write(&r->out, r->export.out.p, r->export.out.len);
	buf_clear(&r->export.out);
}

/* A control line is said in messages; nobody behind them hears of an error but by the status. 0 or that. */
static int export(struct run *r, const struct control *c)
{
	export_control(&r->export, c);
	send_messages(r);
	out_flush(&r->out);
	if (c->kind != CONTROL_ERROR)
		return 0;
	warnx("%s:%llu: the stream failed upstream: %s", r->in.name, (unsigned long long)r->lineno,
	    c->message ? c->message : "no reason given");
	return c->code > 0 && c->code < 126 ? (int)c->code : CS_DATA;
}

/* Pass a control line on, at once. 0 or a CS_ status. */
static int
control(struct run *r, const char *p, size_t n)
{
	struct control c;
	const char *why;
	int status = 0;

	if (control_parse(&c, p, n, &why) < 0) {
		warnx("%s:%llu: %s", r->in.name, (unsigned long long)r->lineno, why);
		control_release(&c);
		return CS_DATA;
	}
	if (c.kind == CONTROL_BEGIN) {
		r->passed = r->rejected = 0;
		r->open = true;
	} else if (c.kind == CONTROL_END || c.kind == CONTROL_ERROR) {
		r->open = false;
	}
	if (c.kind == CONTROL_CHECKPOINT || c.kind == CONTROL_END) {
		/* Whoever stores it must find the rejects on disk. */
		status = reject_sync(&r->reject);
		recount(r, p, n, c.rejected);
		p = r->line.p;
		n = r->line.len;
	}
	if (!status && r->o->to) {
		status = export(r, &c);
	} else if (!status) {
		out_line(&r->out, p, n);
		out_flush(&r->out);
	}
	control_release(&c);
	return status;
}

/* The lines that a record became, as messages. 0 or -1. */
static int
export_records(struct run *r)
{
	const char *p = r->records.out.p, *end = p + r->records.out.len, *nl, *why;
	struct control c;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (line_kind(p, (size_t)(nl - p)) ==
		    LINE_CONTROL) { /* declares a table of --child */
			if (control_parse(&c, p, (size_t)(nl - p), &why) == 0)
				export_control(&r->export, &c);
			control_release(&c);
			continue;
		}
		if (export_record(&r->export, p, (size_t)(nl - p)) < 0) {
			buf_clear(&r->export.out);
			return -1;
		}
	}
	send_messages(r);
	return 0;
}

/* A line through the rules; v: what the programs say of it. 0 or a CS_ status. */
static int
record(struct run *r, const char *p, size_t n, const char **v)
{
	struct records *rec = &r->records;

	r->lines++;
	if ((v ? records_follow(rec, p, n, v) : records_map(rec, p, n)) < 0)
		return refuse(r, rec->err.p, p, n);
	if (rec->n && r->o->to && export_records(r) < 0)
		return refuse(r, r->export.err, p, n);
	if (rec->n && !r->o->to)
		out_write(&r->out, rec->out.p, rec->out.len);
	r->passed += rec->n;
	r->all += rec->n;
	return 0;
}

/* A line that comes back from the pool. */
static int
judged(void *arg, struct pool_line *line)
{
	struct run *r = arg;

	if (!line)
		return out_flush(&r->out) < 0 ? CS_IO : 0;
	r->lineno = line->lineno;
	if (line->judged)
		return record(r, line->p, line->n, &line->v);
	if (!line->why)
		return control(r, line->p, line->n);
	r->lines++;
	return refuse(r, line->why, line->p, line->n);
}

/* Lines before this one come first. */
static int
settle(struct run *r)
{
	int status = r->pool ? pool_drain(r->pool) : 0;

	r->lineno = r->in.lineno;
	return status;
}

/* One line. 0 or a CS_ status. */
static int
line(struct run *r, const char *p, size_t n)
{
	bool is_control = line_kind(p, n) == LINE_CONTROL;

	r->lineno = r->in.lineno;
	if (r->pool)
		return pool_add(r->pool, r->lineno, p, n, !is_control);
	return is_control ? control(r, p, n) : record(r, p, n, NULL);
}

/* The lines that a foreign message became. 0 or a CS_ status. */
static int
bridged(struct run *r)
{
	const char *p = r->bridge.out.p, *end = p + r->bridge.out.len, *nl;
	int status = 0;

	for (; status == 0 && p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		status = line(r, p, (size_t)(nl - p));
	}
	return status;
}

static int
foreign(struct run *r, const char *p, size_t n)
{
	int bad = bridge_line(&r->bridge, p, n), status;

	if (bad == 0)
		return bridged(r);
	status = settle(r);
	if (status)
		return status;
	if (bad == BRIDGE_REFUSED)
		return refuse(r, r->bridge.err.p, p, n);
	warnx("%s:%llu: %s", r->in.name, (unsigned long long)r->lineno, r->bridge.err.p);
	return bad;
}

/* All lines. 0 or a CS_ status. */
static int
lines(struct run *r)
{
	const char *p;
	size_t n;
	int got, status = 0;

	while (!status && !r->out.error && (got = lines_next(&r->in, &p, &n)) != LINES_EOF) {
		switch (got) {
		case LINES_OK:
			status = r->o->from ? foreign(r, p, n) : line(r, p, n);
			break;
		case LINES_TOOLONG:
			status = settle(r);
			if (!status)
				status = refuse(r, "longer than --max-record", NULL, 0);
			break;
		case LINES_ERROR:
			warn("%s", r->in.name);
			status = settle(r);
			return status ? status : CS_IO;
		default:
			return r
			    ->status; /* flush() failed; of stdout it is seen when that is closed */
		}
	}
	if (!status && !r->out.error && r->o->from) {
		bridge_end(&r->bridge);
		status = bridged(r);
	}
	if (!status && !r->out.error)
		status = settle(r);
	if (!status && !r->out.error && r->open) {
		warnx("%s: the stream breaks off: a \"begin\" without an \"end\"", r->in.name);
		status = CS_DATA;
	}
	return status;
}

/*
 * Tell the next in the pipe that this is not all. A shell asks only the last program how
 * it went, and input without a begin line looks complete wherever it ends.
 */
static bool
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void
give_up(int fd, int code)
{
	struct buf b = {0};

	if (is_pipe(fd)) {
		stream_error(&b, getenv("CS_STREAM"), code, "cs-map gave up", NULL);
		(void)write_all(fd, b.p, b.len); /* whoever does not read it has gone */
	}
	buf_release(&b);
}

static volatile sig_atomic_t started; /* or has nothing to do */

/* Some programs make libjq 1.6 abort or divide by zero, and so does having no memory. */
static void
crashed(int sig)
{
	static const char line[] =
	    "\n{\"@cs\":\"error\",\"code\":65,\"message\":\"a program crashed cs-map\"}\n";
	static const char early[] =
	    "cs-map: libjq ended while the program was compiled: is there too little memory?\n";

	if (!started &&
	    sig == SIGABRT) { /* nothing was read, and never_started() cannot run here */
		static const char gave_up[] =
		    "{\"@cs\":\"error\",\"code\":74,\"message\":\"cs-map gave up\"}\n";

		(void)!write(STDERR_FILENO, early, sizeof early - 1);
		if (is_pipe(STDOUT_FILENO))
			(void)!write(STDOUT_FILENO, gave_up, sizeof gave_up - 1);
		_exit(CS_IO);
	}
	if (is_pipe(STDOUT_FILENO))
		(void)!write(STDOUT_FILENO, line, sizeof line - 1);
	raise(sig); /* SA_RESETHAND: this time for good */
}

static void
catch_crashes(void)
{
	struct sigaction sa = {.sa_handler = crashed, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGABRT, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

/* At exit: the command line or a file it names was no good. */
static void
never_started(void)
{
	if (!started)
		give_up(STDOUT_FILENO, CS_USAGE);
}

/* All that is read is open, and programs are compiled. */
static void
sandbox(const struct opts *o)
{
	char *dirs[SANDBOX_DIRS] = {sandbox_dir(o->schema_out)};

	if (o->no_sandbox)
		return;
	tzset(); /* reads a file */
	sandbox_enter(dirs);
	free(dirs[0]);
}

/* What came before a failure is good: let it go. The worst status wins. */
static int
finish(struct run *r, int status)
{
	uint64_t aside = r->reject.count;
	const char *unmet;

	if (status && out_flush(&r->out) == 0 && !r->o->to)
		give_up(r->out.fd, status);
	if (!status && r->o->schema_out && out_flush(&r->out) == 0 &&
	    schema_write(r->records.schema, r->o->schema_out) < 0)
		status = CS_IO;
	if (out_close(&r->out) < 0) {
		warn("stdout");
		status = CS_IO;
	}
	if (reject_close(&r->reject))
		status = CS_IO;
	if (r->o->verbose)
		warnx("%llu records in, %llu out", (unsigned long long)r->lines,
		    (unsigned long long)r->all);
	if (!status && r->all && !r->o->quiet)
		for (size_t i = 0; (unmet = rules_unmet(&r->o->rules, &i));)
			warnx("no record had a column %s to hide", unmet);
	if (aside && !r->o->quiet)
		warnx("%llu records set aside in %s", (unsigned long long)aside, r->o->rejects);
	if (!status && aside)
		status = CS_SOME;
	return status;
}

static void
rename_key(void *arg, struct slice key, struct buf *out)
{
	records_name(arg, key, out);
}

int
main(int argc, char **argv)
{
	static struct opts o; /* lives until exit, and what it points to */
	struct run r = {.o = &o};
	int status;

	atexit(never_started);
	catch_crashes();
	file_limit_fails();
	opts_parse(&o, argc, argv);
	records_init(&r.records, &o);
	r.bridge = (struct bridge){.from = o.from,
	    .stream = o.stream,
	    .bare = o.rules.filter || !rules_none(&o.rules),
	    .rename = rename_key,
	    .arg = &r.records,
	    .quiet = o.quiet};
	if (o.from)
		bridge_init(&r.bridge);
	r.export = (struct export){.to = o.to, .stream = o.stream};
	if (reject_open(&r.reject, o.rejects, "stdin", o.max_rejects))
		return CS_IO;
	started = true;
	if (records_judged(&r.records))
		r.pool = pool_new(&o.pool, &r.records, judged, &r);
	sandbox(&o);
	lines_open(&r.in, STDIN_FILENO, "stdin", o.max_record);
	r.in.idle = flush;
	r.in.arg = &r;
	out_open(&r.out, STDOUT_FILENO);
	status = finish(&r, lines(&r));
	pool_free(r.pool);
	lines_close(&r.in);
	records_release(&r.records);
	bridge_release(&r.bridge);
	export_release(&r.export);
	buf_release(&r.line);
	return status;
}
