/*
 * jq programs over one JSON text at a time, by libjq, without losing digits.
 *
 * libjq 1.6 holds numbers as doubles. A literal that a double cannot hold is remembered with its bytes and written
 * back as it stood. For texts with such numbers the program is compiled again, with operators and functions that ask
 * jqask.c, which computes with all digits; where other functions of libjq might depend on the digits, the program runs
 * with several doubles for each number (jqnum.h), and fails for that record if the results differ.
 */
#ifndef JQRUN_H
#define JQRUN_H

#include "buf.h"
#include "cs.h"

struct jqrun;

/* What becomes of numbers that no double holds, in the records as in the program. */
enum jqrun_numbers {
	JQRUN_EXACT, /* they keep their digits, or the record fails */
	JQRUN_TEXT,  /* programs see them as text */
	JQRUN_LOSSY  /* they become the nearest double, as in jq 1.6 */
};

/*
 * Compile. NULL with *err (free() it) when the program is no valid jq.
 * vars: NULL or a NULL-terminated list of name, JSON text, name, JSON text, …
 */
struct jqrun *jqrun_new(const char *program, const char *const *vars, enum jqrun_numbers numbers,
	    char **err);
void	jqrun_free(struct jqrun *j);
/*
 * Run over the valid JSON text p[0..n) (checked by the scanner before), calling emit for each
 * result with compact JSON; when a result is the unchanged input these are the input's own bytes, mostly at p itself. emit returns non-zero to
 * stop early. 0, or -1 with *err (owned by j, until the next call) when the program failed.
 */
int	jqrun_run(struct jqrun *j, const char *p, size_t n,
	    int (*emit)(void *arg, const char *p, size_t n), void *arg, const char **err);
/* "1.6" etc. for --version; takes as long as compiling a program. */
const char *jqrun_version(void);

#endif
