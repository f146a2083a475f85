/*
 * URLs as text: parameters, resolving, origins. libcurl does the parsing.
 */
#ifndef URL_H
#define URL_H

#include <stdbool.h>

#include "buf.h"

/* Append s percent-encoded, all but letters, digits and -._~ */
void url_encode(struct buf *out, const char *s);
/* Set the parameter name in url to value: in place of the first of that name, others of it go. value NULL:
 * all of them go. The fragment goes too. */
void url_set(struct buf *url, const char *name, const char *value);
/* Add it, whatever is there. */
void url_add(struct buf *url, const char *name, const char *value);
/* Has url a parameter of that name and value? */
bool url_has(const char *url, const char *name, const char *value);
/* ref as seen from base, absolute (RFC 3986 section 5); NULL when it cannot be read. To be freed. */
char *url_resolve(const char *base, const char *ref);
/* scheme://host:port, lower case, port always there; NULL when it cannot be read. To be freed. */
char *url_origin(const char *url);
/* The path as libcurl sends it: without dot segments, what is no ASCII percent-encoded. To be freed. */
char *url_path(const char *url);
/* Append s as a word of a shell command: in quotes; or only where they are needed. */
void shell_quote(struct buf *out, const char *s);
void shell_word(struct buf *out, const char *s);
bool url_is_https(const char *url);

#endif
