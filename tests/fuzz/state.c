/* A state: what is understood is written so that it is understood again, as the same. */
#include "buf.h"
#include "fuzz.h"
#include "fetch/state.h"

static void
again(const struct state *s)
{
	struct buf first = {0}, second = {0};
	struct state copy;

	state_format(s, &first);
	FUZZ_CHECK(state_parse(&copy, first.p, first.len) == 0);
	state_format(&copy, &second);
	FUZZ_CHECK(first.len == second.len && memcmp(first.p, second.p, first.len) == 0);
	state_forget(&copy);
	state_release(&copy);
	buf_release(&first);
	buf_release(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s;

	if (state_parse(&s, (const char *)data, size) == 0)
		again(&s);
	state_release(&s);
	return 0;
}
