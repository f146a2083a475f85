/* What cs-map --to says: lines that are JSON objects. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "fuzz.h"
#include "map/export.h"

static inline void
check_messages(struct export *e)
{
	const char *p = e->out.p, *end = p ? p + e->out.len : p, *nl, *why;
	struct value v;

	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		FUZZ_CHECK(nl);
		FUZZ_CHECK(scan_text(p, (size_t)(nl - p), &v, &why) == 0 && v.type == JSON_OBJECT);
	}
	buf_clear(&e->out);
}

/* A record's line, for both. */
static inline void
check_export(struct export e[2], const char *p, size_t n)
{
	for (int i = 0; i < 2; i++) {
		if (export_record(&e[i], p, n) < 0) {
			FUZZ_CHECK(e[i].err);
			buf_clear(&e[i].out);
		}
		check_messages(&e[i]);
	}
}

#endif
