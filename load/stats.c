#include <err.h>
#include <stdio.h>
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

/* 12, 3.4k, 5.6M */
static const char *
short_number(char mem[32], double v)
{
	const char *unit = v < 1e4 ? "" : v < 1e7 ? "k" : v < 1e10 ? "M" : "G";

	v /= v < 1e4 ? 1 : v < 1e7 ? 1e3 : v < 1e10 ? 1e6 : 1e9;
	snprintf(mem, 32, *unit && v < 100 ? "%.1f%s" : "%.0f%s", v, unit);
	return mem;
}

void
counts_print(const struct sink *s, uint64_t checkpoints, uint64_t ms)
{
	const struct counts *c = &s->counts;
	char bytes[32], rows[32];

	warnx("%s%llu inserted, %llu updated, %llu unchanged, %llu deleted, %llu ignored, "
	      "%llu rejected; %zu columns added; %llu checkpoints, %llu commits; %llu records, %sB "
	      "in "
	      "%llu.%llu s, %s/s, %llu by digest",
	    s->o->dry_run ? "dry run: " : "", U(c->inserted), U(c->updated), U(c->unchanged),
	    U(c->deleted), U(c->ignored), U(c->rejected), s->added.n, U(checkpoints), U(s->commits),
	    U(s->records), short_number(bytes, (double)s->bytes), U(ms / 1000), U(ms / 100 % 10),
	    short_number(rows, (double)s->records * 1000 / (double)(ms ? ms : 1)), U(s->spared));
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
