/*
 * A PARAM of the command line: where in the next request a value goes. NAME is a parameter of the URL,
 * header:NAME a header field, body:PATH a place in the JSON body, whose objects are made as they are needed.
 */
#ifndef PLACE_H
#define PLACE_H

#include "path.h"

struct request;

struct place {
	char *text; /* as the user wrote it; NULL: nowhere */
	enum { PLACE_QUERY, PLACE_HEADER, PLACE_BODY } kind;
	struct path *path; /* in the body */
};

/* Ends the process with CS_USAGE when it is no PARAM. */
void place_set(struct place *p, const char *text, const char *where);
/*
 * Put a value into q, in place of what is there: type says whether text is the text of a string or JSON. Of
 * an object each member goes into a parameter or field of its own, and the whole into the body.
 * Arrays go into the body only. 0, or CS_DATA after fail().
 */
int place_put(const struct place *p, struct request *q, int type, const char *text);

/* Set the value at steps[0..n) of a JSON document; -1 when something on the way is no object. */
int json_put(struct buf *doc, const struct slice *steps, int n, const char *json, size_t len);

#endif
