/*
 * What the fuzz targets share. Each is a libFuzzer target for `make fuzz`, and with replay.c a program that
 * feeds it the files of tests/fuzz/corpus/NAME, as they are and changed a little, for `make check`.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* While fuzz_guard is set, exit(3) and errx(3) come back to fuzz_exit with the status + 1. */
extern bool fuzz_guard;
extern jmp_buf fuzz_exit;

/* What must not be. */
#define FUZZ_CHECK(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

#endif
