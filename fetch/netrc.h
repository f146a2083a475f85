/* The user's .netrc: names and passwords by host. */
#ifndef NETRC_H
#define NETRC_H

#include <stddef.h>

/*
 * Find machine host (or default) in a file's text. 1 and user and password, which are to be freed with secret_free();
 * 0: not there; -1: the text is no .netrc.
 */
int netrc_find(const char *p, size_t n, const char *host, char **user, char **password);

#endif
