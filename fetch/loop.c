#include "loop.h"

#include <limits.h>
#include <poll.h>

#include "clock.h"
#include "cs.h"
#include "secret.h"
#include "stop.h"

#define LOOK 50 /* ms between two looks at a stdout that has nothing to write */

void
loop_open(struct loop *l)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if ((l->multi = curl_multi_init()) == NULL)
		die(CS_IO, "libcurl cannot start");
}

void
loop_close(struct loop *l)
{
	if (l->multi == NULL)
		return;
	curl_multi_cleanup(l->multi);
	l->multi = NULL;
	curl_global_cleanup();
}

void
loop_add(struct loop *l, struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	if (curl_multi_add_handle(l->multi, t->easy) != CURLM_OK)
		die(CS_IO, "libcurl cannot start a transfer");
	l->n++;
}

void
loop_remove(struct loop *l, struct transfer *t)
{
	curl_multi_remove_handle(l->multi, t->easy);
	l->n--;
}

static void
collect(struct loop *l)
{
	struct transfer *t;
	CURLcode code;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(l->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE) {
			code = m->data.result; /* m goes with the handle */
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
			loop_remove(l, t);
			t->done(t, code);
		}
}

/* A pipe whose reader has gone away has an error, whether or not we write. */
static int
look(int out, bool writing)
{
	struct pollfd p = {.fd = out, .events = writing ? POLLOUT : 0};

	if (out < 0 || poll(&p, 1, 0) <= 0)
		return 0;
	if (p.revents & (POLLERR | POLLHUP | POLLNVAL))
		return LOOP_OUT | LOOP_GONE;
	return LOOP_OUT;
}

int
loop_turn(struct loop *l, uint64_t wait, int out, bool writing)
{
	struct curl_waitfd fd[2] = {
	    {.fd = stop_fd(), .events = CURL_WAIT_POLLIN},
	    {.fd = out, .events = writing ? CURL_WAIT_POLLOUT : 0},
	};
	int running;

	if (stop_signal() != 0)
		return 0;
	if (clock_stands() && l->n == 0 && !writing) {
		clock_skip(wait);
		return 0;
	}
	curl_multi_poll(l->multi, fd, out >= 0 ? 2 : 1, wait < INT_MAX ? (int)wait : INT_MAX, NULL);
	curl_multi_perform(l->multi, &running);
	collect(l);
	if (!writing && clock_ms() - l->looked < LOOK)
		return 0;
	l->looked = clock_ms();
	return look(out, writing);
}
