#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "csvread.h"
#include "show.h"

void
csv_release(struct csv *c)
{
	while (c->n)
		free(c->columns[--c->n].name);
	free(c->columns);
	free(c->guess);
	free(c->index);
	buf_release(&c->mem);
	buf_release(&c->field);
	memset(c, 0, sizeof *c);
}

/* Where the name is in the index, or would be. */
static size_t *
place(const struct csv *c, struct slice name)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	size_t i, k;

	for (i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	for (i = h & c->mask; (k = c->index[i]) > 0; i = (i + 1) & c->mask)
		if (slice_eq(name, c->columns[k - 1].name, c->columns[k - 1].len))
			break;
	return &c->index[i];
}

static struct slice
name_of(const struct csv *c, size_t k)
{
	return (struct slice){c->columns[k].name, c->columns[k].len};
}

/* Room for one more: at most half full. */
static void
grow_index(struct csv *c)
{
	if (c->index && c->n < c->mask / 2)
		return;
	free(c->index);
	c->mask = c->mask ? c->mask * 2 + 1 : 63;
	c->index = xcalloc(c->mask + 1, sizeof *c->index);
	for (size_t k = 0; k < c->n; k++)
		*place(c, name_of(c, k)) = k + 1;
}

/* Last in, first out, so that no other name's search ran through the place that gets empty. */
void
csv_cut(struct csv *c, size_t n)
{
	while (c->n > n) {
		*place(c, name_of(c, c->n - 1)) = 0;
		free(c->columns[--c->n].name);
	}
}

/* The column of the i-th member, or c->n. */
static size_t
find(struct csv *c, struct slice name, size_t i)
{
	size_t k;

	if (i < c->nguess && c->guess[i] < c->n &&
	    slice_eq(name, c->columns[c->guess[i]].name, c->columns[c->guess[i]].len))
		return c->guess[i];
	k = c->index ? *place(c, name) : 0;
	k = k ? k - 1 : c->n;
	if (i >= c->nguess) {
		c->nguess = (i + 1) * 2;
		c->guess = xreallocarray(c->guess, c->nguess, sizeof *c->guess);
		memset(c->guess + i, 0xff, (c->nguess - i) * sizeof *c->guess);
	}
	c->guess[i] = k;
	return k;
}

void
csv_column(struct csv *c, const char *name, size_t n)
{
	if (find(c, (struct slice){name, n}, 0) < c->n)
		return;
	grow_index(c);
	if ((c->n & (c->n - 1)) == 0) /* a power of two: full */
		c->columns = xreallocarray(c->columns, c->n ? c->n * 2 : 1, sizeof *c->columns);
	*place(c, (struct slice){name, n}) = c->n + 1;
	c->columns[c->n++] = (struct csv_column){.name = xstrndup(name, n), .len = n};
}

/* One member of a record that is looked over. */
static int
check_member(struct csv *c, struct sink *s, struct slice key, size_t i)
{
	if (find(c, key, i) < c->n)
		return 0;
	if (memchr(key.p, '\0', key.n))
		return row_bad(s, "a column name that holds U+0000");
	if (s->o->columns == COLUMNS_FREEZE)
		return row_bad(
		    s, "column \"%.*s\" is not in the file (--columns freeze)", (int)key.n, key.p);
	if (s->o->columns == COLUMNS_EVOLVE) {
		csv_column(c, key.p, key.n);
		c->guess[i] = c->n - 1;
	}
	return 0;
}

int
csv_check(struct csv *c, struct sink *s, const struct row *row)
{
	struct slice key;
	struct value v;
	struct cell cell;
	const char *why;
	size_t n = c->n;
	int r, bad = 0;

	buf_clear(&c->mem);
	buf_room(&c->mem, row->n);
	for (size_t i = 0; !bad && (r = scan_key(row->scan, &key)) > 0; i++) {
		size_t k;

		bad = check_member(c, s, key, i);
		k = c->guess[i];
		if (bad || scan_value(row->scan, &v) < 0)
			break;
		why = k < c->n ? cell_read(&cell, &v, &c->mem) : NULL;
		if (why)
			bad = row_bad(s, "column \"%s\": %s", shown(c->columns[k].name), why);
	}
	if (!bad)
		bad = row_end(s, row, row->scan->err ? -1 : r);
	if (bad)
		csv_cut(c, n); /* a bad record leaves no columns */
	return bad;
}

int
csv_read_header(struct csv *c, const char *path, const char *p, size_t n)
{
	struct csvread header = {0};
	int r, status = 0;

	c->bom = n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0;
	if ((r = csvread_next(&header, &p, &n)) == 0)
		r = csvread_end(&header);
	if (r < 0) {
		warnx("%s:%llu: %s", path, (unsigned long long)header.line, header.err);
		status = CS_DATA;
	}
	for (size_t i = 0; status == 0 && i < header.n; i++) {
		struct slice name = header.field[i].text;
		size_t before = c->n;

		csv_column(c, name.p, name.n);
		if (c->n == before) {
			warnx("%s: column \"%s\" is there twice", path, shown_cut(name, SHOWN_MAX));
			status = CS_DATA;
		}
	}
	c->crlf = header.crlf;
	c->nold = c->n;
	csvread_release(&header);
	return status;
}

static void
end_line(const struct csv *c, struct out *out)
{
	out_write(out, c->crlf ? "\r\n" : "\n", c->crlf ? 2 : 1);
}

int
csv_find(const struct csv *c, const char *name)
{
	size_t k = c->index ? *place(c, (struct slice){name, strlen(name)}) : 0;

	return (int)k - 1;
}

int
csv_each(struct csv *c, const char *path, const char *p, size_t n, csv_take *take, void *arg)
{
	struct csvread in = {0};
	const char *from = p;
	bool header = true;
	int r, status = 0;

	while (status == 0 &&
	       ((r = csvread_next(&in, &p, &n)) > 0 || (r == 0 && (r = csvread_end(&in)) > 0))) {
		struct slice raw = {from, (size_t)(p - from)};

		from = p;
		if (header) {
			header = false;
			continue;
		}
		raw.n -= raw.n && raw.p[raw.n - 1] == '\n';
		raw.n -= in.crlf && raw.n && raw.p[raw.n - 1] == '\r';
		if (in.n != c->nold) {
			warnx("%s:%llu: %zu fields, and the header has %zu", path,
			    (unsigned long long)in.line, in.n, c->nold);
			status = CS_DATA;
		} else {
			status = take(arg, &in, raw);
		}
	}
	if (status == 0 && r < 0) {
		warnx("%s:%llu: %s", path, (unsigned long long)in.line, in.err);
		status = CS_DATA;
	}
	csvread_release(&in);
	return status;
}

void
csv_copy(struct csv *c, struct out *out, struct slice raw)
{
	out_write(out, raw.p, raw.n);
	for (size_t i = c->nold; i < c->n; i++)
		out_write(out, ",", 1);
	end_line(c, out);
}

int
csv_object(const struct csv *c, struct buf *out, const struct csvread *row)
{
	buf_addc(out, '{');
	for (size_t i = 0; i < row->n; i++) {
		const struct csvread_field *f = &row->field[i];

		if (!utf8_valid(f->text.p, f->text.n) || memchr(f->text.p, '\0', f->text.n))
			return -1;
		if (i)
			buf_addc(out, ',');
		json_quote(out, c->columns[i].name, c->columns[i].len);
		buf_addc(out, ':');
		if (f->text.n || f->quoted)
			json_quote(out, f->text.p, f->text.n);
		else
			buf_adds(out, "null");
	}
	buf_addc(out, '}');
	return 0;
}

static void
write_text(struct csv *c, struct out *out, const char *p, size_t n)
{
	const char *end = p + n, *q;
	bool quote = n == 0 || p[0] == ' ' || p[n - 1] == ' ';

	for (q = p; q < end && !quote; q++)
		quote = *q == ',' || *q == '"' || *q == '\n' || *q == '\r';
	if (!quote) {
		out_write(out, p, n);
		return;
	}
	buf_clear(&c->field);
	buf_addc(&c->field, '"');
	for (; (q = memchr(p, '"', (size_t)(end - p))); p = q + 1) {
		buf_add(&c->field, p, (size_t)(q - p) + 1);
		buf_addc(&c->field, '"');
	}
	buf_add(&c->field, p, (size_t)(end - p));
	buf_addc(&c->field, '"');
	out_write(out, c->field.p, c->field.len);
}

void
csv_write_header(struct csv *c, struct out *out)
{
	if (c->bom)
		out_write(out, "\xef\xbb\xbf", 3);
	for (size_t i = 0; i < c->n; i++) {
		if (i)
			out_write(out, ",", 1);
		write_text(c, out, c->columns[i].name, c->columns[i].len);
	}
	if (c->n)
		end_line(c, out);
}

void
csv_write(struct csv *c, struct out *out, const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;

	c->row++;
	buf_clear(&c->mem);
	buf_room(&c->mem, n);
	scan_init(&s, p, n);
	scan_enter(&s);
	for (size_t i = 0; scan_key(&s, &key) > 0; i++) {
		size_t k = find(c, key, i);

		scan_value(&s, &v);
		if (k == c->n)
			continue; /* --columns discard */
		cell_read(&c->columns[k].cell, &v, &c->mem);
		c->columns[k].stamp = c->row;
	}
	scan_release(&s);
	for (size_t i = 0; i < c->n; i++) {
		const struct csv_column *col = &c->columns[i];

		if (i)
			out_write(out, ",", 1);
		if (col->stamp == c->row && col->cell.kind != KIND_NULL)
			write_text(c, out, col->cell.p, col->cell.n);
		else if (c->n == 1)
			out_write(out, "\"\"", 2); /* a blank line would be no row */
	}
	if (c->n)
		end_line(c, out);
}
