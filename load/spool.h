/*
 * The lines since the last checkpoint, in a temporary file that has no name:
 * a transaction is opened only once they are all there, so that nobody waits for input
 * with the database locked. Small batches never leave the buffer of the file cache.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stdint.h>

#include "lines.h"

struct spool {
	int fd;		 /* -1 until it is needed */
	struct out out;
	struct lines in;
	uint64_t first;	 /* number of the input line that is line 2 here; 0: empty */
	uint64_t next;	 /* number of the next input line to be added */
	size_t max;	 /* longest line */
};

void	spool_init(struct spool *s, size_t max);
/* Add line number lineno. 0, or CS_IO after printing why. */
int	spool_add(struct spool *s, uint64_t lineno, const char *p, size_t n);
/* Read it back from the start: 0 or CS_IO; then as lines_next() with *lineno the input's. */
int	spool_rewind(struct spool *s);
int	spool_next(struct spool *s, const char **p, size_t *n, uint64_t *lineno);
/* Forget all lines. 0 or CS_IO. */
int	spool_clear(struct spool *s);
void	spool_release(struct spool *s);

#endif
