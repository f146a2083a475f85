/* What cs-fetch does with its settings: fetch, look, or say what it would do. */
#ifndef RUN_H
#define RUN_H

#include "opts.h"

/*
 * All return an exit status after saying why. The settings are checked; the secrets are
 * read, which may end the process.
 */
int run(struct opts *o);
/* One request, and what was found, for people. name: the stream, or NULL. */
int run_check(struct opts *o, const char *name);
/* One request, and the options that the API seems to need. given: those on the command line, for a shell. */
int run_detect(struct opts *o, const char *given);
/* The first request as a curl(1) command, redacted. */
int run_dry(struct opts *o);

#endif
