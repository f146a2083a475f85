/* The parts of a stream: what has a checkpoint of its own under the name STREAM/PART. */
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "stream.h"

static int
write_part(struct store *s, const char *name, void *out)
{
	struct state_row row = {0};
	struct buf line = {0};
	int status = store_get(s, name, &row);

	if (status == CS_OK) {
		stream_checkpoint(&line, name, row.run != NULL ? row.run : "",
		    (struct slice){row.state, strlen(row.state)},
		    row.records > 0 ? (uint64_t)row.records : 0);
		out_write(out, line.p, line.len);
	}
	buf_release(&line);
	state_row_release(&row);
	return status == CS_SOME ? CS_OK : status; /* it has runs alone, or was removed just now */
}

/* Call f for each of them until it does not return CS_OK. */
static int
each_part(
    struct store *s, const char *stream, int (*f)(struct store *, const char *, void *), void *arg)
{
	struct names names = {0};
	int status = store_streams(s, &names);

	for (size_t i = 0; status == CS_OK && i < names.n; i++)
		if (strcmp(names.name[i], stream) != 0 && stream_within(names.name[i], stream))
			status = f(s, names.name[i], arg);
	names_release(&names);
	return status;
}

static int
one_more(struct store *s, const char *name, void *n)
{
	(void)s, (void)name;
	++*(uint64_t *)n;
	return CS_OK;
}

static int
forget(struct store *s, const char *name, void *arg)
{
	(void)arg;
	return store_rm(s, name);
}

int
parts_count(struct store *s, const char *stream, uint64_t *n)
{
	*n = 0;
	return each_part(s, stream, one_more, n);
}

int
parts_write(struct store *s, const char *stream, struct out *out)
{
	return each_part(s, stream, write_part, out);
}

int
parts_rm(struct store *s, const char *stream)
{
	return each_part(s, stream, forget, NULL);
}
