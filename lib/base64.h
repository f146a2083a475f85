/* Base 64 with padding (RFC 4648, 4), appended to out. */
#ifndef BASE64_H
#define BASE64_H

#include "buf.h"

void base64(struct buf *out, const void *p, size_t n);

#endif
