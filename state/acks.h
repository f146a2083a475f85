/*
 * Acknowledgements: the control lines that a loader prints, and storing the checkpoints among them.
 */
#ifndef ACKS_H
#define ACKS_H

#include "store.h"

struct acks {
	struct store *store;
	const char *stream; /* the one that lines may speak of, with its parts; NULL: any that they name */
	const char *run;    /* the run of checkpoints that name none, or NULL */
	bool force;	    /* store whatever is stored already */
	bool leased;	    /* nobody else runs the stream: no checkpoint is an older run's */

	/* what has come so far */
	uint64_t checkpoints;
	bool begun, ended;
	int64_t records; /* of the last end or checkpoint; -1: not known */
	int64_t code;	 /* of an error line; 0: there was none */
	char *counts;	 /* of the end line, JSON, or NULL */
	char *fetch;	 /* of the end or error line: what cs-fetch counted, likewise */
	char *message;	 /* what went wrong: an error line's words or ours; or NULL */
	void *seen;	 /* private: the version of each stream that the next checkpoint replaces */
};

/* Of stream, this version is there: a checkpoint that finds another is refused. */
void	acks_expect(struct acks *a, const char *stream, int64_t version);
/*
 * Take in one line of whatever kind; where is "stdin:7" or the like, for messages. When it returns
 * CS_OK its checkpoint is durable. Else the reason was printed and is a->message too.
 */
int	acks_line(struct acks *a, const char *where, const char *p, size_t n);
void	acks_release(struct acks *a);

/*
 * What is wrong with a state to be stored: NULL, or the reason (static). force: an empty one
 * is as good as any.
 */
const char *state_check(const char *p, size_t n, bool force);

#endif
