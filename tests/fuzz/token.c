/* What a token endpoint answers: a token that can be sent, or a reason without a control character and without the answer. */
#include "fuzz.h"
#include "buf.h"
#include "fetch/token.h"
#include "scan.h"

static void
check_sendable(const char *s)
{
	FUZZ_CHECK(*s != '\0');
	for (; *s != '\0'; s++)
		FUZZ_CHECK((unsigned char)*s >= ' ' && *s != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf json = {0}, error = {0}, why = {0};
	struct token t = {.obtained = 1000000};
	bool usual = size > 0 && data[0] % 2 == 0;

	buf_adds(&error, "");
	buf_adds(&json, "");
	buf_add(&json, data, size);
	if (token_parse(&t, json.p, json.len, usual, &error, &why) == 0) {
		check_sendable(t.access);
		if (t.refresh != NULL)
			check_sendable(t.refresh);
		FUZZ_CHECK(t.expires == 0 || t.expires > t.obtained);
		FUZZ_CHECK(!token_over(&t, t.obtained) && !token_due(&t, t.obtained));
		FUZZ_CHECK(token_over(&t, t.obtained - 100));
		FUZZ_CHECK(
		    t.expires == 0 || (token_due(&t, t.expires) && token_over(&t, t.expires)));
	} else {
		FUZZ_CHECK(t.access == NULL && t.refresh == NULL);
		FUZZ_CHECK(why.len > 0 && why.len <= 200 && error.len <= 64);
	}
	token_release(&t);
	buf_release(&json);
	buf_release(&error);
	buf_release(&why);
	return 0;
}
