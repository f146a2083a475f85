#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "decimal.h"

struct member {
	struct buf name;
	struct value value;
	size_t at; /* its place in the text */
};

static void
canon_string(struct buf *out, const struct value *v)
{
	struct buf text = {0};
	struct slice in = value_inner(v);

	if (v->flags & VALUE_ESC && json_unescape(&text, in.p, in.n) < 0)
		buf_add(out, v->p, v->n); /* a lone surrogate: no other text says it */
	else if (v->flags & VALUE_ESC)
		json_quote(out, text.p ? text.p : "", text.len);
	else
		json_quote(out, in.p, in.n);
	buf_release(&text);
}

static int
by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int r = n ? memcmp(x->name.p, y->name.p, n) : 0;

	if (r == 0)
		r = (x->name.len > y->name.len) - (x->name.len < y->name.len);
	return r ? r : (x->at > y->at) - (x->at < y->at);
}

static bool
same_name(const struct member *a, const struct member *b)
{
	return a->name.len == b->name.len &&
	       (!a->name.len || !memcmp(a->name.p, b->name.p, a->name.len));
}

static void
canon_object(struct buf *out, struct scan *s)
{
	struct member *m = NULL;
	size_t n = 0, cap = 0;
	struct slice key;
	const char *sep = "";

	scan_enter(s);
	while (scan_key(s, &key) > 0) {
		if (n == cap) {
			cap = cap ? cap * 2 : 8;
			m = xreallocarray(m, cap, sizeof *m);
		}
		m[n] = (struct member){.at = n};
		buf_add(&m[n].name, key.p, key.n);
		scan_value(s, &m[n].value);
		n++;
	}
	if (n)
		qsort(m, n, sizeof *m, by_name);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n || !same_name(&m[i], &m[i + 1])) {
			buf_adds(out, sep);
			json_quote(out, m[i].name.p ? m[i].name.p : "", m[i].name.len);
			buf_addc(out, ':');
			canon_value(out, (struct slice){m[i].value.p, m[i].value.n});
			sep = ",";
		}
		buf_release(&m[i].name);
	}
	buf_addc(out, '}');
	free(m);
}

static void
canon_array(struct buf *out, struct scan *s)
{
	const char *sep = "";
	struct value v;

	scan_enter(s);
	buf_addc(out, '[');
	while (scan_item(s) > 0) {
		scan_value(s, &v);
		buf_adds(out, sep);
		canon_value(out, (struct slice){v.p, v.n});
		sep = ",";
	}
	buf_addc(out, ']');
}

void
canon_value(struct buf *out, struct slice json)
{
	struct scan s = {0};
	struct value v;

	scan_init(&s, json.p, json.n);
	switch (scan_type(&s)) {
	case JSON_OBJECT:
		canon_object(out, &s);
		break;
	case JSON_ARRAY:
		canon_array(out, &s);
		break;
	case JSON_STRING:
		scan_value(&s, &v);
		canon_string(out, &v);
		break;
	case JSON_NUMBER:
		decimal_canon(out, json.p, json.n);
		break;
	default:
		buf_add(out, json.p, json.n);
	}
	scan_release(&s);
}
