#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "tape.h"

#define STATE_MAX (16u << 20) /* bytes */

static int
read_state(struct job *j)
{
	const char *text = j->o->state != NULL ? j->o->state : getenv("CS_STATE");

	j->given.max = STATE_MAX;
	if (text != NULL && *text == '@') {
		if (file_read(&j->given, text + 1) < 0)
			return fail(CS_IO, "state: %s: %s", text + 1, strerror(errno));
	} else if (text != NULL)
		buf_adds(&j->given, text);
	while (j->given.len > 0 && strchr(" \t\r\n", j->given.p[j->given.len - 1]) != NULL)
		j->given.p[--j->given.len] = '\0';
	state_init(&j->state);
	return j->given.len > 0 ? state_parse(&j->state, j->given.p, j->given.len) : 0;
}

static bool
full(const struct opts *o)
{
	return o->full || !o->incremental;
}

static int
put_mark(struct job *j, const struct place *place, const struct mark *m)
{
	struct buf text = {0};
	int r = place->text != NULL ? cursor_param(j->o, m, &text) : 0;

	if (r == 0)
		r = pager_put(&j->pager, place, cursor_param_type(j->o), &text);
	buf_release(&text);
	return r;
}

/* A token that is a URL is where to begin, unless it has a place to go to. */
static int
put_token(struct job *j)
{
	const struct place *place = &j->o->state_token_param;
	struct buf text = {0};
	int r;

	if (place->text == NULL)
		return pager_start(&j->pager, j->state.token);
	buf_adds(&text, j->state.token);
	r = pager_put(&j->pager, place, j->state.token_type, &text);
	buf_release(&text);
	return r;
}

/* The pager for the cursor as it is. */
static int
set_pager(struct job *j)
{
	const struct opts *o = j->o;
	bool token = o->state_token != NULL && j->state.token != NULL && !full(o);
	int r = pager_init(&j->pager, o, auth_param(j->auth));

	if (r == 0 && token)
		r = put_token(j);
	if (r == 0 && !token)
		r = put_mark(j, &o->since_param, &j->cursor.since);
	if (r == 0)
		r = put_mark(j, &o->until_param, &j->cursor.until);
	j->expires = token || j->cursor.since.text.len > 0;
	return r;
}

/* Cursor and pager for the state as it is. */
static int
set_out(struct job *j)
{
	int r = cursor_init(&j->cursor, j->o, &j->state);

	return r == 0 ? set_pager(j) : r;
}

/* Is what the state has older than the server keeps it? */
static bool
too_old(const struct job *j)
{
	const struct state *s = &j->state;
	struct instant t;
	int64_t then = s->time;

	if (j->o->max_age == 0)
		return false;
	if (s->cursor != NULL && j->o->cursor_type == CURSOR_TIME &&
	    instant_parse(&t, s->cursor, strlen(s->cursor)) == 0)
		then = t.sec;
	return then >= 0 && then < clock_wall() - (int64_t)(j->o->max_age / 1000);
}

static int
begin_anew(struct job *j)
{
	cursor_release(&j->cursor);
	pager_release(&j->pager);
	return set_out(j);
}

int
job_restart(struct job *j)
{
	if (j->o->verbose)
		say("what the last run left unfinished cannot be taken up again: from its "
		    "beginning");
	state_forget(&j->state);
	return begin_anew(j);
}

int
job_expire(struct job *j)
{
	say("the server does not keep what the last run left (410): everything is asked for again");
	state_release(&j->state);
	return begin_anew(j);
}

/* The same run, another part of it. */
static int
part(struct job *j)
{
	uint64_t spent = j->pager.spent + j->pager.pages;
	int r;

	pager_release(&j->pager);
	r = set_pager(j);
	j->pager.spent = spent;
	j->expires = false;
	return r;
}

int
job_next(struct job *j)
{
	window_next(&j->cursor, j->state.started);
	return part(j);
}

bool
job_peek_window(const struct job *j, uint64_t i, struct request *q)
{
	struct job then = {.o = j->o, .auth = j->auth, .cursor = {.o = j->o}};
	bool more = true;

	mark_copy(&then.cursor.since, &j->cursor.since);
	mark_copy(&then.cursor.until, &j->cursor.until);
	then.cursor.last_window = j->cursor.last_window;
	for (uint64_t k = 0; more && k <= i; k++) {
		more = !window_last(&then.cursor, j->state.started);
		if (more)
			window_next(&then.cursor, j->state.started);
	}
	if (more && set_pager(&then) == 0)
		pager_request(&then.pager, q);
	pager_release(&then.pager);
	cursor_release(&then.cursor);
	return more;
}

int
job_anchor(struct job *j)
{
	if (!cursor_anchor(&j->cursor))
		return fail(CS_PROTOCOL,
		    "%s: there is more after --max-offset %llu: with --cursor-field and "
		    "--since-param, and sorted by it, the run goes on from the last value; "
		    "or use a cursor, or --window",
		    j->pager.base.url.p, (unsigned long long)j->o->max_offset);
	return part(j);
}

int
job_token(struct job *j, const struct page *page, struct http *h)
{
	const struct path *path = j->o->state_token;
	struct buf text = {0}, masked = {0};
	const char *err = "is not there";
	int type, r = 0;

	if (path == NULL || page->stopped)
		return 0;
	buf_adds(&text, "");
	type = page_text(page, h, path, &text, &err);
	mask(&masked, text.p, text.len);
	if (type < 0 || (type <= JSON_TRUE && !j->o->token_maybe))
		r = fail(CS_DATA, "%s: --state-token %s: %s", page->url.p, path->text, err);
	else if (strcmp(masked.p != NULL ? masked.p : "", text.p) != 0)
		r = fail(
		    CS_DATA, "%s: --state-token %s: holds a credential", page->url.p, path->text);
	else if (type > JSON_TRUE) {
		free(j->state.token);
		j->state.token = xstrdup(text.p);
		j->state.token_type = type;
	}
	buf_release(&text);
	buf_release(&masked);
	return r;
}

/* With the state as it was read. */
static int
begin_state(struct job *j, struct opts *o)
{
	int r;

	if (j->state.unfinished && full(o) && j->state.since != NULL)
		state_forget(&j->state);
	if (!full(o) && too_old(j)) {
		say("the state is older than --max-age: everything is asked for again");
		o->full = !o->each;
		state_release(&j->state);
	}
	if ((r = set_out(j)) != 0)
		return r;
	return j->state.unfinished && !pager_load(&j->pager, &j->state) ? job_restart(j) : 0;
}

int
job_init(struct job *j, struct opts *o)
{
	int r;

	*j = (struct job){.o = o, .opts = o};
	if ((r = tape_open(o)) != 0)
		return r;
	j->auth = auth_new(o);
	if ((r = read_state(j)) != 0)
		return r;
	engine_open(&j->engine, o, j->auth);
	return o->each ? 0 : begin_state(j, o);
}

int
job_parent(struct job *j, struct slice state)
{
	int r;

	cursor_release(&j->cursor);
	pager_release(&j->pager);
	state_release(&j->state);
	if (state.p != NULL && (r = state_parse(&j->state, state.p, state.n)) != 0)
		return r;
	return begin_state(j, j->opts);
}

bool
job_peek_parent(const struct job *j, struct each *e, size_t i, const char *round, struct request *q)
{
	struct opts o;
	struct job then = {.o = &o, .opts = &o, .auth = j->auth};
	const struct parent *p = each_peek(e, i, &o);
	bool known = p != NULL && job_parent(&then, p->state) == 0 && !then.state.unfinished &&
		     (then.state.round == NULL || strcmp(then.state.round, round) != 0);

	if (known)
		pager_request(&then.pager, q);
	pager_release(&then.pager);
	cursor_release(&then.cursor);
	state_release(&then.state);
	return known;
}

int
job_first_parent(struct job *j, struct each *e)
{
	int r;

	if (!j->o->each)
		return 0;
	if ((r = each_open(e, j->opts, "")) != 0)
		return r;
	r = each_next(e);
	if (r == 1)
		return job_parent(j, (struct slice){0});
	return r != 0 ? r : fail(CS_SOME, "stdin: there is no parent");
}

void
job_release(struct job *j)
{
	request_release(&j->request);
	engine_close(&j->engine);
	auth_free(j->auth);
	pager_release(&j->pager);
	cursor_release(&j->cursor);
	state_release(&j->state);
	buf_release(&j->given);
}
