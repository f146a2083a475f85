#include "netrc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "secret.h"

struct text {
	const char *p, *end;
};

/* The next word, in quotes or not, into b. False at the end. */
static bool
word(struct text *t, struct buf *b)
{
	bool quoted;

	secret_clear(b);
	while (t->p < t->end && strchr(" \t\r\n", *t->p) != NULL)
		t->p++;
	if (t->p == t->end)
		return false;
	quoted = *t->p == '"';
	t->p += quoted;
	buf_adds(b, "");
	while (t->p < t->end && (quoted ? *t->p != '"' : strchr(" \t\r\n", *t->p) == NULL)) {
		if (quoted && *t->p == '\\' && t->p + 1 < t->end)
			t->p++;
		buf_addc(b, *t->p++);
	}
	t->p += quoted && t->p < t->end;
	return true;
}

static bool
skip_line(struct text *t)
{
	while (t->p < t->end && *t->p != '\n')
		t->p++;
	return t->p < t->end;
}

/* A macro ends with an empty line. */
static void
skip_macro(struct text *t)
{
	while (skip_line(t) && t->p++ && t->p < t->end && *t->p != '\n')
		;
}

static void
keep(char **at, const struct buf *b)
{
	secret_free(*at);
	*at = xstrndup(b->p, b->len);
}

int
netrc_find(const char *p, size_t n, const char *host, char **user, char **password)
{
	struct text t = {p, p + n};
	struct buf b = {0};
	bool here = false, known = true;

	*user = *password = NULL;
	while (known && word(&t, &b)) {
		char **to = strcmp(b.p, "login") == 0      ? user
			    : strcmp(b.p, "password") == 0 ? password
							   : NULL;
		bool machine = strcmp(b.p, "machine") == 0;
		if (*b.p == '#')
			skip_line(&t);
		else if (machine || strcmp(b.p, "default") == 0) {
			if (here)
				break;
			here = !machine || (word(&t, &b) && strcasecmp(b.p, host) == 0);
		} else if (strcmp(b.p, "macdef") == 0)
			skip_macro(&t);
		else if ((known = to != NULL || strcmp(b.p, "account") == 0) && word(&t, &b) &&
			 here && to != NULL)
			keep(to, &b);
	}
	secret_clear(&b);
	if (known && *user != NULL && *password != NULL)
		return 1;
	secret_free(*user);
	secret_free(*password);
	*user = *password = NULL;
	return known ? 0 : -1;
}
