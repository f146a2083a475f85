/*
 * A table that records go to, whatever the database.
 *
 *	columns.c  its columns, known and wanted       record.c   records into their cells
 *	declare.c  its key, what was declared of it    rowhash.c  --key-hash, by canon.c
 *	meta.c     columns that are ours
 */
#ifndef TABLE_H
#define TABLE_H

#include "sink.h"
#include "types.h"

#define COLUMNS_MAX 2000 /* SQLite's own default */

#define SET_WORDS   ((COLUMNS_MAX + 63) / 64)

enum presence {
	COLUMN_STORED, /* in the database */
	COLUMN_NEW,    /* wanted by the record at hand */
	COLUMN_NULL    /* seen, but never with a value */
};

struct column {
	char *name;
	size_t len;
	char *sqltype;	 /* as declared in the database; "" when it has none */
	enum store store;
	enum store want; /* what the record at hand needs; store when it fits */
	struct rule rule;
	enum presence presence;
	bool key, pk, generated, collated; /* with a collation other than BINARY */
	enum meta meta;
	bool null_seen; /* in a record that was stored */
	bool wanted; /* whatever the records say: declared, or --synced-at */
	uint64_t stamp;	 /* of the row its cell belongs to */
	struct cell cell;

	/* PostgreSQL's */
	unsigned char native; /* enum native (pgsink.h), 0: the database is another */
	int width, scale;     /* of numeric(width,scale) and varchar(width); 0: no limit */
	bool inferred;	      /* made by cs-load for what records had, and the same since */
	bool recast;	      /* the record at hand needs it to be of the type that want means */
	bool required;	      /* NOT NULL, and without a default */
};

/* Is it compared with what is there? Keys are equal anyway, times of the run always differ. */
static inline bool
column_compared(const struct column *c)
{
	return !c->key && c->meta != META_SYNCED && c->meta != META_FIRST && c->meta < META_FROM;
}

#define STMTS_MAX 64

struct sqlite3_stmt;

struct table {
	struct table *next;
	char *name;
	char *asked;	  /* as the first record has it: SQLite finds a name in any case */
	bool by_default;  /* by one that named no table */
	struct column *columns;
	size_t n, cap;
	unsigned *index; /* hash of the name -> column + 1 */
	size_t mask;
	unsigned *guess; /* column of the i-th member of the last record */
	size_t nguess;
	struct names key; /* n 0: append */
	struct names pk;  /* the primary key in the database */
	int meta[METAS];  /* columns that cs-load fills, or -1 */
	bool exists, ours; /* ours: made by cs-load and by nobody else since */
	bool dirty;	   /* the record at hand wants it changed */
	uint64_t row;	   /* stamp of that record */
	struct buf mem;	   /* its decoded strings */
	char hash[64];	   /* --key-hash of it */
	unsigned *sorted;  /* columns by name, for rowhash() */
	size_t nsorted;
	uint64_t set[SET_WORDS]; /* its columns */
	bool partitioned;	 /* PostgreSQL's */

	/* PostgreSQL's */
	bool full_made;	     /* the table of the keys seen is there */
	struct pgseen *full; /* as seen, below */

	/* SQLite's */
	int alias;	  /* column that is the rowid, or -1 */
	bool without_rowid, strict;
	bool bulk; /* its key has no index yet, see digest.h */
	struct seen *seen; /* rows that the full run has brought; NULL: none of its affair */
	struct stmt *stmts[STMTS_MAX], *last;
	size_t nstmts, evict;
	struct sqlite3_stmt *find, *delete;
	struct sqlite3_stmt *active, *close;   /* see history.c */
	struct sqlite3_stmt *image, *image_at; /* read a row by key, by rowid: see change.h */
	struct digest *digest;
};

/* A table of which nothing is known but its name. */
struct table *table_new(struct slice name);
/* Free what is in it that is not SQLite's, and itself. */
void	table_release(struct table *t);

/* The column of that name, also one that is not in the database; -1 when there is none. */
int	table_find(const struct table *t, struct slice name);
/* The same of a key column, or any other by its name as a string. */
int	table_named(const struct table *t, const char *name);
/* The column of that name, which is wanted whatever the records say: added to a table that lacks it. */
int	table_want(struct sink *s, struct table *t, const char *name, int *column);
/* Add a column that records have and the database has not. ROW_BAD when the name cannot be one. */
int	table_add(struct sink *s, struct table *t, struct slice name, int *column);
/* Want the columns that only were null, as they are at the end of a complete stream: is any wanted now? */
bool	table_want_nulls(const struct sink *s, struct table *t);
/* Take back what a bad record wanted: there were n columns before it. */
void	table_undo(struct table *t, size_t n);
/* Append a column that is known to be new. */
struct column *table_column(struct table *t, struct slice name);
/* Forget the columns from the n-th on. */
void	table_truncate(struct table *t, size_t n);

/* The newest declaration of a table, or NULL. */
struct decl *decl_of(struct decl *list, const char *table);
/* Put a declaration at the head of the list, or into it, which is the one that counts then. */
struct decl *decl_push(struct decl **list, struct decl *d);
/* Is the version that a table's rows are of said to be whole? -1: it has none. */
bool	decl_activated(struct decl *list, const char *table, int64_t version);
/* Set its key: that of the command line for the default table, then the declared one. 0 or a CS_ status. */
int	table_key(struct sink *s, struct table *t, const struct decl *d);
/* Is the name one that it may have, and may it be made, if it is not there? 0, ROW_BAD or a CS_ status. */
int	table_allowed(struct sink *s, const struct table *t);
int	table_creatable(struct sink *s, const struct table *t, const struct decl *d);
/* Want the columns that are declared and those that cs-load fills. */
int	table_wants(struct sink *s, struct table *t, const struct decl *d);
/* Two tables of a stream whose names differ in case alone would be one. 0 or ROW_BAD. */
int	table_asked(struct sink *s, struct table *t, struct slice name);

/* Have the columns that cs-load fills, see load.h: 0, ROW_BAD or a CS_ status. */
int	meta_want(struct sink *s, struct table *t);
/* Is it one of BOOLEAN? The others are text. */
bool	meta_boolean(enum meta m);
/* Give them the values that go with op, and add them to t->set. */
void	meta_fill(const struct sink *s, struct table *t, enum op op);

/* Give the record at hand the hash of its members as its key. 0 or ROW_BAD. */
int	rowhash(struct sink *s, struct table *t, enum op op);

/* Read the record at hand into the cells of t; what it wants of the table is noted there. *members: how many
 * members it has, t->guess being their columns. 0, ROW_BAD or a CS_ status. */
int	record_read(struct sink *s, struct table *t, const struct row *row, size_t *members);
/* Has it the whole key? 0 or ROW_BAD. */
int	record_key(struct sink *s, const struct table *t);
/* A table cannot be without columns: one that begins with nulls gets theirs, without a type. 0 or ROW_BAD. */
int	record_begins(struct sink *s, struct table *t);
/* Note in t->set the columns that get a value, and give those that are ours theirs; whole: what an upsert lacks becomes NULL. */
void	record_choose(const struct sink *s, struct table *t, const struct row *row, size_t members, bool whole);
/* It is stored: note columns that only were null so far. */
void	record_stored(struct table *t, size_t members);
/* ROW_BAD: c's cell "is not an INTEGER", or what else there is to say of a value that does not fit; fits: what was declared,
 * but not what the table has. */
int	cell_bad(struct sink *s, const struct column *c, bool fits);

#endif
