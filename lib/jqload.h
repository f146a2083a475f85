/*
 * libjq, loaded when the first program is compiled: whoever uses none neither maps nor starts it.
 *
 * jqload.c has a function of the same name and type for each one of libjq that is used, so that code
 * includes jv.h and jq.h and calls them as if it were linked with libjq. One that is missing there is an undefined
 * reference at build time. Calling any before jqload() gave 0 ends in a crash.
 */
#ifndef JQLOAD_H
#define JQLOAD_H

/* 0, also when it is loaded already; -1 with *err the reason (static). */
int	jqload(const char **err);

#endif
