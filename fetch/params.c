#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "num.h"
#include "params.h"

static const char *const types[] = {"string", "integer", "number", "boolean"};

enum { /* sets of types */
	TEXTS = 1u << PARAM_STRING,
	NUMBERS = 1u << PARAM_INTEGER | 1u << PARAM_NUMBER,
	ANY = TEXTS | NUMBERS | 1u << PARAM_BOOLEAN
};

/* One of a NULL-terminated list, case ignored. */
static bool
among(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcasecmp(s, *list) == 0)
			return true;
	return false;
}

static const char *
boolean(const char *s)
{
	static const char *const yes[] = {"true", "1", "yes", "on", NULL};
	static const char *const no[] = {"false", "0", "no", "off", NULL};

	return among(s, yes) ? "true" : among(s, no) ? "false" : NULL;
}

/* A JSON number; for PARAM_INTEGER one without fraction and exponent. */
static bool
numeric(const char *s, enum param_type type)
{
	struct buf b = {0};
	const char *why;
	struct value v;
	bool ok;

	buf_adds(&b, s);
	ok = b.len && scan_text(b.p, b.len, &v, &why) == 0 && v.type == JSON_NUMBER &&
	     v.n == b.len && !(type == PARAM_INTEGER && v.flags & VALUE_REAL);
	buf_release(&b);
	return ok;
}

static int
compare(const char *a, const char *b, enum param_type type)
{
	double x, y;

	if (type == PARAM_INTEGER)
		return num_cmp(a, strlen(a), b, strlen(b));
	x = strtod(a, NULL);
	y = strtod(b, NULL);
	return (x > y) - (x < y);
}

static uint64_t
characters(const char *s)
{
	uint64_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* What templates hold until somebody fills them in. */
static bool
placeholder(const char *s)
{
	size_t n = strlen(s);

	return (n > 1 && s[0] == '<' && s[n - 1] == '>') || strncasecmp(s, "your_", 5) == 0;
}

char *
param_range(const struct param *p)
{
	static const char *const kind[] = {"text", "an integer", "a number", "true or false"};
	struct buf b = {0};

	if (p->list) {
		buf_adds(&b, "one of ");
		for (char **s = p->list; *s; s++)
			buf_addf(&b, "%s%s", s == p->list ? "" : ", ", *s);
		return buf_steal(&b);
	}
	buf_adds(&b, kind[p->type]);
	if (p->min && p->max)
		buf_addf(&b, " in %s..%s", p->min, p->max);
	else if (p->min || p->max)
		buf_addf(&b, " of %s or %s", p->min ? p->min : p->max, p->min ? "more" : "less");
	if (p->min_len && p->max_len != UINT64_MAX)
		buf_addf(
		    &b, " of %ju to %ju characters", (uintmax_t)p->min_len, (uintmax_t)p->max_len);
	else if (p->min_len || p->max_len != UINT64_MAX)
		buf_addf(&b, " of %s %ju characters", p->min_len ? "at least" : "at most",
		    (uintmax_t)(p->min_len ? p->min_len : p->max_len));
	if (p->pattern)
		buf_addf(&b, " that matches %s", p->pattern);
	return buf_steal(&b);
}

/* Is s what p allows? */
static bool
allowed(const struct param *p, const char *s)
{
	uint64_t n;

	switch (p->type) {
	case PARAM_BOOLEAN:
		return boolean(s);
	case PARAM_INTEGER:
	case PARAM_NUMBER:
		if (!numeric(s, p->type) || (p->min && compare(s, p->min, p->type) < 0) ||
		    (p->max && compare(s, p->max, p->type) > 0))
			return false;
		break;
	case PARAM_STRING:
		n = characters(s);
		if (n < p->min_len || n > p->max_len ||
		    (p->pattern && regexec(&p->re, s, 0, NULL, 0) != 0))
			return false;
	}
	for (char **x = p->list; x && *x; x++)
		if (strcmp(*x, s) == 0)
			return true;
	return !p->list;
}

static void
check(const struct param *p, const char *s, const char *where)
{
	const char *q = numeric(s, PARAM_NUMBER) ? "" : "\"";

	if (!p->write_only && placeholder(s))
		die(CS_USAGE, "%s: %s: %s is a placeholder; put your own value there", where,
		    p->name, s);
	if (allowed(p, s))
		return;
	if (p->write_only)
		die(CS_USAGE, "%s: the value (not shown) is not %s", where, param_range(p));
	die(CS_USAGE, "%s: %s: %s%s%s is not %s", where, p->name, q, s, q, param_range(p));
}

/* A number that bounds something, as written. */
static char *
bound(const struct doc *d, const struct value *v, const char *where, enum param_type type)
{
	if (v->type != JSON_NUMBER || (type == PARAM_INTEGER && v->flags & VALUE_REAL))
		doc_fail(d, v->p, "%s: must be %s", where,
		    type == PARAM_INTEGER ? "an integer" : "a number");
	return doc_text(d, v, where);
}

static uint64_t
bound_length(const struct doc *d, const struct value *v, const char *where)
{
	char *s = bound(d, v, where, PARAM_INTEGER);
	int64_t n;

	if (num_int64(s, strlen(s), &n) < 0 || n < 0)
		doc_fail(d, v->p, "%s: must be 0 or more", where);
	free(s);
	return n;
}

static bool
flag(const struct doc *d, const struct value *v, const char *where)
{
	if (v->type != JSON_TRUE && v->type != JSON_FALSE)
		doc_fail(d, v->p, "%s: must be true or false", where);
	return v->type == JSON_TRUE;
}

static enum param_type
type_of(const struct doc *d, const struct value *v, const char *where)
{
	char *s = doc_text(d, v, where);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(s, types[i]) == 0) {
			free(s);
			return (enum param_type)i;
		}
	doc_fail(d, v->p, "%s: \"%s\" is not one of string, integer, number, boolean", where, s);
}

static void
pattern(struct param *p, const struct doc *d, const struct value *v, const char *where)
{
	char why[128];
	int r;

	p->pattern = doc_text(d, v, where);
	if ((r = regcomp(&p->re, p->pattern, REG_EXTENDED | REG_NOSUB)) != 0) {
		regerror(r, &p->re, why, sizeof(why));
		doc_fail(d, v->p, "%s: %s", where, why);
	}
}

/* Is it a word, and one for this type? */
static void
check_word(const struct param *p, const struct doc *d, const struct member *m)
{
	static const struct {
		const char *name;
		unsigned types;
	} words[] = {{"description", ANY}, {"type", ANY}, {"default", ANY}, {"enum", ANY},
	    {"writeOnly", ANY}, {"minimum", NUMBERS}, {"maximum", NUMBERS}, {"minLength", TEXTS},
	    {"maxLength", TEXTS}, {"pattern", TEXTS}};
	struct guess g = {.name = m->key};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i].name, m->key) == 0) {
			if (!(words[i].types & 1u << p->type))
				doc_fail(d, m->v.p, "parameters.%s.%s: not for type %s", p->name,
				    m->key, types[p->type]);
			return;
		}
		guess_add(&g, words[i].name);
	}
	doc_fail(d, m->v.p, "parameters.%s: unknown key \"%s\"%s", p->name, m->key, guess_text(&g));
}

/* One word of a declaration; the type is known. */
static void
declare_word(struct param *p, const struct doc *d, const struct member *m)
{
	char *where;

	check_word(p, d, m);
	where = xasprintf("parameters.%s.%s", p->name, m->key);
	if (strcmp(m->key, "description") == 0)
		p->description = doc_text(d, &m->v, where);
	else if (strcmp(m->key, "default") == 0)
		p->standard = doc_text(d, &m->v, where);
	else if (strcmp(m->key, "writeOnly") == 0)
		p->write_only = flag(d, &m->v, where);
	else if (strcmp(m->key, "enum") == 0)
		p->list = doc_list(d, &m->v, where);
	else if (strcmp(m->key, "minimum") == 0)
		p->min = bound(d, &m->v, where, p->type);
	else if (strcmp(m->key, "maximum") == 0)
		p->max = bound(d, &m->v, where, p->type);
	else if (strcmp(m->key, "minLength") == 0)
		p->min_len = bound_length(d, &m->v, where);
	else if (strcmp(m->key, "maxLength") == 0)
		p->max_len = bound_length(d, &m->v, where);
	else if (strcmp(m->key, "pattern") == 0)
		pattern(p, d, &m->v, where);
	free(where);
}

static void
declare(struct param *p, const struct doc *d, const struct member *m)
{
	char *where = xasprintf("parameters.properties.%s", m->key);
	const struct member *type;
	struct members words;

	*p = (struct param){.name = xstrdup(m->key), .max_len = UINT64_MAX};
	doc_members(d, &m->v, where, &words);
	if ((type = members_find(&words, "type")))
		p->type = type_of(d, &type->v, where);
	for (size_t i = 0; i < words.n; i++)
		declare_word(p, d, &words.v[i]);
	if (p->write_only && (p->type != PARAM_STRING || p->standard || p->list))
		doc_fail(d, m->v.p,
		    "%s: a writeOnly parameter is a string without default and enum", where);
	if (p->standard) {
		p->where = doc_at(d, m->v.p);
		check(p, p->standard, p->where);
		free(p->where);
		p->where = NULL;
	}
	members_release(&words);
	free(where);
}

void
params_declare(struct params *ps, const struct doc *d, const struct value *v)
{
	const struct member *props, *required;
	struct members top, each = {0};
	char **names;

	doc_members(d, v, "parameters", &top);
	props = members_find(&top, "properties");
	required = members_find(&top, "required");
	for (size_t i = 0; i < top.n; i++)
		if (&top.v[i] != props && &top.v[i] != required)
			doc_fail(d, top.v[i].v.p,
			    "parameters: unknown key \"%s\"; there are "
			    "\"properties\" and \"required\"",
			    top.v[i].key);
	if (props)
		doc_members(d, &props->v, "parameters.properties", &each);
	ps->v = xcalloc(each.n + 1, sizeof(*ps->v));
	for (; ps->n < each.n; ps->n++)
		declare(&ps->v[ps->n], d, &each.v[ps->n]);
	if (required) {
		names = doc_list(d, &required->v, "parameters.required");
		for (char **s = names; *s; s++) {
			params_get(ps, *s, d->file)->required = true;
			free(*s);
		}
		free(names);
	}
	members_release(&each);
	members_release(&top);
}

struct param *
params_get(const struct params *ps, const char *name, const char *where)
{
	struct guess g = {.name = name};

	for (size_t i = 0; i < ps->n; i++) {
		if (strcmp(ps->v[i].name, name) == 0)
			return &ps->v[i];
		guess_add(&g, ps->v[i].name);
	}
	die(CS_USAGE, "%s: there is no parameter \"%s\"%s", where, name, guess_text(&g));
}

/* A later value replaces an earlier one. */
static void
give(struct param *p, char *value, char *where)
{
	free(p->value);
	free(p->where);
	p->value = value;
	p->where = where;
}

static void
warn_readable(const char *file, const char *name)
{
	struct stat st;

	if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & 077)
		say("%s: holds the secret %s and can be read by others: chmod 600 %s", file, name,
		    file);
}

/* One member of the configuration file. */
static void
configure(struct params *ps, const struct doc *d, const struct member *m)
{
	char *text, *place, *where = doc_at(d, m->v.p);
	struct param *p = params_get(ps, m->key, where);

	text = doc_text(d, &m->v, p->name);
	if (!p->write_only) {
		give(p, text, where);
		return;
	}
	place = xasprintf("%s: %s", where, p->name);
	secret_set_literal(&p->secret, text, place);
	if (!p->secret.ref && *text && !placeholder(text))
		warn_readable(d->file, p->name);
	explicit_bzero(text, strlen(text));
	free(text);
	free(place);
	free(where);
}

void
params_config(struct params *ps, const char *file)
{
	struct members m;
	struct doc d = {0};

	ps->config = file;
	doc_read(&d, file, &m);
	for (size_t i = 0; i < m.n; i++)
		configure(ps, &d, &m.v[i]);
	members_release(&m);
	if (d.text.p)
		explicit_bzero(d.text.p, d.text.len);
	doc_release(&d);
}

void
params_set(struct params *ps, const char *arg)
{
	size_t n = strcspn(arg, "=");
	const char *value = arg + n + 1;
	struct param *p;
	char *name, *place;

	if (!arg[n])
		die(CS_USAGE, "--set: give it as NAME=VALUE");
	name = xstrndup(arg, n);
	p = params_get(ps, name, "--set");
	place = xasprintf("--set: %s", name);
	if (p->write_only)
		secret_set(&p->secret, value, place);
	else
		give(p, xstrdup(value), xstrdup("--set"));
	free(place);
	free(name);
}

static void
missing(const struct params *ps, const struct param *p)
{
	die(p->write_only ? CS_AUTH : CS_USAGE, "%s: missing; add it to %s%s, or give --set %s=%s",
	    p->name, ps->config ? "" : "a configuration file (--config)",
	    ps->config ? ps->config : "", p->name, p->write_only ? "env:NAME" : "VALUE");
}

void
param_resolve(const struct params *ps, struct param *p)
{
	if (p->write_only) {
		if (secret_given(&p->secret))
			check(p, secret_get(&p->secret), p->secret.where);
		else if (p->required)
			missing(ps, p);
		return;
	}
	if (p->value)
		check(p, p->value, p->where);
	else if (p->standard)
		give(p, xstrdup(p->standard), NULL);
	else if (p->required)
		missing(ps, p);
	if (p->value && p->type == PARAM_BOOLEAN)
		give(p, xstrdup(boolean(p->value)), NULL);
}

const char *
param_text(const struct param *p)
{
	return p->write_only ? p->secret.value : p->value;
}

void
params_release(struct params *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		struct param *p = &ps->v[i];

		if (p->pattern)
			regfree(&p->re);
		for (char **s = p->list; s && *s; s++)
			free(*s);
		free(p->list);
		free(p->name);
		free(p->description);
		free(p->min);
		free(p->max);
		free(p->pattern);
		free(p->standard);
		give(p, NULL, NULL);
		free(p->secret.where);
		free(p->secret.ref);
		if (p->secret.value)
			explicit_bzero(p->secret.value, strlen(p->secret.value));
		free(p->secret.value);
	}
	free(ps->v);
	*ps = (struct params){0};
}
