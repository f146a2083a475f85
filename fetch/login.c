/* A session: POST a user's name and password as JSON, take the token out of the answer. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask.h"
#include "clock.h"
#include "ref.h"
#include "scan.h"
#include "token.h"

/*
 * The JSON with its strings that are references resolved. A reference is known by its bytes in the text: what a connector
 * filled in is escaped where it looks like one.
 */
void
login_fill_in(struct opts *o)
{
	const char *p = o->login_json, *end;
	struct buf text = {0}, *out = &text;

	while (*p != '\0') {
		if (*p != '"') {
			buf_addc(out, *p++);
			continue;
		}
		for (end = p + 1; *end != '"'; end++)
			end += *end == '\\';
		if (ref_is(p + 1)) {
			struct secret s = {0};
			struct buf ref = {0};
			if (json_unescape(&ref, p + 1, end - p - 1) != 0)
				die(CS_USAGE, "--login-json: a reference is no text");
			secret_set(&s, ref.p, "--login-json");
			json_quote(out, secret_text(&s), strlen(secret_text(&s)));
			secret_release(&s);
			buf_release(&ref);
		} else
			buf_add(out, p, end + 1 - p);
		p = end + 1;
	}
	secret_free(o->login_json);
	o->login_json = buf_steal(out);
}

/* name=value of the Set-Cookie field that sets it, the last one. */
static bool
cookie(struct buf *out, const struct ask *a, const char *name)
{
	size_t n = strlen(name);
	const char *f;

	for (size_t i = 0; (f = ask_field(a, "set-cookie", i)) != NULL; i++)
		if (strncmp(f, name, n) == 0 && f[n] == '=' && strchr("; ", f[n + 1]) == NULL) {
			buf_clear(out);
			buf_add(out, f, strcspn(f, ";"));
			while (out->len > 0 && out->p[out->len - 1] == ' ')
				out->p[--out->len] = '\0';
		}
	if (out->len > 0)
		secret_register(out->p + n + 1, out->len - n - 1);
	return out->len > 0;
}

/* 0 or CS_*. */
static int
take(struct buf *out, const struct ask *a, const struct opts *o)
{
	const struct path *path = o->login_token;
	const char *err = NULL, *f;
	struct value v;
	int type = 0;

	if (o->login_cookie != NULL) {
		if (cookie(out, a, o->login_cookie))
			return 0;
		return fail(CS_DATA, "%s %s: sets no cookie %s", a->what, a->url, o->login_cookie);
	}
	if (path->header != NULL) {
		if ((f = ask_field(a, path->header, 0)) != NULL && *f != '\0')
			buf_adds(out, f);
	} else if (a->answer.len == 0 || scan_text(a->answer.p, a->answer.len, &v, &err) < 0)
		return fail(CS_DATA, "%s %s: the answer is no JSON", a->what, a->url);
	else
		type = path_text(path, a->answer.p, a->answer.len, out, &err);
	if (out->len == 0 || (path->header == NULL && type != JSON_STRING && type != JSON_NUMBER))
		return fail(
		    CS_DATA, "%s %s: the answer has no token at %s", a->what, a->url, path->text);
	for (size_t i = 0; i < out->len; i++)
		if ((unsigned char)out->p[i] < ' ' || out->p[i] == 0x7f)
			return fail(
			    CS_DATA, "%s %s: the token holds a control character", a->what, a->url);
	return 0;
}

int
token_login(struct token *t, struct opts *o, bool early, int64_t *skew)
{
	struct ask a = {
	    .url = o->login_url, .what = "login", .type = "application/json", .once = early};
	struct buf text = {0};
	int r;

	*t = (struct token){.obtained = clock_wall()};
	buf_adds(&a.body, o->login_json);
	if ((r = ask(&a, o)) == 0) {
		*skew = a.skew;
		if (a.status < 200 || a.status > 299)
			r = fail(a.status >= 400 && a.status <= 403 ? CS_AUTH : CS_REFUSED,
			    "%s %s: status %ld", a.what, a.url, a.status);
		else
			r = take(&text, &a, o);
	}
	if (r == 0) {
		t->access = xstrdup(text.p);
		t->expires = o->login_expires > 0
				 ? t->obtained + (int64_t)((o->login_expires + 999) / 1000)
				 : 0;
		token_register(t);
	}
	secret_clear(&text);
	ask_release(&a);
	return r;
}
