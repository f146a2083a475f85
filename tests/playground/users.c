/* The routes modelled on Fivetran's API playground, and the paging styles it lacks, over the same users. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "server.h"

#define AUTH_USERS   20
#define KEYSET_LIMIT 50
#define MAX_PER_PAGE 50
#define FIRM_COUNT   2
#define DEPT_COUNT   4

struct dept {
	int id;
	int64_t created, updated; /* ms */
};

/* The original sorts its one list in place: the order of the last paging call stays. */
static struct sort users_order;
static uint64_t start_seed, bumps;
static int64_t start_newest, bump_clock;
static struct dept firms[FIRM_COUNT], depts[FIRM_COUNT][DEPT_COUNT];

void
users_reset(void)
{
	users_order = (struct sort){0};
	bumps = 0;
	bump_clock = start_newest;
	for (int f = 0; f < FIRM_COUNT; f++) {
		int64_t at = start_newest - (int64_t)(FIRM_COUNT - f) * 86400000;
		firms[f] = (struct dept){f + 1, at, at + 1800000};
		for (int d = 0; d < DEPT_COUNT; d++)
			depts[f][d] =
			    (struct dept){d + 1, at + d * 3600000, at + d * 3600000 + 600000};
	}
}

void
users_init(uint64_t seed, int64_t newest)
{
	start_seed = seed;
	start_newest = newest;
	users_reset();
}

static bool
take_word(struct request *req, struct answer *a, const char *name, const char *no, const char *yes,
    bool *v)
{
	const char *s = param(req, name);

	if (s != NULL && strcmp(s, no) != 0 && strcmp(s, yes) != 0) {
		answer_error(a, 400, "%s must be %s or %s", name, no, yes);
		return false;
	}
	if (s != NULL)
		*v = strcmp(s, yes) == 0;
	return true;
}

static bool
take_since(struct request *req, struct answer *a, const char *name, int64_t *ms)
{
	const char *s = param(req, name);

	if (s == NULL || parse_time(s, true, ms, NULL))
		return true;
	answer_error(a, 400, "%s must look like 2026-01-31T12:00:00Z", name);
	return false;
}

/* order_by, order_type, updated_since. */
static bool
take_order(struct request *req, struct answer *a, struct query *q)
{
	bool updated = true, desc = false;

	query_init(q);
	if (!take_word(req, a, "order_by", "createdAt", "updatedAt", &updated) ||
	    !take_word(req, a, "order_type", "asc", "desc", &desc) ||
	    !take_since(req, a, "updated_since", &q->updated[0]))
		return false;
	q->sort[0].field = updated ? SORT_UPDATED : SORT_CREATED;
	q->sort[0].desc = desc;
	return true;
}

static void
keep_order(const struct query *q)
{
	users_order.field = q->sort[0].field;
	users_order.desc = q->sort[0].desc;
}

/* Authentication */

static void
twenty_users(struct request *req, struct answer *a)
{
	struct query q;
	struct page p;
	struct text close;

	if (!params_known(req, a))
		return;
	query_init(&q);
	q.sort[0].field = users_order.field;
	q.sort[0].desc = users_order.desc;
	page_make(&p, req, USERS, &q, 0, AUTH_USERS);
	answer_list(a, req, USERS, &p, user_sorted, "{\n  ", "\"data\": ");
	close = a->tail;
	a->tail = (struct text){0};
	text_fmt(&a->tail, "\n  %s\n}\n", close.p ? close.p : "");
	text_release(&close);
}

static void
guarded(struct request *req, struct answer *a, enum auth_kind kind)
{
	if (auth_check(req, kind))
		twenty_users(req, a);
	else if (kind == HEADER_KEY || kind == QUERY_KEY)
		answer_error(a, 401, "the API key is missing or wrong");
	else
		answer_html(a, 401, "Unauthorized", "These credentials do not open this door.");
}

static void
http_bearer(struct request *req, struct answer *a)
{
	guarded(req, a, BEARER);
}

static void
http_basic(struct request *req, struct answer *a)
{
	guarded(req, a, BASIC);
}

static void
api_key(struct request *req, struct answer *a)
{
	guarded(req, a, API_KEY);
}

static void
header_key(struct request *req, struct answer *a)
{
	guarded(req, a, HEADER_KEY);
}

static void
query_key(struct request *req, struct answer *a)
{
	guarded(req, a, QUERY_KEY);
}

static void
session_login(struct request *req, struct answer *a)
{
	cJSON *json = cJSON_ParseWithLength(req->body.p ? req->body.p : "", req->body.len);
	const char *user = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "username"));
	const char *password =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "password"));

	req->auth = "absent";
	if (user == NULL || password == NULL) {
		answer_error(a, 400, "username and password are required");
	} else if (!auth_login(user, password)) {
		req->auth = "bad";
		answer_error(a, 401, "wrong username or password");
	} else if (params_known(req, a)) {
		req->auth = "ok";
		text_fmt(&a->head, "{\n  \"token\": \"%s\"\n}\n", auth_session_token());
	}
	cJSON_Delete(json);
}

static void
session_data(struct request *req, struct answer *a)
{
	const char *got = header(req, "Authorization");
	struct text pair = {0};

	if (got == NULL)
		answer_error(a, 400, "the Authorization header is missing");
	else if (auth_check(req, SESSION))
		twenty_users(req, a);
	else if (!text_unbase64(&pair, strncmp(got, "Token ", 6) == 0 ? got + 6 : got) ||
		 memchr(pair.p, ':', pair.len) == NULL)
		answer_error(a, 400, "the token cannot be decoded");
	else
		answer_error(a, 401, "the token is not valid");
	text_release(&pair);
}

/* Paging */

struct listing {
	struct query q;
	struct page p;
	int64_t per_page, page;
};

/* Read the parameters of the page-number styles and make the page. */
static bool
take_page(struct request *req, struct answer *a, struct listing *l)
{
	l->per_page = 10;
	l->page = 1;
	if (!take_order(req, a, &l->q) ||
	    !param_int(req, a, "per_page", 1, MAX_PER_PAGE, &l->per_page) ||
	    !param_int(req, a, "page", 1, INT32_MAX, &l->page) || !params_known(req, a))
		return false;
	keep_order(&l->q);
	page_make(
	    &l->p, req, USERS, &l->q, (l->page - 1) * page_size(req, l->per_page), l->per_page);
	return true;
}

/* The address of a page of this listing. */
static void
put_url(struct text *t, struct request *req, const struct listing *l, int64_t page, bool relative)
{
	const char *since = param(req, "updated_since"), *fault = param(req, "_fault");
	const char *foreign = req->faults.arg[FOREIGN_NEXT], *host = foreign ? foreign : req->host;

	if (relative && foreign == NULL)
		text_str(t, strrchr(req->path, '/') + 1);
	else
		text_fmt(t, "http://%s%s", host ? host : "127.0.0.1", req->path);
	text_fmt(t, "?order_by=%s&order_type=%s&per_page=%lld&page=%lld",
	    l->q.sort[0].field == SORT_UPDATED ? "updatedAt" : "createdAt",
	    l->q.sort[0].desc ? "desc" : "asc", (long long)l->per_page, (long long)page);
	if (since != NULL) {
		text_lit(t, "&updated_since=");
		text_percent(t, since);
	}
	if (fault != NULL) {
		text_lit(t, "&_fault=");
		text_percent(t, fault);
	}
}

static void
next_url(struct request *req, struct answer *a, bool relative)
{
	struct listing l;
	struct text url = {0};

	if (!take_page(req, a, &l))
		return;
	if (l.p.more)
		put_url(&url, req, &l, l.page + !l.p.stay, relative);
	answer_list(a, req, USERS, &l.p, user_json, "{", "\"data\":");
	text_fmt(&a->tail,
	    ",\"total_items\":%lld,\"page\":%lld,\"per_page\":%lld,\"next_page_url\":",
	    (long long)l.p.total, (long long)l.page, (long long)l.p.limit);
	text_json(&a->tail, url.p);
	text_lit(&a->tail, "}\n");
	text_release(&url);
}

static void
next_page_url(struct request *req, struct answer *a)
{
	next_url(req, a, false);
}

static void
relative_next(struct request *req, struct answer *a)
{
	next_url(req, a, true);
}

static void
page_number(struct request *req, struct answer *a)
{
	struct listing l;

	if (!take_page(req, a, &l))
		return;
	int64_t size = page_size(req, l.per_page);
	answer_list(a, req, USERS, &l.p, user_json, "{", "\"data\":");
	text_fmt(&a->tail,
	    ",\"page\":%lld,\"page_size\":%lld,\"total_pages\":%lld,\"total_items\":%lld}\n",
	    (long long)l.page, (long long)l.p.limit, (long long)((l.p.total + size - 1) / size),
	    (long long)l.p.total);
}

static void
link_header(struct request *req, struct answer *a)
{
	struct listing l;
	struct text link = {0};

	if (!take_page(req, a, &l))
		return;
	if (l.p.more) {
		text_lit(&link, "<");
		put_url(&link, req, &l, l.page + !l.p.stay, false);
		text_lit(&link, ">; rel=\"next\", ");
	}
	text_lit(&link, "<");
	put_url(&link, req, &l, 1, false);
	text_lit(&link, ">; rel=\"first\"");
	answer_header(a, "Link", link.p);
	answer_list(a, req, USERS, &l.p, user_json, "", "");
	text_release(&link);
}

static void
offset(struct request *req, struct answer *a)
{
	struct query q;
	struct page p;
	int64_t limit = 10, skip = 0;

	if (!take_order(req, a, &q) || !param_int(req, a, "limit", 1, MAX_PER_PAGE, &limit) ||
	    !param_int(req, a, "offset", 0, INT32_MAX, &skip) || !params_known(req, a))
		return;
	keep_order(&q);
	page_make(&p, req, USERS, &q, skip, limit);
	answer_list(a, req, USERS, &p, user_json, "{", "\"data\":");
	text_fmt(&a->tail, ",\"offset\":%lld,\"limit\":%lld,\"total\":%lld}\n", (long long)p.skip,
	    (long long)p.limit, (long long)p.total);
}

/* A time as keyset token; null where there is none. */
static void
put_scroll(struct text *t, int64_t ms)
{
	struct text time = {0};

	text_time(&time, ms, false);
	text_lit(t, "\"");
	text_base64(t, time.p, time.len);
	text_lit(t, "\"");
	text_release(&time);
}

static bool
take_scroll(struct answer *a, const char *scroll, int64_t *ms)
{
	struct text time = {0};
	bool ok = text_unbase64(&time, scroll) && parse_time(time.p, true, ms, NULL);

	if (!ok)
		answer_error(a, 400, "scroll_param is not one of ours");
	text_release(&time);
	return ok;
}

/*
 * The next page starts strictly after the last updatedAt of this one: rows that share it are lost, as in the
 * original.
 */
static void
keyset(struct request *req, struct answer *a)
{
	const char *since = param(req, "updated_since"), *scroll = param(req, "scroll_param");
	struct query q;
	struct page p;
	struct record last;
	int64_t after = 0;

	query_init(&q);
	if (since && scroll) {
		answer_error(a, 400, "updated_since and scroll_param exclude each other");
		return;
	}
	if (!take_since(req, a, "updated_since", &q.updated[0]) ||
	    (scroll && !take_scroll(a, scroll, &after)) || !params_known(req, a))
		return;
	if (scroll && !fault_has(&req->faults, REPEAT))
		q.updated[0] = after + 1;
	q.sort[0].field = SORT_UPDATED;
	keep_order(&q);
	page_make(&p, req, USERS, &q, 0, KEYSET_LIMIT);
	answer_list(a, req, USERS, &p, user_json, "{", "\"data\":");
	text_lit(&a->tail, ",\"scroll_param\":");
	if (p.len > 0)
		data_record(USERS, p.all[p.first + p.len - 1], &last);
	if (!p.more)
		text_lit(&a->tail, "null");
	else if (p.stay && scroll)
		text_json(&a->tail, scroll);
	else
		put_scroll(&a->tail, p.len > 0 ? last.updated : after + 1000);
	text_lit(&a->tail, "}\n");
}

static void
cursor(struct request *req, struct answer *a)
{
	const char *given = param(req, "cursor");
	struct text at = {0}, next = {0};
	struct query q;
	struct page p;
	int64_t limit = 10, skip = 0;

	if (given && (!text_unbase64(&at, given) || strncmp(at.p, "at:", 3) != 0 ||
			 !parse_int(at.p + 3, 0, INT32_MAX, &skip))) {
		answer_error(a, 400, "cursor is not one of ours");
		goto out;
	}
	if (!take_order(req, a, &q) || !param_int(req, a, "limit", 1, MAX_PER_PAGE, &limit) ||
	    !params_known(req, a))
		goto out;
	keep_order(&q);
	page_make(&p, req, USERS, &q, skip, limit);
	answer_list(a, req, USERS, &p, user_json, "{", "\"data\":");
	text_lit(&a->tail, ",\"meta\":{\"next_cursor\":");
	if (p.more) {
		at.len = 0;
		text_fmt(&at, "at:%lld", (long long)(p.stay ? skip : skip + page_size(req, limit)));
		text_base64(&next, at.p, at.len);
	}
	text_json(&a->tail, next.p);
	text_fmt(&a->tail, ",\"has_more\":%s}}\n", p.more ? "true" : "false");
out:
	text_release(&at);
	text_release(&next);
}

/* All at once */

static bool
all_users(struct request *req, struct answer *a, struct page *p)
{
	struct query q;

	if (!take_order(req, a, &q) || !params_known(req, a))
		return false;
	keep_order(&q);
	page_make(p, req, USERS, &q, 0, INT32_MAX);
	return true;
}

/* Records with no array around them, each as the renderer makes it. */
static void
bare(struct request *req, struct answer *a, const char *type, render_fn *render, const char *before)
{
	struct page p;

	if (!all_users(req, a, &p))
		return;
	answer_list(a, req, USERS, &p, render, "", "");
	text_release(&a->head);
	text_release(&a->tail);
	text_str(&a->head, before);
	a->between = "";
	a->type = type;
}

static void
export_csv(struct request *req, struct answer *a)
{
	bare(req, a, "text/csv", user_csv,
	    "id,name,email,address,company,job,createdAt,updatedAt\n");
	if (a->status == 200)
		answer_header(a, "Content-Disposition", "attachment; filename=users.csv");
}

static void
ndjson(struct request *req, struct answer *a)
{
	bare(req, a, "application/x-ndjson", user_line, "");
}

static void
array(struct request *req, struct answer *a)
{
	struct page p;

	if (all_users(req, a, &p))
		answer_list(a, req, USERS, &p, user_json, "", "");
}

static void
incremental_timestamp(struct request *req, struct answer *a)
{
	struct query q;
	struct page p;
	int64_t since = INT64_MIN;

	query_init(&q);
	if (!take_since(req, a, "since", &since) || !params_known(req, a))
		return;
	if (since != INT64_MIN)
		q.updated[0] = since + 1;
	q.sort[0].field = SORT_UPDATED;
	page_make(&p, req, USERS, &q, 0, INT32_MAX);
	answer_list(a, req, USERS, &p, user_json, "{", "\"data\":");
	text_lit(&a->tail, "}\n");
}

static void
incremental_step(struct request *req, struct answer *a)
{
	struct query q;
	int64_t from = 0, to = 0;

	if (!param_int(req, a, "start_id", 1, INT32_MAX, &from) ||
	    !param_int(req, a, "end_id", 1, INT32_MAX, &to) || !params_known(req, a))
		return;
	if (from == 0 || to == 0) {
		answer_error(a, 400, "start_id and end_id are required");
		return;
	}
	query_init(&q);
	struct page p;
	page_make(&p, req, USERS, &q, 0, INT32_MAX);
	for (p.first = 0; p.first < p.matching && p.all[p.first] + 1 < from; p.first++)
		;
	for (p.len = 0; p.first + p.len < p.matching && p.all[p.first + p.len] + 1 <= to; p.len++)
		;
	answer_list(a, req, USERS, &p, user_step, "{", "\"data\":");
	text_lit(&a->tail, "}\n");
}

/* Companies and their departments: data that moves while it is read. */

static int64_t
dept_key(const struct dept *d, const struct query *q)
{
	return q->sort[0].field == SORT_UPDATED ? d->updated : d->created;
}

/* Those that match, in order; returns how many. */
static int
dept_select(const struct dept *all, int n, const struct query *q, const struct dept **v)
{
	int len = 0;

	for (int i = 0; i < n; i++) {
		if (all[i].updated < q->updated[0])
			continue;
		int at = len++;
		for (; at > 0; at--) {
			int64_t before = dept_key(v[at - 1], q), here = dept_key(&all[i], q);
			if (q->sort[0].desc ? before >= here : before <= here)
				break;
			v[at] = v[at - 1];
		}
		v[at] = &all[i];
	}
	return len;
}

/* After each reply up to n of them change. */
static void
dept_bump(struct dept *all, int n)
{
	uint64_t luck = mix(start_seed + ++bumps);
	int count = (int)(luck % (unsigned)(n + 1));

	for (int i = 0; i < count; i++)
		all[(luck / 16 + (unsigned)i) % (unsigned)n].updated = bump_clock += 60000;
}

static void
dept_list(struct request *req, struct answer *a, struct dept *all, int n, int firm)
{
	static const char *const names[] = {"Engineering", "HR", "Finance", "Sales"};
	static const char *const firm_names[] = {"Quill & Sons", "Alder Ltd"};
	const struct dept *v[DEPT_COUNT];
	struct query q;

	if (!take_order(req, a, &q) || !params_known(req, a))
		return;
	int len = dept_select(all, n, &q, v);
	text_lit(&a->head, "{\"data\":[");
	for (int i = 0; i < len; i++) {
		if (firm > 0)
			text_fmt(&a->head,
			    "%s{\"department_id\":%d,\"company_id\":%d,\"department_name\":\"%s\"",
			    i ? "," : "", v[i]->id, firm, names[v[i]->id - 1]);
		else
			text_fmt(&a->head, "%s{\"company_id\":%d,\"company_name\":\"%s\"",
			    i ? "," : "", v[i]->id, firm_names[v[i]->id - 1]);
		text_lit(&a->head, ",\"createdAt\":\"");
		text_time(&a->head, v[i]->created, false);
		text_lit(&a->head, "\",\"updatedAt\":\"");
		text_time(&a->head, v[i]->updated, false);
		text_lit(&a->head, "\"}");
	}
	text_fmt(&a->head, "],\"total_items\":%d}\n", len);
	a->others = (size_t)len;
	dept_bump(all, n);
}

static void
cursors(struct request *req, struct answer *a)
{
	char word[32];
	const char *rest = req->path + strlen("/cursors/"), *slash = strchr(rest, '/');
	int64_t id;

	if (strcmp(rest, "companies") == 0) {
		dept_list(req, a, firms, FIRM_COUNT, 0);
		return;
	}
	if (slash == NULL || strcmp(slash, "/departments") != 0 ||
	    slash - rest >= (int)sizeof(word)) {
		answer_html(a, 404, "Not Found", "Nothing lives at this address.");
		return;
	}
	snprintf(word, sizeof(word), "%.*s", (int)(slash - rest), rest);
	if (!parse_int(word, INT64_MIN, INT64_MAX, &id))
		answer_error(a, 400, "the company id must be an integer");
	else if (id < 1 || id > FIRM_COUNT)
		answer_error(a, 404, "no company %lld", (long long)id);
	else
		dept_list(req, a, depts[id - 1], DEPT_COUNT, (int)id);
}

const struct route user_routes[] = {
    {"GET", "/auth/http_bearer", http_bearer, "Authorization: Bearer TOKEN"},
    {"GET", "/auth/http_basic", http_basic, "Authorization: Basic ..."},
    {"GET", "/auth/api_key", api_key, "Authorization: apiKey KEY"},
    {"GET", "/auth/header", header_key, "X-Api-Key: KEY"},
    {"GET", "/auth/query", query_key, "api_key=KEY"},
    {"POST", "/auth/session_token/login", session_login,
	"{\"username\":...,\"password\":...} for a token"},
    {"GET", "/auth/session_token/data", session_data, "Authorization: Token TOKEN"},
    {"GET", "/pagination/next_page_url", next_page_url,
	"order_by order_type updated_since per_page page"},
    {"GET", "/pagination/relative_next", relative_next, "the same, with a relative URL"},
    {"GET", "/pagination/link", link_header, "the same, in a Link header around a root array"},
    {"GET", "/pagination/page_number", page_number, "the same, with total_pages"},
    {"GET", "/pagination/offset", offset, "order_by order_type updated_since limit offset"},
    {"GET", "/pagination/cursor", cursor, "order_by order_type updated_since limit cursor"},
    {"GET", "/pagination/keyset", keyset, "updated_since, then scroll_param"},
    {"GET", "/export/csv", export_csv, "all users; order_by order_type updated_since"},
    {"GET", "/array", array, "the same as a root array"},
    {"GET", "/ndjson", ndjson, "the same, a record a line"},
    {"GET", "/incremental/timestamp", incremental_timestamp, "since"},
    {"GET", "/incremental/step", incremental_step, "start_id end_id, both inclusive"},
    {"GET", "/cursors/", cursors, "companies, and ID/departments; they change as they are read"},
    {0},
};
