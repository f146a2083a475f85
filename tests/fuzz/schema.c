/*
 * Declared tables and what becomes of values in them. The first line is a --schema file; each line after it a JSON
 * value, given to every column there is, and to the canonical form that --key-hash takes.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cs.h"
#include "fuzz.h"
#include "load/canon.h"
#include "load/decimal.h"
#include "load/schema.h"

/* A value that a column takes is bound as it is, so what it points to is there. */
static volatile char touched;

static void
check_cell(const struct decl *d, const struct value *v)
{
	struct buf mem = {0};
	struct cell x;

	for (size_t i = 0; i < d->ncolumns; i++) {
		buf_clear(&mem);
		buf_room(&mem, 2 * v->n + 64);
		if (cell_read(&x, v, &mem) != NULL)
			break;
		for (enum store s = STORE_NONE; s <= STORE_ANY; s++) {
			struct cell y = x;

			FUZZ_CHECK(store_join(store_join(s, &x), &x) == store_join(s, &x));
			store_force(s, &y);
		}
		if (rule_apply(&d->columns[i].rule, &x, &mem) == 0 && x.kind >= KIND_STRING)
			for (size_t k = 0; k < x.n; k++)
				touched ^= x.p[k];
	}
	buf_release(&mem);
}

/* The canonical text of a canonical text is that text. */
static void
check_canon(struct slice json)
{
	struct buf once = {0}, twice = {0};
	struct value v;
	const char *err;

	canon_value(&once, json);
	FUZZ_CHECK(scan_text(once.p, once.len, &v, &err) == 0);
	canon_value(&twice, (struct slice){once.p, once.len});
	FUZZ_CHECK(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
	if (v.type == JSON_NUMBER)
		FUZZ_CHECK(decimal_same(once.p, once.len, json.p, json.n) || json.n > 12);
	buf_release(&once);
	buf_release(&twice);
}

static void
check_values(const struct decl *d, const char *p, size_t n)
{
	const char *nl, *err;
	struct buf line = {0};
	struct value v;

	for (; n > 0; n -= (size_t)(nl - p) + (nl < p + n), p = nl + (nl < p + n)) {
		nl = memchr(p, '\n', n);
		if (nl == NULL)
			nl = p + n;
		buf_clear(&line);
		buf_add(&line, p, (size_t)(nl - p));
		if (line.len == 0 || scan_text(line.p, line.len, &v, &err) < 0)
			continue;
		check_canon((struct slice){v.p, v.n});
		for (const struct decl *t = d; t != NULL; t = t->next)
			check_cell(t, &v);
	}
	buf_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *nl = size > 0 ? memchr(p, '\n', size) : NULL;
	size_t n = nl != NULL ? (size_t)(nl - p) : size;
	static int quiet;
	struct decl *d = NULL;
	char path[64];
	int fd = memfd_create("schema", 0), status;

	if (!quiet++ && getenv("FUZZ_LOUD") == NULL && freopen("/dev/null", "w", stderr) == NULL)
		abort();
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = schema_file(&d, path);
	close(fd);
	FUZZ_CHECK(status == 0 || status == CS_USAGE);
	FUZZ_CHECK((status == 0) || d == NULL);
	check_values(d, nl != NULL ? nl + 1 : p + size, nl != NULL ? size - n - 1 : 0);
	decl_free(d);
	return 0;
}
