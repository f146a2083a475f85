/* A JSON text to libjq's values and back: what is written is JSON, and stays what it is the second time. */
#include "fuzz.h"
#include "lib/jqjson.h"
#include "lib/jqload.h"

/* Read the text and write it again into out. 0, or -1: one of both failed. */
static int
round_trip(struct jqjson *j, const struct buf *in, struct buf *out)
{
	jv v;

	buf_clear(out);
	if (jqjson_read(j, in->p, in->len, &v) < 0)
		return -1;
	return jqjson_write(j, out, v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jqjson j; /* keys stay from text to text */
	struct buf in = {0}, once = {0}, twice = {0};
	struct value v;
	const char *why;
	jv x;

	FUZZ_CHECK(jqload(&why) == 0);
	buf_add(&in, data, size);
	buf_addc(&in, '\n');
	in.len--;
	if (round_trip(&j, &in, &once) == 0) {
		FUZZ_CHECK(scan_text(in.p, in.len, &v, &why) == 0);
		FUZZ_CHECK(scan_text(once.p, once.len, &v, &why) == 0);
		FUZZ_CHECK(round_trip(&j, &once, &twice) == 0);
		FUZZ_CHECK(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
	}
	if (jqjson_read(&j, in.p, in.len, &x) == 0) {
		jv_free(x);
		for (int as = JQNUMS_NEAREST; as <= JQNUMS_TEXT; as++) {
			FUZZ_CHECK(jqjson_again(&j, (enum jqnums_as)as, &x) == 0);
			buf_clear(&twice);
			if (jqjson_write(&j, &twice, x) == 0)
				FUZZ_CHECK(scan_text(twice.p, twice.len, &v, &why) == 0);
			else
				FUZZ_CHECK(as != JQNUMS_APART);
			if (as == JQNUMS_APART)
				(void)jqjson_same(&j, &once, &twice);
		}
	}
	buf_release(&in);
	buf_release(&once);
	buf_release(&twice);
	return 0;
}
