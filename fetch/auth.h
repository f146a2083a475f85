/* What a request says of who is asking. */
#ifndef AUTH_H
#define AUTH_H

#include "opts.h"

struct credentials {
	char *header;        /* a whole header line, or NULL */
	char *param, *value; /* a query parameter, or NULL */
};

/* Take the secrets that o->auth needs out of o; ends the process when one is missing. */
void auth_init(struct credentials *c, struct opts *o);
void auth_release(struct credentials *c);

#endif
