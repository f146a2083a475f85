#include <ctype.h>
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "jqrun.h"
#include "lines.h"
#include "num.h"
#include "opts.h"
#include "scan.h"

#define PROGRAM_MAX (1u << 20) /* bytes */

enum {
	OPT_ARG = 256,
	OPT_ARGJSON,
	OPT_ARRAYS,
	OPT_CHILD,
	OPT_CHILD_KEY,
	OPT_DEFAULT,
	OPT_DEPTH,
	OPT_DROP,
	OPT_FILL,
	OPT_FILTER_FILE,
	OPT_FLATTEN,
	OPT_FROM,
	OPT_HASH,
	OPT_JOBS,
	OPT_KEEP,
	OPT_MASK,
	OPT_MAX_RECORD,
	OPT_MAX_REJECTS,
	OPT_NAMES,
	OPT_NO_SANDBOX,
	OPT_NULL,
	OPT_NUMBERS,
	OPT_ONLY,
	OPT_PROGRAM_MEMORY,
	OPT_PROGRAM_TIMEOUT,
	OPT_REJECTS,
	OPT_RENAME,
	OPT_RULES,
	OPT_SALT,
	OPT_SCHEMA_OUT,
	OPT_SEED_JSON,
	OPT_SET,
	OPT_STREAM,
	OPT_TO,
	OPT_TYPE,
	OPT_WHERE
};

static const struct option options[] = {
    {"arg", required_argument, NULL, OPT_ARG},
    {"argjson", required_argument, NULL, OPT_ARGJSON},
    {"arrays", required_argument, NULL, OPT_ARRAYS},
    {"child", required_argument, NULL, OPT_CHILD},
    {"child-key", required_argument, NULL, OPT_CHILD_KEY},
    {"default", required_argument, NULL, OPT_DEFAULT},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"drop", required_argument, NULL, OPT_DROP},
    {"fill", required_argument, NULL, OPT_FILL},
    {"filter", required_argument, NULL, 'f'},
    {"filter-file", required_argument, NULL, OPT_FILTER_FILE},
    {"flatten", optional_argument, NULL, OPT_FLATTEN},
    {"from", required_argument, NULL, OPT_FROM},
    {"hash", required_argument, NULL, OPT_HASH},
    {"help", no_argument, NULL, 'h'},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"keep", required_argument, NULL, OPT_KEEP},
    {"mask", required_argument, NULL, OPT_MASK},
    {"max-record", required_argument, NULL, OPT_MAX_RECORD},
    {"max-rejects", required_argument, NULL, OPT_MAX_REJECTS},
    {"names", required_argument, NULL, OPT_NAMES},
    {"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
    {"null", required_argument, NULL, OPT_NULL},
    {"numbers", required_argument, NULL, OPT_NUMBERS},
    {"only", no_argument, NULL, OPT_ONLY},
    {"program-memory", required_argument, NULL, OPT_PROGRAM_MEMORY},
    {"program-timeout", required_argument, NULL, OPT_PROGRAM_TIMEOUT},
    {"quiet", no_argument, NULL, 'q'},
    {"rejects", required_argument, NULL, OPT_REJECTS},
    {"rename", required_argument, NULL, OPT_RENAME},
    {"rules", required_argument, NULL, OPT_RULES},
    {"salt", required_argument, NULL, OPT_SALT},
    {"schema-out", required_argument, NULL, OPT_SCHEMA_OUT},
    {"seed-json", no_argument, NULL, OPT_SEED_JSON},
    {"set", required_argument, NULL, OPT_SET},
    {"stream", required_argument, NULL, OPT_STREAM},
    {"to", required_argument, NULL, OPT_TO},
    {"type", required_argument, NULL, OPT_TYPE},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"where", required_argument, NULL, OPT_WHERE},
    {NULL, 0, NULL, 0},
};

static void __attribute__((noreturn)) said(void)
{
	if (fclose(stdout))
		err(CS_IO, "stdout");
	exit(CS_OK);
}

static void __attribute__((noreturn)) help(void)
{
	puts("usage: cs-map [options] <IN >OUT\n"
	     "Reshape NDJSON records; control lines pass through. See cs-map(1).\n"
	     "\n"
	     "Choose (jq programs see the records as they come in):\n"
	     "      --where PROGRAM         keep records for which this is true\n"
	     "  -f, --filter PROGRAM        replace each record by what this gives\n"
	     "      --filter-file FILE      the same, program from a file\n"
	     "      --arg NAME VALUE        $NAME in programs: text; --argjson NAME JSON: any\n"
	     "      --numbers exact|text|lossy  those that jq cannot hold\n"
	     "      --jobs N                run them in N processes (1); limits for a record:\n"
	     "                              --program-timeout (30s), --program-memory (2G)\n"
	     "Reshape, in this order (LIST: columns divided by commas):\n"
	     "      --flatten[=SEP]         a.b becomes a_b, with SEP (_) between\n"
	     "      --depth N               only N levels of it, objects below as JSON text\n"
	     "      --arrays MODE           json (text; default with --flatten), keep, explode\n"
	     "      --seed-json             JSON text with Python's spaces and escapes\n"
	     "      --child PATH=TABLE      an array's elements as rows of TABLE, which have\n"
	     "      --child-key LIST        these of the record (id), and their index\n"
	     "      --keep LIST             these columns alone, in this order\n"
	     "      --only                  what rules name alone; --drop LIST: not these\n"
	     "      --rename OLD=NEW\n"
	     "      --names RULE            keep, snake (dlt's rules), fivetran\n"
	     "      --default COLUMN=JSON   where a record lacks it; --fill: or where it is\n"
	     "                              null; --set: always\n"
	     "      --type COLUMN=TYPE      string, integer, decimal, boolean, json, date,\n"
	     "                              timestamp (to UTC), timestamp:s, :ms, :us\n"
	     "      --hash LIST             their SHA-256, keyed by --salt SECRET\n"
	     "      --mask LIST             \"***\" in their place; --null LIST: null\n"
	     "      --rules FILE            all of these as JSON, by the same names\n"
	     "      --schema-out FILE       what each column held: types, nulls, longest value\n"
	     "      --from, --to DIALECT    singer or airbyte messages; --stream NAME of them\n"
	     "Refused records:\n"
	     "      --rejects FILE          set them aside and go on; then the status is 1\n"
	     "      --max-rejects N         but not more than N\n"
	     "      --max-record SIZE       longest line (64M)\n"
	     "  -q, --quiet                 do not say how many were set aside\n"
	     "  -v, --verbose               say how many records went in and out\n"
	     "      --no-sandbox            keep the right to open files and to connect\n"
	     "  -h, --help                  and -V, --version");
	said();
}

static void __attribute__((noreturn)) version(void)
{
	printf("cs-map %s (libjq %s)\n", CS_VERSION, jqrun_version());
	said();
}

static void
filter_file(struct rules *r, const char *path)
{
	struct buf b = {.max = PROGRAM_MAX};

	if (file_read(&b, path) < 0)
		err(CS_USAGE, "%s", path);
	if (strlen(b.p) != b.len)
		errx(CS_USAGE, "%s: a NUL byte", path);
	r->filter = buf_steal(&b);
}

/* --arg NAME VALUE: two arguments, of which getopt knows one. */
static void
variable(struct opts *o, const char *what, bool json, const char *name, const char *value)
{
	struct buf b = {0};
	struct value v;
	const char *why;
	size_t n = 0;

	if (!value)
		errx(CS_USAGE, "%s takes a name and a value", what);
	if (json) {
		buf_adds(&b, value);
		if (scan_text(b.p, b.len, &v, &why) < 0)
			errx(CS_USAGE, "%s %s: not JSON: %s", what, name, why);
	} else {
		if (!utf8_valid(value, strlen(value)))
			errx(CS_USAGE, "%s %s: the value is not UTF-8", what, name);
		json_quote(&b, value, strlen(value));
	}
	while (o->vars && o->vars[n])
		n++;
	o->vars = xreallocarray(o->vars, n + 3, sizeof *o->vars);
	o->vars[n] = name;
	o->vars[n + 1] = buf_steal(&b);
	o->vars[n + 2] = NULL;
}

struct hiding {
	struct rules *rules;
	const char *what;
	enum hide hide;
};

static void
hide(void *arg, const char *name, size_t n)
{
	const struct hiding *h = arg;

	rules_hide(h->rules, h->what, h->hide, name, n);
}

/* The options that take NAME=VALUE. */
static void
pair(struct rules *r, int c, const char *what, const char *arg)
{
	const char *to = rules_equals(what, arg) + 1;
	size_t n = (size_t)(to - 1 - arg);

	switch (c) {
	case OPT_CHILD:
		rules_child(r, what, arg, n, to);
		break;
	case OPT_DEFAULT:
		rules_value(r, what, FILL_MISSING, arg, n, to, strlen(to));
		break;
	case OPT_FILL:
		rules_value(r, what, FILL_NULL, arg, n, to, strlen(to));
		break;
	case OPT_RENAME:
		rules_rename(r, what, arg, n, to);
		break;
	case OPT_SET:
		rules_value(r, what, FILL_ALWAYS, arg, n, to, strlen(to));
		break;
	case OPT_TYPE:
		rules_type(r, what, arg, n, to);
		break;
	}
}

/* The options that are rules; what is their name. */
static void
rule(struct rules *r, int c, const char *what, char *arg)
{
	struct hiding h = {r, what, HIDE_HASH};

	switch (c) {
	case OPT_ARRAYS:
		rules_arrays(r, what, arg);
		break;
	case OPT_CHILD_KEY:
		rules_list(&r->child_key, what, arg);
		break;
	case OPT_DEPTH:
		rules_depth(r, what, arg);
		break;
	case OPT_DROP:
		rules_list(&r->drop, what, arg);
		break;
	case OPT_FLATTEN:
		r->flatten = arg ? arg : RULES_SEP;
		break;
	case OPT_HASH:
	case OPT_MASK:
	case OPT_NULL:
		h.hide = c == OPT_HASH ? HIDE_HASH : c == OPT_MASK ? HIDE_MASK : HIDE_NULL;
		rules_each(what, arg, hide, &h);
		break;
	case OPT_KEEP:
		rules_list(&r->keep, what, arg);
		break;
	case OPT_NAMES:
		rules_names(r, what, arg);
		break;
	case OPT_ONLY:
		r->only = true;
		break;
	case OPT_RULES:
		rules_file(r, arg);
		break;
	case OPT_SALT:
		r->salt = arg;
		break;
	case OPT_SEED_JSON:
		r->python = true;
		break;
	case OPT_WHERE:
		r->where = arg;
		break;
	default:
		pair(r, c, what, arg);
	}
}

/* "--name" of the option c. */
static const char *
option_name(int c)
{
	static char name[32];

	for (const struct option *o = options; o->name; o++)
		if (o->val == c)
			snprintf(name, sizeof name, "--%s", o->name);
	return name;
}

static void
numbers(struct opts *o, const char *arg)
{
	static const char *const names[] = {"exact", "text", "lossy"};

	for (int i = JQRUN_EXACT; i <= JQRUN_LOSSY; i++)
		if (!strcmp(arg, names[i])) {
			o->numbers = (enum jqrun_numbers)i;
			return;
		}
	errx(CS_USAGE, "--numbers: \"%s\" is not exact, text or lossy", arg);
}

void
opts_parse(struct opts *o, int argc, char **argv)
{
	int c;

	*o = (struct opts){.rules.depth = -1,
	    .pool = {.jobs = 1, .memory = UINT64_C(2) << 30, .ms = 30000},
	    .max_rejects = UINT64_MAX,
	    .max_record = LINES_MAX_RECORD};
	while ((c = getopt_long(argc, argv, "f:hqVv", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			o->rules.filter = optarg;
			break;
		case 'h':
			help();
		case 'q':
			o->quiet = true;
			break;
		case 'V':
			version();
		case 'v':
			o->verbose = true;
			break;
		case OPT_ARG:
		case OPT_ARGJSON:
			variable(o, c == OPT_ARG ? "--arg" : "--argjson", c == OPT_ARGJSON, optarg,
			    optind < argc ? argv[optind] : NULL);
			optind++;
			break;
		case OPT_FILTER_FILE:
			filter_file(&o->rules, optarg);
			break;
		case OPT_FROM:
			o->from = dialect_named("--from", optarg);
			break;
		case OPT_JOBS:
			o->pool.jobs = (unsigned)opt_uint("--jobs", optarg, 1, 256);
			break;
		case OPT_NUMBERS:
			numbers(o, optarg);
			break;
		case OPT_PROGRAM_MEMORY:
			o->pool.memory =
			    opt_size("--program-memory", optarg, 64u << 20, SIZE_MAX / 4);
			break;
		case OPT_PROGRAM_TIMEOUT:
			o->pool.ms = opt_duration("--program-timeout", optarg);
			break;
		case OPT_MAX_RECORD:
			o->max_record = opt_size("--max-record", optarg, 2, SIZE_MAX / 4);
			break;
		case OPT_NO_SANDBOX:
			o->no_sandbox = true;
			break;
		case OPT_MAX_REJECTS:
			o->max_rejects = opt_uint("--max-rejects", optarg, 0, UINT64_MAX);
			break;
		case OPT_REJECTS:
			o->rejects = optarg;
			break;
		case OPT_STREAM:
			o->stream = optarg;
			break;
		case OPT_TO:
			o->to = dialect_named("--to", optarg);
			break;
		case OPT_SCHEMA_OUT:
			o->schema_out = optarg;
			break;
		case '?':
			exit(CS_USAGE); /* getopt has said what */
		default:
			rule(&o->rules, c, option_name(c), optarg);
		}
	}
	if (optind < argc && o->rules.flatten && ispunct((unsigned char)*argv[optind]))
		errx(CS_USAGE, "%s: unexpected argument; a separator is given by --flatten=%s",
		    argv[optind], argv[optind]);
	if (optind < argc)
		errx(CS_USAGE, "%s: unexpected argument; records are read from standard input",
		    argv[optind]);
	if (o->max_rejects != UINT64_MAX && !o->rejects)
		errx(CS_USAGE, "--max-rejects needs --rejects");
	rules_check(&o->rules);
}
