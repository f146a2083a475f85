/*
 * A file that grows with the database: what a transaction adds to it counts once that is committed.
 *
 * It is written and synced before the commit, and the transaction stores its new length in _cs_meta. Whoever
 * is killed in between leaves more than that in the file: the next trail_open() cuts it. What is no regular file (a pipe, a
 * terminal) cannot be cut, so it gets what was committed, after the commit, and misses that when the
 * process is killed just then.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include "sink.h"

struct trail {
	const char *path;
	char *name;     /* in _cs_meta */
	int fd, out;    /* where bytes go; out: where committed ones are copied to; -1: none */
	bool done;      /* see trail_end */
	uint64_t id;    /* of the file, as its name may be given to another one */
	int64_t kept;   /* bytes of it that committed transactions cover */
	int64_t end;    /* bytes of it, those in buf counted */
	struct buf buf;
};

/* path is kept. what: its purpose, the same from run to run. own: the file is nobody else's, so what the database does
 * not know of it goes; this may be called in a transaction. 0 or a CS_ status. */
int	trail_open(struct sink *s, struct trail *t, const char *path, const char *what, bool own);
int	trail_add(struct trail *t, const char *p, size_t n);
/* Forget what was added since its end was there. */
int	trail_cut(struct trail *t, int64_t end);
/* Write what is buffered, and read from the start. */
int	trail_rewind(struct trail *t);
/* The file has served, when the transaction is committed: it goes then. */
int	trail_end(struct sink *s, struct trail *t);
/* Before the commit, and after it. */
int	trail_keep(struct sink *s, struct trail *t);
int	trail_kept(struct trail *t);
/* What is not committed goes. */
void	trail_close(struct trail *t);

#endif
