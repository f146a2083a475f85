#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20) /* bytes; doubles a pipeline's throughput over the default 64 KiB */
#define LITTLE    4096      /* bytes; what a pipe that poll(2) calls writable takes at least */

/*
 * O_NONBLOCK belongs to the open file, which others may share; so the pipe is opened once more for
 * ourselves. Where that cannot be done, as with terminals and sockets, we write little.
 */
void
output_open(struct output *o, int fd)
{
	struct stat st;
	char path[32];
	int own = -1;

	*o = (struct output){.fd = fd, .writer = fd};
	/* Neither files nor /dev/null make anybody wait. */
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd)))
		return;
	o->may_block = true;
	if (!S_ISFIFO(st.st_mode))
		return;
#ifdef F_SETPIPE_SZ
	/* May fail where the user's share of pipe memory is spent: then it stays narrow. */
	if (fcntl(fd, F_GETPIPE_SZ) < PIPE_SIZE)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
#endif
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (own >= 0) {
		o->writer = own;
		o->may_block = false;
	}
}

bool
output_pending(const struct output *o)
{
	return o->error == 0 && o->kept.len > o->at;
}

void
output_add(struct output *o, const char *p, size_t n)
{
	if (o->error == 0 && n > 0)
		buf_add(&o->kept, p, n);
}

static bool
ready(const struct output *o)
{
	struct pollfd p = {.fd = o->writer, .events = POLLOUT};

	return !o->may_block || poll(&p, 1, 0) > 0;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Bytes written, 0: it would have to wait, -1. */
static ssize_t
write_some(struct output *o, const char *p, size_t n)
{
	size_t most = o->may_block ? LITTLE : SIZE_MAX, kept = least(o->kept.len - o->at, most);
	struct iovec v[2] = {{kept > 0 ? o->kept.p + o->at : NULL, kept},
	    {(void *)(uintptr_t)p, least(n, most - kept)}};
	ssize_t r;

	if (!ready(o))
		return 0;
	r = kept > 0 ? writev(o->writer, v, 2) : write(o->writer, p, v[1].iov_len);
	if (r >= 0)
		return r;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return 0;
	o->error = errno;
	return -1;
}

bool
output_write(struct output *o, const char **p, size_t *n)
{
	size_t kept;
	ssize_t r;

	while (o->error == 0 && (output_pending(o) || *n > 0)) {
		if ((r = write_some(o, *p, *n)) == 0)
			return false;
		if (r < 0)
			break;
		kept = least(r, o->kept.len - o->at);
		o->at += kept;
		*p += r - kept;
		*n -= r - kept;
	}
	buf_clear(&o->kept);
	o->at = 0;
	return true;
}

int
output_close(struct output *o)
{
	buf_release(&o->kept);
	if (o->writer != o->fd)
		close(o->writer);
	/* NFS and quotas report at close. */
	if (o->fd >= 0 && close(o->fd) < 0 && o->error == 0 && errno != EINTR)
		o->error = errno;
	o->fd = o->writer = -1;
	return o->error != 0 ? -1 : 0;
}
