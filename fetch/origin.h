/*
 * Where requests may go. A server names the next URL, by a link or a redirect; credentials of
 * any kind stay with the origin (scheme, host, port) that the user named.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>

#include "opts.h"

/*
 * May url be asked for, and is it foreign: allowed by --allow-host, but to be asked
 * without credentials? from: the URL of the reply that named it. 0, or CS_PROTOCOL after fail() has named both.
 */
int origin_check(const struct opts *o, const char *from, const char *url, bool *foreign);

#endif
