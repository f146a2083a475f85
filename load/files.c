/*
 * NDJSON and CSV files. A file is replaced as a whole (temporary file, fsync, rename), so
 * it is only written when the stream has ended, and acknowledged then.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "csv.h"
#include "file.h"
#include "sink.h"

struct file {
	struct sink sink;
	struct decl *decls;
	const char *path;
	bool csv_format, open, append;
	struct out rows; /* records as NDJSON, in a file without a name */
	uint64_t mark;   /* bytes of rows at the last batch() */
	size_t mark_columns;
	struct csv csv;
	const char *old; /* the file as it was, mapped; NULL: none, or empty */
	size_t old_n;
	struct stat was; /* of that file; st_ino 0: there was none */
	struct beside before, after;
	struct counts counts_before;
	uint64_t resumed; /* serial of the stream whose life.from was checked */
};

static int
io_error(const char *path)
{
	warn("%s", path);
	return CS_IO;
}

/* Map the file that is appended to, and see what is known of it. */
static int
read_old(struct file *f)
{
	struct stat st;
	void *p;
	int fd;

	if (file_descriptor(f->path) >= 0)
		return 0; /* it goes on where it stands */
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : io_error(f->path);
	if (fstat(fd, &st) < 0) {
		close(fd);
		return io_error(f->path);
	}
	f->was = st;
	f->before.size = st.st_size;
	p = st.st_size ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (p == MAP_FAILED)
		return io_error(f->path);
	f->old = p;
	f->old_n = (size_t)st.st_size;
	return 0;
}

/* Design law 8: what is appended must go on from the checkpoint that the file stands at. */
static int
check_resume(struct file *f)
{
	const struct life *life = f->sink.life;
	int64_t size = f->before.size;
	const char *state;
	int r;

	if (!life->begun || f->resumed == life->serial)
		return 0;
	f->resumed = life->serial;
	r = beside_read(&f->before, f->path, size);
	if (r)
		return r;
	f->before.size = size;
	if (f->before.stream.len && strcmp(f->before.stream.p, life->stream) != 0) {
		warnx("%s: holds stream \"%s\", so \"%s\" is not appended to it; use another file",
		    f->path, f->before.stream.p, life->stream);
		return CS_DATA;
	}
	state = f->before.state.len ? f->before.state.p : "null";
	if (strcmp(state, life->from.p) == 0)
		return 0;
	warnx(
	    "%s: stream \"%s\" resumes from %s, but the file stands at %s: appending would lose or "
	    "double records; start from that checkpoint, or use --mode replace",
	    f->path, life->stream, life->from.p, state);
	return CS_DATA;
}

static int
open_rows(struct file *f)
{
	const char *dir = getenv("TMPDIR");
	char *path = file_descriptor(f->path) < 0
			 ? xasprintf("%s.XXXXXX", f->path)
			 : xasprintf("%s/cs-load.XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC), r = 0;

	if (fd < 0)
		r = io_error(path);
	else {
		unlink(path);
		out_open(&f->rows, fd);
	}
	free(path);
	return r;
}

/* The columns that are known before any record: of the old file, and declared. */
static int
first_columns(struct file *f)
{
	int r = f->old ? csv_read_header(&f->csv, f->path, f->old, f->old_n) : 0;

	for (const struct decl *d = f->decls; d && r == 0; d = d->next)
		for (size_t i = 0; i < d->ncolumns; i++)
			csv_column(&f->csv, d->columns[i].name, strlen(d->columns[i].name));
	return r;
}

static int
start(struct file *f)
{
	const struct sink *s = &f->sink;
	int r;

	/* A second stream of the same input goes behind the first. */
	f->append = s->o->mode == MODE_APPEND || s->commits > 0 ||
		    (s->o->mode == MODE_DEFAULT && s->life->begun && s->life->incremental);
	f->sink.whole = !f->append;
	f->before.size = -1;
	r = f->append ? read_old(f) : 0;
	if (r == 0 && f->append && !s->commits)
		r = check_resume(f);
	if (r == 0 && f->csv_format)
		r = first_columns(f);
	if (r == 0)
		r = open_rows(f);
	f->open = r == 0;
	return r;
}

static int
batch(struct sink *s)
{
	struct file *f = (struct file *)s;
	int r = f->open ? 0 : start(f);

	f->mark = f->rows.bytes;
	f->mark_columns = f->csv.n;
	f->counts_before = s->counts;
	return r;
}

static int
declare(struct sink *s, struct decl *d)
{
	struct file *f = (struct file *)s;

	d->next = f->decls;
	f->decls = d;
	for (size_t i = 0; f->csv_format && i < d->ncolumns; i++)
		csv_column(&f->csv, d->columns[i].name, strlen(d->columns[i].name));
	return 0;
}

/* The record without its tag, as it stands in the line. */
static void
write_record(struct file *f, const struct row *row, const char *p, const char *end)
{
	if (row->tag && !row->tag->wrapped) {
		out_write(&f->rows, "{", 1);
		while (strchr(" \t\r,", *p))
			p++;
	}
	out_line(&f->rows, p, (size_t)(end - p));
}

static int
write_row(struct sink *s, const struct row *row)
{
	struct file *f = (struct file *)s;
	bool inside =
	    row->tag && !row->tag->wrapped; /* behind the tag, in the middle of the object */
	const char *p = row->scan->p - !inside, *end = row->p + row->n;
	struct slice key;
	struct value v;
	int r;

	if (row->op != OP_UPSERT)
		return row_bad(s, "a file takes no updates and deletes");
	if (row->table.p && (!s->o->table || !slice_is(row->table, s->o->table)))
		return row_bad(s, "a record for table \"%.*s\": a file holds one table (--table)",
		    (int)row->table.n, row->table.p);
	if (f->csv_format) {
		r = csv_check(&f->csv, s, row);
	} else {
		while ((r = scan_key(row->scan, &key)) > 0 && scan_value(row->scan, &v) == 0)
			;
		if (r == 0)
			end = row->scan->p;
		r = row_end(s, row, row->scan->err ? -1 : r);
	}
	if (r)
		return r;
	if (f->csv_format && row->tag && row->tag->wrapped)
		for (end--; *end != '}'; end--)
			; /* the wrapper's brace: it goes */
	write_record(f, row, p, end);
	s->counts.inserted++;
	return f->rows.error ? (errno = f->rows.error, io_error(f->path)) : 0;
}

static int
keep(struct sink *s, const struct control *c)
{
	struct file *f = (struct file *)s;

	if (!c)
		return 0;
	buf_clear(&f->after.stream);
	buf_adds(&f->after.stream, c->stream);
	buf_clear(&f->after.state);
	json_compact(&f->after.state, c->state.p, c->state.n);
	return 0;
}

static int
drop(struct sink *s)
{
	struct file *f = (struct file *)s;
	uint64_t rejected = s->counts.rejected;

	if (out_flush(&f->rows) < 0 || ftruncate(f->rows.fd, (off_t)f->mark) < 0 ||
	    lseek(f->rows.fd, 0, SEEK_END) < 0)
		return io_error(f->path);
	f->rows.bytes = f->mark;
	csv_cut(&f->csv, f->mark_columns);
	s->counts = f->counts_before;
	s->counts.rejected = rejected;
	return 0;
}

static int
finish(struct sink *s, bool complete)
{
	struct file *f = (struct file *)s;
	struct stat st;

	(void)complete; /* less was asked for: then that is the file */
	if (!f->append && !s->life->begun && !s->life->records && file_descriptor(f->path) < 0 &&
	    stat(f->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size) {
		warnx("%s: left as it is: the input is empty, which may be another command's "
		      "failure; remove the file if it is to be empty",
		    f->path);
		return CS_DATA;
	}
	s->whole = false;
	return 0;
}

/* The old rows, then the new ones, in the format of the file. 0 or CS_IO. */
static int
write_all_rows(struct file *f, struct out *out)
{
	struct lines in;
	const char *p;
	size_t n;
	int r;

	if (f->csv_format) {
		csv_write_header(&f->csv, out);
		csv_copy(&f->csv, out, f->old, f->old_n);
	} else if (f->old) {
		out_write(out, f->old, f->old_n);
		if (f->old[f->old_n - 1] != '\n')
			out_write(out, "\n", 1);
	}
	if (out_flush(&f->rows) < 0 || lseek(f->rows.fd, 0, SEEK_SET) < 0)
		return io_error(f->path);
	lines_open(&in, f->rows.fd, f->path, SIZE_MAX - 1);
	while ((r = lines_next(&in, &p, &n)) == LINES_OK)
		if (f->csv_format)
			csv_write(&f->csv, out, p, n);
		else
			out_line(out, p, n);
	lines_close(&in);
	if (r == LINES_EOF && out_flush(out) == 0)
		return 0;
	errno = out->error ? out->error : errno;
	return io_error(f->path);
}

static void
forget_old(struct file *f)
{
	if (f->old)
		munmap((void *)(uintptr_t)f->old, f->old_n);
	f->old = NULL;
	f->old_n = 0;
	memset(&f->was, 0, sizeof f->was);
	beside_release(&f->before);
	f->before.size = -1;
}

/* Forget what belongs to the file just written. */
static void
stop(struct file *f)
{
	if (f->open)
		out_close(&f->rows);
	f->open = false;
	forget_old(f);
	csv_release(&f->csv);
	beside_release(&f->after);
}

/* Is the file still the one that was read? */
static bool
same_old(const struct file *f)
{
	const struct stat *was = &f->was;
	struct stat st;

	if (stat(f->path, &st) < 0)
		return !was->st_ino;
	return st.st_ino == was->st_ino && st.st_dev == was->st_dev && st.st_size == was->st_size &&
	       st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}

/* With the lock held: go behind what another loader has appended meanwhile. */
static int
follow_old(struct file *f)
{
	struct csv csv = {0};
	int r;

	if (!f->append || file_descriptor(f->path) >= 0 || same_old(f))
		return 0;
	if (f->sink.commits || f->sink.o->columns != COLUMNS_EVOLVE) {
		warnx("%s: changed by something else meanwhile; run again", f->path);
		return CS_LATER;
	}
	forget_old(f);
	f->resumed = 0;
	r = read_old(f);
	if (r == 0)
		r = check_resume(f);
	if (r || !f->csv_format)
		return r;
	if (f->old)
		r = csv_read_header(&csv, f->path, f->old, f->old_n);
	for (size_t i = 0; i < f->csv.n; i++)
		csv_column(&csv, f->csv.columns[i].name, f->csv.columns[i].len);
	csv_release(&f->csv);
	f->csv = csv;
	return r;
}

/*
 * Lock the directory of path, which outlives every rename in it, against other loaders. *fd
 * is -1 where the file system has no locks. Waiting is with everything in hand.
 */
static int
lock_directory(struct file *f, const char *path, int *fd)
{
	const struct timespec nap = {.tv_nsec = 10000000};
	char *copy = xstrdup(path);
	uint64_t waited = 0;
	int r;

	*fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (*fd < 0)
		return io_error(f->path);
	while ((r = flock(*fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK &&
	       waited < f->sink.o->busy_timeout) {
		nanosleep(&nap, NULL);
		waited += 10;
	}
	if (r == 0)
		return 0;
	r = errno;
	close(*fd);
	*fd = -1;
	if (r != EWOULDBLOCK)
		return 0; /* no locks here: NFS may lock no directory */
	warnx("%s: another cs-load writes to its directory; run again", f->path);
	return CS_LATER;
}

/* In this order, so that a crash between any two steps leaves a file and a checkpoint that agree. */
static int
replace_file(struct file *f, struct replace *new, uint64_t size)
{
	char *stale = f->append ? NULL : xasprintf("%s.cs-state", f->path);
	bool known = f->after.state.len > 0 && new->tmp;
	int r = 0;

	f->after.size = (int64_t)size;
	if (stale && unlink(stale) < 0 && errno != ENOENT)
		r = io_error(stale);
	free(stale);
	if (r == 0 && f->append && known)
		r = beside_write(f->path, &f->before, &f->after);
	if (r == 0 && replace_commit(new) < 0)
		r = io_error(f->path);
	if (r == 0 && !f->append && known)
		r = beside_write(f->path, NULL, &f->after);
	return r;
}

static int
commit(struct sink *s)
{
	struct file *f = (struct file *)s;
	struct replace new;
	struct out out;
	int lock = -1, r = 0;

	if (!f->open)
		return 0;
	if (s->o->dry_run) {
		stop(f);
		return 0;
	}
	if (replace_open(&new, f->path, 0666) < 0)
		return io_error(f->path);
	if (new.tmp)
		r = lock_directory(f, new.path, &lock);
	if (r == 0)
		r = follow_old(f);
	if (r == 0) {
		out_open(&out, new.fd);
		r = write_all_rows(f, &out);
		free(out.mem); /* the descriptor is new's */
	}
	if (r == 0)
		r = replace_file(f, &new, out.bytes);
	replace_abort(&new);
	if (lock >= 0)
		close(lock);
	if (r == 0)
		s->commits++;
	stop(f);
	return r;
}

static void
file_close(struct sink *s)
{
	struct file *f = (struct file *)s;

	stop(f);
	decl_free(f->decls);
	buf_release(&s->why);
	free(f);
}

struct sink *
file_open(const struct opts *o, const struct life *life, struct decl *decls, int *status)
{
	struct file *f = xcalloc(1, sizeof *f);

	f->sink = (struct sink){.o = o,
	    .life = life,
	    .lazy = true,
	    .whole = true,
	    .batch = batch,
	    .declare = declare,
	    .row = write_row,
	    .keep = keep,
	    .drop = drop,
	    .finish = finish,
	    .commit = commit,
	    .close = file_close};
	f->path = o->path;
	f->decls = decls;
	f->csv_format = o->target == TARGET_CSV;
	*status = 0;
	return &f->sink;
}
