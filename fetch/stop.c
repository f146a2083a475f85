#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cs.h"
#include "secret.h"

static volatile sig_atomic_t caught;
static int wake[2] = {-1, -1};

static void
on_signal(int sig)
{
	int e = errno;

	caught = sig;
	if (write(wake[1], "", 1) < 0)
		errno = e;
}

void
stop_init(void)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
	/* Once is a request, twice an order: the second one kills at once. */
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, old;

	if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		die(CS_IO, "cannot make a pipe");
	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN); /* libcurl's sockets; stdout is checked */
}

int
stop_signal(void)
{
	return caught;
}

int
stop_fd(void)
{
	return wake[0];
}

void
stop_die(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}
