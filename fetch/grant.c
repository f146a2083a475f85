/* OAuth 2.0 (RFC 6749, RFC 7523): ask a token endpoint. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base64.h"
#include "clock.h"
#include "jwt.h"
#include "scan.h"
#include "token.h"
#include "url.h"

/* One parameter, as the body's form is. */
static void
put(struct ask *a, const struct opts *o, const char *name, const char *value)
{
	struct buf *b = &a->body;

	if (value == NULL)
		return;
	if (o->token_body == TOKEN_JSON) {
		buf_addc(b, b->len == 0 ? '{' : ',');
		json_quote(b, name, strlen(name));
		buf_addc(b, ':');
		json_quote(b, value, strlen(value));
		return;
	}
	if (b->len > 0)
		buf_addc(b, '&');
	url_encode(b, name);
	buf_addc(b, '=');
	url_encode(b, value);
}

/* Id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1). */
static char *
basic(const struct opts *o)
{
	struct buf pair = {0}, code = {0};
	char *line;

	url_encode(&pair, o->client_id);
	buf_addc(&pair, ':');
	url_encode(&pair, o->client_secret.value);
	base64(&code, pair.p, pair.len);
	secret_register(code.p, code.len);
	line = xasprintf("Authorization: Basic %s", code.p);
	secret_clear(&pair);
	secret_clear(&code);
	return line;
}

/* By a signature instead of a secret (RFC 7523 section 2.2), which OpenID Connect calls private_key_jwt. */
static int
put_assertion(struct ask *a, struct opts *o, int64_t now)
{
	struct buf jwt = {0};
	int r = jwt_make(&jwt, o, o->token_url, o->client_id, now);

	put(a, o, "client_id", o->client_id);
	put(a, o, "client_assertion_type",
	    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
	put(a, o, "client_assertion", jwt.p);
	secret_clear(&jwt);
	return r;
}

static int
put_client(struct ask *a, struct opts *o, int64_t now)
{
	if (o->client_auth == CLIENT_JWT)
		return put_assertion(a, o, now);
	if (o->client_secret.value != NULL && o->client_id != NULL &&
	    o->client_auth == CLIENT_BASIC) {
		a->header[0] = basic(o);
		return 0;
	}
	put(a, o, "client_id", o->client_id);
	put(a, o, "client_secret", o->client_secret.value);
	return 0;
}

static int
put_grant(struct ask *a, struct opts *o, const char *refresh, int64_t now)
{
	struct buf jwt = {0};
	int r = 0;

	switch (o->grant) {
	case GRANT_CLIENT:
		put(a, o, "grant_type", "client_credentials");
		break;
	case GRANT_REFRESH:
		put(a, o, "grant_type", "refresh_token");
		put(a, o, "refresh_token", refresh);
		break;
	case GRANT_PASSWORD:
		put(a, o, "grant_type", "password");
		put(a, o, "username", o->user);
		put(a, o, "password", o->password.value);
		break;
	case GRANT_JWT:
		put(a, o, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
		if ((r = jwt_make(&jwt, o, o->token_url, NULL, now)) == 0)
			put(a, o, "assertion", jwt.p);
		secret_clear(&jwt);
		break;
	}
	return r;
}

static void
put_more(struct ask *a, const struct opts *o)
{
	put(a, o, "scope", o->scope);
	for (size_t i = 0; i < o->token_param.n; i++) {
		const char *text = o->token_param.v[i].text, *eq = strchr(text, '=');
		char *name = xstrndup(text, eq - text);
		put(a, o, name, eq + 1);
		free(name);
	}
}

/* What the error means that RFC 6749 and its followers name. */
static int
refusal(long status, const char *error)
{
	static const char *const ours[] = {
	    "invalid_request", "unsupported_grant_type", "invalid_scope", "invalid_target"};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strcmp(error, ours[i]) == 0)
			return CS_REFUSED;
	if (status >= 400 && status <= 403)
		return CS_AUTH;
	return status >= 200 && status <= 299 ? (*error != '\0' ? CS_AUTH : CS_DATA) : CS_REFUSED;
}

static int
judge(struct token *t, const struct ask *a, const struct opts *o)
{
	struct buf error = {0}, why = {0};
	bool ok = a->status >= 200 && a->status <= 299;
	int r = 0;

	buf_adds(&error, "");
	if (token_parse(t, a->answer.p != NULL ? a->answer.p : "", a->answer.len,
		o->auth_prefix == NULL, &error, &why) < 0 ||
	    !ok) {
		r = refusal(a->status, error.p);
		fail(r, "%s %s: status %ld%s%s", a->what, a->url, a->status,
		    ok || error.len > 0 ? ": " : "", ok || error.len > 0 ? why.p : "");
		token_release(t);
	} else
		token_register(t);
	secret_clear(&error);
	buf_release(&why);
	return r;
}

/* The request for a token; 0 or CS_*. */
static int
prepare(struct ask *a, struct opts *o, const char *refresh, int64_t skew)
{
	bool json = o->token_body == TOKEN_JSON;
	int64_t now = clock_wall() + (skew == INT64_MIN ? 0 : skew);
	int r;

	*a = (struct ask){.url = o->token_url,
	    .what = "token endpoint",
	    .type = json ? "application/json" : "application/x-www-form-urlencoded",
	    .patient = o->grant == GRANT_REFRESH};
	if ((r = put_grant(a, o, refresh, now)) != 0)
		return r;
	put_more(a, o);
	if ((r = put_client(a, o, now)) != 0)
		return r;
	if (json)
		buf_addc(&a->body, '}');
	return 0;
}

int
token_grant(struct token *t, struct opts *o, const char *refresh, bool early, int64_t *skew)
{
	struct ask a;
	int r = prepare(&a, o, refresh, *skew);

	*t = (struct token){.obtained = clock_wall()};
	a.once = early;
	if (r == 0 && (r = ask(&a, o)) == 0) {
		*skew = a.skew;
		r = judge(t, &a, o);
	}
	ask_release(&a);
	return r;
}

int
token_show(struct opts *o, struct buf *out)
{
	struct ask a = {.url = o->login_url, .type = "application/json"};
	int r = 0;

	if (o->auth == AUTH_OAUTH2)
		r = prepare(&a, o, o->refresh_token.value, INT64_MIN);
	else if (o->auth == AUTH_LOGIN)
		buf_adds(&a.body, o->login_json);
	if (r == 0 && a.body.len > 0)
		ask_show(&a, out);
	ask_release(&a);
	return r;
}
