/* What a way of paging implies where nothing else was said. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "opts.h"

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

/* A connection has its pageInfo beside its nodes or edges; and an answer with errors is none. */
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
	o->errors = path_new(".errors", "--paginate graphql");
	o->retry_post = true; /* a query changes nothing */
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

void
opts_settle(struct opts *o)
{
	if (o->graphql != NULL)
		graphql_body(o);
	if (o->paginate == PAGE_GRAPHQL)
		graphql(o);
	else if (o->paginate == PAGE_ODATA)
		odata(o);
	standard(&o->limit_param, "limit");
	standard(&o->offset_param, "offset");
	standard(&o->page_param, "page");
	standard(&o->cursor_param, "cursor");
	body(o);
}

bool
opts_follow(const struct opts *o)
{
	return o->incremental && !o->full &&
	       (o->cursor_field != NULL || o->window > 0 || o->state_token != NULL);
}
