/*
 * SHA-256 of values, by libcrypto, which is loaded when it is first asked for.
 */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>

#define HASH_HEX 64 /* bytes of a hash in hexadecimal digits */

/* HMAC with this key from now on, which is copied; NULL: none. Ends the process with CS_USAGE when there is no libcrypto. */
void	hash_start(const char *key);
/* Of p[0..n), in lower case, without a NUL. */
void	hash_hex(char out[HASH_HEX], const void *p, size_t n);

#endif
