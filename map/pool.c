#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lines.h"
#include "pool.h"
#include "worker.h"

#define CHUNK_BYTES (128u << 10) /* of lines that go to a worker at once */
#define CHUNK_LINES 4096
#define LOOK_MS     200 /* how often to look after a worker that is silent */

struct chunk {
	struct buf lines;
	struct entry *entries;
	size_t n, cap;
	size_t judged;         /* how many of them are for the programs */
	size_t done;           /* how many have come back */
	struct worker *worker; /* NULL: not sent, or answered in full */
	struct chunk *next;
};

struct worker {
	pid_t pid;
	int fd;      /* the socket to it; -1: it is not there */
	int said_fd; /* the file that is its standard error */
	off_t said;  /* how much of that is printed */
	bool busy;
	volatile size_t *at; /* shared: the entry that it is at, from 1; 0: none */
	/* Since when it has been at that. */
	size_t seen;
	uint64_t since; /* ms of its CPU time */
};

struct pool {
	struct pool_limits limits;
	struct records *records;
	int (*done)(void *, struct pool_line *);
	void *arg;
	struct worker *workers;
	volatile size_t *shared;
	int null; /* /dev/null, for workers: they may start when no file can be opened any more */
	struct chunk *filling, *first, *last; /* sent, in order; spare ones */
	struct chunk *full;                   /* waits for a worker to be sent to */
	struct chunk *spare;
	struct buf frame;
};

/* A standard stream that is closed stays closed: what is written to it must not end up here. */
static int
above_standard(int fd)
{
	int high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

static int
start(struct pool *p, struct worker *w)
{
	int fds[2];
	pid_t parent = getpid();

	if (w->said_fd < 0)
		w->said_fd = above_standard(memfd_create("stderr", MFD_CLOEXEC));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		goto fail;
	fds[0] = above_standard(fds[0]);
	fds[1] = above_standard(fds[1]);
	w->pid = fds[0] < 0 || fds[1] < 0 ? -1 : fork();
	if (w->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		goto fail;
	}
	if (w->pid == 0) {
		close(fds[0]);
		for (unsigned i = 0; i < p->limits.jobs; i++)
			if (p->workers[i].fd >= 0)
				close(p->workers[i].fd);
		worker_run(&(struct worker_job){.parent = parent,
		    .fd = fds[1],
		    .said_fd = w->said_fd,
		    .null_fd = p->null,
		    .memory = p->limits.memory,
		    .at = w->at,
		    .records = p->records});
	}
	close(fds[1]);
	w->fd = fds[0];
	*w->at = 0;
	return 0;
fail:
	warn("cannot start a worker");
	return CS_IO;
}

/* Print what the worker wrote to its standard error since the last time, but not the line from cut on. */
static void
print_said(struct worker *w, struct buf *last)
{
	struct stat st;
	struct buf b = {0};
	const char *nl;
	size_t n;

	if (w->said_fd < 0 || fstat(w->said_fd, &st) < 0 || st.st_size <= w->said)
		return;
	n = (size_t)(st.st_size - w->said);
	buf_room(&b, n);
	if (pread(w->said_fd, b.p, n, w->said) != (ssize_t)n)
		n = 0;
	w->said = st.st_size;
	if (last && n) { /* the line that it ended with says why */
		size_t end = n - (b.p[n - 1] == '\n');

		nl = memrchr(b.p, '\n', end);
		buf_add(last, nl ? nl + 1 : b.p, end - (size_t)(nl ? nl + 1 - b.p : 0));
		n -= end - (size_t)(nl ? nl + 1 - b.p : 0) + (b.p[n - 1] == '\n');
	}
	(void)write_all(STDERR_FILENO, b.p, n);
	buf_release(&b);
}

/* Why a worker ended, for the record that it was at. */
static char *
obituary(const struct pool *p, int status, const char *last, bool slow)
{
	if (slow)
		return xasprintf("the program took more than %g s of CPU time for this record "
				 "(--program-timeout)",
		    (double)p->limits.ms / 1000);
	if (strstr(last, "allocate memory") || strstr(last, "out of memory") ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == CS_IO))
		return xasprintf("the program needs more than %lluM of memory for this record "
				 "(--program-memory)",
		    (unsigned long long)(p->limits.memory >> 20));
	if (WIFSIGNALED(status))
		return xasprintf("the program crashed libjq on this record: %s%s%.200s",
		    strsignal(WTERMSIG(status)), *last ? ": " : "", last);
	return xasprintf("libjq ended on this record: %.200s", last);
}

static int
send_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t r;

	while (n) {
		r = send(fd, p, n, MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Did talking to a worker fail because it is no more? Else it waits for us, and it is said why we cannot. */
static bool
gone(void)
{
	if (errno == 0 || errno == EPIPE || errno == ECONNRESET)
		return true;
	warn("a worker");
	return false;
}

/* Give the worker what is left of the chunk. That it may be dead shows when it does not answer. */
static int
request(struct pool *p, struct worker *w, struct chunk *c)
{
	struct request q = {.n = c->n, .from = c->done, .bytes = c->lines.len};

	if (w->fd < 0 && start(p, w))
		return CS_IO;
	w->busy = true;
	w->said = 0;
	w->seen = 0;
	c->worker = w;
	if (send_all(w->fd, &q, sizeof q) == 0 &&
	    send_all(w->fd, c->entries, q.n * sizeof *c->entries) == 0 &&
	    send_all(w->fd, c->lines.p, q.bytes) == 0)
		return 0;
	return gone() ? 0 : CS_IO;
}

/* The chunk's worker is no more: another goes on behind the record that it was at. */
static int
died(struct pool *p, struct chunk *c, bool slow)
{
	struct worker *w = c->worker;
	size_t at = *w->at;
	struct buf last = {0};
	struct entry *e;
	int status = 0;

	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(w->fd);
	w->fd = -1;
	print_said(w, &last);
	if (at == 0 || at <= c->done || at > c->n) {
		warnx("a worker ended: %s",
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "unexpectedly");
		buf_release(&last);
		return CS_IO;
	}
	e = &c->entries[at - 1];
	e->why = obituary(p, status, last.len ? last.p : "", slow);
	for (char *s = e->why; *s; s++)
		if ((unsigned char)*s < 0x20)
			*s = ' ';
	buf_release(&last);
	return request(p, w, c);
}

/* The worker is silent: has it been at one record for too long? */
static bool
too_slow(const struct pool *p, struct worker *w)
{
	struct timespec t;
	clockid_t clock;
	size_t at = *w->at;
	uint64_t now;

	if (clock_getcpuclockid(w->pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return false;
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (at == 0 || at != w->seen) {
		w->seen = at;
		w->since = now;
		return false;
	}
	return now - w->since >= p->limits.ms;
}

/* Wait for the worker to say something, or to end. 1: it can be read from; 0: another took its place; or a status. */
static int
listen_to(struct pool *p, struct chunk *c)
{
	struct worker *w = c->worker;
	struct pollfd pfd = {.fd = w->fd, .events = POLLIN};
	int r;

	for (;;) {
		r = poll(&pfd, 1, LOOK_MS);
		if (r > 0)
			return 1;
		if (r == 0 && too_slow(p, w)) {
			kill(w->pid, SIGKILL);
			return died(p, c, true);
		}
	}
}

static void
chunk_reset(struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->entries[i].why);
	buf_clear(&c->lines);
	c->n = c->judged = c->done = 0;
	c->worker = NULL;
	c->next = NULL;
}

/* Hand back lines for which verdicts have come, and what is between them. */
static int
deliver(struct pool *p, struct chunk *c, const char *v, size_t verdicts, bool last)
{
	int status = 0;

	for (; status == 0 && c->done < c->n; c->done++) {
		const struct entry *e = &c->entries[c->done];
		struct pool_line line = {.p = c->lines.p + e->at, .n = e->n, .lineno = e->lineno};

		if (e->judge && !e->why) {
			if (!verdicts)
				break;
			verdicts--;
			line.judged = true;
			line.v = v;
		}
		if (!last && !line.judged && !verdicts)
			break;
		line.why = e->why;
		status = p->done(p->arg, &line);
		if (line.judged)
			v = line.v;
	}
	return status;
}

/* The full chunk to this worker, which has nothing to do. */
static int
send_full(struct pool *p, struct worker *w)
{
	struct chunk *c = p->full;

	p->full = NULL;
	if (p->last)
		p->last->next = c;
	else
		p->first = c;
	p->last = c;
	return request(p, w, c);
}

/* The next frame of the first chunk. The worker gets its next chunk before what it says is looked at. 0 or a status. */
static int
collect(struct pool *p)
{
	struct chunk *c = p->first;
	struct worker *w = c->worker;
	struct frame f;
	int status = listen_to(p, c);

	if (status != 1)
		return status;
	if (worker_read(w->fd, &f, sizeof f) < 0)
		return gone() ? died(p, c, false) : CS_IO;
	buf_clear(&p->frame);
	buf_room(&p->frame, f.bytes);
	if (worker_read(w->fd, p->frame.p, f.bytes) < 0)
		return gone() ? died(p, c, false) : CS_IO;
	print_said(w, NULL);
	w->busy = !f.last;
	status = f.last && p->full ? send_full(p, w) : 0;
	if (status == 0)
		status = deliver(p, c, p->frame.p, f.verdicts, f.last);
	if (status == 0 && f.last) {
		p->first = c->next;
		if (!p->first)
			p->last = NULL;
		chunk_reset(c);
		c->next = p->spare;
		p->spare = c;
	}
	return status;
}

static struct worker *
idle_worker(struct pool *p)
{
	for (unsigned i = 0; i < p->limits.jobs; i++)
		if (!p->workers[i].busy)
			return &p->workers[i];
	return NULL;
}

static struct chunk *
chunk_new(struct pool *p)
{
	struct chunk *c = p->spare;

	if (!c)
		return xcalloc(1, sizeof *c);
	p->spare = c->next;
	c->next = NULL;
	return c;
}

/* Send off what was gathered, as soon as there is a worker for it. */
static int
push(struct pool *p)
{
	struct worker *w;
	int status = 0;

	if (!p->filling || !p->filling->n)
		return 0;
	p->full = p->filling;
	p->filling = NULL;
	while (status == 0 && p->full) {
		w = idle_worker(p);
		status = w ? send_full(p, w) : collect(p);
	}
	return status;
}

int
pool_add(struct pool *p, uint64_t lineno, const char *line, size_t n, bool judge)
{
	struct chunk *c = p->filling;
	struct entry *e;

	if (!c)
		c = p->filling = chunk_new(p);
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 256;
		c->entries = xreallocarray(c->entries, c->cap, sizeof *c->entries);
	}
	e = &c->entries[c->n++];
	*e = (struct entry){.at = c->lines.len, .n = n, .lineno = lineno, .judge = judge};
	c->judged += judge;
	buf_add(&c->lines, line, n);
	buf_addc(&c->lines, '\n');
	return c->lines.len >= CHUNK_BYTES || c->n == CHUNK_LINES ? push(p) : 0;
}

int
pool_wait(struct pool *p, int fd)
{
	struct pollfd pfds[2] = {{.fd = fd, .events = POLLIN}, {.events = POLLIN}};
	int status = 0, n;

	while (status == 0 && (p->first || (p->filling && p->filling->n))) {
		if (p->filling && p->filling->n && idle_worker(p)) {
			status = push(p);
			continue;
		}
		status = p->done(p->arg, NULL);
		if (status)
			break;
		pfds[1].fd = p->first->worker->fd;
		n = poll(pfds, 2, LOOK_MS);
		if (n > 0 && pfds[0].revents)
			break;
		if (n == 0 || pfds[1].revents)
			status = n || too_slow(p, p->first->worker) ? collect(p) : 0;
	}
	return status;
}

int
pool_drain(struct pool *p)
{
	int status = push(p);

	while (status == 0 && p->first)
		status = collect(p);
	return status;
}

struct pool *
pool_new(const struct pool_limits *limits, struct records *r,
    int (*done)(void *arg, struct pool_line *line), void *arg)
{
	struct pool *p = xcalloc(1, sizeof *p);
	size_t bytes = limits->jobs * sizeof *p->shared;

	p->limits = *limits;
	p->records = r;
	p->done = done;
	p->arg = arg;
	p->shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->shared == MAP_FAILED)
		err(CS_IO, "shared memory");
	p->null = above_standard(open("/dev/null", O_RDWR | O_CLOEXEC));
	if (p->null < 0)
		err(CS_IO, "/dev/null");
	p->workers = xcalloc(limits->jobs, sizeof *p->workers);
	for (unsigned i = 0; i < limits->jobs; i++) {
		p->workers[i].fd = p->workers[i].said_fd = -1;
		p->workers[i].at = &p->shared[i];
	}
	return p;
}

static void
chunks_free(struct chunk *c)
{
	struct chunk *next;

	for (; c; c = next) {
		next = c->next;
		chunk_reset(c);
		buf_release(&c->lines);
		free(c->entries);
		free(c);
	}
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	close(p->null);
	for (unsigned i = 0; i < p->limits.jobs; i++) {
		struct worker *w = &p->workers[i];

		if (w->said_fd >= 0)
			close(w->said_fd);
		if (w->fd < 0)
			continue;
		close(w->fd);
		if (w->busy)
			kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	chunks_free(p->first);
	chunks_free(p->full);
	chunks_free(p->filling);
	chunks_free(p->spare);
	buf_release(&p->frame);
	munmap((void *)p->shared, p->limits.jobs * sizeof *p->shared);
	free(p->workers);
	free(p);
}
