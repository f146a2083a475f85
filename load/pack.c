#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "pack.h"

#define ROOM (256u << 10) /* bytes of packed output at a time */

enum packing
packing_of(const char *path)
{
	size_t n = strlen(path);

	if (n > 3 && !strcmp(path + n - 3, ".gz"))
		return GZIP;
	return n > 4 && !strcmp(path + n - 4, ".zst") ? ZSTD : PLAIN;
}

static int
to_file(struct pack *p, const void *data, size_t n)
{
	if (write_all(p->out.fd, data, n) < 0)
		return -1;
	p->size += n;
	p->crc = (uint32_t)crc32_z(p->crc, data, n);
	return 0;
}

static int
to_gzip(struct pack *p, const void *data, size_t n, int flush)
{
	z_stream *z = p->state;
	int r;

	z->next_in = (void *)(uintptr_t)data; /* zlib does not write there */
	z->avail_in = (uInt)n;
	do {
		z->next_out = (void *)p->mem;
		z->avail_out = ROOM;
		r = deflate(z, flush);
		if (to_file(p, p->mem, ROOM - z->avail_out) < 0)
			return -1;
	} while (z->avail_out == 0 || (flush == Z_FINISH && r == Z_OK));
	return 0;
}

static int
to_zstd(struct pack *p, const void *data, size_t n, ZSTD_EndDirective flush)
{
	ZSTD_inBuffer in = {data, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {p->mem, ROOM, 0};

		left = ZSTD_compressStream2(p->state, &out, &in, flush);
		if (ZSTD_isError(left)) {
			errno = ENOMEM; /* nothing else is left to go wrong */
			return -1;
		}
		if (to_file(p, p->mem, out.pos) < 0)
			return -1;
	} while (in.pos < in.size || (flush == ZSTD_e_end && left > 0));
	return 0;
}

static int
on_write(void *arg, const void *data, size_t n)
{
	struct pack *p = arg;
	const char *c = data;

	switch (p->how) {
	case GZIP:
		for (size_t part; n > 0; c += part, n -= part) { /* avail_in has 32 bits */
			part = n < 1u << 30 ? n : 1u << 30;
			if (to_gzip(p, c, part, Z_NO_FLUSH) < 0)
				return -1;
		}
		return 0;
	case ZSTD:
		return to_zstd(p, data, n, ZSTD_e_continue);
	default:
		return to_file(p, data, n);
	}
}

void
pack_open(struct pack *p, int fd, enum packing how)
{
	memset(p, 0, sizeof *p);
	out_open(&p->out, fd);
	p->out.write = on_write;
	p->out.arg = p;
	p->how = how;
	if (how == PLAIN)
		return;
	p->mem = xmalloc(ROOM);
	if (how == GZIP) {
		p->state = xcalloc(1, sizeof(z_stream));
		/* 15 + 16: the largest window, and gzip's frame around it */
		if (deflateInit2(p->state, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			Z_DEFAULT_STRATEGY) != Z_OK)
			p->out.error = ENOMEM;
	} else {
		p->state = ZSTD_createCCtx();
		if (!p->state)
			p->out.error = ENOMEM;
		else
			ZSTD_CCtx_setParameter(p->state, ZSTD_c_checksumFlag, 1);
	}
}

void
pack_raw(struct pack *p, const void *data, size_t n)
{
	if (!p->out.error && to_file(p, data, n) < 0)
		p->out.error = errno;
}

int
pack_close(struct pack *p)
{
	int r, save;

	if (!p->out.mem)
		return 0;
	r = out_flush(&p->out);
	if (r == 0 && p->how == GZIP)
		r = to_gzip(p, "", 0, Z_FINISH);
	else if (r == 0 && p->how == ZSTD)
		r = to_zstd(p, "", 0, ZSTD_e_end);
	save = errno;
	if (p->how == GZIP) {
		deflateEnd(p->state);
		free(p->state);
	} else if (p->how == ZSTD) {
		ZSTD_freeCCtx(p->state);
	}
	free(p->mem);
	free(p->out.mem);
	p->out.mem = p->mem = NULL;
	errno = save;
	return r;
}
