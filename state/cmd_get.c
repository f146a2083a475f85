#include <err.h>
#include <string.h>
#include <unistd.h>

#include "acks.h"
#include "scan.h"
#include "state.h"

int
finish(struct out *out, int status)
{
	if (out_close(out) == 0)
		return status;
	warn("stdout");
	return CS_IO;
}

/* Finding nothing is no error: the status says it, and nothing is printed. */
int
cmd_get(struct store *s, const struct opts *o)
{
	struct state_row r;
	struct out out;
	uint64_t n;
	int status;

	out_open(&out, STDOUT_FILENO);
	if (o->parts) {
		status = parts_count(s, o->stream, &n);
		if (status == CS_OK)
			status = n > 0 ? parts_write(s, o->stream, &out) : CS_SOME;
		return finish(&out, status);
	}
	status = store_get(s, o->stream, &r);
	if (status == CS_OK) {
		out_line(&out, r.state, strlen(r.state));
	} else if (status == CS_SOME && o->fallback != NULL) {
		out_line(&out, o->fallback, strlen(o->fallback));
		status = CS_OK;
	}
	state_row_release(&r);
	return finish(&out, status);
}
