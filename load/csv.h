/*
 * CSV as RFC 4180 has it, with LF for line ends unless the file to be appended to has CRLF.
 *
 * The header needs every column, so records are kept as JSON until the last one is there.
 * NULL and a missing member are an empty field, an empty string is "".
 */
#ifndef CSV_H
#define CSV_H

#include "csvread.h"
#include "lines.h"
#include "sink.h"

struct csv {
	struct csv_column {
		char *name;
		size_t len;
		uint64_t stamp; /* of the row its cell belongs to */
		struct cell cell;
	} *columns;
	size_t n, nold; /* columns; of them in the file that is appended to */
	size_t *guess, nguess;
	size_t *index, mask; /* hash of the name -> column + 1 */
	uint64_t row;
	bool crlf, bom; /* of the file that is appended to */
	struct buf mem, field;
};

void	csv_release(struct csv *c);
/* Add a column unless it is there. */
void	csv_column(struct csv *c, const char *name, size_t n);
/* Forget the columns from the n-th on. */
void	csv_cut(struct csv *c, size_t n);
/* Look a record over: its columns are noted, its values can be written. 0 or ROW_BAD. */
int	csv_check(struct csv *c, struct sink *s, const struct row *row);
/* The header of an existing file. 0, or CS_DATA after printing. */
int	csv_read_header(struct csv *c, const char *path, const char *p, size_t n);
/*
 * Go over the rows of that file behind its header. raw is the row as it stands there, without its line end, but with
 * blank lines that are in front of it. 0, CS_DATA after printing, or what take gave.
 */
typedef int csv_take(void *arg, const struct csvread *row, struct slice raw);
int	csv_each(struct csv *c, const char *path, const char *p, size_t n, csv_take *take, void *arg);
/* Write such a row, as wide as the columns are now. */
void	csv_copy(struct csv *c, struct out *out, struct slice raw);
/* Append such a row as a JSON object of texts and nulls. 0, or -1 when it cannot be said: it is no UTF-8, or holds NULs. */
int	csv_object(const struct csv *c, struct buf *out, const struct csvread *row);
/* The column of that name, or -1. */
int	csv_find(const struct csv *c, const char *name);
void	csv_write_header(struct csv *c, struct out *out);
/* One record that csv_check() saw, as a line of JSON. */
void	csv_write(struct csv *c, struct out *out, const char *p, size_t n);

#endif
