#include "ref.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

bool
ref_is(const char *s)
{
	return !strncmp(s, "env:", 4) || !strncmp(s, "file:", 5) || !strncmp(s, "fd:", 3) ||
	       !strncmp(s, "cmd:", 4);
}

/* Read all of fd into b; 0 or -1 with errno. */
static int
drain(struct buf *b, int fd)
{
	ssize_t n;

	do {
		if (b->len > REF_MAX) {
			errno = EFBIG;
			return -1;
		}
		buf_room(b, 4096);
		n = read(fd, b->p + b->len, 4096);
		if (n > 0)
			b->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

static int
from_file(struct buf *b, const char *path, const char *where, char **why)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && S_ISREG(st.st_mode))
		warnx("%s: %s can be read by others: chmod 600 %s", where, path, path);
	if (file_read(b, path) == 0)
		return 0;
	*why = xasprintf("%s: %s", path, strerror(errno));
	return -1;
}

static int
from_fd(struct buf *b, const char *number, char **why)
{
	char *end;
	long fd = strtol(number, &end, 10);

	if (end == number || *end || fd < 0 || fd > 1 << 20)
		*why = xasprintf("fd:%s is no file descriptor", number);
	else if (drain(b, (int)fd) < 0)
		*why = xasprintf("fd:%s: %s", number, strerror(errno));
	else
		return 0;
	return -1;
}

static int
from_command(struct buf *b, const char *command, char **why)
{
	FILE *f = popen(command, "re");
	int status;

	if (!f || drain(b, fileno(f)) < 0) {
		*why = xasprintf("%s: %s", command, strerror(errno));
		if (f)
			pclose(f);
		return -1;
	}
	status = pclose(f);
	if (status == 0)
		return 0;
	*why = xasprintf("the command \"%s\" failed with status %d", command,
	    WIFEXITED(status) ? WEXITSTATUS(status) : status);
	return -1;
}

int
ref_read(struct buf *b, const char *ref, const char *where, char **why)
{
	const char *arg = strchr(ref, ':') + 1, *v;
	int r = 0;

	if (!strncmp(ref, "env:", 4)) {
		v = getenv(arg);
		if (v) {
			buf_adds(b, v);
		} else {
			*why = xasprintf("the environment has no %s", arg);
			r = -1;
		}
	} else if (!strncmp(ref, "file:", 5)) {
		r = from_file(b, arg, where, why);
	} else if (!strncmp(ref, "fd:", 3)) {
		r = from_fd(b, arg, why);
	} else {
		r = from_command(b, arg, why);
	}
	while (b->len && (b->p[b->len - 1] == '\n' || b->p[b->len - 1] == '\r'))
		b->p[--b->len] = '\0';
	return r;
}
