/* CSV in pieces is CSV as a whole, and what it becomes is valid JSON. The first byte is the delimiter. */
#include "fuzz.h"
#include "scan.h"
#include "fetch/table.h"

/* All rows, in pieces of step bytes, as NDJSON; whether they are all right. */
static bool
read_all(const char *p, size_t n, size_t step, char delimiter, struct buf *out)
{
	struct table t = {.csv = {.delimiter = delimiter, .max = 1 << 16}};
	const char *why = NULL;
	struct buf rows = {0};

	table_reset(&t);
	while (n > 0 && why == NULL) {
		size_t k = n < step ? n : step;

		n -= k;
		do {
			buf_clear(&rows); /* full, it would take no more */
			why = table_feed(&t, &p, &k, &rows);
			buf_add(out, rows.p != NULL ? rows.p : "", rows.len);
		} while (why == NULL && k > 0);
	}
	if (why == NULL)
		why = table_end(&t, out);
	buf_release(&rows);
	table_release(&t);
	return why == NULL;
}

static void
check_lines(const struct buf *out)
{
	const char *nl, *err;
	struct value v;

	for (size_t at = 0; at < out->len; at = (size_t)(nl - out->p) + 1) {
		struct buf b = {0};

		nl = memchr(out->p + at, '\n', out->len - at);
		if (nl == NULL)
			break;
		buf_add(&b, out->p + at, (size_t)(nl - out->p) - at);
		/* Bytes that are no UTF-8 are the splitter's affair. */
		if (utf8_valid(b.p, b.len))
			FUZZ_CHECK(scan_text(b.p, b.len, &v, &err) == 0 && v.type == JSON_OBJECT);
		buf_release(&b);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = {0}, pieces = {0};
	bool ok;

	if (size == 0 || strchr("\"\r\n", data[0]) != NULL)
		return 0;
	ok = read_all((const char *)data + 1, size - 1, size, (char)data[0], &whole);
	for (size_t step = 1; step < 4; step++) {
		buf_clear(&pieces);
		FUZZ_CHECK(
		    read_all((const char *)data + 1, size - 1, step, (char)data[0], &pieces) == ok);
		if (ok)
			FUZZ_CHECK(pieces.len == whole.len &&
				   (whole.len == 0 || memcmp(pieces.p, whole.p, whole.len) == 0));
	}
	check_lines(&whole);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
