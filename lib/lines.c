#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"

#define IO_SIZE   (256u << 10) /* bytes a read or write */
#define PIPE_SIZE (1 << 20)    /* doubles a pipeline's throughput over the default 64 KiB */

static void
widen(int fd)
{
#ifdef F_SETPIPE_SZ
	struct stat st;

	/* May fail where the user's share of pipe memory is spent: then it stays narrow. */
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fcntl(fd, F_GETPIPE_SZ) < PIPE_SIZE)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
#else
	(void)fd;
#endif
}

void
lines_open(struct lines *l, int fd, const char *name, size_t max)
{
	memset(l, 0, sizeof *l);
	l->fd = fd;
	l->name = name;
	l->max = max ? max : LINES_MAX_RECORD;
	l->cap = IO_SIZE;
	l->mem = xmalloc(l->cap + BUF_PAD);
	memset(l->mem + l->cap, 0, BUF_PAD);
	widen(fd);
}

void
lines_close(struct lines *l)
{
	free(l->mem);
	l->mem = NULL;
}

/* Read more behind l->end. 1, 0 at the end of input, or a LINES_ status. */
static int
fill(struct lines *l)
{
	ssize_t r;

	if (l->beg && (l->cap - l->end < IO_SIZE / 4 || l->beg == l->end)) {
		memmove(l->mem, l->mem + l->beg, l->end - l->beg);
		l->end -= l->beg;
		l->seen -= l->beg;
		l->beg = 0;
	}
	if (l->end == l->cap) {
		l->cap *= 2;
		l->mem = xrealloc(l->mem, l->cap + BUF_PAD);
		memset(l->mem + l->end, 0, l->cap + BUF_PAD - l->end);
	}
	if (l->idle) {
		struct pollfd pfd = {.fd = l->fd, .events = POLLIN};

		if (poll(&pfd, 1, 0) == 0 && l->idle(l->arg))
			return LINES_STOP;
	}
	do
		r = read(l->fd, l->mem + l->end, l->cap - l->end);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return LINES_ERROR;
	l->end += (size_t)r;
	return r > 0;
}

/* Drop the rest of a line that is too long. */
static int
skip_line(struct lines *l)
{
	for (;;) {
		char *nl = memchr(l->mem + l->beg, '\n', l->end - l->beg);
		int r;

		if (nl) {
			l->beg = (size_t)(nl - l->mem) + 1;
			break;
		}
		l->beg = l->seen = l->end;
		r = fill(l);
		if (r < 0)
			return r;
		if (r == 0) {
			l->eof = 1;
			break;
		}
	}
	l->seen = l->beg;
	return LINES_TOOLONG;
}

/* The next line, blank or not, without its newline. */
static int
line(struct lines *l, const char **p, size_t *n)
{
	char *nl;
	int r;

	for (;;) {
		nl = memchr(l->mem + l->seen, '\n', l->end - l->seen);
		if (nl)
			break;
		l->seen = l->end;
		if (l->end - l->beg > l->max + 1) {
			l->lineno++;
			return skip_line(l);
		}
		if (l->eof)
			return LINES_EOF;
		r = fill(l);
		if (r < 0)
			return r;
		if (r == 0) {
			l->eof = 1;
			if (l->beg == l->end)
				return LINES_EOF;
			l->mem[l->end++] = '\n'; /* fill left room, or BUF_PAD has it */
		}
	}
	l->lineno++;
	*p = l->mem + l->beg;
	*n = (size_t)(nl - *p);
	l->beg = l->seen = (size_t)(nl - l->mem) + 1;
	if (*n && (*p)[*n - 1] == '\r')
		--*n;
	return *n > l->max ? LINES_TOOLONG : LINES_OK;
}

static bool
blank(const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++, n--;
	return n == 0;
}

int
lines_next(struct lines *l, const char **p, size_t *n)
{
	int r;

	do {
		r = line(l, p, n);
		if (r != LINES_OK)
			return r;
		if (l->lineno == 1 && *n >= 3 && memcmp(*p, "\xef\xbb\xbf", 3) == 0) {
			*p += 3;
			*n -= 3;
			if (*n == 0)
				return LINES_OK; /* a mark alone is no empty input */
		}
	} while (blank(*p, *n));
	return LINES_OK;
}

int
write_all(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n) {
		ssize_t r = write(fd, c, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			poll(&pfd, 1, -1);
			continue;
		}
		if (r < 0)
			return -1;
		c += r;
		n -= (size_t)r;
	}
	return 0;
}

void
out_open(struct out *o, int fd)
{
	memset(o, 0, sizeof *o);
	o->fd = fd;
	o->mem = xmalloc(IO_SIZE);
	widen(fd);
}

static void
put(struct out *o, const void *p, size_t n)
{
	if (!o->error && (o->write ? o->write(o->arg, p, n) : write_all(o->fd, p, n)) < 0)
		o->error = errno;
}

void
out_write(struct out *o, const void *p, size_t n)
{
	if (n == 0) /* p may be NULL */
		return;
	o->bytes += n;
	if (o->len + n > IO_SIZE) {
		put(o, o->mem, o->len);
		o->len = 0;
		if (n >= IO_SIZE) {
			put(o, p, n);
			return;
		}
	}
	memcpy(o->mem + o->len, p, n);
	o->len += n;
}

void
out_line(struct out *o, const void *p, size_t n)
{
	out_write(o, p, n);
	out_write(o, "\n", 1);
}

int
out_flush(struct out *o)
{
	put(o, o->mem, o->len);
	o->len = 0;
	errno = o->error;
	return o->error ? -1 : 0;
}

int
out_close(struct out *o)
{
	int r = out_flush(o);

	free(o->mem);
	o->mem = NULL;
	/* NFS and quotas report at close. A descriptor that never was open has already failed above, if it was used. */
	if (close(o->fd) < 0 && r == 0 && errno != EINTR && (errno != EBADF || o->bytes))
		r = -1;
	return r;
}
