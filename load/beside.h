/*
 * The checkpoint of a file, kept beside it in FILE.cs-state, so that appending is exact:
 * a file has no transaction for rows and checkpoint.
 *
 * Two lines: {"size":N,"stream":S,"state":...} of the file as it is, and as it
 * will be after the rename that follows. The one whose size the file has is true,
 * whichever of the two renames a crash came between; of two with one size (nothing was
 * appended), the second.
 */
#ifndef BESIDE_H
#define BESIDE_H

#include <stdint.h>

#include "buf.h"

struct beside {
	int64_t size;
	struct buf stream; /* decoded */
	struct buf state;  /* compact JSON; empty: none */
};

/*
 * What is true of the file of that size (-1: it does not exist). 0 with state empty
 * when nothing is known of a file that does not exist; CS_DATA after printing when the file was changed by somebody else.
 */
int	beside_read(struct beside *b, const char *path, int64_t size);
/* Store both lines; before may be NULL. 0 or CS_IO after printing. */
int	beside_write(const char *path, const struct beside *before, const struct beside *after);
void	beside_release(struct beside *b);

#endif
