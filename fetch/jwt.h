/* JSON Web Tokens (RFC 7519), signed as RFC 7518 says. */
#ifndef JWT_H
#define JWT_H

#include <stdint.h>

#include "opts.h"

/*
 * Append one, made of o's claims; iat is now (seconds since 1970, the server's clock as far as known), exp follows
 * from o->jwt_expires, and aud is audience where that is not NULL; claims of the user's of those names stay.
 * 0, or CS_AUTH or CS_USAGE after fail(): the key is none for this algorithm.
 */
int jwt_make(struct buf *out, struct opts *o, const char *audience, int64_t now);

#endif
