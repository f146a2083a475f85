#include <err.h>

#include "lease.h"
#include "state.h"

static int
known(struct store *s, const char *stream)
{
	struct state_row r;
	struct run_rows runs = {0};
	int status = store_get(s, stream, &r);

	if (status == CS_SOME) {
		status = store_runs(s, stream, &runs);
		if (status == CS_OK && runs.n == 0)
			status = CS_SOME;
	}
	state_row_release(&r);
	run_rows_release(&runs);
	return status;
}

/* Under the lease: a run whose stream vanishes and comes back under it could not tell. */
int
cmd_rm(struct store *s, const struct opts *o)
{
	struct lease lease = {0};
	int status;

	if ((status = known(s, o->stream)) == CS_OK &&
	    (status = lease_take(&lease, s, o->stream, 0, LEASE_TTL)) == CS_OK) {
		status = store_rm(s, o->stream);
		if (status == CS_OK && o->parts)
			status = parts_rm(s, o->stream);
		lease_release(&lease);
	}
	if (status == CS_SOME)
		warnx("no stream \"%s\" in %s", o->stream, s->spec);
	return status;
}
