/* Two cursors, a line each, of all types: what is less is not also more, and a time is written as the same time. */
#include "buf.h"
#include "fuzz.h"
#include "fetch/mark.h"

static void
compare(const struct opts *o, const char *p, const char *nl, const char *end)
{
	struct mark a = {0}, b = {0}, c = {0};

	buf_adds(&a.text, "");
	buf_adds(&b.text, "");
	buf_add(&a.text, p, nl - p);
	buf_add(&b.text, nl + 1, end - nl - 1);
	if (mark_parse(o, &a) && mark_parse(o, &b)) {
		FUZZ_CHECK((mark_cmp(o, &a, &b) < 0) == (mark_cmp(o, &b, &a) > 0));
		FUZZ_CHECK(mark_cmp(o, &a, &a) == 0);
		mark_copy(&c, &a);
		FUZZ_CHECK(mark_cmp(o, &a, &c) == 0);
		if (o->cursor_type == CURSOR_TIME && a.time.frac.n < 60) {
			mark_set_time(o, &c, &a.time);
			FUZZ_CHECK(mark_cmp(o, &a, &c) == 0);
		}
	}
	buf_release(&a.text);
	buf_release(&b.text);
	buf_release(&c.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"rfc3339", "epoch", "epoch-ms"};
	const char *p = (const char *)data, *nl = memchr(p, '\n', size);
	struct opts o = {0};

	if (nl == NULL || memchr(p, '\0', size) != NULL)
		return 0;
	for (size_t i = 0; i < 3; i++) {
		char *format = xstrdup(formats[i]);

		o.param_format = format;
		for (o.cursor_type = CURSOR_TIME; o.cursor_type <= CURSOR_TEXT; o.cursor_type++)
			compare(&o, p, nl, p + size);
		free(format);
	}
	return 0;
}
