/*
 * Records as JSON objects: their key, and one changed by the members of another.
 */
#ifndef MERGE_H
#define MERGE_H

#include "load.h"
#include "scan.h"

struct merge {
	struct scan scan;
	struct buf names, mem; /* decoded names of the change; text that is compared */
	struct member {
		size_t name, len; /* in names */
		struct value v;
		bool used; /* the old record has it */
	} *v;
	size_t n, cap;
	size_t *sorted, n_sorted; /* of many members, by name */
	struct value *found;	  /* of key_read() */
};

void	merge_release(struct merge *m);
/*
 * Append to out the object old with the values of change, which comes last where old has no such member. Both are
 * valid; old's bytes stay as they are. Did anything change?
 */
enum {
	MERGE_TEXT = 1, /* it is going to be text, so 1 and "1" are one value, and null is what is not there */
	MERGE_WHOLE = 2 /* what change has not is gone */
};
bool	merge(struct merge *m, struct buf *out, struct slice old, struct slice change, int how);
/*
 * The key of a record, appended to out: the text of its columns, each behind its length where there are several.
 * Numbers and strings of one text are one key. 0, or -1 with why, when the object is not valid JSON (why begins with it), or lacks
 * a column, or has null, an array or an object there.
 */
int	key_read(struct merge *m, struct buf *out, const struct names *key, struct slice record,
	    struct buf *why);
/* One more of n columns. */
void	key_add(struct buf *out, size_t columns, struct slice text);

#endif
