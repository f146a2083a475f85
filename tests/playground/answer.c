#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server.h"

void
answer_header(struct answer *a, const char *name, const char *value)
{
	if (a->nheader == MAX_HEADERS)
		errx(74, "too many headers");
	a->header[a->nheader].name = name;
	if ((a->header[a->nheader++].value = strdup(value)) == NULL)
		err(74, "out of memory");
}

void
answer_error(struct answer *a, int status, const char *fmt, ...)
{
	va_list ap;
	char words[512];

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	a->status = status;
	text_lit(&a->head, "{\"error\":");
	text_json(&a->head, words);
	text_lit(&a->head, "}\n");
}

void
answer_humaans_error(struct answer *a, int status, const char *code, const char *message)
{
	a->status = status;
	text_lit(&a->head, "{\"code\":");
	text_json(&a->head, code);
	text_lit(&a->head, ",\"name\":");
	text_json(&a->head, code);
	text_lit(&a->head, ",\"message\":");
	text_json(&a->head, message);
	text_lit(&a->head, ",\"issues\":[]}");
}

void
answer_html(struct answer *a, int status, const char *title, const char *words)
{
	a->status = status;
	a->type = "text/html; charset=utf-8";
	text_fmt(&a->head,
	    "<!doctype html>\n<html lang=\"en\">\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n",
	    status, title, title, words);
}

void
answer_pull(struct answer *a, struct text *t, size_t want)
{
	if (a->head.len > 0)
		text_add(t, a->head.p, a->head.len);
	text_release(&a->head);
	while (a->next < a->len && t->len < want) {
		struct record rec;
		if (a->next > 0)
			text_str(t, a->between);
		data_record(a->r, a->v[a->next++], &rec);
		a->render(t, &rec, a->null_parents);
	}
	if (a->next == a->len && a->tail.len > 0) {
		text_add(t, a->tail.p, a->tail.len);
		text_release(&a->tail);
	}
}

void
answer_release(struct answer *a)
{
	for (size_t i = 0; i < a->nheader; i++)
		free(a->header[i].value);
	text_release(&a->head);
	text_release(&a->tail);
	free(a->v);
	*a = (struct answer){0};
}

static bool
endless(const struct faults *f)
{
	return fault_has(f, ENDLESS) && !fault_is(f, ENDLESS, "advance");
}

int64_t
page_size(const struct request *req, int64_t limit)
{
	const struct faults *f = &req->faults;

	if (fault_has(f, BIG_PAGE))
		return fault_number(f, BIG_PAGE, INT32_MAX);
	int64_t cap = fault_number(f, CAP, fault_number(f, CAP_HIDDEN, limit));
	return cap < limit ? cap : limit;
}

void
page_make(struct page *p, const struct request *req, enum resource r, const struct query *q,
    int64_t skip, int64_t limit)
{
	const struct faults *f = &req->faults;
	int64_t size = page_size(req, limit), from = fault_has(f, REPEAT) ? 0 : skip;

	*p = (struct page){
	    .skip = skip, .limit = fault_has(f, CAP) ? size : limit, .stay = endless(f)};
	p->all = data_select(r, q, &p->matching);
	int64_t n = (int64_t)p->matching;
	if (p->stay && from >= n)
		from = n > size ? n - size : 0;
	if (from > n)
		from = n;
	p->first = (size_t)from;
	p->len = (size_t)(n - from < size ? n - from : size);
	p->more = fault_has(f, ENDLESS) || skip + size < n;
	p->total = fault_number(f, TOTAL, fault_has(f, ENDLESS) ? skip + limit + 1000000 : n);
	if (fault_has(f, EMPTY_PAGE))
		p->len = 0;
}

/* The records of the page, and one of them twice if that is asked for. */
static void
answer_records(struct answer *a, const struct request *req, const struct page *p)
{
	bool dup = fault_has(&req->faults, DUP_RECORD) && p->len > 0;

	a->len = p->len + dup;
	if ((a->v = malloc((a->len + 1) * sizeof(*a->v))) == NULL)
		err(74, "out of memory");
	if (dup)
		a->v[0] = p->all[p->first];
	if (p->len > 0)
		memcpy(a->v + dup, p->all + p->first, p->len * sizeof(*a->v));
	if ((a->has_first = p->matching > 0))
		a->first = p->all[0];
}

void
answer_list(struct answer *a, const struct request *req, enum resource r, const struct page *p,
    render_fn *render, const char *before, const char *member)
{
	const struct faults *f = &req->faults;
	bool root = *member == '\0';

	a->r = r;
	a->render = render;
	a->between = ",";
	a->null_parents = fault_has(f, NULL_PARENTS);
	answer_records(a, req, p);
	text_str(&a->head, before);
	if (fault_has(f, ENVELOPE)) {
		text_str(&a->head, root ? "{\"result\":[" : "\"result\":[");
		text_str(&a->tail, root ? "]}" : "]");
		return;
	}
	text_str(&a->head, member);
	if (fault_has(f, DATA_NULL)) {
		text_lit(&a->head, "null");
		a->len = 0;
	} else if (fault_has(f, DATA_OBJECT)) {
		if (a->len == 0)
			text_lit(&a->head, "{}");
		a->len = a->len > 0;
	} else {
		text_lit(&a->head, "[");
		text_lit(&a->tail, "]");
	}
}

void
answer_drift(const struct request *req, const struct answer *a)
{
	const struct faults *f = &req->faults;

	if (!fault_has(f, DRIFT) || a->render == NULL)
		return;
	if (fault_is(f, DRIFT, "insert"))
		data_insert(a->r);
	else if (a->has_first && fault_is(f, DRIFT, "update"))
		data_change(a->r, a->first, false);
	else if (a->has_first)
		data_delete(a->r, a->first);
}

/* Put len bytes in at a place: the middle, or the nearest `mark` after it. */
static void
insert(struct text *t, const char *mark, const void *p, size_t len)
{
	size_t at = t->len / 2;
	char *found =
	    mark && t->len > 0 ? memmem(t->p + at, t->len - at, mark, strlen(mark)) : NULL;

	if (found != NULL)
		at = (size_t)(found - t->p) + strlen(mark);
	text_room(t, len);
	memmove(t->p + at + len, t->p + at, t->len - at);
	memcpy(t->p + at, p, len);
	t->len += len;
	t->p[t->len] = '\0';
}

static void
break_json(struct text *t, const struct faults *f)
{
	if (fault_is(f, BAD_JSON, "short")) {
		t->len /= 2;
	} else if (fault_is(f, BAD_JSON, "trailing")) {
		text_lit(t, "\n]oops");
	} else if (fault_is(f, BAD_JSON, "bom")) {
		struct text with = {0};
		text_lit(&with, "\xef\xbb\xbf");
		text_add(&with, t->p, t->len);
		text_release(t);
		*t = with;
	} else if (fault_is(f, BAD_JSON, "utf8")) {
		insert(t, "\":\"", "\xc3\x28\xff", 3);
	} else if (fault_is(f, BAD_JSON, "nan")) {
		insert(t, "{", "\"nan\":NaN,", 10);
	} else {
		insert(t, NULL, "\x01,,}{", 5);
	}
}

void
answer_spoil(struct answer *a, const struct faults *f)
{
	if (a->status != 200)
		return;
	if (fault_has(f, HTML)) {
		text_release(&a->head);
		answer_html(a, 200, "Maintenance", "Back in a minute. {\"data\":[]}");
	} else if (fault_has(f, ERROR_200)) {
		text_release(&a->head);
		a->type = NULL;
		text_lit(&a->head, "{\"errors\":[{\"message\":\"the query took too "
				   "long\",\"code\":\"TIMEOUT\"}],\"data\":null}");
	}
	if (fault_has(f, BAD_JSON))
		break_json(&a->head, f);
}

static void
retry_after(struct answer *a, const char *how)
{
	struct text date = {0};

	if (strcmp(how, "none") == 0)
		return;
	if (strcmp(how, "date") == 0 || strncmp(how, "date:", 5) == 0) {
		int64_t ahead = 2;
		if (how[4] != '\0')
			parse_int(how + 5, -86400 * 365, 86400 * 365, &ahead);
		text_http_date(&date, time(NULL) + ahead);
		how = date.p;
	}
	answer_header(a, "Retry-After", how);
	text_release(&date);
}

static const char *
humaans_code(int status)
{
	switch (status) {
	case 401:
		return "NotAuthenticated";
	case 403:
		return "Forbidden";
	case 404:
		return "NotFound";
	case 429:
		return "TooManyRequests";
	default:
		return "BadRequest";
	}
}

bool
answer_fault(struct answer *a, const struct request *req)
{
	const struct faults *f = &req->faults;

	if (fault_has(f, REDIRECT)) {
		answer_html(a, 302, "Found", "It moved.");
		answer_header(a, "Location", f->arg[REDIRECT]);
		return true;
	}
	if (!fault_has(f, STATUS))
		return false;
	const char *arg = f->arg[STATUS];
	int status = (arg[0] - '0') * 100 + (arg[1] - '0') * 10 + (arg[2] - '0');
	if (status == 204 || status == 304)
		a->status = status;
	else if (status >= 500)
		answer_html(a, status, "Server trouble", "Try again later.");
	else if (strstr(req->path, "/api/") != NULL)
		answer_humaans_error(a, status, humaans_code(status), "asked for");
	else
		answer_error(a, status, "asked for");
	if (arg[3] == ':')
		retry_after(a, arg + 4);
	return true;
}
