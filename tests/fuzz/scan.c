/*
 * libFuzzer: the scanner's four ways to look at a text must agree, and nothing may
 * read where it should not. Built by `make fuzz`.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "stream.h"

#include "fuzz.h"

/* Enter everything; 0 when the text is one whole valid value. *lone: stopped by a key's lone surrogate. */
static int
walk(const char *p, size_t n, int *lone)
{
	static struct scan s;
	char stack[SCAN_DEPTH + 1];
	struct slice key;
	struct value v;
	int depth = 0, r;

	scan_init(&s, p, n);
	do {
		int type = scan_type(&s);

		if (type < 0)
			return -1;
		if (type < JSON_ARRAY && scan_value(&s, &v) < 0)
			return -1;
		if (type >= JSON_ARRAY) {
			if (scan_enter(&s) < 0)
				return -1;
			stack[depth++] = (char)type;
		}
		for (r = 0; r == 0 && depth;) {
			r = stack[depth - 1] == JSON_ARRAY ? scan_item(&s) : scan_key(&s, &key);
			if (r == 0)
				depth--;
		}
		if (r < 0) {
			*lone = strstr(s.err, "surrogate") != NULL;
			return -1;
		}
	} while (depth);
	return scan_done(&s);
}

/* What scan_find says of the text in pieces of step bytes: its end, or -1. */
static ssize_t
find(const char *p, size_t n, size_t step)
{
	struct scan_find f = {0};
	size_t at = 0;

	while (at < n && !f.done) {
		ssize_t r = scan_find(&f, p + at, n - at < step ? n - at : step);

		if (r < 0)
			return -1;
		at += (size_t)r;
	}
	return f.done || f.scalar ? (ssize_t)at : -1;
}

static void
check_strings(const struct value *v)
{
	struct buf raw = {0}, again = {0};
	int r;

	if (v->type == JSON_STRING) {
		r = json_unescape(&raw, v->p + 1, v->n - 2);
		if (r >= 0 && !utf8_valid(raw.p ? raw.p : "", raw.len))
			abort();
		if (r >= 0) {
			struct value w;
			const char *err;
			struct buf back = {0};

			json_quote(&again, raw.p ? raw.p : "", raw.len);
			if (scan_text(again.p, again.len, &w, &err) < 0 ||
			    json_unescape(&back, again.p + 1, again.len - 2) < 0 ||
			    back.len != raw.len || (raw.len && memcmp(back.p, raw.p, raw.len)))
				abort();
			buf_release(&back);
		}
	} else {
		struct value w;
		const char *err;

		json_compact(&again, v->p, v->n);
		if (scan_text(again.p, again.len, &w, &err) < 0 || w.flags & VALUE_WS ||
		    w.type != v->type)
			abort();
	}
	buf_release(&raw);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = {0};
	struct value v;
	struct control c;
	struct tag t = {0};
	struct scan s = {0};
	const char *err = NULL;
	int ok, lone = 0;

	buf_add(&b, data, size);
	ok = scan_text(b.p, b.len, &v, &err) == 0;
	if (!ok && !err)
		abort();
	if ((walk(b.p, b.len, &lone) == 0) != ok && !lone)
		abort();
	if (ok) {
		size_t lead = (size_t)(v.p - b.p);
		ssize_t whole = find(v.p, b.len - lead, b.len + 1);

		if (whole != (ssize_t)v.n || find(v.p, b.len - lead, 1) != whole ||
		    find(v.p, b.len - lead, 7) != whole)
			abort();
		check_strings(&v);
	}
	switch (line_kind(b.p, b.len)) {
	case LINE_CONTROL:
		control_parse(&c, b.p, b.len, &err);
		control_release(&c);
		break;
	case LINE_TAGGED:
		tag_parse(&t, &s, b.p, b.len);
		tag_release(&t);
		scan_release(&s);
		break;
	default:
		break;
	}
	buf_release(&b);
	return 0;
}
