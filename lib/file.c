#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lines.h"
#include "num.h"

static void
nothing(int sig)
{
	(void)sig;
}

void
file_limit_fails(void)
{
	struct sigaction sa = {.sa_handler = nothing, .sa_flags = SA_RESTART}, old;

	if (sigaction(SIGXFSZ, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGXFSZ, &sa, NULL);
}

int
file_descriptor(const char *path)
{
	int64_t n;

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	if (strncmp(path, "/dev/fd/", 8) != 0 || num_int64(path + 8, strlen(path + 8), &n) < 0)
		return -1;
	return n >= 0 && n <= INT_MAX ? (int)n : -1;
}

int
file_read(struct buf *b, const char *path)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO, save;
	ssize_t r = -1;

	if (fd < 0)
		return -1;
	for (;;) {
		size_t n = b->max && b->max - b->len < 65536 ? b->max - b->len : 65536;

		if (n == 0 || buf_room(b, n) < 0) {
			errno = EFBIG;
			break;
		}
		r = read(fd, b->p + b->len, b->cap - b->len);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		b->len += (size_t)r;
		b->p[b->len] = '\0';
		r = -1;
	}
	save = errno;
	if (fd != STDIN_FILENO)
		close(fd);
	errno = save;
	return r == 0 ? 0 : -1;
}

/* Temporary files of open replacements, for removal at exit. */
static struct replace *opened[8];

static void
remove_all(void)
{
	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
		if (opened[i])
			unlink(opened[i]->tmp);
}

static void
enlist(struct replace *r)
{
	static int hooked;

	if (!hooked++)
		atexit(remove_all);
	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
		if (!opened[i]) {
			opened[i] = r;
			return;
		}
}

static void
forget(struct replace *r)
{
	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
		if (opened[i] == r)
			opened[i] = NULL;
	free(r->path);
	free(r->tmp);
	r->path = r->tmp = NULL;
	r->fd = -1;
}

int
replace_open(struct replace *r, const char *path, mode_t mode)
{
	struct stat st;
	mode_t mask;
	int save;

	r->tmp = NULL;
	if (file_descriptor(path) >= 0) {
		r->path = xstrdup(path);
		r->fd = fcntl(file_descriptor(path), F_DUPFD_CLOEXEC, 0);
		if (r->fd < 0)
			goto bad;
		return 0;
	}
	r->path = realpath(path, NULL); /* a link's target is what gets replaced */
	if (!r->path)
		r->path = xstrdup(path);
	if (stat(r->path, &st) == 0) {
		r->mode = st.st_mode & 07777;
		if (!S_ISREG(st.st_mode)) {
			r->fd = open(r->path, O_WRONLY | O_CLOEXEC);
			if (r->fd < 0)
				goto bad;
			return 0;
		}
	} else if (lstat(path, &st) == 0) {
		errno = ENOENT; /* a link to nothing, such as /dev/stdout once it is closed */
		goto bad;
	} else {
		mask = umask(0);
		umask(mask);
		r->mode = mode & ~mask;
	}
	r->tmp = xasprintf("%s.XXXXXX", r->path);
	r->fd = mkostemp(r->tmp, O_CLOEXEC);
	if (r->fd < 0)
		goto bad;
	enlist(r);
	return 0;
bad:
	save = errno;
	forget(r);
	errno = save;
	return -1;
}

int
file_sync_directory(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	free(copy);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	if (r < 0 && (errno == EINVAL || errno == EROFS))
		r = 0; /* a file system that cannot sync directories */
	close(fd);
	return r;
}

int
replace_commit(struct replace *r)
{
	int save;

	if (r->tmp ? fchmod(r->fd, r->mode) < 0 || fsync(r->fd) < 0
		   : fsync(r->fd) < 0 && errno != EINVAL && errno != EROFS)
		goto bad;
	if (close(r->fd) < 0) {
		r->fd = -1;
		goto bad;
	}
	r->fd = -1;
	if (r->tmp && (rename(r->tmp, r->path) < 0 || file_sync_directory(r->path) < 0))
		goto bad;
	forget(r);
	return 0;
bad:
	save = errno;
	replace_abort(r);
	errno = save;
	return -1;
}

void
replace_abort(struct replace *r)
{
	if (!r->path)
		return;
	if (r->fd >= 0)
		close(r->fd);
	if (r->tmp)
		unlink(r->tmp);
	forget(r);
}

int
file_temporary(void)
{
	const char *dir = getenv("TMPDIR");
	char *path = xasprintf("%s/cs.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	free(path);
	return fd;
}

int
file_write(const char *path, const void *p, size_t n, mode_t mode)
{
	struct replace r;
	int save;

	if (replace_open(&r, path, mode) < 0)
		return -1;
	if (write_all(r.fd, p, n) < 0) {
		save = errno;
		replace_abort(&r);
		errno = save;
		return -1;
	}
	return replace_commit(&r);
}
