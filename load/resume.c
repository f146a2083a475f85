/*
 * Append exactly once (design law 8): without a key nothing tells a row that comes again, so a
 * stream that appends must go on from the checkpoint that is stored. In _cs_meta, the row 'append
 * STREAM' says that a stream does; its value is the run that ended
 * with rows after its last checkpoint, if the last one did.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "sink.h"

static int
check(struct sink *s)
{
	const struct life *life = s->life;

	if (s->resume.base.len != life->from.len ||
	    memcmp(s->resume.base.p, life->from.p, life->from.len) != 0) {
		warnx("stream \"%s\" resumes from %s, but %s is the checkpoint in %s: appending "
		      "would lose or double records; start from that checkpoint, or give a --key",
		    shown(life->stream), shown(life->from.p), shown(s->resume.base.p), s->place);
		return CS_DATA;
	}
	if (s->resume.last_run && *s->resume.last_run && !strcmp(s->resume.last_run, life->run)) {
		warnx("stream \"%s\": run \"%s\" is in %s already: appending it would double its "
		      "records; give a --key, or make the stream send checkpoints",
		    shown(life->stream), shown(life->run), s->place);
		return CS_DATA;
	}
	s->resume.at.resumed = true;
	return 0;
}

static int
read_last_run(struct sink *s)
{
	char *name = xasprintf("append %s", s->life->stream);
	int r;

	free(s->resume.last_run);
	s->resume.last_run = NULL;
	r = s->meta_get(s, name, &s->resume.last_run);
	free(name);
	return r;
}

static int
note_run(struct sink *s, const char *run)
{
	char *name = xasprintf("append %s", s->life->stream);
	int r = s->meta_put(s, name, run);

	free(name);
	return r;
}

int
resume_begin(struct sink *s)
{
	const struct opts *o = s->o;
	int r;

	if (!s->life->begun || s->resume.at.begun == s->life->serial)
		return 0;
	s->resume.at.begun = s->life->serial;
	s->resume.at.resumed = s->resume.at.appends = s->resume.at.loose = false;
	r = s->past(s);
	if (r == 0)
		r = read_last_run(s);
	if (r || !s->resume.last_run || (o->key.n && o->mode != MODE_APPEND) ||
	    o->mode == MODE_REPLACE)
		return r;
	return check(s);
}

int
resume_append(struct sink *s)
{
	int r = 0;

	s->resume.at.loose = true;
	if (s->resume.at.appends)
		return 0;
	if (!s->resume.at.resumed)
		r = check(s);
	if (r == 0 && !s->resume.last_run)
		r = note_run(s, "");
	s->resume.at.appends = r == 0;
	return r;
}

int
resume_end(struct sink *s)
{
	return s->resume.at.appends ? note_run(s, s->resume.at.loose ? s->life->run : "") : 0;
}

void
resume_release(struct resume *r)
{
	buf_release(&r->base);
	free(r->last_run);
}
