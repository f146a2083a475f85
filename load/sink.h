/*
 * Where records go. A sink takes batches: what lies between two checkpoints.
 *
 *	batch()  opens a transaction unless one is open, and marks a point in it
 *	row()    once for each record; a bad one leaves no trace
 *	keep()   the batch is good, and so is its checkpoint
 *	drop()   back to the mark
 *	commit() makes every kept batch durable, with the last checkpoint kept
 *
 * A transaction is open from batch() to commit(), also across batches, and the
 * caller sees to it that nobody waits for input with one open.
 */
#ifndef SINK_H
#define SINK_H

#include "instant.h"
#include "load.h"
#include "schema.h"
#include "stream.h"

/* The stream that is being loaded, as its begin line told. */
struct life {
	char *stream, *run; /* or NULL */
	struct buf from;    /* compact JSON: the state it resumes from */
	bool begun;	    /* there was a begin line */
	bool incremental, full; /* its mode */
	uint64_t rejected;	 /* records set aside here, */
	uint64_t upstream;	 /* and before, as far as it was told */
	uint64_t records;   /* seen since then */
	uint64_t serial;    /* how many streams have begun */
};

/* Any function of a sink that replays: its transaction is lost, and all that came since the last commit is to come again. */
#define SINK_AGAIN (-2)

struct row {
	uint64_t lineno;
	const char *p; /* the line */
	size_t n;
	struct slice table; /* .p NULL: the default */
	enum op op;
	struct scan *scan; /* at the record's first member */
	struct tag *tag;   /* NULL when the line has none */
};

/* What the database knew of the stream as it began. */
struct resume {
	struct buf base; /* its state as stored; "null" when there was none */
	char *last_run;	 /* whose rows no checkpoint covers, or ""; NULL: it never appended */
	struct progress {
		uint64_t begun; /* serial of the stream that this is of */
		bool resumed;	/* it may append */
		bool appends;	/* it did, */
		bool loose;	/* and since its last checkpoint */
	} at;
};

struct table;
struct column;

struct sink {
	const struct opts *o;
	const struct life *life;
	const char *place;     /* for messages */
	char now[INSTANT_MAX]; /* --synced-at: the start of the run */
	struct buf scratch;    /* of who needs some; good until another does */
	struct counts counts;
	struct buf why;	       /* the reason of the last ROW_BAD */
	struct names added;    /* columns added to tables that were there */
	uint64_t commits;
	uint64_t records, bytes; /* given to row() so far */
	uint64_t spared;         /* rows known to be unchanged without a statement */
	uint64_t ahead;          /* bytes of records that are known to come; 0: nobody knows */
	/* --parts: how many were written, and the record of the one that commit() wrote last. */
	uint64_t parts;
	struct buf listed;
	/* Files: commit() only once the stream has ended; and then only if it has ended well. */
	bool lazy, whole;
	struct resume resume;
	size_t name_max;       /* bytes of a table's or a column's name; 0: any number */
	const char *const *taken; /* names that no column may have, up to a NULL; or NULL */
	/* Databases: read resume.base; read a row of _cs_meta (NULL: there is none; to be freed), write it (NULL: delete it). */
	int (*past)(struct sink *s);
	int (*meta_get)(struct sink *s, const char *name, char **value);
	int (*meta_put)(struct sink *s, const char *name, const char *value);
	/* A transaction of its own; end() takes it back unless r is 0, and gives the first failure. */
	int (*begin)(struct sink *s);
	int (*end)(struct sink *s, int r);
	/* And for table.h: see that a column can hold its cell, as it is or made wider. 0, ROW_BAD or a CS_ status. */
	int (*fit)(struct sink *s, struct table *t, struct column *c);
	/* It may say SINK_AGAIN, or refuse the record of a line only after row() was content with it: by refuse(arg, ...). */
	bool replays;
	char **reads; /* what it may have to read later, and connect: see sandbox.h; or NULL */
	int (*refuse)(void *arg, uint64_t lineno, const char *p, size_t n);
	void *arg;
	int (*batch)(struct sink *s);
	int (*declare)(struct sink *s, struct decl *d); /* which is the sink's from then on */
	int (*row)(struct sink *s, const struct row *row);
	int (*keep)(struct sink *s, const struct control *checkpoint); /* or NULL */
	int (*drop)(struct sink *s);
	/* The stream has ended and everything is kept; complete or because less was asked for. */
	int (*finish)(struct sink *s, bool complete);
	int (*commit)(struct sink *s);
	void (*close)(struct sink *s); /* what is not committed is gone; frees s */
};

/* NULL after printing why, with *status the CS_ status. */
struct sink *sqlite_open(const struct opts *o, const struct life *life, struct decl *decls, int *status);
struct sink *postgres_open(const struct opts *o, const struct life *life, struct decl *decls, int *status);
struct sink *file_open(const struct opts *o, const struct life *life, struct decl *decls, int *status);

/* After the record's last scan_key() gave r, 0 or -1: is the rest of the line in order? 0 or ROW_BAD. */
int	row_end(struct sink *s, const struct row *row, int r);
/* Give the sink the record of a line. scan and tag are zeroed before their first use. 0, ROW_BAD or a CS_ status. */
int	sink_row(struct sink *s, struct scan *scan, struct tag *tag, uint64_t lineno, const char *p, size_t n);
/* Set the reason and return ROW_BAD. */
int	row_bad(struct sink *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A stream begins: refuse it if it appends and does not go on from what the database knows. Before
 * anything of it is written; 0 or a CS_ status. */
int	resume_begin(struct sink *s);
/* It is about to append: see that it may, and note that it does. */
int	resume_append(struct sink *s);
/* It has ended. */
int	resume_end(struct sink *s);
void	resume_release(struct resume *r);

#endif
