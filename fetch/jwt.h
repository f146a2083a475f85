/* JSON Web Tokens (RFC 7519), signed as RFC 7518 says. */
#ifndef JWT_H
#define JWT_H

#include <stdint.h>

#include "opts.h"

/*
 * Append one, made of o's claims; iat is now (seconds since 1970, the server's clock as far as known), exp follows
 * from o->jwt_expires, and aud is audience where that is not NULL; with a client it is one that names that by iss and sub, and
 * itself by jti (RFC 7523 section 3). Claims of the user's of those names stay.
 * 0, or CS_AUTH or CS_USAGE after fail(): the key is none for this algorithm.
 */
int jwt_make(struct buf *out, struct opts *o, const char *audience, const char *client, int64_t now);

#endif
