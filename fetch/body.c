#include "body.h"

#include <err.h>
#include <string.h>
#include <strings.h>

#include "cs.h"

#define RATIO      250         /* no honest page is smaller than a 250th when packed ... */
#define RATIO_FREE (64u << 20) /* ... or it does not matter: bytes */

int
body_begin(struct body *b, const char *coding)
{
	b->gzip = b->ended = b->final = false;
	b->err = NULL;
	b->in = b->out = 0;
	if (coding == NULL || *coding == '\0' || strcasecmp(coding, "identity") == 0)
		return 0;
	if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0) {
		b->err = "the server sent a content encoding other than gzip";
		b->final = true;
		return -1;
	}
	b->gzip = true;
	if (b->open)
		return inflateReset(&b->z) == Z_OK ? 0 : -1;
	b->z = (z_stream){0};
	if (inflateInit2(&b->z, 16 + MAX_WBITS) != Z_OK)
		errx(CS_IO, "out of memory");
	b->open = true;
	return 0;
}

/* One call of inflate and what it gave. */
static int
inflate_some(struct body *b)
{
	char out[64 << 10];
	size_t n;
	int r;

	b->z.next_out = (unsigned char *)out;
	b->z.avail_out = sizeof(out);
	r = inflate(&b->z, Z_NO_FLUSH);
	n = sizeof(out) - b->z.avail_out;
	b->out += n;
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		b->err = "the gzip data is damaged";
	else if (b->out > RATIO_FREE && b->out / RATIO > b->in) {
		b->err = "the gzip data grows more than 250 times";
		b->final = true;
	}
	if (b->err != NULL)
		return -1;
	b->ended = r == Z_STREAM_END;
	return n > 0 ? b->sink(b->arg, out, n) : 0;
}

int
body_feed(struct body *b, const char *p, size_t n)
{
	int r = 0;

	b->in += n;
	if (!b->gzip) {
		b->out += n;
		return b->sink(b->arg, p, n);
	}
	b->z.next_in = (unsigned char *)(uintptr_t)p;
	b->z.avail_in = n;
	while (r == 0) {
		if (b->ended) {
			if (b->z.avail_in == 0)
				break;
			if (inflateReset(&b->z) != Z_OK) /* the next member */
				return -1;
			b->ended = false;
		}
		r = inflate_some(b);
		if (!b->ended && b->z.avail_in == 0 && b->z.avail_out > 0)
			break;
	}
	return r;
}

int
body_end(struct body *b)
{
	if (!b->gzip || b->ended)
		return 0;
	b->err = "the gzip data ends early";
	return -1;
}

void
body_release(struct body *b)
{
	if (b->open)
		inflateEnd(&b->z);
	b->open = false;
}
