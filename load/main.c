#include <err.h>

#include "input.h"
#include "stats.h"

int
main(int argc, char *argv[])
{
	struct opts o;
	struct input in = {0};
	struct decl *decls = NULL;
	struct sink *sink;
	int r;

	options(&o, argc, argv);
	r = o.schema ? schema_file(&decls, o.schema) : 0;
	if (r)
		return r;
	sink = o.target == TARGET_SQLITE ? sqlite_open(&o, &in.life, decls, &r)
					 : file_open(&o, &in.life, decls, &r);
	if (!sink)
		return r;
	r = input_load(&in, &o, sink);
	if ((o.verbose || (o.dry_run && r == 0)) && !o.quiet)
		counts_print(sink, in.checkpoints);
	if (o.stats && stats_write(sink, in.checkpoints, in.complete && r == 0) && r == 0)
		r = CS_IO;
	if (r == 0 && sink->counts.rejected)
		r = CS_SOME;
	sink->close(sink);
	names_release(&o.key);
	return input_close(&in) ? CS_IO : r;
}
