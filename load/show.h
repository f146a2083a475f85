/*
 * Text from elsewhere, as a message shows it: on a terminal it must do nothing but stand there.
 */
#ifndef SHOW_H
#define SHOW_H

#include "cs.h"

#define SHOWN_MAX 60 /* bytes of a name or a value; a message of SQLite holds several */

/* Control characters as \xNN, at most max bytes of it. Good until the fourth call from here. */
const char *shown_cut(struct slice s, size_t max);
/* The same of a string, SHOWN_MAX bytes. */
const char *shown(const char *s);

#endif
