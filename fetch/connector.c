#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector.h"
#include "params.h"
#include "ref.h"

/* A connector file that has been read, with what the user says to it. */
struct connector {
	struct doc doc;
	struct members top, streams;
	struct params params;
};

static const char *const words_top[] = {"name", "description", "parameters", "streams", NULL};
static const char *const words_stream[] = {"description", "path", NULL};

static bool
in(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

static bool
is_reference(const char *s)
{
	return s[0] == '$' && s[1] == '{';
}

/* Every member is a word of the format or a setting. */
static void
check_keys(
    const struct doc *d, const struct members *m, const char *const *words, const char *where)
{
	const struct option *o;
	struct guess g;

	for (size_t i = 0; i < m->n; i++) {
		if (in(m->v[i].key, words) || opts_known(m->v[i].key))
			continue;
		g = (struct guess){.name = m->v[i].key};
		for (const char *const *w = words; *w; w++)
			guess_add(&g, *w);
		for (o = opts_long(); o->name; o++)
			if (opts_known(o->name))
				guess_add(&g, o->name);
		doc_fail(
		    d, m->v[i].v.p, "%s: unknown key \"%s\"%s", where, m->v[i].key, guess_text(&g));
	}
}

static void
connector_read(struct connector *c, const char *file, const char *config, char *const *sets)
{
	const struct member *m;

	doc_read(&c->doc, file, &c->top);
	check_keys(&c->doc, &c->top, words_top, "connector");
	if (!(m = members_find(&c->top, "streams")))
		die(CS_USAGE, "%s: has no \"streams\"", file);
	doc_members(&c->doc, &m->v, "streams", &c->streams);
	if ((m = members_find(&c->top, "parameters")))
		params_declare(&c->params, &c->doc, &m->v);
	if (config)
		params_config(&c->params, config);
	for (; sets && *sets; sets++)
		params_set(&c->params, *sets);
}

static void
connector_release(struct connector *c)
{
	members_release(&c->streams);
	members_release(&c->top);
	params_release(&c->params);
	doc_release(&c->doc);
}

/* What a setting's text may be made of, and what it was made of. */
struct expansion {
	bool json; /* the text is JSON: values go into its strings escaped */
	bool secret_allowed;
	bool secret; /* a secret went in */
	bool absent; /* a parameter without a value was named */
};

static void
expand_one(
    struct connector *c, const char *name, const char *where, struct expansion *x, struct buf *out)
{
	const struct param *p = params_get(&c->params, name, where);
	const char *text = param_text(p);
	struct buf quoted = {0};

	if (p->write_only && !x->secret_allowed)
		die(CS_USAGE,
		    "%s: %s is a secret and may only be part of a credential, "
		    "a header, a user name or a body",
		    where, name);
	x->secret |= p->write_only;
	if (!text) {
		x->absent = true;
	} else if (x->json) {
		json_quote(&quoted, text, strlen(text));
		if (ref_is(text)) /* here it is what it says */
			buf_addf(out, "\\u%04x%.*s", *text, (int)quoted.len - 3, quoted.p + 2);
		else
			buf_add(out, quoted.p + 1, quoted.len - 2);
		explicit_bzero(quoted.p, quoted.len);
		buf_release(&quoted);
	} else {
		buf_adds(out, text);
	}
}

/* Replace ${name} by values; "$${" is a plain "${". */
static char *
expand(struct connector *c, const char *s, const char *where, struct expansion *x)
{
	struct buf out = {0};
	const char *end;
	char *name;

	buf_adds(&out, "");
	while (*s) {
		if (s[0] == '$' && is_reference(s + 1)) {
			buf_adds(&out, "${");
			s += 3;
		} else if (is_reference(s)) {
			if (!(end = strchr(s, '}')))
				die(CS_USAGE, "%s: \"${\" without \"}\"; write $${ for a plain ${",
				    where);
			name = xstrndup(s + 2, end - s - 2);
			expand_one(c, name, where, x, &out);
			free(name);
			s = end + 1;
		} else {
			buf_addc(&out, *s++);
		}
	}
	return buf_steal(&out);
}

/* One value of one setting. prefix: "Name: " or "name=" in front of it, or "". */
static void
set_text(struct connector *c, struct opts *o, const char *name, const char *prefix,
    const char *text, const char *where, bool json)
{
	static const char *const may[] = {"client-id", "data", "form", "header", "json",
	    "login-json", "token-param", "user", NULL};
	struct expansion x = {
	    .json = json, .secret_allowed = opts_is_secret(name) || in(name, may)};
	char *value = expand(c, text, where, &x);
	struct secret *s;
	char *whole;

	if (x.absent) {
		/* no value, no setting */
	} else if (x.secret && (s = opts_secret(o, name))) {
		secret_set_literal(s, "", where);
		free(s->value);
		s->value = xstrdup(value); /* not again a reference, whatever it looks like */
		secret_register(value, strlen(value));
	} else {
		whole = xasprintf("%s%s", prefix, value);
		opts_set(o, name, whole, where);
		explicit_bzero(whole, strlen(whole));
		free(whole);
	}
	explicit_bzero(value, strlen(value));
	free(value);
}

/* {"Accept": "text/csv"} is Accept: text/csv for a header, and name=value elsewhere. */
static void
set_members(
    struct connector *c, struct opts *o, const char *name, const struct value *v, const char *where)
{
	struct members m;

	doc_members(&c->doc, v, where, &m);
	for (size_t i = 0; i < m.n; i++) {
		char *place = xasprintf("%s.%s", where, m.v[i].key);
		char *text = doc_text(&c->doc, &m.v[i].v, place);
		char *prefix =
		    xasprintf("%s%s", m.v[i].key, strcmp(name, "header") == 0 ? ": " : "=");

		set_text(c, o, name, prefix, text, place, false);
		free(prefix);
		free(text);
		free(place);
	}
	members_release(&m);
}

static void
set_list(
    struct connector *c, struct opts *o, const char *name, const struct value *v, const char *where)
{
	char **list = doc_list(&c->doc, v, where);

	for (char **s = list; *s; s++) {
		set_text(c, o, name, "", *s, where, false);
		free(*s);
	}
	free(list);
}

/* ["a", "b"] is a,b. */
static void
set_columns(struct connector *c, struct opts *o, const struct value *v, const char *where)
{
	char **list = doc_list(&c->doc, v, where);
	struct buf b = {0};

	for (char **s = list; *s; s++) {
		buf_addf(&b, "%s%s", s == list ? "" : ",", *s);
		free(*s);
	}
	if (b.len)
		set_text(c, o, "primary-key", "", b.p, where, false);
	buf_release(&b);
	free(list);
}

static void
set_one(
    struct connector *c, struct opts *o, const char *name, const struct value *v, const char *where)
{
	static const char *const pairs[] = {
	    "form", "header", "parent-key", "query", "token-param", NULL};
	static const char *const bodies[] = {
	    "json", "jwt-claims", "jwt-header", "login-json", "variables", NULL};
	static const char *const lists[] = {"allow-host", "cursor-replaces", "form", "header",
	    "parent-key", "query", "stop-on", "token", "token-param", NULL};
	bool nested = v->type == JSON_OBJECT || v->type == JSON_ARRAY;
	char *text;

	if (nested && in(name, bodies)) {
		text = xstrndup(v->p, v->n);
		set_text(c, o, name, "", text, where, true);
		free(text);
	} else if (v->type == JSON_OBJECT && in(name, pairs)) {
		set_members(c, o, name, v, where);
	} else if (v->type == JSON_ARRAY && in(name, lists)) {
		set_list(c, o, name, v, where);
	} else if (v->type == JSON_ARRAY && strcmp(name, "primary-key") == 0) {
		set_columns(c, o, v, where);
	} else {
		text = doc_text(&c->doc, v, where);
		set_text(c, o, name, "", text, where, false);
		free(text);
	}
}

static bool
is_null(const struct member *m)
{
	return m && m->v.type == JSON_NULL;
}

/* All settings of one level, but for the URL and what is null here or in the level above.
 */
static void
set_level(struct connector *c, struct opts *o, const struct members *m, const struct members *above,
    const char *const *words, const char *prefix)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct member *x = &m->v[i];
		char *line, *where;

		if (in(x->key, words) || strcmp(x->key, "url") == 0 || is_null(x) ||
		    is_null(members_find(above, x->key)))
			continue;
		line = doc_at(&c->doc, x->v.p);
		where = xasprintf("%s: %s%s", line, prefix, x->key);
		set_one(c, o, x->key, &x->v, where);
		free(where);
		free(line);
	}
}

/* A member's text with its parameters filled in. */
static char *
expanded(struct connector *c, const struct member *m)
{
	struct expansion x = {0};
	char *line = doc_at(&c->doc, m->v.p), *where = xasprintf("%s: %s", line, m->key);
	char *text = doc_text(&c->doc, &m->v, m->key), *whole = expand(c, text, where, &x);

	if (x.absent)
		die(CS_USAGE, "%s: %s has a parameter in it that is not given", where, text);
	free(text);
	free(where);
	free(line);
	return whole;
}

/* The base, which the stream may replace, and the stream's path. */
static void
set_url(struct connector *c, struct opts *o, const struct members *stream, const char *name)
{
	const struct member *base = members_find(stream, "url");
	const struct member *path = members_find(stream, "path");
	char *where = xasprintf("%s: streams.%s", c->doc.file, name);
	char *head, *tail, *url;
	size_t n;

	if (!base && !(base = members_find(&c->top, "url")))
		die(CS_USAGE, "%s: neither the connector nor the stream has a \"url\"", where);
	head = expanded(c, base);
	tail = path ? expanded(c, path) : xstrdup("");
	for (n = strlen(head); *tail && *tail != '?' && n && head[n - 1] == '/'; n--)
		;
	url = xasprintf("%.*s%s%s", (int)n, head, *tail && !strchr("/?", *tail) ? "/" : "", tail);
	opts_set(o, "url", url, where);
	free(url);
	free(tail);
	free(head);
	free(where);
}

static const struct member *
find_stream(const struct connector *c, const char *name)
{
	struct guess g = {.name = name};
	const struct member *m = members_find(&c->streams, name);
	struct buf b = {0};

	if (m)
		return m;
	for (size_t i = 0; i < c->streams.n; i++) {
		buf_addf(&b, "%s%s", i ? ", " : "", c->streams.v[i].key);
		guess_add(&g, c->streams.v[i].key);
	}
	die(CS_USAGE, "%s: there is no stream \"%s\"%s (streams: %s)", c->doc.file, name,
	    guess_text(&g), b.len ? b.p : "none");
}

/* The description in an object, or "". The caller's to free(). */
static char *
description(const struct doc *d, const struct members *m)
{
	const struct member *x = members_find(m, "description");

	return x ? doc_text(d, &x->v, "description") : xstrdup("");
}

static void
print_parameter(const struct param *p)
{
	char *range = param_range(p);

	printf("  %s\n      %s%s%s%s%s\n", p->name, p->write_only ? "secret: " : "", range,
	    p->required ? ", required" : "", p->standard ? ", default " : "",
	    p->standard ? p->standard : "");
	if (p->description)
		printf("      %s\n", p->description);
	free(range);
}

static void
print_connector(const struct connector *c)
{
	const struct member *name = members_find(&c->top, "name");
	char *text = description(&c->doc, &c->top), *title;
	struct members m;

	title = name ? doc_text(&c->doc, &name->v, "name") : xstrdup(c->doc.file);
	printf("%s%s%s\n\nStreams\n", title, *text ? ": " : "", text);
	free(title);
	free(text);
	for (size_t i = 0; i < c->streams.n; i++) {
		doc_members(&c->doc, &c->streams.v[i].v, c->streams.v[i].key, &m);
		text = description(&c->doc, &m);
		printf("  %s\n", c->streams.v[i].key);
		if (*text)
			printf("      %s\n", text);
		free(text);
		members_release(&m);
	}
	if (c->params.n)
		printf("\nParameters\n");
	for (size_t i = 0; i < c->params.n; i++)
		print_parameter(&c->params.v[i]);
}

static int
flushed(void)
{
	if (fflush(stdout) == 0)
		return CS_OK;
	say("stdout: %s", strerror(errno));
	return CS_IO;
}

int
connector_load(
    struct opts *o, const char *file, const char *config, char *const *sets, const char *stream)
{
	struct connector c = {0};
	const struct member *m;
	const char *env = getenv("CS_STREAM");
	struct members settings;
	char *where;

	connector_read(&c, file, config, sets);
	if (!stream) {
		print_connector(&c);
		connector_release(&c);
		exit(flushed());
	}
	m = find_stream(&c, stream);
	where = xasprintf("streams.%s", m->key);
	doc_members(&c.doc, &m->v, where, &settings);
	check_keys(&c.doc, &settings, words_stream, where);
	free(where);
	for (size_t i = 0; i < c.params.n; i++)
		param_resolve(&c.params, &c.params.v[i]);

	set_level(&c, o, &c.top, &settings, words_top, "");
	o->layer++;
	where = xasprintf("streams.%s.", m->key);
	set_level(&c, o, &settings, &settings, words_stream, where);
	set_url(&c, o, &settings, m->key);
	o->layer++;
	if (!o->stream && (!env || !*env))
		o->stream = xstrdup(m->key);
	free(where);
	members_release(&settings);
	connector_release(&c);
	return CS_OK;
}

int
connector_get(const char *file, const char *config, char *const *sets, const char *name)
{
	struct connector c = {0};
	struct param *p;
	int status = CS_OK;

	connector_read(&c, file, config, sets);
	p = params_get(&c.params, name, "--get");
	if (p->write_only)
		die(CS_USAGE, "--get: %s is a secret; it is not printed", name);
	param_resolve(&c.params, p);
	if (p->value)
		printf("%s\n", p->value);
	else
		status = CS_SOME;
	connector_release(&c);
	return flushed() ? CS_IO : status;
}

char **
connector_streams(const char *file)
{
	struct connector c = {0};
	char **names;

	connector_read(&c, file, NULL, NULL);
	names = xcalloc(c.streams.n + 1, sizeof(*names));
	for (size_t i = 0; i < c.streams.n; i++)
		names[i] = xstrdup(c.streams.v[i].key);
	connector_release(&c);
	return names;
}
