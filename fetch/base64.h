/* Base 64 (RFC 4648): what basic authentication sends, and what the mask looks for. */
#ifndef BASE64_H
#define BASE64_H

#include "buf.h"

void base64(struct buf *out, const void *p, size_t n);

#endif
