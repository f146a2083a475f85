#include "opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file.h"
#include "lines.h"
#include "num.h"

#define LEN(a) (sizeof(a) / sizeof(*(a)))

enum kind {
	FLAG,    /* bool; no argument on the command line */
	BOOL,    /* bool; yes or no */
	TEXT,    /* char * */
	NAME,    /* char *, in UTF-8 and not empty */
	COUNT,   /* uint64_t in min..max */
	SIZE,    /* uint64_t bytes, 1K to 4G */
	TIME,    /* uint64_t milliseconds */
	WORD,    /* int, index into words */
	AT,      /* struct path * */
	PARAM,   /* struct place */
	SECRET,  /* struct secret */
	SECRETS, /* struct secrets */
	CALL     /* set() does it */
};

struct def {
	const char *name;
	enum kind kind;
	char letter;
	bool run; /* belongs to one run: not for connector files */
	size_t at;
	uint64_t min, max;
	const char *const *words;
	void (*set)(struct opts *o, const char *value, const char *where);
};

static const char *const auths[] = {"none", "bearer", "basic", "header", "query", "cookie",
    "digest", "oauth2", "login", "jwt", "sigv4", NULL};
static const char *const auth_ins[] = {"header", "query", "cookie", NULL};
static const char *const grants[] = {
    "client_credentials", "refresh_token", "password", "jwt-bearer", NULL};
static const char *const client_auths[] = {"basic", "post", "jwt", NULL};
static const char *const token_bodies[] = {"form", "json", NULL};
static const char *const jwt_algs[] = {"HS256", "RS256", "ES256", NULL};
static const char *const formats[] = {"json", "ndjson", "csv", "tsv", NULL};
static const char *const paginates[] = {
    "none", "offset", "page", "cursor", "next-url", "link", "keyset", "graphql", "odata", NULL};
static const char *const resets[] = {"auto", "epoch", "epoch-ms", "delta", "delta-ms", NULL};
static const char *const cursor_types[] = {"time", "integer", "text", NULL};
static const char *const whens[] = {"auto", "always", "never", NULL};

static void set_allow_host(struct opts *o, const char *value, const char *where);
static void set_csv_delimiter(struct opts *o, const char *value, const char *where);
static void set_cursor_replaces(struct opts *o, const char *value, const char *where);
static void set_data(struct opts *o, const char *value, const char *where);
static void set_form(struct opts *o, const char *value, const char *where);
static void set_graphql(struct opts *o, const char *value, const char *where);
static void set_header(struct opts *o, const char *value, const char *where);
static void set_ignore_status(struct opts *o, const char *value, const char *where);
static void set_json(struct opts *o, const char *value, const char *where);
static void set_jwt_claims(struct opts *o, const char *value, const char *where);
static void set_jwt_header(struct opts *o, const char *value, const char *where);
static void set_login_json(struct opts *o, const char *value, const char *where);
static void set_login_token(struct opts *o, const char *value, const char *where);
static void set_method(struct opts *o, const char *value, const char *where);
static void set_nothing(struct opts *o, const char *value, const char *where);
static void set_pin(struct opts *o, const char *value, const char *where);
static void set_proxy(struct opts *o, const char *value, const char *where);
static void set_parent_key(struct opts *o, const char *value, const char *where);
static void set_query(struct opts *o, const char *value, const char *where);
static void set_rate(struct opts *o, const char *value, const char *where);
static void set_set(struct opts *o, const char *value, const char *where);
static void set_stop_on(struct opts *o, const char *value, const char *where);
static void set_token_param(struct opts *o, const char *value, const char *where);
static void set_tries(struct opts *o, const char *value, const char *where);
static void set_variables(struct opts *o, const char *value, const char *where);

#define O(field) .at = offsetof(struct opts, field)

/* Sorted by name. */
static const struct def defs[] = {
    {"allow-host", CALL, .set = set_allow_host},
    {"auth", WORD, O(auth), .words = auths},
    {"auth-in", WORD, O(auth_in), .words = auth_ins},
    {"auth-name", NAME, O(auth_name)},
    {"auth-prefix", TEXT, O(auth_prefix)},
    {"cacert", TEXT, O(cacert)},
    {"cert", TEXT, O(cert)},
    {"check", FLAG, .run = true, O(check)},
    {"client-auth", WORD, O(client_auth), .words = client_auths},
    {"client-filter", FLAG, O(client_filter)},
    {"client-id", NAME, O(client_id)},
    {"client-secret", SECRET, O(client_secret)},
    {"config", TEXT, .run = true, O(config)},
    {"connect-timeout", TIME, O(connect_timeout)},
    {"connector", TEXT, .run = true, O(connector)},
    {"credentials", NAME, O(credentials)},
    {"csv-delimiter", CALL, .set = set_csv_delimiter},
    {"cursor-field", AT, O(cursor_field)},
    {"cursor-param", PARAM, O(cursor_param)},
    {"cursor-path", AT, O(cursor_path)},
    {"cursor-replaces", CALL, .set = set_cursor_replaces},
    {"cursor-type", WORD, O(cursor_type), .words = cursor_types},
    {"data", CALL, .set = set_data},
    {"detect", FLAG, .run = true, O(detect)},
    {"dry-run", FLAG, 'n', true, O(dry_run)},
    {"each", FLAG, O(each)},
    {"end", TEXT, O(end)},
    {"etag", TEXT, .run = true, O(etag)},
    {"fail-if", AT, O(fail_if)},
    {"first-page", COUNT, O(first_page), .max = 1000000},
    {"form", CALL, .set = set_form},
    {"format", WORD, O(format), .words = formats},
    {"full", FLAG, .run = true, O(full)},
    {"get", TEXT, .run = true, O(get)},
    {"grant", WORD, O(grant), .words = grants},
    {"graphql", CALL, .set = set_graphql},
    {"has-more", AT, O(has_more)},
    {"header", CALL, 'H', .set = set_header},
    {"help", CALL, 'h', true, .set = set_nothing},
    {"http2", FLAG, O(http2)},
    {"ignore-status", CALL, .set = set_ignore_status},
    {"incremental", BOOL, O(incremental)},
    {"json", CALL, .set = set_json},
    {"jwt-alg", WORD, O(jwt_alg), .words = jwt_algs},
    {"jwt-claims", CALL, .set = set_jwt_claims},
    {"jwt-expires", TIME, O(jwt_expires)},
    {"jwt-header", CALL, .set = set_jwt_header},
    {"jwt-key", SECRET, O(jwt_key)},
    {"key", TEXT, O(key)},
    {"key-password", SECRET, O(key_password)},
    {"keyset", AT, O(keyset)},
    {"keyset-param", PARAM, O(keyset_param)},
    {"limit-param", PARAM, O(limit_param)},
    {"login-expires", TIME, O(login_expires)},
    {"login-json", CALL, .set = set_login_json},
    {"login-token", CALL, .set = set_login_token},
    {"login-url", NAME, O(login_url)},
    {"lookback", TIME, O(lookback)},
    {"max-age", TIME, O(max_age)},
    {"max-offset", COUNT, O(max_offset), .min = 1, .max = UINT64_MAX},
    {"max-page", SIZE, O(max_page)},
    {"max-pages", COUNT, O(max_pages), .min = 1, .max = UINT64_MAX},
    {"max-record", SIZE, O(max_record)},
    {"max-records", COUNT, O(max_records), .min = 1, .max = UINT64_MAX},
    {"max-wait", TIME, O(max_wait)},
    {"metrics", TEXT, .run = true, O(metrics)},
    {"method", CALL, 'X', .set = set_method},
    {"netrc", FLAG, O(netrc)},
    {"next", AT, O(next)},
    {"no-proxy", TEXT, O(no_proxy)},
    {"offset-param", PARAM, O(offset_param)},
    {"page-buffer", SIZE, O(page_buffer)},
    {"page-param", PARAM, O(page_param)},
    {"page-size", COUNT, O(page_size), .min = 1, .max = 1000000},
    {"paginate", WORD, O(paginate), .words = paginates},
    {"parallel", COUNT, O(parallel), .min = 1, .max = 16},
    {"param-format", NAME, O(param_format)},
    {"parent-key", CALL, .set = set_parent_key},
    {"parts", TEXT, .run = true, O(parts)},
    {"password", SECRET, O(password)},
    {"pin", CALL, .set = set_pin},
    {"primary-key", NAME, O(primary_key)},
    {"progress", WORD, .run = true, O(progress), .words = whens},
    {"proxy", CALL, .set = set_proxy},
    {"proxy-password", SECRET, O(proxy_password)},
    {"proxy-user", NAME, O(proxy_user)},
    {"query", CALL, .set = set_query},
    {"quiet", FLAG, 'q', O(quiet)},
    {"rate", CALL, .set = set_rate},
    {"rate-reset", WORD, O(rate_reset), .words = resets},
    {"record", TEXT, .run = true, O(record)},
    {"records", AT, O(records)},
    {"refresh-token", SECRET, O(refresh_token)},
    {"replay", TEXT, .run = true, O(replay)},
    {"retries", COUNT, O(retries), .max = 1000},
    {"retry-budget", COUNT, O(retry_budget), .max = 1000000},
    {"retry-if", AT, O(retry_if)},
    {"retry-max-time", TIME, O(retry_max_time)},
    {"retry-post", FLAG, O(retry_post)},
    {"scope", NAME, O(scope)},
    {"set", CALL, .run = true, .set = set_set},
    {"sigv4-region", NAME, O(sigv4_region)},
    {"sigv4-service", NAME, O(sigv4_service)},
    {"since-param", PARAM, O(since_param)},
    {"stall-timeout", TIME, O(stall_timeout)},
    {"start", TEXT, O(start)},
    {"state", TEXT, .run = true, O(state)},
    {"state-token", AT, O(state_token)},
    {"state-token-param", PARAM, O(state_token_param)},
    {"stop-on", CALL, .set = set_stop_on},
    {"stream", NAME, O(stream)},
    {"token", SECRETS, O(token)},
    {"token-body", WORD, O(token_body), .words = token_bodies},
    {"token-param", CALL, .set = set_token_param},
    {"token-url", NAME, O(token_url)},
    {"tokens", SECRET, O(tokens)},
    {"total", AT, O(total)},
    {"total-pages", AT, O(total_pages)},
    {"tries", CALL, .set = set_tries},
    {"unix-socket", TEXT, O(unix_socket)},
    {"until-param", PARAM, O(until_param)},
    {"url", NAME, O(url)},
    {"user", TEXT, O(user)},
    {"variables", CALL, .set = set_variables},
    {"verbose", FLAG, 'v', O(verbose)},
    {"version", CALL, 'V', true, .set = set_nothing},
    {"window", TIME, O(window)},
};

void
opts_init(struct opts *o)
{
	*o = (struct opts){
	    .param_format = xstrdup("rfc3339"),
	    .first_page = UINT64_MAX,
	    .max_record = LINES_MAX_RECORD,
	    .page_buffer = 4u << 20,
	    .parallel = 1,
	    .incremental = true,
	    .jwt_expires = 5 * 60 * 1000,
	    .retries = 5,
	    .retry_budget = 100,
	    .max_wait = 15 * 60 * 1000,
	    .connect_timeout = 10 * 1000,
	    .stall_timeout = 30 * 1000,
	};
}

static const struct def *
find(const char *name)
{
	for (size_t i = 0; i < LEN(defs); i++)
		if (strcmp(defs[i].name, name) == 0)
			return &defs[i];
	return NULL;
}

static int
word(const char *const *words, const char *value, const char *where)
{
	struct buf b = {0};
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], value) == 0) {
			buf_release(&b);
			return i;
		}
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	die(CS_USAGE, "%s: \"%s\" is not one of %s", where, value, b.p);
}

static bool
truth(const char *value, const char *where)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};

	for (size_t i = 0; i < LEN(words); i++)
		if (strcasecmp(words[i], value) == 0)
			return i % 2 == 0;
	die(CS_USAGE, "%s: \"%s\" is not one of true, false, yes, no, on, off", where, value);
}

static void
set_text(char **at, const char *value)
{
	free(*at);
	*at = xstrdup(value);
}

static void
refuse_controls(const char *value, const char *where)
{
	for (; *value != '\0'; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			die(CS_USAGE, "%s: control characters are not allowed here", where);
}

static void
refuse_odd(const char *value, const char *where)
{
	refuse_controls(value, where);
	if (*value == '\0' || !utf8_valid(value, strlen(value)))
		die(CS_USAGE, "%s: %s", where,
		    *value == '\0' ? "must not be empty" : "is not UTF-8");
}

/* Add text; its name (up to sep) takes the place of the same name in lower layers. */
static void
add(struct opts *o, struct list *l, const char *text, const char *sep)
{
	size_t n = strcspn(text, sep), kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (*sep != '\0' && l->v[i].layer < o->layer && strcspn(l->v[i].text, sep) == n &&
		    strncasecmp(l->v[i].text, text, n) == 0)
			free(l->v[i].text);
		else
			l->v[kept++] = l->v[i];
	}
	l->v = xreallocarray(l->v, kept + 1, sizeof(*l->v));
	l->v[kept] = (struct list_item){xstrdup(text), o->layer};
	l->n = kept + 1;
}

static void
set_pair(struct opts *o, struct list *l, const char *value, const char *where)
{
	if (*value == '=' || strchr(value, '=') == NULL)
		die(CS_USAGE, "%s: \"%s\" is not NAME=VALUE", where, value);
	add(o, l, value, "=");
}

static void
set_parent_key(struct opts *o, const char *value, const char *where)
{
	struct path *path;

	refuse_odd(value, where);
	set_pair(o, &o->parent_key, value, where);
	if (strncmp(value, "@cs=", 4) == 0)
		die(CS_USAGE, "%s: @cs is no name for a member", where);
	path = path_new(strchr(value, '=') + 1, where);
	if (path->iterates || path->header != NULL)
		die(CS_USAGE, "%s: \"%s\" names no one value of a record", where, path->text);
	o->parent_path = xreallocarray(o->parent_path, o->parent_key.n, sizeof(*o->parent_path));
	o->parent_path[o->parent_key.n - 1] = path;
}

static void
set_query(struct opts *o, const char *value, const char *where)
{
	set_pair(o, &o->query, value, where);
}

static void
set_form(struct opts *o, const char *value, const char *where)
{
	set_pair(o, &o->form, value, where);
}

static void
set_set(struct opts *o, const char *value, const char *where)
{
	set_pair(o, &o->set, value, where);
}

static void
set_allow_host(struct opts *o, const char *value, const char *where)
{
	if (*value == '\0' || strpbrk(value, "/@ ") != NULL)
		die(CS_USAGE, "%s: \"%s\" is not HOST or HOST:PORT", where, value);
	add(o, &o->allow_host, value, "");
}

static void
set_token_param(struct opts *o, const char *value, const char *where)
{
	set_pair(o, &o->token_param, value, where);
}

/* How many of its first characters may be in the name of a header. */
static size_t
name_length(const char *s)
{
	return strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static void
set_header(struct opts *o, const char *value, const char *where)
{
	size_t n = name_length(value);

	refuse_controls(value, where);
	if (n == 0 || value[n] != ':')
		die(CS_USAGE, "%s: a header is 'Name: value'", where);
	if ((n == 14 && strncasecmp(value, "content-length", n) == 0) ||
	    (n == 17 && strncasecmp(value, "transfer-encoding", n) == 0))
		die(CS_USAGE, "%s: %.*s says what the body says itself", where, (int)n, value);
	if (n == 13 && strncasecmp(value, "authorization", n) == 0)
		die(CS_USAGE,
		    "%s: credentials do not belong on the command line: "
		    "use --auth and --token env:NAME",
		    where);
	add(o, &o->header, value, ":");
}

/* PROTOCOL://HOST:PORT */
static void
set_proxy(struct opts *o, const char *value, const char *where)
{
	const char *at = strrchr(value, '@');

	refuse_controls(value, where);
	if (at != NULL) {
		secret_register(value, at - value);
		die(CS_USAGE,
		    "%s: credentials do not belong on the command line: "
		    "use --proxy-user NAME --proxy-password env:NAME",
		    where);
	}
	if (strstr(value, "://") != NULL && strncmp(value, "http://", 7) != 0 &&
	    strncmp(value, "https://", 8) != 0 && strncmp(value, "socks5", 6) != 0)
		die(CS_USAGE, "%s: \"%s\" is not http://, https:// or socks5://HOST:PORT", where,
		    value);
	set_text(&o->proxy, value);
}

/* sha256//BASE64, several with ; between, as for curl. A file would be a certificate: --cacert. */
static void
set_pin(struct opts *o, const char *value, const char *where)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = value;

	for (bool more = true; more; p++) {
		if (strncmp(p, "sha256//", 8) != 0 || strspn(p + 8, digits) != 43 || p[51] != '=' ||
		    strchr(";", p[52]) == NULL)
			die(CS_USAGE, "%s: a pin is sha256//BASE64, 44 characters of it", where);
		p += 52;
		more = *p == ';';
	}
	set_text(&o->pin, value);
}

static void
set_method(struct opts *o, const char *value, const char *where)
{
	if (*value == '\0' || value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		die(CS_USAGE, "%s: \"%s\" is no HTTP method such as GET or POST", where, value);
	set_text(&o->method, value);
}

/* TEXT or @FILE; the caller's. */
static void
text_or_file(struct buf *b, const char *value, const char *where)
{
	*b = (struct buf){.max = 64u << 20};
	if (*value != '@')
		buf_adds(b, value);
	else if (file_read(b, value + 1) < 0)
		die(CS_USAGE, "%s: %s: %s", where, value + 1, strerror(errno));
}

static void
set_body(struct opts *o, struct buf *b, bool json)
{
	free(o->data);
	o->data_len = b->len;
	o->data = b->p != NULL ? buf_steal(b) : xstrdup("");
	o->data_json = json;
}

static void
set_data(struct opts *o, const char *value, const char *where)
{
	struct buf b;

	text_or_file(&b, value, where);
	set_body(o, &b, false);
}

static int
json_or_file(struct buf *b, const char *value, const char *where)
{
	struct value v = {0};
	const char *err;

	text_or_file(b, value, where);
	if (scan_text(b->p != NULL ? b->p : "", b->len, &v, &err) < 0)
		die(CS_USAGE, "%s: is no valid JSON: %s", where, err);
	return v.type;
}

/* 404,410,420-429 */
static void
set_ignore_status(struct opts *o, const char *value, const char *where)
{
	char *list = xstrdup(value), *at = list, *one, *dash;

	while ((one = strsep(&at, ",")) != NULL) {
		struct status_range r;

		if (o->n_ignore_status == (int)LEN(o->ignore_status))
			die(CS_USAGE, "%s: more than %zu status codes", where,
			    LEN(o->ignore_status));
		if ((dash = strchr(one, '-')) != NULL)
			*dash++ = '\0';
		r.from = (int)opt_uint(where, one, 300, 599);
		r.to = dash != NULL ? (int)opt_uint(where, dash, r.from, 599) : r.from;
		o->ignore_status[o->n_ignore_status++] = r;
	}
	free(list);
}

static void
set_json(struct opts *o, const char *value, const char *where)
{
	struct buf b;

	json_or_file(&b, value, where);
	set_body(o, &b, true);
}

static void
set_graphql(struct opts *o, const char *value, const char *where)
{
	struct buf b;

	text_or_file(&b, value, where);
	if (b.len == 0 || !utf8_valid(b.p, b.len) || strlen(b.p) != b.len)
		die(CS_USAGE, "%s: is empty, or no text in UTF-8", where);
	free(o->graphql);
	o->graphql = buf_steal(&b);
}

static void
set_variables(struct opts *o, const char *value, const char *where)
{
	struct buf b;

	if (json_or_file(&b, value, where) != JSON_OBJECT)
		die(CS_USAGE, "%s: is no JSON object", where);
	free(o->variables);
	o->variables = buf_steal(&b);
}

static void
set_cursor_replaces(struct opts *o, const char *value, const char *where)
{
	refuse_odd(value, where);
	add(o, &o->cursor_replaces, value, "");
}

static void
set_csv_delimiter(struct opts *o, const char *value, const char *where)
{
	if (strcmp(value, "\\t") == 0 || strcmp(value, "tab") == 0)
		value = "\t";
	if (value[0] == '\0' || value[1] != '\0' || strchr("\"\r\n", value[0]) != NULL)
		die(CS_USAGE, "%s: \"%s\" is not one character such as ; or | or \\t", where,
		    value);
	o->csv_delimiter = value[0];
}

static void
set_object(char **at, const char *value, const char *where)
{
	struct buf b = {.max = 1u << 20};
	struct value v;
	const char *err;

	if (*value != '@')
		buf_adds(&b, value);
	else if (file_read(&b, value + 1) < 0)
		die(CS_USAGE, "%s: %s: %s", where, value + 1, strerror(errno));
	if (scan_text(b.p != NULL ? b.p : "", b.len, &v, &err) < 0)
		die(CS_USAGE, "%s: is no valid JSON: %s", where, err);
	if (v.type != JSON_OBJECT)
		die(CS_USAGE, "%s: is no JSON object", where);
	free(*at);
	*at = buf_steal(&b);
}

static void
set_jwt_claims(struct opts *o, const char *value, const char *where)
{
	set_object(&o->jwt_claims, value, where);
}

static void
set_jwt_header(struct opts *o, const char *value, const char *where)
{
	set_object(&o->jwt_header, value, where);
}

static void
set_login_json(struct opts *o, const char *value, const char *where)
{
	set_object(&o->login_json, value, where);
}

static void
set_login_token(struct opts *o, const char *value, const char *where)
{
	bool cookie = strncmp(value, "cookie:", 7) == 0;

	if (cookie && (value[7] == '\0' || value[7 + name_length(value + 7)] != '\0'))
		die(CS_USAGE, "%s: \"%s\" is not cookie:NAME", where, value);
	free(o->login_cookie);
	o->login_cookie = cookie ? xstrdup(value + 7) : NULL;
	o->login_token = cookie ? NULL : path_new(value, where);
}

static void
set_rate(struct opts *o, const char *value, const char *where)
{
	size_t n = strcspn(value, "/");
	char *count = xstrndup(value, n), *window;

	if (value[n] == '\0' || value[n + 1] == '\0')
		die(CS_USAGE, "%s: \"%s\" is not N/s, N/m or N/h", where, value);
	window = xasprintf("%s%s", strchr("smhd", value[n + 1]) != NULL ? "1" : "", value + n + 1);
	o->rate = opt_uint(where, count, 1, 1000000);
	o->rate_window = opt_duration(where, window);
	if (o->rate_window == 0)
		die(CS_USAGE, "%s: \"%s\" is not N/s, N/m or N/h", where, value);
	free(count);
	free(window);
}

static void
set_stop_on(struct opts *o, const char *value, const char *where)
{
	uint64_t code;

	if (strcmp(value, "empty") == 0)
		o->stop_empty = true;
	else if (strcmp(value, "short") == 0)
		o->stop_short = true;
	else if (strncmp(value, "status:", 7) == 0) {
		if (o->n_stop_status == LEN(o->stop_status))
			die(CS_USAGE, "%s: more than %zu status codes", where, LEN(o->stop_status));
		code = opt_uint(where, value + 7, 200, 499);
		if (code < 300 && code != 204)
			die(CS_USAGE, "%s: %s: a reply of that status holds records", where, value);
		o->stop_status[o->n_stop_status++] = code;
	} else
		die(CS_USAGE, "%s: \"%s\" is not one of empty, short, status:CODE", where, value);
}

static void
set_tries(struct opts *o, const char *value, const char *where)
{
	o->retries = opt_uint(where, value, 1, 1001) - 1;
}

static void
set_nothing(struct opts *o, const char *value, const char *where)
{
	(void)o, (void)value, (void)where;
}

void
opts_set(struct opts *o, const char *name, const char *value, const char *where)
{
	const struct def *d = find(name);
	void *at;

	if (d == NULL)
		die(CS_USAGE, "%s: there is no setting \"%s\"", where, name);
	at = (char *)o + d->at;
	if (value == NULL)
		value = "true";
	switch (d->kind) {
	case FLAG:
	case BOOL:
		*(bool *)at = truth(value, where);
		break;
	case TEXT:
		refuse_controls(value, where);
		set_text(at, value);
		break;
	case NAME:
		refuse_odd(value, where);
		set_text(at, value);
		break;
	case COUNT:
		*(uint64_t *)at = opt_uint(where, value, d->min, d->max);
		break;
	case SIZE:
		*(uint64_t *)at = opt_size(where, value, 1 << 10, (uint64_t)4 << 30);
		break;
	case TIME:
		*(uint64_t *)at = opt_duration(where, value);
		break;
	case WORD:
		*(int *)at = word(d->words, value, where);
		o->paginate_said |= at == &o->paginate;
		break;
	case PARAM:
		refuse_odd(value, where);
		place_set(at, value, where);
		break;
	case AT:
		*(struct path **)at = path_new(value, where);
		break;
	case SECRET:
	case SECRETS:
		secret_set(opts_secret(o, name), value, where);
		break;
	default:
		d->set(o, value, where);
	}
}

int
opts_known(const char *name)
{
	const struct def *d = find(name);

	return d != NULL && !d->run;
}

/* One more, unless those that are there come from a lower layer. */
static struct secret *
another(struct opts *o, struct secrets *s)
{
	if (s->layer != o->layer) {
		for (size_t i = 0; i < s->n; i++)
			secret_release(&s->v[i]);
		s->n = 0;
	}
	s->layer = o->layer;
	s->v = xreallocarray(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n] = (struct secret){0};
	return &s->v[s->n++];
}

struct secret *
opts_secret(struct opts *o, const char *name)
{
	const struct def *d = find(name);
	void *at = d != NULL ? (char *)o + d->at : NULL;

	if (d == NULL || !opts_is_secret(name))
		return NULL;
	return d->kind == SECRETS ? another(o, at) : at;
}

int
opts_is_secret(const char *name)
{
	const struct def *d = find(name);

	return d != NULL && (d->kind == SECRET || d->kind == SECRETS);
}

static bool
takes_value(const struct def *d)
{
	return d->kind != FLAG && d->set != set_nothing;
}

const struct option *
opts_long(void)
{
	static struct option table[LEN(defs) + 1];

	for (size_t i = 0; i < LEN(defs); i++)
		table[i] = (struct option){defs[i].name,
		    takes_value(&defs[i])               ? required_argument
		    : strcmp(defs[i].name, "help") == 0 ? optional_argument
							: no_argument,
		    NULL, 256 + i};
	return table;
}

const char *
opts_short(void)
{
	static char s[2 * LEN(defs) + 2];
	char *p = s;

	*p++ = ':';
	for (size_t i = 0; i < LEN(defs); i++)
		if (defs[i].letter != '\0') {
			*p++ = defs[i].letter;
			if (takes_value(&defs[i]))
				*p++ = ':';
		}
	return s;
}

const char *
opts_name(int c)
{
	for (size_t i = 0; i < LEN(defs); i++)
		if (c == 256 + (int)i || (c != 0 && c == defs[i].letter))
			return defs[i].name;
	return NULL;
}
