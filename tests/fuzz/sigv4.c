/* A URL as a server may name it, signed: the same each time, in lines that hold no control character. */
#include "fuzz.h"
#include "buf.h"
#include "fetch/sigv4.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char key[] = "key", region[] = "r", s3[] = "s3", es[] = "es";
	struct opts o = {.user = key, .password.value = key, .sigv4_region = region};
	struct buf url = {0}, lines[2] = {{0}, {0}};
	struct list none = {0};
	struct sigv4 q = {.method = "GET", .header = &none};

	buf_adds(&url, "http://h");
	for (size_t i = 0; i < size; i++)
		if (data[i] > ' ' && data[i] != 0x7f) /* others are refused before */
			buf_addc(&url, (char)data[i]);
	q.url = url.p;
	o.sigv4_service = size % 2 ? s3 : es;
	for (int i = 0; i < 2; i++)
		sigv4_sign(&lines[i], &q, &o, 1440938160);
	FUZZ_CHECK(strcmp(lines[0].p, lines[1].p) == 0);
	FUZZ_CHECK(strlen(lines[0].p) == lines[0].len);
	for (const char *c = lines[0].p; *c != '\0'; c++)
		FUZZ_CHECK((unsigned char)*c >= ' ' || *c == '\n');
	buf_release(&url);
	buf_release(&lines[0]);
	buf_release(&lines[1]);
	return 0;
}
