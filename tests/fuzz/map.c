/*
 * Records through rules: what comes out is valid, what is no JSON does not come out, and what went through once
 * goes through again. The first byte chooses the rules, the rest is lines.
 */
#include "map/record.h"
#include "messages.h"

enum { SETS = 12 };

static struct records sets[SETS];
static struct opts opts[SETS];

static void
choose(struct rules *r, int set)
{
	struct paths *keep = &r->keep;

	switch (set) {
	case 0: /* any rule, to have the mapper run */
		rules_list(&r->drop, "", "no such key");
		break;
	case 1:
		r->flatten = "_";
		break;
	case 2:
		r->flatten = ".";
		r->depth = 1;
		r->names = NAMES_SNAKE;
		break;
	case 3:
		r->names = NAMES_FIVETRAN;
		r->python = true;
		r->arrays = ARRAYS_JSON;
		break;
	case 4:
		r->flatten = "_";
		rules_list(keep, "", "b,a.c,a,d");
		rules_rename(r, "", "a.c", 3, "x");
		rules_value(r, "", FILL_MISSING, "d", 1, "[1.10]", 6);
		break;
	case 5:
		r->flatten = "";
		r->arrays = ARRAYS_EXPLODE;
		break;
	case 6:
		rules_child(r, "", "a", 1, "t");
		rules_child(r, "", "a.b", 3, "u");
		break;
	case 7:
		r->flatten = "_";
		rules_child(r, "", "o.a", 3, "t");
		rules_list(&r->child_key, "", "id,o.k");
		rules_rename(r, "", "o.a.x", 5, "y");
		rules_type(r, "", "o.a.n", 5, "integer");
		break;
	case 8:
		rules_type(r, "", "a", 1, "integer");
		rules_type(r, "", "b", 1, "decimal");
		rules_type(r, "", "c", 1, "boolean");
		rules_type(r, "", "d", 1, "string");
		rules_type(r, "", "e", 1, "json");
		break;
	case 9:
		rules_type(r, "", "a", 1, "timestamp");
		rules_type(r, "", "b", 1, "timestamp:s");
		rules_type(r, "", "c", 1, "timestamp:ms");
		rules_type(r, "", "d", 1, "timestamp:us");
		rules_type(r, "", "e", 1, "date");
		break;
	case 10:
		rules_hide(r, "", HIDE_HASH, "a", 1);
		rules_hide(r, "", HIDE_MASK, "b", 1);
		rules_hide(r, "", HIDE_NULL, "c", 1);
		rules_value(r, "", FILL_NULL, "d", 1, "\"-\"", 3);
		rules_value(r, "", FILL_ALWAYS, "e", 1, "{\"x\":1}", 7);
		break;
	default:
		r->where = xstrdup(".a.b == 1.50 or (.c < \"x\" | not) and has(\"d\")");
	}
	rules_check(r);
}

/* Lines of valid JSON, but for those that declare tables: records. */
static void
check_output(const struct buf *out, uint64_t n)
{
	struct export e[2] = {{.to = DIALECT_SINGER}, {.to = DIALECT_AIRBYTE}};
	const char *nl, *why;
	struct value v;

	for (size_t at = 0; at < out->len; at = (size_t)(nl - out->p) + 1) {
		struct buf line = {0};

		nl = memchr(out->p + at, '\n', out->len - at);
		FUZZ_CHECK(nl);
		buf_add(&line, out->p + at, (size_t)(nl - out->p) - at);
		FUZZ_CHECK(scan_text(line.p, line.len, &v, &why) == 0);
		if (line_kind(line.p, line.len) == LINE_CONTROL)
			FUZZ_CHECK(strncmp(line.p, "{\"@cs\":\"schema\"", 15) == 0);
		else {
			n--;
			check_export(e, line.p, line.len);
		}
		buf_release(&line);
	}
	FUZZ_CHECK(n == 0);
	export_release(&e[0]);
	export_release(&e[1]);
}

static void
check_line(int set, const char *p, size_t n)
{
	struct records *r = &sets[set];
	struct buf line = {0}, once = {0};
	const char *why;
	struct value v;
	bool json, bad;

	buf_add(&line, p, n);
	if (line_kind(line.p, line.len) == LINE_CONTROL) { /* does not come here */
		buf_release(&line);
		return;
	}
	json = scan_text(line.p, line.len, &v, &why) == 0;
	bad = records_map(r, line.p, line.len) < 0;
	FUZZ_CHECK(json || bad);
	if (bad) {
		FUZZ_CHECK(
		    r->err.len && utf8_valid(r->err.p, r->err.len) && !strchr(r->err.p, '\n'));
	} else {
		check_output(&r->out, r->n);
		if (set == 0 || set == 1) { /* what these have done they leave alone */
			buf_add(&once, r->out.p, r->out.len - 1);
			FUZZ_CHECK(records_map(r, once.p, once.len) == 0);
			FUZZ_CHECK(
			    r->out.len == once.len + 1 && !memcmp(r->out.p, once.p, once.len));
		}
	}
	buf_release(&line);
	buf_release(&once);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *end = (const char *)data + size, *nl;
	int set;

	if (!size)
		return 0;
	set = *data % SETS;
	if (!opts[set].rules.depth) {
		opts[set].rules.depth = -1;
		choose(&opts[set].rules, set);
		records_init(&sets[set], &opts[set]);
	}
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			nl = end;
		if (nl > p)
			check_line(set, p, (size_t)(nl - p));
	}
	return 0;
}
