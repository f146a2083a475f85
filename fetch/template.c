#include "template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

/* The length of a {name} at s without its braces, or 0. */
static size_t
reference(const char *s)
{
	size_t n = 1;

	if (*s != '{' || !(isalpha((unsigned char)s[1]) || s[1] == '_'))
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || (s[n] == '.' && s[n + 1] != '}'))
		n++;
	return s[n] == '}' ? n - 1 : 0;
}

static struct field *
field(const struct template *t, const char *name, size_t n)
{
	for (size_t i = 0; i < t->n_field; i++)
		if (strlen(t->field[i].name) == n && memcmp(t->field[i].name, name, n) == 0)
			return &t->field[i];
	return NULL;
}

/* A string of a JSON document that is a {name} and nothing else, and no key. */
static size_t
whole_string(const char *doc, const char *s)
{
	size_t n = *s == '"' && (s == doc || s[-1] != '\\') ? reference(s + 1) : 0;

	return n > 0 && s[n + 3] == '"' && s[n + 4 + strspn(s + n + 4, " \t\r\n")] != ':' ? n : 0;
}

static void
note_fields(struct template *t, const char *text, bool json, bool *any)
{
	for (const char *s = text; *s != '\0'; s++) {
		size_t n = json ? whole_string(text, s) : reference(s);
		char *path;

		*any |= n > 0;
		if (n == 0 || field(t, s + 1 + json, n) != NULL)
			continue;
		t->field = xreallocarray(t->field, t->n_field + 1, sizeof(*t->field));
		t->field[t->n_field] = (struct field){.name = xstrndup(s + 1 + json, n)};
		path = xasprintf(".%s", t->field[t->n_field].name);
		t->field[t->n_field++].path = path_new(path, "--each");
		free(path);
	}
}

static struct list
copy_list(const struct list *l)
{
	struct list c = {xcalloc(l->n + 1, sizeof(*c.v)), l->n};

	for (size_t i = 0; i < l->n; i++)
		c.v[i] = (struct list_item){xstrdup(l->v[i].text), l->v[i].layer};
	return c;
}

void
template_open(struct template *t, struct opts *o)
{
	bool any = false;

	*t = (struct template){.o = o,
	    .url = o->url,
	    .data = o->data_json ? o->data : NULL,
	    .data_len = o->data_len,
	    .query = o->query,
	    .header = o->header};
	note_fields(t, t->url, false, &any);
	for (size_t i = 0; i < t->query.n; i++)
		note_fields(t, t->query.v[i].text, false, &any);
	for (size_t i = 0; i < t->header.n; i++)
		note_fields(t, t->header.v[i].text, false, &t->in_header);
	if (t->data != NULL)
		note_fields(t, t->data, true, &any);
}

/* Every {name} in text becomes its value. */
static void
expand(const struct template *t, const char *text, bool url, struct buf *out)
{
	const struct field *f;
	size_t n;

	buf_adds(out, "");
	for (; *text != '\0'; text++) {
		if ((n = reference(text)) == 0 || (f = field(t, text + 1, n)) == NULL) {
			buf_addc(out, *text);
			continue;
		}
		if (url)
			url_encode(out, f->text.p);
		else
			buf_adds(out, f->text.p);
		text += n + 1;
	}
}

static void
expand_json(const struct template *t, struct buf *out)
{
	const struct field *f;
	size_t n;

	for (const char *s = t->data; *s != '\0'; s++) {
		if ((n = whole_string(t->data, s)) == 0 || (f = field(t, s + 2, n)) == NULL) {
			buf_addc(out, *s);
			continue;
		}
		if (f->type == JSON_STRING)
			json_quote(out, f->text.p, f->text.len);
		else
			buf_adds(out, f->text.p);
		s += n + 3;
	}
}

static struct list
expand_list(const struct template *t, const struct list *l)
{
	struct list made = copy_list(l);

	for (size_t i = 0; i < l->n; i++) {
		struct buf b = {0};

		expand(t, l->v[i].text, false, &b);
		free(made.v[i].text);
		made.v[i].text = buf_steal(&b);
	}
	return made;
}

void
template_fill(const struct template *t, struct filled *p)
{
	struct buf b = {0};

	expand(t, t->url, true, &b);
	p->url = buf_steal(&b);
	p->query = expand_list(t, &t->query);
	p->header = expand_list(t, &t->header);
	if (t->data == NULL)
		return;
	expand_json(t, &b);
	p->data_len = b.len;
	p->data = buf_steal(&b);
}

static void
list_release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	free(l->v);
	*l = (struct list){0};
}

void
filled_release(struct filled *p)
{
	list_release(&p->query);
	list_release(&p->header);
	free(p->url);
	free(p->data);
	*p = (struct filled){0};
}

/* The settings that ask for it; both own the same. */
void
filled_lend(const struct filled *p, struct opts *o)
{
	o->url = p->url;
	o->query = p->query;
	o->header = p->header;
	if (p->data != NULL) {
		o->data = p->data;
		o->data_len = p->data_len;
	}
}

/* The value of a path in the parent: NULL, or why it is no use. */
const char *
field_value(const struct path *path, struct slice record, struct buf *text, int *type)
{
	const char *err = "is not there";

	buf_clear(text);
	buf_adds(text, "");
	*type = path_text(path, record.p, record.n, text, &err);
	if (*type <= 0)
		return err;
	return *type == JSON_NULL ? "is null" : NULL;
}

static const char *
read_field(struct field *f, struct slice record)
{
	const char *why = field_value(f->path, record, &f->text, &f->type);

	if (why != NULL)
		return why;
	if (f->type == JSON_ARRAY || f->type == JSON_OBJECT)
		return "is neither text nor a number";
	if (f->text.len == 0)
		return "is empty";
	if (strcmp(f->text.p, ".") == 0 || strcmp(f->text.p, "..") == 0)
		return "would name another place";
	for (const char *s = f->text.p; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return "holds a control character";
	return NULL;
}

const char *
template_read(struct template *t, struct slice record, struct buf *id, const char **what)
{
	const char *why;

	for (size_t i = 0; i < t->n_field; i++) {
		*what = t->field[i].name;
		if ((why = read_field(&t->field[i], record)) != NULL)
			return why;
		if (i > 0)
			buf_addc(id, '/');
		url_encode(id, t->field[i].text.p);
	}
	return NULL;
}

void
template_close(struct template *t)
{
	if (t->o == NULL)
		return;
	t->o->url = t->url;
	t->o->query = t->query;
	t->o->header = t->header;
	if (t->data != NULL) {
		t->o->data = t->data;
		t->o->data_len = t->data_len;
	}
	for (size_t i = 0; i < t->n_field; i++) {
		free(t->field[i].name);
		buf_release(&t->field[i].text);
	}
	free(t->field);
}
