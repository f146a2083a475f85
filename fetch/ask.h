/*
 * A request of our own to a server that hands out credentials: one at a time, waited for, its answer
 * small and never shown.
 */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "opts.h"
#include "tape.h"

struct ask {
	const char *url;
	const char *what;  /* in messages: "token endpoint" */
	const char *type;  /* Content-Type of the body */
	char *header[2];   /* more lines, or NULL; owned, secret */
	struct buf body;   /* to POST; secret */
	bool patient;      /* the answer may be the only copy of something: a signal waits for it */
	bool once;         /* no second try */

	long status;       /* of the answer */
	struct buf answer; /* its body; secret */
	int64_t skew;      /* the server's clock less ours, seconds; INT64_MIN: it did not say */

	/* private */
	void *curl;
	struct tape tape;
};

/*
 * POST until there is an answer other than 408, 425, 429 and 5xx. 0: there is one, look at a->status. Else a CS_*
 * status after fail() said why, or -1 when a signal came. After once, CS_LATER comes with a->once said, not
 * failed.
 */
int ask(struct ask *a, const struct opts *o);
/* It as a curl(1) command line, secrets masked. */
void ask_show(const struct ask *a, struct buf *out);
/* The i-th field of that name in the answer's header, or NULL. */
const char *ask_field(const struct ask *a, const char *name, size_t i);
void ask_release(struct ask *a);

#endif
