/* Packed streams in pieces are what they are as a whole. The first byte is the size of the pieces. */
#include "buf.h"
#include "decode.h"
#include "fuzz.h"

#define MOST (1 << 20) /* bytes unpacked */

/* 0: whole. 1: broken. 2: too much. */
static int
unpack(struct decode *d, const char *p, size_t n, size_t step, struct buf *out)
{
	char mem[4096];
	ssize_t got = 0;

	decode_init(d, decode_kind(p, n));
	while (n > 0 && got >= 0) {
		size_t k = n < step ? n : step;

		decode_input(d, p, k);
		while ((got = decode_read(d, mem, sizeof(mem))) > 0) {
			buf_add(out, mem, (size_t)got);
			if (out->len > MOST)
				return 2;
		}
		p += k;
		n -= k;
	}
	return got < 0 || decode_end(d) < 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decode d = {.max_ratio = 250, .window_log = 20};
	struct buf whole = {0}, pieces = {0};
	const char *p = (const char *)data + 1;
	int r;

	if (size == 0)
		return 0;
	r = unpack(&d, p, size - 1, size, &whole);
	FUZZ_CHECK((r == 1) == (d.err != NULL) || r == 2);
	/* How much comes out before the damage shows is the library's affair: by pieces it may be too much first. */
	FUZZ_CHECK((unpack(&d, p, size - 1, 1 + data[0] % 32, &pieces) == 0) == (r == 0));
	if (r == 0)
		FUZZ_CHECK(pieces.len == whole.len &&
			   (whole.len == 0 || memcmp(pieces.p, whole.p, whole.len) == 0));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
