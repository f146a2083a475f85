/*
 * Whole files: read under a ceiling, replace atomically.
 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

/* Append a whole file; "-" is stdin. 0, or -1 with errno (EFBIG when it fills b->max). */
int	file_read(struct buf *b, const char *path);

/* From now on a write beyond ulimit -f fails with EFBIG; it would end the process. Children do not inherit it. */
void	file_limit_fails(void);

/* The descriptor that /dev/stdout, /dev/stderr or /dev/fd/N names; -1: path is another. */
int	file_descriptor(const char *path);

/*
 * A file that replaces another at once or not at all: written to a temporary
 * name in the same directory, checked, synced, renamed, the directory synced.
 */
struct replace {
	int fd; /* to write to; -1 when not open */
	char *path, *tmp;
	mode_t mode; /* of the new file, less the umask; an existing file's mode is kept */
};

/* 0, or -1 with errno. The temporary file is gone after replace_abort, also when the process
 * ends by exit(3) in between. Symbolic links are followed: the file they name is replaced. What is
 * no regular file (a device, a pipe), and what file_descriptor() knows, is written to as it stands:
 * then tmp is NULL. */
int	replace_open(struct replace *r, const char *path, mode_t mode);
int	replace_commit(struct replace *r);
void	replace_abort(struct replace *r);
/* Make a rename in the directory of path durable. 0, or -1 with errno. */
int	file_sync_directory(const char *path);
/* A new file without a name, in $TMPDIR or /tmp. Its descriptor, or -1 with errno. */
int	file_temporary(void);
/* Write n bytes over path that way. */
int	file_write(const char *path, const void *p, size_t n, mode_t mode);

#endif
