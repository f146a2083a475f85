/*
 * What page.c, part.c and verdict.c have in common, and nobody else.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include "page.h"

static inline bool
good(long status)
{
	return status >= 200 && status <= 299;
}

static inline bool
is_program(const struct path *path)
{
	return path != NULL && path->jq != NULL;
}

/* Does a program of the user's judge replies? */
static inline bool
has_judge(const struct opts *o)
{
	return o->retry_if != NULL || o->fail_if != NULL;
}

/* What to do with an answer: 0 take it, 1 try again, else final. */
enum { TAKE = 0, AGAIN = 1 };

struct verdict {
	int code;      /* status when there are no more tries */
	int64_t after; /* ms, or -1 */
	const char *what;
	bool at_once; /* with another credential */
};

/* For rate_reply() and quota_read(). */
static inline const char *
field(void *http, const char *name, size_t i)
{
	return http_field(http, name, i);
}

/* TAKE, AGAIN with the verdict, or a CS_* status after fail(). result: an enum http_result. */
int page_judge(struct page *p, int result, struct verdict *v);
/* fail() with the URL, the status, what, and how the body begins. Returns code. */
int page_fail(struct page *p, int code, const char *what);
/* It has come to its end with code, which fail() has explained unless it is 0. */
void page_settle(struct page *p, int code);

/* Bytes of records it may hold. */
size_t page_most(const struct page *p, long status);
/*
 * What was written before a try failed has to come again: it is compared by its fingerprint and left out. 0, or
 * CS_PROTOCOL after fail(). ended: no more records come.
 */
int page_leave_out(struct page *p, bool ended);
/* All of its records have come. As above. */
int page_complete(struct page *p);

#endif
