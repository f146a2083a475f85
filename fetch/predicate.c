#include "predicate.h"

#include <string.h>

void
predicate_input(
    struct buf *out, long status, const struct buf *headers, struct slice body, struct slice text)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct value v;
	const char *err;

	if (body.n >= 3 && memcmp(body.p, mark, 3) == 0) {
		body.p += 3;
		body.n -= 3;
	}
	buf_addf(out, "{\"status\":%ld,\"headers\":%s,\"body\":", status, headers->p);
	/* The text may be followed by anything, so that it is not looked at where it lies. */
	size_t at = out->len;
	buf_add(out, body.p, body.n);
	if (scan_text(out->p + at, body.n, &v, &err) == 0) {
		buf_addc(out, '}');
		return;
	}
	out->len = at;
	buf_adds(out, "null,\"text\":");
	for (int cut = 0; cut < 4 && text.n > 0 && !utf8_valid(text.p, text.n); cut++)
		text.n--; /* the last letter may be cut */
	if (utf8_valid(text.p, text.n))
		json_quote(out, text.p, text.n);
	else
		buf_adds(out, "null");
	buf_addc(out, '}');
}

int
predicate(const struct path *program, const struct buf *input, struct buf *out)
{
	const char *err = NULL;
	int type = path_text(program, input->p, input->len, out, &err);

	if (type < 0) {
		buf_clear(out);
		buf_adds(out, err);
		return -1;
	}
	return type != 0 && type != JSON_NULL && type != JSON_FALSE;
}
