/*
 * Foreign message streams on the way in: each message of a Singer tap or an Airbyte source becomes lines of
 * cs-stream(5), or none. Records keep their bytes.
 */
#ifndef BRIDGE_H
#define BRIDGE_H

#include <stdbool.h>

#include "scan.h"

enum dialect { DIALECT_NONE, DIALECT_SINGER, DIALECT_AIRBYTE };

/* "singer" or "airbyte"; anything else ends the process with CS_USAGE. */
enum dialect dialect_named(const char *option, const char *name);

/* What is known of one of the source's streams, which is a table here. */
struct bridge_table {
	char *name;	     /* decoded; Airbyte: namespace, NUL, name */
	size_t n;
	struct buf version;  /* Singer: the number that ACTIVATE_VERSION named last */
	struct buf state;    /* Airbyte: its last STATE message */
	bool declared;	     /* Singer: its SCHEMA came */
	bool started, complete; /* Airbyte: what its statuses say */
};

struct bridge {
	enum dialect from;
	const char *stream; /* what checkpoints and the like are called */
	bool bare;	    /* schema lines declare no columns: rules or a program change them */
	void (*rename)(void *arg, struct slice key, struct buf *out); /* appends what a key is called then */
	void *arg;
	bool quiet;
	struct buf state; /* what the environment says that it resumes from; empty: nothing */
	struct buf out; /* the lines that the last message became, newlines included */
	struct buf err; /* why it is refused; one line of UTF-8 */
	/* private */
	struct bridge_table *tables;
	size_t n, last;
	char run[32];
	bool begun, ended;
	bool loose; /* Airbyte: something came before the stream could begin */
	struct buf failure; /* Airbyte: the message of an ERROR trace */
	int code;	    /* and its status */
	struct buf whole;   /* Airbyte: the GLOBAL or LEGACY state ... */
	bool legacy;	    /* ... which of them */
	struct buf text;
	struct scan scan;
};

/* b->from, stream, bare, rename, arg and quiet are set, the rest is zero. May end the process with CS_USAGE. */
void	bridge_init(struct bridge *b);
void	bridge_release(struct bridge *b);
/*
 * The line p[0..n), followed by BUF_PAD bytes. 0; BRIDGE_REFUSED: a line that can be set aside; or the
 * status to end with. b->err says why.
 */
#define BRIDGE_REFUSED (-1)
int	bridge_line(struct bridge *b, const char *p, size_t n);
/* At the end of input: what is left to say is in b->out. */
void	bridge_end(struct bridge *b);

/* For singer.c and airbyte.c. */
struct member {
	const char *name;
	struct value v; /* p NULL: absent */
};
/* Fill in the members of the object p[0..n); the last of a name counts. 0 or BRIDGE_REFUSED. */
int	bridge_members(struct bridge *b, const char *p, size_t n, struct member *m, size_t count);
int	bridge_refuse(struct bridge *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Is v this string? */
bool	bridge_is(const struct value *v, const char *s);
/* The decoded text of v, in b->text until the next call. 0 or BRIDGE_REFUSED, naming what it was. */
int	bridge_text(struct bridge *b, const struct value *v, const char *what, struct slice *out);
/* Is v a version that a table can have: a whole number that is not negative? */
bool	bridge_version(const struct value *v);
/* The table of this name; NULL when there is none and add is false. */
struct bridge_table *bridge_table(struct bridge *b, struct slice name, bool add);
/* A tagged record; table is a JSON string. 0 or BRIDGE_REFUSED. */
int	bridge_record(struct bridge *b, struct slice table, const struct value *version,
	    const struct value *record);
/* A schema line: key and schema may be absent. */
void	bridge_schema(struct bridge *b, struct slice table, const struct value *key,
	    const struct value *schema);
void	bridge_begin(struct bridge *b);

int	singer_line(struct bridge *b, const char *p, size_t n);
int	airbyte_line(struct bridge *b, const char *p, size_t n);
/* Airbyte's states so far as one value, as its --state takes it; appended to out. */
void	airbyte_state(struct bridge *b, struct buf *out);
/* The states that an earlier run ended with. */
void	airbyte_resume(struct bridge *b, const char *p, size_t n);
void	airbyte_end(struct bridge *b);

/* Append {"column":type,…} for the properties of a valid JSON schema. */
void	jsonschema_columns(struct buf *out, const char *p, size_t n);

#endif
