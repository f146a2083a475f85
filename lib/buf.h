/*
 * A growing byte buffer with a ceiling.
 *
 * Zeroed is empty and valid (ceiling: none). p is owned by the buffer and moves
 * when it grows; it is NUL-terminated after every buf_ call and followed by
 * BUF_PAD readable bytes, so that the scanner may read past the end.
 * Running out of memory ends the process with CS_IO: state is only ever
 * committed whole, so that loses nothing.
 */
#ifndef BUF_H
#define BUF_H

#include <stddef.h>

#define BUF_PAD 64

struct buf {
	char *p;
	size_t len; /* bytes in use */
	size_t cap; /* bytes that fit, BUF_PAD not counted */
	size_t max; /* ceiling for len in bytes; 0: none */
};

/* All return 0, or -1 when the ceiling is reached (the buffer is then unchanged). */
int	buf_add(struct buf *b, const void *p, size_t n);
int	buf_adds(struct buf *b, const char *s);
int	buf_addc(struct buf *b, char c);
int	buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Make room for n more bytes at b->p + b->len; the caller adds to b->len. */
int	buf_room(struct buf *b, size_t n);

void	buf_clear(struct buf *b);	/* keeps the memory */
void	buf_release(struct buf *b);	/* frees it; ready for use again */
char	*buf_steal(struct buf *b);	/* the NUL-terminated bytes, now the caller's to free() */

/* malloc(3) and friends that end the process with CS_IO instead of failing. */
void	*xmalloc(size_t n);
void	*xcalloc(size_t n, size_t size);
void	*xrealloc(void *p, size_t n);
void	*xreallocarray(void *p, size_t n, size_t size);
char	*xstrdup(const char *s);
char	*xstrndup(const char *s, size_t n);
char	*xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
