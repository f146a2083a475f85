#ifndef STATS_H
#define STATS_H

#include "sink.h"

/* Append {"inserted":...,"rejected":...}. */
void	counts_json(struct buf *b, const struct counts *c);
/* "3 inserted, 0 updated, ..." on stderr, for -v and --dry-run. */
void	counts_print(const struct sink *s, uint64_t checkpoints);
/* Write --stats. 0 or CS_IO. */
int	stats_write(const struct sink *s, uint64_t checkpoints, bool complete);

#endif
