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
	b->size = b->crc = -1;
	scan_init(&s, p, n);
	r = scan_enter(&s);
	while (r == 0 && (r = scan_key(&s, &key)) > 0) {
		int size = slice_is(key, "size"), stream = slice_is(key, "stream");
		int state = slice_is(key, "state"), crc = slice_is(key, "crc");

		r = scan_value(&s, &v);
		if (r == 0 && (size || crc))
			r = num_int64(v.p, v.n, size ? &b->size : &b->crc);
		else if (r == 0 && stream)
			r = v.type == JSON_STRING ? json_unescape(&b->stream, v.p + 1, v.n - 2)
						  : -1;
		else if (r == 0 && state)
			json_compact(&b->state, v.p, v.n);
	}
	scan_release(&s);
	return r == 0 && b->size >= 0 && b->state.len ? 0 : -1;
}

/* The line of text that is true of a file of that size and CRC, into b: 0, or -1. */
static int
find(struct beside *b, const struct buf *text, int64_t size, int64_t crc)
{
	const char *p, *nl;

	/* From the last line on: of two that are alike, the later one is true. */
	for (size_t end = text->len; end; end = (size_t)(p - text->p)) {
		nl = memrchr(text->p, '\n', end - 1);
		p = nl ? nl + 1 : text->p;
		if (parse(b, p, (size_t)(text->p + end - p)) == 0 && b->size == size &&
		    (b->crc < 0 || b->crc == crc))
			return 0;
	}
	return -1;
}

int
beside_read(struct beside *b, const char *path, bool lenient)
{
	char *name = name_beside(path);
	struct buf text = {.max = 256u << 20};
	int64_t size = b->size, crc = b->crc;
	int r = 0;

	*b = (struct beside){.size = size, .crc = crc};
	if (file_read(&text, name) < 0) {
		if (errno != ENOENT) {
			warn("%s", name);
			r = CS_IO;
		} else if (size > 0 && !lenient) {
			warnx("%s: no checkpoint is known of this file (%s is missing), so nothing "
			      "can be "
			      "appended exactly; --mode replace, or another file",
			    path, name);
			r = CS_DATA;
		}
	} else if (size >= 0 && find(b, &text, size, crc) < 0) {
		beside_release(b); /* below 0: what it told of is gone */
		if (!lenient) {
			warnx("%s: changed by something else since cs-load wrote it (%s does not "
			      "match): nothing can be appended exactly; --mode replace, or another "
			      "file",
			    path, name);
			r = CS_DATA;
		}
	}
	b->size = size;
	b->crc = crc;
	buf_release(&text);
	free(name);
	return r;
}

void
beside_format(struct buf *out, const struct beside *b)
{
	buf_addf(
	    out, "{\"size\":%lld,\"crc\":%lld,\"stream\":", (long long)b->size, (long long)b->crc);
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
		beside_format(&text, before);
	beside_format(&text, after);
	if (file_write(name, text.p, text.len, 0600) < 0) {
		warn("%s", name);
		r = CS_IO;
	}
	buf_release(&text);
	free(name);
	return r;
}
