/* The Link header field, RFC 8288. */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>

#include "cs.h"

/*
 * The target of the first link in one field value whose relations include rel, as it stands
 * (relative perhaps). A link with an anchor speaks of another page and is passed over.
 * False: there is none, or the field is broken before one was met.
 */
bool link_find(const char *field, const char *rel, struct slice *target);

#endif
