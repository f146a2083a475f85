/*
 * --record and --replay: what servers said, a file for each request, without secrets.
 *
 * A file is called after the method, the path and a hash of the request (method, URL, header fields that page, body, each
 * masked), and how many times that was asked before, so that names do not depend on the order of requests. It holds
 *
 *	# GET https://api.example.org/items?page=2
 *	! cut: transfer closed with 17 bytes remaining      only where the reply was not whole; unframed: nothing marked
 *	HTTP/1.1 200 OK                                     its end; lost: there was none
 *	Content-Type: application/json
 *
 *	{"data":[...
 *
 * with the body decoded, as it may be edited. In a replay libcurl reads this from a socket, so all that
 * comes after the network is as it was; the clock stands still but for waits, which are over at once, and begins at the
 * time in the file "clock". Credentials are neither needed nor read.
 */
#ifndef TAPE_H
#define TAPE_H

#include <curl/curl.h>
#include <stdbool.h>

#include "buf.h"
#include "cs.h"
#include "opts.h"

/* One exchange; zeroed is ready. */
struct tape {
	bool secret; /* an answer that hands out a credential: strings and fields are kept by name alone */
	struct buf request, head, body;
	char *path;
	int fd; /* replay: where libcurl finds the reply; 0: nowhere */
};

/* As the settings say. 0, or CS_IO or CS_DATA after fail(). A replay makes the clock stand. */
int tape_open(struct opts *o);
/*
 * The request is about to be made by easy, which has its settings; fields: lines of the header that
 * are part of it. 0, or CS_DATA after fail(): there is no reply to it.
 */
int tape_begin(struct tape *t, CURL *easy, const char *method, const char *url, struct slice body,
    struct slice fields);
/* A line of the reply's header, and bytes of its body, decoded. */
void tape_head(struct tape *t, const char *line, size_t n);
void tape_body(struct tape *t, const char *p, size_t n);
/* The request is over: cut: NULL, or why there is no whole reply. 0, or CS_IO after fail(). */
int tape_end(struct tape *t, bool framed, const char *cut);
void tape_release(struct tape *t);

#endif
