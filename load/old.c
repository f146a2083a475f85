#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "cs.h"
#include "decode.h"
#include "file.h"
#include "lines.h"
#include "old.h"

static int
io_error(const char *path)
{
	warn("%s", path);
	return CS_IO;
}

/* Map n bytes of fd, or CS_IO. */
static int
map(const char **p, int fd, size_t n, const char *path)
{
	void *m = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;

	if (m == MAP_FAILED)
		return io_error(path);
	*p = m;
	return 0;
}

static void
unmap(const char *p, size_t n)
{
	if (p)
		munmap((void *)(uintptr_t)p, n);
}

/* All that raw unpacks to, into out. */
static int
unpack_to(struct out *out, struct old *f, enum decode_kind kind, const char *path)
{
	struct decode d = {0};
	char *mem = xmalloc(256u << 10);
	ssize_t r;

	decode_init(&d, kind);
	decode_input(&d, f->raw, f->raw_n);
	while ((r = decode_read(&d, mem, 256u << 10)) > 0)
		out_write(out, mem, (size_t)r);
	if (r == 0)
		r = decode_end(&d);
	free(mem);
	if (r < 0)
		warnx("%s: %s", path, d.err);
	decode_release(&d);
	if (r < 0)
		return CS_DATA;
	return out_flush(out) < 0 ? io_error("temporary file (TMPDIR says where)") : 0;
}

static int
unpack(struct old *f, enum decode_kind kind, const char *path)
{
	struct out out;
	int fd = file_temporary(), r;

	if (fd < 0)
		return io_error("temporary file (TMPDIR says where)");
	out_open(&out, fd);
	r = unpack_to(&out, f, kind, path);
	f->n = out.bytes;
	if (r == 0)
		r = map(&f->p, fd, f->n, path);
	free(out.mem);
	close(fd);
	return r;
}

int
old_read(struct old *f, const char *path)
{
	struct stat st;
	enum decode_kind kind;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOENT ? 0 : io_error(path);
	if (fstat(fd, &st) < 0) {
		close(fd);
		return io_error(path);
	}
	f->was = st;
	f->raw_n = (size_t)st.st_size;
	r = map(&f->raw, fd, f->raw_n, path);
	close(fd);
	if (r || !f->raw)
		return r;
	f->crc = (uint32_t)crc32_z(0, (const void *)f->raw, f->raw_n);
	kind = decode_kind(f->raw, f->raw_n);
	if (kind != DECODE_PLAIN)
		return unpack(f, kind, path);
	f->p = f->raw;
	f->n = f->raw_n;
	return 0;
}

void
old_release(struct old *f)
{
	if (f->p != f->raw)
		unmap(f->p, f->n);
	unmap(f->raw, f->raw_n);
	memset(f, 0, sizeof *f);
}

bool
old_same(const struct old *f, const char *path)
{
	const struct stat *was = &f->was;
	struct stat st;

	if (stat(path, &st) < 0)
		return !was->st_ino;
	return st.st_ino == was->st_ino && st.st_dev == was->st_dev && st.st_size == was->st_size &&
	       st.st_mtim.tv_sec == was->st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == was->st_mtim.tv_nsec;
}
