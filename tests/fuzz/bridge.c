/* Messages of a tap or source, a line each, after a byte that says which: what becomes of them are lines of the wire, and
 * these become messages again. */
#include "map/bridge.h"
#include "messages.h"

static void
check_json(const char *p, size_t n)
{
	struct value v;
	const char *why;

	FUZZ_CHECK(scan_text(p, n, &v, &why) == 0 && v.type == JSON_OBJECT);
}

/* A line that the bridge gave. */
static void
check_line(const char *p, size_t n, struct export e[2])
{
	struct control c;
	struct tag t = {0};
	struct scan s = {0};
	const char *why;

	check_json(p, n);
	switch (line_kind(p, n)) {
	case LINE_CONTROL:
		FUZZ_CHECK(control_parse(&c, p, n, &why) == 0);
		for (int i = 0; i < 2; i++)
			export_control(&e[i], &c);
		control_release(&c);
		break;
	case LINE_TAGGED:
		/* A table's name may be one that no text can say. */
		if (tag_parse(&t, &s, p, n) == 0)
			check_export(e, p, n);
		break;
	default:
		FUZZ_CHECK(false);
	}
	tag_release(&t);
	scan_release(&s);
	check_messages(&e[0]);
	check_messages(&e[1]);
}

static void
check_out(struct bridge *b, struct export e[2])
{
	struct buf copy = {0};
	const char *p, *end, *nl;

	buf_add(&copy, b->out.p, b->out.len);
	for (p = copy.p, end = p + copy.len; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		FUZZ_CHECK(nl);
		check_line(p, (size_t)(nl - p), e);
	}
	buf_release(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bridge b = {.quiet = true};
	struct export e[2] = {{.to = DIALECT_SINGER}, {.to = DIALECT_AIRBYTE}};
	struct buf in = {0};
	const char *p, *end, *nl;

	if (size == 0)
		return 0;
	b.from = data[0] % 2 ? DIALECT_SINGER : DIALECT_AIRBYTE;
	b.bare = data[0] & 2;
	buf_add(&in, data + 1, size - 1);
	buf_addc(&in, '\n');
	bridge_init(&b);
	for (p = in.p, end = p + in.len; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == p)
			continue;
		if (bridge_line(&b, p, (size_t)(nl - p)) == 0)
			check_out(&b, e);
		else
			FUZZ_CHECK(b.err.len > 0 && utf8_valid(b.err.p, b.err.len));
	}
	bridge_end(&b);
	check_out(&b, e);
	bridge_release(&b);
	export_release(&e[0]);
	export_release(&e[1]);
	buf_release(&in);
	return 0;
}
