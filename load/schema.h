/*
 * Declared tables: --schema files (the form of the Fivetran SDK's schema()) and schema lines.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "cs.h"
#include "load.h"
#include "stream.h"
#include "types.h"

struct decl {
	char *table;
	struct names key; /* n 0: not declared */
	struct decl_column {
		char *name;
		struct rule rule;
	} *columns;
	size_t ncolumns;
	int64_t version; /* of the table: its rows are all of this one; -1: not told */
	struct decl *next;
};

/* Every table of a file, or a CS_ status after printing why. */
int	schema_file(struct decl **d, const char *path);
/* The table of a schema line. 0, or -1 with *why (free() it). */
int	schema_line(struct decl **d, const struct control *c, char **why);
void	decl_free(struct decl *d);

#endif
