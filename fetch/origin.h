/*
 * Where requests may go. A server names the next URL, by a link or a redirect; credentials of
 * any kind stay with the origin (scheme, host, port) that the user named.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include <stdbool.h>
#include <sys/socket.h>

#include "opts.h"

/*
 * May url be asked for, and is it foreign: allowed by --allow-host, but to be asked
 * without credentials? from: the URL of the reply that named it. 0, or CS_PROTOCOL after fail() has named both.
 */
int origin_check(const struct opts *o, const char *from, const char *url, bool *foreign);

#define ORIGIN_ADDRESS 64 /* bytes of an address as text, in brackets if it is of IPv6 */
/*
 * Is a, to which a foreign URL's name has led, an address of this machine or of a network of its own, which nobody
 * allowed by itself? port: the URL's; what is for another is for a proxy, who looks names up for itself. *address then is a as text.
 */
bool origin_bars(
    const struct opts *o, const struct sockaddr *a, const char *port, char *address);

#endif
