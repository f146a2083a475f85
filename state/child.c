#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

static volatile sig_atomic_t got;

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static void
on_signal(int sig)
{
	if (sig != SIGCHLD) /* which only has to wake us */
		got = sig;
}

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Hold back the signals we care for; those ignored by whoever started us (nohup) stay ignored. */
static void
signals_hold(struct child *c)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;
	sigset_t hold;

	sigemptyset(&hold);
	sigaddset(&hold, SIGCHLD);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		sigaddset(&hold, ending[i]);
	sigprocmask(SIG_BLOCK, &hold, &c->mask);
	sigaction(SIGCHLD, &sa, NULL);
	for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
		if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(ending[i], &sa, NULL);
}

/* A group in the background cannot read from the terminal: it would be stopped for ever. */
static int
stdin_ready(void)
{
	int fd;

	if (!isatty(STDIN_FILENO))
		return 0;
	if ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		return -1;
	return dup2(fd, STDIN_FILENO) < 0 ? -1 : 0;
}

static _Noreturn void
become(const struct child *c, char *const argv[], int out, pid_t parent)
{
	setpgid(0, 0);
	/*
	 * The best that can be done against our being killed: the rest of the group ends at a
	 * closed pipe.
	 */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(128 + SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
	if (stdin_ready() < 0 || dup2(out, STDOUT_FILENO) < 0)
		err(126, "%s", argv[0]);
	execvp(argv[0], argv);
	warn("%s", argv[0]);
	_exit(errno == ENOENT ? 127 : 126);
}

int
child_start(struct child *c, char *const argv[], uint64_t timeout, uint64_t grace)
{
	pid_t self = getpid();
	int p[2];

	memset(c, 0, sizeof *c);
	c->grace = grace;
	if (timeout)
		c->deadline = now() + (int64_t)timeout;
	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	signals_hold(c);
	if ((c->pid = fork()) == 0)
		become(c, argv, p[1], self);
	close(p[1]);
	c->out = p[0];
	if (c->pid < 0)
		return -1;
	setpgid(c->pid, c->pid); /* whichever of the two comes first */
	return 0;
}

static void
group_signal(struct child *c, int sig)
{
	kill(-c->pid, sig);
	kill(-c->pid, SIGCONT); /* a stopped process could not end */
	c->stopping = true;
	c->killed = sig == SIGKILL;
	c->deadline = now() + (int64_t)c->grace;
}

void
child_stop(struct child *c)
{
	if (!c->stopping)
		group_signal(c, SIGTERM);
}

/* Act on a signal that came and a deadline that has passed. */
static void
act(struct child *c)
{
	if (got) {
		c->caught = got;
		got = 0;
		group_signal(c, c->stopping ? SIGKILL : c->caught);
	}
	if (c->deadline == 0 || now() < c->deadline)
		return;
	if (!c->stopping) {
		c->timed_out = true;
		group_signal(c, SIGTERM);
	} else if (!c->killed) {
		group_signal(c, SIGKILL);
	} else {
		c->lost = true;
	}
}

/* Sleep until a signal, the deadline, or one of the events at fd (-1: none). Was it an event? */
static bool
nap(struct child *c, int fd, short events)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	struct timespec ts;
	int64_t ms = c->deadline - now();

	if (ms < 0)
		ms = 0;
	ts = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	return ppoll(&pfd, 1, c->deadline ? &ts : NULL, &c->mask) > 0;
}

static int
ready(struct child *c, int fd, short events)
{
	while (!c->lost) {
		if (nap(c, fd, events))
			return 0;
		act(c);
	}
	return -1;
}

int
child_wait(void *arg)
{
	struct child *c = arg;

	return ready(c, c->out, POLLIN);
}

int
child_writable(struct child *c, int fd)
{
	return ready(c, fd, POLLOUT);
}

int
child_end(struct child *c)
{
	siginfo_t si;
	int status;

	for (;;) {
		si.si_pid = 0;
		/* Not reaped yet: so its number cannot become another group's. */
		if (waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    si.si_pid != 0)
			break;
		nap(c, -1, 0);
		act(c);
	}
	if (c->stopping)
		kill(-c->pid, SIGKILL);
	if (waitpid(c->pid, &status, 0) < 0)
		return 126;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void
child_die(int sig)
{
	sigset_t none;

	sigemptyset(&none);
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
