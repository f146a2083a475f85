/*
 * The SQLite sink, inside.
 *
 *	sqlite.c   the connection and its transactions     past.c      what is known of a stream
 *	catalog.c  what the database knows of a table      digest.c    which rows need no statement
 *	table.c    tables and columns that are made        seen.c      which rows a full run has brought,
 *	widen.c    their types                             missing.c   and that the others go
 *	marks.c    deleted rows that stay                  stage.c     --mode replace
 *	stmt.c     prepared statements                     history.c   --mode history
 *	row.c      cells into rows                         change.c    --changes, by trail.c
 *	number.c   when two numbers are the same           indexes.c   --index
 */
#ifndef SQLITE_H
#define SQLITE_H

#include <sqlite3.h>

#include "table.h"

struct stmt {
	sqlite3_stmt *st; /* NULL: an update with nothing to change */
	sqlite3_stmt *copy, *insert; /* see history.c */
	sqlite3_stmt *at; /* of an upsert: the update of a row that is there, by its rowid too; made when needed */
	enum op op;
	uint64_t set[SET_WORDS]; /* columns bound, by index */
	unsigned *columns;	 /* the same, in the order of the parameters */
	size_t n;
};

#define CHUNK_BYTES 32

/* The chunk of rows seen that was looked up last. */
struct found {
	sqlite3_stmt *st; /* looks for others */
	bool valid;
	int64_t number;
	unsigned char bits[CHUNK_BYTES];
};

struct db {
	struct sink sink;
	sqlite3 *h;
	const char *path;
	struct table *tables;
	struct table *at;     /* of the record at hand */
	struct decl *decls;   /* --schema and schema lines; owned */
	struct buf sql;
	bool fresh;	      /* the file is of our making, and not in WAL mode yet */
	bool foreign_keys;    /* there are some, and they are kept */
	bool tx, marked;      /* in a transaction; with a savepoint */
	int64_t schema;	      /* schema_version as last seen */
	int64_t data;	      /* data_version as last seen: others have written when it is another */
	char *stream, *run;   /* the checkpoint kept but not yet written */
	struct buf state;
	int64_t records;
	struct seen *seen;    /* by the full run */
	struct stage *stage;  /* NULL: not --mode replace */
	struct names unversioned; /* tables that got rows of no version in a run that is not full */
	struct changes *changes; /* NULL: not asked for */
	struct found found;
	struct counts before; /* as at the mark */
	size_t added_before;
};

/* The page cache: a quarter of --memory, or half where that is little. 64 MiB hold the inner pages of a random
 * key's index; SQLite's default spills. */
static inline uint64_t
cache_bytes(const struct opts *o)
{
	uint64_t half = o->memory / 2, fourth = o->memory / 4;

	return fourth > UINT64_C(64) << 20 ? fourth : half < UINT64_C(64) << 20 ? half : UINT64_C(64) << 20;
}

/* What SQLite says, fit to be shown. */
const char *db_message(struct db *db);
/* Print it and return the status for it; what SQLite says may be younger than the error rc, of lib/statedb. */
int	db_fail(struct db *db);
int	db_failed(struct db *db, int rc);
int	db_exec(struct db *db, const char *sql);
/* NULL after printing (then the status is CS_IO). */
sqlite3_stmt *db_prepare(struct db *db, const char *sql);
/* Make the _cs tables unless they are there. */
int	db_state(struct db *db);
/* Append a name in SQL quotes. */
void	sql_name(struct buf *b, const char *name);

/* The table of that name; name.p NULL: the default one. */
int	table_get(struct db *db, struct slice name, struct table **t);
/* See that the key has a unique index. 0 or a CS_ status. */
int	table_unique(struct db *db, struct table *t);
/* Declare a table from here on; d is db's then. It comes to be unless its key has no type yet. */
int	decl_add(struct db *db, struct decl *d);

/* Bring the database in line with what the record at hand wants. */
int	table_sync(struct db *db, struct table *t);
/* As table_undo(), when the database has been brought in line and rolled back: read the table again. */
int	table_reload(struct db *db, struct table *t, size_t n);
/* The columns that never had a value, as they are wanted at the end of a complete stream. */
int	table_finish(struct db *db, struct table *t);
void	table_sql(struct buf *b, const struct table *t, const char *name);
/* One column of it, and of ALTER TABLE ADD. */
void	column_sql(struct buf *b, const struct table *t, const struct column *c);
/* A name of the rowid that no column of the table takes; NULL: there is none. */
const char *table_rowid(const struct table *t);
void	table_free(struct table *t);
void	tables_forget(struct db *db);

/* Append DELETE FROM t, or the UPDATE of a soft delete; a WHERE may follow. */
void	meta_delete_sql(const struct db *db, const struct table *t, struct buf *b);
/* Append what is true of rows that are not deleted, behind a word; nothing where rows really go. */
void	meta_live_sql(const struct table *t, const char *word, struct buf *b);

/* Make the indexes of --index. 0 or a CS_ status. */
int	indexes_make(struct db *db);

/* Change the types of stored columns to what is wanted. */
int	table_widen(struct db *db, struct table *t);

/* See that the column can hold its cell, as it is or made wider. */
int	sqlite_fit(struct sink *s, struct table *t, struct column *c);

/* SQL functions: cs_text(REAL), and cs_differs(COLUMN, STORED TEXT) for the record at hand. */
int	number_functions(struct db *db);

/* The statement that upserts or updates the columns t->set. */
int	stmt_get(struct db *db, struct table *t, enum op op, struct stmt **s);
/* For an upsert: the update of the row with the rowid in parameter s->n + 1, if it has the record's key and would change;
 * *st is NULL when there is nothing but a key. */
int	stmt_at(struct db *db, const struct table *t, struct stmt *s, sqlite3_stmt **st);
/* The statements that find and delete a row by its key, its columns in the key's order. */
int	stmt_find(struct db *db, struct table *t, sqlite3_stmt **st);
int	stmt_delete(struct db *db, struct table *t, sqlite3_stmt **st);
void	stmts_free(struct table *t);
void	images_free(struct table *t); /* the columns are others now */
/* Append "k1" = ?1 AND "k2" = ?2: the key's parameters in s, or in its own order. */
void	key_is(struct buf *b, const struct table *t, const struct stmt *s);
/* Append (("t"."a" IS NOT X OR ...)), X being what the column would be set to: excluded."a", or its parameter. */
void	stmt_differs(struct buf *b, const struct table *t, const struct stmt *s, bool excluded);
/* Append SET a = X, b = Y: everything but the key. Returns how many of the columns are compared. */
size_t	stmt_assign(struct buf *b, const struct table *t, const struct stmt *s, bool excluded);

/* See sink.h. */
int	sqlite_past(struct sink *s);
int	sqlite_meta_get(struct sink *s, const char *name, char **value);
int	sqlite_meta_put(struct sink *s, const char *name, const char *value);
int	sqlite_begin(struct sink *s);
int	sqlite_end(struct sink *s, int r);

int	sqlite_row(struct sink *s, const struct row *row);
/* Run a statement that returns no rows, or one: 0 with *found, ROW_BAD for what the table forbids. */
int	run(struct db *db, sqlite3_stmt *st, bool *found);
/* Bind the cells of the record at hand that s takes to st. */
int	bind_all(struct db *db, const struct table *t, const struct stmt *s, sqlite3_stmt *st);
/* Bind the key of the record at hand, in the key's order. */
int	bind_key(struct db *db, const struct table *t, sqlite3_stmt *st);

#endif
