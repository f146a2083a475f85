/*
 * What the user asked for: the declarative part, from options and --rules.
 *
 * A column is named either by its path in the source, keys joined by dots (a dot, comma, equals sign or
 * backslash in a key takes a backslash, and a space may), or by its name in the output. A path of
 * several keys means exactly that member; a single one a member of the record or the column of that name.
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>

#include "buf.h"
#include "cs.h"

enum arrays { ARRAYS_UNSET, ARRAYS_JSON, ARRAYS_KEEP, ARRAYS_EXPLODE };
enum names { NAMES_KEEP, NAMES_SNAKE, NAMES_FIVETRAN };

enum cast {
	CAST_NONE,
	CAST_STRING,
	CAST_INTEGER,
	CAST_DECIMAL,
	CAST_BOOLEAN,
	CAST_JSON,
	CAST_TIMESTAMP,
	CAST_EPOCH_S,
	CAST_EPOCH_MS,
	CAST_EPOCH_US,
	CAST_DATE
};

/* When a column has the value that is given for it. */
enum fill { FILL_MISSING, FILL_NULL /* or missing */, FILL_ALWAYS };
/* What becomes of a value that is nobody's business. */
enum hide { HIDE_NONE, HIDE_HASH, HIDE_MASK, HIDE_NULL };

#define RULES_SEP "_" /* the separator if none is given */

struct path {
	char *text;	   /* as the user wrote it */
	struct slice *key; /* NUL-terminated, into mem */
	size_t n;	   /* keys, at least 1 */
	char *mem;
};

struct rename {
	struct path from;
	char *to;
};

struct column {
	struct path name;
	enum cast cast;
	char *value; /* --default, --fill, --set: JSON text, or NULL */
	enum fill fill;
	enum hide hide;
	bool *met; /* some record had it; for those that hide */
};

/* --child: the array at from gives rows of the table to. */
struct child {
	struct path from;
	char *to;
};

struct paths {
	struct path *v;
	size_t n;
};

struct rules {
	const char *flatten; /* separator, or NULL */
	int depth;	/* levels that are flattened; -1: all */
	enum arrays arrays;
	enum names names;
	bool python;	/* JSON text as Python writes it */
	bool only;	/* what rules name is kept, no more */
	struct paths keep, drop, child_key;
	struct paths named; /* by --rename, --type and the like, in this order */
	size_t chosen;	/* the first of keep; the others come from named */
	struct rename *rename;
	size_t renames;
	struct column *column;
	size_t columns;
	struct child *child;
	size_t children;
	const char *salt; /* SECRET, or NULL */
	char *where, *filter; /* jq programs, or NULL */
};

/*
 * Each adds one rule; what names it for messages ("--type"). A mistake ends the process
 * with CS_USAGE. Start-up memory lives until exit.
 */
void	rules_arrays(struct rules *r, const char *what, const char *mode);
void	rules_names(struct rules *r, const char *what, const char *mode);
void	rules_depth(struct rules *r, const char *what, const char *levels);
void	rules_path(struct paths *l, const char *what, const char *text, size_t n);
void	rules_list(struct paths *l, const char *what, const char *text);	/* by commas */
void	rules_rename(struct rules *r, const char *what, const char *from, size_t n, const char *to);
void	rules_type(struct rules *r, const char *what, const char *name, size_t n, const char *type);
void	rules_value(struct rules *r, const char *what, enum fill fill, const char *name, size_t n,
	    const char *json, size_t json_n);
void	rules_hide(struct rules *r, const char *what, enum hide hide, const char *name, size_t n);
void	rules_child(struct rules *r, const char *what, const char *from, size_t n, const char *to);
/* Call each of the names in a list divided by commas. */
void	rules_each(const char *what, const char *text,
	    void (*one)(void *arg, const char *name, size_t n), void *arg);
/* Where NAME ends in NAME=VALUE: at the first = without a backslash. NULL after a complaint. */
const char *rules_equals(const char *what, const char *text);
/* The members of a rules file, as if given as options. */
void	rules_file(struct rules *r, const char *path);
/* All rules are known: do they fit together? Sets what depends on others. */
void	rules_check(struct rules *r);
/*
 * At the end: the next column, from *i on, that was to be hidden and that no record had, or NULL. Members of objects
 * are left out: the object may be null.
 */
const char *rules_unmet(const struct rules *r, size_t *i);
/* Nothing but jq programs, or not even those. */
bool	rules_none(const struct rules *r);

bool	path_same(const struct path *a, const struct path *b);
/* Does p begin with the keys of head, and go on? */
bool	path_in(const struct path *p, const struct path *head);

/* The innermost array of --child that p leads into, or NULL: a column of the record itself. */
const struct child *rules_row(const struct rules *r, const struct path *p);

const char *cast_name(enum cast c);

#endif
