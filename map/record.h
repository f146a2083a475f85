/*
 * A line with a record through --where, --filter and the rules: lines with records, or none.
 *
 * Programs and rules may run in different processes: what the programs say of a line is a verdict, which
 * the rules go on from.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

#include "jqrun.h"
#include "mapper.h"
#include "opts.h"
#include "stream.h"
#include "where.h"

struct records {
	struct buf out; /* the lines a line became, newlines included */
	uint64_t n;	/* how many those are */
	struct buf err; /* why records_map() failed: one line of UTF-8 */
	struct schema *schema; /* what went through, for --schema-out, or NULL */
	/* private */
	struct where *condition;      /* --where, if it takes no jq, or NULL */
	struct jqrun *where, *filter; /* NULL without a program */
	bool mapping;		      /* there are rules */
	const char **table;	      /* the names of those that rows may go to */
	struct mapper mapper;
	struct scan scan;
	bool tagged;
	struct tag tag;
	struct buf value, text; /* a tagged record without its tag; before its tag is put back */
	const char *record;	/* what the programs see now */
	struct buf results;
	uint32_t nresults;
	bool same; /* the last result is the record itself */
};

/* A program that does not compile ends the process with CS_USAGE. r must not move afterwards. */
void	records_init(struct records *r, const struct opts *o);
void	records_release(struct records *r);
/* Are there programs? Then lines go to records_judge() first, and its verdict to records_follow(). */
bool	records_judged(const struct records *r);
/* A line that is no control line, followed by BUF_PAD bytes, through the rules. 0, or -1 with r->err. */
int	records_map(struct records *r, const char *p, size_t n);
/* Append, as a JSON string, what the rules call the column that a record's member key becomes; key itself where
 * they cannot tell. */
void	records_name(struct records *r, struct slice key, struct buf *out);
/*
 * Append the verdict of the programs on such a line: VERDICT_KEEP (as it is), VERDICT_DROP,
 * VERDICT_BAD and a text (why), or VERDICT_RESULTS, their number and as many texts. A text is its length and
 * its bytes, numbers are uint32_t.
 */
enum { VERDICT_KEEP = 'k', VERDICT_DROP = 'd', VERDICT_BAD = 'b', VERDICT_RESULTS = 'r' };
void	records_judge(struct records *r, const char *p, size_t n, struct buf *verdict);
/* The line and the verdict at *v, which is moved behind it, through the rules. 0, or -1 with r->err. */
int	records_follow(struct records *r, const char *p, size_t n, const char **v);

#endif
