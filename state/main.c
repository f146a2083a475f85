/*
 * cs-state: keep the checkpoints of streams, and run pipelines from where they left off.
 */
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include "file.h"
#include "state.h"

/*
 * A file opened where a standard stream was closed would get what is meant for that: make each
 * fail instead.
 */
static void
fill_closed(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int
main(int argc, char **argv)
{
	const struct command *c;
	struct opts o;
	struct store s;
	int status;

	fill_closed();
	setlocale(LC_CTYPE, ""); /* may the terminal get more than ASCII? */
	file_limit_fails();
	c = opts_parse(&o, argc, argv);
	status = store_open(&s, o.store, c->mode, o.network_fs);
	if (status == CS_OK)
		status = c->run(&s, &o);
	store_close(&s);
	return status;
}
