/* The Humaans clone: as the seed connector believes it to be under /seed/api, as it is under /api. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "server.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     250

/* Always false. */
static bool __attribute__((format(printf, 2, 3)))
bad_request(struct answer *a, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	answer_humaans_error(a, 400, "BadRequest", message);
	return false;
}

static bool
authenticated(struct request *req, struct answer *a)
{
	if (auth_check(req, BEARER))
		return true;
	answer_humaans_error(a, 401, "NotAuthenticated", "invalid token");
	return false;
}

/* One bound, field[$gte] and so on, into range; times are compared as instants. */
static bool
take_bound(
    struct request *req, struct answer *a, const char *field, const char *op, int64_t range[2])
{
	char name[32];
	int64_t ms;
	bool rest;

	snprintf(name, sizeof(name), "%s[%s]", field, op);
	const char *s = param(req, name);
	if (s == NULL)
		return true;
	if (!parse_time(s, false, &ms, &rest))
		return bad_request(a, "%s is not a time", name);
	bool lower = op[1] == 'g', equal = op[3] == 'e';
	int64_t bound = lower ? ms + (equal ? rest : 1) : ms - (equal || rest ? 0 : 1);
	if (lower ? bound > range[0] : bound < range[1])
		range[!lower] = bound;
	return true;
}

static bool
take_bounds(struct request *req, struct answer *a, struct query *q)
{
	static const char *const ops[] = {"$gte", "$gt", "$lte", "$lt"};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		if (!take_bound(req, a, "updatedAt", ops[i], q->updated) ||
		    !take_bound(req, a, "createdAt", ops[i], q->created))
			return false;
	return true;
}

/* $sort[FIELD]=1|-1, in the order they come; newest first, by creation, when there is none. */
static bool
take_sort(struct request *req, struct answer *a, struct query *q)
{
	static const struct {
		const char *name;
		enum sort_field field;
	} sorts[] = {{"$sort[createdAt]", SORT_CREATED}, {"$sort[updatedAt]", SORT_UPDATED},
	    {"$sort[id]", SORT_ID}};
	size_t n = 0;

	for (size_t i = 0; i < req->nparams; i++) {
		struct param *p = &req->params[i];
		for (size_t k = 0; k < sizeof(sorts) / sizeof(*sorts); k++) {
			if (p->used || strcmp(p->name, sorts[k].name) != 0)
				continue;
			p->used = true;
			if ((strcmp(p->value, "1") != 0 && strcmp(p->value, "-1") != 0) ||
			    n == MAX_SORT)
				return bad_request(a, "%s must be 1 or -1, once", p->name);
			q->sort[n].field = sorts[k].field;
			q->sort[n++].desc = p->value[0] == '-';
		}
	}
	if (n == 0) {
		q->sort[0].field = SORT_CREATED;
		q->sort[0].desc = true;
	}
	return true;
}

static bool
take_status(struct request *req, struct answer *a, enum resource r, struct query *q)
{
	static const char *const names[] = {"active", "offboarded", "newHire", "all"};
	const char *s = r == PEOPLE ? param(req, "status") : NULL;

	for (int i = 0; s && i < 4; i++) {
		if (strcmp(s, names[i]) == 0) {
			q->status = i < 3 ? i : -1;
			s = NULL;
		}
	}
	return s == NULL || bad_request(a, "%s is not a status", s);
}

static bool
take_count(struct request *req, struct answer *a, const char *name, int64_t max, int64_t *v)
{
	const char *s = param(req, name);

	return s == NULL || parse_int(s, 0, max, v) || bad_request(a, "%s is out of range", name);
}

static void
list(struct request *req, struct answer *a, enum resource r, render_fn *render)
{
	int64_t limit = DEFAULT_LIMIT, skip = 0;
	struct query q;
	struct page p;

	query_init(&q);
	if (!take_count(req, a, "$limit", MAX_LIMIT, &limit) ||
	    !take_count(req, a, "$skip", INT32_MAX, &skip) || !take_bounds(req, a, &q) ||
	    !take_sort(req, a, &q) || !take_status(req, a, r, &q))
		return;
	for (size_t i = 0; i < req->nparams; i++) {
		if (!req->params[i].used && strcmp(req->params[i].name, "_fault") != 0) {
			bad_request(a, "unknown parameter %s", req->params[i].name);
			return;
		}
	}
	page_make(&p, req, r, &q, skip, limit);
	char before[96];
	snprintf(before, sizeof(before), "{\"total\":%lld,\"limit\":%lld,\"skip\":%lld,",
	    (long long)p.total, (long long)p.limit, (long long)p.skip);
	answer_list(a, req, r, &p, render, before, "\"data\":");
	text_lit(&a->tail, "}");
}

static void
single(struct request *req, struct answer *a, enum resource r, render_fn *render, const char *id)
{
	struct record rec;
	uint32_t n;

	if (!data_find(r, id, &n)) {
		answer_humaans_error(a, 404, "NotFound", "no record with this id");
		return;
	}
	data_record(r, n, &rec);
	render(&a->head, &rec, fault_has(&req->faults, NULL_PARENTS));
	a->others = 1;
}

/* What follows the resource in the path is an id, or nothing. */
static void
serve(struct request *req, struct answer *a, enum resource r, render_fn *render)
{
	const char *name = data_name(r), *rest = strstr(req->path, "/api/") + 5 + strlen(name);

	a->type = "application/json; charset=utf-8";
	if (!authenticated(req, a))
		return;
	if (*rest == '/')
		single(req, a, r, render, rest + 1);
	else
		list(req, a, r, render);
}

static void
seed_companies(struct request *req, struct answer *a)
{
	serve(req, a, COMPANIES, seed_company);
}

static void
seed_documents(struct request *req, struct answer *a)
{
	serve(req, a, DOCUMENTS, seed_document);
}

static void
seed_job_roles(struct request *req, struct answer *a)
{
	serve(req, a, JOB_ROLES, seed_job_role);
}

static void
companies(struct request *req, struct answer *a)
{
	serve(req, a, COMPANIES, real_company);
}

static void
documents(struct request *req, struct answer *a)
{
	serve(req, a, DOCUMENTS, real_document);
}

static void
job_roles(struct request *req, struct answer *a)
{
	serve(req, a, JOB_ROLES, real_job_role);
}

static void
people(struct request *req, struct answer *a)
{
	serve(req, a, PEOPLE, real_person);
}

static void
token_info(struct request *req, struct answer *a)
{
	char id[25];

	a->type = "application/json; charset=utf-8";
	if (!authenticated(req, a))
		return;
	data_id(PEOPLE, 0, id);
	text_fmt(&a->head,
	    "{\"id\":\"tokenOfThePlaygroundAPI0\",\"personId\":\"%s\",\"label\":\"playground\","
	    "\"scopes\":"
	    "[\"public:read\",\"private:read\",\"documents:read\"]}",
	    id);
}

const struct route humaans_routes[] = {
    {"GET", "/api/companies", companies, "Humaans; bearer token; $limit $skip"},
    {"GET", "/api/companies/", companies, NULL},
    {"GET", "/api/documents", documents, "  FIELD[$gte] [$gt] [$lt] [$lte] and $sort[FIELD]=1|-1"},
    {"GET", "/api/documents/", documents, NULL},
    {"GET", "/api/job-roles", job_roles, "  FIELD: updatedAt, createdAt (and $sort[id])"},
    {"GET", "/api/job-roles/", job_roles, NULL},
    {"GET", "/api/people", people, "  also status=all|active|offboarded|newHire"},
    {"GET", "/api/people/", people, NULL},
    {"GET", "/api/token-info", token_info, "the token's own record"},
    {"GET", "/seed/api/companies", seed_companies,
	"the same records in the seed connector's shape"},
    {"GET", "/seed/api/companies/", seed_companies, NULL},
    {"GET", "/seed/api/documents", seed_documents, "  (a path and /ID: one record)"},
    {"GET", "/seed/api/documents/", seed_documents, NULL},
    {"GET", "/seed/api/job-roles", seed_job_roles, ""},
    {"GET", "/seed/api/job-roles/", seed_job_roles, NULL},
    {0},
};
