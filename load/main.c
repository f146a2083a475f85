#include <err.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "apply.h"
#include "file.h"
#include "hash.h"
#include "sandbox.h"
#include "stats.h"

/* No file that is opened may get the number of a standard stream that was closed. */
static int
check_streams(void)
{
	if (fcntl(STDIN_FILENO, F_GETFD) < 0) {
		warn("stdin");
		return CS_IO;
	}
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) /* writing fails */
			return CS_IO;
	return 0;
}

/* From here on only the files that it writes are in reach, and temporary ones. */
static void
sandbox(const struct opts *o, const struct sink *sink)
{
	const char *dir = getenv("SQLITE_TMPDIR"), *tmp = getenv("TMPDIR");
	char *dirs[SANDBOX_DIRS] = {o->target == TARGET_POSTGRES ? NULL : sandbox_dir(o->path),
	    sandbox_dir(o->rejects), sandbox_dir(o->changes), sandbox_dir(o->stats),
	    xstrdup(tmp && *tmp ? tmp : "/tmp"), xstrdup(dir && *dir ? dir : "/var/tmp"),
	    o->dry_run ? xstrdup("/dev") : NULL}; /* where a dry run's file goes */
	char chance;

	if (!o->no_sandbox) {
		sqlite3_randomness(1, &chance); /* its seed comes from a file */
		if (o->meta[META_HASH])
			hash_start(NULL); /* a library */
		sandbox_enter_connected(dirs, sink->reads);
	}
	for (size_t i = 0; i < SANDBOX_DIRS; i++)
		free(dirs[i]);
}

int
main(int argc, char *argv[])
{
	static struct opts o; /* lives until exit, as what the schema file says */
	static struct decl *decls;
	struct input in = {0};
	struct sink *sink;
	uint64_t begun;
	int r;

	options(&o, argc, argv);
	file_limit_fails();
	r = check_streams();
	if (r)
		return r;
	r = o.schema ? schema_file(&decls, o.schema) : 0;
	if (r)
		return r;
	sink = (o.target == TARGET_SQLITE     ? sqlite_open
		: o.target == TARGET_POSTGRES ? postgres_open
					      : file_open)(&o, &in.life, decls, &r);
	if (!sink)
		return r;
	begun = clock_ms();
	sandbox(&o, sink);
	r = input_load(&in, &o, sink);
	if ((o.verbose || (r == 0 && (o.dry_run || isatty(STDERR_FILENO)))) && !o.quiet)
		counts_print(sink, in.checkpoints, clock_ms() - begun);
	if (o.stats && stats_write(sink, in.checkpoints, in.complete && r == 0) && r == 0)
		r = CS_IO;
	if (r == 0 && sink->counts.rejected)
		r = CS_SOME;
	sink->close(sink);
	names_release(&o.key);
	return input_close(&in) ? CS_IO : r;
}
