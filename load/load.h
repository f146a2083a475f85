/*
 * cs-load: make records durable, exactly once.
 *
 * One convention for every function of load/ that returns int and can fail:
 * 0, ROW_BAD with the reason in sink->why (the record is at fault, the next one
 * may be fine), or a CS_ status above 0 after printing the reason.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cs.h"

#define ROW_BAD (-1)

enum mode { MODE_DEFAULT, MODE_UPSERT, MODE_APPEND, MODE_REPLACE, MODE_HISTORY };
enum evolve { COLUMNS_EVOLVE, COLUMNS_FREEZE, COLUMNS_DISCARD };
enum missing { MISSING_STAYS, MISSING_HARD, MISSING_SOFT };
enum target { TARGET_SQLITE, TARGET_NDJSON, TARGET_CSV, TARGET_POSTGRES };

/* Columns that cs-load fills by itself; no record may have a member of their name. */
enum meta {
	META_NONE,
	META_SYNCED,  /* --synced-at: the run that wrote the row last */
	META_FIRST,   /* --first-seen: the run that inserted it */
	META_DELETED, /* --deleted-at: when it was deleted, or NULL */
	META_GONE,    /* --deleted: whether it was */
	META_HASH,    /* --key-hash */
	META_FROM,    /* history: since when the row was so, */
	META_TO,      /* until when, or NULL, */
	META_ACTIVE,  /* and whether it still is */
	METAS
};

struct names {
	char **v;
	size_t n;
};

/* The command line; filled by options(), read by everybody. */
struct opts {
	enum target target;
	const char *path;    /* of the target */
	const char *table;   /* of records whose tag names none; NULL for files */
	struct names key;    /* n 0: none given */
	enum mode mode;
	const char *schema;  /* file, or NULL */
	enum evolve columns;
	bool missing_null;   /* a column that a record lacks becomes NULL */
	const char *rejects; /* file, or NULL */
	uint64_t max_rejects;
	bool parts;		  /* a file for each commit, named to the next in the pipe */
	const char *partition_by; /* column, or NULL: one file */
	const char *meta[METAS]; /* their names, or NULL */
	enum missing missing;	 /* --delete-missing */
	uint64_t max_delete;	 /* rows, or percent of them; UINT64_MAX: any number */
	bool max_percent;
	struct names indexes; /* comma-separated columns each */
	bool strict_tables;
	const char *changes;   /* file, or NULL */
	const char *stats;     /* file, or NULL */
	const char *stream;    /* expected, or NULL */
	uint64_t busy_timeout; /* ms */
	uint64_t commit_rows, commit_bytes, commit_ms; /* a transaction ends at the first checkpoint beyond these */
	size_t max_record;     /* bytes; 0: the default */
	uint64_t memory;       /* bytes, for the page cache and what speeds up comparing */
	bool allow_empty;      /* no line at all may be what a stream has to say */
	bool network_fs;       /* the file may be on one */
	bool bulk;	       /* make the key's index of a new table when it is full */
	bool no_sandbox, dry_run, strict, quiet, verbose;
};

struct counts {
	uint64_t inserted, updated, unchanged, deleted;
	uint64_t ignored;  /* updates and deletes of keys that are not there */
	uint64_t rejected; /* set aside */
};

/* Fill o from the command line, or end the process (help, version, a mistake). */
void	options(struct opts *o, int argc, char *argv[]);

/* Add the parts of a comma-separated list. 0, or -1 when one of them is empty. */
int	names_add(struct names *l, const char *list);
void	names_push(struct names *l, const char *name);
bool	names_have(const struct names *l, const char *name);
void	names_cut(struct names *l, size_t n); /* forget those from the n-th on */
void	names_copy(struct names *to, const struct names *from); /* to is empty */
void	names_release(struct names *l);

/* The option whose column it is: "--synced-at". */
const char *meta_option(enum meta m);

#endif
