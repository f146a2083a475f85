#include "etag.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "stop.h"

#define TAG_MAX 8192 /* bytes */

/* Does somebody keep states, and so versions? */
static bool
is_managed(const struct job *j)
{
	return j->given.len > 0 || j->o->state != NULL || getenv("CS_STATE") != NULL ||
	       getenv("CS_RUN") != NULL;
}

/* Nothing but our two fields, a line each, behind a number: it becomes part of a request. */
static bool
is_version(const char *s)
{
	static const char *const names[] = {"If-None-Match: ", "If-Modified-Since: "};
	size_t n = strspn(s, "0123456789abcdef");

	if (s[n] != ' ')
		return false;
	for (s += n + 1; *s != '\0'; s += n + 1) {
		n = strcspn(s, "\n");
		if (s[n] != '\n' || (strncmp(s, names[0], strlen(names[0])) != 0 &&
					strncmp(s, names[1], strlen(names[1])) != 0))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
				return false;
	}
	return true;
}

int
etag_load(struct job *j)
{
	struct buf b = {.max = TAG_MAX};
	int r = 0;

	if (j->o->etag == NULL || is_managed(j)) {
		if (j->o->etag == NULL ||
		    (j->state.version != NULL && !is_version(j->state.version))) {
			free(j->state.version);
			j->state.version = NULL;
		}
		return 0;
	}
	if (file_read(&b, j->o->etag) < 0 && errno != ENOENT)
		r = fail(CS_IO, "--etag: %s: %s", j->o->etag, strerror(errno));
	else if (b.len > 0 && strlen(b.p) == b.len && is_version(b.p))
		j->state.version = xstrdup(b.p);
	else if (b.len > 0 && !j->o->quiet)
		say("--etag: %s: holds no version: all is asked for", j->o->etag);
	buf_release(&b);
	return r;
}

/* Of the request without what etag_ask() adds. */
static uint64_t
identity(const struct request *q)
{
	struct buf b = {0};
	uint64_t hash;

	buf_add(&b, q->url.p, q->url.len);
	buf_addc(&b, '\n');
	buf_add(&b, q->fields.p != NULL ? q->fields.p : "", q->fields.len);
	buf_addc(&b, '\n');
	buf_add(&b, q->body.p != NULL ? q->body.p : "", q->body.len);
	hash = fingerprint(b.p, b.len);
	buf_release(&b);
	return hash;
}

bool
etag_ask(struct job *j, struct request *q)
{
	char *end;

	if (j->o->etag == NULL)
		return false;
	j->identity = identity(q);
	if (j->state.version == NULL || strtoull(j->state.version, &end, 16) != j->identity)
		return false;
	buf_adds(&q->fields, end + 1);
	q->conditional = true;
	return true;
}

static void
add_field(struct job *j, struct buf *out, const char *field, const char *ask)
{
	const char *value = http_field(j->page->http, field, 0);
	struct buf masked = {0};

	if (value == NULL || *value == '\0' || strlen(value) > TAG_MAX / 4)
		return;
	mask(&masked, value, strlen(value));
	if (strcmp(masked.p, value) == 0) /* what holds a secret is not kept */
		buf_addf(out, "%s: %s\n", ask, value);
	buf_release(&masked);
}

void
etag_keep(struct job *j)
{
	uint64_t pages = j->pager.spent + j->pager.pages;
	struct buf b = {0};
	size_t before;

	if (j->o->etag == NULL || j->page == NULL || j->page->unchanged)
		return;
	free(j->state.version);
	j->state.version = NULL;
	if (pages != 1 || j->page->stopped) {
		if (pages > 1 && !j->o->quiet)
			say("--etag: of %" PRIu64 " pages the version of none says whether another "
			    "has changed: none is kept",
			    pages);
		return;
	}
	buf_addf(&b, "%" PRIx64 " ", j->identity);
	before = b.len;
	add_field(j, &b, "etag", "If-None-Match");
	add_field(j, &b, "last-modified", "If-Modified-Since");
	if (b.len > before && is_version(b.p))
		j->state.version = buf_steal(&b);
	buf_release(&b);
}

/* Has whoever reads the pipe taken everything? What a file holds must be there after a crash, too. */
static bool
is_taken(int fd)
{
	struct pollfd p = {.fd = fd};
	struct stat st;
	int n;

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode))
		return fsync(fd) == 0;
	if (!S_ISFIFO(st.st_mode))
		return true;
	while (ioctl(fd, FIONREAD, &n) == 0 && n > 0)
		if (stop_signal() != 0 ||
		    poll(&p, 1, 10) != 0) /* no events are asked for: the reader is gone */
			return false;
	return true;
}

int
etag_store(const struct job *j, int fd)
{
	const char *path = j->o->etag;
	int r;

	if (path == NULL || is_managed(j) || j->page == NULL || j->page->unchanged || !is_taken(fd))
		return 0;
	r = j->state.version == NULL
		? unlink(path) < 0 && errno != ENOENT ? -1 : 0
		: file_write(path, j->state.version, strlen(j->state.version), 0666);
	return r == 0 ? 0 : fail(CS_IO, "--etag: %s: %s", path, strerror(errno));
}
