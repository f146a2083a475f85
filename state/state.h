/*
 * cs-state: the checkpoints of streams, and the runs that move them.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lines.h"
#include "store.h"

struct opts {
	const char *store;    /* STORE, or NULL for the default */
	const char *stream;   /* NULL where the command was given none */
	char **args;	      /* what follows it, NULL-terminated */
	const char *fallback; /* --default, JSON */
	const char *by, *to;  /* rewind: how far; undo: to is a version */
	const char *form;     /* export, import: whose */
	const char *cursor_field;
	const char *output;   /* file, or NULL: stdout */
	bool network_fs;      /* the store may be a database on one */
	bool json, parts, prometheus, force, quiet, verbose;
	int64_t version;      /* --if-version, or what undo goes back to; -1: not given */
	uint64_t every;	      /* ms; 0: always due */
	uint64_t timeout;     /* ms; 0: none */
	uint64_t wait;	      /* ms */
	uint64_t ttl;	      /* ms that a lease lasts without being renewed */
	uint64_t grace;	      /* ms between the first signal and SIGKILL */
};

struct command {
	const char *name, *arguments;
	int (*run)(struct store *s, const struct opts *o);
	enum store_mode mode;
	unsigned takes; /* options, as bits */
	int min, max;	/* arguments */
};

/*
 * The command that was asked for, and its options. Ends the process with CS_USAGE when
 * something is wrong.
 */
const struct command *opts_parse(struct opts *o, int argc, char **argv);

/*
 * The commands. s holds nothing where there is no such store yet and the command is not
 * one that makes it. All return an exit status after printing the reason.
 */
int	cmd_export(struct store *s, const struct opts *o);
int	cmd_get(struct store *s, const struct opts *o);
int	cmd_history(struct store *s, const struct opts *o);
int	cmd_import(struct store *s, const struct opts *o);
int	cmd_list(struct store *s, const struct opts *o);
int	cmd_put(struct store *s, const struct opts *o);
int	cmd_report(struct store *s, const struct opts *o);
int	cmd_rewind(struct store *s, const struct opts *o);
int	cmd_rm(struct store *s, const struct opts *o);
int	cmd_run(struct store *s, const struct opts *o);
int	cmd_set(struct store *s, const struct opts *o);
int	cmd_status(struct store *s, const struct opts *o);
int	cmd_undo(struct store *s, const struct opts *o);

/*
 * The parts STREAM/... of a stream: how many, a checkpoint line of each in order to out, and away with them. CS_OK
 * or a status after printing the reason.
 */
int	parts_count(struct store *s, const char *stream, uint64_t *n);
int	parts_write(struct store *s, const char *stream, struct out *out);
int	parts_rm(struct store *s, const char *stream);

/*
 * Close stdout, opened as out; the status to exit with, CS_IO after a message if something was
 * not written.
 */
int	finish(struct out *out, int status);

#endif
