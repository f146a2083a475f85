/*
 * The body of one page, taken apart as it arrives, in chunks of any size.
 *
 * The array of records is found by its path, each element's bytes are validated and written, without
 * white space, as a line of page; all the rest of the body is the envelope, in which
 * the array stands empty. Memory: one page, one envelope.
 */
#ifndef SPLIT_H
#define SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "path.h"
#include "scan.h"
#include "table.h"

#define ENVELOPE_MAX (1u << 20) /* bytes */

enum split_result {
	SPLIT_OK,
	SPLIT_CUT,   /* the body ended early */
	SPLIT_BAD,   /* no valid JSON */
	SPLIT_SHAPE, /* JSON, but the records are not where they should be */
	SPLIT_LIMIT  /* larger than the user allows */
};

struct split {
	/* settings */
	const struct path *records;  /* NULL: the root array */
	bool ndjson;                 /* each line is a record, there is no envelope */
	bool raw;                    /* all of the body is envelope, whatever it is */
	bool keep;                   /* the body too, for programs that look at the records */
	size_t max_record, max_page; /* bytes; the page with all that stands around the records */
	bool endless;                /* max_page counts anew after split_drain() */
	bool tabular;                /* what comes is CSV, its rows are the lines: ndjson is set too */
	struct table table;          /* the delimiter is in place */

	/* results */
	struct buf page;     /* records, each with its newline */
	uint64_t n;          /* of them */
	uint64_t before;     /* records of the page that split_drain() took out */
	struct buf envelope; /* valid JSON after split_end(); empty for NDJSON */
	struct buf body;     /* as it came, when it is kept */
	struct buf why;      /* the reason when a call did not return SPLIT_OK */

	/* private */
	int state, next; /* next: what may follow in the array; of a jq program: how it went */
	int depth, on;   /* containers open; the innermost of them on the path, 0: none */
	int matched;     /* steps of the path that lead into that one */
	bool in_string, escaped, seen;
	bool key;  /* the next string is a key of the object on the path */
	bool here; /* the next value is where the path leads */
	size_t key_at, start, bom, fed; /* fed: bytes of the body so far */
	struct scan_find find;
	const char *quote; /* in what has come; the scanner goes no further. NULL: not at all */
	struct buf scratch, rows;
};

/* The settings are in place; memory of an earlier page is reused. */
void split_reset(struct split *s);
void split_release(struct split *s);
/* An enum split_result; anything but SPLIT_OK is final. */
int split_feed(struct split *s, const char *p, size_t n);
/* The bytes at the beginning of page that are whole records. */
size_t split_whole(const struct split *s);
/* Take the first n records, which are so many bytes, out of it. What comes later does not miss them. */
void split_drain(struct split *s, size_t bytes, uint64_t n);
/* The body is complete: is the page? */
int split_end(struct split *s);

/* What a record that has a member "@cs" is wrapped in, so that it is no tag. */
#define WRAP_HEAD "{\"@cs\":{\"wrapped\":true},\"record\":"
/* The record as the server sent it, from a line of page (without newline). */
struct slice split_record(const char *line, size_t n);

#endif
