/*
 * The wire between the tools: cs-stream(5).
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "scan.h"

enum line_kind {
	LINE_RECORD,
	LINE_TAGGED,  /* first member "@cs" is an object */
	LINE_CONTROL, /* first member "@cs" is a string */
	LINE_BAD      /* first member "@cs" is something else */
};

/* Which kind of line; looks at its beginning only. */
enum line_kind line_kind(const char *p, size_t n);

enum control_kind {
	CONTROL_BEGIN = 1,
	CONTROL_SCHEMA,
	CONTROL_CHECKPOINT,
	CONTROL_END,
	CONTROL_ERROR,
	CONTROL_OTHER /* a kind of the future: pass it on */
};

/*
 * A control line taken apart. Slices point into the line; strings are decoded
 * into text, and are NULL when absent. .p is NULL for absent raw values.
 */
struct control {
	enum control_kind kind;
	char *stream, *run, *mode, *table, *message, *retry_at; /* owned */
	struct slice state;	/* raw JSON: checkpoint */
	struct slice from;	/* raw JSON: begin */
	struct slice key;	/* raw JSON: begin, schema */
	struct slice columns;	/* raw JSON: schema */
	int64_t version;	/* begin; -1 when absent */
	int64_t records;	/* begin..end; -1 when absent */
	int64_t rejected;	/* end; 0 when absent */
	int64_t code;		/* error; 0 when absent */
	bool complete;		/* end */
};

/* 0, or -1 with *err the reason (static). c is overwritten; release it either way. */
int	control_parse(struct control *c, const char *p, size_t n, const char **err);
void	control_release(struct control *c);

enum op { OP_UPSERT, OP_UPDATE, OP_DELETE };

/* What a tagged line says of its record. */
struct tag {
	struct slice raw;    /* the tag object as it stands */
	struct slice table;  /* decoded, in mem; .p NULL when absent */
	enum op op;
	bool wrapped;	     /* the record is the member "record" */
	int64_t version;     /* of its table; -1 when absent */
	struct buf mem;
};

/*
 * Read the tag of a LINE_TAGGED line with s, which is initialised here and left
 * inside the record's object, its next scan_key() giving the record's first member
 * (for a wrapped record: the first member of that record). t is zeroed before its first use and may
 * be reused. 0, or -1 with s->err.
 */
int	tag_parse(struct tag *t, struct scan *s, const char *p, size_t n);
/* After the record's scan_key() gave 0: the end of the line, behind the wrapper if there is one. 0 or -1. */
int	tag_done(const struct tag *t, struct scan *s);
void	tag_release(struct tag *t);

/* Is a checkpoint of this stream one of the stream of: of itself, or of a part of it, of/anything? */
int	stream_within(const char *stream, const char *of);

/* Append control lines, newline included. state, from and key are raw JSON; NULL or empty: null. */
struct stream_begin {
	const char *stream, *run, *mode;
	struct slice from;   /* raw JSON */
	const char *key;     /* comma-separated columns or NULL */
	const char *cursor;  /* or NULL */
};
void	stream_begin(struct buf *b, const struct stream_begin *x);
void	stream_checkpoint(struct buf *b, const char *stream, const char *run,
	    struct slice state, uint64_t records);
void	stream_end(struct buf *b, const char *stream, const char *run, uint64_t records,
	    uint64_t rejected, bool complete);
/* retry_at: RFC 3339 or NULL. */
void	stream_error(struct buf *b, const char *stream, int code, const char *message,
	    const char *retry_at);

/* Give the control line that b ends with one more member, whose value is raw JSON. */
void	stream_add(struct buf *b, const char *name, const char *json);

/* A new time-ordered unique run id (26 characters, Crockford base 32 of time and chance, as ULID). */
#define RUN_ID_LEN 26
void	run_id(char out[RUN_ID_LEN + 1]);

#endif
