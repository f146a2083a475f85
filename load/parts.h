/*
 * --parts: what each commit brings is a file of its own. The next in the pipe gets a record that names the file, where the
 * records were, and the control lines behind it: a cs-load that lists the file in the transaction with the checkpoint, if
 * its run is still the newest of the stream. Files that are not listed were never acknowledged.
 */
#ifndef PARTS_H
#define PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* The environment has what their names are made of. */
bool	parts_possible(void);
/* The name of part n of this run: DIR/NAME.EXT becomes DIR/NAME.STREAM.FENCE.n.EXT. To be freed. */
char	*parts_name(const char *path, uint64_t n);
/* Append the record that names a part, newline included. */
void	parts_record(struct buf *b, const char *path, uint64_t n, uint64_t records, uint64_t size, uint32_t crc);
/* Append a control line, newline included, that counts the parts where it counted records. */
void	parts_control(struct buf *b, const char *p, size_t n, uint64_t parts);

#endif
