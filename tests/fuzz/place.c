/* A body, a place in it and a value, a line each: the value is there then, and all of it is JSON. */
#include "buf.h"
#include "fuzz.h"
#include "scan.h"
#include "fetch/place.h"

/* The next line, followed by what the scanner wants. */
static bool
line(const uint8_t **p, const uint8_t *end, struct buf *out)
{
	const uint8_t *nl = memchr(*p, '\n', end - *p);

	if (nl == NULL)
		return false;
	buf_adds(out, "");
	buf_add(out, *p, nl - *p);
	*p = nl + 1;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *p = data, *end = data + size;
	struct buf doc = {0}, key = {0}, value = {0};
	struct value v;
	const char *err;

	if (line(&p, end, &doc) && line(&p, end, &key) && line(&p, end, &value) &&
	    scan_text(doc.p, doc.len, &v, &err) == 0 &&
	    scan_text(value.p, value.len, &v, &err) == 0 && utf8_valid(key.p, key.len)) {
		struct slice step[2] = {
		    {key.p, key.len / 2}, {key.p + key.len / 2, key.len - key.len / 2}};
		struct path path = {.step = step, .n_step = 2};
		bool halves = utf8_valid(step[0].p, step[0].n) && utf8_valid(step[1].p, step[1].n);

		if (halves && json_put(&doc, step, 2, value.p, value.len) == 0) {
			FUZZ_CHECK(scan_text(doc.p, doc.len, &v, &err) == 0);
			FUZZ_CHECK(path_walk(&path, 0, 2, doc.p, doc.len, &v) == 1);
			buf_clear(&key);
			json_compact(&key, value.p, value.len);
			buf_clear(&value);
			json_compact(&value, v.p, v.n);
			FUZZ_CHECK(key.len == value.len && memcmp(key.p, value.p, key.len) == 0);
		}
	}
	buf_release(&doc);
	buf_release(&key);
	buf_release(&value);
	return 0;
}
