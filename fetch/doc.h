/*
 * JSON documents that people write: connector and configuration files.
 *
 * Read whole and strictly, then walked level by level as slices of their text,
 * so that numbers keep their digits and every complaint has its line. A mistake
 * ends the process with CS_USAGE and "file:line: what is wrong".
 */
#ifndef DOC_H
#define DOC_H

#include "scan.h"

#define DOC_MAX (4u << 20) /* bytes */

struct doc {
	const char *file; /* as in messages; the caller's */
	struct buf text;
};

struct member {
	char *key;
	struct value v;
};

/* What is directly inside an object, in its order. */
struct members {
	struct member *v;
	size_t n;
};

/* Read an object from a file; d must be zeroed. Slices are valid until doc_release. */
void	doc_read(struct doc *d, const char *file, struct members *root);
void	doc_release(struct doc *d);
/* The members of object v, called where in messages. No key may come twice. */
void	doc_members(const struct doc *d, const struct value *v, const char *where,
	    struct members *m);
void	members_release(struct members *m);
/* NULL when there is none; m may be zeroed. */
const struct member *members_find(const struct members *m, const char *key);
/* The elements of array v as texts, NULL at the end; the caller's, each of them. */
char	**doc_list(const struct doc *d, const struct value *v, const char *where);
/* A string decoded, or a number or boolean as it stands; the caller's to free(). */
char	*doc_text(const struct doc *d, const struct value *v, const char *where);
/* End the process; at is the place in the text that is at fault. */
void	doc_fail(const struct doc *d, const char *at, const char *fmt, ...)
	    __attribute__((noreturn, format(printf, 3, 4)));
/* "file:line" of a place; the caller's to free(). */
char	*doc_at(const struct doc *d, const char *at);

/* The nearest of a few names to one that is mistyped. */
struct guess {
	const char *name;
	const char *best;
	size_t dist;
};
void	guess_add(struct guess *g, const char *candidate);
/* "; did you mean x?" or "": static, until the next call. */
const char *guess_text(const struct guess *g);

#endif
