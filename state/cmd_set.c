#include <err.h>
#include <errno.h>
#include <string.h>

#include "acks.h"
#include "file.h"
#include "scan.h"
#include "state.h"

int
cmd_set(struct store *s, const struct opts *o)
{
	struct buf in = {.max = STORE_STATE_MAX + 2}, state = {0};
	struct state_row r = {.records = -1}, now;
	const char *why;
	int status;

	if (strcmp(o->args[0], "-") != 0) {
		if (buf_adds(&in, o->args[0]) < 0)
			errx(CS_DATA, "the state is over 10 MiB");
	} else if (file_read(&in, "-") < 0) {
		if (errno == EFBIG)
			errx(CS_DATA, "stdin: the state is over 10 MiB");
		err(CS_IO, "stdin");
	}
	if ((why = state_check(in.p, in.len, o->force)) != NULL)
		errx(CS_DATA, "the state of stream \"%s\": %s%s", o->stream, why,
		    strncmp(why, "empty", 5) == 0 ? "; --force stores it" : "");
	json_compact(&state, in.p, in.len);
	r.state = state.p;
	status = store_put(s, o->stream, &r, o->version, NULL);
	if (status == CS_FENCED) {
		if (store_get(s, o->stream, &now) <= CS_SOME)
			warnx("stream \"%s\" is at version %lld, not %lld; nothing was stored",
			    o->stream, (long long)now.version, (long long)o->version);
		state_row_release(&now);
	}
	buf_release(&in);
	buf_release(&state);
	return status;
}
