/*
 * What the columns held that were written: for --schema-out.
 *
 * A record is noted column by column and counts when it has gone through as a whole.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "cs.h"

struct schema;
struct seen; /* a column; lives as long as the schema */

/* rows: of n tables; names[i] is NULL for the records' own. The caller's to keep. */
struct schema *schema_new(const char *const *names, size_t n);
void	schema_free(struct schema *s);
/* The column of this table, made if there is none; owned by s. */
struct seen *schema_column(struct schema *s, size_t table, struct slice name);
/* A row of the table, and the JSON value p[0..n) that the column has in it. */
void	schema_row(struct schema *s, size_t table);
void	schema_value(struct schema *s, struct seen *column, const char *p, size_t n);
/* What was noted since the last call counts. */
void	schema_commit(struct schema *s);
/* Forget what was noted since the mark was made; 0 is the mark of the last commit. */
size_t	schema_mark(const struct schema *s);
void	schema_rollback(struct schema *s, size_t mark);
/* Write the file, at once or not at all. 0, or -1 after printing why. */
int	schema_write(const struct schema *s, const char *path);

#endif
