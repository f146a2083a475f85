/*
 * Credentials: where they come from, and keeping them out of everything we print.
 *
 * Every value that was ever held is registered. mask() replaces the registered values, also
 * percent-encoded, form-encoded, base64 and JSON-escaped, by "***". All text that leaves the
 * process other than records goes through it: say(), die() and fail() do so by themselves.
 * What the mask looks for is overwritten at exit.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Zeroed: not given. */
struct secret {
	char *where; /* what a complaint names: "--token", "configuration.json: api_token" */
	char *ref;   /* env:NAME, file:PATH, fd:N, cmd:COMMAND; NULL for a literal */
	char *value; /* NULL until secret_get() */
};

/* A reference from the command line or a connector file. Anything else ends the process with CS_USAGE
 * (without repeating the value). */
void secret_set(struct secret *s, const char *ref, const char *where);
/* A value from the user's configuration file: a reference, or the secret itself. */
void secret_set_literal(struct secret *s, const char *value, const char *where);
/* From now on every reference gives "***", and none is looked at: for a replay. */
void secret_none(void);
int secret_given(const struct secret *s);
/* Forget it, overwriting the value; it stays masked. */
void secret_release(struct secret *s);
/*
 * The value, read on first use. Ends the process when it is missing or empty (CS_AUTH), a placeholder
 * that was never filled in, or holds control characters (CS_USAGE), naming s->where.
 */
const char *secret_get(struct secret *s);
/* The same for a text of several lines: a key, a list. */
const char *secret_text(struct secret *s);
/* free() s, NULL or a secret, overwritten first. */
void secret_free(char *s);
void secret_clear(struct buf *b); /* buf_release(), likewise */

/* Mask this text too from now on, wherever it came from. */
void secret_register(const char *value, size_t n);
/* Append p[0..n) with every registered value replaced. */
void mask(struct buf *out, const char *p, size_t n);

/* Append s as a word of a shell command, masked; a secret from the environment is "$NAME" there. */
void secret_word(struct buf *out, const char *s);

/* What would move the cursor, or turn the text around, becomes blanks and question marks. */
void make_plain(char *p, size_t n);
/* warnx(3) and errx(3), masked and on one line. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(int code, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));
/* From now on die() also writes an error line to stdout where that is a pipe: to whoever reads
 * there, a stream that never began is an empty one that went well. */
void die_in_stream(bool yes);
/*
 * say() it, remember it (and nothing before it) for the error line that ends the
 * stream, return code.
 */
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Until the next call fail() only puts its message into b; NULL: it says it again. What was held before. */
struct buf *fail_hold(struct buf *b);
/* The message that fail() kept, or NULL. */
const char *fail_reason(void);

#endif
