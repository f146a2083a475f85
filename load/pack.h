/*
 * Output to a file, compressed if the ending of its name says so, with the size and CRC-32 of what gets there.
 */
#ifndef PACK_H
#define PACK_H

#include "lines.h"

enum packing { PLAIN, GZIP, ZSTD };

struct pack {
	struct out out; /* write here */
	uint64_t size;  /* bytes in the file so far; all of them after pack_close() */
	uint32_t crc;   /* of them */
	/* private */
	enum packing how;
	void *state; /* z_stream or ZSTD_CCtx */
	char *mem;
};

/* By name: .gz, .zst, or neither. */
enum packing packing_of(const char *path);
/* Write to fd, which stays the caller's, from where it stands. */
void	pack_open(struct pack *p, int fd, enum packing how);
/* Bytes that are packed already, before anything goes to out. */
void	pack_raw(struct pack *p, const void *data, size_t n);
/* Write what is left and let go of the memory. 0, or -1 with errno. May be called again, or on a zeroed struct. */
int	pack_close(struct pack *p);

#endif
