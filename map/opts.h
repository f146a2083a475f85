/*
 * The command line, filled by opts_parse() and const everywhere else.
 */
#ifndef OPTS_H
#define OPTS_H

#include <stdint.h>

#include "bridge.h"
#include "jqrun.h"
#include "limits.h"
#include "rules.h"

struct opts {
	struct rules rules;
	enum dialect from;   /* the messages that come in; to: that go out */
	enum dialect to;
	const char *stream;  /* what those are called; NULL: by the environment */
	const char **vars;   /* for jqrun_new() */
	enum jqrun_numbers numbers; /* in programs */
	struct pool_limits pool; /* of programs */
	const char *rejects; /* file, or NULL */
	const char *schema_out; /* file, or NULL */
	uint64_t max_rejects;
	size_t max_record; /* bytes */
	bool no_sandbox, verbose, quiet;
};

/* A mistake ends the process with CS_USAGE, --help and --version with CS_OK. */
void	opts_parse(struct opts *o, int argc, char **argv);

#endif
