/*
 * What a store keeps of a stream, and its form as one line of JSON.
 */
#ifndef ROW_H
#define ROW_H

#include <stdbool.h>

#include "buf.h"
#include "statedb.h"

/* One run of a stream. */
struct run_row {
	char *run;	   /* its id */
	char *started_at;  /* RFC 3339 */
	char *ended_at;	   /* NULL: still going, or its cs-state was killed */
	char *counts;	   /* what cs-load counted, a JSON object, or NULL */
	char *fetch;	   /* what cs-fetch counted, likewise */
	char *message;	   /* why it failed, or NULL */
	int64_t fence;	   /* grows from run to run of a stream */
	int64_t status;	   /* exit status; -1 before the end */
	int64_t records;   /* -1: not known */
	int64_t every;	   /* ms from its start to when the next is due; -1: not known */
	bool done;	   /* it came to the end of its stream */
};

struct state_rows {
	struct state_row *row;
	size_t n;
};

struct run_rows {
	struct run_row *row;
	size_t n;
};

void	run_row_release(struct run_row *r);
/* A zeroed place at the end of the list, whose members the list owns from then on. */
struct state_row *state_rows_add(struct state_rows *rows);
struct run_row *run_rows_add(struct run_rows *rows);
void	state_rows_release(struct state_rows *rows);
void	run_rows_release(struct run_rows *rows);

/* Append the JSON object, without a newline. */
void	state_row_json(struct buf *b, const char *stream, const struct state_row *r);
void	run_row_json(struct buf *b, const char *stream, const struct run_row *r);
/*
 * And back. r is overwritten, *stream becomes the caller's. 0, or -1 with *err (static); release r and
 * free *stream either way.
 */
int	state_row_parse(struct state_row *r, char **stream, const char *p, size_t n, const char **err);
int	run_row_parse(struct run_row *r, char **stream, const char *p, size_t n, const char **err);

#endif
