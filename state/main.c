/*
 * cs-state: keep the checkpoints of streams, and run pipelines from where they left off.
 */
#include "state.h"

int
main(int argc, char **argv)
{
	const struct command *c;
	struct opts o;
	struct store s;
	int status;

	c = opts_parse(&o, argc, argv);
	status = store_open(&s, o.store, c->mode);
	if (status == CS_OK)
		status = c->run(&s, &o);
	store_close(&s);
	return status;
}
