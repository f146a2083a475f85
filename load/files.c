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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "file.h"
#include "part.h"
#include "partition.h"
#include "parts.h"
#include "show.h"
#include "sink.h"

struct file {
	struct sink sink;
	struct decl *decls;
	const char *path;
	bool csv_format, open, append;
	bool kept;       /* there is something to commit */
	bool keyed;      /* rows have a key: they go to pending, not to rows */
	struct out rows; /* records as NDJSON, in a file without a name */
	uint64_t mark;   /* bytes of rows at the last batch() */
	struct pending *pending;
	int64_t pending_mark;
	size_t mark_columns;
	struct csv csv;   /* columns: of the old file, and of the records */
	struct part part; /* the old file, and what takes its place */
	struct beside before, after;
	struct counts counts_before;
	uint64_t resumed; /* serial of the stream whose life.from was checked */
	struct keyed merging;
	uint64_t listed_rows; /* in the parts so far */
	struct buf record;
};

static int
io_error(const char *path)
{
	warn("%s", path);
	return CS_IO;
}

static bool
partitioned(const struct file *f)
{
	return f->sink.o->partition_by != NULL;
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

/* What a run before this one had only written down is done before anything is read. */
static int
recover(struct file *f)
{
	int lock, r = lock_directory(f, f->path, &lock);

	if (r == 0)
		r = partition_recover(f->path);
	if (lock >= 0)
		close(lock);
	return r;
}

/* Read the file that is appended to or merged with, and what is known of it. */
static int
read_old(struct file *f)
{
	int r;

	f->before.size = f->before.crc = -1;
	if (file_descriptor(f->path) >= 0)
		return 0; /* it goes on where it stands */
	if (partitioned(f)) {
		f->before.size = 0;
		return recover(f);
	}
	f->part = (struct part){.path = f->path, .is_csv = f->csv_format};
	r = part_read(&f->part);
	if (r == 0 && f->part.old.was.st_ino) {
		f->before.size = (int64_t)f->part.old.raw_n;
		f->before.crc = f->part.old.crc;
	}
	return r;
}

/* Design law 8: what is appended must go on from the checkpoint that the file stands at. */
static int
check_resume(struct file *f)
{
	const struct life *life = f->sink.life;
	const char *state;
	int r;

	if (!life->begun || f->resumed == life->serial)
		return 0;
	f->resumed = life->serial;
	r = beside_read(&f->before, f->path, f->keyed);
	if (r || f->keyed) /* what comes again changes nothing */
		return r;
	if (f->before.stream.len && strcmp(f->before.stream.p, life->stream) != 0) {
		warnx("%s: holds stream \"%s\", so \"%s\" is not appended to it; use another file",
		    f->path, shown(f->before.stream.p), shown(life->stream));
		return CS_DATA;
	}
	state = f->before.state.len ? f->before.state.p : "null";
	if (strcmp(state, life->from.p) == 0)
		return 0;
	warnx(
	    "%s: stream \"%s\" resumes from %s, but the file stands at %s: appending would lose or "
	    "double records; start from that checkpoint, or use --mode replace",
	    f->path, shown(life->stream), shown(life->from.p), shown(state));
	return CS_DATA;
}

static int
open_rows(struct file *f)
{
	int fd;

	if (f->keyed) {
		f->pending = pending_new((size_t)(f->sink.o->memory / 4));
		return f->pending ? 0 : CS_IO;
	}
	fd = file_temporary();
	if (fd < 0)
		return io_error("temporary file (TMPDIR says where)");
	out_open(&f->rows, fd);
	return 0;
}

/* The columns that are known before any record: of the old file, and declared. */
static void
first_columns(struct file *f)
{
	csv_release(&f->csv);
	for (size_t i = 0; i < f->part.csv.n; i++)
		csv_column(&f->csv, f->part.csv.columns[i].name, f->part.csv.columns[i].len);
	for (const struct decl *d = f->decls; d; d = d->next)
		for (size_t i = 0; i < d->ncolumns; i++)
			csv_column(&f->csv, d->columns[i].name, strlen(d->columns[i].name));
}

static int
start(struct file *f)
{
	const struct sink *s = &f->sink;
	int r = 0;

	f->keyed = s->o->key.n > 0;
	if (s->o->parts) { /* there is no old file, and no other writes it */
		f->sink.whole = false;
		if (f->csv_format)
			first_columns(f);
		r = open_rows(f);
		f->open = r == 0;
		return r;
	}
	/* A second stream of the same input goes behind the first. */
	f->append = s->o->mode == MODE_APPEND || s->commits > 0 ||
		    (f->keyed && s->o->mode != MODE_REPLACE) ||
		    (s->o->mode == MODE_DEFAULT && s->life->begun && s->life->incremental);
	f->sink.whole = !f->append;
	f->part = (struct part){.path = f->path, .is_csv = f->csv_format};
	if (f->append)
		r = read_old(f);
	if (r == 0 && f->append && !s->commits)
		r = check_resume(f);
	if (r == 0 && f->csv_format)
		first_columns(f);
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
	f->pending_mark = f->pending ? pending_mark(f->pending) : 0;
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

/* The record without its tag, into f->record; p..end is what of it stands in the line. */
static void
take_record(struct file *f, const struct row *row, const char *p, const char *end)
{
	buf_clear(&f->record);
	if (row->tag && !row->tag->wrapped) {
		buf_addc(&f->record, '{');
		while (strchr(" \t\r,", *p))
			p++;
	}
	buf_add(&f->record, p, (size_t)(end - p));
}

/* Look the record over: is it one, and may it have these columns? */
static int
check_record(struct file *f, const struct row *row, const char **end)
{
	struct slice key;
	struct value v;
	int r;

	*end = row->p + row->n;
	if (f->csv_format && row->op != OP_DELETE) {
		r = csv_check(&f->csv, &f->sink, row);
		if (r == 0 && row->tag && row->tag->wrapped)
			for (--*end; **end != '}'; --*end)
				; /* the wrapper's brace: it goes */
		return r;
	}
	while ((r = scan_key(row->scan, &key)) > 0 && scan_value(row->scan, &v) == 0)
		;
	if (r == 0)
		*end = row->scan->p;
	return row_end(&f->sink, row, row->scan->err ? -1 : r);
}

static int
write_row(struct sink *s, const struct row *row)
{
	struct file *f = (struct file *)s;
	/* behind the tag, in the middle of the object */
	bool inside = row->tag && !row->tag->wrapped;
	const char *p = row->scan->p - !inside, *end;
	struct slice record;
	int r;

	if (row->op != OP_UPSERT && !f->keyed)
		return row_bad(s, "updates and deletes need a key to find rows by (--key)");
	if (row->table.p && (!s->o->table || !slice_is(row->table, s->o->table)))
		return row_bad(s, "a record for table \"%.*s\": a file holds one table (--table)",
		    (int)row->table.n, row->table.p);
	r = check_record(f, row, &end);
	if (r)
		return r;
	take_record(f, row, p, end);
	record = (struct slice){f->record.p, f->record.len};
	if (!f->keyed) {
		out_line(&f->rows, record.p, record.n);
		s->counts.inserted++;
		return f->rows.error ? (errno = f->rows.error, io_error(f->path)) : 0;
	}
	buf_clear(&f->merging.key);
	if (key_read(&f->merging.merge, &f->merging.key, &s->o->key, record, &f->merging.why) < 0)
		return row_bad(s, "%s", f->merging.why.p);
	return pending_add(
	    f->pending, (struct slice){f->merging.key.p, f->merging.key.len}, row->op, record);
}

static int
keep(struct sink *s, const struct control *c)
{
	struct file *f = (struct file *)s;

	f->kept = true;
	if (!c || (s->life->begun && strcmp(c->stream, s->life->stream) != 0))
		return 0; /* of a part of the stream: the file stands where the whole does */
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

	if (f->keyed) {
		if (pending_cut(f->pending, f->pending_mark))
			return CS_IO;
	} else if (out_flush(&f->rows) < 0 || ftruncate(f->rows.fd, (off_t)f->mark) < 0 ||
		   lseek(f->rows.fd, 0, SEEK_END) < 0) {
		return io_error(f->path);
	}
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

	if (s->o->parts)
		return 0;
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

/* Each new row that has no key. 0, or a CS_ status after printing. */
static int
each_row(struct file *f, int (*take)(void *arg, const char *p, size_t n), void *arg)
{
	struct lines in;
	const char *p;
	size_t n;
	int r = LINES_EOF, status = 0;

	if (out_flush(&f->rows) < 0 || lseek(f->rows.fd, 0, SEEK_SET) < 0)
		return io_error(f->path);
	lines_open(&in, f->rows.fd, f->path, SIZE_MAX - 1);
	while (status == 0 && (r = lines_next(&in, &p, &n)) == LINES_OK)
		status = take(arg, p, n);
	lines_close(&in);
	return status ? status : r == LINES_EOF ? 0 : io_error(f->path);
}

/* With the lock held: go behind what another loader has written meanwhile. */
static int
follow_old(struct file *f)
{
	int r;

	if (!f->append || file_descriptor(f->path) >= 0 || old_same(&f->part.old, f->path))
		return 0;
	if (f->sink.commits || f->sink.o->columns != COLUMNS_EVOLVE) {
		warnx("%s: changed by something else meanwhile; run again", f->path);
		return CS_LATER;
	}
	part_release(&f->part);
	beside_release(&f->before);
	f->resumed = 0;
	r = read_old(f);
	return r ? r : check_resume(f);
}

static int
add_single(void *arg, const char *p, size_t n)
{
	part_add(arg, p, n);
	return 0;
}

static int
add_partitioned(void *arg, const char *p, size_t n)
{
	return partition_add(arg, p, n);
}

/* The new file: the old rows, changed or not, then the new ones. */
static int
write_single(struct file *f, int fd)
{
	struct part *p = &f->part;
	struct slice record;
	int r;

	part_begin(p, fd);
	if (!f->keyed) {
		r = part_copy(p);
		if (r == 0)
			r = each_row(f, add_single, p);
	} else {
		r = part_merge(p, &f->merging);
		while (r == 0 && (r = keyed_rest(&f->merging, f->csv_format, &record)) > 0)
			part_add(p, record.p, record.n), r = 0;
		r = r < 0 ? CS_IO : r;
	}
	if (r == 0 && pack_close(&p->pack) < 0)
		r = io_error(f->path);
	return r;
}

/* In this order, so that a crash between any two steps leaves a file and a checkpoint that agree. */
static int
replace_file(struct file *f, struct replace *new)
{
	bool known = f->after.state.len > 0 && new->tmp;
	char *stale = f->append ? NULL : xasprintf("%s.cs-state", f->path);
	int r = 0;

	f->after.size = (int64_t)f->part.pack.size;
	f->after.crc = f->part.pack.crc;
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

/* Nothing has changed but the checkpoint. */
static int
leave_file(struct file *f)
{
	f->after.size = f->before.size;
	f->after.crc = f->before.crc;
	return f->after.state.len ? beside_write(f->path, &f->before, &f->after) : 0;
}

static int
commit_single(struct file *f)
{
	struct replace new;
	int lock = -1, r = 0;

	if (replace_open(&new, f->sink.o->dry_run ? "/dev/null" : f->path, 0666) < 0)
		return io_error(f->path);
	if (new.tmp)
		r = lock_directory(f, new.path, &lock);
	if (r == 0)
		r = follow_old(f);
	if (r == 0 && f->csv_format)
		part_columns(&f->part, &f->csv);
	if (r == 0)
		r = write_single(f, new.fd);
	if (r == 0 && !f->sink.o->dry_run)
		r = f->keyed && new.tmp && !f->part.changed ? leave_file(f) : replace_file(f, &new);
	replace_abort(&new);
	if (lock >= 0)
		close(lock);
	return r;
}

static int
commit_partitioned(struct file *f)
{
	struct partition *x = NULL;
	int lock = -1, r = lock_directory(f, f->path, &lock);

	if (r == 0)
		r = partition_recover(f->path);
	if (r == 0 && f->append && !f->sink.commits) {
		f->resumed = 0; /* another may have appended meanwhile */
		r = check_resume(f);
	}
	if (r == 0) {
		x = partition_new(f->path, f->sink.o->partition_by, f->csv_format);
		r = partition_clean(x);
	}
	if (r == 0)
		r = f->keyed ? partition_merge(x, &f->merging, &f->csv)
			     : each_row(f, add_partitioned, x);
	if (r == 0)
		r = partition_write(x, &f->csv, !f->append);
	if (r == 0 && !f->sink.o->dry_run)
		r = partition_commit(x, &f->after);
	partition_free(x);
	if (lock >= 0)
		close(lock);
	return r;
}

/* What came since the last commit, if anything did, in a file of its own. */
static int
commit_part(struct file *f)
{
	struct sink *s = &f->sink;
	uint64_t rows = s->counts.inserted - f->listed_rows;
	struct replace new;
	char *path;
	int r;

	if (rows == 0 || s->o->dry_run)
		return 0;
	path = parts_name(f->path, s->parts + 1);
	f->part = (struct part){.path = path, .is_csv = f->csv_format};
	if (replace_open(&new, path, 0666) < 0) {
		r = io_error(path);
	} else {
		if (f->csv_format)
			part_columns(&f->part, &f->csv);
		r = write_single(f, new.fd);
		if (r == 0 && replace_commit(&new) < 0)
			r = io_error(path);
		replace_abort(&new);
	}
	if (r == 0) {
		f->listed_rows += rows;
		parts_record(
		    &s->listed, path, ++s->parts, rows, f->part.pack.size, f->part.pack.crc);
	}
	part_release(&f->part);
	f->part = (struct part){0};
	free(path);
	return r;
}

/* Forget what belongs to the file just written. */
static void
stop(struct file *f)
{
	if (f->open && !f->keyed)
		out_close(&f->rows);
	pending_free(f->pending);
	f->pending = NULL;
	f->open = f->kept = false;
	part_release(&f->part);
	beside_release(&f->before);
	csv_release(&f->csv);
	beside_release(&f->after);
}

static int
commit(struct sink *s)
{
	struct file *f = (struct file *)s;
	int r = 0;

	if (!f->open)
		return 0;
	f->merging.o = s->o;
	f->merging.pending = f->pending;
	f->merging.counts = &s->counts;
	if (s->o->parts)
		r = f->kept ? commit_part(f) : 0;
	else if (f->kept && (f->keyed || !s->o->dry_run))
		r = partitioned(f) ? commit_partitioned(f) : commit_single(f);
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
	keyed_release(&f->merging);
	decl_free(f->decls);
	buf_release(&f->record);
	buf_release(&s->why);
	buf_release(&s->listed);
	free(f);
}

struct sink *
file_open(const struct opts *o, const struct life *life, struct decl *decls, int *status)
{
	struct file *f = xcalloc(1, sizeof *f);

	f->sink = (struct sink){.o = o,
	    .life = life,
	    .lazy = !o->parts,
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
