/*
 * A line with a record through --where, --filter and the rules: lines with records, or none.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

#include "jqrun.h"
#include "mapper.h"
#include "opts.h"
#include "stream.h"

struct records {
	struct buf out; /* the lines a line became, newlines included */
	uint64_t n;	/* how many those are */
	struct buf err; /* why records_map() failed: one line of UTF-8 */
	struct schema *schema; /* what went through, for --schema-out, or NULL */
	/* private */
	struct jqrun *where, *filter; /* NULL without a program */
	bool mapping;		      /* there are rules */
	const char **table;	      /* the names of those that rows may go to */
	struct mapper mapper;
	struct scan scan;
	bool tagged, failed;
	struct tag tag;
	struct buf value, text; /* a tagged record without its tag; before its tag is put back */
};

/* A program that does not compile ends the process with CS_USAGE. r must not move afterwards. */
void	records_init(struct records *r, const struct opts *o);
void	records_release(struct records *r);
/* A line that is no control line, followed by BUF_PAD bytes. 0, or -1 with r->err. */
int	records_map(struct records *r, const char *p, size_t n);

#endif
