#include "full.h"

#include <err.h>
#include <string.h>

#include "show.h"

#define U(n) ((unsigned long long)(n))

uint64_t
full_hash(const struct sink *s, const char *table)
{
	const char *texts[] = {s->life->begun ? s->life->stream : "", table};
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < 2; i++)
		for (const char *p = texts[i];; p++) {
			h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
			if (!*p)
				break;
		}
	return h;
}

int
full_check(const struct sink *s)
{
	if (!s->life->begun || s->life->full)
		return 0;
	warnx("stream \"%s\" is not in mode full: part of the rows cannot replace them all",
	    shown(s->life->stream));
	return CS_DATA;
}

int
full_resumed(const struct sink *s, bool same)
{
	const struct buf *from = &s->life->from, *base = &s->resume.base;

	if (same && base->len == from->len && !memcmp(base->p, from->p, from->len))
		return 0;
	warnx("stream \"%s\" resumes from %s, but what came before that is not at hand to replace "
	      "the table with: "
	      "begin it anew",
	    shown(s->life->stream), shown(from->p));
	return CS_DATA;
}

bool
full_none(const struct sink *s)
{
	if (s->life->begun)
		return false;
	if (!s->o->quiet)
		warnx("table \"%s\": left as it is: the input is empty, which may be another "
		      "command's "
		      "failure",
		    shown(s->o->table));
	return true;
}

bool
full_told(const struct sink *s, const char *table, bool whole, uint64_t rejected)
{
	if (whole && !rejected)
		return true;
	if (s->o->quiet)
		return false;
	if (rejected)
		warnx("table \"%s\": nothing is deleted, as %llu records were set aside",
		    shown(table), U(rejected));
	else
		warnx("table \"%s\": nothing is deleted, as the run was not loaded with "
		      "--delete-missing from its start on",
		    shown(table));
	return false;
}

int
full_limit(const struct sink *s, const char *table, uint64_t missing, uint64_t all)
{
	const struct opts *o = s->o;

	if (o->max_delete == UINT64_MAX) {
		if (missing < all || o->mode == MODE_REPLACE)
			return 0;
		warnx("table \"%s\": none of its %llu rows came again, so all would be deleted: "
		      "nothing is (--max-delete 100%% allows it)",
		    shown(table), U(all));
		return CS_DATA;
	}
	if (o->max_percent ? (double)missing * 100 <= (double)all * (double)o->max_delete
			   : missing <= o->max_delete)
		return 0;
	warnx("table \"%s\": %llu of its %llu rows did not come again, more than --max-delete "
	      "%llu%s: "
	      "nothing is deleted",
	    shown(table), U(missing), U(all), U(o->max_delete), o->max_percent ? "%" : "");
	return CS_DATA;
}
