#include <err.h>
#include <string.h>

#include "file.h"
#include "stats.h"

#define U(x) ((unsigned long long)(x))

void
counts_json(struct buf *b, const struct counts *c)
{
	buf_addf(b,
	    "{\"inserted\":%llu,\"updated\":%llu,\"unchanged\":%llu,\"deleted\":%llu,"
	    "\"ignored\":%llu,\"rejected\":%llu}",
	    U(c->inserted), U(c->updated), U(c->unchanged), U(c->deleted), U(c->ignored),
	    U(c->rejected));
}

void
counts_print(const struct sink *s, uint64_t checkpoints)
{
	const struct counts *c = &s->counts;

	warnx("%s%llu inserted, %llu updated, %llu unchanged, %llu deleted, %llu ignored, "
	      "%llu rejected; %llu checkpoints, %llu commits; %llu rows compared by digest",
	    s->o->dry_run ? "dry run: " : "", U(c->inserted), U(c->updated), U(c->unchanged),
	    U(c->deleted), U(c->ignored), U(c->rejected), U(checkpoints), U(s->commits),
	    U(s->spared));
}

int
stats_write(const struct sink *s, uint64_t checkpoints, bool complete)
{
	struct buf b = {0};
	int r = 0;

	counts_json(&b, &s->counts);
	b.len--; /* the brace: more members follow */
	buf_addf(&b, ",\"checkpoints\":%llu,\"columns_added\":[", U(checkpoints));
	for (size_t i = 0; i < s->added.n; i++) {
		if (i)
			buf_addc(&b, ',');
		json_quote(&b, s->added.v[i], strlen(s->added.v[i]));
	}
	buf_addf(&b, "],\"complete\":%s}\n", complete ? "true" : "false");
	if (file_write(s->o->stats, b.p, b.len, 0666) < 0) {
		warn("%s", s->o->stats);
		r = CS_IO;
	}
	buf_release(&b);
	return r;
}
