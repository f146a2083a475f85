/*
 * Lines into batches, batches into transactions, and acknowledgements out of them.
 *
 * Input that may have to be waited for is kept in a temporary file until enough of it is there, so that no
 * transaction is open meanwhile. A transaction is committed once it is due by --commit-every, or
 * when input pauses; but not so often that commits take more than a tenth of the time, as each rewrites
 * the pages of a random key's index: a commit every 1,000 rows is six times slower than one for all.
 */
#ifndef APPLY_H
#define APPLY_H

#include "input.h"
#include "reject.h"
#include "spool.h"

/* Milliseconds that have passed since some time; never 0. */
uint64_t clock_ms(void);

struct apply {
	const struct opts *o;
	struct sink *sink;
	struct input *in;
	struct reject reject;
	bool direct;        /* input never blocks: it is applied as it comes */
	/* private */
	bool open;          /* a batch is */
	bool tx;            /* kept batches wait for their commit */
	struct spool *spool, spools[2];
	uint64_t spooled;   /* bytes of its lines */
	uint64_t marked;    /* the line of the last checkpoint in it; 0: it holds none */
	uint64_t rows, bytes; /* that came since the last commit */
	uint64_t first;     /* when the first of them came, in ms; 0: none did */
	uint64_t last, took; /* when the last commit was done, and the time that it took */
	uint64_t kept;      /* the last checkpoint line in the transaction; 0: there is none */
	uint64_t since;     /* records in the transaction */
	uint64_t limit;     /* it ends at the first checkpoint beyond so many; 0: where it should */
	uint64_t moved;     /* the last line of the spool that is in the other one too */
	uint64_t done;      /* the last one that is durable, though others of the spool are not */
	uint64_t *refused;  /* lines since the last commit, ascending */
	size_t nrefused;
	bool complete;      /* how the stream has ended */
	struct buf acks;    /* checkpoint lines that wait for the commit */
	uint64_t nacks;
	struct scan scan;
	struct tag tag;
};

/* Zeroed, a may be released. 0 or a CS_ status after printing. */
int	apply_open(struct apply *a, const struct opts *o, struct sink *sink, struct input *in);
/* A record or a schema line. */
int	apply_line(struct apply *a, uint64_t lineno, const char *p, size_t n);
/* A line that is no record, for the reason in sink->why; p may be NULL. */
int	apply_reject(struct apply *a, uint64_t lineno, const char *p, size_t n);
/* A checkpoint line that is in order. */
int	apply_checkpoint(struct apply *a, uint64_t lineno, const char *p, size_t n);
/* The stream has ended well: all of it is durable and acknowledged then. */
int	apply_end(struct apply *a, bool complete);
/* No input is there. Waits for it, or commits; returns when reading goes on. */
int	apply_idle(struct apply *a, int fd);
/* Input is wrong from here on: back to the last checkpoint, which becomes durable. */
int	apply_salvage(struct apply *a);
/* 0 or a CS_ status. */
int	apply_close(struct apply *a);

/* Give a checkpoint the names that its line leaves out. */
void	apply_names(const struct apply *a, struct control *c);

#endif
