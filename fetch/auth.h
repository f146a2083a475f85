/*
 * What a request says of who is asking: credentials as they were given, or obtained from a server and renewed.
 *
 * One struct auth serves all requests. What it gives out carries a serial number, and whoever gets a refusal says which
 * one was refused: requests in flight with an old token do not renew it a second time.
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "opts.h"
#include "sigv4.h"

#define AUTH_NOBODY (~0u) /* the serial of a request without a credential */

struct auth;

/* Read the secrets that o->auth needs; ends the process when one is missing. o is kept. */
struct auth *auth_new(struct opts *o);
void auth_free(struct auth *a);

/* What goes with one request. Zeroed is nothing. */
struct stamp {
	struct buf lines;            /* of the header, \n after each; secret */
	char *param, *value;         /* in the query, or NULL */
	const char *user, *password; /* for digest, which is libcurl's, or NULL */
	unsigned serial;             /* of the credential */
};

/*
 * Fill s for the request q. Where a token is missing or due, it is obtained, which takes as long as it takes:
 * nothing can be asked without. 0, or CS_* after fail(), or -1 when a signal came.
 */
int auth_stamp(struct auth *a, const struct sigv4 *q, struct stamp *s);
/* The same without asking anybody, for people to read. */
void auth_show(struct auth *a, const struct sigv4 *q, struct stamp *s);
void stamp_release(struct stamp *s);

/*
 * 401, or 403, to a request with the credential of this serial, which was refused tries times before. date: the
 * answer's, or NULL. Is there a reason to ask again, at once? Not for a request to a foreign host.
 */
bool auth_refused(struct auth *a, unsigned serial, unsigned tries, long status, const char *date);
/* An answer that is neither came. A token that was good before it was refused is worth another try, a new one
 * is not. */
void auth_accepted(struct auth *a, unsigned serial);
/*
 * The quota of the credential of this serial is spent for ms. How long until a request can be made with one of
 * those there are: 0 when there is another, else ms or less; -1 when it is the only one.
 */
int64_t auth_spent(struct auth *a, unsigned serial, int64_t ms);
/* The query parameter that carries the credential, or NULL: links that repeat it lose it. */
const char *auth_param(const struct auth *a);
/* How many credentials there are, one or more, which of them the next request gets, and a text that tells the
 * i-th from others: a secret itself, perhaps. */
size_t auth_count(const struct auth *a);
size_t auth_next(struct auth *a);
const char *auth_who(const struct auth *a, size_t i);

#endif
