/*
 * The least that a filter of lines costs: read, find the newline, copy. cs-map is held against it.
 */
#include <err.h>
#include <unistd.h>

#include "cs.h"
#include "lines.h"

int
main(void)
{
	struct lines in;
	struct out out;
	const char *p;
	size_t n;
	int r;

	lines_open(&in, STDIN_FILENO, "stdin", 0);
	out_open(&out, STDOUT_FILENO);
	while ((r = lines_next(&in, &p, &n)) == LINES_OK)
		out_line(&out, p, n);
	if (r != LINES_EOF)
		err(CS_IO, "stdin");
	if (out_close(&out) < 0)
		err(CS_IO, "stdout");
	lines_close(&in);
	return 0;
}
