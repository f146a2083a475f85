/*
 * Tokens that a server hands out: what one is, what an answer says of it, how to ask for it.
 */
#ifndef TOKEN_H
#define TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "opts.h"

struct token {
	char *access;     /* NULL: none */
	char *refresh;    /* what gets the next one, or NULL */
	int64_t obtained; /* our clock, seconds since 1970 */
	int64_t expires;  /* likewise; 0: not known */
};

void token_release(struct token *t);
/* Register what is secret in it. */
void token_register(const struct token *t);
/* From a moment on at which 4/5 of its life are over it should be replaced; after its end it must be. */
bool token_due(const struct token *t, int64_t now);
bool token_over(const struct token *t, int64_t now);

/*
 * What a token endpoint's answer says (RFC 6749 section 5.1): 0 and t, whose obtained is in place; or -1 with why
 * appended, which names no member's value but that of "error", which is also appended to error.
 * usual: the token is to be sent as a bearer token. json is followed by BUF_PAD readable bytes. Nothing is registered.
 */
int token_parse(struct token *t, const char *json, size_t n, bool usual, struct buf *error,
    struct buf *why);

/*
 * Ask for one as o->grant says. refresh: the refresh token to use, for the grant that uses one. early: there is one that
 * is still good: one try is enough. 0, CS_* after fail(), or -1 when a signal came. *skew as in ask.h.
 */
int token_grant(struct token *t, struct opts *o, const char *refresh, bool early, int64_t *skew);
/* The same by o->login_url, after login_fill_in() has put the secrets into o->login_json. */
void login_fill_in(struct opts *o);
int token_login(struct token *t, struct opts *o, bool early, int64_t *skew);
/* Append the request for one as a curl(1) command line, if one is made; 0 or CS_* after fail(). */
int token_show(struct opts *o, struct buf *out);

#endif
