/*
 * Rows in one file for each value of a column: DIR/NAME becomes DIR/COLUMN=VALUE/NAME (the layout of Hive). All files
 * take the place of the old ones together: what is to be renamed is written down first, so that whoever
 * comes after a crash can do the rest.
 */
#ifndef PARTITION_H
#define PARTITION_H

#include "beside.h"
#include "part.h"

struct partition;

/* column and path are the caller's. */
struct partition *partition_new(const char *path, const char *column, bool is_csv);
/* Do what a run before this one had only written down. With the lock held. 0 or CS_IO after printing. */
int	partition_recover(const char *path);
/* Remove new files that a run before this one left without writing them down. */
int	partition_clean(struct partition *x);
/* Change the rows that are there; what moves to another file, or has no place yet, is kept for partition_write(). */
int	partition_merge(struct partition *x, struct keyed *k, const struct csv *csv);
/* A new row. 0, or a CS_ status after printing. */
int	partition_add(struct partition *x, const char *record, size_t n);
/* Write the new rows behind the old ones, or, with replace, in the place of all files that are there. */
int	partition_write(struct partition *x, const struct csv *csv, bool replace);
/* All is written: let it take effect, and store after. */
int	partition_commit(struct partition *x, struct beside *after);
/* New files that did not take effect are removed. */
void	partition_free(struct partition *x);

#endif
