/*
 * Values: what a JSON value is, what a column holds without changing it, and what the
 * 14 declared types accept.
 */
#ifndef TYPES_H
#define TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "scan.h"

enum kind {
	KIND_NULL,
	KIND_BOOL,
	KIND_INT,    /* fits int64 */
	KIND_REAL,   /* at most 15 significant digits: a double gives them back */
	KIND_LONG,   /* any other number: only its text is exact */
	KIND_STRING,
	KIND_JSON,   /* object or array */
	KIND_BLOB
};

/* A value on its way into a column. p is the decoded string, or the number, literal or
 * compact JSON as it was written; it points into the line or into the caller's buffer. */
struct cell {
	enum kind kind;
	int64_t i;
	double d;
	const char *p;
	size_t n;
	struct slice raw; /* as it stands in the line */
};

/*
 * Read v. mem must have room for v->n more bytes, so that it does not move.
 * NULL, or why the value cannot be stored (static text).
 */
const char *cell_read(struct cell *x, const struct value *v, struct buf *mem);
/* Append the value as a message shows it, cut to a line's length. */
void	cell_show(struct buf *b, const struct cell *x);

/* How a column treats what is put into it (sqlite.org/datatype3.html, 3.1). */
enum store {
	STORE_NONE,    /* ours, without a type so far: holds NULL only */
	STORE_BOOLEAN, /* stored as 1 and 0 */
	STORE_INTEGER,
	STORE_REAL,
	STORE_TEXT,
	STORE_JSON,
	STORE_NUMERIC, /* numbers, and text that does not look like one */
	STORE_ANY      /* stores as given */
};

/* By the words in a declared SQL type; "" and NULL: STORE_ANY. */
enum store store_of(const char *sqltype);
/* The SQL type that a column of ours gets, in a STRICT table or in another. */
const char *store_sql(enum store c, bool strict);
/* The narrowest one that holds all that c holds and x too. */
enum store store_join(enum store c, const struct cell *x);
/* Fit x into a column that stores as c and cannot be changed: 0, or -1 when it would be altered there. */
int	store_force(enum store c, struct cell *x);

enum type {
	TYPE_NONE,
	TYPE_BOOLEAN,
	TYPE_SHORT,
	TYPE_INT,
	TYPE_LONG,
	TYPE_DECIMAL,
	TYPE_FLOAT,
	TYPE_DOUBLE,
	TYPE_NAIVE_DATE,
	TYPE_NAIVE_DATETIME,
	TYPE_UTC_DATETIME,
	TYPE_BINARY,
	TYPE_XML,
	TYPE_STRING,
	TYPE_JSON
};

/* A declared type. */
struct rule {
	enum type type;
	int precision, scale; /* DECIMAL */
};

/* By name; TYPE_NONE when there is no such type. */
enum type type_named(const char *name);
const char *type_name(enum type t);
/* The SQL type of a declared column: written into mem when it is no constant. */
#define RULE_SQL_MAX 32
const char *rule_sql(const struct rule *r, char mem[RULE_SQL_MAX]);
/* How such a column stores. */
enum store rule_store(const struct rule *r);
/* Bring x into the form that rule_sql's column stores. 0, or -1 when the type does not accept it.
 * mem as for cell_read. */
int	rule_apply(const struct rule *r, struct cell *x, struct buf *mem);

#endif
