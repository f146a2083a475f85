/*
 * A window on lib/ for the tests, which talk to it through stdin and stdout:
 *
 *	lib text		is stdin one JSON value? prints its type and flags, or the error; exit 0 or 65
 *	lib walk		prints what scan_key/scan_item/scan_value see, a line each
 *	lib find N		feeds stdin to scan_find in pieces of N bytes; prints where the value ends
 *	lib bench N		validates each line of stdin N times
 *	lib instant [SCALE]	each line as a time (or epoch of that scale), in UTC
 *	lib kind		the kind of each line of a stream
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "instant.h"
#include "lines.h"
#include "scan.h"
#include "stream.h"

static const char *const types[] = {
    "", "null", "false", "true", "number", "string", "array", "object"};

static struct buf b; /* all of stdin */

static void
read_all(void)
{
	if (file_read(&b, "-") < 0)
		err(CS_IO, "stdin");
	/* A byte that must not be looked at as part of the text. */
	buf_addc(&b, ',');
	b.len--;
}

static int
text(void)
{
	struct value v;
	const char *why;

	read_all();
	if (scan_text(b.p, b.len, &v, &why) < 0) {
		puts(why);
		return CS_DATA;
	}
	printf("%s%s%s%s\n", types[v.type], v.flags & VALUE_ESC ? " esc" : "",
	    v.flags & VALUE_REAL ? " real" : "", v.flags & VALUE_WS ? " ws" : "");
	return 0;
}

/* Every container is entered, without recursion: a stack of closing brackets. */
static int
walk(void)
{
	static struct buf stack; /* the types of the open containers */
	static struct scan s;
	struct slice key;
	struct value v;
	int r;

	read_all();
	scan_init(&s, b.p, b.len);
	for (;;) {
		int type = scan_type(&s);

		if (type < 0)
			goto bad;
		if (type >= JSON_ARRAY) {
			printf("%s\n", types[type]);
			if (scan_enter(&s) < 0)
				goto bad;
			buf_addc(&stack, (char)type);
		} else {
			if (scan_value(&s, &v) < 0)
				goto bad;
			printf("%s %.*s\n", types[v.type], (int)v.n, v.p);
		}
		for (r = 0; r == 0 && stack.len;) {
			if (stack.p[stack.len - 1] == JSON_ARRAY)
				r = scan_item(&s);
			else if ((r = scan_key(&s, &key)) > 0)
				printf("key %.*s\n", (int)key.n, key.p);
			if (r == 0) {
				stack.len--;
				puts("end");
			}
		}
		if (r < 0)
			goto bad;
		if (!stack.len && r == 0)
			break;
	}
	if (scan_done(&s) < 0)
		goto bad;
	return 0;
bad:
	printf("%s at %zu\n", s.err, scan_at(&s));
	return CS_DATA;
}

static int
find(size_t step)
{
	struct scan_find f = {0};
	size_t at = 0;

	read_all();
	while (at < b.len && !f.done) {
		size_t n = b.len - at < step ? b.len - at : step;
		ssize_t r = scan_find(&f, b.p + at, n);

		if (r < 0) {
			puts("error");
			return CS_DATA;
		}
		at += (size_t)r;
	}
	printf("%zu %s\n", at, f.done ? "done" : "open");
	return 0;
}

static int
bench(long times)
{
	struct value v;
	const char *why, *p, *end;
	unsigned long n = 0;

	read_all();
	for (; times > 0; times--)
		for (p = b.p; p < b.p + b.len; p = end + 1) {
			end = memchr(p, '\n', (size_t)(b.p + b.len - p));
			if (!end || scan_text(p, (size_t)(end - p), &v, &why) < 0)
				errx(CS_DATA, "record %lu: %s", n, end ? why : "no newline");
			n++;
		}
	printf("%lu\n", n);
	return 0;
}

static int
each_line(const char *mode, int scale)
{
	static const char *const kinds[] = {"record", "tagged", "control", "bad"};
	char mem[INSTANT_MAX], out[INSTANT_MAX];
	struct lines l;
	struct instant t;
	const char *p;
	size_t n;
	int r;

	lines_open(&l, STDIN_FILENO, "stdin", 0);
	while ((r = lines_next(&l, &p, &n)) == LINES_OK) {
		if (*mode == 'k') {
			puts(kinds[line_kind(p, n)]);
			continue;
		}
		r = scale < 0 ? instant_parse(&t, p, n) : instant_epoch(&t, p, n, scale, mem);
		if (r == 0)
			instant_format(&t, out);
		printf("%s%s\n", r ? "refused" : out, r == 0 && t.date_only ? " date" : "");
	}
	lines_close(&l);
	return r == LINES_EOF ? 0 : CS_IO;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (!strcmp(mode, "text"))
		return text();
	if (!strcmp(mode, "walk"))
		return walk();
	if (!strcmp(mode, "find") && argc == 3)
		return find((size_t)atol(argv[2]));
	if (!strcmp(mode, "bench") && argc == 3)
		return bench(atol(argv[2]));
	if (!strcmp(mode, "instant"))
		return each_line(mode, argc == 3 ? atoi(argv[2]) : -1);
	if (!strcmp(mode, "kind"))
		return each_line(mode, 0);
	errx(CS_USAGE, "see the comment at the top of tests/unit/lib.c");
}
