#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cs.h"
#include "file.h"
#include "spool.h"

void
spool_init(struct spool *s, size_t max)
{
	memset(s, 0, sizeof *s);
	s->fd = -1;
	s->max = max;
}

static int
fail(int error)
{
	errno = error;
	warn("temporary file (TMPDIR says where)");
	return CS_IO;
}

static int
open_file(struct spool *s)
{
	s->fd = file_temporary();
	if (s->fd < 0)
		return fail(errno);
	out_open(&s->out, s->fd);
	lines_open(&s->in, s->fd, "spool", s->max);
	return 0;
}

int
spool_add(struct spool *s, uint64_t lineno, const char *p, size_t n)
{
	if (s->fd < 0 && open_file(s))
		return CS_IO;
	if (!s->first) {
		/* An empty first line, so that no record stands where a byte order mark is dropped. */
		out_write(&s->out, "\n", 1);
		s->first = s->next = lineno;
	}
	for (; s->next < lineno; s->next++)
		out_write(&s->out, "\n", 1); /* control and blank lines keep their numbers */
	out_write(&s->out, p, n);
	out_write(&s->out, "\r\n", 2); /* reading takes one CR off: not one of the line's own */
	s->next++;
	return s->out.error ? fail(s->out.error) : 0;
}

int
spool_rewind(struct spool *s)
{
	if (!s->first)
		return 0;
	if (out_flush(&s->out) < 0 || lseek(s->fd, 0, SEEK_SET) < 0)
		return fail(errno);
	lines_close(&s->in);
	lines_open(&s->in, s->fd, "spool", s->max);
	return 0;
}

int
spool_next(struct spool *s, const char **p, size_t *n, uint64_t *lineno)
{
	int r = s->first ? lines_next(&s->in, p, n) : LINES_EOF;

	*lineno = s->in.lineno - 2 + s->first;
	return r;
}

int
spool_clear(struct spool *s)
{
	if (!s->first)
		return 0;
	s->first = 0;
	s->out.len = 0;
	return lseek(s->fd, 0, SEEK_SET) < 0 || ftruncate(s->fd, 0) < 0 ? fail(errno) : 0;
}

void
spool_release(struct spool *s)
{
	if (s->fd < 0)
		return;
	lines_close(&s->in);
	out_close(&s->out);
	s->fd = -1;
}
