/* A stream on its way: where the parts of cs-fetch meet. */
#ifndef JOB_H
#define JOB_H

#include "auth.h"
#include "cursor.h"
#include "each.h"
#include "engine.h"
#include "paginate.h"
#include "state.h"

struct job {
	const struct opts *o;
	struct opts *opts; /* the same */
	struct auth *auth;
	struct engine engine;
	struct buf given;   /* the state handed in, as it came; empty: none */
	struct state state; /* what it says, then what the next checkpoint says */
	struct cursor cursor;
	struct pager pager;
	struct page *page; /* the last one; NULL before it */
	struct request request;
	uint64_t identity; /* of the first request, for etag_ask() */
	bool expires; /* the server may say that what the state has is too old: 410 */
};

/* Ready to ask for the first page, or for the one an unfinished run stopped at. 0 or CS_*. */
int job_init(struct job *j, struct opts *o);
/* --each: ready for a parent, of which state is stored, or nothing if .p is NULL. 0 or CS_*. */
int job_parent(struct job *j, struct slice state);
/* What the i-th parent behind the one at hand will be asked for first; false: not known yet. round: of the parents. */
bool job_peek_parent(const struct job *j, struct each *e, size_t i, const char *round, struct request *q);
/* The first parent on stdin, to look at its request; nothing without --each. 0, CS_SOME when there is none, or CS_*. */
int job_first_parent(struct job *j, struct each *e);
/* Forget the unfinished run and begin where that one began. */
int job_restart(struct job *j);
/* The server does not know any more what the state has: everything, then. */
int job_expire(struct job *j);
/* On to the next window, which there is. 0, or a CS_* status after fail(). */
int job_next(struct job *j);
/* What the i-th window behind the one at hand will be asked for first; false: there is none. */
bool job_peek_window(const struct job *j, uint64_t i, struct request *q);
/* The pager is at --max-offset: go on at 0 from the cursor. 0, or a CS_* status after fail(). */
int job_anchor(struct job *j);
/* The last page: --state-token. 0, or a CS_* status after fail(). */
int job_token(struct job *j, const struct page *page, struct http *h);
void job_release(struct job *j);

#endif
