/*
 * Is a file where SQLite can lock and sync it? On network file systems locks are kept by one machine only, or lie, and a
 * database there is damaged sooner or later (sqlite.org/howtocorrupt.html, 2.1).
 */
#ifndef PLACE_H
#define PLACE_H

/* Of the file, or of its directory while there is none: the name of a network's file system, or NULL. */
const char *place_network(const char *path);

#endif
