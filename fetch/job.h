/* A stream on its way: where the parts of cs-fetch meet. */
#ifndef JOB_H
#define JOB_H

#include "auth.h"
#include "cursor.h"
#include "http.h"
#include "page.h"
#include "paginate.h"
#include "state.h"

struct job {
	const struct opts *o;
	struct auth *auth;
	struct http *http;
	struct buf given;   /* the state handed in, as it came; empty: none */
	struct state state; /* what it says, then what the next checkpoint says */
	struct cursor cursor;
	struct pager pager;
	struct page page;
	struct request request;
};

/* Ready to ask for the first page, or for the one an unfinished run stopped at. 0 or CS_*. */
int job_init(struct job *j, struct opts *o);
/* Forget the unfinished run and begin where that one began. */
int job_restart(struct job *j);
void job_release(struct job *j);

#endif
