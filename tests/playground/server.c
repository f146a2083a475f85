#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth.h"
#include "log.h"
#include "server.h"
#include "wire.h"

#define MAX_UPLOAD   ((size_t)1 << 20)
#define STREAM_ABOVE 2000 /* records; fewer are sent with a Content-Length */

pthread_mutex_t server_lock = PTHREAD_MUTEX_INITIALIZER;
atomic_bool server_stopping;

static struct server_opts opts;
static struct MHD_Daemon *server;
static atomic_uint_fast64_t connections;
static double tokens, tokens_at; /* in the bucket; at this second */

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
server_refill(void)
{
	tokens = opts.capacity;
	tokens_at = now();
}

/* Take a token, or answer 429. */
static bool
admitted(struct answer *a)
{
	double t = now();
	char wait[16];

	if (!opts.rate_limit)
		return true;
	tokens += (t - tokens_at) * opts.refill;
	tokens_at = t;
	if (tokens > opts.capacity)
		tokens = opts.capacity;
	if (tokens >= 1) {
		tokens -= 1;
		return true;
	}
	answer_error(a, 429, "Rate limit exceeded");
	if (opts.retry_after) {
		snprintf(wait, sizeof(wait), "%d", (int)((1 - tokens) / opts.refill) + 1);
		answer_header(a, "Retry-After", wait);
	}
	return false;
}

const char *
header(const struct request *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const char *
param(struct request *req, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < req->nparams; i++) {
		if (strcmp(req->params[i].name, name) != 0)
			continue;
		req->params[i].used = true;
		if (value == NULL)
			value = req->params[i].value;
	}
	return value;
}

bool
param_int(
    struct request *req, struct answer *a, const char *name, int64_t min, int64_t max, int64_t *v)
{
	const char *s = param(req, name);

	if (s == NULL || parse_int(s, min, max, v))
		return true;
	if (max == INT64_MAX || max == INT32_MAX)
		answer_error(
		    a, 400, "%s must be an integer of at least %lld", name, (long long)min);
	else
		answer_error(a, 400, "%s must be an integer from %lld to %lld", name,
		    (long long)min, (long long)max);
	return false;
}

bool
params_known(struct request *req, struct answer *a)
{
	for (size_t i = 0; i < req->nparams; i++) {
		if (req->params[i].used || strcmp(req->params[i].name, "_fault") == 0)
			continue;
		answer_error(a, 400, "unknown parameter: %s", req->params[i].name);
		return false;
	}
	return true;
}

static bool
below(const char *path, const char *route)
{
	size_t len = strlen(route);

	return len > 1 && route[len - 1] == '/' ? strncmp(path, route, len) == 0
						: strcmp(path, route) == 0;
}

/* The route for the request; *allowed says whether its path has one with another method. */
static const struct route *
find_route(const struct request *req, bool *allowed)
{
	static const struct route *const all[] = {
	    user_routes, account_routes, humaans_routes, oauth_routes, control_routes};
	const char *method = strcmp(req->method, "HEAD") == 0 ? "GET" : req->method;

	*allowed = false;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (const struct route *r = all[i]; r->path; r++) {
			if (!below(req->path, r->path))
				continue;
			if (strcmp(method, r->method) == 0)
				return r;
			*allowed = true;
		}
	}
	return NULL;
}

static void
route(struct request *req, struct answer *a)
{
	bool other_method;
	const struct route *r = find_route(req, &other_method);

	if (req->too_large)
		answer_error(a, 413, "the body is too large");
	else if (req->too_many)
		answer_error(a, 400, "more than %d parameters", MAX_PARAMS);
	else if (r != NULL)
		r->fn(req, a);
	else if (other_method)
		answer_error(a, 405, "%s is not for this path", req->method);
	else if (strstr(req->path, "/api/") != NULL)
		answer_humaans_error(a, 404, "NotFound", "Page not found");
	else
		answer_html(a, 404, "Not Found", "Nothing lives at this address.");
}

static enum MHD_Result
add_param(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *req = cls;

	(void)kind;
	req->too_many = req->nparams == MAX_PARAMS;
	if (!req->too_many)
		req->params[req->nparams++] =
		    (struct param){.name = name, .value = value ? value : ""};
	return req->too_many ? MHD_NO : MHD_YES;
}

static void
collect(struct request *req)
{
	MHD_get_connection_values(req->mhd, MHD_GET_ARGUMENT_KIND, add_param, req);
	req->host = header(req, "Host");
	if (req->path[0] == '/' && req->path[1] == '_')
		return;
	const char *spec = param(req, "_fault");
	if (spec == NULL || faults_add(&req->faults, spec, &req->bad_fault))
		if ((spec = header(req, "X-Playground-Fault")) != NULL)
			faults_add(&req->faults, spec, &req->bad_fault);
	faults_collect(&req->faults, req->path);
}

/* Everything that needs the lock: find the answer and make as much of it as is to be in memory. */
static void
answer(struct request *req, struct answer *a, bool control)
{
	struct text body = {0};
	size_t records;

	auth_guess(req);
	if (req->bad_fault.len > 0)
		answer_error(a, 400, "%s", req->bad_fault.p);
	else if ((control || admitted(a)) && !answer_fault(a, req))
		route(req, a);
	records = a->len + a->others;
	if (a->len <= STREAM_ABOVE || wire_needs_whole(&req->faults)) {
		answer_pull(a, &body, SIZE_MAX);
		a->head = body;
	}
	answer_drift(req, a);
	answer_spoil(a, &req->faults);
	if (!control)
		log_request(req, a->status, records);
}

static enum MHD_Result
respond(struct request *req)
{
	struct answer a = {.status = 200};
	bool control = req->path[0] == '/' && req->path[1] == '_';

	pthread_mutex_lock(&server_lock);
	collect(req);
	pthread_mutex_unlock(&server_lock);
	wire_sleep(fault_number(&req->faults, DELAY, 0));
	pthread_mutex_lock(&server_lock);
	if (fault_has(&req->faults, HANG))
		log_request(req, 0, 0);
	else
		answer(req, &a, control);
	pthread_mutex_unlock(&server_lock);
	if (fault_has(&req->faults, HANG))
		return wire_hang(req);
	enum MHD_Result result = wire_send(req, &a);
	answer_release(&a);
	return result;
}

/* The first libmicrohttpd tells of a request: the target as it came. */
static void *
request_new(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct request *req = calloc(1, sizeof(*req));

	(void)cls;
	if (req == NULL || (req->raw = strdup(uri)) == NULL)
		err(74, "out of memory");
	req->mhd = c;
	req->auth = "absent";
	req->conn = (uintptr_t)MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;
	return req;
}

static void
request_done(
    void *cls, struct MHD_Connection *c, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct request *req = *con_cls;

	(void)cls;
	(void)c;
	(void)code;
	if (req == NULL)
		return;
	free(req->raw);
	text_release(&req->body);
	text_release(&req->bad_fault);
	faults_release(&req->faults);
	free(req);
	*con_cls = NULL;
}

/* Called once with the headers, then with pieces of the body, then to answer. */
static enum MHD_Result
handle(void *cls, struct MHD_Connection *c, const char *url, const char *method,
    const char *version, const char *data, size_t *size, void **con_cls)
{
	struct request *req = *con_cls;

	(void)cls;
	(void)c;
	(void)version;
	if (!req->started) {
		req->started = true;
		return MHD_YES;
	}
	if (*size > 0) {
		req->too_large = req->too_large || req->body.len + *size > MAX_UPLOAD;
		if (!req->too_large)
			text_add(&req->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	req->path = url;
	req->method = method;
	return respond(req);
}

static void
connected(
    void *cls, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
	(void)cls;
	(void)c;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = (void *)(uintptr_t)(atomic_fetch_add(&connections, 1) + 1);
}

uint16_t
server_start(const struct server_opts *o)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons(o->port),
	    .sin_addr.s_addr = htonl(o->address)};

	opts = *o;
	server_refill();
	server = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL,
	    NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
	    MHD_OPTION_URI_LOG_CALLBACK, request_new, NULL, MHD_OPTION_NOTIFY_COMPLETED,
	    request_done, NULL, MHD_OPTION_NOTIFY_CONNECTION, connected, NULL,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072, MHD_OPTION_CONNECTION_LIMIT, 1000u,
	    MHD_OPTION_LISTEN_BACKLOG_SIZE, 511u, MHD_OPTION_END);
	if (server == NULL)
		err(74, "cannot listen on %s:%u", inet_ntoa(addr.sin_addr), o->port);
	return MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void
server_stop(void)
{
	atomic_store(&server_stopping, true);
	MHD_stop_daemon(server);
}
