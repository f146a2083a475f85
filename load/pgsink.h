/*
 * The PostgreSQL sink, inside.
 *
 *	pgsink.c     the connection and its transactions       pgrow.c     records into groups of rows
 *	pgcareful.c  which record the server refuses           pgmerge.c   groups into their table
 *	pgcatalog.c  what the database knows of a table        pgtypes.c   types, and values as text
 *	pgtable.c    tables and columns that are made          pgpast.c    what is known of a stream
 *	pgmarks.c    deleted rows that stay                    pgchange.c   --changes
 *	pgseen.c     what a full run did not bring             pgstage.c    tables that are replaced
 *	pghistory.c  versions of rows
 *
 * Rows are checked here as far as their types are known, and wait in groups of one shape (table, operation, columns) until
 * there are many. Then each group is one statement: COPY into a temporary table and INSERT ... SELECT ... ON CONFLICT,
 * or, where the server is another than PostgreSQL, the same from jsonb_to_recordset($1). A key that comes
 * again goes into a group of a later round, so that each record counts as if it had been alone.
 *
 * What the server refuses although it looked good takes the whole transaction with it: all of it comes again
 * (SINK_AGAIN), a few rows at a time then, each time with a savepoint, until the records at fault are found.
 */
#ifndef PGSINK_H
#define PGSINK_H

#include "pg.h"
#include "feed.h"

/* What cs-load knows how to check before the server sees it. */
enum native {
	NATIVE_OTHER = 1, /* text is what the server takes, and what is wrong with it is for the server to say */
	NATIVE_BOOL,
	NATIVE_INT2,
	NATIVE_INT4,
	NATIVE_INT8,
	NATIVE_FLOAT4,
	NATIVE_FLOAT8,
	NATIVE_NUMERIC,
	NATIVE_TEXT,
	NATIVE_VARCHAR,
	NATIVE_CHAR, /* of width bytes */
	NATIVE_JSON,
	NATIVE_JSONB,
	NATIVE_DATE,
	NATIVE_TIMESTAMP,
	NATIVE_TIMESTAMPTZ,
	NATIVE_TIME, /* of a day, perhaps with a zone */
	NATIVE_BYTEA
};

/* Rows of one shape that wait. */
struct group {
	struct table *t;
	enum op op;
	unsigned round;	   /* those of a lower one come first */
	bool copy;	   /* data is for COPY; else a JSON array without its end */
	bool split;	   /* an insert would lack a column that is required: update first */
	uint64_t set[SET_WORDS], numbers[SET_WORDS]; /* its columns; those of text in which these rows have numbers */
	unsigned *columns; /* the first, by index */
	size_t n;
	struct buf data;
	uint64_t rows;
};

struct pgdb {
	struct sink sink;
	struct pg pg;
	bool native;	       /* PostgreSQL itself */
	bool tables_there;     /* the _cs tables are */
	struct table *tables;
	struct decl *decls;
	bool tx;
	int failed;	       /* the status of a commit that was refused: nothing is kept from there on */
	struct counts before;  /* as at the last commit */
	size_t added_before;
	struct progress progress;
	struct buf sql;
	/* The checkpoint kept but not yet written. */
	char *stream, *run;
	struct buf state;
	int64_t records;
	/* pgrow.c */
	struct group **groups, *last;
	size_t ngroups, cap;
	uint64_t rows, bytes;  /* that wait in them */
	uint64_t most_rows;    /* may wait */
	uint64_t *keys;	       /* of rows that wait: a hash, and in the low byte the round; 0: a free slot */
	size_t nkeys, mask;
	struct pgseen *full, *full_kept; /* of which runs the rows seen are noted; the same at the last commit */
	struct names unversioned;	 /* tables, see pgseen.c */
	struct pgstage *stage;		 /* --mode replace */
	struct names stages;   /* columns of the temporary tables of this transaction, number 1 the first */
	/* pgcareful.c */
	bool careful, careful_now;
	struct buf lines;
	struct {
		uint64_t lineno;
		size_t end;    /* in lines */
	} *line;
	size_t nlines, line_cap;
	struct scan scan;
	struct tag tag;
	struct changes *changes; /* NULL: not asked for */
	/* pgsink.c */
	char token[48];	       /* name of the row that tells which commit was the last */
	uint64_t commit;       /* its number */
	uint64_t committed;    /* of the last one that is known to have taken place; 0: none has */
	bool token_there;
	unsigned stale;	       /* times in a row that a table was not as it was known to be */
};

/*
 * What the last failure of db->pg means: ROW_BAD when a row is at fault (the transaction is spoiled),
 * SINK_AGAIN when another try is worth it, else the status, after printing.
 */
int	pgdb_fail(struct pgdb *db);
/* Is the transaction open, and spoiled by a failure? */
bool	pgdb_spoiled(const struct pgdb *db);
int	pgdb_exec(struct pgdb *db, const char *sql);
/* The same of what makes something: another may do so at the same time. */
int	pgdb_make(struct pgdb *db, const char *sql);
int	pgdb_made(struct pgdb *db); /* it failed */
/* Is there a table, or what else, of that name? */
int	pg_there(struct pgdb *db, const char *name, bool *there);
/* One statement whose first row's first two values are wanted as numbers. */
int	pgdb_ask(struct pgdb *db, const char *sql, int n, const char *const *values, int64_t out[2]);

/* The table of that name; name.p NULL: the default one. */
int	pgtable_get(struct pgdb *db, struct slice name, struct table **t);
void	pgtables_forget(struct pgdb *db);
/* What is known of the tables may not be so any more: read it again, but for columns that only were null. */
int	pgtables_refresh(struct pgdb *db);
/* Read t, of which the name is known. */
int	pgtable_load(struct pgdb *db, struct table *t);
/* Bring the database in line with what the record at hand wants. */
int	pgtable_sync(struct pgdb *db, struct table *t);
/* Ask for a number of what is called $1, as t is, and has the columns $2, a JSON array: *any unless it is 0. */
int	pgnames_ask(struct pgdb *db, const char *sql, const struct table *t, const struct names *columns, bool *any);
/* Make an index (what: "create index") on columns of t, of that name, unless it is too long or taken; rest: " where ...". */
int	pgindex_make(struct pgdb *db, const char *what, const char *name, const struct table *t, const struct names *columns,
    const char *rest);
/* See that the key has a unique index. 0 or a CS_ status. */
int	pgtable_unique(struct pgdb *db, struct table *t);
/* The columns that never had a value, as they are wanted at the end of a complete stream. */
int	pgtable_finish(struct pgdb *db, struct table *t);
int	pgindexes_make(struct pgdb *db);
int	pg_declare(struct sink *s, struct decl *d);

/* Set native, width, scale and store by the type as format_type() has it. */
void	pgtype_set(struct column *c, const char *type);
/* The SQL type of a column that is about to be made. */
char	*pgtype_sql(const struct column *c);
int	pg_fit(struct sink *s, struct table *t, struct column *c);
/* Append c's cell as COPY text, as JSON. */
void	pgcell_copy(struct buf *b, const struct column *c);
void	pgcell_json(struct buf *b, const struct column *c);

int	pg_row(struct sink *s, const struct row *row);
/* Have the effect of a record: it waits then. */
int	pgrow_take(struct pgdb *db, const struct row *row);
/* No rows wait, and none did. */
void	pgrows_forget(struct pgdb *db);

/* Append pieces of SQL about a group: "a", "b", each behind a prefix; its rows, as e; SET "a" = e."a" of all but the key (is any of
 * them compared?); (t."a" is distinct from e."a" or ...); t."k" = e."k" and ... */
void	pggroup_list(struct buf *b, const struct group *g, const char *prefix);
void	pggroup_rows(struct buf *b, const struct group *g, size_t stage);
bool	pggroup_assign(struct buf *b, const struct group *g, const char *row);
void	pggroup_differs(struct buf *b, const struct group *g, const char *row);
void	pgkey_same(struct buf *b, const struct table *t);
/* For --changes: in a WITH, the rows that are there, as o; the end of a statement that wants to know the rows in r, as they
 * were and as they are: pgchange_run() takes them; FROM those in r, as n, and what they were in o. */
void	pggroup_old(struct buf *b, const struct group *g, size_t stage);
void	pggroup_tell(struct buf *b, const struct table *t, bool old, bool new);
void	pggroup_join(struct buf *b, const struct table *t, const char *r);
/* Run the statement in db->sql about the group's rows, which gives two numbers; or, with --changes, rows as pgchange_run() takes
 * them. */
int	pggroup_count(struct pgdb *db, const struct group *g, int64_t n[2]);
int	pggroup_ask(struct pgdb *db, const struct group *g, int64_t n[2]);
/* COPY data, by the statement sql. */
int	pgcopy(struct pgdb *db, const struct buf *data, const char *sql);

/* Does the table keep versions? Is an existing one, its columns read, one to keep them in? Make its index. */
bool	pghistory_of(const struct table *t);
int	pghistory_check(struct pgdb *db, const struct table *t);
int	pghistory_index(struct pgdb *db, const struct table *t);
/* Write the group's rows, which are in the stage of that number if it is one to copy. */
int	pghistory_write(struct pgdb *db, const struct group *g, size_t stage);

/* Have all the rows that wait in the database. 0, ROW_BAD: the server refused some of them, SINK_AGAIN or a CS_ status. */
int	pg_flush(struct pgdb *db);
/* Is there a row with the key in the cells? */
int	pg_find(struct pgdb *db, struct table *t, bool *there);

/* Do deleted rows stay in the table? Then append SET and the marks. */
bool	pgmark_deletes(const struct table *t);
void	pgmark_sql(const struct sink *s, const struct table *t, struct buf *b);
/* Append what is true of rows t that are not deleted, behind a word; nothing where rows really go. */
void	pgmark_live_sql(const struct table *t, const char *word, struct buf *b);

/* --changes, see pgchange.c. */
int	pgchanges_open(struct pgdb *db);
void	pgchange_columns(struct buf *b, const struct table *t, const char *row);
int	pgchange_run(struct pgdb *db, const struct table *t, int params, const char *const *values, int64_t n[2]);

int	careful_add(struct pgdb *db, const struct row *row);
/* Have all lines that wait in the database, but for those that the server refuses. */
int	careful_flush(struct pgdb *db);

int	pg_past(struct sink *s);
int	pg_meta_get(struct sink *s, const char *name, char **value);
int	pg_meta_put(struct sink *s, const char *name, const char *value);
int	pg_begin(struct sink *s);
int	pg_end(struct sink *s, int r);
/* Make the _cs tables unless they are there. Outside a transaction. 0, or a CS_ status after printing. */
int	pgpast_init(struct pgdb *db);
/* Is this the newest run of its stream? As statedb.h; SINK_AGAIN too. */
int	pgpast_fence(struct pgdb *db);
/*
 * Does the server still know what it said it had committed? A standby that took over may not; then what comes now would
 * leave a gap behind it. 0, SINK_AGAIN, or a CS_ status after printing.
 */
int	pgpast_intact(struct pgdb *db);
int	pgpast_checkpoint(struct pgdb *db);

#endif
