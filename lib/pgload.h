/*
 * libpq, loaded when a PostgreSQL server is named: whoever names none neither maps nor starts it.
 *
 * pgload.c has a function of the same name and type for each one of libpq that is used, so that code includes
 * libpq-fe.h and calls them as if it were linked with libpq. Calling any before pgload() gave 0 ends in a crash.
 */
#ifndef PGLOAD_H
#define PGLOAD_H

/* 0, also when it is loaded already; -1 with *err the reason (static). */
int	pgload(const char **err);

#endif
