#include <err.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "state.h"

static void
print(struct buf *b, const char *stream, const struct state_row *r, bool json)
{
	if (json) {
		state_row_json(b, stream, r);
		return;
	}
	buf_addf(b, "%" PRId64 "\t", r->version);
	name_show(b, r->updated_at);
	buf_addc(b, '\t');
	name_show(b, r->run != NULL ? r->run : "-");
	buf_addc(b, '\t');
	if (r->records >= 0)
		buf_addf(b, "%" PRId64 "\t", r->records);
	else
		buf_adds(b, "-\t");
	name_show(b, r->state);
}

int
cmd_history(struct store *s, const struct opts *o)
{
	struct state_rows rows = {0};
	struct buf b = {0};
	struct out out;
	int status;

	out_open(&out, STDOUT_FILENO);
	status = store_history(s, o->stream, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		buf_clear(&b);
		print(&b, o->stream, &rows.row[i], o->json);
		out_line(&out, b.p, b.len);
	}
	state_rows_release(&rows);
	buf_release(&b);
	return finish(&out, status);
}

/* The version to go back to: the one before, or the one asked for; NULL when it is not kept. */
static const struct state_row *
target(const struct state_rows *rows, int64_t version)
{
	for (size_t i = 1; i < rows->n; i++)
		if (version < 0 || rows->row[i].version == version)
			return &rows->row[i];
	return NULL;
}

/* Going back is a step forward in versions, so that it can be taken back too. */
int
cmd_undo(struct store *s, const struct opts *o)
{
	struct state_rows rows = {0};
	const struct state_row *to;
	int status;

	status = store_history(s, o->stream, &rows);
	if (status == CS_SOME) {
		warnx("no stream \"%s\" in %s", o->stream, s->spec);
	} else if (status == CS_OK && (to = target(&rows, o->version)) == NULL) {
		warnx("stream \"%s\": that version is not kept: see cs-state history", o->stream);
		status = CS_SOME;
	} else if (status == CS_OK) {
		status = store_put(s, o->stream, to, rows.row[0].version, NULL);
		if (status == CS_FENCED)
			warnx("stream \"%s\" was changed meanwhile; nothing was stored", o->stream);
	}
	state_rows_release(&rows);
	return status;
}
