/* Quota fields, a line each: "Name: value". The first byte says what a Reset is. */
#include <strings.h>

#include "buf.h"
#include "fuzz.h"
#include "fetch/quota.h"

#define FAR (INT64_C(365) * 86400000)

static const char *
field(void *arg, const char *name, size_t i)
{
	const char *line = arg;
	static char value[4096];
	size_t n = strlen(name), len;

	for (; *line != '\0'; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (len > n && line[n] == ':' && strncasecmp(line, name, n) == 0 && i-- == 0) {
			len -= n + 1;
			if (len >= sizeof(value))
				len = sizeof(value) - 1;
			memcpy(value, line + n + 1, len);
			value[len] = '\0';
			return value;
		}
	}
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	struct quota q;

	if (size == 0)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	quota_read(&q, data[0] % 5, field, text);
	FUZZ_CHECK(q.limit >= -1 && q.left >= -1 && q.reset >= -1 && q.reset <= FAR);
	q.reset = quota_reset(text, data[0] % 5, NULL);
	FUZZ_CHECK(q.reset >= -1 && q.reset <= FAR);
	free(text);
	return 0;
}
