/*
 * A JSON text to libjq's values and back: what is written is JSON, and stays what it is the second time; so with what
 * is computed with its numbers, where sums and differences take each other back.
 */
#include <string.h>

#include "fuzz.h"
#include "lib/jqjson.h"
#include "lib/jqload.h"
#include "lib/jqsum.h"

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

static void
check_number(struct jqjson *j, double d)
{
	struct buf text = {0};
	struct value v;
	const char *why;

	if (jqjson_write(j, &text, jv_number(d)) == 0) {
		buf_addc(&text, '\n');
		FUZZ_CHECK(scan_text(text.p, text.len - 1, &v, &why) == 0);
	}
	buf_clear(&text);
	if (jqjson_text(j, &text, jv_number(d)) > 0) {
		buf_addc(&text, '\n');
		FUZZ_CHECK(scan_text(text.p, text.len - 1, &v, &why) == 0);
	}
	buf_release(&text);
}

static void
compute(struct jqjson *j, double a, double b)
{
	static const char ops[] = "+-*/%<>lg=!";
	double d, back;
	bool less, greater, same;

	for (const char *op = ops; op < ops + 5; op++)
		if (jqsum(&j->nums, *op, a, b, &d) == JQSUM_OK)
			check_number(j, d);
	for (const char *how = "FCTREAN"; *how; how++)
		if (jqsum_round(&j->nums, *how, a, &d) == JQSUM_OK)
			check_number(j, d);
	if (jqsum_compare(&j->nums, '<', a, b, &less) == JQSUM_OK &&
	    jqsum_compare(&j->nums, '>', a, b, &greater) == JQSUM_OK &&
	    jqsum_compare(&j->nums, '=', a, b, &same) == JQSUM_OK)
		FUZZ_CHECK(less + greater + same == 1);
	if (jqsum_long(&j->nums, a) && jqsum(&j->nums, '+', a, b, &d) == JQSUM_OK &&
	    jqsum_long(&j->nums, d) && jqsum(&j->nums, '-', d, b, &back) == JQSUM_OK &&
	    jqsum_compare(&j->nums, '=', a, back, &same) == JQSUM_OK)
		FUZZ_CHECK(same);
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
		for (int as = JQNUMS_NEAREST; as <= JQNUMS_BELOW; as++) {
			FUZZ_CHECK(jqjson_again(&j, (enum jqnums_as)as, &x) == 0);
			buf_clear(&twice);
			if (jqjson_write(&j, &twice, x) == 0)
				FUZZ_CHECK(scan_text(twice.p, twice.len, &v, &why) == 0);
			else
				FUZZ_CHECK(as != JQNUMS_APART);
			for (size_t i = 0; !j.ambiguous && !j.common && i < j.nums.n && i < 3; i++)
				for (size_t k = 0; k < j.nums.n && k < 3; k++)
					compute(&j, j.nums.v[i].d, j.nums.v[k].d);
		}
	}
	buf_release(&in);
	buf_release(&once);
	buf_release(&twice);
	return 0;
}
