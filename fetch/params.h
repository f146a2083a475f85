/*
 * The parameters of a connector: what they may be, which the connector file says in the
 * words of JSON Schema, and what they are: default, configuration file, --set.
 *
 * Every function ends the process with CS_USAGE when something is wrong, or CS_AUTH when a
 * credential is missing, naming file and line, parameter, value (never a secret's) and what is allowed.
 */
#ifndef PARAMS_H
#define PARAMS_H

#include <regex.h>
#include <stdbool.h>

#include "doc.h"
#include "secret.h"

enum param_type { PARAM_STRING, PARAM_INTEGER, PARAM_NUMBER, PARAM_BOOLEAN };

struct param {
	char *name, *description;
	enum param_type type;
	char *min, *max;	  /* numbers as written, or NULL */
	uint64_t min_len, max_len; /* characters */
	char *pattern;
	regex_t re;  /* where there is a pattern */
	char **list; /* enum, NULL-terminated; or NULL */
	char *standard; /* "default" */
	bool write_only, required;

	char *value; /* text; NULL: not given; booleans are "true" or "false" */
	char *where; /* that gave the value: "configuration.json:3", "--set" */
	struct secret secret; /* instead of value where write_only */
};

struct params {
	struct param *v;
	size_t n;
	const char *config; /* path or NULL */
};

/* Take over the declarations: the member "parameters" of a connector. p must be zeroed. */
void	params_declare(struct params *p, const struct doc *d, const struct value *v);
/* Read the values of a configuration file. */
void	params_config(struct params *p, const char *file);
/* NAME=VALUE from the command line. */
void	params_set(struct params *p, const char *arg);
/* The parameter, or the end with where, the name and the nearest that there is. */
struct param *params_get(const struct params *p, const char *name, const char *where);
/* Read the value if it is a secret's, fill in the default, check. Idempotent. */
void	param_resolve(const struct params *ps, struct param *p);
/* Its text after param_resolve(); NULL when it has none. */
const char *param_text(const struct param *p);
/* What it may be: "an integer in 1..250"; the caller's to free(). */
char	*param_range(const struct param *p);
void	params_release(struct params *p);

#endif
