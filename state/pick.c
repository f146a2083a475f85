#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pick.h"

bool
pick(struct slice json, const char *name, struct value *v)
{
	struct scan s = {0};
	struct slice key;
	struct value x;
	bool found = false;

	scan_init(&s, json.p, json.n);
	if (scan_type(&s) == JSON_OBJECT)
		for (scan_enter(&s); scan_key(&s, &key) > 0;) {
			bool here = slice_is(key, name);

			if (scan_value(&s, &x) < 0)
				break;
			if (here)
				*v = x;
			found |= here;
		}
	scan_release(&s);
	return found;
}

bool
pick_path(struct slice json, struct value *v, ...)
{
	const char *name;
	bool found = true;
	va_list ap;

	va_start(ap, v);
	while (found && (name = va_arg(ap, const char *)) != NULL) {
		found = pick(json, name, v);
		json = (struct slice){v->p, v->n};
	}
	va_end(ap);
	return found;
}

char *
pick_text(const struct value *v)
{
	struct buf b = {0};
	struct slice in = value_inner(v);

	if (v->type == JSON_NUMBER)
		return xstrndup(v->p, v->n);
	if (v->type != JSON_STRING)
		return NULL;
	buf_adds(&b, "");
	if (json_unescape(&b, in.p, in.n) == 0)
		return buf_steal(&b);
	buf_release(&b);
	return NULL;
}

void
pick_rest(struct buf *out, struct slice json, const char *const *without)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	int n = 0;

	scan_init(&s, json.p, json.n);
	scan_enter(&s);
	buf_addc(out, '{');
	while (scan_key(&s, &key) > 0) {
		const char *const *w = without;

		while (*w != NULL && !slice_is(key, *w))
			w++;
		if (*w == NULL) {
			if (n++ > 0)
				buf_addc(out, ',');
			json_quote(out, key.p, key.n);
			buf_addc(out, ':');
		}
		if (scan_value(&s, &v) < 0)
			break;
		if (*w == NULL)
			json_compact(out, v.p, v.n);
	}
	scan_release(&s);
}
