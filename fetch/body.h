/*
 * Content coding: the bytes of a body as they were before gzip or zstd. A file that is served as it is, with no word of its
 * coding, is known by what it begins with, as no text begins.
 *
 * Our own, because libcurl takes a gzip body that was cut for a whole one and refuses one of several members.
 */
#ifndef BODY_H
#define BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "decode.h"

/* What a sink, which has taken its bytes, says. */
enum sink { SINK_ON, SINK_STOP, SINK_FULL /* no more for now */ };

struct body {
	int (*sink)(void *arg, const char *p, size_t n); /* an enum sink, which stops */
	void *arg;
	bool packed;      /* it has an end mark of its own */
	const char *err;  /* static; set when body_feed() or body_end() failed by itself */
	bool final;       /* and will again */
	uint64_t in, out; /* bytes so far */
	struct decode decode;
	struct buf held; /* input that waits */
	bool known;	 /* packed is */
	char first[4];	 /* else what it may begin with */
	size_t n_first;
};

/* What body_begin() knows, for Accept-Encoding. */
#define BODY_CODINGS "gzip, zstd"

/* coding: the Content-Encoding, or NULL. -1 with b->err when we did not ask for that. */
int body_begin(struct body *b, const char *coding);
/* 0, what the sink returned, or -1 with b->err. After SINK_FULL go on with body_more(). */
int body_feed(struct body *b, const char *p, size_t n);
int body_more(struct body *b);
/* Nothing follows: 0, or -1 with b->err when the packed stream is not whole. */
int body_end(struct body *b);
void body_release(struct body *b);

#endif
