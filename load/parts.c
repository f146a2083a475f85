#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cs.h"
#include "parts.h"
#include "scan.h"

bool
parts_possible(void)
{
	const char *stream = getenv("CS_STREAM"), *fence = getenv("CS_FENCE");

	return stream && *stream && fence && *fence && !fence[strspn(fence, "0123456789")];
}

/* Where the ending of the name begins, that of its packing included. */
static size_t
ending(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = strlen(path), base = (size_t)(name - path);

	if (n > base + 3 && strcmp(path + n - 3, ".gz") == 0)
		n -= 3;
	else if (n > base + 4 && strcmp(path + n - 4, ".zst") == 0)
		n -= 4;
	for (size_t i = n; i > base + 1; i--)
		if (path[i - 1] == '.')
			return i - 1;
	return n;
}

char *
parts_name(const char *path, uint64_t n)
{
	size_t end = ending(path);
	struct buf b = {0};

	buf_add(&b, path, end);
	buf_addc(&b, '.');
	for (const char *p = getenv("CS_STREAM"); *p; p++)
		if (isalnum((unsigned char)*p) || strchr("-_", *p))
			buf_addc(&b, *p);
		else
			buf_addf(&b, "%%%02X", (unsigned char)*p);
	buf_addf(&b, ".%s.%llu%s", getenv("CS_FENCE"), (unsigned long long)n, path + end);
	return b.p;
}

void
parts_record(
    struct buf *b, const char *path, uint64_t n, uint64_t records, uint64_t size, uint32_t crc)
{
	const char *stream = getenv("CS_STREAM"), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	buf_adds(b, "{\"file\":");
	json_quote(b, name, strlen(name));
	buf_adds(b, ",\"stream\":");
	json_quote(b, stream, strlen(stream));
	buf_addf(b,
	    ",\"fence\":%s,\"part\":%llu,\"records\":%llu,\"bytes\":%llu,\"crc32\":\"%08x\"}\n",
	    getenv("CS_FENCE"), (unsigned long long)n, (unsigned long long)records,
	    (unsigned long long)size, crc);
}

void
parts_control(struct buf *b, const char *p, size_t n, uint64_t parts)
{
	struct value v, at = {0};
	struct scan s = {0};
	struct slice key;

	scan_init(&s, p, n);
	if (scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0)
			if (slice_is(key, "records"))
				at = v;
	scan_release(&s);
	if (at.p) {
		buf_add(b, p, (size_t)(at.p - p));
		buf_addf(b, "%llu", (unsigned long long)parts);
		buf_add(b, at.p + at.n, (size_t)(p + n - (at.p + at.n)));
	} else {
		buf_add(b, p, n);
	}
	buf_addc(b, '\n');
}
