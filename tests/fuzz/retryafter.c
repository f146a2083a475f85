/* Retry-After, and the Date it is relative to, on a line each: a wait, or not to be used. */
#include "buf.h"
#include "fuzz.h"
#include "fetch/retryafter.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *date = strchr(text, '\n');
	int64_t wait;

	if (date != NULL)
		*date++ = '\0';
	wait = retry_after(text, date);
	FUZZ_CHECK(wait >= -1 && wait <= INT64_C(1000) * 365 * 86400 * 1000);
	wait = http_date(text);
	FUZZ_CHECK(
	    wait >= INT64_C(-2208988800) && wait <= INT64_C(253402300800)); /* 1900 to 9999 */
	free(text);
	return 0;
}
