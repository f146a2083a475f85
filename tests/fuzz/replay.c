/*
 * replay [-n CHANGES] [-s SEED] FILE...: feed files to a fuzz target, each as it is and changed so many times.
 * The same seed makes the same changes.
 */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "file.h"
#include "fuzz.h"

static uint64_t state;

static uint64_t
chance(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below > 0 ? state % below : 0;
}

/* One change: a bit, a byte, a piece cut out, doubled or moved. */
static void
change(struct buf *b)
{
	size_t at = chance(b->len), n = 1 + chance(b->len - at < 16 ? b->len - at : 16);

	if (b->len == 0)
		return;
	switch (chance(5)) {
	case 0:
		b->p[at] ^= (char)(1 << chance(8));
		break;
	case 1:
		b->p[at] = (char)chance(256);
		break;
	case 2:
		b->len = at;
		break;
	case 3:
		if (at + n > b->len)
			n = b->len - at;
		memmove(b->p + at, b->p + at + n, b->len - at - n);
		b->len -= n;
		break;
	default:
		if (at + n > b->len)
			n = b->len - at;
		buf_room(b, n);
		memmove(b->p + at + n, b->p + at, b->len - at);
		b->len += n;
	}
}

int
main(int argc, char **argv)
{
	unsigned long changes = 100;
	struct buf file = {0}, b = {0};
	int c;

	state = 1;
	while ((c = getopt(argc, argv, "n:s:")) != -1)
		if (c == 'n')
			changes = strtoul(optarg, NULL, 10);
		else if (c == 's')
			state = strtoul(optarg, NULL, 10) + 1;
		else
			return 64;
	for (int i = optind; i < argc; i++) {
		buf_clear(&file);
		if (file_read(&file, argv[i]) < 0)
			err(74, "%s", argv[i]);
		for (unsigned long k = 0; k <= changes; k++) {
			buf_clear(&b);
			buf_add(&b, file.p, file.len);
			for (uint64_t n = k > 0 ? 1 + chance(4) : 0; n > 0; n--)
				change(&b);
			LLVMFuzzerTestOneInput((const uint8_t *)b.p, b.len);
		}
	}
	buf_release(&file);
	buf_release(&b);
	return 0;
}
