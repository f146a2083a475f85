/*
 * What a command costs, all of its processes together.
 *
 * usage [-o FILE] COMMAND [ARGUMENT...]
 *
 * Runs the command and appends one line to FILE (default: stderr): user and system CPU seconds, elapsed
 * seconds, and the largest resident set of any one process in KiB. Ends with the command's status.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cs.h"

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct rusage r;
	FILE *out = stderr;
	double begun;
	int status;
	pid_t pid;

	argv++;
	if (argc > 3 && !strcmp(argv[0], "-o")) {
		out = fopen(argv[1], "ae");
		if (!out)
			err(CS_IO, "%s", argv[1]);
		argv += 2;
	}
	if (!argv[0])
		errx(CS_USAGE, "usage: usage [-o file] command [argument...]");
	begun = now();
	pid = fork();
	if (pid < 0)
		err(CS_IO, "fork");
	if (pid == 0) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	/* The resources of a child include those of all the children it waited for. */
	if (wait4(pid, &status, 0, &r) < 0)
		err(CS_IO, "wait");
	fprintf(out, "%.3f %.3f %.3f %ld\n", seconds(r.ru_utime), seconds(r.ru_stime),
	    now() - begun, r.ru_maxrss);
	if (fflush(out) != 0)
		err(CS_IO, "write");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
