#include "auth.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

/* "Name: Prefix token"; a prefix that ends in a sign or a space is taken as it is. */
static char *
header(const char *name, const char *prefix, const char *token)
{
	size_t n = strlen(prefix);
	const char *gap = n > 0 && isalnum((unsigned char)prefix[n - 1]) ? " " : "";

	return xasprintf("%s: %s%s%s", name, prefix, gap, token);
}

static char *
basic(struct opts *o)
{
	struct buf pair = {0}, code = {0};
	const char *prefix = o->auth_prefix != NULL ? o->auth_prefix : "Basic";
	const char *name = o->auth_name != NULL ? o->auth_name : "Authorization";
	char *line;

	buf_addf(&pair, "%s:%s", o->user, secret_get(&o->password));
	base64(&code, pair.p, pair.len);
	secret_register(code.p, code.len);
	line = header(name, prefix, code.p);
	explicit_bzero(pair.p, pair.len);
	explicit_bzero(code.p, code.len);
	buf_release(&pair);
	buf_release(&code);
	return line;
}

static const char *
either(const char *given, const char *usual)
{
	return given != NULL ? given : usual;
}

void
auth_init(struct credentials *c, struct opts *o)
{
	*c = (struct credentials){0};
	switch (o->auth) {
	case AUTH_BEARER:
		c->header = header(either(o->auth_name, "Authorization"),
		    either(o->auth_prefix, "Bearer"), secret_get(&o->token));
		break;
	case AUTH_BASIC:
		c->header = basic(o);
		break;
	case AUTH_HEADER:
		c->header = header(either(o->auth_name, "X-API-Key"), either(o->auth_prefix, ""),
		    secret_get(&o->token));
		break;
	case AUTH_QUERY:
		c->param = xstrdup(either(o->auth_name, "api_key"));
		c->value = xasprintf("%s%s", either(o->auth_prefix, ""), secret_get(&o->token));
		break;
	}
	secret_release(&o->token);
	secret_release(&o->password);
}

static void
forget(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
auth_release(struct credentials *c)
{
	forget(c->header);
	forget(c->value);
	free(c->param);
	*c = (struct credentials){0};
}
