#include <err.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acks.h"
#include "name.h"
#include "pick.h"
#include "stream.h"

struct seen {
	char *stream;
	int64_t version;
	bool own;    /* we had to store one of the run, so the loader does not */
	bool direct; /* the loader itself stores checkpoints here, together with their rows */
};

static int
by_stream(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->stream, ((const struct seen *)b)->stream);
}

static struct seen *
seen_find(struct acks *a, const char *stream)
{
	const struct seen key = {.stream = (char *)stream};
	struct seen **at = tfind(&key, &a->seen, by_stream);

	return at != NULL ? *at : NULL;
}

void
acks_expect(struct acks *a, const char *stream, int64_t version)
{
	struct seen *new = seen_find(a, stream);

	if (new == NULL) {
		new = xcalloc(1, sizeof *new);
		new->stream = xstrdup(stream);
		if (tsearch(new, &a->seen, by_stream) == NULL)
			errx(CS_IO, "out of memory");
	}
	new->version = version;
}

static void
seen_free(void *p)
{
	struct seen *s = p;

	free(s->stream);
	free(s);
}

void
acks_release(struct acks *a)
{
	tdestroy(a->seen, seen_free);
	free(a->counts);
	free(a->fetch);
	free(a->message);
}

/* Print the reason and remember it. */
__attribute__((format(printf, 4, 5))) static int
refuse(struct acks *a, int status, const char *where, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		errx(CS_IO, "out of memory");
	va_end(ap);
	warnx("%s: %s", where, s);
	free(a->message);
	a->message = s;
	return status;
}

const char *
state_check(const char *p, size_t n, bool force)
{
	static const char *const empty[] = {"null", "{}", "[]", "\"\""};
	struct buf b = {0};
	struct value v;
	const char *why = NULL;

	if (n > STORE_STATE_MAX)
		return "over 10 MiB";
	if (scan_text(p, n, &v, &why) < 0)
		return why;
	json_compact(&b, v.p, v.n);
	for (size_t i = 0; !force && i < sizeof empty / sizeof empty[0]; i++)
		if (strcmp(b.p, empty[i]) == 0)
			why = "empty: every record would be fetched again";
	buf_release(&b);
	return why;
}

/* Are both run ids of the kind that sorts by time? */
static bool
sortable(const char *a, const char *b)
{
	return strlen(a) == RUN_ID_LEN && strlen(b) == RUN_ID_LEN;
}

enum verdict {
	STORE,
	STORED, /* nothing to do */
	OLDER,
	CHANGED,
	UNSURE, /* it may have lost it */
	BEHIND  /* the database lost what it had */
};

/*
 * What becomes of checkpoint c, now that row is stored; seen is what was there before, NULL if
 * that is not known.
 */
static enum verdict
judge(const struct acks *a, const struct control *c, const char *run, const struct state_row *row,
    struct seen *seen)
{
	bool same_run = run != NULL && row->run != NULL && strcmp(run, row->run) == 0;

	/* A standby that took over need not know all; and what the loader stores itself is not for us to make up for. */
	if (a->store->id != NULL && seen != NULL && !a->force && row->version < seen->version)
		return BEHIND;
	/* The first of a run: was it stored by the loader, and lost with a server since? */
	if (a->store->moved && seen != NULL && !seen->own && !a->force && !same_run)
		return UNSURE;
	if (row->version == 0)
		return seen == NULL || seen->version == 0 || a->force ? STORE : CHANGED;
	if (row->records == c->records && (same_run || (run == NULL && row->run == NULL)) &&
	    slice_is(c->state, row->state)) {
		if (seen != NULL && same_run && row->version != seen->version)
			seen->direct = true;
		return STORED;
	}
	if (a->force)
		return STORE;
	if (seen != NULL && row->version != seen->version) {
		if (!same_run)
			return CHANGED;
		seen->direct = true;
	}
	/* This checkpoint is there then, or was, and a later one took its place. */
	if (seen != NULL && seen->direct && same_run && c->records <= row->records)
		return STORED;
	if (a->store->id != NULL && seen != NULL && seen->direct)
		return BEHIND;
	if (a->leased || run == NULL || row->run == NULL)
		return STORE;
	if (same_run)
		return c->records >= 0 && c->records < row->records ? OLDER : STORE;
	return sortable(run, row->run) && strcmp(run, row->run) < 0 ? OLDER : STORE;
}

static int
stale(struct acks *a, const char *where, const char *stream, enum verdict v,
    const struct state_row *row, int64_t version)
{
	if (v == OLDER)
		return refuse(a, CS_FENCED, where,
		    "checkpoint of stream \"%s\" is older than the one "
		    "stored (run %s, %lld records); --force stores it",
		    stream, row->run, (long long)row->records);
	if (v == UNSURE)
		return refuse(a, CS_LATER, where,
		    "the connection to the store was lost before the first checkpoint of stream "
		    "\"%s\": "
		    "if a standby took over, rows may be lost with it; run again",
		    stream);
	if (v == BEHIND)
		return refuse(a, CS_LATER, where,
		    "the store has lost a checkpoint of stream \"%s\" that it had, as a standby "
		    "may "
		    "that takes over; run again, from version %lld",
		    stream, (long long)row->version);
	return refuse(a, CS_FENCED, where,
	    "stream \"%s\" was changed meanwhile: version %lld is there, not "
	    "%lld; nothing was stored, run again from that state",
	    stream, (long long)row->version, (long long)version);
}

/* Bring checkpoint c into the store, unless it is there. */
static int
checkpoint_store(struct acks *a, const char *where, const char *stream, const struct control *c)
{
	const char *run = c->run != NULL ? c->run : a->run;
	struct state_row row = {0}, new = {.run = (char *)run, .records = c->records};
	struct seen *seen = seen_find(a, stream);
	enum verdict v;
	int64_t version;
	bool own = false;
	int status;

	new.state = xstrndup(c->state.p, c->state.n);
	do {
		state_row_release(&row);
		status = store_get(a->store, stream, &row);
		if (status != CS_OK && status != CS_SOME)
			goto out;
		version = row.version;
		status = CS_OK;
		v = judge(a, c, run, &row, seen);
		if (v >= OLDER)
			status = stale(a, where, stream, v, &row, seen != NULL ? seen->version : 0);
		else if (v == STORE)
			status = store_put(a->store, stream, &new, row.version, &version);
		own = own || v == STORE;
	} while (v == STORE && status == CS_FENCED &&
		 !a->store->fenced); /* somebody was faster: look again */
	if (status == CS_OK)
		acks_expect(a, stream, version);
	if (status == CS_OK && own)
		seen_find(a, stream)->own = true;
out:
	if (status != CS_OK && a->message == NULL)
		a->message = xstrdup("the store failed");
	free(new.state);
	state_row_release(&row);
	return status;
}

static int
checkpoint(struct acks *a, const char *where, const struct control *c)
{
	const char *stream = c->stream != NULL ? c->stream : a->stream, *why;

	if (stream == NULL)
		return refuse(a, CS_DATA, where, "checkpoint without \"stream\"");
	if ((why = name_check(stream)) != NULL)
		return refuse(a, CS_DATA, where, "the checkpoint's stream name %s", why);
	if (a->stream != NULL && !stream_within(stream, a->stream))
		return refuse(a, CS_DATA, where,
		    "checkpoint of stream \"%s\", not of \"%s\"; name the stream the "
		    "same at both places",
		    stream, a->stream);
	if ((why = state_check(c->state.p, c->state.n, a->force)) != NULL)
		return refuse(a, CS_DATA, where, "state of stream \"%s\": %s", stream, why);
	a->checkpoints++;
	if (c->records >= 0)
		a->records = c->records;
	return checkpoint_store(a, where, stream, c);
}

/* The object that is this member of a control line, into *out; there may be none. */
static void
figures(char **out, const char *name, const char *p, size_t n)
{
	struct value v;

	if (!pick((struct slice){p, n}, name, &v) || v.type != JSON_OBJECT)
		return;
	free(*out);
	*out = xstrndup(v.p, v.n);
}

static int
control(struct acks *a, const char *where, const struct control *c, const char *p, size_t n)
{
	switch (c->kind) {
	case CONTROL_BEGIN:
		a->begun = true;
		break;
	case CONTROL_CHECKPOINT:
		return checkpoint(a, where, c);
	case CONTROL_END:
		a->ended = true;
		if (c->records >= 0)
			a->records = c->records;
		figures(&a->counts, "counts", p, n);
		figures(&a->fetch, "fetch", p, n);
		break;
	case CONTROL_ERROR:
		figures(&a->fetch, "fetch", p, n);
		a->code = c->code > 0 && c->code < 126 ? c->code : CS_DATA;
		free(a->message);
		a->message =
		    xstrdup(c->message != NULL ? c->message : "the stream ended with an error");
		break;
	default:
		break;
	}
	return CS_OK;
}

int
acks_line(struct acks *a, const char *where, const char *p, size_t n)
{
	struct control c = {0};
	const char *why;
	int status = CS_OK;

	switch (line_kind(p, n)) {
	case LINE_CONTROL:
		if (control_parse(&c, p, n, &why) < 0)
			status = refuse(a, CS_DATA, where, "%s", why);
		else
			status = control(a, where, &c, p, n);
		control_release(&c);
		break;
	case LINE_BAD:
		status = refuse(a, CS_DATA, where, "\"@cs\" is neither a string nor an object");
		break;
	default:
		/* What a producer says of records still on their way acknowledges nothing. */
		if (a->begun)
			status = refuse(a, CS_DATA, where,
			    "records among the acknowledgements: no loader has "
			    "stored them; end the pipeline with cs-load");
		break;
	}
	return status;
}
