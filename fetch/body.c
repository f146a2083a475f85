#include "body.h"

#include <strings.h>

#include "cs.h"

#define RATIO  250 /* no honest page is smaller than a 250th when packed */
#define WINDOW 23  /* 8 MiB, what RFC 9659 allows a server */

static void
unpack(struct body *b, enum decode_kind kind)
{
	b->known = true;
	b->packed = kind != DECODE_PLAIN;
	if (!b->packed)
		return;
	b->decode.max_ratio = RATIO;
	b->decode.window_log = WINDOW;
	decode_init(&b->decode, kind);
}

int
body_begin(struct body *b, const char *coding)
{
	enum decode_kind kind;

	b->packed = b->final = b->known = false;
	b->err = NULL;
	b->in = b->out = b->n_first = 0;
	if (coding == NULL || *coding == '\0' || strcasecmp(coding, "identity") == 0)
		return 0;
	if (strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0)
		kind = DECODE_GZIP;
	else if (strcasecmp(coding, "zstd") == 0)
		kind = DECODE_ZSTD;
	else {
		b->err = "the server sent a content encoding other than gzip and zstd";
		b->final = true;
		return -1;
	}
	unpack(b, kind);
	return 0;
}

/* The input stays where it is only during body_feed(). */
static void
hold(struct body *b)
{
	struct decode *d = &b->decode;

	if (d->n == 0 || d->p == b->held.p)
		return;
	buf_clear(&b->held);
	buf_add(&b->held, d->p, d->n);
	d->p = b->held.p;
}

int
body_more(struct body *b)
{
	char out[64 << 10];
	ssize_t got;
	int r = SINK_ON;

	if (!b->packed)
		return SINK_ON;
	while (r == SINK_ON && (got = decode_read(&b->decode, out, sizeof(out))) != 0) {
		if (got < 0) {
			b->err = b->decode.err;
			b->final = b->decode.excess;
			return -1;
		}
		b->out += got;
		r = b->sink(b->arg, out, got);
	}
	return r;
}

static int
feed(struct body *b, const char *p, size_t n)
{
	int r;

	if (!b->packed) {
		b->out += n;
		return b->sink(b->arg, p, n);
	}
	decode_input(&b->decode, p, n);
	r = body_more(b);
	if (r == SINK_FULL)
		hold(b);
	return r;
}

/* Is the one byte that came first that of a packed file, so that the next ones tell? */
static bool
may_be_packed(char first)
{
	return first == '\x1f' || first == '\x28';
}

int
body_feed(struct body *b, const char *p, size_t n)
{
	int r = SINK_ON;

	b->in += n;
	if (b->known)
		return feed(b, p, n);
	while (n > 0 && b->n_first < sizeof(b->first) &&
	       may_be_packed(b->n_first > 0 ? *b->first : *p)) {
		b->first[b->n_first++] = *p++;
		n--;
	}
	if (n == 0 && b->n_first < sizeof(b->first))
		return SINK_ON;
	unpack(b, decode_kind(b->first, b->n_first));
	if (b->n_first > 0)
		r = feed(b, b->first, b->n_first);
	return n > 0 && (r == SINK_ON || r == SINK_FULL) ? feed(b, p, n) : r;
}

int
body_end(struct body *b)
{
	if (!b->known && b->n_first > 0) {
		unpack(b, decode_kind(b->first, b->n_first));
		feed(b, b->first, b->n_first);
	}
	if (!b->packed || decode_end(&b->decode) == 0)
		return 0;
	b->err = b->decode.err;
	return -1;
}

void
body_release(struct body *b)
{
	decode_release(&b->decode);
	buf_release(&b->held);
}
