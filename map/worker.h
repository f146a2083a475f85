/*
 * A process that judges lines: what it is sent by pool.c, and what it answers.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "record.h"

struct entry {
	size_t at, n; /* in the chunk's lines */
	uint64_t lineno;
	char *why; /* the record ended its worker */
	bool judge;
};

/* From parent to worker; the entries and the lines follow. */
struct request {
	size_t n, from, bytes;
};

/* From worker to parent; the verdicts follow. */
struct frame {
	size_t verdicts, bytes;
	bool last;
};

/* What a new worker is born with. */
struct worker_job {
	pid_t parent;
	int fd;		     /* the socket to it */
	int said_fd;	     /* what becomes its standard error, or -1 */
	int null_fd;	     /* /dev/null */
	uint64_t memory;     /* bytes of address space; 0: no limit */
	volatile size_t *at; /* shared: the entry that it is at, from 1; 0: none */
	struct records *records;
};

/* Judge until the parent has gone. The other descriptors to be closed are closed. */
_Noreturn void worker_run(const struct worker_job *w);
/* Read all n bytes from fd. 0, or -1: where it ends (errno is 0) or cannot be read. */
int	worker_read(int fd, void *to, size_t n);

#endif
