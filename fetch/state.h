/*
 * What a run leaves to the next: cs-fetch's own part of a checkpoint.
 *
 *	{"v":1,"cursor":"2026-01-31T12:00:00Z","ordered":true,"token":"…","time":1769860800,
 *	 "resume":{"plan":"…","since":"…","started":…,"max":"…","ascending":true,
 *	           "records":700,"total":1200,"at":600,"hash":"…"}}
 *
 * resume is there while a run has not come to its end: at (offset or page number of the last whole page, with
 * the hash of its records) or next (what asks for the page to come). No secret is ever in it.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "cs.h"

struct state {
	char *cursor; /* everything before it has been seen; NULL: nothing has */
	bool ordered; /* the feed was ascending from end to end last time */
	bool descending; /* or the other way round */
	char *token;     /* the server's own, for --state-token; or NULL */
	int token_type;  /* its enum json_type */
	char *round;     /* --each: of a stream, the run that is not done; of a parent, the last it was done in */
	char *version;   /* of what was fetched, see etag.h; or NULL */
	int64_t time;    /* the server's clock at the last run's beginning, seconds, or -1 */

	bool unfinished;  /* the rest is of a run that did not end */
	char *since;      /* the lower bound it began with, or NULL */
	char *until;      /* the window's end, or NULL */
	char *max;        /* largest cursor so far, or NULL */
	bool ascending, falling; /* up to there; descending up to there */
	int64_t started;  /* the server's clock then, or -1 */
	uint64_t plan;    /* fingerprint of what was asked for */
	uint64_t records; /* received so far */
	uint64_t total;   /* last seen; UINT64_MAX: none */
	uint64_t at, hash;
	char *next; /* NULL: at and hash say where */
	int next_type; /* of next: its enum json_type */
	char *known;   /* what has been sent with the last keys, or NULL: known_format() */
};

void state_init(struct state *s);
void state_release(struct state *s);
/* Give the unfinished run up: what is left is the state to begin it again with. */
void state_forget(struct state *s);
/* Read p[0..n); null and {} are the state of nobody. 0, or CS_DATA after fail(). s is initialised here. */
int state_parse(struct state *s, const char *p, size_t n);
void state_format(const struct state *s, struct buf *out);

#endif
