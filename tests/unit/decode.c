/*
 * lib/decode for the tests: decode gzip|zstd N [RATIO]
 *
 * Unpacks stdin to stdout, in pieces of N bytes in and out. Exit 0, or 65 with the error on stdout's end.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cs.h"
#include "decode.h"

int
main(int argc, char **argv)
{
	static char in[1 << 16], out[1 << 16];
	struct decode d = {0};
	size_t piece = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, n;
	ssize_t got = 0;

	if (piece == 0 || piece > sizeof(in))
		errx(CS_USAGE, "usage: decode gzip|zstd N [RATIO]");
	d.max_ratio = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	decode_init(&d, strcmp(argv[1], "gzip") == 0 ? DECODE_GZIP : DECODE_ZSTD);
	while (got >= 0 && (n = fread(in, 1, piece, stdin)) > 0) {
		decode_input(&d, in, n);
		while ((got = decode_read(&d, out, piece)) > 0)
			fwrite(out, 1, got, stdout);
	}
	if (got == 0)
		decode_end(&d);
	if (d.err != NULL)
		puts(d.err);
	decode_release(&d);
	return d.err != NULL ? CS_DATA : 0;
}
