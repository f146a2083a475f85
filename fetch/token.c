#include "token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "num.h"
#include "scan.h"
#include "secret.h"

#define LIFE_MAX (INT64_C(100) * 366 * 86400) /* seconds */

void
token_release(struct token *t)
{
	secret_free(t->access);
	secret_free(t->refresh);
	*t = (struct token){0};
}

void
token_register(const struct token *t)
{
	if (t->access != NULL)
		secret_register(t->access, strlen(t->access));
	if (t->refresh != NULL)
		secret_register(t->refresh, strlen(t->refresh));
}

bool
token_due(const struct token *t, int64_t now)
{
	int64_t life = t->expires - t->obtained, good = life - life / 5;

	return t->access == NULL || now < t->obtained - 60 || /* the clock was set back */
	       (t->expires != 0 && now >= t->obtained + (good > 0 ? good : 1));
}

bool
token_over(const struct token *t, int64_t now)
{
	return t->access == NULL || now < t->obtained - 60 ||
	       (t->expires != 0 && now >= t->expires);
}

/* May it stand in a header? */
static bool
sendable(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->p[i] < ' ' || b->p[i] == 0x7f)
			return false;
	return b->len > 0;
}

struct answer {
	struct buf access, refresh, type, error, life;
};

static int
take(struct answer *a, struct slice key, const struct value *v, struct buf *why)
{
	const struct {
		const char *name;
		struct buf *to;
		bool number;
	} member[] = {{"access_token", &a->access, false}, {"refresh_token", &a->refresh, false},
	    {"token_type", &a->type, false}, {"error", &a->error, false},
	    {"expires_in", &a->life, true}};
	size_t i = 0, n = sizeof(member) / sizeof(*member);

	while (i < n && !slice_is(key, member[i].name))
		i++;
	if (i == n || v->type == JSON_NULL)
		return 0;
	secret_clear(member[i].to);
	if (member[i].number && v->type == JSON_NUMBER)
		buf_add(member[i].to, v->p, v->n);
	else if (v->type != JSON_STRING || json_unescape(member[i].to, v->p + 1, v->n - 2) != 0) {
		buf_addf(why, "its %s is no text", member[i].name);
		return -1;
	}
	return 0;
}

static int
walk(struct answer *a, const char *json, size_t n, struct buf *why)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	const char *err;
	int r = -1;

	if (n >= 3 && memcmp(json, "\xef\xbb\xbf", 3) == 0)
		json += 3, n -= 3;
	if (scan_text(json, n, &v, &err) < 0 || v.type != JSON_OBJECT) {
		buf_adds(why, "the answer is no JSON object");
		return -1;
	}
	scan_init(&s, json, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while ((r = scan_key(&s, &key)) > 0)
			if ((r = scan_value(&s, &v)) < 0 || (r = take(a, key, &v, why)) < 0)
				break;
	if (r < 0 && why->len == 0)
		buf_adds(why, "the answer is no JSON object");
	scan_release(&s);
	return r;
}

/* Seconds, a fraction of one left out; 0: cannot be known. */
static int64_t
life(const struct buf *b)
{
	int64_t n;
	size_t len = b->p != NULL ? strcspn(b->p, ".") : 0;

	return len > 0 && num_int64(b->p, len, &n) == 0 && n > 0 && n < LIFE_MAX ? n : 0;
}

/* 0, or -1 with why. */
static int
judge(const struct answer *a, bool usual, struct buf *why)
{
	if (a->access.len == 0)
		buf_adds(why, "the answer has no access_token");
	else if (!sendable(&a->access) || (a->refresh.len > 0 && !sendable(&a->refresh)))
		buf_adds(why, "the token holds a control character");
	else if (usual && a->type.len > 0 && strcasecmp(a->type.p, "bearer") != 0)
		buf_adds(why, "the token is no bearer token: say how to send it by --auth-prefix");
	return why->len > 0 ? -1 : 0;
}

int
token_parse(
    struct token *t, const char *json, size_t n, bool usual, struct buf *error, struct buf *why)
{
	struct answer a = {0};
	int r = walk(&a, json, n, why);

	if (r == 0 && a.error.len > 0 && a.access.len == 0) {
		for (size_t i = 0; i < a.error.len && i < 64; i++)
			buf_addc(error, a.error.p[i]);
		buf_adds(why, error->p);
		r = -1;
	}
	if (r == 0 && (r = judge(&a, usual, why)) == 0) {
		t->access = xstrdup(a.access.p);
		t->refresh = a.refresh.len > 0 ? xstrdup(a.refresh.p) : NULL;
		t->expires = life(&a.life) > 0 ? t->obtained + life(&a.life) : 0;
	}
	secret_clear(&a.access);
	secret_clear(&a.refresh);
	secret_clear(&a.type);
	secret_clear(&a.error);
	secret_clear(&a.life);
	return r;
}
