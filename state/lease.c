#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lease.h"
#include "when.h"

#define STEP     20  /* ms between two tries to get a lock, */
#define STEP_ROW 200 /* and to get a row */

/*
 * lease_held() must have the lock for a moment to see that nobody has: one try is not enough
 * to be sure.
 */
#define TRIES 4

static int
busy(const char *stream)
{
	warnx("stream \"%s\" is being run by another process; run again later, or --wait", stream);
	return CS_LATER;
}

static void
pause_for(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static int
take_lock(int *fd, struct store *s, const char *stream, uint64_t wait)
{
	uint64_t tries = TRIES + wait / STEP;

	if ((*fd = s->ops->lock(s, stream, O_RDWR | O_CREAT)) < 0) {
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
			close(*fd);
			return busy(stream);
		}
		pause_for(STEP);
	}
	return CS_OK;
}

/* Time is measured from before the row is written, so that it is never over there first. */
static int
take_row(struct lease *l, struct store *s, const char *stream, uint64_t wait)
{
	int64_t start = when_up();
	int status;

	for (;;) {
		l->until = when_up() + l->ttl;
		status = s->ops->lease_take(s, stream, l->ttl, &l->token);
		if (status != CS_SOME)
			return status;
		if (when_up() + STEP_ROW - start > (int64_t)wait)
			return busy(stream);
		pause_for(STEP_ROW);
	}
}

int
lease_take(struct lease *l, struct store *s, const char *stream, uint64_t wait, uint64_t ttl)
{
	int status;

	*l = (struct lease){.stream = stream, .ttl = (int64_t)ttl};
	status = s->ops->lock != NULL ? take_lock(&l->fd, s, stream, wait)
				      : take_row(l, s, stream, wait);
	if (status == CS_OK)
		l->store = s;
	return status;
}

int
lease_renew(struct lease *l)
{
	int64_t until = when_up() + l->ttl;
	int status = l->store->ops->lease_renew(l->store, l->stream, l->ttl, l->token);

	if (status == CS_OK)
		l->until = until;
	return status;
}

void
lease_release(struct lease *l)
{
	if (l->store == NULL)
		return;
	if (l->token != 0)
		l->store->ops->lease_drop(l->store, l->stream, l->token);
	else
		close(l->fd);
	l->store = NULL;
}

bool
lease_held(struct store *s, const char *stream)
{
	bool held;
	int fd;

	if (s->ops->lock == NULL)
		return s->ops->lease_held(s, stream);
	if ((fd = s->ops->lock(s, stream, O_RDONLY)) < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}
