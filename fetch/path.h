/*
 * A PATH of the command line: where in a reply something stands.
 *
 * .a.b  ."quoted key"  .["k"]  .items[]  .items[].node  are walked by the scanner, header:NAME
 * names a response header, and anything else is a jq program. Of those that only have [n] beside, the scanner
 * finds what is there, digits and all.
 */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>

#include "buf.h"
#include "cs.h"
#include "scan.h"

struct jqrun;

struct path {
	char *text;         /* as the user wrote it */
	char *header;       /* header:NAME, else NULL */
	struct slice *step; /* decoded keys; with jq, p NULL is an index, n, from the end where negative */
	int n_step;         /* all of them */
	int n_outer;        /* those before [] */
	bool iterates;      /* there is a [] */
	struct jqrun *jq;   /* when it is no simple path, else NULL */
	struct path *or;    /* where to look when it is not there; or NULL */
};

/* Compiled; owned by the caller for good. Ends the process with CS_USAGE when it is no path. */
struct path *path_new(const char *text, const char *where);
/* The first of several that is there; NULL at the end. */
struct path *path_any(const char *text, ...) __attribute__((sentinel));
/* A simple path's value is in an object: the path of a member a of it, and of that b. */
struct path *path_beside(const struct path *p, const char *a, const char *b);
/*
 * The value at steps from..to of p in the valid JSON text. 1 and *v; 0 when it is not there
 * (or something on the way is no object). Of duplicate keys the last counts.
 */
int path_walk(const struct path *p, int from, int to, const char *json, size_t n, struct value *v);
/*
 * The value at p, which must not iterate, copied to out: a string as its text, anything else as its JSON.
 * Returns its json_type, 0 when it is not there, or -1 with *err (static, or jq's) when the
 * program fails or the text cannot be said in UTF-8.
 */
int path_text(const struct path *p, const char *json, size_t n, struct buf *out, const char **err);

#endif
