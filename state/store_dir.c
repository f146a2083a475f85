/*
 * A directory with up to three files a stream, NAME being its encoded name:
 *
 *	NAME.state	its versions, one JSON object a line, newest first
 *	NAME.runs	its runs, likewise
 *	NAME.lock	empty; whoever runs the stream holds a flock(2) on it
 *
 * Files are only ever replaced whole. Writers of states take turns by a flock(2) on the directory.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "instant.h"
#include "name.h"
#include "store.h"

#define STATE ".state"
#define RUNS  ".runs"

#define HISTORY_MAX (1u << 20)  /* bytes of older versions that are kept */
#define FILE_MAX    (32u << 20) /* bytes; more is not ours */

static char *
file_path(struct store *s, const char *stream, const char *suffix)
{
	char *name = name_encode(stream);
	char *path = xasprintf("%s/%s%s", s->path, name, suffix);

	free(name);
	return path;
}

/* Read a file into b: CS_OK, CS_SOME when it is not there, CS_IO. */
static int
load(const char *path, struct buf *b)
{
	b->max = FILE_MAX;
	if (file_read(b, path) == 0)
		return CS_OK;
	if (errno == ENOENT)
		return CS_SOME;
	warn("%s", path);
	return CS_IO;
}

/* The next line of b at *at, of *n bytes; NULL at the end. */
static const char *
next_line(const struct buf *b, size_t *at, size_t *n)
{
	const char *p, *nl;

	if (*at == b->len)
		return NULL;
	p = b->p + *at;
	nl = memchr(p, '\n', b->len - *at);
	*n = nl != NULL ? (size_t)(nl - p) : b->len - *at;
	*at += *n + (nl != NULL);
	return p;
}

static int
damaged(const char *path, const char *why)
{
	warnx("%s: damaged: %s; restore it from a backup, or remove it to start over", path, why);
	return CS_IO;
}

/* Is the line of this stream, and not of one whose file name the file system takes for the same? */
static int
owner_check(const char *path, const char *stream, const char *owner)
{
	if (strcmp(stream, owner) == 0)
		return CS_OK;
	warnx("%s: belongs to stream \"%s\": this file system takes the names for the same", path,
	    owner);
	return CS_IO;
}

static int
state_line(const char *path, const char *stream, const char *p, size_t n, struct state_row *r)
{
	const char *why;
	char *owner;
	int status;

	if (state_row_parse(r, &owner, p, n, &why) < 0)
		status = damaged(path, why);
	else
		status = owner_check(path, stream, owner);
	free(owner);
	return status;
}

/* The versions of a stream, newest first, at most max. */
static int
versions(struct store *s, const char *stream, struct state_rows *rows, size_t max)
{
	struct buf b = {0};
	char *path = file_path(s, stream, STATE);
	const char *p;
	size_t at = 0, n;
	int status;

	status = load(path, &b);
	while (status == CS_OK && rows->n < max && (p = next_line(&b, &at, &n)) != NULL)
		status = state_line(path, stream, p, n, state_rows_add(rows));
	if (status == CS_OK && rows->n == 0)
		status = damaged(path, "empty");
	buf_release(&b);
	free(path);
	return status;
}

static int
dir_history(struct store *s, const char *stream, struct state_rows *rows)
{
	return versions(s, stream, rows, SIZE_MAX);
}

static int
dir_get(struct store *s, const char *stream, struct state_row *r)
{
	struct state_rows rows = {0};
	int status = versions(s, stream, &rows, 1);

	if (status == CS_OK) {
		*r = rows.row[0];
		rows.n = 0;
	}
	state_rows_release(&rows);
	return status;
}

static int
save(const char *path, const struct buf *b)
{
	if (file_write(path, b->p, b->len, 0600) == 0)
		return CS_OK;
	warn("%s", path);
	return CS_IO;
}

/* Append the lines of old to b while they are among the versions to keep. */
static void
keep_versions(struct buf *b, const struct buf *old)
{
	const char *p;
	size_t at = 0, n;

	for (int i = 1;
	     i < STATEDB_KEEP && (p = next_line(old, &at, &n)) != NULL && at <= HISTORY_MAX; i++) {
		buf_add(b, p, n);
		buf_addc(b, '\n');
	}
}

static int
put_locked(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	char now[INSTANT_MAX], *path = file_path(s, stream, STATE);
	struct buf old = {0}, b = {0};
	struct state_row before = {0}, row = *r;
	const char *p;
	size_t at = 0, n;
	int status;

	status = load(path, &old);
	if (status == CS_OK) {
		p = next_line(&old, &at, &n);
		status =
		    p != NULL ? state_line(path, stream, p, n, &before) : damaged(path, "empty");
	}
	if (status != CS_OK && status != CS_SOME)
		goto out;
	status = CS_FENCED;
	if (expect >= 0 && expect != before.version)
		goto out;
	instant_now(now);
	row.updated_at = now;
	row.version = before.version + 1;
	state_row_json(&b, stream, &row);
	buf_addc(&b, '\n');
	keep_versions(&b, &old);
	status = save(path, &b);
	if (status == CS_OK && version != NULL)
		*version = row.version;
out:
	state_row_release(&before);
	buf_release(&old);
	buf_release(&b);
	free(path);
	return status;
}

static int
dir_put(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	int status;

	while (flock(s->fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			warn("%s", s->spec);
			return CS_IO;
		}
	status = put_locked(s, stream, r, expect, version);
	flock(s->fd, LOCK_UN);
	return status;
}

static int
dir_rm(struct store *s, const char *stream)
{
	static const char *const suffixes[] = {STATE, RUNS};
	int status = CS_SOME;

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		char *path = file_path(s, stream, suffixes[i]);

		if (unlink(path) == 0) {
			status = status == CS_SOME ? CS_OK : status;
		} else if (errno != ENOENT) {
			warn("%s", path);
			status = CS_IO;
		}
		free(path);
	}
	if (status == CS_OK && fsync(s->fd) < 0) {
		warn("%s", s->spec);
		status = CS_IO;
	}
	return status;
}

static int
run_line(const char *path, const char *stream, const char *p, size_t n, struct run_row *r)
{
	const char *why;
	char *owner;
	int status;

	if (run_row_parse(r, &owner, p, n, &why) < 0)
		status = damaged(path, why);
	else
		status = owner_check(path, stream, owner);
	free(owner);
	return status;
}

static int
dir_runs(struct store *s, const char *stream, struct run_rows *rows)
{
	struct buf b = {0};
	char *path = file_path(s, stream, RUNS);
	const char *p;
	size_t at = 0, n;
	int status;

	status = load(path, &b);
	while (status == CS_OK && (p = next_line(&b, &at, &n)) != NULL)
		status = run_line(path, stream, p, n, run_rows_add(rows));
	buf_release(&b);
	free(path);
	return status == CS_SOME ? CS_OK : status;
}

static int
dir_run_put(struct store *s, const char *stream, const struct run_row *r)
{
	struct run_rows old = {0};
	struct buf b = {0};
	char *path = file_path(s, stream, RUNS);
	bool good = r->done;
	size_t kept = 1;
	int status;

	status = dir_runs(s, stream, &old);
	run_row_json(&b, stream, r);
	buf_addc(&b, '\n');
	for (size_t i = 0; i < old.n; i++) {
		const struct run_row *o = &old.row[i];

		if (strcmp(o->run, r->run) == 0 || (kept >= STORE_RUNS_KEEP && (good || !o->done)))
			continue;
		run_row_json(&b, stream, o);
		buf_addc(&b, '\n');
		good |= o->done;
		kept++;
	}
	if (status == CS_OK)
		status = save(path, &b);
	run_rows_release(&old);
	buf_release(&b);
	free(path);
	return status;
}

static int
lock_open(struct store *s, const char *stream, int flags)
{
	char *path = file_path(s, stream, ".lock");
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600), save_errno = errno;

	free(path);
	errno = save_errno;
	return fd;
}

/* The stream that a file of this name belongs to, to be freed; NULL if it is none of ours. */
static char *
stream_of(const char *file)
{
	struct buf b = {0};
	const char *end = strrchr(file, '.');
	char *again;
	int same = 0;

	if (end == NULL || (strcmp(end, STATE) != 0 && strcmp(end, RUNS) != 0))
		return NULL;
	for (const char *p = file; p < end; p++) {
		char hex[3] = {0};

		if (*p == '%' && end - p > 2) {
			memcpy(hex, p + 1, 2);
			p += 2;
		}
		buf_addc(&b, hex[0] ? (char)strtoul(hex, NULL, 16) : *p);
	}
	if (b.len > 0 && name_check(b.p) == NULL) {
		again = name_encode(b.p);
		same = strlen(again) == (size_t)(end - file) &&
		       strncmp(again, file, strlen(again)) == 0;
		free(again);
	}
	if (same)
		return buf_steal(&b);
	buf_release(&b);
	return NULL;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
dir_streams(struct store *s, struct names *n)
{
	DIR *d = opendir(s->path);
	struct dirent *e;
	char *name;
	size_t kept = 0;

	if (d == NULL) {
		warn("%s", s->spec);
		return CS_IO;
	}
	/* cppcheck-suppress readdirCalled ; one thread */
	while ((e = readdir(d)) != NULL)
		if ((name = stream_of(e->d_name)) != NULL)
			names_add(n, name);
	closedir(d);
	if (n->n > 0)
		qsort(n->name, n->n, sizeof *n->name, by_name);
	for (size_t i = 0; i < n->n; i++) { /* a stream with both files is there twice */
		if (kept > 0 && strcmp(n->name[kept - 1], n->name[i]) == 0)
			free(n->name[i]);
		else
			n->name[kept++] = n->name[i];
	}
	n->n = kept;
	return CS_OK;
}

static void
dir_close(struct store *s)
{
	close(s->fd);
}

static const struct store_ops dir_ops = {
    .get = dir_get,
    .put = dir_put,
    .rm = dir_rm,
    .streams = dir_streams,
    .history = dir_history,
    .run_put = dir_run_put,
    .runs = dir_runs,
    .lock = lock_open,
    .close = dir_close,
};

/* Make one directory and its name in its parent durable. */
static void
make_dir(const char *path)
{
	char *copy;
	int fd;

	if (mkdir(path, 0700) < 0)
		return; /* there already; or else opening the last one says why */
	copy = xstrdup(path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static void
make_dirs(const char *path)
{
	char *copy = xstrdup(path);

	for (char *p = copy + 1; *p != '\0'; p++)
		if (*p == '/') {
			*p = '\0';
			make_dir(copy);
			*p = '/';
		}
	make_dir(copy);
	free(copy);
}

int
store_dir_open(struct store *s, enum store_mode mode)
{
	if (mode == STORE_CREATE)
		make_dirs(s->path);
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd >= 0)
		s->ops = &dir_ops;
	else if (mode == STORE_CREATE || errno != ENOENT) {
		warn("%s", s->spec);
		return CS_IO;
	}
	return CS_OK;
}
