/*
 * The command that is run: a process group of its own, with its stdout in our hands.
 */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid;	/* of the command and of its group */
	int out;	/* its stdout, to read from and to close */
	int caught;	/* the signal that ended the run, or 0 */
	bool timed_out; /* the time given to it was over */
	bool cut;	/* child_limit()'s time has come */
	/* private */
	int64_t (*beat)(void *arg);
	void *arg;
	int64_t beat_at, looked;
	uint64_t grace;
	int64_t deadline;
	sigset_t mask;
	bool stopping, killed, lost;
};

/*
 * Start argv, which may take timeout ms (0: any time). Whenever it is to end, its group gets a signal
 * first, and SIGKILL after grace ms. From here on signals that would end this process are held back until
 * child_wait() or child_end() passes them on. 0, or -1 with errno.
 */
int	child_start(struct child *c, char *const argv[], uint64_t timeout, uint64_t grace);
/*
 * Wait until c->out can be read, seeing to signals and deadlines: 0. -1 when not even SIGKILL closed it.
 * Of the type of struct lines.idle.
 */
int	child_wait(void *c);
/* The same until fd can be written to. */
int	child_writable(struct child *c, int fd);
/* Where so much comes that nobody waits: see to signals, deadlines and the beat now and then. */
void	child_look(struct child *c);
/* Call beat in so many ms, as soon as one of the above sees to it; it says in how many ms again, -1: no more. */
void	child_beat(struct child *c, int64_t (*beat)(void *arg), void *arg, int64_t ms);
/*
 * The group gets SIGTERM in term ms and SIGKILL in kill ms, whatever this process is busy with then, unless called again
 * before: -1 for never.
 */
void	child_limit(struct child *c, int64_t term, int64_t kill);
/* End the group; harmless when that was begun already. */
void	child_stop(struct child *c);
/*
 * Wait until the command has exited, seeing to the same. Its exit status, 128+n for signal n. Of a group
 * that was to end, nothing is left.
 */
int	child_end(struct child *c);
/* After all that: die of the signal that was held back, as whoever sent it expects. */
void	child_die(int sig);

#endif
