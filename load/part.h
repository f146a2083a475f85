/*
 * One file of rows, NDJSON or CSV, and the new one that is to take its place: the old rows, kept or changed, and
 * new ones behind them.
 */
#ifndef PART_H
#define PART_H

#include "csv.h"
#include "merge.h"
#include "old.h"
#include "pack.h"
#include "pending.h"

struct part {
	const char *path; /* the caller's */
	bool is_csv;
	struct old old;
	struct csv csv; /* columns: of the old file, then others */
	struct pack pack;
	bool changed; /* the new file is another than the old one */
};

/* Read the old file. 0, or a CS_ status after printing. */
int	part_read(struct part *p);
/* Columns that are to be there, too. */
void	part_columns(struct part *p, const struct csv *csv);
/* Begin the new file on fd; pack_close() ends it. */
void	part_begin(struct part *p, int fd);
/* All old rows as they are. */
int	part_copy(struct part *p);
/* A new row: a record that csv_check() has seen, as JSON. */
void	part_add(struct part *p, const char *record, size_t n);
/* The first failed write of the new file, printed. 0 or CS_IO. */
int	part_error(const struct part *p);
void	part_release(struct part *p);

/* How the old rows are changed. */
struct keyed {
	const struct opts *o;
	struct pending *pending;
	struct counts *counts;
	/* Where a changed row goes if it is not to stay in its place; true: it was taken. NULL: it stays. */
	bool (*move)(void *arg, const struct part *from, struct slice record);
	void *arg;
	/* private */
	struct merge merge;
	struct buf now, next, key, why;
	bool present, changed;
};

/* The old rows, with their changes. Those of keys that are not there are left over. */
int	part_merge(struct part *p, struct keyed *k);
/* A row for each key left over: 1 with *record, 0 when none is left, or -1 after printing. */
int	keyed_rest(struct keyed *k, bool is_csv, struct slice *record);
void	keyed_release(struct keyed *k);

#endif
