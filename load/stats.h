#ifndef STATS_H
#define STATS_H

#include "sink.h"

/* Append {"inserted":...,"rejected":...}. */
void	counts_json(struct buf *b, const struct counts *c);
/* "3 inserted, 0 updated, ..." on stderr, for -v, --dry-run and terminals: what took so many ms. */
void	counts_print(const struct sink *s, uint64_t checkpoints, uint64_t ms);
/* Write --stats. 0 or CS_IO. */
int	stats_write(const struct sink *s, uint64_t checkpoints, bool complete);

#endif
