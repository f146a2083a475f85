/* Which settings need or exclude each other. */
#include "opts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mark.h"
#include "url.h"

static void
need(bool have, const char *option, const char *what)
{
	if (!have)
		die(CS_USAGE, "%s: needs %s", option, what);
}

static void
check_url(const char *url)
{
	const char *host;
	char *origin;

	if (url == NULL)
		die(CS_USAGE, "no URL: cs-fetch [options] URL, or --connector FILE STREAM");
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		die(CS_USAGE, "%s: a URL begins with http:// or https://", url);
	if ((origin = url_origin(url)) == NULL)
		die(CS_USAGE, "%s: is no URL", url);
	free(origin);
	host = strchr(url, ':') + 3;
	if (memchr(host, '@', strcspn(host, "/?#")) != NULL) {
		secret_register(host, strcspn(host, "@"));
		die(CS_USAGE,
		    "%s: credentials do not belong into the URL: "
		    "use --auth basic --user NAME --password env:NAME",
		    url);
	}
}

static void
check_path(const struct path *p, const char *option, bool header)
{
	if (p != NULL && p->iterates)
		die(CS_USAGE, "%s: \"%s\" names many values, not one", option, p->text);
	if (p != NULL && p->header != NULL && !header)
		die(CS_USAGE, "%s: a header cannot be used here", option);
}

static void
check_lines(const struct opts *o)
{
	const struct path *const path[] = {
	    o->cursor_path, o->next, o->total, o->total_pages, o->has_more};

	for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++)
		if (path[i] != NULL && path[i]->header == NULL)
			die(CS_USAGE,
			    "%s: in this --format each line is a record: "
			    "only header:NAME can say how to go on",
			    path[i]->text);
}

static void
check_paging(const struct opts *o)
{
	if (o->format != FORMAT_JSON)
		check_lines(o);
	check_path(o->cursor_path, "--cursor-path", true);
	check_path(o->next, "--next", true);
	check_path(o->total, "--total", true);
	check_path(o->total_pages, "--total-pages", true);
	check_path(o->has_more, "--has-more", true);
	check_path(o->keyset, "--keyset", false);
	if (o->paginate == PAGE_CURSOR)
		need(o->cursor_path != NULL, "--paginate cursor", "--cursor-path PATH");
	if (o->paginate == PAGE_NEXT_URL)
		need(o->next != NULL, "--paginate next-url", "--next PATH");
	if (o->paginate == PAGE_KEYSET) {
		need(o->keyset != NULL, "--paginate keyset", "--keyset PATH");
		need(o->keyset_param.text != NULL, "--paginate keyset", "--keyset-param PARAM");
	}
	need(!o->stop_short || o->page_size > 0, "--stop-on short", "--page-size N");
	if (o->connector != NULL) /* a stream may do without what the connector says for all */
		return;
	need(o->cursor_path == NULL || o->paginate == PAGE_CURSOR, "--cursor-path",
	    "--paginate cursor");
	need(o->graphql == NULL || o->paginate == PAGE_CURSOR || o->paginate == PAGE_NONE,
	    "--graphql", "--paginate graphql");
	need(o->variables == NULL || o->graphql != NULL, "--variables", "--graphql QUERY");
	need(o->keyset == NULL || o->paginate == PAGE_KEYSET, "--keyset", "--paginate keyset");
	need(o->next == NULL || o->paginate == PAGE_NEXT_URL, "--next", "--paginate next-url");
	need(o->has_more == NULL || o->paginate != PAGE_NONE, "--has-more", "--paginate");
	need(
	    o->total_pages == NULL || o->paginate == PAGE_PAGE, "--total-pages", "--paginate page");
}

static void
check_param_format(const struct opts *o)
{
	static const char *const known[] = {"rfc3339", "date", "epoch", "epoch-ms"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(o->param_format, known[i]) == 0)
			return;
	if (strchr(o->param_format, '%') == NULL)
		die(CS_USAGE,
		    "--param-format: \"%s\" is not one of rfc3339, date, epoch, epoch-ms, or a "
		    "strftime(3) format",
		    o->param_format);
}

static void
check_window(const struct opts *o)
{
	struct mark end = {0};

	need(o->end == NULL || o->window > 0 || o->connector != NULL, "--end", "--window DURATION");
	if (o->window == 0)
		return;
	need(o->since_param.text != NULL, "--window", "--since-param PARAM");
	need(o->until_param.text != NULL, "--window", "--until-param PARAM");
	need(o->cursor_type != CURSOR_TEXT, "--window", "--cursor-type time or integer");
	need(
	    o->cursor_type == CURSOR_TIME || o->end != NULL, "--window of integers", "--end VALUE");
	buf_adds(&end.text, o->end != NULL ? o->end : "");
	if (o->end != NULL && !mark_parse(o, &end))
		die(CS_USAGE, "--end: \"%s\" is not %s (--cursor-type)", o->end, mark_type_name(o));
	buf_release(&end.text);
	if (o->window < 1000)
		die(CS_USAGE, "--window: less than a second is too short");
	if (o->cursor_type == CURSOR_TIME &&
	    (int64_t)(o->window / 1000) < mark_step(o->param_format))
		die(CS_USAGE, "--window: --param-format %s cannot tell its ends apart",
		    o->param_format);
}

static void
check_incremental(const struct opts *o)
{
	check_path(o->cursor_field, "--cursor-field", false);
	check_param_format(o);
	check_window(o);
	check_path(o->state_token, "--state-token", true);
	need(o->until_param.text == NULL || o->cursor_type == CURSOR_TIME || o->window > 0,
	    "--until-param", "--cursor-type time, or --window");
	need(o->max_age == 0 || o->connector != NULL || o->cursor_field != NULL || o->window > 0 ||
		 o->state_token != NULL,
	    "--max-age", "--cursor-field PATH");
	need(o->state_token_param.text == NULL || o->state_token != NULL || o->connector != NULL,
	    "--state-token-param", "--state-token PATH");
	need(o->max_offset == 0 || o->connector != NULL || o->paginate == PAGE_OFFSET,
	    "--max-offset", "--paginate offset");
	if (o->cursor_field != NULL) {
		need(o->since_param.text != NULL || o->client_filter || o->state_token != NULL,
		    "--cursor-field",
		    "--since-param NAME where the server can filter, else --client-filter");
		need(o->lookback == 0 || o->cursor_type == CURSOR_TIME, "--lookback",
		    "--cursor-type time");
	} else if (o->connector == NULL && o->window == 0) {
		need(o->since_param.text == NULL, "--since-param", "--cursor-field PATH");
		need(o->until_param.text == NULL, "--until-param", "--cursor-field PATH");
		need(o->start == NULL, "--start", "--cursor-field PATH");
		need(o->lookback == 0, "--lookback", "--cursor-field PATH");
		need(!o->client_filter, "--client-filter", "--cursor-field PATH");
	}
}

static void
check_each(const struct opts *o)
{
	const char *host = strchr(o->url, ':') + 3;

	need(o->each || o->connector != NULL || o->parent_key.n == 0, "--parent-key", "--each");
	need(o->each || o->parts == NULL, "--parts", "--each");
	if (o->each && memchr(host, '{', strcspn(host, "/?#")) != NULL)
		die(CS_USAGE, "--each: a parent does not say which host is asked");
}

void
opts_check(const struct opts *o)
{
	check_url(o->url);
	check_each(o);
	opts_check_auth(o);
	if (o->data != NULL && o->form.n > 0)
		die(CS_USAGE, "--form: cannot be used together with --data or --json");
	if (o->records != NULL && o->records->header != NULL)
		die(CS_USAGE, "--records: a header holds no records");
	if (o->format != FORMAT_JSON && o->records != NULL)
		die(CS_USAGE, "--records: in this --format each line is a record");
	need(
	    o->csv_delimiter == '\0' || o->format >= FORMAT_CSV, "--csv-delimiter", "--format csv");
	check_path(o->retry_if, "--retry-if", false);
	check_path(o->fail_if, "--fail-if", false);
	need(o->etag == NULL || (!o->each && o->window == 0), "--etag",
	    "one request a run: it cannot be used together with --each or --window");
	need(o->record == NULL || o->replay == NULL, "--record",
	    "a directory of its own: it cannot be used together with --replay");
	check_paging(o);
	check_incremental(o);
}
