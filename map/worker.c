#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "lines.h"
#include "worker.h"

#define FRAME_BYTES (256u << 10) /* of verdicts that go back at once */

int
worker_read(int fd, void *to, size_t n)
{
	char *p = to;
	ssize_t r;

	while (n) {
		r = read(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = 0;
		if (r <= 0)
			return -1;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

static void
answer(int fd, struct buf *verdicts, size_t n, bool last)
{
	struct frame f = {.verdicts = n, .bytes = verdicts->len, .last = last};

	if (write_all(fd, &f, sizeof f) < 0 || write_all(fd, verdicts->p, verdicts->len) < 0)
		_exit(0); /* the parent has gone */
	buf_clear(verdicts);
}

static void
judge_all(const struct worker_job *w, const struct request *q, const struct entry *entries,
    const char *lines, struct buf *verdicts)
{
	size_t n = 0;

	for (size_t i = q->from; i < q->n; i++) {
		if (!entries[i].judge || entries[i].why)
			continue;
		*w->at = i + 1;
		records_judge(w->records, lines + entries[i].at, entries[i].n, verdicts);
		*w->at = 0;
		n++;
		if (verdicts->len > FRAME_BYTES) {
			answer(w->fd, verdicts, n, false);
			n = 0;
		}
	}
	answer(w->fd, verdicts, n, true);
}

/* Leave the worker nothing of its parent's but the socket: a pipe's reader must see the parent end. */
static void
settle_in(const struct worker_job *w)
{
	static const int signals[] = {SIGABRT, SIGFPE, SIGSEGV, SIGINT, SIGTERM};
	struct rlimit limit = {w->memory, w->memory}, core = {0, 0};

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		signal(signals[i], SIG_DFL);
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	if (getppid() != w->parent)
		_exit(0);
	dup2(w->null_fd, STDIN_FILENO);
	dup2(w->null_fd, STDOUT_FILENO);
	if (w->said_fd >= 0)
		dup2(w->said_fd, STDERR_FILENO);
	setrlimit(RLIMIT_CORE, &core);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (limit.rlim_cur)
		setrlimit(RLIMIT_AS, &limit);
#else
	(void)limit; /* shadow memory is address space, too */
#endif
}

void
worker_run(const struct worker_job *w)
{
	struct buf lines = {0}, verdicts = {0};
	struct entry *entries = NULL;
	struct request q;

	settle_in(w);
	while (worker_read(w->fd, &q, sizeof q) == 0) {
		entries = xreallocarray(entries, q.n, sizeof *entries);
		buf_clear(&lines);
		buf_room(&lines, q.bytes);
		if (worker_read(w->fd, entries, q.n * sizeof *entries) < 0 ||
		    worker_read(w->fd, lines.p, q.bytes) < 0)
			break;
		memset(lines.p + q.bytes, 0, BUF_PAD);
		if (w->said_fd >= 0 && lseek(STDERR_FILENO, 0, SEEK_CUR) > 0 &&
		    ftruncate(STDERR_FILENO, 0) == 0)
			(void)lseek(STDERR_FILENO, 0, SEEK_SET);
		judge_all(w, &q, entries, lines.p, &verdicts);
	}
	_exit(0);
}
