/*
 * What an unknown reply looks like: where its records are, what leads to the next page, what tells records
 * apart and when they changed. For --detect: guesses, for people to look at.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include <stdbool.h>

#include "buf.h"
#include "scan.h"

/* A value outside of the records. */
struct hint {
	char *path;         /* jq's */
	const char *name;   /* the last step of it, in path */
	struct slice raw;   /* JSON, of the text that was read */
	int type;           /* enum json_type */
};

struct shape_field {
	char *name;
	bool unique;        /* has another value in each record, and is never null */
	bool time;          /* is always a time */
};

struct shape {
	char *records;      /* path of the array, "" the root; NULL: there is none */
	size_t n;           /* records in it */
	bool objects;       /* all of them are */
	struct hint *hint;
	size_t n_hint;
	struct shape_field *field; /* of the first record */
	size_t n_field;
};

/* Look at a JSON text, valid and kept by the caller. s is initialised here. */
void shape_read(struct shape *s, const char *p, size_t n);
void shape_release(struct shape *s);
/* The first hint whose name is in names (NULL-terminated, the best first) and whose type is in types, a set of 1 << type. */
const struct hint *shape_hint(const struct shape *s, const char *const *names, unsigned types);

#endif
