/*
 * The checkpoint of a file, kept beside it in FILE.cs-state, so that appending is exact:
 * a file has no transaction for rows and checkpoint.
 *
 * Two lines: {"size":N,"crc":C,"stream":S,"state":...} of the file as it is, and as it
 * will be after the rename that follows. The one whose size and CRC-32 the file has is true,
 * whichever of the two renames a crash came between; of two that are alike (nothing was
 * appended), the second.
 */
#ifndef BESIDE_H
#define BESIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct beside {
	int64_t size;	   /* bytes; -1: there is no file */
	int64_t crc;	   /* of them; -1: not told, as in what older versions wrote */
	struct buf stream; /* decoded */
	struct buf state;  /* compact JSON; empty: none */
};

/*
 * What is true of the file of b->size and b->crc. 0 with state empty when nothing is known of a file
 * that does not exist. CS_DATA after printing when the file was changed by somebody else; lenient: that is 0, with state empty.
 */
int	beside_read(struct beside *b, const char *path, bool lenient);
/* Store both lines; before may be NULL. 0 or CS_IO after printing. */
int	beside_write(const char *path, const struct beside *before, const struct beside *after);
/* Append b as such a line. */
void	beside_format(struct buf *out, const struct beside *b);
void	beside_release(struct beside *b);

#endif
