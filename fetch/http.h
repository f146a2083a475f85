/*
 * One HTTP exchange at a time over kept connections. The only file that transfers with libcurl.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "body.h"
#include "opts.h"

/* What to ask for. */
struct request {
	struct buf url;    /* without credentials */
	struct buf fields; /* "Name: value\n" for each header field that pages */
	struct buf body;   /* instead of the one that the settings have; empty: that one */
	bool foreign;      /* another host: nothing of ours but the URL */
};

void request_clear(struct request *r);
void request_copy(struct request *to, const struct request *from);
void request_release(struct request *r);

enum http_result {
	HTTP_OK,      /* an answer, whole as far as HTTP can tell */
	HTTP_STOPPED, /* the sink did not want more */
	HTTP_BROKEN,  /* no answer or half of one: worth another try */
	HTTP_DAMAGED, /* the content coding is broken: perhaps worth another try */
	HTTP_FAILED,  /* will not get better: certificates, malformed URLs */
	HTTP_SIGNAL   /* we are told to end */
};

/* What came of it. */
struct reply {
	int (*sink)(
	    void *arg, long status, const char *p, size_t n); /* decoded body; non-zero stops */
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

/* o and auth are kept. Ends the process with CS_USAGE when a setting is not for this libcurl. */
struct rate;

struct http *http_new(const struct opts *o, struct auth *auth);
void http_free(struct http *h);
struct auth *http_auth(const struct http *h);
/* An enum http_result, or a CS_* status after fail(): no credential could be had. r->sink and r->arg are in place; tick (or NULL) is called about once a second. */
int http_run(struct http *h, const struct request *q, struct reply *r, void (*tick)(void));
/* How fast the credential that is next may ask; and the one that was next when that was asked. */
struct rate *http_turn(struct http *h);
struct rate *http_rate(struct http *h);
/* A field of the last answer, the i-th line of that name; NULL when there is none. Valid until the next run. */
const char *http_field(struct http *h, const char *name, size_t i);
/* All of them as a JSON object: names in lower case, several values of one name joined by commas. */
void http_headers(struct http *h, struct buf *out);
/* GET, or POST where there is something to send, or what the user said. */
const char *http_method(const struct opts *o);
/* Is there a body, or a method other than GET and HEAD? */
bool http_sends(const struct opts *o);
/* The request as a curl(1) command line, secrets masked. */
void http_curl(struct http *h, const struct request *q, struct buf *out);

#endif
