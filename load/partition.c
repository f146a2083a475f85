#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "partition.h"
#include "types.h"

#define NULL_VALUE "__HIVE_DEFAULT_PARTITION__" /* as Hive, Spark and DuckDB call it */

struct fresh {
	char *path;
	bool replaces; /* it is to be renamed over path, which it differs from */
};

struct partition {
	const char *path, *column;
	char *dir, *name;
	bool is_csv;
	struct pending *moved; /* rows by the path of their file */
	struct fresh *v;       /* files that have a new one beside them, at path.cs-new */
	size_t n;
	char **gone; /* files that are to be removed */
	size_t ngone;
	struct scan scan;
	struct buf where, mem;
	struct keyed *keyed;
	int status; /* of partition_add() inside a merge */
};

static int
io_error(const char *path)
{
	warn("%s", path);
	return CS_IO;
}

static char *
new_name(const char *path)
{
	return xasprintf("%s.cs-new", path);
}

static char *
list_name(const char *path)
{
	return xasprintf("%s.cs-commit", path);
}

struct partition *
partition_new(const char *path, const char *column, bool is_csv)
{
	struct partition *x = xcalloc(1, sizeof *x);
	char *copy = xstrdup(path);

	x->path = path;
	x->column = column;
	x->is_csv = is_csv;
	x->dir = xstrdup(dirname(copy));
	free(copy);
	copy = xstrdup(path);
	x->name = xstrdup(basename(copy));
	free(copy);
	return x;
}

/* Append what can stand in a file name of any system: the rest as %XX. */
static void
encode(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		    c == '-' || c == '_' || (c == '.' && i > 0))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

/* The file of a record into x->where; NULL, or why there is none. */
static const char *
place(struct partition *x, const char *record, size_t n)
{
	struct slice key;
	struct value v, found = {0};
	struct cell cell = {.kind = KIND_NULL};
	const char *err = NULL;

	scan_init(&x->scan, record, n);
	scan_enter(&x->scan);
	while (scan_key(&x->scan, &key) > 0 && scan_value(&x->scan, &v) == 0)
		if (slice_is(key, x->column))
			found = v;
	buf_clear(&x->mem);
	buf_room(&x->mem, found.n);
	if (found.type)
		err = cell_read(&cell, &found, &x->mem);
	if (!err && cell.kind == KIND_JSON)
		err = "an array or an object names no partition";
	if (!err && cell.n > 80)
		err = "a value of more than 80 bytes names no partition";
	buf_clear(&x->where);
	buf_addf(&x->where, "%s/", x->dir);
	encode(&x->where, x->column, strlen(x->column));
	buf_addc(&x->where, '=');
	if (cell.kind == KIND_NULL || cell.n == 0)
		buf_adds(&x->where, NULL_VALUE);
	else
		encode(&x->where, cell.p, cell.n);
	buf_addf(&x->where, "/%s", x->name);
	return err;
}

int
partition_add(struct partition *x, const char *record, size_t n)
{
	const char *err = place(x, record, n);

	if (err) {
		warnx("column \"%s\": %s (--partition-by)", x->column, err);
		return CS_DATA;
	}
	if (!x->moved && !(x->moved = pending_new(64u << 20)))
		return CS_IO;
	return pending_add(x->moved, (struct slice){x->where.p, x->where.len}, OP_UPSERT,
	    (struct slice){record, n});
}

/* The files that are there (or, with an ending, those beside them), sorted; globfree() them. 0 or CS_IO. */
static int
list(const struct partition *x, const char *ending, glob_t *g)
{
	struct buf pattern = {0};
	int r;

	/* What glob(3) takes for itself stands for itself. */
	for (const char *p = x->dir; *p; p++)
		buf_addf(&pattern, strchr("*?[\\", *p) ? "\\%c" : "%c", *p);
	buf_addc(&pattern, '/');
	encode(&pattern, x->column, strlen(x->column));
	buf_adds(&pattern, "=*/");
	for (const char *p = x->name; *p; p++)
		buf_addf(&pattern, strchr("*?[\\", *p) ? "\\%c" : "%c", *p);
	buf_adds(&pattern, ending);
	r = glob(pattern.p, GLOB_ERR, NULL, g);
	buf_release(&pattern);
	if (r == 0 || r == GLOB_NOMATCH)
		return 0;
	return io_error(x->dir);
}

static struct fresh *
find(struct partition *x, const char *path)
{
	for (size_t i = 0; i < x->n; i++)
		if (!strcmp(x->v[i].path, path))
			return &x->v[i];
	return NULL;
}

static struct fresh *
add_fresh(struct partition *x, const char *path)
{
	x->v = xreallocarray(x->v, x->n + 1, sizeof *x->v);
	x->v[x->n] = (struct fresh){.path = xstrdup(path)};
	return &x->v[x->n++];
}

/* Open the new file beside path: anew, or to go on. -1 after printing. */
static int
open_new(const char *path, int flags)
{
	char *name = new_name(path), *dir;
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

	if (fd < 0 && errno == ENOENT) {
		dir = xstrdup(path);
		if (mkdir(dirname(dir), 0777) == 0 || errno == EEXIST)
			fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
		free(dir);
	}
	if (fd < 0)
		io_error(name);
	free(name);
	return fd;
}

/* The new file's end: what was written is there, and durable. */
static int
close_new(struct part *p, int fd)
{
	struct stat *was = &p->old.was;

	if (pack_close(&p->pack) < 0 || (was->st_ino && fchmod(fd, was->st_mode & 07777) < 0) ||
	    fsync(fd) < 0) {
		io_error(p->path);
		close(fd);
		return CS_IO;
	}
	return close(fd) < 0 ? io_error(p->path) : 0;
}

static bool
on_move(void *arg, const struct part *from, struct slice record)
{
	struct partition *x = arg;
	const char *err = place(x, record.p, record.n);

	if (!err && !strcmp(x->where.p, from->path))
		return false;
	if (x->status == 0)
		x->status = partition_add(x, record.p, record.n);
	return true;
}

static int
merge_one(struct partition *x, const char *path, const struct csv *csv)
{
	struct part p = {.path = path, .is_csv = x->is_csv};
	int r = part_read(&p), fd = -1;
	struct fresh *fresh;

	if (r == 0) {
		part_columns(&p, csv);
		fd = open_new(path, O_TRUNC);
		r = fd < 0 ? CS_IO : 0;
	}
	if (r == 0) {
		fresh = add_fresh(x, path);
		part_begin(&p, fd);
		r = part_merge(&p, x->keyed);
		if (r == 0)
			r = x->status;
		fresh->replaces = p.changed;
		if (r == 0)
			r = close_new(&p, fd);
		else
			close(fd);
	}
	part_release(&p);
	return r;
}

int
partition_clean(struct partition *x)
{
	glob_t g = {0};
	int r = list(x, ".cs-new", &g);

	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
		if (unlink(g.gl_pathv[i]) < 0)
			r = io_error(g.gl_pathv[i]);
	globfree(&g);
	return r;
}

int
partition_merge(struct partition *x, struct keyed *k, const struct csv *csv)
{
	glob_t g = {0};
	struct slice record;
	int r = list(x, "", &g);

	x->keyed = k;
	k->move = on_move;
	k->arg = x;
	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++)
		r = merge_one(x, g.gl_pathv[i], csv);
	globfree(&g);
	while (r == 0 && (r = keyed_rest(k, x->is_csv, &record)) > 0)
		r = partition_add(x, record.p, record.n);
	return r < 0 ? CS_IO : r;
}

static int
add_row(void *arg, enum op op, struct slice record)
{
	(void)op;
	part_add(arg, record.p, record.n);
	return 0;
}

/* The rows that go to path: behind the new file that is there, the old one, or at the beginning of one. */
static int
write_one(struct partition *x, const char *path, const struct csv *csv, bool replace)
{
	struct part p = {.path = path, .is_csv = x->is_csv};
	struct fresh *fresh = find(x, path);
	int fd, r = fresh || replace ? 0 : part_read(&p);

	if (r) {
		part_release(&p);
		return r;
	}
	part_columns(&p, csv);
	fd = open_new(path, fresh ? O_APPEND : O_TRUNC);
	if (fd < 0) {
		part_release(&p);
		return CS_IO;
	}
	if (!fresh) {
		fresh = add_fresh(x, path);
		part_begin(&p, fd);
		r = part_copy(&p);
	} else {
		part_begin(&p, fd);
	}
	fresh->replaces = true;
	if (r == 0)
		r = pending_each(x->moved, (struct slice){path, strlen(path)}, add_row, &p);
	if (r == 0)
		r = close_new(&p, fd);
	else
		close(fd);
	part_release(&p);
	return r;
}

/* Files that got no rows go. */
static int
find_gone(struct partition *x)
{
	glob_t g = {0};
	int r = list(x, "", &g);

	for (size_t i = 0; r == 0 && i < g.gl_pathc; i++) {
		if (find(x, g.gl_pathv[i]))
			continue;
		x->gone = xreallocarray(x->gone, x->ngone + 1, sizeof *x->gone);
		x->gone[x->ngone++] = xstrdup(g.gl_pathv[i]);
	}
	globfree(&g);
	return r;
}

int
partition_write(struct partition *x, const struct csv *csv, bool replace)
{
	struct slice key;
	int r = 1;

	if (x->moved)
		while ((r = pending_rest(x->moved, &key)) > 0) {
			char *path = xstrndup(key.p, key.n);

			r = write_one(x, path, csv, replace);
			free(path);
			if (r)
				return r;
		}
	if (r < 0)
		return CS_IO;
	return replace ? find_gone(x) : 0;
}

static int
sync_directory(const char *path)
{
	return file_sync_directory(path) < 0 ? io_error(path) : 0;
}

/* One line of the list done: 'r' path is renamed from its new name, 'd' it is removed. Done before is as good. */
static int
do_line(char kind, const char *path)
{
	char *name = new_name(path), *dir;
	int r = kind == 'r' ? rename(name, path) : unlink(path);

	if (r < 0 && errno != ENOENT)
		r = io_error(path);
	else
		r = kind == 'r' ? sync_directory(path) : 0;
	if (kind == 'd') {
		dir = xstrdup(path);
		rmdir(dirname(dir)); /* unless somebody else has something there */
		free(dir);
	}
	free(name);
	return r;
}

/* The list: a line for each file, and the state. Paths hold no newline: they are encoded, or refused. */
static int
do_list(const char *path, const struct buf *text)
{
	int r = 0;
	char *name;

	for (const char *p = text->p, *nl; r == 0 && p && (nl = strchr(p, '\n')); p = nl + 1) {
		char *line = xstrndup(p, (size_t)(nl - p));

		if (*line == 's') {
			name = xasprintf("%s.cs-state", path);
			if (file_write(name, p + 1, strlen(p + 1), 0600) < 0)
				r = io_error(name);
			free(name);
			free(line);
			break;
		}
		r = do_line(*line, line + 1);
		free(line);
	}
	if (r)
		return r;
	name = list_name(path);
	if (unlink(name) < 0 && errno != ENOENT)
		r = io_error(name);
	free(name);
	return r;
}

int
partition_recover(const char *path)
{
	char *name = list_name(path);
	struct buf text = {0};
	int r = 0;

	if (file_read(&text, name) == 0)
		r = do_list(path, &text);
	else if (errno != ENOENT)
		r = io_error(name);
	buf_release(&text);
	free(name);
	return r;
}

int
partition_commit(struct partition *x, struct beside *after)
{
	struct buf text = {0};
	char *name = list_name(x->path);
	int r = 0;

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].replaces) {
			buf_addf(&text, "r%s\n", x->v[i].path);
			if (r == 0)
				r = sync_directory(x->v[i].path); /* the new name is durable */
		}
	if (r == 0 && x->n)
		r = sync_directory(x->path); /* and so are new directories */
	for (size_t i = 0; i < x->ngone; i++)
		buf_addf(&text, "d%s\n", x->gone[i]);
	if (after->state.len) {
		after->size = 0;
		after->crc = -1;
		buf_addc(&text, 's');
		beside_format(&text, after);
	}
	if (r == 0 && text.len) {
		if (file_write(name, text.p, text.len, 0600) < 0)
			r = io_error(name);
		/* A list that is there will be done, by us or by the next, even if it could not be synced. */
		for (size_t i = 0;
		     (r == 0 || access(name, F_OK) == 0 || errno != ENOENT) && i < x->n; i++)
			if (x->v[i].replaces)
				*x->v[i].path = '\0'; /* no more ours to remove */
		if (r == 0)
			r = do_list(x->path, &text);
	}
	buf_release(&text);
	free(name);
	return r;
}

void
partition_free(struct partition *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->n; i++) {
		char *name = new_name(x->v[i].path), *dir = xstrdup(x->v[i].path);

		if (*x->v[i].path && unlink(name) == 0)
			rmdir(dirname(dir)); /* which may have been made for it */
		free(name);
		free(dir);
		free(x->v[i].path);
	}
	for (size_t i = 0; i < x->ngone; i++)
		free(x->gone[i]);
	free(x->gone);
	free(x->v);
	free(x->dir);
	free(x->name);
	pending_free(x->moved);
	scan_release(&x->scan);
	buf_release(&x->where);
	buf_release(&x->mem);
	free(x);
}
