/*
 * A token endpoint, a login, and users behind the tokens they hand out: tokens that die by time or after so many uses,
 * refresh tokens that are good for once, and what goes wrong between.
 */
#include <cjson/cJSON.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "auth.h"
#include "server.h"
#include "wire.h"

#define MAX_TOKENS 4096

/* The client, whose id and secret change in the form's encoding, and the user. */
#define CLIENT_ID     "the client/1"
#define CLIENT_SECRET "s3cr&t: +%\xc3\xa9"
#define USER_NAME     "someone"
#define USER_PASSWORD "pass word+&\""

enum kind { ACCESS, REFRESH };

static struct token {
	enum kind kind;
	char text[200];
	int64_t uses;   /* that are left; -1: any number */
	int64_t dies;   /* ms of the steady clock; 0: never */
	int64_t family; /* of refresh tokens, which die together */
} tokens[MAX_TOKENS];
static size_t n_tokens;
static int64_t families;

/* What tests set by POST /_oauth, and what they count. */
static struct {
	int64_t expires, life, uses, rotate, delay, fail, times;
} set;
static bool first_used;
static int64_t asked, refreshed, logins, refused;

void
oauth_reset(void)
{
	n_tokens = 0;
	set.expires = 3600;
	set.life = set.delay = set.fail = set.times = 0;
	set.uses = -1;
	set.rotate = 1;
	first_used = false;
	asked = refreshed = logins = refused = 0;
}

static int64_t
steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Every token begins with the bearer token, so that the log hides it. */
static struct token *
issue(enum kind kind, int64_t family)
{
	struct token *t = &tokens[n_tokens];
	unsigned char r[12];

	if (n_tokens == MAX_TOKENS || getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		errx(74, "no more tokens");
	n_tokens++;
	*t = (struct token){.kind = kind, .uses = kind == ACCESS ? set.uses : -1, .family = family};
	if (kind == ACCESS && set.life > 0)
		t->dies = steady_ms() + set.life;
	snprintf(t->text, sizeof(t->text), "%.80s.%c%zu-%02x%02x%02x%02x%02x%02x%02x%02x",
	    auth_token(), kind == ACCESS ? 'a' : 'r', n_tokens, r[0], r[1], r[2], r[3], r[4], r[5],
	    r[6], r[7]);
	return t;
}

static struct token *
find(enum kind kind, const char *text)
{
	for (size_t i = 0; text != NULL && i < n_tokens; i++)
		if (tokens[i].kind == kind && strcmp(tokens[i].text, text) == 0)
			return &tokens[i];
	return NULL;
}

/* The value of name in a form, decoded, into out; or null. */
static const char *
form(const char *body, const char *name, struct text *out)
{
	size_t n = strlen(name);

	for (const char *p = body; p != NULL; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL) {
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		text_lit(out, "");
		for (p += n + 1; *p && *p != '&'; p++) {
			unsigned c;
			char b = *p == '+' ? ' ' : *p;
			if (*p == '%' && sscanf(p + 1, "%2x", &c) == 1)
				b = (char)c, p += 2;
			text_add(out, &b, 1);
		}
		return out->p ? out->p : "";
	}
	return NULL;
}

/* A member of the body, be it a form or JSON; to be freed. */
static char *
member(const struct request *req, const char *name)
{
	const char *body = req->body.p ? req->body.p : "";
	struct text t = {0};

	if (*body == '{') {
		cJSON *json = cJSON_Parse(body);
		const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
		char *copy = s ? strdup(s) : NULL;
		cJSON_Delete(json);
		return copy;
	}
	return form(body, name, &t) ? (t.p ? t.p : strdup("")) : NULL;
}

static bool
is(char *value, const char *wanted)
{
	bool same = value != NULL && strcmp(value, wanted) == 0;

	free(value);
	return same;
}

/* Authorization: Basic, of two form-encoded words; or both in the body. */
static bool
known_client(const struct request *req)
{
	const char *got = header(req, "Authorization");
	struct text pair = {0}, id = {0}, secret = {0};
	bool ok = false;

	if (got == NULL)
		return is(member(req, "client_id"), CLIENT_ID) &&
		       is(member(req, "client_secret"), CLIENT_SECRET);
	if (strncmp(got, "Basic ", 6) == 0 && text_unbase64(&pair, got + 6) && pair.p) {
		char *colon = strchr(pair.p, ':');
		struct text f = {0};
		if (colon != NULL) {
			*colon = '\0';
			text_fmt(&f, "i=%s&s=%s", pair.p, colon + 1);
			ok = strcmp(form(f.p, "i", &id), CLIENT_ID) == 0 &&
			     strcmp(form(f.p, "s", &secret), CLIENT_SECRET) == 0;
			text_release(&f);
		}
	}
	text_release(&pair);
	text_release(&id);
	text_release(&secret);
	return ok;
}

static void
oauth_error(struct answer *a, int status, const char *error)
{
	a->status = status;
	text_fmt(&a->head, "{\"error\":\"%s\",\"error_description\":\"secret words of %s\"}", error,
	    auth_token());
}

/* A refresh token is good once; one that comes twice kills all that came of the same. */
static bool
take_refresh(const struct request *req, int64_t *family)
{
	char *text = member(req, "refresh_token");
	struct token *t = find(REFRESH, text);
	bool first = text != NULL && strcmp(text, auth_token()) == 0, ok;

	free(text);
	if (first) { /* what a person was given */
		ok = !set.rotate || !first_used;
		first_used = true;
		return ok;
	}
	if (t == NULL)
		return false;
	*family = t->family;
	ok = !set.rotate || t->uses != 0;
	if (!ok)
		for (size_t i = 0; i < n_tokens; i++)
			if (tokens[i].family == t->family)
				tokens[i].uses = 0;
	t->uses = 0;
	return ok;
}

static bool
take_grant(const struct request *req, struct answer *a, bool *refresh, int64_t *family)
{
	char *grant = member(req, "grant_type");
	const char *g = grant ? grant : "";

	*refresh = false;
	if (strcmp(g, "refresh_token") == 0) {
		*refresh = true;
		refreshed++;
		if (!take_refresh(req, family))
			oauth_error(a, 400, "invalid_grant");
	} else if (strcmp(g, "password") == 0) {
		if (!is(member(req, "username"), USER_NAME) ||
		    !is(member(req, "password"), USER_PASSWORD))
			oauth_error(a, 400, "invalid_grant");
	} else if (strcmp(g, "urn:ietf:params:oauth:grant-type:jwt-bearer") == 0) {
		char *jwt = member(req, "assertion");
		if (jwt == NULL || strchr(jwt, '.') == NULL)
			oauth_error(a, 400, "invalid_grant");
		free(jwt);
	} else if (strcmp(g, "client_credentials") != 0) {
		oauth_error(a, 400, "unsupported_grant_type");
	}
	free(grant);
	return a->status == 200;
}

static bool
failing(struct answer *a)
{
	if (set.delay > 0) {
		pthread_mutex_unlock(&server_lock);
		wire_sleep(set.delay);
		pthread_mutex_lock(&server_lock);
	}
	if (set.fail == 0 || set.times == 0)
		return false;
	set.times -= set.times > 0;
	a->status = (int)set.fail;
	if (a->status == 200)
		text_lit(&a->head, "<html>not what you wanted</html>");
	else
		text_fmt(&a->head, "{\"error\":\"temporarily_unavailable\"}");
	return true;
}

static void
token_endpoint(struct request *req, struct answer *a)
{
	bool refresh;
	int64_t family = ++families;
	char *scope = member(req, "scope"), *audience = member(req, "audience");

	asked++;
	answer_header(a, "Cache-Control", "no-store");
	if (failing(a))
		;
	else if (!known_client(req))
		oauth_error(a, 401, "invalid_client");
	else if (take_grant(req, a, &refresh, &family)) {
		text_fmt(&a->head, "{\"access_token\":\"%s\",\"token_type\":\"Bearer\"",
		    issue(ACCESS, family)->text);
		if (set.expires > 0)
			text_fmt(&a->head, ",\"expires_in\":%lld", (long long)set.expires);
		if (refresh && set.rotate)
			text_fmt(
			    &a->head, ",\"refresh_token\":\"%s\"", issue(REFRESH, family)->text);
		if (scope != NULL) {
			text_lit(&a->head, ",\"scope\":");
			text_json(&a->head, scope);
		}
		if (audience != NULL) {
			text_lit(&a->head, ",\"audience\":");
			text_json(&a->head, audience);
		}
		text_lit(&a->head, "}");
	}
	free(scope);
	free(audience);
}

static void
login(struct request *req, struct answer *a)
{
	char cookie[256];
	struct token *t;

	logins++;
	if (failing(a))
		return;
	if (!is(member(req, "user"), USER_NAME) || !is(member(req, "password"), USER_PASSWORD)) {
		answer_error(a, 401, "wrong user or password, and it was %s", auth_token());
		return;
	}
	t = issue(ACCESS, 0);
	text_fmt(&a->head, "{\"data\":{\"session\":{\"token\":\"%s\"}}}", t->text);
	answer_header(a, "X-Session", t->text);
	snprintf(cookie, sizeof(cookie), "sid=%s; Path=/; HttpOnly", t->text);
	answer_header(a, "Set-Cookie", cookie);
}

/* The token of a request, wherever it is. */
static const char *
presented(struct request *req)
{
	const char *h = header(req, "Authorization");

	if (h != NULL && (strncmp(h, "Bearer ", 7) == 0 || strncmp(h, "Custom ", 7) == 0))
		return h + 7;
	if ((h = header(req, "X-Session")) != NULL)
		return h;
	if ((h = header(req, "Cookie")) != NULL && strncmp(h, "sid=", 4) == 0)
		return h + 4;
	return param(req, "access_token");
}

static void
guarded_users(struct request *req, struct answer *a)
{
	struct token *t = find(ACCESS, presented(req));
	struct query q;
	struct page p;
	int64_t limit = 10, skip = 0;

	if (t == NULL || t->uses == 0 || (t->dies != 0 && steady_ms() > t->dies)) {
		refused++;
		req->auth = "bad";
		answer_header(a, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
		answer_error(a, 401, "the token %s is not valid", t != NULL ? t->text : "");
		return;
	}
	req->auth = "ok";
	t->uses -= t->uses > 0;
	query_init(&q);
	if (!param_int(req, a, "limit", 1, 50, &limit) ||
	    !param_int(req, a, "offset", 0, INT32_MAX, &skip) || !params_known(req, a))
		return;
	page_make(&p, req, USERS, &q, skip, limit);
	answer_list(a, req, USERS, &p, user_json, "{", "\"data\":");
	text_fmt(&a->tail, ",\"total\":%lld}\n", (long long)p.total);
}

static void
configure(struct request *req, struct answer *a)
{
	int64_t reset = 0;

	if (!param_int(req, a, "reset", 0, 1, &reset))
		return;
	if (reset)
		oauth_reset();
	set.times = -1;
	if (param_int(req, a, "expires", 0, 1000000, &set.expires) &&
	    param_int(req, a, "life", 0, 1000000, &set.life) &&
	    param_int(req, a, "uses", -1, 1000000, &set.uses) &&
	    param_int(req, a, "rotate", 0, 1, &set.rotate) &&
	    param_int(req, a, "delay", 0, 60000, &set.delay) &&
	    param_int(req, a, "fail", 0, 599, &set.fail) &&
	    param_int(req, a, "times", -1, 1000000, &set.times) && params_known(req, a))
		text_lit(&a->head, "{}\n");
}

/* Forget all access tokens, or the refresh tokens too. */
static void
revoke_all(struct request *req, struct answer *a)
{
	int64_t all = 0;

	if (!param_int(req, a, "all", 0, 1, &all) || !params_known(req, a))
		return;
	for (size_t i = 0; i < n_tokens; i++)
		if (tokens[i].kind == ACCESS || all)
			tokens[i].uses = 0;
	text_lit(&a->head, "{}\n");
}

static void
counts(struct request *req, struct answer *a)
{
	(void)req;
	text_fmt(&a->head, "{\"asked\":%lld,\"refreshed\":%lld,\"logins\":%lld,\"refused\":%lld}\n",
	    (long long)asked, (long long)refreshed, (long long)logins, (long long)refused);
}

const struct route oauth_routes[] = {
    {"POST", "/oauth/token", token_endpoint,
	"client_credentials, refresh_token, password, jwt-bearer"},
    {"POST", "/oauth/login", login,
	"{\"user\":...,\"password\":...}: token in body, header, cookie"},
    {"GET", "/oauth/users", guarded_users, "limit offset; a token from above, anywhere"},
    {"POST", "/_oauth", configure, "expires life uses rotate delay fail times reset"},
    {"POST", "/_oauth/revoke", revoke_all, "[all=1]: access tokens, or refresh tokens too"},
    {"GET", "/_oauth", counts, "how often what was asked for"},
    {0},
};
