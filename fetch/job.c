#include "job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

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

/* Cursor and pager for the state as it is. */
static int
set_out(struct job *j)
{
	struct buf since = {0};
	int r = cursor_init(&j->cursor, j->o, &j->state);

	buf_adds(&since, "");
	if (r == 0 && j->o->since_param.text != NULL)
		r = cursor_param(&j->cursor, &since);
	if (r == 0)
		r = pager_init(&j->pager, j->o, auth_param(j->auth), since.p);
	buf_release(&since);
	return r;
}

int
job_restart(struct job *j)
{
	if (j->o->verbose)
		say("what the last run left unfinished cannot be taken up again: from its "
		    "beginning");
	cursor_release(&j->cursor);
	pager_release(&j->pager);
	state_forget(&j->state);
	return set_out(j);
}

int
job_init(struct job *j, struct opts *o)
{
	int r;

	*j = (struct job){.o = o};
	j->auth = auth_new(o);
	if ((r = read_state(j)) != 0)
		return r;
	if (j->state.unfinished && (o->full || !o->incremental) && j->state.since != NULL)
		state_forget(&j->state);
	if ((r = set_out(j)) != 0)
		return r;
	j->http = http_new(o, j->auth);
	page_init(&j->page, o);
	if (j->state.unfinished && !pager_load(&j->pager, &j->state))
		r = job_restart(j);
	return r;
}

void
job_release(struct job *j)
{
	request_release(&j->request);
	page_release(&j->page);
	http_free(j->http);
	auth_free(j->auth);
	pager_release(&j->pager);
	cursor_release(&j->cursor);
	state_release(&j->state);
	buf_release(&j->given);
}
