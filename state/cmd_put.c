#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "acks.h"
#include "state.h"

static int
flush(void *out)
{
	return out_flush(out);
}

/* Take in and pass on each line. A checkpoint is in the store before its line is in the buffer. */
static int
transfer(struct acks *a, struct lines *l, struct out *out)
{
	char where[48];
	const char *p;
	size_t n;
	int rc, status = CS_OK;

	while (status == CS_OK && out->error == 0 && (rc = lines_next(l, &p, &n)) != LINES_EOF) {
		snprintf(where, sizeof where, "%s:%" PRIu64, l->name, l->lineno);
		switch (rc) {
		case LINES_OK:
			status = acks_line(a, where, p, n);
			if (status == CS_OK)
				out_line(out, p, n);
			break;
		case LINES_ERROR:
			warn("%s", l->name);
			status = CS_IO;
			break;
		case LINES_TOOLONG:
			warnx("%s: line is over 64 MiB", where);
			status = CS_DATA;
			break;
		default: /* LINES_STOP: stdout failed */
			break;
		}
	}
	return status;
}

/* Did what came say that it is complete? */
static int
verdict(const struct acks *a)
{
	if (a->code != 0) {
		warnx("stdin: %s", a->message);
		return (int)a->code;
	}
	if (a->ended || (!a->begun && a->checkpoints == 0))
		return CS_OK;
	if (a->begun) {
		warnx("stdin: a stream began but did not end");
		return CS_DATA;
	}
	warnx("stdin: no \"end\" line came: look at the loader's own status too");
	return CS_OK;
}

int
cmd_put(struct store *s, const struct opts *o)
{
	struct acks a = {.store = s, .stream = o->stream, .force = o->force, .records = -1};
	struct lines l;
	struct out out;
	int status;

	out_open(&out, STDOUT_FILENO);
	lines_open(&l, STDIN_FILENO, "stdin", 0);
	l.idle = flush;
	l.arg = &out;
	status = transfer(&a, &l, &out);
	if (status == CS_OK)
		status = verdict(&a);
	lines_close(&l);
	acks_release(&a);
	return finish(&out, status);
}
