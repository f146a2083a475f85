#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acks.h"
#include "child.h"
#include "instant.h"
#include "lease.h"
#include "state.h"
#include "stream.h"
#include "when.h"

#define RETRY   1000        /* ms between two tries to renew the lease */
#define ENV_MAX (64u << 10) /* bytes of state in the environment; Linux allows 128 KiB a variable */

struct run {
	struct store *store;
	const struct opts *o;
	struct state_row from; /* what the run starts from; version 0: nothing */
	struct run_rows past;
	struct run_row row;
	struct acks acks;
	struct child child;
	struct out out;
	char *state_file, *parts_file; /* or NULL */
	struct lease lease;
	int status; /* why we ended the run, or 0 */
	bool mute;  /* the store cannot be reached to record it */
	char id[RUN_ID_LEN + 1];
};

/* Read what is stored. CS_OK or the status to exit with. */
static int
look(struct run *r)
{
	int status = store_get(r->store, r->o->stream, &r->from);

	if (status == CS_OK || status == CS_SOME)
		status = store_runs(r->store, r->o->stream, &r->past);
	return status;
}

/*
 * Is it too early for another run? Says so. A last run that lies in the future counts for
 * nothing.
 */
static bool
not_due(const struct run *r)
{
	struct buf b = {0};
	int64_t age, now = when_now();
	size_t i = 0;

	while (i < r->past.n && !r->past.row[i].done)
		i++;
	if (i == r->past.n || r->o->every == 0)
		return false;
	age = now - when_parse(r->past.row[i].started_at);
	if (age < 0 || (uint64_t)age >= r->o->every)
		return false;
	if (!r->o->quiet) {
		when_span(&b, (int64_t)r->o->every - age);
		warnx("stream \"%s\" is not due: next in %s", r->o->stream, b.p);
		buf_release(&b);
	}
	return true;
}

/* A new id that sorts behind prev, even if the clock was set back. */
static void
next_id(char id[RUN_ID_LEN + 1], const char *prev)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	const char *at;
	int i;

	if (prev == NULL || strlen(prev) != RUN_ID_LEN || strcmp(id, prev) > 0)
		return;
	strcpy(id, prev);
	for (i = RUN_ID_LEN - 1; i >= 0; i--) {
		if ((at = strchr(digits, id[i])) == NULL)
			return;
		id[i] = at[1] != '\0' ? at[1] : '0';
		if (id[i] != '0')
			return;
	}
}

/* Give the run its id and number, and record that it has begun. */
static int
begin(struct run *r)
{
	const struct run_row *last = r->past.n > 0 ? &r->past.row[0] : NULL;
	int64_t newest = last != NULL ? last->fence : 0;
	char now[INSTANT_MAX];
	int status;

	run_id(r->id);
	next_id(r->id, r->from.run);
	if (last != NULL)
		next_id(r->id, last->run);
	when_text(when_now(), now);
	r->row.run = xstrdup(r->id);
	r->row.started_at = xstrdup(now);
	if ((status = store_fence(r->store, r->o->stream, &newest)) != CS_OK)
		return status;
	r->row.fence = r->lease.token != 0 ? r->lease.token : when_now();
	if (r->lease.token == 0 && r->row.fence <= newest)
		r->row.fence = newest + 1;
	r->row.status = r->row.records = -1;
	r->row.every = r->o->every ? (int64_t)r->o->every : -1;
	return store_run_put(r->store, r->o->stream, &r->row);
}

/* A new file that only we can read: a descriptor and its name, or -1 after printing why. */
static int
private_file(char **name)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/cs-state.XXXXXX", dir != NULL && *dir != '\0' ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0) {
		warn("%s", path);
		free(path);
		return -1;
	}
	*name = path;
	return fd;
}

/* Put the state into such a file, and "@" and its name into *value. */
static int
state_file(struct run *r, char **value)
{
	int fd = private_file(&r->state_file), bad;

	if (fd < 0)
		return CS_IO;
	bad = write_all(fd, r->from.state, strlen(r->from.state)) < 0;
	bad |= close(fd) < 0;
	if (bad)
		warn("%s", r->state_file);
	*value = xasprintf("@%s", r->state_file);
	return bad ? CS_IO : CS_OK;
}

/* What the stream's parts have, in a file, if there are any. */
static int
export_parts(struct run *r)
{
	struct out out;
	uint64_t n;
	int fd, status = parts_count(r->store, r->o->stream, &n);

	if (unsetenv("CS_PARTS") < 0)
		err(CS_IO, "environment");
	if (status != CS_OK || n == 0)
		return status;
	if ((fd = private_file(&r->parts_file)) < 0)
		return CS_IO;
	out_open(&out, fd);
	status = parts_write(r->store, r->o->stream, &out);
	if (out_close(&out) < 0) {
		warn("%s", r->parts_file);
		return CS_IO;
	}
	if (setenv("CS_PARTS", r->parts_file, 1) < 0)
		err(CS_IO, "environment");
	return status;
}

static int export(struct run *r)
{
	char fence[24], *value = NULL;
	int status = CS_OK;

	snprintf(fence, sizeof fence, "%" PRId64, r->row.fence);
	if (setenv("CS_STREAM", r->o->stream, 1) < 0 || setenv("CS_RUN", r->id, 1) < 0 ||
	    setenv("CS_FENCE", fence, 1) < 0 || unsetenv("CS_STATE") < 0 ||
	    (r->store->id != NULL ? setenv("CS_STORE", r->store->id, 1) : unsetenv("CS_STORE")) < 0)
		err(CS_IO, "environment");
	status = export_parts(r);
	if (status != CS_OK || r->from.version == 0)
		return status;
	if (strlen(r->from.state) > ENV_MAX)
		status = state_file(r, &value);
	if (status == CS_OK && setenv("CS_STATE", value != NULL ? value : r->from.state, 1) < 0)
		err(CS_IO, "environment");
	free(value);
	return status;
}

/* End the run for a reason of ours; the first one counts. */
static void
stop(struct run *r, int status)
{
	if (r->status == 0)
		r->status = status;
	child_stop(&r->child);
}

/* Pass a line on, unless it cannot be: a reader that stands still must not keep signals from us. */
static void
pass(struct run *r, const char *p, size_t n)
{
	if (child_writable(&r->child, r->out.fd) == 0) {
		out_line(&r->out, p, n);
		if (out_flush(&r->out) < 0)
			stop(r, CS_IO);
	}
}

/* Should the lease not be renewed from now on, the command gets the rest of its time to end. */
static void
limit(struct run *r)
{
	int64_t left = r->lease.until - when_up(), grace = r->lease.ttl / 3;

	if ((int64_t)r->o->grace < grace)
		grace = (int64_t)r->o->grace;
	child_limit(&r->child, left > grace ? left - grace : 0, left);
}

/* Renew the lease: three times in its life, or every second while that does not succeed. */
static int64_t
beat(void *arg)
{
	struct run *r = arg;
	int status = lease_renew(&r->lease);

	if (status == CS_OK) {
		limit(r);
		return r->lease.ttl / 3;
	}
	if (status == CS_LATER)
		return r->lease.ttl / 3 < RETRY ? r->lease.ttl / 3 : RETRY;
	stop(r, status);
	return -1;
}

static void
take(struct run *r, const struct lines *l, const char *p, size_t n)
{
	char where[48];
	int status;

	snprintf(where, sizeof where, "%s:%" PRIu64, l->name, l->lineno);
	if (r->status == 0 && (status = acks_line(&r->acks, where, p, n)) != CS_OK)
		stop(r, status);
	/* a checkpoint that is passed on is stored */
	if ((r->o->verbose && r->status == 0) || line_kind(p, n) != LINE_CONTROL)
		pass(r, p, n);
}

/* Read the command's stdout until its end. */
static void
listen(struct run *r)
{
	struct lines l;
	const char *p;
	size_t n;
	int rc;

	lines_open(&l, r->child.out, "output", 0);
	l.idle = child_wait;
	l.arg = &r->child;
	while (
	    (rc = lines_next(&l, &p, &n)) != LINES_EOF && rc != LINES_STOP && rc != LINES_ERROR) {
		child_look(&r->child);
		if (rc == LINES_OK) {
			take(r, &l, p, n);
		} else {
			warnx("output:%" PRIu64 ": line is over 64 MiB", l.lineno);
			stop(r, CS_DATA);
		}
	}
	if (rc == LINES_ERROR) {
		warn("output of %s", r->o->args[0]);
		stop(r, CS_IO);
	}
	lines_close(&l);
	close(r->child.out);
}

/* Say why the run failed, though the command may think otherwise, and keep it for the record. */
static int
fault(struct run *r, int status, char *why)
{
	warnx("stream \"%s\": %s", r->o->stream, why);
	r->row.message = why;
	return status;
}

/* The lease was not renewed in time. Has another got it now? */
static int
overdue(struct run *r)
{
	int status = lease_renew(&r->lease);

	if (status == CS_FENCED)
		return status;
	r->mute = status != CS_OK;
	return fault(r, CS_LATER,
	    xstrdup("the lease could not be renewed: the command was ended before it ran out"));
}

/*
 * The status of the run, with the reason in the row, now that the command has exited with its
 * own.
 */
static int
verdict(struct run *r, int status)
{
	struct acks *a = &r->acks;
	struct buf b = {0};

	if (r->child.cut && r->status == 0) {
		status = overdue(r);
	} else if (r->child.timed_out) {
		when_span(&b, (int64_t)r->o->timeout);
		status = fault(r, CS_LATER, xasprintf("timed out after %s", b.p));
		buf_release(&b);
	} else if (r->status != 0) {
		status = r->status;
		r->row.message = xstrdup(a->message != NULL ? a->message : "output failed");
	} else if (status == 0 && a->code != 0) {
		status = fault(r, (int)a->code, xstrdup(a->message));
	} else if (status == 0 && (a->begun || a->checkpoints > 0) && !a->ended) {
		status = fault(r, CS_DATA,
		    xstrdup("the command says that all is well, but no \"end\" "
			    "line came: something was cut short"));
	} else if (status != 0) {
		r->row.message = a->message != NULL ? xstrdup(a->message)
				 : status > 128
				     ? xasprintf("ended by signal %d", status - 128)
				     : xasprintf("the command ended with status %d", status);
	}
	r->row.status = status;
	r->row.done = status == 0 || (status == CS_SOME && a->ended);
	return status;
}

static int
record(struct run *r, int status)
{
	char now[INSTANT_MAX];
	int rc;

	when_text(when_now(), now);
	r->row.ended_at = xstrdup(now);
	r->row.records = r->acks.records;
	r->row.counts = r->acks.counts;
	r->acks.counts = NULL;
	r->row.fetch = r->acks.fetch;
	r->acks.fetch = NULL;
	/* What another run has taken over it records itself. */
	rc = r->store->fenced || r->mute ? CS_OK : store_run_put(r->store, r->o->stream, &r->row);
	if (r->o->verbose)
		warnx("stream \"%s\": run %s ended with status %d after %" PRId64 " ms, %" PRIu64
		      " checkpoints",
		    r->o->stream, r->id, status, when_parse(now) - when_parse(r->row.started_at),
		    r->acks.checkpoints);
	return status == 0 ? rc : status;
}

/* From the command's start to its end; the status of the run. */
static int
command(struct run *r)
{
	int status;

	if ((status = export(r)) != CS_OK) {
		r->row.message = xstrdup("the state cannot be handed over");
		r->row.status = status;
		return status;
	}
	if (child_start(&r->child, r->o->args, r->o->timeout, r->o->grace) < 0)
		err(CS_IO, "%s", r->o->args[0]);
	if (r->lease.token != 0) {
		limit(r);
		child_beat(&r->child, beat, r, r->lease.ttl / 3);
	}
	out_open(&r->out, STDOUT_FILENO);
	listen(r);
	status = child_end(&r->child);
	if (out_close(&r->out) < 0) {
		warn("stdout");
		r->status = r->status != 0 ? r->status : CS_IO;
	}
	return verdict(r, status);
}

static int
run(struct run *r)
{
	int status;

	r->acks = (struct acks){
	    .store = r->store, .stream = r->o->stream, .run = r->id, .leased = true, .records = -1};
	if ((status = begin(r)) != CS_OK)
		return status;
	/* Until then what a run before has left behind may have gone on: from now on it is fenced. */
	state_row_release(&r->from);
	status = store_get(r->store, r->o->stream, &r->from);
	if (status != CS_OK && status != CS_SOME)
		return status;
	acks_expect(&r->acks, r->o->stream, r->from.version);
	/* A reader that left is an error like others: the run is to be recorded. */
	signal(SIGPIPE, SIG_IGN);
	return record(r, command(r));
}

static void
release(struct run *r)
{
	if (r->state_file != NULL)
		unlink(r->state_file);
	free(r->state_file);
	if (r->parts_file != NULL)
		unlink(r->parts_file);
	free(r->parts_file);
	acks_release(&r->acks);
	run_row_release(&r->row);
	run_rows_release(&r->past);
	state_row_release(&r->from);
	lease_release(&r->lease);
}

int
cmd_run(struct store *s, const struct opts *o)
{
	struct run r = {.store = s, .o = o};
	int status, sig;

	if ((status = lease_take(&r.lease, s, o->stream, o->wait, o->ttl)) != CS_OK)
		return status;
	if ((status = look(&r)) == CS_OK && !not_due(&r))
		status = run(&r);
	sig = r.child.caught;
	release(&r);
	if (sig != 0)
		child_die(sig);
	return status;
}
