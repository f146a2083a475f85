/*
 * Everything that can be asked of cs-fetch, filled from the connector file and the
 * command line by one function, so that both know the same names and the same ranges.
 *
 * Strings are owned by the struct and live until exit. Durations are milliseconds,
 * sizes bytes. After the command line is read the rest of the program takes it const.
 */
#ifndef OPTS_H
#define OPTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"
#include "place.h"
#include "quota.h"
#include "secret.h"

enum auth_kind {
	AUTH_NONE,
	AUTH_BEARER,
	AUTH_BASIC,
	AUTH_HEADER,
	AUTH_QUERY,
	AUTH_COOKIE,
	AUTH_DIGEST,
	AUTH_OAUTH2,
	AUTH_LOGIN,
	AUTH_JWT,
	AUTH_SIGV4
};
enum auth_in { IN_HEADER, IN_QUERY, IN_COOKIE };
enum grant { GRANT_CLIENT, GRANT_REFRESH, GRANT_PASSWORD, GRANT_JWT };
enum client_auth { CLIENT_BASIC, CLIENT_POST, CLIENT_JWT };
enum token_body { TOKEN_FORM, TOKEN_JSON };
enum jwt_alg { JWT_HS256, JWT_RS256, JWT_ES256 };
enum format { FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV, FORMAT_TSV };
enum paginate {
	PAGE_NONE,
	PAGE_OFFSET,
	PAGE_PAGE,
	PAGE_CURSOR,
	PAGE_NEXT_URL,
	PAGE_LINK,
	PAGE_KEYSET,
	PAGE_GRAPHQL, /* opts_settle() makes a cursor of it ... */
	PAGE_ODATA    /* ... and a next URL of this */
};
enum cursor_type { CURSOR_TIME, CURSOR_INTEGER, CURSOR_TEXT };
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

/* Several of them; those of a higher layer replace those of lower ones. */
struct secrets {
	struct secret *v;
	size_t n;
	int layer;
};

/* The values of a repeatable option. */
struct list {
	struct list_item {
		char *text;
		int layer; /* of the opts that set it */
	} * v;
	size_t n;
};

struct opts {
	/* Who is speaking: connector, then stream, then command line. A header, query or form value
	 * replaces those of its name that a lower layer set; within a layer they add up. */
	int layer;

	/* request */
	char *url; /* whole: the connector's base URL and the stream's path */
	char *method;
	struct list header; /* "Name: value", checked */
	struct list query;  /* "name=value", not encoded */
	struct list form;   /* likewise */
	char *data;         /* body; read from the file where @FILE was given */
	size_t data_len;
	bool data_json;
	char *graphql, *variables; /* become the body; or NULL */

	/* auth */
	int auth; /* enum auth_kind */
	struct secrets token;
	struct secret tokens, password;
	char *user, *auth_name, *auth_prefix;
	int auth_in; /* enum auth_in */
	bool netrc;
	char *credentials; /* file */

	/* oauth2 */
	char *token_url, *client_id, *scope;
	int grant, client_auth, token_body; /* enums */
	struct secret client_secret, refresh_token;
	struct list token_param; /* "name=value" */

	/* login */
	char *login_url, *login_json;
	char *login_cookie; /* its name, where the token is one */
	struct path *login_token;
	uint64_t login_expires; /* ms; 0: when the server says 401 */

	/* jwt */
	int jwt_alg; /* enum jwt_alg */
	struct secret jwt_key;
	char *jwt_claims, *jwt_header; /* JSON objects */
	uint64_t jwt_expires;          /* ms */

	/* sigv4 */
	char *sigv4_region, *sigv4_service;

	/* network */
	char *cacert, *cert, *key, *pin, *proxy, *proxy_user, *no_proxy, *unix_socket;
	struct secret key_password, proxy_password;
	struct list allow_host;
	bool http2;

	/* records */
	struct path *records; /* NULL: the root array */
	int format;           /* enum format */
	char csv_delimiter;   /* 0: what the format says */
	char *primary_key;    /* columns, comma-separated, for the begin line; or NULL */
	uint64_t max_record, max_page; /* max_page 0: 256 MiB for what cannot be written in parts */
	uint64_t page_buffer;          /* a larger page is written in parts */

	/* paging */
	int paginate;       /* enum paginate */
	bool paginate_said; /* it is not the default */
	uint64_t page_size; /* 0: do not ask */
	struct place limit_param, offset_param, page_param, cursor_param, keyset_param;
	uint64_t first_page; /* UINT64_MAX: not said, before opts_settle() */
	struct path *cursor_path, *next, *total, *total_pages, *has_more, *keyset; /* or NULL */
	struct path *errors;         /* no page has any there; NULL: it may */
	bool next_sure, total_maybe; /* the paths are the protocol's own, total need not be there */
	struct list cursor_replaces; /* parameters that a cursor takes the place of; * is all */
	bool stop_empty, stop_short;
	int stop_status[8], n_stop_status;
	uint64_t parallel;                           /* requests in flight */
	uint64_t max_pages, max_records, max_offset; /* 0: no limit */

	/* incremental */
	struct path *cursor_field; /* NULL: every run is a full one */
	struct place since_param, until_param;
	char *param_format, *start, *end;
	int cursor_type; /* enum cursor_type */
	uint64_t lookback, window, max_age; /* 0: none */
	struct path *state_token;           /* or NULL */
	bool token_maybe;                   /* it is the protocol's own and need not be there */
	struct place state_token_param;
	bool client_filter, full, incremental;

	/* parents */
	bool each;
	struct list parent_key;    /* "NAME=PATH", and those paths */
	struct path **parent_path;
	char *parts;

	/* politeness */
	uint64_t retries, retry_budget, retry_max_time, max_wait, connect_timeout, stall_timeout;
	bool retry_post;
	struct path *retry_if, *fail_if; /* programs, or NULL */
	struct status_range {
		int from, to;
	} ignore_status[16];
	int n_ignore_status;
	uint64_t rate, rate_window; /* requests in so many milliseconds; 0: as many as we can */
	int rate_reset;             /* enum reset */

	/* state */
	char *stream, *state;

	/* operation; the command line only */
	char *connector, *config, *get;
	struct list set;
	char *record, *replay, *metrics, *etag;
	bool check, detect, dry_run, quiet, verbose;
	int progress; /* enum when */
};

/* Defaults in place. */
void opts_init(struct opts *o);
/*
 * Set what the long option name (without dashes) sets. where is what a complaint names:
 * "--page-size", or "connector.json: streams.companies.page-size". Flags take "true" or "false" (also
 * yes, no, on, off, 1, 0); on the command line, where they have no argument, value is NULL.
 * Repeatable settings add, the others replace. A secret option takes a reference, see
 * secret_set(). A bad or unknown setting ends the process with CS_USAGE, naming where,
 * the value and what is allowed.
 */
void opts_set(struct opts *o, const char *name, const char *value, const char *where);
/* May a connector file set it? (False for what belongs to one run: --check, --config, --state, …) The
 * setting "url" is the operand of URL mode. The member "key" of a stream is the option primary-key. */
int opts_known(const char *name);
/* Where to put its value: a new place where there may be several. NULL when name is no option that takes a
 * SECRET. */
struct secret *opts_secret(struct opts *o, const char *name);
int opts_is_secret(const char *name);

/* What the way of paging implies where nothing else was said: once, before opts_check(). */
void opts_settle(struct opts *o);
/* Do the settings fit each other? Ends the process with CS_USAGE if not. */
void opts_check(const struct opts *o);
/* Those that say who we are: part of opts_check(). */
void opts_check_auth(const struct opts *o);

/* Does a run ask for what has changed since the last one? */
bool opts_follow(const struct opts *o);

/* The tables for getopt_long, and the option's name for what it returned (256 and up: a long one). */
const struct option *opts_long(void);
const char *opts_short(void);
const char *opts_name(int c);

#endif
