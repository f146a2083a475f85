/*
 * Faults: what the server is asked to do wrong.
 *
 * A request has those named by its _fault parameter, by its X-Playground-Fault header and by the rules armed
 * for its path, in that order. Whoever produces the thing that is to be wrong asks for the fault by its id.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

enum fault_id {
	BAD_JSON,
	BIG_PAGE,
	CAP,
	CAP_HIDDEN,
	CUT_CHUNKED,
	CUT_CLOSE,
	CUT_GZIP,
	CUT_LENGTH,
	DATA_NULL,
	DATA_OBJECT,
	DELAY,
	DRIFT,
	DUP_RECORD,
	EMPTY_PAGE,
	ENDLESS,
	ENVELOPE,
	ERROR_200,
	FOREIGN_NEXT,
	GZIP,
	HANG,
	HTML,
	NULL_PARENTS,
	REDIRECT,
	REPEAT,
	RESET,
	SLOW,
	STALL,
	STATUS,
	TOTAL,
	FAULTS
};

/* Zeroed is none. */
struct faults {
	char *arg[FAULTS]; /* owned; "" for a fault without one; null for a fault not asked for */
};

/* Add the faults of "name:arg,name"; false, with the reason in why, where one is not known or malformed. */
bool faults_add(struct faults *f, const char *spec, struct text *why);
bool fault_has(const struct faults *f, enum fault_id id);
/* Its number, or otherwise where the fault is absent or has no argument. */
int64_t fault_number(const struct faults *f, enum fault_id id, int64_t otherwise);
bool fault_is(const struct faults *f, enum fault_id id, const char *arg);
/* "cap:10,drift"; nothing for none. */
void faults_print(const struct faults *f, struct text *t);
void faults_release(struct faults *f);
/* A line for each fault, for --help. */
void faults_help(void);

/*
 * Arm spec for requests whose path starts with path: skip `after` of them, then apply to `times` (0: to all).
 * faults_collect() counts one request against every rule that matches it.
 */
bool faults_arm(const char *path, const char *spec, int64_t times, int64_t after, struct text *why);
void faults_collect(struct faults *f, const char *path);
void faults_disarm(void);
/* The rules as a JSON array. */
void faults_list(struct text *t);

#endif
