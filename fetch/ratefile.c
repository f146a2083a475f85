#include "ratefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "secret.h"
#include "url.h"

#define SIZE  128 /* bytes of the file */
#define BOOT  36  /* letters of the kernel's boot id */
#define HASH  16  /* bytes of it in the name */
#define AHEAD (INT64_C(366) * 86400 * 1000000000)

/* The directory; NULL: there is no place for it. To be freed. */
static char *
directory(void)
{
	const char *env = getenv("XDG_RUNTIME_DIR");

	if (env != NULL && *env == '/')
		return xasprintf("%s/cs", env);
	if ((env = getenv("XDG_STATE_HOME")) != NULL && *env == '/')
		return xasprintf("%s/cs", env);
	if ((env = getenv("HOME")) != NULL && *env == '/')
		return xasprintf("%s/.local/state/cs", env);
	return NULL;
}

/* All directories of a path. */
static void
make_directories(char *path)
{
	for (char *at = path + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
		*at = '\0';
		mkdir(path, 0700);
	}
}

void
ratefile_init(struct ratefile *f, const char *url, const char *who, bool counts)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char *origin = url_origin(url), *dir;
	struct buf key = {0};

	*f = (struct ratefile){.fd = -1, .counts = counts};
	buf_addf(&key, "%s\n%s", origin, who != NULL ? who : "");
	if (!clock_stands() && EVP_Digest(key.p, key.len, hash, NULL, EVP_sha256(), NULL) == 1 &&
	    (dir = directory()) != NULL) {
		struct buf path = {0};

		buf_addf(&path, "%s/rate-", dir);
		for (int i = 0; i < HASH; i++)
			buf_addf(&path, "%02x", hash[i]);
		f->path = buf_steal(&path);
		free(dir);
	}
	explicit_bzero(key.p, key.len);
	buf_release(&key);
	free(origin);
}

void
ratefile_release(struct ratefile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct ratefile){.fd = -1};
}

/* Moments count from the start of the machine, so what an earlier one left means nothing. */
static const char *
boot_id(void)
{
	static char id[BOOT + 1];
	int fd;

	if (id[0] == '\0') {
		strcpy(id, "-");
		fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, id, BOOT) != BOOT)
			strcpy(id, "-");
		if (fd >= 0)
			close(fd);
	}
	return id;
}

/* Open (make: create) and lock. False: there is none. */
static bool
lock(struct ratefile *f, bool make)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0);

	if (f->fd < 0 && f->path != NULL) {
		if (make)
			make_directories(f->path);
		f->fd = open(f->path, flags, 0600);
		if (f->fd < 0 && make) {
			if (f->counts)
				say("%s: %s: --rate is kept by this process alone", f->path,
				    strerror(errno));
			free(f->path);
			f->path = NULL;
		}
	}
	if (f->fd < 0)
		return false;
	while (flock(f->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

static void
load(struct ratefile *f, int64_t now)
{
	char text[SIZE + 1], boot[BOOT + 1];
	int64_t next, pause;
	int owner;
	ssize_t n = pread(f->fd, text, SIZE, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "cs-rate 1 %36s %" SCNd64 " %" SCNd64 " %d", boot, &next, &pause,
		&owner) != 4 ||
	    strcmp(boot, boot_id()) != 0)
		return;
	f->next = next < now + AHEAD ? next : 0;
	if (pause > f->pause && pause < now + AHEAD &&
	    (owner == getpid() || kill(owner, 0) == 0 || errno == EPERM)) {
		f->pause = pause;
		f->owner = owner;
	}
}

/* One write of always the same length; should it fail, then the others know of one request less. */
static void
save(struct ratefile *f)
{
	char text[SIZE + 1];

	snprintf(text, sizeof(text), "cs-rate 1 %s %" PRId64 " %" PRId64 " %d", boot_id(), f->next,
	    f->pause, (int)f->owner);
	memset(text + strlen(text), ' ', SIZE - strlen(text));
	text[SIZE - 1] = '\n';
	if (pwrite(f->fd, text, SIZE, 0) != SIZE && ftruncate(f->fd, 0) < 0)
		return;
}

int64_t
ratefile_take(struct ratefile *f, int64_t now, int64_t interval, int64_t burst)
{
	bool shared = lock(f, interval > 0);
	int64_t at, next;

	if (shared)
		load(f, now);
	next = f->next > now ? f->next : now;
	at = interval > 0 && next - burst > now ? next - burst : now;
	if (f->pause > at)
		at = f->pause;
	if (at <= now && interval > 0) {
		f->next = next + interval;
		if (shared)
			save(f);
	}
	if (shared)
		flock(f->fd, LOCK_UN);
	return at;
}

void
ratefile_pause(struct ratefile *f, int64_t until)
{
	bool shared = lock(f, true);

	if (shared)
		load(f, clock_ns());
	if (until > f->pause) {
		f->pause = until;
		f->owner = getpid();
	}
	if (shared) {
		save(f);
		flock(f->fd, LOCK_UN);
	}
}
