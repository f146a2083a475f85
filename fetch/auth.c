#include "auth.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base64.h"
#include "clock.h"
#include "file.h"
#include "jwt.h"
#include "netrc.h"
#include "retryafter.h"
#include "token.h"
#include "url.h"
#include "vault.h"

#define TRIES 3 /* again with tokens that were good before */

/* One of several tokens for the same thing. */
struct one {
	char *text;
	int64_t not_before; /* ms of our steady clock */
	bool dead;          /* the server does not know it */
};

struct auth {
	struct opts *o;
	struct one *ring;
	size_t n, at;
	char *basic; /* the whole line */

	struct token token; /* obtained */
	unsigned serial;    /* of it */
	unsigned good;      /* the newest one that a server accepted */
	bool refused;       /* it was: get another */
	int64_t not_again;  /* seconds: an early renewal failed, try again then */
	int64_t skew;       /* the server's clock less ours, seconds; INT64_MIN: not known */
	char *key;          /* what the credentials file has it under */
	bool warned;
};

static const char *
either(const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

/* A hash in hexadecimal. */
static char *
hash(const void *p, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct buf b = {0};
	unsigned len = 0;

	EVP_Digest(p, n, md, &len, EVP_sha256(), NULL);
	for (unsigned i = 0; i < len; i++)
		buf_addf(&b, "%02x", md[i]);
	return buf_steal(&b);
}

/* "Name: Prefix token"; a prefix that ends in a sign or a space is taken as it is. */
static void
add_header(struct buf *out, const char *name, const char *prefix, const char *token)
{
	size_t n = strlen(prefix);
	const char *gap = n > 0 && isalnum((unsigned char)prefix[n - 1]) ? " " : "";

	buf_addf(out, "%s: %s%s%s\n", name, prefix, gap, token);
}

static char *
basic(const struct opts *o)
{
	struct buf pair = {0}, code = {0}, line = {0};

	if (strchr(o->user, ':') != NULL)
		die(CS_USAGE, "%s: a colon in the user name cannot be sent in basic authentication",
		    o->netrc ? "--netrc" : "--user");
	buf_addf(&pair, "%s:%s", o->user, o->password.value);
	base64(&code, pair.p, pair.len);
	secret_register(code.p, code.len);
	add_header(
	    &line, either(o->auth_name, "Authorization"), either(o->auth_prefix, "Basic"), code.p);
	secret_clear(&pair);
	secret_clear(&code);
	return buf_steal(&line);
}

static void
add_one(struct auth *a, const char *p, size_t n)
{
	a->ring = xreallocarray(a->ring, a->n + 1, sizeof(*a->ring));
	a->ring[a->n++] = (struct one){.text = xstrndup(p, n)};
	secret_register(p, n);
}

/* Tokens one a line; empty lines and those that begin with # are none. */
static void
add_lines(struct auth *a, struct secret *s)
{
	const char *p = secret_text(s);

	for (size_t n; *p != '\0'; p += n + (p[n] != '\0')) {
		size_t end = n = strcspn(p, "\n");
		while (end > 0 && isspace((unsigned char)p[end - 1]))
			end--;
		for (size_t i = 0; i < end; i++)
			if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
				die(CS_USAGE, "%s: holds a control character", s->where);
		if (end > 0 && *p != '#')
			add_one(a, p, end);
	}
	if (a->n == 0)
		die(CS_AUTH, "%s: holds no token", s->where);
}

static void
read_netrc(struct opts *o)
{
	const char *env = getenv("NETRC"), *home = getenv("HOME");
	char *path = env != NULL ? xstrdup(env) : xasprintf("%s/.netrc", home != NULL ? home : "");
	char *origin = url_origin(o->url), *host = strstr(origin, "://") + 3;
	struct buf b = {.max = 1u << 20};
	char *user, *password;
	struct stat st;
	int r;

	*strrchr(host, ':') = '\0';
	if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		say("--netrc: %s can be read by others: chmod 600 %s", path, path);
	if (file_read(&b, path) < 0)
		die(CS_AUTH, "--netrc: %s: %s", path, strerror(errno));
	if ((r = netrc_find(b.p != NULL ? b.p : "", b.len, host, &user, &password)) < 0)
		die(CS_USAGE, "--netrc: %s: is not as a .netrc should be", path);
	if (r == 0)
		die(CS_AUTH, "--netrc: %s: has no login and password for %s", path, host);
	free(o->user);
	o->user = xstrdup(user);
	secret_set_literal(&o->password, "", "--netrc");
	secret_free(o->password.value);
	o->password.value = xstrdup(password);
	secret_register(password, strlen(password));
	secret_free(user);
	secret_free(password);
	secret_clear(&b);
	free(origin);
	free(path);
}

static void
get_if_given(struct secret *s)
{
	if (secret_given(s))
		secret_get(s);
}

/* All that is asked for while the run goes on is read before it. */
static void
read_secrets(struct auth *a)
{
	struct opts *o = a->o;

	get_if_given(&o->key_password);
	get_if_given(&o->proxy_password);
	get_if_given(&o->password);
	get_if_given(&o->client_secret);
	get_if_given(&o->refresh_token);
	for (size_t i = 0; i < o->token.n; i++)
		secret_get(&o->token.v[i]);
	if (secret_given(&o->jwt_key))
		secret_text(&o->jwt_key);
	if (o->login_json != NULL && o->auth == AUTH_LOGIN)
		login_fill_in(o);
}

/*
 * What belongs to one client of one server, and to nobody else: where it asks, as whom, for what. The refresh
 * token that the user gave is part of it, so a new one starts afresh.
 */
static char *
vault_key(const struct opts *o)
{
	const char *const part[] = {o->auth == AUTH_LOGIN ? o->login_url : o->token_url,
	    o->client_id, o->user, o->scope, o->refresh_token.value, o->login_json, o->jwt_claims};
	struct buf b = {0};
	char *key;

	buf_addf(&b, "%d %d", o->auth, o->grant);
	for (size_t i = 0; i < sizeof(part) / sizeof(*part); i++) {
		buf_addc(&b, '\n');
		if (part[i] != NULL)
			buf_addf(&b, "%zu:%s", strlen(part[i]), part[i]);
	}
	for (size_t i = 0; i < o->token_param.n; i++)
		buf_addf(&b, "\n%s", o->token_param.v[i].text);
	key = hash(b.p, b.len);
	secret_clear(&b);
	return key;
}

static bool
is_obtained(const struct opts *o)
{
	return o->auth == AUTH_OAUTH2 || o->auth == AUTH_LOGIN || o->auth == AUTH_JWT;
}

struct auth *
auth_new(struct opts *o)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->o = o;
	a->skew = INT64_MIN;
	a->good = AUTH_NOBODY;
	if (o->netrc) {
		if (o->replay == NULL)
			read_netrc(o);
		else {
			o->user = xstrdup("***");
			secret_set_literal(&o->password, "***", "--netrc");
		}
		if (o->auth == AUTH_NONE)
			o->auth = AUTH_BASIC;
	}
	read_secrets(a);
	if (o->auth == AUTH_BASIC)
		a->basic = basic(o);
	if (o->auth == AUTH_BEARER || o->auth == AUTH_HEADER || o->auth == AUTH_QUERY ||
	    o->auth == AUTH_COOKIE) {
		for (size_t i = 0; i < o->token.n; i++)
			add_one(a, o->token.v[i].value, strlen(o->token.v[i].value));
		if (secret_given(&o->tokens))
			add_lines(a, &o->tokens);
	}
	a->key = is_obtained(o) ? vault_key(o) : NULL;
	return a;
}

void
auth_free(struct auth *a)
{
	struct opts *o;

	if (a == NULL)
		return;
	o = a->o;
	for (size_t i = 0; i < a->n; i++)
		secret_free(a->ring[i].text);
	free(a->ring);
	secret_free(a->basic);
	token_release(&a->token);
	free(a->key);
	free(a);
	for (size_t i = 0; i < o->token.n; i++)
		secret_release(&o->token.v[i]);
	secret_release(&o->tokens);
	secret_release(&o->password);
	secret_release(&o->client_secret);
	secret_release(&o->refresh_token);
	secret_release(&o->jwt_key);
	secret_release(&o->key_password);
	secret_release(&o->proxy_password);
	if (o->login_json != NULL)
		explicit_bzero(o->login_json, strlen(o->login_json));
}

/* Ask for a token, kept being what there was. 0, CS_*, -1, or CS_LATER without fail() where early: once. */
static int
obtain(struct auth *a, const struct token *kept, bool early, struct token *got)
{
	struct opts *o = a->o;
	const char *refresh = kept->refresh != NULL ? kept->refresh : o->refresh_token.value;
	struct buf jwt = {0};
	int64_t now = clock_wall();
	int r;

	if (o->replay != NULL) { /* nothing that is recorded has one */
		*got = (struct token){.access = xstrdup("***"), .obtained = now};
		return 0;
	}
	if (o->auth == AUTH_LOGIN)
		return token_login(got, o, early, &a->skew);
	if (o->auth == AUTH_JWT) {
		*got = (struct token){
		    .obtained = now, .expires = now + (int64_t)(o->jwt_expires / 1000)};
		r = jwt_make(&jwt, o, NULL, NULL, now + (a->skew == INT64_MIN ? 0 : a->skew));
		got->access = r == 0 ? buf_steal(&jwt) : NULL;
		return r;
	}
	if ((r = token_grant(got, o, refresh, early, &a->skew)) != 0)
		return r;
	if (o->grant != GRANT_REFRESH) {
		secret_free(got->refresh);
		got->refresh = NULL;
	} else if (got->refresh == NULL)
		got->refresh = xstrdup(refresh);
	else if (strcmp(got->refresh, refresh) != 0 && o->credentials == NULL && !a->warned) {
		say("%s: gave a new refresh token, and there is no --credentials FILE to keep it: "
		    "the "
		    "one you have may be worth nothing from now on",
		    o->token_url);
		a->warned = true;
	}
	return 0;
}

/* Can it be used at all: has it not ended, and is it not the one that was refused? */
static bool
is_good(const struct auth *a, const struct token *t)
{
	return !token_over(t, clock_wall()) &&
	       !(a->refused && strcmp(t->access, a->token.access) == 0);
}

/*
 * A new token, unless what is kept is still good enough. Where it is good and due, one failure to get another is no
 * harm: it is moved to got, and tried again a little later.
 */
static int
replace(struct auth *a, struct vault *v, struct token *kept, struct token *got)
{
	const struct opts *o = a->o;
	bool good = is_good(a, kept);
	int r = 0;

	if (!good || token_due(kept, clock_wall())) {
		if (v != NULL)
			r = vault_ready(v);
		if (r == 0 && (r = obtain(a, kept, good, got)) == 0)
			return v == NULL
				   ? 0
				   : vault_put(v, a->key,
					 o->auth == AUTH_LOGIN ? o->login_url : o->token_url, got);
		if (!good || r != CS_LATER)
			return r;
		token_release(got);
		a->not_again = clock_wall() + 10;
	}
	*got = *kept;
	*kept = (struct token){0};
	return 0;
}

/* The file being shared, whoever comes second finds what the first one got. */
static int
replace_shared(struct auth *a, struct token *got)
{
	struct token kept;
	struct vault v;
	int r;

	if ((r = vault_open(&v, a->o->credentials)) != 0)
		return r;
	vault_get(&v, a->key, &kept);
	r = replace(a, &v, &kept, got);
	token_release(&kept);
	vault_close(&v);
	return r;
}

static int
renew(struct auth *a)
{
	const char *before = a->token.access;
	struct token got = {0}, old = {0};
	int r;

	if (!a->refused && !token_over(&a->token, clock_wall()) && clock_wall() < a->not_again)
		return 0;
	r = a->o->credentials != NULL ? replace_shared(a, &got) : replace(a, NULL, &a->token, &got);
	if (r != 0) {
		token_release(&got);
		return r;
	}
	if (before == NULL || (got.access != before && strcmp(got.access, before) != 0))
		a->serial++;
	old = a->token;
	a->token = got;
	a->refused = false;
	token_release(&old);
	return 0;
}

/* The one to use now: the present one, or the next whose time has come, or whose time comes first. */
static struct one *
choose(struct auth *a)
{
	int64_t now = (int64_t)clock_ms();
	size_t best = a->at;

	for (size_t i = 0; i < a->n; i++) {
		size_t k = (a->at + i) % a->n;
		if (!a->ring[k].dead && a->ring[k].not_before <= now) {
			best = k;
			break;
		}
		if (!a->ring[k].dead &&
		    (a->ring[best].dead || a->ring[k].not_before < a->ring[best].not_before))
			best = k;
	}
	a->at = best;
	return &a->ring[best];
}

/* Put a token where it belongs. */
static void
place(const struct opts *o, int in, const char *name, const char *prefix, const char *token,
    struct stamp *s)
{
	if (in == IN_QUERY) {
		s->param = xstrdup(either(o->auth_name, name));
		s->value = xasprintf("%s%s", either(o->auth_prefix, ""), token);
	} else if (in == IN_COOKIE) {
		buf_addf(&s->lines, "Cookie: %s=%s%s\n", o->auth_name, either(o->auth_prefix, ""),
		    token);
	} else
		add_header(
		    &s->lines, either(o->auth_name, name), either(o->auth_prefix, prefix), token);
}

static void
place_obtained(const struct opts *o, const char *token, struct stamp *s)
{
	if (o->auth == AUTH_LOGIN && o->login_cookie != NULL)
		add_header(&s->lines, "Cookie", "", token);
	else
		place(o, o->auth_in, "Authorization", "Bearer", token, s);
}

static void
place_given(struct auth *a, const struct sigv4 *q, struct stamp *s)
{
	const struct opts *o = a->o;

	switch (o->auth) {
	case AUTH_BEARER:
		place(o, IN_HEADER, "Authorization", "Bearer", choose(a)->text, s);
		break;
	case AUTH_HEADER:
		place(o, IN_HEADER, "X-API-Key", "", choose(a)->text, s);
		break;
	case AUTH_QUERY:
		place(o, IN_QUERY, "api_key", "", choose(a)->text, s);
		break;
	case AUTH_COOKIE:
		place(o, IN_COOKIE, "", "", choose(a)->text, s);
		break;
	case AUTH_BASIC:
		buf_adds(&s->lines, a->basic);
		break;
	case AUTH_DIGEST:
		s->user = o->user;
		s->password = o->password.value;
		break;
	case AUTH_SIGV4:
		sigv4_sign(&s->lines, q, o, clock_wall() + (a->skew == INT64_MIN ? 0 : a->skew));
		break;
	}
	s->serial = a->n > 0 ? (unsigned)a->at : 0;
}

int
auth_stamp(struct auth *a, const struct sigv4 *q, struct stamp *s)
{
	int r;

	*s = (struct stamp){0};
	if (!is_obtained(a->o)) {
		place_given(a, q, s);
		return 0;
	}
	if ((a->refused || token_due(&a->token, clock_wall())) && (r = renew(a)) != 0)
		return r;
	place_obtained(a->o, a->token.access, s);
	s->serial = a->serial;
	return 0;
}

void
auth_show(struct auth *a, const struct sigv4 *q, struct stamp *s)
{
	const char *signature;

	*s = (struct stamp){0};
	if (!is_obtained(a->o)) {
		place_given(a, q, s);
		if (a->o->auth == AUTH_SIGV4 &&
		    (signature = strstr(s->lines.p, "Signature=")) != NULL)
			secret_register(signature + 10, strcspn(signature + 10, "\n"));
	} else if (a->o->login_cookie != NULL)
		buf_addf(&s->lines, "Cookie: %s=***\n", a->o->login_cookie);
	else
		place_obtained(a->o, "***", s);
}

void
stamp_release(struct stamp *s)
{
	secret_clear(&s->lines);
	free(s->param);
	secret_free(s->value);
	*s = (struct stamp){0};
}

static bool
ring_refused(struct auth *a, unsigned serial)
{
	if (serial >= a->n)
		return false;
	if (!a->ring[serial].dead && a->n > 1)
		say("the server refuses token %u of %zu: going on with the others", serial + 1,
		    a->n);
	a->ring[serial].dead = true;
	return !choose(a)->dead;
}

bool
auth_refused(struct auth *a, unsigned serial, unsigned tries, long status, const char *date)
{
	int64_t there = date != NULL ? http_date(date) : -1, skew = there - clock_wall();
	bool off;

	if (serial == AUTH_NOBODY)
		return false;
	off = there >= 0 && skew - (a->skew == INT64_MIN ? 0 : a->skew) > 60;

	off |= there >= 0 && skew - (a->skew == INT64_MIN ? 0 : a->skew) < -60;
	if (off)
		a->skew = skew;
	if (a->o->auth == AUTH_SIGV4)
		return off && tries == 0;
	if (status != 401)
		return false;
	if (a->n > 0)
		return a->n > 1 && ring_refused(a, serial);
	if (!is_obtained(a->o) || tries > (serial == a->good ? TRIES : 0))
		return false;
	if (serial == a->serial)
		a->refused = true;
	return true;
}

void
auth_accepted(struct auth *a, unsigned serial)
{
	if (a->good == AUTH_NOBODY || serial > a->good)
		a->good = serial;
}

int64_t
auth_spent(struct auth *a, unsigned serial, int64_t ms)
{
	int64_t now = (int64_t)clock_ms(), wait;

	if (a->n < 2 || serial >= a->n)
		return -1;
	if (a->ring[serial].not_before < now + ms)
		a->ring[serial].not_before = now + ms;
	wait = choose(a)->not_before - now;
	return wait > 0 ? wait : 0;
}

const char *
auth_param(const struct auth *a)
{
	const struct opts *o = a->o;

	if (o->auth == AUTH_QUERY)
		return either(o->auth_name, "api_key");
	return is_obtained(o) && o->auth_in == IN_QUERY ? o->auth_name : NULL;
}

size_t
auth_count(const struct auth *a)
{
	return a->n > 0 ? a->n : 1;
}

size_t
auth_next(struct auth *a)
{
	return a->n > 0 ? (size_t)(choose(a) - a->ring) : 0;
}

const char *
auth_who(const struct auth *a, size_t i)
{
	return a->n > 0 ? a->ring[i].text : a->key != NULL ? a->key : a->o->user;
}
