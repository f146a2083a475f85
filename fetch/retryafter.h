/* The Retry-After header field, RFC 9110 section 10.2.3. */
#ifndef RETRYAFTER_H
#define RETRYAFTER_H

#include <stdint.h>

/*
 * Milliseconds to wait. value: seconds, or a date in any of its three forms, taken relative to date, the
 * response's own Date field (NULL or unreadable: our clock). A moment in the past is 0.
 * -1: not to be used.
 */
int64_t retry_after(const char *value, const char *date);
/* An HTTP date as seconds since 1970, or -1. Strict: what RFC 9110 says and nothing else. */
int64_t http_date(const char *s);

#endif
