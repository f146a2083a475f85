/*
 * Where checkpoints and runs are kept.
 *
 * Functions return CS_OK; CS_SOME when the stream is not there; any other status after printing the
 * reason, with what was stored as it was before. A change is durable when the function returns.
 */
#ifndef STORE_H
#define STORE_H

#include "cs.h"
#include "row.h"

#define STORE_STATE_MAX (10u << 20) /* bytes of one state */
#define STORE_RUNS_KEEP 100	    /* runs of a stream, the last good one always among them */

enum store_mode {
	STORE_READ,   /* creates and changes nothing */
	STORE_CHANGE, /* changes what is there */
	STORE_CREATE  /* makes the store if need be */
};

/* Names of streams in byte order. */
struct names {
	char **name;
	size_t n;
};

struct store;

/* What a kind of store does; the functions below say what each means. */
struct store_ops {
	int (*get)(struct store *s, const char *stream, struct state_row *r);
	int (*put)(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
	    int64_t *version);
	int (*rm)(struct store *s, const char *stream);
	int (*streams)(struct store *s, struct names *n);
	int (*history)(struct store *s, const char *stream, struct state_rows *rows);
	int (*run_put)(struct store *s, const char *stream, const struct run_row *r);
	int (*runs)(struct store *s, const char *stream, struct run_rows *rows);
	/* The greatest number of a run that has been here, of one that is forgotten too. NULL: what runs() tells is all. */
	int (*fence)(struct store *s, const char *stream, int64_t *fence);
	/* The states of the streams STREAM/..., in byte order of their names; NULL: one by one will do. */
	int (*parts)(struct store *s, const char *stream,
	    int (*f)(void *arg, const char *name, const struct state_row *r), void *arg);
	/* Open the stream's lock file with these open(2) flags: a descriptor, or -1 with errno. NULL: leases are rows. */
	int (*lock)(struct store *s, const char *stream, int flags);
	/* Such a row, for ttl ms: CS_OK with its token; CS_SOME, with nothing printed, when another has it. */
	int (*lease_take)(struct store *s, const char *stream, int64_t ttl, int64_t *token);
	/* For ttl ms from now: as lease_renew() in lease.h. It asks once and does not wait for long. */
	int (*lease_renew)(struct store *s, const char *stream, int64_t ttl, int64_t token);
	void (*lease_drop)(struct store *s, const char *stream, int64_t token);
	bool (*lease_held)(struct store *s, const char *stream);
	void (*close)(struct store *s);
};

struct store {
	const struct store_ops *ops; /* NULL: there is no store, hence nothing in it */
	const char *spec;	     /* sqlite:FILE, dir:PATH or postgres://..., for messages: without a password */
	/* Another has the lease of the stream that is run here: nothing more can be stored. It was said. */
	bool fenced;
	bool moved; /* the server was connected to anew since the lease was taken: it may be another, which took over */
	const char *id; /* of a database that others write to, once a lease of it is held; else NULL */
	bool network_fs; /* a database may be on one */
	/* private */
	char *own;	  /* spec, where it was made here */
	const char *path; /* into spec, or the URL */
	sqlite3 *db;
	struct store_pg *pg;
	int fd; /* of the directory */
};

/* spec: a STORE, or NULL for the default. It is kept; close s either way. */
int	store_open(struct store *s, const char *spec, enum store_mode mode, bool network_fs);
void	store_close(struct store *s);

/* Release r either way. */
int	store_get(struct store *s, const char *stream, struct state_row *r);
/*
 * Store r's state, run and records as a new version. expect: the version it must replace (0: must not
 * exist; -1: any); CS_FENCED, with nothing printed, when another one is there, or s->fenced. *version gets the new one.
 */
int	store_put(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
	    int64_t *version);
/* Forget the stream, its history and its runs. */
int	store_rm(struct store *s, const char *stream);
/* All that have a state or a run. */
int	store_streams(struct store *s, struct names *n);
void	names_add(struct names *n, char *name); /* name becomes theirs */
void	names_release(struct names *n);
/* The versions kept, newest first. */
int	store_history(struct store *s, const char *stream, struct state_rows *rows);
/* Store a run, new or known by its id; old ones go. The caller holds the stream's lease. */
int	store_run_put(struct store *s, const char *stream, const struct run_row *r);
/* The runs kept, newest first; none is CS_OK too. */
int	store_runs(struct store *s, const char *stream, struct run_rows *rows);
/* The greatest number that a run of the stream has had here, into *fence; it is left alone if none is known. */
int	store_fence(struct store *s, const char *stream, int64_t *fence);
/* Call f for each state of the streams STREAM/... until it does not return CS_OK. r is the store's. */
int	store_parts(struct store *s, const char *stream,
    int (*f)(void *arg, const char *name, const struct state_row *r), void *arg);

/* The kinds. s->ops stays NULL where there is no store. */
int	store_sqlite_open(struct store *s, enum store_mode mode);
int	store_dir_open(struct store *s, enum store_mode mode);
int	store_pg_open(struct store *s, enum store_mode mode);

#endif
