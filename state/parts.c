/* The parts of a stream: what has a checkpoint of its own under the name STREAM/PART. */
#include <string.h>

#include "state.h"
#include "stream.h"

static int
write_part(void *out, const char *name, const struct state_row *row)
{
	struct buf line = {0};

	stream_checkpoint(&line, name, row->run != NULL ? row->run : "",
	    (struct slice){row->state, strlen(row->state)},
	    row->records > 0 ? (uint64_t)row->records : 0);
	out_write(out, line.p, line.len);
	buf_release(&line);
	return CS_OK;
}

static int
one_more(void *n, const char *name, const struct state_row *row)
{
	(void)name, (void)row;
	++*(uint64_t *)n;
	return CS_OK;
}

int
parts_count(struct store *s, const char *stream, uint64_t *n)
{
	*n = 0;
	return store_parts(s, stream, one_more, n);
}

int
parts_write(struct store *s, const char *stream, struct out *out)
{
	return store_parts(s, stream, write_part, out);
}

/* Those that have but runs, too. */
int
parts_rm(struct store *s, const char *stream)
{
	struct names names = {0};
	int status = store_streams(s, &names);

	for (size_t i = 0; status == CS_OK && i < names.n; i++)
		if (strcmp(names.name[i], stream) != 0 && stream_within(names.name[i], stream))
			status = store_rm(s, names.name[i]);
	names_release(&names);
	return status;
}
