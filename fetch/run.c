#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ahead.h"
#include "clock.h"
#include "etag.h"
#include "job.h"
#include "lines.h"
#include "metrics.h"
#include "progress.h"
#include "retry.h"
#include "stop.h"
#include "stream.h"
#include "token.h"

#define LAST_WORDS 200 /* ms for the error line after a signal */

struct sync {
	struct job job;
	struct buf control;
	char *stream, *part; /* part: of it, that checkpoints are of; or NULL */
	struct each each;
	char id[RUN_ID_LEN + 1];
	const char *run;  /* CS_RUN, or id */
	bool begun;       /* the begin line is out: a reply that has not changed makes it another */
	bool full;        /* everything there is comes in this run */
	uint64_t records; /* sent */
	uint64_t single;  /* parents or windows that had one page, one after the other */
};

/* A stream without a name is called after what its URL ends in. */
static char *
stream_name(const struct opts *o)
{
	const char *env = getenv("CS_STREAM"), *path, *end, *slash;

	if (o->stream != NULL)
		return xstrdup(o->stream);
	if (env != NULL && *env != '\0')
		return xstrdup(env);
	path = strchr(o->url, ':') + 3;
	end = path + strcspn(path, "?#");
	while (end > path && end[-1] == '/')
		end--;
	for (slash = end; slash > path && slash[-1] != '/'; slash--)
		;
	return xstrndup(slash, end - slash);
}

static int
send_control(struct sync *s)
{
	int r = engine_write(&s->job.engine, s->control.p, s->control.len);

	buf_clear(&s->control);
	return r == 0 ? engine_flush(&s->job.engine) : r;
}

static int
begin(struct sync *s)
{
	const struct opts *o = s->job.o;
	const struct buf *from = &s->job.given;
	struct value v = {0};
	const char *err;

	/* A full run begins at the start, whatever state is at hand. */
	if (from->len > 0 && !s->full)
		scan_text(from->p, from->len, &v, &err);
	json_compact(&s->control, v.p != NULL ? v.p : "null", v.p != NULL ? v.n : 4);
	char *state = buf_steal(&s->control);
	stream_begin(
	    &s->control, &(struct stream_begin){.stream = s->stream,
			     .run = s->run,
			     .mode = s->full ? "full" : "incremental",
			     .from = {state, strlen(state)},
			     .key = o->primary_key,
			     .cursor = o->cursor_field != NULL ? o->cursor_field->text : NULL});
	free(state);
	s->begun = true;
	return send_control(s);
}

static int
checkpoint(struct sync *s)
{
	struct buf state = {0};

	state_format(&s->job.state, &state);
	stream_checkpoint(&s->control, s->part != NULL ? s->part : s->stream, s->run,
	    (struct slice){state.p, state.len}, s->records);
	buf_release(&state);
	return send_control(s);
}

static void
replace(char **at, const char *text)
{
	char *copy = text != NULL ? xstrdup(text) : NULL;

	free(*at);
	*at = copy;
}

/*
 * After a page that is not the last. The cursor moves only where the feed was ascending from end to
 * end the time before and has been so far; otherwise the position alone goes on.
 */
static int
page_checkpoint(struct sync *s)
{
	struct job *j = &s->job;
	char *cursor = j->state.cursor != NULL ? xstrdup(j->state.cursor) : NULL;
	int r;

	if (!pager_save(&j->pager, &j->state)) {
		free(cursor);
		return engine_flush(&j->engine);
	}
	j->state.unfinished = true;
	free(j->state.version);
	j->state.version = NULL;
	cursor_save(&j->cursor, &j->state);
	if (j->state.ordered && j->cursor.ascending && j->o->window == 0)
		replace(&j->state.cursor, cursor_safe(&j->cursor, cursor, j->state.started));
	r = checkpoint(s);
	free(j->state.cursor);
	j->state.cursor = cursor;
	return r;
}

static int
last_checkpoint(struct sync *s)
{
	struct job *j = &s->job;

	if (j->o->window > 0)
		replace(
		    &j->state.cursor, window_safe(&j->cursor, j->state.cursor, j->state.started));
	else if (j->o->cursor_field != NULL)
		replace(
		    &j->state.cursor, cursor_safe(&j->cursor, j->state.cursor, j->state.started));
	if (j->pager.pages > 1 || !j->cursor.ascending)
		j->state.ordered = j->cursor.ascending && j->o->cursor_field != NULL;
	if ((j->pager.pages > 1 || !j->cursor.descending) && j->o->client_filter)
		j->state.descending = j->cursor.descending && !j->cursor.ascending;
	if (j->o->max_age > 0)
		j->state.time = j->state.started;
	etag_keep(j);
	j->state.unfinished = false;
	return checkpoint(s);
}

/* *n records of the page are wanted, in *size bytes: all or, with --max-records, those that are left. */
static void
wanted(const struct sync *s, const struct split *page, uint64_t *n, size_t *size)
{
	const struct opts *o = s->job.o;
	const char *p = page->page.p, *end = p + page->page.len;

	*n = page->n;
	*size = page->page.len;
	if (o->max_records == 0 || s->records + page->n <= o->max_records)
		return;
	*n = o->max_records - s->records;
	for (uint64_t i = 0; i < *n; i++)
		p = (const char *)memchr(p, '\n', end - p) + 1;
	*size = p - page->page.p;
}

enum { SENT, SENT_LAST, SENT_PART }; /* all; all, and no more are wanted; not all are wanted */

/* One of these in *sent. 0, or as engine_write(). page: or a part of it. */
static int
send_page(struct sync *s, const struct split *page, int *sent)
{
	const struct opts *o = s->job.o;
	uint64_t n;
	size_t size;
	int r;

	wanted(s, page, &n, &size);
	if ((r = engine_write(&s->job.engine, page->page.p, size)) != 0)
		return r;
	s->records += n;
	progress_records(n);
	*sent = o->max_records > 0 && s->records == o->max_records ? SENT_LAST : SENT;
	if (n < page->n)
		*sent = SENT_PART;
	return 0;
}

/* The last page of a window or of the run. */
static int
part_end(struct sync *s)
{
	struct job *j = &s->job;
	int r = job_token(j, j->page, j->page->http);

	if (r == 0)
		r = last_checkpoint(s);
	return r;
}

/* What it took, for cs-state's record of the run; without it, the same data is the same bytes. */
static void
add_figures(struct buf *line)
{
	const struct counts *c = progress_counts();
	char text[160];

	if (getenv("CS_FENCE") == NULL)
		return;
	snprintf(text, sizeof(text),
	    "{\"requests\":%" PRIu64 ",\"retries\":%" PRIu64 ",\"pages\":%" PRIu64
	    ",\"bytes\":%" PRIu64 ",\"waited\":%" PRIu64 "}",
	    c->requests, c->retries, c->pages, c->bytes, c->waited);
	stream_add(line, "fetch", text);
}

static int
end(struct sync *s, bool complete)
{
	stream_end(&s->control, s->stream, s->run, s->records, 0, complete);
	add_figures(&s->control);
	return send_control(s);
}

static int64_t
seconds(void)
{
	return (int64_t)(clock_ms() / 1000);
}

enum { ENOUGH = -10 }; /* --max-records are written, before the page came to its end */

/* The page is large: what there is of it. */
static int
send_part(struct sync *s)
{
	struct job *j = &s->job;
	struct split *part = &j->engine.part;
	int sent = SENT, r = cursor_page(&j->cursor, part, j->pager.pages + 1);

	if (r == 0)
		r = send_page(s, part, &sent);
	return r == 0 && sent != SENT ? ENOUGH : r;
}

/* Of what has not changed nothing comes, from which nobody may infer what was deleted. */
static int
late_begin(struct sync *s, bool unchanged)
{
	if (s->begun)
		return 0;
	s->full &= !unchanged;
	return begin(s);
}

/* A request for the page where the pager is. The server may have looked when it came, and dated later. */
static int
get(struct sync *s, bool first, int tentative)
{
	struct job *j = &s->job;
	struct how how = {
	    first, s->part != NULL || pager_whole(&j->pager) || tentative != PAGE_SURE, tentative};
	int64_t from = seconds();
	int r, code;

	pager_request(&j->pager, &j->request);
	if (how.first)
		etag_ask(j, &j->request);
	r = engine_get(&j->engine, &j->request, &how, &j->page);
	if (r != PAGE_SIGNAL && (code = late_begin(s, r == 0 && j->page->unchanged)) != 0)
		return code;
	while (r == PAGE_PART && (r = send_part(s)) == 0)
		r = engine_go_on(&j->engine, &how);
	if (r == 0 && j->state.started < 0 && j->page->date >= 0)
		j->state.started = j->page->date - (seconds() - from) - 1;
	return r;
}

/* Take up an unfinished run: is the last page it had still what it was? Else from the beginning. */
static int
resume(struct sync *s)
{
	struct job *j = &s->job;
	int r;

	if (j->state.next != NULL)
		return 0;
	r = get(s, false, PAGE_TENTATIVE);
	if (r == PAGE_REFUSED ||
	    (r == 0 && (j->page->stopped || j->page->n == 0 || j->page->hash != j->state.hash)))
		return job_restart(j);
	if (r == 0)
		pager_skip(&j->pager, j->page);
	return r;
}

static int
doubtful(const struct job *j)
{
	if ((j->state.unfinished && j->pager.pages == 0) || pager_tentative(&j->pager))
		return PAGE_TENTATIVE;
	return j->expires && j->pager.pages == 0 ? PAGE_UNLESS_GONE : PAGE_SURE;
}

/* The server will not have the request: PAGER_MORE with another, PAGER_END, or a CS_* status. */
static int
refused(struct job *j)
{
	int r = pager_refused(&j->pager);

	if (r != PAGER_LOST)
		return r;
	r = j->expires && !j->state.unfinished ? job_expire(j) : job_restart(j);
	return r == 0 ? PAGER_MORE : r;
}

/* The page that was refused holds nothing. */
static int
nothing(struct page *page, int more)
{
	split_reset(&page->split);
	page->stopped = true;
	return more;
}

/* The window at hand is about to be asked for; the next are, too, where those before had one page each. */
static void
windows_ahead(struct sync *s)
{
	struct job *j = &s->job;
	struct request q = {0};
	uint64_t n = 2 * s->single < j->o->parallel ? 2 * s->single : j->o->parallel;

	pager_request(&j->pager, &q);
	for (uint64_t i = 0; i < n && engine_ahead(&j->engine, i + 1, &q, true); i++)
		if (!job_peek_window(j, i, &q))
			break;
	request_release(&q);
}

/* A part of the run has come: PAGER_MORE when there is another, PAGER_END, or a CS_* status. */
static int
next_part(struct sync *s, int more)
{
	struct job *j = &s->job;
	int r;

	if (more == PAGER_CEILING)
		r = job_anchor(j);
	else if (window_last(&j->cursor, j->state.started))
		return PAGER_END;
	else if ((r = part_end(s)) == 0) {
		s->single = j->pager.pages == 1 ? s->single + 1 : 0;
		r = job_next(j);
		if (r == 0 && s->single > 0)
			windows_ahead(s);
	}
	return r == 0 ? PAGER_MORE : r;
}

/* Will --max-records be reached with the page at hand? */
static bool
enough(const struct sync *s)
{
	uint64_t most = s->job.o->max_records;

	return most > 0 && s->records + s->job.page->split.n >= most;
}

static void
shows(void *arg, struct page *page)
{
	struct sync *s = arg;
	struct job *j = &s->job;

	if (!pager_by_number(j->o))
		ahead_shown(&j->engine, &j->pager, page);
	else if (page->first && s->full && s->part == NULL && j->o->etag == NULL)
		ahead_slow(&j->engine, &j->pager);
}

/* Page after page. 0, a CS_* status, or PAGE_SIGNAL. *complete: all came, or not all were wanted. */
static int
pages(struct sync *s, bool *complete)
{
	struct job *j = &s->job;
	int r, more, sent;

	if (j->state.unfinished && (r = resume(s)) != 0)
		return r;
	for (;;) {
		r = get(s, j->pager.pages == 0 && !j->state.unfinished, doubtful(j));
		if (r == PAGE_REFUSED && (more = refused(j)) == PAGER_MORE)
			continue;
		if (r == ENOUGH) {
			*complete = false;
			return 0;
		}
		if (r == PAGE_REFUSED)
			more = nothing(j->page, more);
		else if (r != 0)
			return r;
		else
			more = pager_take(&j->pager, j->page, j->page->http);
		if (more == PAGER_REWIND) {
			cursor_rewind(&j->cursor);
			continue;
		}
		if (more > PAGER_CEILING)
			return more;
		if ((r = cursor_page(&j->cursor, &j->page->split, j->pager.pages)) != 0)
			return r;
		if (more == PAGER_MORE && cursor_past(&j->cursor, &j->state))
			more = PAGER_END;
		if (s->part != NULL && (r = each_tag(&s->each, &j->page->split)) != 0)
			return r;
		if (more == PAGER_MORE && !enough(s))
			ahead_plan(&j->engine, &j->pager);
		if ((r = send_page(s, &j->page->split, &sent)) != 0)
			return r;
		progress_page();
		*complete = sent == SENT || (sent == SENT_LAST && more == PAGER_END);
		if (!*complete)
			return 0;
		if (more == PAGER_END || more == PAGER_CEILING) {
			if ((more = next_part(s, more)) == PAGER_END)
				return 0;
			if (more != PAGER_MORE)
				return more;
			continue;
		}
		if ((r = page_checkpoint(s)) != 0)
			return r;
		if (more == PAGER_CAPPED)
			return CS_PROTOCOL;
	}
}

/*
 * The parent at hand is about to be asked for. Where those before it had one page of children each, the next will not have
 * more: ask for those, too.
 */
static void
parents_ahead(struct sync *s, const char *round)
{
	struct job *j = &s->job;
	struct request q = {0};
	uint64_t n = 2 * s->single < j->o->parallel ? 2 * s->single : j->o->parallel;

	pager_request(&j->pager, &q);
	for (uint64_t i = 0; i < n && engine_ahead(&j->engine, i + 1, &q, true); i++)
		if (!job_peek_parent(j, &s->each, i, round, &q))
			break;
	request_release(&q);
}

/* The children of the parent at hand. */
static int
children(struct sync *s, const char *round, bool *complete)
{
	struct job *j = &s->job;
	int r = job_parent(j, s->each.now->state);

	if (r != 0 || (j->state.round != NULL && strcmp(j->state.round, round) == 0))
		return r; /* done, in this round of parents, by a run before */
	if (s->single > 0 && !j->state.unfinished)
		parents_ahead(s, round);
	r = pages(s, complete);
	if (r != 0 || !*complete)
		return r;
	replace(&j->state.round, round);
	return part_end(s);
}

/* What the stream has of its own: the round of parents that is not done, or NULL when it is. */
static int
round_checkpoint(struct sync *s, const char *round)
{
	struct job *j = &s->job;

	free(s->part);
	s->part = NULL;
	state_release(&j->state);
	replace(&j->state.round, round);
	return checkpoint(s);
}

/* One parent after the other. 0, a CS_* status, or PAGE_SIGNAL. */
static int
parents(struct sync *s, bool *complete)
{
	struct each *e = &s->each;
	char *round = xstrdup(s->job.state.round != NULL ? s->job.state.round : s->run);
	int r = round_checkpoint(s, round);

	*complete = true;
	while (r == 0 && *complete && (r = each_next(e)) == 1) {
		free(s->part);
		s->part = xasprintf("%s/%s", s->stream, e->now->id.p);
		r = children(s, round, complete);
		s->single = s->job.pager.pages == 1 ? s->single + 1 : 0;
	}
	free(round);
	if (r == 0 && *complete && e->bad > 0)
		r = fail(CS_DATA, "%llu of the parents on stdin cannot be asked for",
		    (unsigned long long)e->bad);
	if (r == 0 && *complete)
		r = round_checkpoint(s, NULL);
	*complete &= !e->partial;
	return r;
}

/* Everything from begin to end. */
static int
stream(struct sync *s)
{
	const struct opts *o = s->job.o;
	bool complete = true;
	int r;

	if (o->each && (r = each_open(&s->each, s->job.opts, s->stream)) != 0)
		return r;
	/* A run that takes up another sends the rest only: from it nobody may infer what was deleted. */
	s->full = !opts_follow(o) && !s->job.state.unfinished && s->job.state.round == NULL &&
		  !s->each.incremental;
	if ((o->etag == NULL || s->job.state.version == NULL) && (r = begin(s)) != 0)
		return r;
	r = o->each ? parents(s, &complete) : pages(s, &complete);
	if (r == 0 && complete && !o->each)
		r = part_end(s);
	return r == 0 ? end(s, complete) : r;
}

/* What went wrong, for the next in the pipe; what it has by now stays good. */
static int
failed(struct sync *s, int code)
{
	struct job *j = &s->job;
	int sig = stop_signal();
	char text[32];

	if (code == CS_IO && j->engine.out.error != 0)
		return code;
	if (j->pager.distrust) {
		state_forget(&j->state);
		checkpoint(s);
	}
	if (code == PAGE_SIGNAL) {
		snprintf(text, sizeof(text), "ended by signal %d", sig);
		stream_error(&s->control, s->stream, CS_LATER, text, NULL);
		add_figures(&s->control);
		engine_last_words(&j->engine, s->control.p, s->control.len, LAST_WORDS);
		progress_clear();
		if (j->o->metrics != NULL)
			metrics_write(j->o->metrics, s->stream, 128 + sig);
		stop_die(sig);
	}
	stream_error(&s->control, s->stream, code, fail_reason() ? fail_reason() : "", retry_at());
	add_figures(&s->control);
	send_control(s);
	progress_clear();
	return code;
}

int
run(struct opts *o)
{
	struct sync s = {0};
	const char *env = getenv("CS_RUN");
	int r;

	if ((r = job_init(&s.job, o)) != 0 || (r = etag_load(&s.job)) != 0)
		goto out;
	if (clock_stands())
		memset(s.id, '0', RUN_ID_LEN); /* a replay is the same every time */
	else
		run_id(s.id);
	s.run = env != NULL && *env != '\0' ? env : s.id;
	s.stream = stream_name(o);
	output_open(&s.job.engine.out, STDOUT_FILENO);
	s.job.engine.shows = shows;
	s.job.engine.arg = &s;
	stop_init();
	progress_init(o->quiet ? WHEN_NEVER : o->progress);
	if ((r = stream(&s)) != 0)
		r = failed(&s, r);
	progress_clear();
	if (r == 0)
		r = etag_store(&s.job, STDOUT_FILENO);
	if (output_close(&s.job.engine.out) < 0 && r == 0)
		r = fail(CS_IO, "stdout: %s", strerror(s.job.engine.out.error));
	if (o->metrics != NULL && metrics_write(o->metrics, s.stream, r) != 0 && r == 0)
		r = CS_IO;
	buf_release(&s.control);
	free(s.stream);
	free(s.part);
	each_release(&s.each);
out:
	job_release(&s.job);
	return r;
}

int
run_dry(struct opts *o)
{
	struct job j;
	struct each e = {0};
	struct buf text = {0};
	int r = job_init(&j, o);

	if (r == 0)
		r = job_first_parent(&j, &e);
	if (r == 0)
		r = token_show(o, &text);
	if (r == 0) {
		pager_request(&j.pager, &j.request);
		http_curl(engine_http(&j.engine), &j.request, &text);
		if (write_all(STDOUT_FILENO, text.p, text.len) < 0)
			r = fail(CS_IO, "stdout: %s", strerror(errno));
	}
	buf_release(&text);
	each_release(&e);
	job_release(&j);
	return r;
}
