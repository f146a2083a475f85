#include "decode.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "buf.h"
#include "cs.h"

#define APART      4           /* bytes of a zstd frame that come by themselves */
#define RATIO_FREE (64u << 20) /* bytes; what grows no further harms nobody */

static void
begin_gzip(struct decode *d)
{
	z_stream *z = d->z;

	if (z != NULL) {
		inflateReset(z);
		return;
	}
	d->z = z = xcalloc(1, sizeof(*z));
	if (inflateInit2(z, 16 + MAX_WBITS) != Z_OK)
		errx(CS_IO, "out of memory");
}

static void
begin_zstd(struct decode *d)
{
	if (d->z == NULL && (d->z = ZSTD_createDCtx()) == NULL)
		errx(CS_IO, "out of memory");
	ZSTD_DCtx_reset(d->z, ZSTD_reset_session_only);
	ZSTD_DCtx_setParameter(
	    d->z, ZSTD_d_windowLogMax, d->window_log > 0 ? (int)d->window_log : 27);
}

void
decode_init(struct decode *d, enum decode_kind kind)
{
	if (d->z != NULL && d->kind != (int)kind)
		decode_release(d);
	d->kind = kind;
	d->err = NULL;
	d->excess = false;
	d->whole = kind == DECODE_PLAIN;
	d->p = NULL;
	d->n = 0;
	d->in = d->out = d->frame = d->n_head = 0;
	if (kind == DECODE_GZIP)
		begin_gzip(d);
	else if (kind == DECODE_ZSTD)
		begin_zstd(d);
}

void
decode_release(struct decode *d)
{
	if (d->z != NULL && d->kind == DECODE_GZIP) {
		inflateEnd(d->z);
		free(d->z);
	} else if (d->z != NULL)
		ZSTD_freeDCtx(d->z);
	d->z = NULL;
}

void
decode_input(struct decode *d, const char *p, size_t n)
{
	d->p = p;
	d->n = n;
	d->in += n;
}

static ssize_t
fault(struct decode *d, const char *err)
{
	d->err = err;
	return -1;
}

static ssize_t
plain(struct decode *d, char *out, size_t size)
{
	size_t n = d->n < size ? d->n : size;

	if (n > 0)
		memcpy(out, d->p, n);
	d->p += n;
	d->n -= n;
	return n;
}

static ssize_t
gunzip(struct decode *d, char *out, size_t size)
{
	z_stream *z = d->z;
	int r;

	if (d->whole && d->n == 0)
		return 0;
	if (d->whole) /* the next member */
		inflateReset(z);
	if (size > UINT32_MAX)
		size = UINT32_MAX;
	z->next_in = (unsigned char *)(uintptr_t)d->p;
	z->avail_in = d->n < UINT32_MAX ? d->n : UINT32_MAX;
	z->next_out = (unsigned char *)out;
	z->avail_out = size;
	r = inflate(z, Z_NO_FLUSH);
	d->n -= (const char *)z->next_in - d->p;
	d->p = (const char *)z->next_in;
	if (r == Z_MEM_ERROR)
		errx(CS_IO, "out of memory");
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return fault(d, "the gzip data is damaged");
	d->whole = r == Z_STREAM_END;
	return size - z->avail_out;
}

/* A frame is over. libzstd does not compare where its last block is empty. */
static bool
right_size(const struct decode *d)
{
	unsigned long long n = ZSTD_getFrameContentSize(d->head, d->n_head);

	return n == ZSTD_CONTENTSIZE_UNKNOWN || n == d->frame;
}

static ssize_t
unzstd(struct decode *d, char *out, size_t size)
{
	ZSTD_inBuffer i = {d->p, d->n, 0};
	ZSTD_outBuffer o = {out, size, 0};
	size_t r;

	if (d->whole && d->n == 0)
		return 0;
	if (d->whole) /* the next frame */
		d->n_head = d->frame = 0;
	/* A small frame that it has as a whole libzstd decodes by other rules, without a limit for the window, say. */
	if (d->n_head < APART && i.size > APART - d->n_head)
		i.size = APART - d->n_head;
	r = ZSTD_decompressStream(d->z, &o, &i);
	for (size_t k = 0; k < i.pos && d->n_head < sizeof(d->head);)
		d->head[d->n_head++] = d->p[k++];
	d->p += i.pos;
	d->n -= i.pos;
	d->frame += o.pos;
	if (ZSTD_isError(r))
		return fault(d, "the zstd data is damaged, or its window too large");
	d->whole = r == 0;
	if (d->whole && !right_size(d))
		return fault(d, "the zstd data is not as much as it says");
	return o.pos;
}

ssize_t
decode_read(struct decode *d, char *out, size_t size)
{
	ssize_t n;

	do {
		if (d->kind == DECODE_PLAIN)
			n = plain(d, out, size);
		else
			n = d->kind == DECODE_GZIP ? gunzip(d, out, size) : unzstd(d, out, size);
	} while (n == 0 && d->n > 0);
	if (n > 0)
		d->out += n;
	if (d->max_ratio > 0 && d->out > RATIO_FREE && d->out / d->max_ratio > d->in) {
		d->excess = true;
		return fault(d, "the packed data grows out of all proportion");
	}
	return n;
}

int
decode_end(struct decode *d)
{
	if (d->whole)
		return 0;
	fault(d, d->kind == DECODE_GZIP ? "the gzip data ends early" : "the zstd data ends early");
	return -1;
}

enum decode_kind
decode_kind(const char *p, size_t n)
{
	if (n >= 2 && memcmp(p, "\x1f\x8b", 2) == 0)
		return DECODE_GZIP;
	return n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ? DECODE_ZSTD : DECODE_PLAIN;
}
