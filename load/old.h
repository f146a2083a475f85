/*
 * The file that is appended to or merged with, as it was found: mapped, and unpacked where it is compressed.
 */
#ifndef OLD_H
#define OLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Zeroed: there is none. */
struct old {
	const char *p; /* its text, n bytes; NULL: none, or empty */
	size_t n;
	const char *raw; /* as it is on disk; p, unless it is packed */
	size_t raw_n;
	uint32_t crc; /* of that: CRC-32 */
	struct stat was; /* st_ino 0: there was none */
};

/* Read path, if it is there. What is unpacked lies in a temporary file without a name. 0, or a CS_ status after printing. */
int	old_read(struct old *f, const char *path);
void	old_release(struct old *f);
/* Is path still the file that was read? */
bool	old_same(const struct old *f, const char *path);

#endif
