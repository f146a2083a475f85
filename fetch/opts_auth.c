/* Which of the settings that say who we are need or exclude each other. */
#include "opts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "url.h"

#define BIT(auth) (1u << (auth))

enum {
	STATIC = BIT(AUTH_BEARER) | BIT(AUTH_HEADER) | BIT(AUTH_QUERY) | BIT(AUTH_COOKIE),
	PASSWORD = BIT(AUTH_BASIC) | BIT(AUTH_DIGEST),
	OBTAINED = BIT(AUTH_OAUTH2) | BIT(AUTH_LOGIN) | BIT(AUTH_JWT)
};

static const char *const names[] = {"none", "bearer", "basic", "header", "query", "cookie",
    "digest", "oauth2", "login", "jwt", "sigv4"};

/* option makes sense with those auths only. A stream may do without what its connector says for all. */
static void
only(const struct opts *o, bool given, const char *option, unsigned auths)
{
	struct buf list = {0};

	if (!given || (auths & BIT(o->auth)) != 0 || o->connector != NULL)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (auths & BIT(i))
			buf_addf(&list, "%s%s", list.len > 0 ? ", " : "", names[i]);
	if (o->auth == AUTH_NONE)
		die(CS_USAGE, "%s: say how to send it: --auth %s", option, list.p);
	die(CS_USAGE, "%s: is for --auth %s, not for %s", option, list.p, names[o->auth]);
}

static void
need(const struct opts *o, bool have, const char *option)
{
	if (!have)
		die(CS_USAGE, "--auth %s: needs %s", names[o->auth], option);
}

static void
need_secret(const struct opts *o, bool have, const char *what, const char *option)
{
	if (!have)
		die(CS_AUTH,
		    "--auth %s: the %s is missing: give %s env:NAME, file:PATH, fd:N or "
		    "cmd:COMMAND",
		    names[o->auth], what, option);
}

static void
check_places(const struct opts *o)
{
	unsigned oauth = BIT(AUTH_OAUTH2), login = BIT(AUTH_LOGIN), aws = BIT(AUTH_SIGV4);
	unsigned jwt = BIT(AUTH_JWT) | oauth;

	only(o, o->token.n > 0, "--token", STATIC | aws);
	only(o, secret_given(&o->tokens), "--tokens", STATIC);
	only(o, secret_given(&o->password), "--password", PASSWORD | oauth | aws);
	only(o, o->user != NULL, "--user", PASSWORD | oauth | aws);
	only(o, o->netrc, "--netrc", PASSWORD | BIT(AUTH_NONE));
	only(o, o->auth_name != NULL, "--auth-name", STATIC | OBTAINED | BIT(AUTH_BASIC));
	only(o, o->auth_prefix != NULL, "--auth-prefix", STATIC | OBTAINED | BIT(AUTH_BASIC));
	only(o, o->auth_in != IN_HEADER, "--auth-in", OBTAINED);
	only(o, o->credentials != NULL, "--credentials", oauth | login);
	only(o, o->token_url != NULL, "--token-url", oauth);
	only(o, o->client_id != NULL, "--client-id", oauth);
	only(o, secret_given(&o->client_secret), "--client-secret", oauth);
	only(o, secret_given(&o->refresh_token), "--refresh-token", oauth);
	only(o, o->scope != NULL, "--scope", oauth);
	only(o, o->token_param.n > 0, "--token-param", oauth);
	only(o, o->login_url != NULL, "--login-url", login);
	only(o, o->login_json != NULL, "--login-json", login);
	only(o, o->login_token != NULL || o->login_cookie != NULL, "--login-token", login);
	only(o, o->login_expires > 0, "--login-expires", login);
	only(o, secret_given(&o->jwt_key), "--jwt-key", jwt);
	only(o, o->jwt_claims != NULL, "--jwt-claims", jwt);
	only(o, o->jwt_header != NULL, "--jwt-header", jwt);
	only(o, o->sigv4_region != NULL, "--sigv4-region", aws);
	only(o, o->sigv4_service != NULL, "--sigv4-service", aws);
}

/* A URL that gets secrets: as well protected as the API itself. */
static void
check_secret_url(const struct opts *o, const char *url, const char *option)
{
	char *origin = url_origin(url);

	if (origin == NULL ||
	    (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
		die(CS_USAGE, "%s: \"%s\" is no URL", option, url);
	if (url_is_https(o->url) && !url_is_https(url))
		die(CS_USAGE, "%s: the API is https, and %s would get the secret in clear", option,
		    origin);
	if (memchr(url, '@', strcspn(url + 8, "/?#") + 8) != NULL)
		die(CS_USAGE, "%s: credentials do not belong into the URL", option);
	free(origin);
}

static void
check_oauth2(const struct opts *o)
{
	need(o, o->token_url != NULL, "--token-url URL");
	check_secret_url(o, o->token_url, "--token-url");
	need(o, o->client_id != NULL || o->grant == GRANT_JWT, "--client-id ID");
	if (o->client_auth == CLIENT_JWT) {
		need(o, o->client_id != NULL, "--client-id ID");
		need_secret(o, secret_given(&o->jwt_key), "key", "--jwt-key");
		if (o->grant == GRANT_JWT)
			die(CS_USAGE, "--client-auth jwt: is not for --grant jwt-bearer, whose "
				      "claims are others");
		if (secret_given(&o->client_secret) && o->connector == NULL)
			die(CS_USAGE, "--client-secret: --client-auth jwt needs none");
	} else if (o->grant == GRANT_CLIENT)
		need_secret(
		    o, secret_given(&o->client_secret), "client's secret", "--client-secret");
	if (o->grant == GRANT_REFRESH)
		need_secret(o, secret_given(&o->refresh_token), "refresh token", "--refresh-token");
	if (o->grant == GRANT_PASSWORD) {
		need(o, o->user != NULL, "--user NAME for --grant password");
		need_secret(o, secret_given(&o->password), "password", "--password");
	}
	if (o->grant == GRANT_JWT)
		need_secret(o, secret_given(&o->jwt_key), "key", "--jwt-key");
	if (o->connector != NULL)
		return;
	if (o->grant != GRANT_REFRESH && secret_given(&o->refresh_token))
		die(CS_USAGE, "--refresh-token: is for --grant refresh_token");
	if (o->grant != GRANT_PASSWORD && secret_given(&o->password))
		die(CS_USAGE, "--password: is for --grant password");
	if (o->grant != GRANT_JWT && o->client_auth != CLIENT_JWT && secret_given(&o->jwt_key))
		die(CS_USAGE,
		    "--jwt-key: is for --grant jwt-bearer, --client-auth jwt, or --auth jwt");
}

static void
check_login(const struct opts *o)
{
	need(o, o->login_url != NULL, "--login-url URL");
	check_secret_url(o, o->login_url, "--login-url");
	need(o, o->login_json != NULL, "--login-json TEXT|@FILE");
	need(o, o->login_token != NULL || o->login_cookie != NULL,
	    "--login-token PATH, header:NAME or cookie:NAME");
	if (o->login_cookie != NULL && (o->auth_name != NULL || o->auth_prefix != NULL))
		die(CS_USAGE, "--login-token: a cookie goes back as it came, without --auth-name");
	if (o->login_token != NULL && o->login_token->iterates)
		die(CS_USAGE, "--login-token: \"%s\" names many values, not one",
		    o->login_token->text);
}

static void
check_password(const struct opts *o)
{
	if (o->netrc && (o->user != NULL || secret_given(&o->password)))
		die(CS_USAGE, "--netrc: has the user name and the password: leave them out");
	if (o->netrc)
		return;
	need(o, o->user != NULL, "--user NAME");
	need_secret(o, secret_given(&o->password), "password", "--password");
}

/* What the credential is sent in; NULL: no header. */
static const char *
header_name(const struct opts *o)
{
	bool obtained = (OBTAINED & BIT(o->auth)) != 0;

	if (o->auth == AUTH_NONE || o->auth == AUTH_QUERY || (obtained && o->auth_in == IN_QUERY))
		return NULL;
	if (o->auth == AUTH_COOKIE || (obtained && o->auth_in == IN_COOKIE) ||
	    (o->auth == AUTH_LOGIN && o->login_cookie != NULL))
		return "Cookie";
	if (o->auth_name != NULL)
		return o->auth_name;
	return o->auth == AUTH_HEADER ? "X-API-Key" : "Authorization";
}

static void
check_header(const struct opts *o)
{
	const char *name = header_name(o);
	const char *sent = o->auth_name != NULL ? o->auth_name : "";
	size_t n;

	if (name == NULL)
		return;
	if (sent[strspn(sent, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		die(CS_USAGE, "--auth-name: \"%s\" cannot be the name of a header or cookie", sent);
	n = strlen(name);
	for (size_t i = 0; i < o->header.n; i++)
		if (strcspn(o->header.v[i].text, ":") == n &&
		    strncasecmp(o->header.v[i].text, name, n) == 0)
			die(CS_USAGE, "--header: %s is what --auth %s sends the credential in",
			    name, names[o->auth]);
}

static void
check_files(const struct opts *o)
{
	if (o->replay == NULL) {
		if (o->cacert != NULL && access(o->cacert, R_OK) < 0)
			die(CS_USAGE, "--cacert: %s: cannot be read", o->cacert);
		if (o->cert != NULL && access(o->cert, R_OK) < 0)
			die(CS_AUTH, "--cert: %s: cannot be read", o->cert);
		if (o->key != NULL && access(o->key, R_OK) < 0)
			die(CS_AUTH, "--key: %s: cannot be read", o->key);
	}
	if (o->key != NULL && o->cert == NULL)
		die(CS_USAGE, "--key: needs --cert FILE, the certificate that it is for");
	if (secret_given(&o->key_password) && o->cert == NULL)
		die(CS_USAGE, "--key-password: needs --cert FILE and --key FILE");
	if (secret_given(&o->proxy_password) && o->proxy_user == NULL)
		die(CS_USAGE, "--proxy-password: needs --proxy-user NAME");
	if (o->proxy_user != NULL && !secret_given(&o->proxy_password))
		die(CS_AUTH,
		    "--proxy-user: the password is missing: give --proxy-password env:NAME, "
		    "file:PATH, fd:N or cmd:COMMAND");
}

void
opts_check_auth(const struct opts *o)
{
	check_places(o);
	check_files(o);
	if ((STATIC & BIT(o->auth)) != 0) {
		need_secret(o, o->token.n > 0 || secret_given(&o->tokens), "token", "--token");
		need(o, o->auth != AUTH_COOKIE || o->auth_name != NULL, "--auth-name NAME");
	} else if ((PASSWORD & BIT(o->auth)) != 0)
		check_password(o);
	else if (o->auth == AUTH_OAUTH2)
		check_oauth2(o);
	else if (o->auth == AUTH_LOGIN)
		check_login(o);
	else if (o->auth == AUTH_JWT)
		need_secret(o, secret_given(&o->jwt_key), "key", "--jwt-key");
	else if (o->auth == AUTH_SIGV4) {
		need(o, o->user != NULL, "--user NAME, the access key's id");
		need_secret(o, secret_given(&o->password), "secret access key", "--password");
		need(o, o->sigv4_region != NULL, "--sigv4-region NAME");
		need(o, o->sigv4_service != NULL, "--sigv4-service NAME");
		if (o->token.n > 1)
			die(CS_USAGE, "--token: --auth sigv4 takes one, the session's");
	}
	if ((OBTAINED & BIT(o->auth)) != 0 && o->auth_in != IN_HEADER && o->auth_name == NULL)
		die(CS_USAGE, "--auth-in: needs --auth-name NAME");
	check_header(o);
}
