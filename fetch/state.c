#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"
#include "scan.h"
#include "secret.h"

void
state_init(struct state *s)
{
	*s = (struct state){.started = -1, .time = -1, .total = UINT64_MAX};
}

void
state_release(struct state *s)
{
	free(s->cursor);
	free(s->token);
	free(s->round);
	free(s->version);
	free(s->since);
	free(s->until);
	free(s->max);
	free(s->next);
	free(s->known);
	state_init(s);
}

void
state_forget(struct state *s)
{
	struct state keep = {.cursor = s->cursor,
	    .ordered = s->ordered,
	    .token = s->token,
	    .token_type = s->token_type,
	    .time = s->time};

	/* On its way it may have moved the cursor past what it did not come to read. */
	if (s->unfinished && keep.cursor != NULL && s->max != NULL &&
	    strcmp(keep.cursor, s->max) == 0) {
		keep.cursor = s->since;
		s->since = NULL;
	} else
		s->cursor = NULL;
	s->token = NULL;
	state_release(s);
	s->cursor = keep.cursor;
	s->ordered = keep.ordered;
	s->token = keep.token;
	s->token_type = keep.token_type;
	s->time = keep.time;
}

static bool
text(const struct value *v, char **out)
{
	struct buf b = {0};

	if (v->type == JSON_NULL)
		return true;
	if (v->type != JSON_STRING || json_unescape(&b, v->p + 1, v->n - 2) != 0) {
		buf_release(&b);
		return false;
	}
	free(*out);
	*out = b.p != NULL ? buf_steal(&b) : xstrdup("");
	return true;
}

/* A cursor: a string's text, or JSON. */
static bool
cursor(const struct value *v, char **out, int *type)
{
	*type = v->type;
	if (v->type == JSON_STRING || v->type == JSON_NULL)
		return text(v, out);
	free(*out);
	*out = xstrndup(v->p, v->n);
	return v->type != JSON_TRUE && v->type != JSON_FALSE;
}

static bool
truth(const struct value *v, bool *out)
{
	*out = v->type == JSON_TRUE;
	return v->type == JSON_TRUE || v->type == JSON_FALSE;
}

static bool
count(const struct value *v, uint64_t *out)
{
	int64_t i;

	if (v->type != JSON_NUMBER || num_int64(v->p, v->n, &i) < 0 || i < 0)
		return false;
	*out = i;
	return true;
}

static bool
clock_time(const struct value *v, int64_t *out)
{
	return v->type == JSON_NUMBER && num_int64(v->p, v->n, out) == 0;
}

/* Fingerprints are text: they do not fit the numbers that others would make of them. */
static bool
hex(const struct value *v, uint64_t *out)
{
	char *t = NULL, *end;
	bool ok = text(v, &t) && t != NULL && *t != '\0';

	if (ok) {
		*out = strtoull(t, &end, 16);
		ok = *end == '\0';
	}
	free(t);
	return ok;
}

static bool
resume_member(struct state *s, struct slice key, const struct value *v)
{
	if (slice_is(key, "since"))
		return text(v, &s->since);
	if (slice_is(key, "until"))
		return text(v, &s->until);
	if (slice_is(key, "max"))
		return text(v, &s->max);
	if (slice_is(key, "next"))
		return cursor(v, &s->next, &s->next_type);
	if (slice_is(key, "known"))
		return text(v, &s->known);
	if (slice_is(key, "ascending"))
		return truth(v, &s->ascending);
	if (slice_is(key, "descending"))
		return truth(v, &s->falling);
	if (slice_is(key, "started"))
		return clock_time(v, &s->started);
	if (slice_is(key, "plan"))
		return hex(v, &s->plan);
	if (slice_is(key, "hash"))
		return hex(v, &s->hash);
	if (slice_is(key, "records"))
		return count(v, &s->records);
	if (slice_is(key, "total"))
		return count(v, &s->total);
	if (slice_is(key, "at"))
		return count(v, &s->at);
	return true;
}

static bool
resume(struct state *s, const struct value *obj)
{
	struct scan sc = {0};
	struct slice key;
	struct value v;
	bool ok = obj->type == JSON_OBJECT;

	if (obj->type == JSON_NULL)
		return true;
	scan_init(&sc, obj->p, obj->n);
	if (ok)
		scan_enter(&sc);
	while (ok && scan_key(&sc, &key) > 0)
		ok = scan_value(&sc, &v) == 0 && resume_member(s, key, &v);
	scan_release(&sc);
	s->unfinished = true;
	return ok;
}

static bool
member(struct state *s, struct slice key, const struct value *v)
{
	uint64_t version;

	if (slice_is(key, "v"))
		return count(v, &version) && version == 1;
	if (slice_is(key, "cursor"))
		return text(v, &s->cursor);
	if (slice_is(key, "ordered"))
		return truth(v, &s->ordered);
	if (slice_is(key, "descending"))
		return truth(v, &s->descending);
	if (slice_is(key, "token"))
		return cursor(v, &s->token, &s->token_type);
	if (slice_is(key, "round"))
		return text(v, &s->round);
	if (slice_is(key, "version"))
		return text(v, &s->version);
	if (slice_is(key, "time"))
		return clock_time(v, &s->time);
	return slice_is(key, "resume") && resume(s, v);
}

int
state_parse(struct state *s, const char *p, size_t n)
{
	struct scan sc = {0};
	struct buf copy = {0};
	struct slice key;
	struct value v;
	const char *err;
	int r = 0;

	state_init(s);
	buf_add(&copy, p, n);
	if (scan_text(copy.p, n, &v, &err) < 0)
		r = fail(CS_DATA, "state: is no JSON: %s", err);
	else if (v.type == JSON_OBJECT) {
		scan_init(&sc, v.p, v.n);
		scan_enter(&sc);
		while (r == 0 && scan_key(&sc, &key) > 0)
			if (scan_value(&sc, &v) < 0 || !member(s, key, &v))
				r = fail(CS_DATA,
				    "state: \"%.*s\" is not what this cs-fetch writes: correct it, "
				    "or "
				    "start over with --state null",
				    (int)key.n, key.p);
	} else if (v.type != JSON_NULL)
		r = fail(CS_DATA, "state: is no object");
	scan_release(&sc);
	buf_release(&copy);
	return r;
}

static void
put_text(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "\"%s\":", name);
	if (value != NULL)
		json_quote(out, value, strlen(value));
	else
		buf_adds(out, "null");
}

static void
put_cursor(struct buf *out, const char *name, int type, const char *value)
{
	buf_adds(out, name);
	if (type == JSON_STRING)
		json_quote(out, value, strlen(value));
	else
		buf_adds(out, value);
}

void
state_format(const struct state *s, struct buf *out)
{
	buf_adds(out, "{\"v\":1,");
	put_text(out, "cursor", s->cursor);
	buf_addf(out, ",\"ordered\":%s", s->ordered ? "true" : "false");
	if (s->descending)
		buf_adds(out, ",\"descending\":true");
	if (s->token != NULL)
		put_cursor(out, ",\"token\":", s->token_type, s->token);
	if (s->round != NULL) {
		buf_addc(out, ',');
		put_text(out, "round", s->round);
	}
	if (s->version != NULL) {
		buf_addc(out, ',');
		put_text(out, "version", s->version);
	}
	if (s->time >= 0)
		buf_addf(out, ",\"time\":%" PRId64, s->time);
	if (s->unfinished) {
		buf_addf(out, ",\"resume\":{\"plan\":\"%" PRIx64 "\",", s->plan);
		put_text(out, "since", s->since);
		buf_addc(out, ',');
		put_text(out, "max", s->max);
		if (s->until != NULL) {
			buf_addc(out, ',');
			put_text(out, "until", s->until);
		}
		if (s->falling)
			buf_adds(out, ",\"descending\":true");
		buf_addf(out, ",\"ascending\":%s,\"started\":%" PRId64 ",\"records\":%" PRIu64,
		    s->ascending ? "true" : "false", s->started, s->records);
		if (s->total != UINT64_MAX)
			buf_addf(out, ",\"total\":%" PRIu64, s->total);
		if (s->next != NULL)
			put_cursor(out, ",\"next\":", s->next_type, s->next);
		else
			buf_addf(
			    out, ",\"at\":%" PRIu64 ",\"hash\":\"%" PRIx64 "\"", s->at, s->hash);
		if (s->known != NULL) {
			buf_addc(out, ',');
			put_text(out, "known", s->known);
		}
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}
