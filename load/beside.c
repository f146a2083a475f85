#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "cs.h"
#include "file.h"
#include "num.h"
#include "scan.h"

static char *
name_beside(const char *path)
{
	return xasprintf("%s.cs-state", path);
}

void
beside_release(struct beside *b)
{
	buf_release(&b->stream);
	buf_release(&b->state);
}

/* One line. 0 or -1. */
static int
parse(struct beside *b, const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	int r;

	buf_clear(&b->stream);
	buf_clear(&b->state);
	b->size = -1;
	scan_init(&s, p, n);
	r = scan_enter(&s);
	while (r == 0 && (r = scan_key(&s, &key)) > 0) {
		int size = slice_is(key, "size"), stream = slice_is(key, "stream");
		int state = slice_is(key, "state");

		r = scan_value(&s, &v);
		if (r == 0 && size)
			r = num_int64(v.p, v.n, &b->size);
		else if (r == 0 && stream)
			r = v.type == JSON_STRING ? json_unescape(&b->stream, v.p + 1, v.n - 2)
						  : -1;
		else if (r == 0 && state)
			json_compact(&b->state, v.p, v.n);
	}
	scan_release(&s);
	return r == 0 && b->size >= 0 && b->state.len ? 0 : -1;
}

int
beside_read(struct beside *b, const char *path, int64_t size)
{
	char *name = name_beside(path);
	struct buf text = {.max = 256u << 20};
	const char *p, *nl;
	int r = 0;

	memset(b, 0, sizeof *b);
	if (file_read(&text, name) < 0) {
		if (errno != ENOENT) {
			warn("%s", name);
			r = CS_IO;
		} else if (size > 0) {
			warnx("%s: no checkpoint is known of this file (%s is missing), so nothing "
			      "can be "
			      "appended exactly; --mode replace, or another file",
			    path, name);
			r = CS_DATA;
		}
		goto out;
	}
	if (size < 0)
		goto out; /* what it told of is gone */
	r = CS_DATA;
	/* From the last line on: of two with the same size, the later one is true. */
	for (size_t end = text.len; r && end; end = (size_t)(p - text.p)) {
		nl = memrchr(text.p, '\n', end - 1);
		p = nl ? nl + 1 : text.p;
		if (parse(b, p, (size_t)(text.p + end - p)) == 0 && b->size == size)
			r = 0;
	}
	if (r)
		warnx("%s: changed by something else since cs-load wrote it (%s does not match): "
		      "nothing can be appended exactly; --mode replace, or another file",
		    path, name);
out:
	buf_release(&text);
	free(name);
	return r;
}

static void
format(struct buf *out, const struct beside *b)
{
	buf_addf(out, "{\"size\":%lld,\"stream\":", (long long)b->size);
	json_quote(out, b->stream.p, b->stream.len);
	buf_adds(out, ",\"state\":");
	buf_add(out, b->state.p, b->state.len);
	buf_adds(out, "}\n");
}

int
beside_write(const char *path, const struct beside *before, const struct beside *after)
{
	char *name = name_beside(path);
	struct buf text = {0};
	int r = 0;

	if (before && before->state.len)
		format(&text, before);
	format(&text, after);
	if (file_write(name, text.p, text.len, 0600) < 0) {
		warn("%s", name);
		r = CS_IO;
	}
	buf_release(&text);
	free(name);
	return r;
}
