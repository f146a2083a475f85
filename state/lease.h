/*
 * The right to run a stream, which one process has at a time.
 *
 * Of a store on this machine it is a flock(2) on the stream's lock file: it ends with the process, however that ends, and
 * a command that is executed does not inherit it. Of a store that many machines share it is a row: whoever holds it renews
 * it, or else it runs out by the store's clock and another may take it over. Its token grows with every holder,
 * so that one who sleeps through the end of his lease is known by it.
 */
#ifndef LEASE_H
#define LEASE_H

#include "store.h"

#define LEASE_TTL 60000 /* ms */

struct lease {
	int64_t token; /* of a row; 0: it is a lock */
	int64_t until; /* a row's end as it was last renewed, by when_up() */
	int64_t ttl;   /* ms from one renewal to the end */
	/* private */
	struct store *store; /* NULL: not held */
	const char *stream;
	int fd;
};

/*
 * Take it, waiting at most so many ms. CS_OK with l to release when done; CS_LATER when another has it or any other status: all
 * after a message, and there is nothing to release. stream is kept. A zeroed l may be released.
 */
int	lease_take(struct lease *l, struct store *s, const char *stream, uint64_t wait, uint64_t ttl);
/* Renew a row. CS_OK; CS_LATER: not now, with nothing printed; CS_FENCED: another has it, after a message. */
int	lease_renew(struct lease *l);
void	lease_release(struct lease *l);
/* Has a process got it now? Says no where that cannot be found out. */
bool	lease_held(struct store *s, const char *stream);

#endif
