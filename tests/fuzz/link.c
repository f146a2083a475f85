/* A Link field: what is found lies within it. */
#include "buf.h"
#include "fuzz.h"
#include "fetch/link.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct slice target;

	if (link_find(text, "next", &target))
		FUZZ_CHECK(target.p >= text && target.p + target.n <= text + strlen(text));
	free(text);
	return 0;
}
