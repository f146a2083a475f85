#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"
#include "store.h"
#include "stream.h"

/* $XDG_STATE_HOME/cs, by the XDG base directory specification: a relative value counts as none. */
static char *
default_spec(void)
{
	const char *dir = getenv("XDG_STATE_HOME");

	if (dir != NULL && *dir == '/')
		return xasprintf("dir:%s/cs", dir);
	dir = getenv("HOME");
	if (dir == NULL || *dir == '\0')
		errx(CS_USAGE, "no store: give --store, or set CS_STATE_STORE or HOME");
	return xasprintf("dir:%s/.local/state/cs", dir);
}

int
store_open(struct store *s, const char *spec, enum store_mode mode, bool network_fs)
{
	static const struct {
		const char *prefix;
		int (*open)(struct store *s, enum store_mode mode);
	} kinds[] = {{"sqlite:", store_sqlite_open}, {"dir:", store_dir_open}};

	memset(s, 0, sizeof *s);
	s->fd = -1;
	s->network_fs = network_fs;
	if (spec == NULL && ((spec = getenv("CS_STATE_STORE")) == NULL || *spec == '\0'))
		spec = s->own = default_spec();
	s->spec = spec;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(spec, kinds[i].prefix, n) != 0 || spec[n] == '\0')
			continue;
		s->path = spec + n;
		return kinds[i].open(s, mode);
	}
	if (pg_url(spec)) {
		s->path = spec;
		s->spec = s->own = pg_place(spec);
		return store_pg_open(s, mode);
	}
	/* Not the whole of it: a URL may hold a password. */
	warnx("--store: \"%.*s\" is no kind of store; say sqlite:FILE, dir:PATH or postgres://...",
	    (int)strcspn(spec, ":"), spec);
	return CS_USAGE;
}

void
store_close(struct store *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	s->ops = NULL;
	free(s->own);
	s->own = NULL;
}

int
store_get(struct store *s, const char *stream, struct state_row *r)
{
	memset(r, 0, sizeof *r);
	return s->ops != NULL ? s->ops->get(s, stream, r) : CS_SOME;
}

int
store_put(struct store *s, const char *stream, const struct state_row *r, int64_t expect,
    int64_t *version)
{
	return s->ops != NULL ? s->ops->put(s, stream, r, expect, version) : CS_SOME;
}

int
store_rm(struct store *s, const char *stream)
{
	return s->ops != NULL ? s->ops->rm(s, stream) : CS_SOME;
}

int
store_streams(struct store *s, struct names *n)
{
	return s->ops != NULL ? s->ops->streams(s, n) : CS_OK;
}

void
names_add(struct names *n, char *name)
{
	if ((n->n & (n->n + 1)) == 0) /* it is full at 0, 1, 3, 7… */
		n->name = xreallocarray(n->name, 2 * n->n + 1, sizeof *n->name);
	n->name[n->n++] = name;
}

void
names_release(struct names *n)
{
	while (n->n > 0)
		free(n->name[--n->n]);
	free(n->name);
	n->name = NULL;
}

int
store_history(struct store *s, const char *stream, struct state_rows *rows)
{
	return s->ops != NULL ? s->ops->history(s, stream, rows) : CS_SOME;
}

int
store_fence(struct store *s, const char *stream, int64_t *fence)
{
	return s->ops->fence != NULL ? s->ops->fence(s, stream, fence) : CS_OK;
}

int
store_run_put(struct store *s, const char *stream, const struct run_row *r)
{
	return s->ops->run_put(s, stream, r);
}

int
store_runs(struct store *s, const char *stream, struct run_rows *rows)
{
	return s->ops != NULL ? s->ops->runs(s, stream, rows) : CS_OK;
}

int
store_parts(struct store *s, const char *stream,
    int (*f)(void *arg, const char *name, const struct state_row *r), void *arg)
{
	struct names names = {0};
	struct state_row row;
	int status;

	if (s->ops != NULL && s->ops->parts != NULL)
		return s->ops->parts(s, stream, f, arg);
	status = store_streams(s, &names);
	for (size_t i = 0; status == CS_OK && i < names.n; i++) {
		if (strcmp(names.name[i], stream) == 0 || !stream_within(names.name[i], stream))
			continue;
		status = store_get(s, names.name[i], &row);
		if (status == CS_OK)
			status = f(arg, names.name[i], &row);
		else if (status == CS_SOME) /* it has runs alone, or was removed just now */
			status = CS_OK;
		state_row_release(&row);
	}
	names_release(&names);
	return status;
}
