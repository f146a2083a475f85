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
#include "cs.h"

#define LOOK 100 /* ms between two looks */

static volatile sig_atomic_t got;

/* What the timer of child_limit() acts on: the group, how often it has gone off. */
static volatile pid_t limited;
static volatile sig_atomic_t passed;
static timer_t timer;

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static void
on_signal(int sig)
{
	if (sig != SIGCHLD) /* which only has to wake us */
		got = sig;
}

static void
on_limit(int sig)
{
	int save = errno;

	(void)sig;
	if (limited > 0) {
		kill(-limited, passed ? SIGKILL : SIGTERM);
		kill(-limited, SIGCONT);
		passed = passed ? 2 : 1;
	}
	errno = save;
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

void
child_beat(struct child *c, int64_t (*beat)(void *arg), void *arg, int64_t ms)
{
	c->beat = beat;
	c->arg = arg;
	c->beat_at = now() + ms;
}

static struct timespec
timespec(int64_t ms)
{
	ms = ms > 0 ? ms : 1; /* 0 would stop the timer */
	return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
}

void
child_limit(struct child *c, int64_t term, int64_t kill)
{
	static bool made;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	struct sigaction sa = {.sa_handler = on_limit, .sa_flags = SA_RESTART};
	struct itimerspec time = {0};
	sigset_t set;

	if (!made) {
		sigemptyset(&set);
		sigaddset(&set, SIGALRM);
		if (timer_create(CLOCK_BOOTTIME, &event, &timer) < 0)
			err(CS_IO, "timer");
		sigaction(SIGALRM, &sa, NULL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		sigdelset(&c->mask, SIGALRM);
		limited = c->pid;
		made = true;
	}
	if (term >= 0)
		time = (struct itimerspec){
		    .it_value = timespec(term), .it_interval = timespec(kill - term)};
	timer_settime(timer, 0, &time, NULL);
}

/* Act on a signal that came, on a deadline that has passed and on the beat. */
static void
act(struct child *c)
{
	if (passed && !c->cut) {
		c->cut = c->stopping = true;
		c->deadline = now() + (int64_t)c->grace;
	}
	if (c->beat != NULL && !c->stopping && now() >= c->beat_at) {
		int64_t ms = c->beat(c->arg);

		if (ms < 0)
			c->beat = NULL;
		c->beat_at = now() + ms;
	}
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
	int64_t at = c->deadline;

	if (c->beat != NULL && (at == 0 || c->beat_at < at))
		at = c->beat_at;
	ts = timespec(at - now());
	return ppoll(&pfd, 1, at ? &ts : NULL, &c->mask) > 0;
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

void
child_look(struct child *c)
{
	const struct timespec none = {0};
	int64_t t = now();

	if (t < c->looked + LOOK)
		return;
	c->looked = t;
	ppoll(NULL, 0, &none, &c->mask);
	act(c);
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
	limited = 0;
	if (passed)
		c->cut = c->stopping = true;
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
