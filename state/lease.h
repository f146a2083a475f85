/*
 * The right to run a stream: a flock(2) on the stream's lock file. It ends with the process,
 * however that ends, and a command that is executed does not inherit it.
 */
#ifndef LEASE_H
#define LEASE_H

#include "store.h"

/*
 * Take it, waiting at most so many ms. CS_OK with *fd to close(2) when done; CS_LATER when another
 * has it, CS_IO: both after a message.
 */
int	lease_take(int *fd, struct store *s, const char *stream, uint64_t wait);
/* Has a process got it now? Says no where that cannot be found out. */
bool	lease_held(struct store *s, const char *stream);

#endif
