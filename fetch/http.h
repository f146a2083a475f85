/*
 * One HTTP exchange at a time, of which a loop runs several. Connections are kept.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "body.h"
#include "request.h"

enum http_result {
	HTTP_OK,      /* an answer, whole as far as HTTP can tell */
	HTTP_STOPPED, /* the sink did not want more */
	HTTP_BROKEN,  /* no answer or half of one: worth another try */
	HTTP_DAMAGED, /* the content coding is broken: perhaps worth another try */
	HTTP_FAILED   /* will not get better: certificates, malformed URLs */
};

/* What came of it. */
struct reply {
	int (*sink)(void *arg, long status, const char *p, size_t n); /* decoded body; an enum sink */
	void (*done)(void *arg, int result); /* an enum http_result; may start another */
	void *arg;

	long status;
	bool framed;    /* the end of the body was marked by length or chunks */
	uint64_t ms;    /* it took */
	struct buf why; /* for all but HTTP_OK */
	int code;       /* of HTTP_FAILED: the exit status */
	unsigned serial; /* of the credential that was sent */
	struct body body;
};

struct http;
struct loop;
struct rate;

/* All are kept; rates has one for each credential. Ends the process with CS_USAGE when a setting is not for this libcurl. */
struct http *http_new(
    struct loop *l, struct rate **rates, const struct opts *o, struct auth *auth);
void http_free(struct http *h);
/*
 * Begin. r->sink, r->done and r->arg are in place, and r and q stay until done() or http_cancel(). 0, or what auth_stamp()
 * returned: no credential could be had.
 */
int http_start(struct http *h, const struct request *q, struct reply *r);
/* After SINK_FULL: the sink takes more. It and done() may be called before this returns. */
void http_resume(struct http *h);
/* End it without done(); nothing if none runs. */
void http_cancel(struct http *h);
/* When, by clock_ms(), to call http_tick(), which ends a transfer that has stalled. While one runs. */
uint64_t http_due(const struct http *h);
void http_tick(struct http *h, uint64_t now);
/* For how many ms it has waited, at now, for the first byte of an answer; 0 while there is no connection, or there is a byte. */
uint64_t http_waits(const struct http *h, uint64_t now);
struct auth *http_auth(const struct http *h);
/* How fast the credential that is next may ask; and the one that was next when that was asked. */
struct rate *http_turn(struct http *h);
struct rate *http_rate(struct http *h);
/* A field of the last answer, the i-th line of that name; NULL when there is none. Valid until the next start. */
const char *http_field(struct http *h, const char *name, size_t i);
/* All of them as a JSON object: names in lower case, several values of one name joined by commas. */
void http_headers(struct http *h, struct buf *out);
/* The request as a curl(1) command line, secrets masked. */
void http_curl(struct http *h, const struct request *q, struct buf *out);

#endif
