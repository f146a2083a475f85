/* The rules file: scanned rather than parsed into a tree, so that defaults keep their digits. */
#include <err.h>
#include <string.h>

#include "file.h"
#include "rules.h"
#include "scan.h"

#define FILE_MAX (16u << 20)

struct rules_reader {
	const char *path;
	struct rules *rules;
	struct scan scan;
	struct buf text; /* the file */
	const char *key; /* the member being read */
	struct buf what; /* and what to call it in messages */
	struct buf word;
};

static void __attribute__((noreturn)) bad(const struct rules_reader *f)
{
	size_t line = 1;

	for (const char *p = f->scan.beg; p < f->scan.p; p++)
		line += *p == '\n';
	errx(CS_USAGE, "%s:%zu: %s", f->path, line, f->scan.err);
}

static void __attribute__((noreturn)) wrong(const struct rules_reader *f, const char *should)
{
	errx(CS_USAGE, "%s should be %s", f->what.p, should);
}

/* The string at the cursor, in memory that the next one takes. */
static const char *
string(struct rules_reader *f)
{
	struct value v;
	struct slice in;

	if (scan_value(&f->scan, &v) < 0)
		bad(f);
	if (v.type != JSON_STRING)
		wrong(f, "a string");
	in = value_inner(&v);
	buf_clear(&f->word);
	buf_room(&f->word, 1);
	if (json_unescape(&f->word, in.p, in.n) != 0)
		wrong(f, "text without U+0000 and lone surrogates");
	return f->word.p;
}

static void
flatten(struct rules_reader *f)
{
	int type = scan_type(&f->scan);
	struct value v;

	if (type == JSON_STRING) {
		f->rules->flatten = xstrdup(string(f));
		return;
	}
	if (scan_value(&f->scan, &v) < 0)
		bad(f);
	if (type != JSON_TRUE && type != JSON_FALSE)
		wrong(f, "a separator, true or false");
	f->rules->flatten = type == JSON_TRUE ? RULES_SEP : NULL;
}

static void
depth(struct rules_reader *f)
{
	struct value v;

	if (scan_value(&f->scan, &v) < 0)
		bad(f);
	if (v.type != JSON_NUMBER)
		wrong(f, "a number");
	buf_clear(&f->word);
	buf_add(&f->word, v.p, v.n);
	rules_depth(f->rules, f->what.p, f->word.p);
}

/* True or false. */
static void
yes(struct rules_reader *f)
{
	int type = scan_type(&f->scan);
	struct value v;

	if (scan_value(&f->scan, &v) < 0)
		bad(f);
	if (type != JSON_TRUE && type != JSON_FALSE)
		wrong(f, "true or false");
	*(strcmp(f->key, "only") ? &f->rules->python : &f->rules->only) = type == JSON_TRUE;
}

static void
list(struct rules_reader *f)
{
	struct rules *rules = f->rules;
	struct paths *l = !strcmp(f->key, "keep")        ? &rules->keep
			  : !strcmp(f->key, "drop")      ? &rules->drop
			  : !strcmp(f->key, "child-key") ? &rules->child_key
							 : NULL;
	enum hide hide = *f->key == 'h' ? HIDE_HASH : *f->key == 'm' ? HIDE_MASK : HIDE_NULL;
	int r;

	if (scan_type(&f->scan) != JSON_ARRAY)
		wrong(f, "an array of column names");
	scan_enter(&f->scan);
	while ((r = scan_item(&f->scan)) > 0) {
		const char *name = string(f);

		if (l)
			rules_path(l, f->what.p, name, strlen(name));
		else
			rules_hide(rules, f->what.p, hide, name, strlen(name));
	}
	if (r < 0)
		bad(f);
}

/* The members of "rename", "default" and the like. */
static void
map(struct rules_reader *f)
{
	struct rules *rules = f->rules;
	enum fill fill = *f->key == 'd' ? FILL_MISSING : *f->key == 'f' ? FILL_NULL : FILL_ALWAYS;
	struct slice name;
	struct value v;
	int r;

	if (scan_type(&f->scan) != JSON_OBJECT)
		wrong(f, "an object");
	scan_enter(&f->scan);
	while ((r = scan_key(&f->scan, &name)) > 0) {
		if (!strcmp(f->key, "rename")) {
			rules_rename(rules, f->what.p, name.p, name.n, string(f));
		} else if (!strcmp(f->key, "type")) {
			rules_type(rules, f->what.p, name.p, name.n, string(f));
		} else if (!strcmp(f->key, "child")) {
			rules_child(rules, f->what.p, name.p, name.n, string(f));
		} else {
			if (scan_value(&f->scan, &v) < 0)
				bad(f);
			rules_value(rules, f->what.p, fill, name.p, name.n, v.p, v.n);
		}
	}
	if (r < 0)
		bad(f);
}

static void
word(struct rules_reader *f)
{
	struct rules *rules = f->rules;
	const char *s = string(f);

	switch (*f->key) {
	case 'a':
		rules_arrays(rules, f->what.p, s);
		break;
	case 'n':
		rules_names(rules, f->what.p, s);
		break;
	case 's':
		rules->salt = xstrdup(s);
		break;
	case 'w':
		rules->where = xstrdup(s);
		break;
	default:
		rules->filter = xstrdup(s);
	}
}

void
rules_file(struct rules *r, const char *path)
{
	static const struct {
		const char *key;
		void (*read)(struct rules_reader *);
	} members[] = {{"arrays", word}, {"child", map}, {"child-key", list}, {"default", map},
	    {"depth", depth}, {"drop", list}, {"fill", map}, {"filter", word}, {"flatten", flatten},
	    {"hash", list}, {"keep", list}, {"mask", list}, {"names", word}, {"null", list},
	    {"only", yes}, {"rename", map}, {"salt", word}, {"seed-json", yes}, {"set", map},
	    {"type", map}, {"where", word}};
	struct rules_reader f = {.path = path, .rules = r, .text.max = FILE_MAX};
	unsigned seen = 0;
	struct slice key;
	size_t i;
	int more;

	if (file_read(&f.text, path) < 0)
		err(CS_USAGE, "%s", path);
	scan_init(&f.scan, f.text.p, f.text.len);
	if (scan_type(&f.scan) != JSON_OBJECT)
		errx(CS_USAGE, "%s: not a JSON object", path);
	scan_enter(&f.scan);
	while ((more = scan_key(&f.scan, &key)) > 0) {
		for (i = 0; i < sizeof members / sizeof *members; i++)
			if (slice_is(key, members[i].key))
				break;
		if (i == sizeof members / sizeof *members)
			errx(CS_USAGE, "%s: \"%.*s\" is no rule", path, (int)key.n, key.p);
		if (seen & 1u << i)
			errx(CS_USAGE, "%s: \"%s\" is given twice", path, members[i].key);
		seen |= 1u << i;
		f.key = members[i].key;
		buf_clear(&f.what);
		buf_addf(&f.what, "%s: \"%s\"", path, f.key);
		members[i].read(&f);
	}
	if (more < 0 || scan_done(&f.scan) < 0)
		bad(&f);
	scan_release(&f.scan);
	buf_release(&f.text);
	buf_release(&f.what);
	buf_release(&f.word);
}
