/*
 * Packed streams, unpacked in pieces of any size: gzip (RFC 1952, any number of members) and zstd (RFC
 * 8878, any number of frames).
 *
 * Strict: a stream that ends early, a checksum that does not match and anything behind the last
 * member are errors. Memory is the format's window.
 */
#ifndef DECODE_H
#define DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum decode_kind { DECODE_PLAIN, DECODE_GZIP, DECODE_ZSTD };

struct decode {
	/* settings, 0: no limit */
	uint64_t max_ratio;   /* out / in, once there are 64 MiB */
	unsigned window_log;  /* zstd: largest window, as a power of 2; 0: 27 (128 MiB) */

	const char *err;  /* static: why the last call failed ... */
	bool excess;      /* ... which was by a limit */
	const char *p;    /* input that is left */
	size_t n;
	uint64_t in, out; /* bytes so far */

	/* private */
	int kind;
	bool whole; /* nothing begun is unfinished */
	void *z;
	char head[18];          /* zstd: what the frame begins with, its header at most ... */
	size_t n_head;
	uint64_t frame;         /* ... and the bytes that came out of it */
};

/* Begin, or begin anew (memory is kept). The settings are in place, all else was zeroed once. */
void	decode_init(struct decode *d, enum decode_kind kind);
/* More input, which must stay until it is used up; only when d->n is 0. */
void	decode_input(struct decode *d, const char *p, size_t n);
/* Up to size bytes into out: how many, 0 when more input is needed, or -1 with d->err. */
ssize_t	decode_read(struct decode *d, char *out, size_t size);
/* No input follows: 0, or -1 with d->err when the stream is not whole. An empty one is not. */
int	decode_end(struct decode *d);
void	decode_release(struct decode *d);
/* What the first bytes of a file say it is; 4 bytes tell. */
enum decode_kind decode_kind(const char *p, size_t n);

#endif
