/*
 * Credentials of this start. Secrets are random unless given by environment or file; they are never logged.
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>

#include "server.h"
#include "text.h"

enum auth_kind { BASIC, BEARER, API_KEY, SESSION, HEADER_KEY, QUERY_KEY };

/* given: a bearer token to use, or null for a random one. */
void auth_init(const char *given);
void auth_release(void);
/* Print them, one a line, for a person; not a token that was given. */
void auth_print(void);
/* Whether the request has the credential; sets req->auth. */
bool auth_check(struct request *req, enum auth_kind kind);
/* Judge whatever credentials there are, for the log. */
void auth_guess(struct request *req);
bool auth_login(const char *user, const char *password);
const char *auth_session_token(void);
const char *auth_token(void);

/* Append s with every secret replaced by three stars. */
void auth_mask(struct text *t, const char *s, size_t len);

#endif
