#include "place.h"

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "url.h"

/* What a header field's name is made of. */
static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

void
place_set(struct place *p, const char *text, const char *where)
{
	char *path;

	free(p->text);
	*p = (struct place){.text = xstrdup(text), .kind = PLACE_QUERY};
	if (strncmp(text, "header:", 7) == 0) {
		p->kind = PLACE_HEADER;
		if (text[7] == '\0' || text[7 + strspn(text + 7, token)] != '\0')
			die(CS_USAGE, "%s: \"%s\" is not header:NAME", where, text);
	} else if (strncmp(text, "body:", 5) == 0) {
		p->kind = PLACE_BODY;
		path = xasprintf("%s%s", text[5] == '.' ? "" : ".", text + 5);
		p->path = path_new(path, where);
		if (p->path->jq != NULL || p->path->iterates || p->path->header != NULL)
			die(CS_USAGE, "%s: \"%s\" is no place in a body, as body:.page.after is",
			    where, text);
		free(path);
	}
}

static int
put_into(struct buf *out, const char *p, size_t n, const struct slice *steps, int left,
    const char *json, size_t len)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	bool found = false, first = true;
	int r = 0;

	if (left == 0)
		return buf_add(out, json, len);
	scan_init(&s, p, n);
	r = scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0 ? 0 : -1;
	buf_addc(out, '{');
	while (r == 0 && scan_key(&s, &key) > 0) {
		bool here = slice_eq(key, steps->p, steps->n);

		buf_adds(out, first ? "" : ",");
		json_quote(out, key.p, key.n);
		buf_addc(out, ':');
		first = false;
		found |= here;
		if (scan_value(&s, &v) < 0)
			r = -1;
		else if (!here)
			buf_add(out, v.p, v.n);
		else if (v.type == JSON_NULL)
			r = put_into(out, "{}", 2, steps + 1, left - 1, json, len);
		else
			r = put_into(out, v.p, v.n, steps + 1, left - 1, json, len);
	}
	if (r == 0 && !found) {
		buf_adds(out, first ? "" : ",");
		json_quote(out, steps->p, steps->n);
		buf_addc(out, ':');
		r = put_into(out, "{}", 2, steps + 1, left - 1, json, len);
	}
	buf_addc(out, '}');
	scan_release(&s);
	return r;
}

int
json_put(struct buf *doc, const struct slice *steps, int n, const char *json, size_t len)
{
	struct buf out = {0};
	int r = put_into(&out, doc->p, doc->len, steps, n, json, len);

	buf_release(doc);
	*doc = out;
	return r;
}

static int put_members(const struct place *p, struct request *q, const char *object);

static int
put_body(const struct place *p, struct request *q, int type, const char *text)
{
	struct buf quoted = {0};
	int r;

	if (type == JSON_OBJECT && p->path->n_step == 0)
		return put_members(p, q, text);
	if (type == JSON_STRING)
		json_quote(&quoted, text, strlen(text));
	r = p->path->n_step == 0 ? -1
				 : json_put(&q->body, p->path->step, p->path->n_step,
				       type == JSON_STRING ? quoted.p : text,
				       type == JSON_STRING ? quoted.len : strlen(text));
	buf_release(&quoted);
	return r == 0 ? 0 : fail(CS_DATA, "%s: something on the way there is no object", p->text);
}

static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

static int
put_scalar(const struct place *p, struct request *q, const char *name, const char *text)
{
	if (p->kind == PLACE_QUERY)
		url_set(&q->url, name, text);
	else if (name[strspn(name, token)] != '\0' || *name == '\0' || has_control(text))
		return -1;
	else
		buf_addf(&q->fields, "%s: %s\n", name, text);
	return 0;
}

/* Each member on its own. */
static int
put_members(const struct place *p, struct request *q, const char *object)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	struct buf text = {0};
	int r = 0;

	scan_init(&s, object, strlen(object));
	scan_enter(&s);
	while (r == 0 && scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0) {
		char *name = xstrndup(key.p, key.n);

		buf_clear(&text);
		buf_adds(&text, "");
		if (p->kind == PLACE_BODY)
			r = json_put(&q->body, &key, 1, v.p, v.n);
		else if (v.type != JSON_STRING)
			buf_add(&text, v.p, v.n);
		else if (json_unescape(&text, v.p + 1, v.n - 2) != 0)
			r = -1;
		if (r == 0 && p->kind != PLACE_BODY)
			r = put_scalar(p, q, name, text.p);
		free(name);
	}
	scan_release(&s);
	buf_release(&text);
	return r == 0 ? 0 : fail(CS_DATA, "%s: a member cannot be sent", p->text);
}

int
place_put(const struct place *p, struct request *q, int type, const char *text)
{
	if (p->kind == PLACE_BODY)
		return put_body(p, q, type, text);
	if (type == JSON_ARRAY)
		return fail(CS_DATA, "%s: an array can be sent in a body only: body:PATH", p->text);
	if (type == JSON_OBJECT)
		return put_members(p, q, text);
	if (put_scalar(p, q, p->kind == PLACE_HEADER ? p->text + 7 : p->text, text) == 0)
		return 0;
	return fail(CS_DATA, "%s: the value holds a control character", p->text);
}
