/*
 * Requests, answers, and the routes between them.
 *
 * Every handler runs under the server's lock, in its connection's own thread; it fills an answer that is
 * zeroed but for status 200. Strings of a request live as long as the request.
 */
#ifndef SERVER_H
#define SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "data.h"
#include "faults.h"
#include "records.h"
#include "text.h"

#define MAX_PARAMS  32
#define MAX_HEADERS 6

struct param {
	const char *name, *value; /* decoded */
	bool used;
};

struct request {
	struct MHD_Connection *mhd;
	const char *method, *path;
	char *raw; /* request target as received; owned */
	const char *host;
	struct text body;
	struct param params[MAX_PARAMS];
	size_t nparams;
	struct faults faults;
	const char *auth; /* "ok", "bad" or "absent" */
	uint64_t conn;
	bool started, too_many, too_large;
	struct text bad_fault; /* why the faults asked for cannot be had */
};

/* A body: text, then records, then text. The records are made when they are sent. */
struct answer {
	int status;
	const char *type; /* default: application/json */
	struct {
		const char *name;
		char *value; /* owned */
	} header[MAX_HEADERS];
	size_t nheader;
	struct text head, tail;
	render_fn *render;
	enum resource r;
	uint32_t *v; /* record numbers; owned */
	size_t len, next;
	const char *between;
	size_t others;  /* records written straight into head */
	uint32_t first; /* of the whole selection, where there is one */
	bool null_parents, has_first;
};

typedef void route_fn(struct request *req, struct answer *a);

struct route {
	const char *method, *path; /* a path that ends in / also serves what is below it */
	route_fn *fn;
	const char *help;
};

extern const struct route user_routes[], account_routes[], humaans_routes[], oauth_routes[], control_routes[];

/* A line for each route. */
void routes_help(struct text *t);
/* The playground's own state: the order of its users, its companies and departments. newest is in ms. */
void users_init(uint64_t seed, int64_t newest);
void users_reset(void);
/* How many accounts there are, and items of each. */
void accounts_init(int64_t count, int64_t each);
/* No token is out, and nothing is set to go wrong. */
void oauth_reset(void);

struct server_opts {
	uint32_t address; /* IPv4, in host order */
	uint16_t port; /* 0: any free one */
	bool rate_limit, retry_after;
	double capacity, refill; /* tokens; tokens a second */
};

extern pthread_mutex_t server_lock;
extern atomic_bool server_stopping;

/* Listen on 127.0.0.1; returns the port, or ends the program with the reason. */
uint16_t server_start(const struct server_opts *o);
void server_stop(void);
/* Full token bucket again. */
void server_refill(void);

/* A parameter's value, or null. Marks it as known. */
const char *param(struct request *req, const char *name);
/* An integer parameter; false after answering 400. */
bool param_int(
    struct request *req, struct answer *a, const char *name, int64_t min, int64_t max, int64_t *v);
/* False after answering 400 if there is a parameter that nobody asked for. */
bool params_known(struct request *req, struct answer *a);
const char *header(const struct request *req, const char *name);

/* {"error":"..."} */
void answer_error(struct answer *a, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The way Humaans says it; code is also its name. */
void answer_humaans_error(struct answer *a, int status, const char *code, const char *message);
void answer_html(struct answer *a, int status, const char *title, const char *words);
/* name must be a literal; value is copied. */
void answer_header(struct answer *a, const char *name, const char *value);
/* Move the body to t until t holds `want` bytes or the body ends. */
void answer_pull(struct answer *a, struct text *t, size_t want);
void answer_release(struct answer *a);

/* What part of a selection a page shows, after the faults had their say. */
struct page {
	const uint32_t *all;         /* the selection */
	size_t first, len, matching; /* the page's part of it; its size */
	int64_t skip, limit, total;  /* as the reply tells them */
	bool more, stay;             /* there is a next page; and it is this one again */
};

/* The page size the server grants to who asks for limit. */
int64_t page_size(const struct request *req, int64_t limit);
void page_make(struct page *p, const struct request *req, enum resource r, const struct query *q,
    int64_t skip, int64_t limit);
/*
 * Open the array that holds the page: `before`, then member name ("\"data\":", or "" for a root array). Closing
 * it is the start of a->tail; the caller adds the rest.
 */
void answer_list(struct answer *a, const struct request *req, enum resource r, const struct page *p,
    render_fn *render, const char *before, const char *member);
/* Change the data under the list just answered, if the drift fault asks for it. */
void answer_drift(const struct request *req, const struct answer *a);
/* Faults of the body as a whole, once all of it is in a->head: html, error-200, bad-json. */
void answer_spoil(struct answer *a, const struct faults *f);
/* The status and redirect faults; false where neither is asked for. */
bool answer_fault(struct answer *a, const struct request *req);

#endif
