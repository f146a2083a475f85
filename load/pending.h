/*
 * The changes to a keyed file, kept until it is written anew: by key, in the order in which they came.
 * A private SQLite database holds them, in memory up to a limit and in a temporary file beyond it.
 */
#ifndef PENDING_H
#define PENDING_H

#include "load.h"
#include "stream.h"

struct pending;

/* One of them; record is an object, valid during the call. 0, or a CS_ status that ends the walk. */
typedef int pending_take(void *arg, enum op op, struct slice record);

/* memory: bytes before it spills. NULL after printing why. */
struct pending *pending_new(size_t memory);
void	pending_free(struct pending *c);
int	pending_add(struct pending *c, struct slice key, enum op op, struct slice record);
/* Forget what came after the mark that pending_mark() gave. */
int64_t	pending_mark(const struct pending *c);
int	pending_cut(struct pending *c, int64_t mark);
/* Are there changes of this key? Then it counts as met, and *again says whether it had been before. 1, 0, or -1 after printing. */
int	pending_meet(struct pending *c, struct slice key, bool *again);
/* Take its changes in order. */
int	pending_each(struct pending *c, struct slice key, pending_take *take, void *arg);
/*
 * The next key that has not been met, by its first change; it counts as met from then on. 1 with *key, which is valid until
 * the next call; 0 when there is none left; -1 after printing.
 */
int	pending_rest(struct pending *c, struct slice *key);

#endif
