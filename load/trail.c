#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lines.h"
#include "trail.h"

#define BUFFER (256u << 10)

static int
failed(const struct trail *t)
{
	warn("%s", t->path);
	return CS_IO;
}

/* Store how much of the file is kept. */
static int
write_length(struct sink *s, const struct trail *t)
{
	char *value = xasprintf("%llu %lld", (unsigned long long)t->id, (long long)t->end);
	int r = s->meta_put(s, t->name, value);

	free(value);
	return r;
}

/* The length stored for this very file, or -1. */
static int
read_length(struct sink *s, const struct trail *t, int64_t *length)
{
	unsigned long long id;
	long long n;
	char *value;
	int r = s->meta_get(s, t->name, &value);

	*length = -1;
	if (r == 0 && value && sscanf(value, "%llu %lld", &id, &n) == 2 && id == t->id)
		*length = n;
	free(value);
	return r;
}

/* Go to where the database says that the file ends. A file it does not know is taken as it is, and known
 * before anything is added. */
static int
align(struct sink *s, struct trail *t, int64_t size, bool own)
{
	int64_t length;
	int r;

	if (own) {
		r = read_length(s, t, &length);
		t->kept = t->end = length >= 0 && length <= size ? length : 0;
		if (r == 0 &&
		    (ftruncate(t->fd, t->kept) < 0 || lseek(t->fd, t->kept, SEEK_SET) < 0))
			r = failed(t);
		return r;
	}

	r = s->begin(s);
	if (r)
		return r;
	r = read_length(s, t, &length);
	t->kept = t->end = length >= 0 && length <= size ? length : size;
	if (r == 0 && t->kept != length)
		r = write_length(s, t);
	r = s->end(s, r);
	if (r == 0 && (ftruncate(t->fd, t->kept) < 0 || lseek(t->fd, t->kept, SEEK_SET) < 0))
		r = failed(t);
	return r;
}

/* A file without a name, for what cannot be cut. */
static int
open_spool(struct trail *t)
{
	t->out = t->fd;
	t->fd = file_temporary();
	if (t->fd >= 0)
		return 0;
	warn("temporary file for --changes (TMPDIR says where)");
	return CS_IO;
}

/* A file that is made anew may get the number of the old one, but not its time of birth. */
static uint64_t
identity(int fd, const struct stat *st)
{
	uint64_t id = (uint64_t)st->st_ino;
#ifdef STATX_BTIME
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) == 0 && x.stx_mask & STATX_BTIME)
		id ^= ((uint64_t)x.stx_btime.tv_sec * 1000000000u + x.stx_btime.tv_nsec) << 20;
#else
	(void)fd;
#endif
	return id;
}

int
trail_open(struct sink *s, struct trail *t, const char *path, const char *what, bool own)
{
	char *real;
	struct stat st;
	int fd = file_descriptor(path);

	*t = (struct trail){.path = path, .fd = -1, .out = -1};
	t->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
			: open(path, O_RDWR | O_CREAT | O_CLOEXEC, own ? 0600 : 0666);
	if (t->fd < 0 && fd < 0 && errno != EISDIR)
		t->fd = open(path, O_WRONLY | O_CLOEXEC); /* what cannot be read */
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		return failed(t);
	if (!S_ISREG(st.st_mode) || fd >= 0)
		return open_spool(t);
	if (flock(t->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		warnx("%s: another cs-load writes to it; run again when that is done", path);
		return CS_LATER;
	}
	if (st.st_size == 0 && file_sync_directory(path) < 0)
		return failed(t);
	real = own ? NULL : realpath(path, NULL);
	t->name = xasprintf("%s %s", what,
	    real  ? real
	    : own ? strrchr(path, '-')
		  : path); /* databases move */
	free(real);
	t->id = identity(t->fd, &st);
	return align(s, t, st.st_size, own);
}

static int
flush(struct trail *t)
{
	int r = t->buf.len ? write_all(t->fd, t->buf.p, t->buf.len) : 0;

	buf_clear(&t->buf);
	return r < 0 ? failed(t) : 0;
}

int
trail_add(struct trail *t, const char *p, size_t n)
{
	buf_add(&t->buf, p, n);
	t->end += (int64_t)n;
	return t->buf.len < BUFFER ? 0 : flush(t);
}

int
trail_cut(struct trail *t, int64_t end)
{
	int64_t written = t->end - (int64_t)t->buf.len;

	if (end >= written) {
		t->buf.len -= (size_t)(t->end - end);
	} else {
		buf_clear(&t->buf);
		if (ftruncate(t->fd, end) < 0 || lseek(t->fd, end, SEEK_SET) < 0)
			return failed(t);
	}
	t->end = end;
	return 0;
}

int
trail_rewind(struct trail *t)
{
	int r = flush(t);

	return r == 0 && lseek(t->fd, 0, SEEK_SET) < 0 ? failed(t) : r;
}

int
trail_end(struct sink *s, struct trail *t)
{
	t->done = true;
	return s->meta_put(s, t->name, NULL);
}

int
trail_keep(struct sink *s, struct trail *t)
{
	int r;

	if (t->fd < 0 || t->done || t->end == t->kept)
		return 0;
	r = flush(t);
	if (r || t->out >= 0)
		return r;
	return fsync(t->fd) < 0 ? failed(t) : write_length(s, t);
}

/* Pass on what has been committed, and begin anew. */
static int
copy_out(struct trail *t)
{
	char mem[1 << 16];
	ssize_t n;

	if (lseek(t->fd, 0, SEEK_SET) < 0)
		return failed(t);
	while ((n = read(t->fd, mem, sizeof mem)) > 0)
		if (write_all(t->out, mem, (size_t)n) < 0)
			return failed(t);
	t->kept = 0;
	return n < 0 ? failed(t) : trail_cut(t, 0);
}

int
trail_kept(struct trail *t)
{
	if (t->done && unlink(t->path) < 0)
		return failed(t);
	if (t->fd < 0 || t->done || t->end == t->kept)
		return 0;
	t->kept = t->end;
	return t->out >= 0 ? copy_out(t) : 0;
}

void
trail_close(struct trail *t)
{
	if (t->fd >= 0 && t->out < 0 && t->name && !t->done && t->end != t->kept)
		trail_cut(t, t->kept);
	if (t->fd >= 0)
		close(t->fd);
	if (t->out >= 0)
		close(t->out);
	buf_release(&t->buf);
	free(t->name);
	t->name = NULL;
	t->fd = t->out = -1;
}
