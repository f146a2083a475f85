#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lease.h"

#define STEP 20 /* ms between two tries */

/*
 * lease_held() must have the lock for a moment to see that nobody has: one try is not enough
 * to be sure.
 */
#define TRIES 4

int
lease_take(int *fd, struct store *s, const char *stream, uint64_t wait)
{
	const struct timespec step = {.tv_nsec = STEP * 1000000};
	uint64_t tries = TRIES + wait / STEP;

	if ((*fd = store_lock(s, stream, O_RDWR | O_CREAT)) < 0) {
		warn("%s: lock of stream \"%s\"", s->spec, stream);
		return CS_IO;
	}
	while (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			warn("%s: lock of stream \"%s\"", s->spec, stream);
			close(*fd);
			return CS_IO;
		}
		if (--tries == 0) {
			warnx("stream \"%s\" is being run by another process; run again later, or "
			      "--wait",
			    stream);
			close(*fd);
			return CS_LATER;
		}
		nanosleep(&step, NULL);
	}
	return CS_OK;
}

bool
lease_held(struct store *s, const char *stream)
{
	int fd = store_lock(s, stream, O_RDONLY);
	bool held;

	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}
