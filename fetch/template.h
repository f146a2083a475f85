/*
 * Settings with {field} in them, of a record to come: the URL, values of the query, header fields, strings of a JSON body.
 */
#ifndef TEMPLATE_H
#define TEMPLATE_H

#include "opts.h"

struct template {
	size_t n_field;
	bool in_header; /* a field is */

	/* private */
	struct opts *o;
	char *url, *data; /* of the settings, as they were written; data: NULL unless it is JSON */
	size_t data_len;
	struct list query, header;
	struct field {
		char *name;
		struct path *path;
		struct buf text; /* the record's value */
		int type;
	} * field;
};

/* The same for one record. */
struct filled {
	struct list query, header;
	char *url, *data;
	size_t data_len;
};

/* Note what o has, which it has no more until it is closed. */
void template_open(struct template *t, struct opts *o);
void template_close(struct template *t);
/* Take the values of a record, and make an id of them. NULL, or why they are no use, which *what has. */
const char *template_read(
    struct template *t, struct slice record, struct buf *id, const char **what);
/* Put them in. */
void template_fill(const struct template *t, struct filled *f);
void filled_release(struct filled *f);
/* o asks with them, until f is released. */
void filled_lend(const struct filled *f, struct opts *o);
/* The value of a path in a record. NULL, or why there is none; *type 0 if it is not there, -1 if it is no text. */
const char *field_value(const struct path *path, struct slice record, struct buf *text, int *type);

#endif
