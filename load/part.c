#include <err.h>
#include <errno.h>
#include <string.h>

#include "decode.h"
#include "part.h"

int
part_read(struct part *p)
{
	int r = old_read(&p->old, p->path);

	if (r == 0 && p->is_csv && p->old.p)
		r = csv_read_header(&p->csv, p->path, p->old.p, p->old.n);
	return r;
}

void
part_columns(struct part *p, const struct csv *csv)
{
	for (size_t i = 0; i < csv->n; i++)
		csv_column(&p->csv, csv->columns[i].name, csv->columns[i].len);
}

/* Can the bytes of the old file stand as they are, with more of them behind? */
static bool
same_packing(const struct part *p)
{
	static const enum decode_kind kinds[] = {
	    [PLAIN] = DECODE_PLAIN, [GZIP] = DECODE_GZIP, [ZSTD] = DECODE_ZSTD};

	return p->old.raw && decode_kind(p->old.raw, p->old.raw_n) == kinds[packing_of(p->path)] &&
	       p->old.n && p->old.p[p->old.n - 1] == '\n' && p->csv.n == p->csv.nold;
}

void
part_begin(struct part *p, int fd)
{
	pack_open(&p->pack, fd, packing_of(p->path));
	p->changed = !p->old.was.st_ino || p->csv.n != p->csv.nold;
}

static int
copy_row(void *arg, const struct csvread *row, struct slice raw)
{
	struct part *p = arg;

	(void)row;
	csv_copy(&p->csv, &p->pack.out, raw);
	return 0;
}

int
part_copy(struct part *p)
{
	if (same_packing(p)) {
		pack_raw(&p->pack, p->old.raw, p->old.raw_n);
		return 0;
	}
	if (p->is_csv) {
		csv_write_header(&p->csv, &p->pack.out);
		return p->old.p ? csv_each(&p->csv, p->path, p->old.p, p->old.n, copy_row, p) : 0;
	}
	if (p->old.p) {
		out_write(&p->pack.out, p->old.p, p->old.n);
		if (p->old.p[p->old.n - 1] != '\n')
			out_write(&p->pack.out, "\n", 1);
	}
	return 0;
}

void
part_add(struct part *p, const char *record, size_t n)
{
	p->changed = true;
	if (p->is_csv)
		csv_write(&p->csv, &p->pack.out, record, n);
	else
		out_line(&p->pack.out, record, n);
}

int
part_error(const struct part *p)
{
	if (!p->pack.out.error)
		return 0;
	errno = p->pack.out.error;
	warn("%s", p->path);
	return CS_IO;
}

void
part_release(struct part *p)
{
	pack_close(&p->pack);
	old_release(&p->old);
	csv_release(&p->csv);
}
