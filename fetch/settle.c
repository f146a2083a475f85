/* What a way of paging implies where nothing else was said. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "opts.h"
#include "url.h"

static void
standard(struct place *p, const char *text)
{
	if (p->text == NULL)
		place_set(p, text, text);
}

/* The body of a GraphQL request. */
static void
graphql_body(struct opts *o)
{
	struct buf b = {0};

	if (o->data != NULL || o->form.n > 0)
		die(CS_USAGE, "--graphql: cannot be used together with --data, --json or --form");
	buf_adds(&b, "{\"query\":");
	json_quote(&b, o->graphql, strlen(o->graphql));
	buf_addf(&b, ",\"variables\":%s}", o->variables != NULL ? o->variables : "{}");
	o->data_len = b.len;
	o->data = buf_steal(&b);
	o->data_json = true;
}

/* A connection has its pageInfo beside its nodes or edges. */
static void
graphql(struct opts *o)
{
	bool simple = o->records != NULL && o->records->jq == NULL && o->records->n_outer > 0;

	if (!simple && o->cursor_path == NULL)
		die(CS_USAGE, "--paginate graphql: needs --records PATH of the nodes, "
			      "as .data.users.nodes, or --cursor-path PATH");
	if (simple && o->cursor_path == NULL)
		o->cursor_path = path_beside(o->records, "pageInfo", "endCursor");
	if (simple && o->has_more == NULL)
		o->has_more = path_beside(o->records, "pageInfo", "hasNextPage");
	standard(&o->cursor_param, "body:.variables.after");
	standard(&o->limit_param, "body:.variables.first");
	o->paginate = PAGE_CURSOR;
}

/* The server's own pages, of OData 4, 3 and 2. */
static void
odata(struct opts *o)
{
	bool prefers = o->page_size == 0;

	if (o->records == NULL)
		o->records = path_new(".value", "--paginate odata");
	if (o->next == NULL) {
		o->next = path_any(".\"@odata.nextLink\"", ".\"@nextLink\"", ".\"odata.nextLink\"",
		    ".d.__next", (char *)NULL);
		o->next_sure = true;
	}
	/* The count is of everything, whatever $top says. */
	if (o->total == NULL && strstr(o->url != NULL ? o->url : "", "$top=") == NULL) {
		o->total = path_any(".\"@odata.count\"", ".\"@count\"", ".\"odata.count\"",
		    ".d.__count", (char *)NULL);
		o->total_maybe = true;
	}
	if (o->state_token == NULL && o->cursor_field == NULL) {
		o->state_token = path_any(".\"@odata.deltaLink\"", ".\"@deltaLink\"", (char *)NULL);
		o->token_maybe = true;
	}
	for (size_t i = 0; i < o->query.n; i++)
		if (strncmp(o->query.v[i].text, "$top=", 5) == 0 && o->total_maybe)
			o->total = NULL;
	for (size_t i = 0; i < o->header.n; i++)
		prefers |= strncasecmp(o->header.v[i].text, "prefer:", 7) == 0;
	if (!prefers) {
		o->header.v = xreallocarray(o->header.v, o->header.n + 1, sizeof(*o->header.v));
		o->header.v[o->header.n++].text =
		    xasprintf("Prefer: odata.maxpagesize=%llu", (unsigned long long)o->page_size);
	}
	o->page_size = 0;
	o->paginate = PAGE_NEXT_URL;
}

/* What is said of pages is said in vain where the first is all that is asked for. */
static void
one_page(const struct opts *o)
{
	const struct {
		const char *option;
		bool said;
	} all[] = {
	    {"--page-size", o->page_size > 0},
	    {"--limit-param", o->limit_param.text != NULL},
	    {"--offset-param", o->offset_param.text != NULL},
	    {"--page-param", o->page_param.text != NULL},
	    {"--cursor-param", o->cursor_param.text != NULL},
	    {"--keyset-param", o->keyset_param.text != NULL},
	};

	if (o->connector != NULL || o->paginate_said || o->detect)
		return;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].said)
			die(CS_USAGE,
			    "%s: needs --paginate, which says how to get the next page, or none "
			    "to take one",
			    all[i].option);
}

/* What goes into a body needs one. */
static void
body(struct opts *o)
{
	const struct place *const all[] = {&o->limit_param, &o->offset_param, &o->page_param,
	    &o->cursor_param, &o->keyset_param, &o->since_param, &o->until_param,
	    &o->state_token_param};
	bool wanted = false;
	struct value v = {0};
	struct buf b = {0};
	const char *err;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		wanted |= all[i]->text != NULL && all[i]->kind == PLACE_BODY;
	if (!wanted)
		return;
	if (o->form.n > 0)
		die(CS_USAGE, "--form: body:PATH needs a JSON body: --json");
	if (o->data == NULL) {
		o->data = xstrdup("{}");
		o->data_len = 2;
		o->data_json = true;
	}
	buf_add(&b, o->data, o->data_len);
	if (scan_text(b.p != NULL ? b.p : "", b.len, &v, &err) < 0 || v.type != JSON_OBJECT)
		die(CS_USAGE, "--data: body:PATH needs a body that is a JSON object");
	buf_release(&b);
}

/* Where is asked for page 0 that is the first. */
static void
first_page(struct opts *o)
{
	const struct place *at = &o->page_param;
	size_t n = strlen(at->text);
	bool zero = at->kind == PLACE_QUERY && o->url != NULL && url_has(o->url, at->text, "0");
	struct buf body = {0};
	struct value v = {0};

	if (o->first_page != UINT64_MAX)
		return;
	for (size_t i = 0; i < o->query.n; i++)
		if (at->kind == PLACE_QUERY && strncmp(o->query.v[i].text, at->text, n) == 0 &&
		    o->query.v[i].text[n] == '=')
			zero = strcmp(o->query.v[i].text + n, "=0") == 0;
	if (at->kind == PLACE_BODY) {
		buf_add(&body, o->data, o->data_len);
		zero = path_walk(at->path, 0, at->path->n_step, body.p, body.len, &v) &&
		       slice_is((struct slice){v.p, v.n}, "0");
		buf_release(&body);
	}
	o->first_page = zero ? 0 : 1;
}

void
opts_settle(struct opts *o)
{
	one_page(o);
	if (o->graphql != NULL)
		graphql_body(o);
	if (o->graphql != NULL || o->paginate == PAGE_GRAPHQL) {
		o->errors = path_new(".errors", "--graphql"); /* an answer with errors is none */
		o->retry_post = true;                         /* a query changes nothing */
	}
	if (o->paginate == PAGE_GRAPHQL)
		graphql(o);
	else if (o->paginate == PAGE_ODATA)
		odata(o);
	standard(&o->limit_param, "limit");
	standard(&o->offset_param, "offset");
	standard(&o->page_param, "page");
	standard(&o->cursor_param, "cursor");
	body(o);
	first_page(o);
}

bool
opts_follow(const struct opts *o)
{
	return o->incremental && !o->full &&
	       (o->cursor_field != NULL || o->window > 0 || o->state_token != NULL);
}
