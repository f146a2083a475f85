/*
 * What there is to say of a stream.
 */
#ifndef REPORT_H
#define REPORT_H

#include "store.h"

struct report {
	const char *stream; /* the caller's */
	struct state_row state; /* version 0: none */
	struct run_rows runs;
	const struct run_row *last; /* or NULL */
	const struct run_row *good; /* the last that came to its end, or NULL */
	bool running;
};

/* Those of many streams. */
struct reports {
	struct report *v;
	size_t n;
	struct names names;
};

/*
 * What there is to say of all streams, or of one alone (CS_SOME when there is none). CS_OK or the status to
 * exit with, when some may be missing; release r either way.
 */
int	reports_get(struct store *s, const char *stream, struct reports *r);
void	reports_release(struct reports *r);
/*
 * How the last run went: "ok", "failed", "running", "killed" before it could say; NULL: there
 * was none.
 */
const char *report_outcome(const struct report *r);
/* Append it as a JSON object. */
void	report_json(struct buf *b, const struct report *r);

#endif
