/* What tests steer the server with: data that changes, faults to come, the log. No credentials needed. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "server.h"

#define MAX_TOUCHED 1000000

static void
show_log(struct request *req, struct answer *a)
{
	const struct text *lines = log_lines();

	(void)req;
	a->type = "application/x-ndjson";
	if (lines->len > 0)
		text_add(&a->head, lines->p, lines->len);
}

static void
clear_log(struct request *req, struct answer *a)
{
	(void)req;
	log_clear();
	text_lit(&a->head, "{}\n");
}

/* The resource and count parameters, and no others but same. */
static bool
take_target(struct request *req, struct answer *a, enum resource *r, int64_t *count)
{
	const char *name = param(req, "resource");
	int known = name ? data_resource(name) : -1;

	*count = 1;
	param(req, "same");
	if (known < 0)
		answer_error(
		    a, 400, "resource must be users, companies, documents, job-roles or people");
	else
		*r = (enum resource)known;
	return known >= 0 && param_int(req, a, "count", 1, MAX_TOUCHED, count) &&
	       params_known(req, a);
}

static void
put_touched(struct answer *a, enum resource r, const uint32_t *v, size_t len)
{
	struct record rec;
	char id[37];

	text_fmt(&a->head, "{\"resource\":\"%s\",\"count\":%zu,\"ids\":[", data_name(r), len);
	for (size_t i = 0; i < len; i++) {
		data_record(r, v[i], &rec);
		if (r == USERS)
			user_id(&rec, id);
		else
			data_id(r, v[i], id);
		text_fmt(&a->head, "%s\"%s\"", i ? "," : "", id);
	}
	text_lit(&a->head, "]}\n");
}

enum touch { CHANGE, INSERT, DELETE };

static void
touch(struct request *req, struct answer *a, enum touch how)
{
	enum resource r;
	int64_t count;

	if (!take_target(req, a, &r, &count))
		return;
	uint32_t *v = malloc((size_t)count * sizeof(*v));
	if (v == NULL)
		err(74, "out of memory");
	size_t len = how == INSERT ? (size_t)count : data_pick(r, (size_t)count, v);
	for (size_t i = 0; i < len; i++) {
		if (how == CHANGE)
			data_change(r, v[i], param(req, "same") != NULL);
		else if (how == INSERT)
			v[i] = data_insert(r);
		else
			data_delete(r, v[i]);
	}
	put_touched(a, r, v, len);
	free(v);
}

static void
change(struct request *req, struct answer *a)
{
	touch(req, a, CHANGE);
}

static void
insert(struct request *req, struct answer *a)
{
	touch(req, a, INSERT);
}

static void delete (struct request *req, struct answer *a)
{
	touch(req, a, DELETE);
}

static void
show_faults(struct request *req, struct answer *a)
{
	(void)req;
	faults_list(&a->head);
}

static void
arm_fault(struct request *req, struct answer *a)
{
	const char *path = param(req, "path"), *spec = param(req, "fault");
	int64_t times = 1, after = 0;
	struct text why = {0};

	if (!param_int(req, a, "times", 0, INT64_MAX, &times) ||
	    !param_int(req, a, "after", 0, INT64_MAX, &after) || !params_known(req, a))
		return;
	if (spec == NULL)
		answer_error(a, 400, "fault is missing");
	else if (!faults_arm(path ? path : "/", spec, times, after, &why))
		answer_error(a, 400, "%s", why.p);
	else
		faults_list(&a->head);
	text_release(&why);
}

static void
disarm_faults(struct request *req, struct answer *a)
{
	(void)req;
	faults_disarm();
	text_lit(&a->head, "[]\n");
}

static void
reset(struct request *req, struct answer *a)
{
	data_reset();
	faults_disarm();
	server_refill();
	users_reset();
	oauth_reset();
	clear_log(req, a);
}

static void
list_routes(struct text *t, const struct route *r)
{
	for (; r->path; r++)
		if (r->help)
			text_fmt(t, "%-6s %-28s %s\n", r->method, r->path, r->help);
}

static void
index_page(struct request *req, struct answer *a)
{
	(void)req;
	a->type = "text/plain; charset=utf-8";
	routes_help(&a->head);
}

void
routes_help(struct text *t)
{
	list_routes(t, user_routes);
	list_routes(t, account_routes);
	list_routes(t, humaans_routes);
	list_routes(t, oauth_routes);
	list_routes(t, control_routes);
}

const struct route control_routes[] = {
    {"GET", "/", index_page, "this list"},
    {"GET", "/_log", show_log, "requests so far, as NDJSON"},
    {"DELETE", "/_log", clear_log, "forget them"},
    {"POST", "/_change", change, "resource= count= [same=1: keep the newest updatedAt]"},
    {"POST", "/_insert", insert, "resource= count="},
    {"POST", "/_delete", delete, "resource= count="},
    {"GET", "/_fault", show_faults, "armed faults"},
    {"POST", "/_fault", arm_fault, "path= fault= [times=1, 0: for ever] [after=0]"},
    {"DELETE", "/_fault", disarm_faults, "disarm all"},
    {"POST", "/_reset", reset, "data, faults, log and rate limit as at the start"},
    {0},
};
