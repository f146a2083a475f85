#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auth.h"

static char basic_user[40], basic_password[40], api_key[40], session_user[40], session_password[40];
static char *token;
static bool token_given;
static struct text basic_pair, session_pair; /* base64("user:password") */

static void
random_uuid(char out[static 40])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		err(74, "getrandom");
	snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11],
	    b[12], b[13], b[14], b[15]);
}

static void
pair(struct text *out, const char *user, const char *password)
{
	char both[96];

	snprintf(both, sizeof(both), "%s:%s", user, password);
	text_base64(out, both, strlen(both));
}

void
auth_init(const char *given)
{
	char fresh[40];

	random_uuid(fresh);
	token_given = given != NULL;
	if ((token = strdup(given ? given : fresh)) == NULL)
		err(74, "out of memory");
	random_uuid(basic_password);
	random_uuid(api_key);
	random_uuid(session_password);
	random_uuid(fresh);
	snprintf(basic_user, sizeof(basic_user), "user-%.8s", fresh);
	snprintf(session_user, sizeof(session_user), "session-%.8s", fresh + 24);
	pair(&basic_pair, basic_user, basic_password);
	pair(&session_pair, session_user, session_password);
}

void
auth_release(void)
{
	free(token);
	text_release(&basic_pair);
	text_release(&session_pair);
}

void
auth_print(void)
{
	printf("bearer token      %s\n", token_given ? "(as given)" : token);
	printf("basic user        %s\nbasic password    %s\n", basic_user, basic_password);
	printf("api key           %s\n", api_key);
	printf("session user      %s\nsession password  %s\n", session_user, session_password);
}

/* What follows the prefix in an Authorization header; null where the prefix is another. */
static const char *
after(const char *value, const char *prefix)
{
	size_t len = strlen(prefix);

	return value && strncmp(value, prefix, len) == 0 ? value + len : NULL;
}

static bool
equal(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

bool
auth_check(struct request *req, enum auth_kind kind)
{
	const char *got = header(req, "Authorization"), *value = got;
	bool ok = false;

	switch (kind) {
	case BASIC:
		ok = equal(after(got, "Basic "), basic_pair.p);
		break;
	case BEARER:
		ok = equal(after(got, "Bearer "), token);
		break;
	case API_KEY:
		ok = equal(after(got, "apiKey "), api_key);
		break;
	case SESSION:
		value = after(got, "Token ") ? after(got, "Token ") : got;
		ok = equal(value, session_pair.p);
		break;
	case HEADER_KEY:
		ok = equal(value = header(req, "X-Api-Key"), api_key);
		break;
	case QUERY_KEY:
		ok = equal(value = param(req, "api_key"), api_key);
		break;
	}
	req->auth = ok ? "ok" : value ? "bad" : "absent";
	return ok;
}

void
auth_guess(struct request *req)
{
	const char *worst = "absent";

	for (int kind = BASIC; kind <= HEADER_KEY; kind++) {
		if (auth_check(req, (enum auth_kind)kind))
			return;
		if (strcmp(req->auth, "bad") == 0)
			worst = "bad";
	}
	req->auth = worst;
}

bool
auth_login(const char *user, const char *password)
{
	return equal(user, session_user) && equal(password, session_password);
}

const char *
auth_token(void)
{
	return token;
}

const char *
auth_session_token(void)
{
	return session_pair.p;
}

void
auth_mask(struct text *t, const char *s, size_t len)
{
	const char *const secrets[] = {
	    token, basic_pair.p, session_pair.p, basic_password, api_key, session_password};
	size_t i = 0;

	while (i < len) {
		size_t skip = 0;
		for (size_t k = 0; k < sizeof(secrets) / sizeof(*secrets) && skip == 0; k++) {
			size_t n = strlen(secrets[k]);
			if (n > 0 && n <= len - i && memcmp(s + i, secrets[k], n) == 0)
				skip = n;
		}
		if (skip > 0)
			text_lit(t, "***");
		else
			text_add(t, s + i, 1);
		i += skip ? skip : 1;
	}
}
