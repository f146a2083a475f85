#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "report.h"
#include "scan.h"

static int
by_name(const void *name, const void *at)
{
	return strcmp(name, *(char *const *)at);
}

/* Is it called after another stream, NAME/...? They are in order. */
static bool
within(const struct names *names, const char *name)
{
	bool found = false;

	for (const char *p = strchr(name, '/'); p != NULL && !found; p = strchr(p + 1, '/')) {
		char *other = xstrndup(name, p - name);

		found = bsearch(other, names->name, names->n, sizeof *names->name, by_name) != NULL;
		free(other);
	}
	return found;
}

/* CS_SOME: there is no such stream, or it is a part of another, which never runs by itself and of which that tells enough. */
static int
report_get(struct store *s, const struct names *names, const char *stream, struct report *r)
{
	int status;

	memset(r, 0, sizeof *r);
	r->stream = stream;
	status = store_runs(s, stream, &r->runs);
	if (status != CS_OK || (r->runs.n == 0 && within(names, stream)))
		return status != CS_OK ? status : CS_SOME;
	status = store_get(s, stream, &r->state);
	if (status == CS_SOME && r->runs.n > 0)
		status = CS_OK;
	if (r->runs.n > 0)
		r->last = &r->runs.row[0];
	for (size_t i = 0; i < r->runs.n && r->good == NULL; i++)
		if (r->runs.row[i].done)
			r->good = &r->runs.row[i];
	/* Without an end it is going on, or its cs-state was killed. */
	r->running = r->last != NULL && r->last->ended_at == NULL && lease_held(s, stream);
	return status;
}

int
reports_get(struct store *s, const char *stream, struct reports *r)
{
	int status = CS_OK, rc;

	if (stream == NULL)
		status = store_streams(s, &r->names);
	else
		names_add(&r->names, xstrdup(stream));
	r->v = xcalloc(r->names.n + 1, sizeof *r->v);
	for (size_t i = 0; i < r->names.n; i++) {
		rc = report_get(s, &r->names, r->names.name[i], &r->v[r->n]);
		if (rc != CS_OK && rc != CS_SOME)
			status = rc;
		if (rc == CS_SOME) {
			state_row_release(&r->v[r->n].state);
			run_rows_release(&r->v[r->n].runs);
		} else
			r->n++;
	}
	return status == CS_OK && stream != NULL && r->n == 0 ? CS_SOME : status;
}

void
reports_release(struct reports *r)
{
	for (size_t i = 0; i < r->n; i++) {
		state_row_release(&r->v[i].state);
		run_rows_release(&r->v[i].runs);
	}
	free(r->v);
	names_release(&r->names);
}

const char *
report_outcome(const struct report *r)
{
	if (r->last == NULL)
		return NULL;
	if (r->last->ended_at != NULL)
		return r->last->done ? "ok" : "failed";
	return r->running ? "running" : "killed";
}

static void
text_json(struct buf *b, const char *name, const char *text)
{
	buf_addf(b, ",\"%s\":", name);
	if (text != NULL)
		json_quote(b, text, strlen(text));
	else
		buf_adds(b, "null");
}

void
report_json(struct buf *b, const struct report *r)
{
	buf_adds(b, "{\"stream\":");
	json_quote(b, r->stream, strlen(r->stream));
	if (r->state.version > 0)
		buf_addf(b, ",\"version\":%" PRId64, r->state.version);
	else
		buf_adds(b, ",\"version\":null");
	text_json(b, "updated_at", r->state.updated_at);
	text_json(b, "last_success", r->good != NULL ? r->good->started_at : NULL);
	text_json(b, "outcome", report_outcome(r));
	buf_adds(b, ",\"last_run\":");
	if (r->last != NULL)
		run_row_json(b, r->stream, r->last);
	else
		buf_adds(b, "null");
	buf_addc(b, '}');
}
