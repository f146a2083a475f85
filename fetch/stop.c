#include "stop.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void
on_signal(int sig)
{
	caught = sig;
}

void
stop_init(void)
{
	static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
	/* Once is a request, twice an order: the second one kills at once. */
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND}, old;

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
stop_sleep(uint64_t ms, void (*tick)(void))
{
	while (ms > 0 && caught == 0) {
		uint64_t part = ms < 200 ? ms : 200;
		nanosleep(&(struct timespec){.tv_nsec = part * 1000000}, NULL);
		ms -= part;
		if (tick != NULL)
			tick();
	}
	return caught;
}

void
stop_die(int sig)
{
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(128 + sig);
}
