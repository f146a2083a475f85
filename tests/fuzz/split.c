/*
 * A page in pieces is the page as a whole, and its records are valid JSON. The first byte says what it is: the
 * root array, .data, .a.b, .data[].node, NDJSON, CSV; the second how large the pieces are.
 */
#include "fuzz.h"
#include "scan.h"
#include "fetch/split.h"

static int
read_page(struct split *s, const char *p, size_t n, size_t step)
{
	int r = SPLIT_OK;

	split_reset(s);
	for (; n > 0 && r == SPLIT_OK; n -= step, p += step) {
		if (step > n)
			step = n;
		r = split_feed(s, p, step);
	}
	return r == SPLIT_OK ? split_end(s) : r;
}

static void
check_records(const struct split *s)
{
	const char *line = s->page.len > 0 ? s->page.p : "", *end = line + s->page.len, *nl, *err;
	uint64_t n = 0;
	struct value v;

	for (; line < end; line = nl + 1, n++) {
		struct buf b = {0};

		nl = memchr(line, '\n', (size_t)(end - line));
		FUZZ_CHECK(nl != NULL);
		buf_add(&b, line, (size_t)(nl - line));
		FUZZ_CHECK(scan_text(b.p, b.len, &v, &err) == 0 && v.type == JSON_OBJECT);
		FUZZ_CHECK(!(v.flags & VALUE_WS));
		buf_release(&b);
	}
	FUZZ_CHECK(n == s->n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = {".data", ".a.b", ".data[].node"};
	static struct path *path[3];
	struct split whole = {.max_record = 1 << 16, .max_page = 1 << 18}, pieces;
	const char *p = (const char *)data + 2;
	int kind, r;

	if (size < 2)
		return 0;
	for (int i = 0; i < 3 && path[2] == NULL; i++)
		path[i] = path_new(texts[i], "--records");
	kind = data[0] % 6;
	if (kind > 0 && kind < 4)
		whole.records = path[kind - 1];
	whole.ndjson = kind >= 4;
	whole.tabular = kind == 5;
	pieces = whole;
	r = read_page(&whole, p, size - 2, size);
	FUZZ_CHECK(read_page(&pieces, p, size - 2, 1 + data[1] % 64) == r);
	if (r == SPLIT_OK) {
		FUZZ_CHECK(
		    pieces.n == whole.n && pieces.page.len == whole.page.len &&
		    (whole.n == 0 || memcmp(pieces.page.p, whole.page.p, whole.page.len) == 0));
		FUZZ_CHECK(pieces.envelope.len == whole.envelope.len);
		check_records(&whole);
	}
	split_release(&whole);
	split_release(&pieces);
	return 0;
}
