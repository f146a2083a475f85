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
write_length(struct db *db, const struct trail *t)
{
	sqlite3_stmt *st;
	char *value;
	int rc, r = db_state(db);

	if (r)
		return r;
	st = db_prepare(db, "INSERT OR REPLACE INTO _cs_meta VALUES(?1, ?2)");
	if (!st)
		return CS_IO;
	value = xasprintf("%llu %lld", (unsigned long long)t->id, (long long)t->end);
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	free(value);
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

/* The length stored for this very file, or -1. */
static int
read_length(struct db *db, const struct trail *t, int64_t *length)
{
	unsigned long long id;
	long long n;
	sqlite3_stmt *st;
	int rc = sqlite3_table_column_metadata(
	    db->h, "main", "_cs_meta", "value", NULL, NULL, NULL, NULL, NULL);

	*length = -1;
	if (rc != SQLITE_OK)
		return rc == SQLITE_ERROR ? 0 : db_fail(db); /* no such table */
	st = db_prepare(db, "SELECT value FROM _cs_meta WHERE name = ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW &&
	    sscanf((const char *)sqlite3_column_text(st, 0), "%llu %lld", &id, &n) == 2 &&
	    id == t->id)
		*length = n;
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(db);
}

/* Go to where the database says that the file ends. A file it does not know is taken as it is, and known
 * before anything is added. */
static int
align(struct db *db, struct trail *t, int64_t size, bool own)
{
	int64_t length;
	int r;

	if (own) {
		r = read_length(db, t, &length);
		t->kept = t->end = length >= 0 && length <= size ? length : 0;
		if (r == 0 &&
		    (ftruncate(t->fd, t->kept) < 0 || lseek(t->fd, t->kept, SEEK_SET) < 0))
			r = failed(t);
		return r;
	}

	r = db_exec(db, "BEGIN IMMEDIATE");
	if (r)
		return r;
	r = read_length(db, t, &length);
	t->kept = t->end = length >= 0 && length <= size ? length : size;
	if (r == 0 && t->kept != length)
		r = write_length(db, t);
	if (r == 0)
		r = db_exec(db, "COMMIT");
	else
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
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
trail_open(struct db *db, struct trail *t, const char *path, const char *what, bool own)
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
	return align(db, t, st.st_size, own);
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
trail_end(struct db *db, struct trail *t)
{
	sqlite3_stmt *st;
	int rc;

	t->done = true;
	if (sqlite3_table_column_metadata(
		db->h, "main", "_cs_meta", "value", NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
		return 0;
	st = db_prepare(db, "DELETE FROM _cs_meta WHERE name = ?1");
	if (!st)
		return CS_IO;
	sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : db_fail(db);
}

int
trail_keep(struct db *db, struct trail *t)
{
	int r;

	if (t->fd < 0 || t->done || t->end == t->kept)
		return 0;
	r = flush(t);
	if (r || t->out >= 0)
		return r;
	return fsync(t->fd) < 0 ? failed(t) : write_length(db, t);
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
