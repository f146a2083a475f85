#include <err.h>
#include <getopt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "lines.h"
#include "load.h"
#include "num.h"
#include "parts.h"
#include "pg.h"

#define BUSY_TIMEOUT 30000 /* ms */
#define COMMIT_BYTES (UINT64_C(256) << 20)
#define COMMIT_MS    5000

enum { /* options without a letter */
	OPT_ALLOW_EMPTY = 256,
	OPT_ALLOW_NETWORK_FS,
	OPT_BULK,
	OPT_BUSY_TIMEOUT,
	OPT_CHANGES,
	OPT_COLUMNS,
	OPT_COMMIT_EVERY,
	OPT_DELETED,
	OPT_DELETED_AT,
	OPT_DELETE_MISSING,
	OPT_FIRST_SEEN,
	OPT_HISTORY_COLUMNS,
	OPT_INDEX,
	OPT_KEY,
	OPT_KEY_HASH,
	OPT_MAX_DELETE,
	OPT_MAX_RECORD,
	OPT_MAX_REJECTS,
	OPT_MEMORY,
	OPT_MISSING,
	OPT_MODE,
	OPT_NO_SANDBOX,
	OPT_PARTITION_BY,
	OPT_PARTS,
	OPT_REJECTS,
	OPT_SCHEMA,
	OPT_STATS,
	OPT_STREAM,
	OPT_STRICT,
	OPT_STRICT_TABLES,
	OPT_SYNCED_AT,
	OPT_TABLE,
	OPT_TO
};

static const struct option options_long[] = {{"allow-empty", no_argument, NULL, OPT_ALLOW_EMPTY},
    {"allow-network-fs", no_argument, NULL, OPT_ALLOW_NETWORK_FS},
    {"bulk", no_argument, NULL, OPT_BULK},
    {"busy-timeout", required_argument, NULL, OPT_BUSY_TIMEOUT},
    {"changes", required_argument, NULL, OPT_CHANGES},
    {"columns", required_argument, NULL, OPT_COLUMNS},
    {"commit-every", required_argument, NULL, OPT_COMMIT_EVERY},
    {"delete-missing", required_argument, NULL, OPT_DELETE_MISSING},
    {"deleted", required_argument, NULL, OPT_DELETED},
    {"deleted-at", required_argument, NULL, OPT_DELETED_AT}, {"dry-run", no_argument, NULL, 'n'},
    {"first-seen", required_argument, NULL, OPT_FIRST_SEEN}, {"help", no_argument, NULL, 'h'},
    {"history-columns", required_argument, NULL, OPT_HISTORY_COLUMNS},
    {"index", required_argument, NULL, OPT_INDEX}, {"key", required_argument, NULL, OPT_KEY},
    {"key-hash", optional_argument, NULL, OPT_KEY_HASH},
    {"max-delete", required_argument, NULL, OPT_MAX_DELETE},
    {"max-record", required_argument, NULL, OPT_MAX_RECORD},
    {"max-rejects", required_argument, NULL, OPT_MAX_REJECTS},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"missing", required_argument, NULL, OPT_MISSING}, {"mode", required_argument, NULL, OPT_MODE},
    {"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
    {"partition-by", required_argument, NULL, OPT_PARTITION_BY},
    {"parts", no_argument, NULL, OPT_PARTS}, {"quiet", no_argument, NULL, 'q'},
    {"rejects", required_argument, NULL, OPT_REJECTS},
    {"schema", required_argument, NULL, OPT_SCHEMA}, {"stats", required_argument, NULL, OPT_STATS},
    {"stream", required_argument, NULL, OPT_STREAM}, {"strict", no_argument, NULL, OPT_STRICT},
    {"strict-tables", no_argument, NULL, OPT_STRICT_TABLES},
    {"synced-at", required_argument, NULL, OPT_SYNCED_AT},
    {"table", required_argument, NULL, OPT_TABLE}, {"to", required_argument, NULL, OPT_TO},
    {"verbose", no_argument, NULL, 'v'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};

static const char help[] =
    "usage: cs-load --to TARGET --table NAME [options] <RECORDS\n"
    "Make the records of a cs-stream(5), or of plain NDJSON, durable, exactly once.\n"
    "\n"
    "  --to TARGET          sqlite:FILE, postgres://[USER@]HOST/DATABASE,\n"
    "                       ndjson:FILE[.gz|.zst] or csv:FILE[.gz|.zst]\n"
    "  --table NAME         table of the records that name none (databases)\n"
    "  --key LIST           key columns, comma-separated: upsert by them\n"
    "  --key-hash[=COLUMN]  a hash of the whole record is its key\n"
    "  --mode MODE          upsert, append, replace: all rows at once, or history: a\n"
    "                       row a version, --history-columns FROM,TO,ACTIVE\n"
    "  --missing keep|null  what becomes of a column that a record lacks (keep)\n"
    "  --delete-missing hard|soft, --max-delete N|P%\n"
    "                       delete what a complete full run did not bring\n"
    "  --synced-at, --first-seen, --deleted-at, --deleted COLUMN\n"
    "                       when a row was written, came, went; whether it went\n"
    "types and columns\n"
    "  --schema FILE        tables declared as {\"table\",\"primary_key\",\"columns\"}\n"
    "  --columns MODE       new columns: evolve (added), freeze (an error), discard\n"
    "  --strict-tables, --index LIST\n"
    "                       make STRICT tables, and an index of these columns\n"
    "  --partition-by COL   one file for each value: DIR/COL=VALUE/FILE (ndjson, csv)\n"
    "  --parts              a file for each commit, named to the next in the pipe\n"
    "bad records\n"
    "  --rejects FILE       set them aside with line number and reason, and go on\n"
    "  --max-rejects N      but no more than N of them\n"
    "  --max-record SIZE    longest line (64M)\n"
    "  --strict             fail where counts do not match or no stream began\n"
    "operation\n"
    "  --stream NAME        refuse any other; --allow-empty: it may have no line\n"
    "  --allow-network-fs   load into a database on NFS and the like\n"
    "  --bulk               fill new tables first, then make the index of their key\n"
    "  --busy-timeout TIME  wait so long for other writers of the database (30s)\n"
    "  --commit-every N|SIZE|TIME  rows, bytes or time of a transaction (256M, 5s)\n"
    "  --memory SIZE        for the page cache and for comparing rows (256M)\n"
    "  --stats FILE         write counts as JSON\n"
    "  --changes FILE       append what became of each row, as JSON\n"
    "  -n, --dry-run        do everything but keep it; print the counts\n"
    "  --no-sandbox         keep the right to open any file and to connect\n"
    "  -q, --quiet          no warnings; -v, --verbose: the counts at the end\n"
    "  -h, --help           this text; -V, --version: also of the libraries\n"
    "\n"
    "Checkpoints come out on stdout once they are durable. See cs-load(1).\n";

/* Index of arg in a space-separated list of words, or the process ends. */
static int
choice(const char *name, const char *arg, const char *words)
{
	const char *p = words;

	for (int i = 0;; i++) {
		size_t n = strcspn(p, " ");

		if (strlen(arg) == n && !strncmp(arg, p, n))
			return i;
		p += n;
		if (!*p++)
			errx(CS_USAGE, "%s: \"%s\" is none of: %s", name, arg, words);
	}
}

static void
set_target(struct opts *o, char *arg)
{
	static const char *const schemes[] = {"sqlite:", "ndjson:", "csv:"};

	if (pg_url(arg)) {
		o->target = TARGET_POSTGRES;
		o->path = pg_take(arg);
		return;
	}
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i]);

		if (strncmp(arg, schemes[i], n) != 0)
			continue;
		o->target = (enum target)i;
		o->path = arg + n;
		if (!*o->path)
			errx(CS_USAGE, "--to %s: no file named", arg);
		return;
	}
	errx(CS_USAGE,
	    "--to %s: a target is sqlite:FILE, postgres://HOST/DATABASE, ndjson:FILE or csv:FILE",
	    arg);
}

static void __attribute__((noreturn)) printed(void)
{
	if (fflush(stdout) != 0)
		err(CS_IO, "stdout");
	exit(0);
}

/* N or P%. */
static void
set_max_delete(struct opts *o, const char *arg)
{
	char *n = xstrdup(arg);
	size_t len = strlen(n);

	o->max_percent = len && n[len - 1] == '%';
	if (o->max_percent)
		n[len - 1] = '\0';
	o->max_delete = opt_uint("--max-delete", n, 0, o->max_percent ? 100 : INT64_MAX);
	free(n);
}

static void
set_history_columns(struct opts *o, const char *arg)
{
	struct names l = {0}; /* lives until exit */

	if (names_add(&l, arg) < 0 || l.n != 3)
		errx(CS_USAGE, "--history-columns: \"%s\" is not FROM,TO,ACTIVE", arg);
	for (size_t i = 0; i < 3; i++)
		o->meta[META_FROM + i] = l.v[i];
	free(l.v);
}

/* Options that say which rows there are in the end. */
static bool
set_rows(struct opts *o, int option, const char *arg)
{
	struct names list = {0};

	switch (option) {
	case OPT_DELETED:
		o->meta[META_GONE] = arg;
		return true;
	case OPT_DELETED_AT:
		o->meta[META_DELETED] = arg;
		return true;
	case OPT_DELETE_MISSING:
		o->missing =
		    MISSING_HARD + (enum missing)choice("--delete-missing", arg, "hard soft");
		return true;
	case OPT_FIRST_SEEN:
		o->meta[META_FIRST] = arg;
		return true;
	case OPT_HISTORY_COLUMNS:
		set_history_columns(o, arg);
		return true;
	case OPT_INDEX:
		if (names_add(&list, arg) < 0)
			errx(CS_USAGE, "--index: \"%s\" holds an empty name", arg);
		names_release(&list);
		names_push(&o->indexes, arg);
		return true;
	case OPT_KEY_HASH:
		o->meta[META_HASH] = arg ? arg : "_cs_key";
		return true;
	case OPT_MAX_DELETE:
		set_max_delete(o, arg);
		return true;
	case OPT_SYNCED_AT:
		o->meta[META_SYNCED] = arg;
		return true;
	default:
		return false;
	}
}

/* Rows, a size or a duration. */
static void
set_commit(struct opts *o, const char *arg)
{
	const char *unit = arg + strspn(arg, "0123456789.");

	if (!*unit)
		o->commit_rows = opt_uint("--commit-every", arg, 1, UINT64_MAX);
	else if (strchr("KMGTkgt", *unit))
		o->commit_bytes = opt_size("--commit-every", arg, 1, UINT64_MAX);
	else
		o->commit_ms = opt_duration("--commit-every", arg);
}

static void
set(struct opts *o, int option, char *arg)
{
	switch (option) {
	case OPT_ALLOW_EMPTY:
		o->allow_empty = true;
		break;
	case OPT_ALLOW_NETWORK_FS:
		o->network_fs = true;
		break;
	case OPT_BULK:
		o->bulk = true;
		break;
	case OPT_BUSY_TIMEOUT:
		o->busy_timeout = opt_duration("--busy-timeout", arg);
		if (o->busy_timeout > INT32_MAX)
			errx(CS_USAGE, "--busy-timeout: %s is more than 24 days", arg);
		break;
	case OPT_CHANGES:
		o->changes = arg;
		break;
	case OPT_COLUMNS:
		o->columns = (enum evolve)choice("--columns", arg, "evolve freeze discard");
		break;
	case OPT_COMMIT_EVERY:
		set_commit(o, arg);
		break;
	case OPT_KEY:
		if (names_add(&o->key, arg) < 0)
			errx(CS_USAGE, "--key: \"%s\" holds an empty name", arg);
		break;
	case OPT_MAX_RECORD:
		o->max_record = (size_t)opt_size("--max-record", arg, 1, 1u << 30);
		break;
	case OPT_MAX_REJECTS:
		o->max_rejects = opt_uint("--max-rejects", arg, 0, UINT64_MAX);
		break;
	case OPT_MEMORY:
		o->memory = opt_size("--memory", arg, 4u << 20, UINT64_C(1) << 40);
		break;
	case OPT_MISSING:
		o->missing_null = choice("--missing", arg, "keep null");
		break;
	case OPT_MODE:
		o->mode =
		    MODE_UPSERT + (enum mode)choice("--mode", arg, "upsert append replace history");
		break;
	case OPT_NO_SANDBOX:
		o->no_sandbox = true;
		break;
	case OPT_PARTITION_BY:
		o->partition_by = arg;
		break;
	case OPT_PARTS:
		o->parts = true;
		break;
	case OPT_REJECTS:
		o->rejects = arg;
		break;
	case OPT_SCHEMA:
		o->schema = arg;
		break;
	case OPT_STATS:
		o->stats = arg;
		break;
	case OPT_STREAM:
		o->stream = arg;
		break;
	case OPT_STRICT:
		o->strict = true;
		break;
	case OPT_TABLE:
		o->table = arg;
		break;
	case OPT_TO:
		set_target(o, arg);
		break;
	case OPT_STRICT_TABLES:
		o->strict_tables = true;
		break;
	case 'n':
		o->dry_run = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'V':
		printf("cs-load %s (sqlite %s)\n", CS_VERSION, sqlite3_libversion());
		printed();
	case 'h':
		fputs(help, stdout);
		printed();
	default:
		if (!set_rows(o, option, arg))
			exit(CS_USAGE); /* getopt_long has said why */
	}
}

/* No two columns of one name: what cs-load fills is neither a key nor filled twice. */
static void
check_names(const struct opts *o)
{
	for (size_t i = 0; i < o->key.n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(o->key.v[i], o->key.v[k]))
				errx(CS_USAGE, "--key: \"%s\" is there twice", o->key.v[i]);
	for (int m = META_NONE + 1; m < METAS; m++) {
		if (!o->meta[m])
			continue;
		if (!*o->meta[m])
			errx(CS_USAGE, "%s: no column named", meta_option((enum meta)m));
		for (size_t i = 0; i < o->key.n; i++)
			if (!sqlite3_stricmp(o->key.v[i], o->meta[m]))
				errx(CS_USAGE, "%s: \"%s\" is a key column",
				    meta_option((enum meta)m), o->meta[m]);
		for (int k = META_NONE + 1; k < m; k++)
			if (o->meta[k] && !sqlite3_stricmp(o->meta[k], o->meta[m]))
				errx(CS_USAGE, "%s: \"%s\" is the column of %s too",
				    meta_option((enum meta)m), o->meta[m],
				    meta_option((enum meta)k));
	}
}

static void
check_missing(struct opts *o)
{
	const char *const *meta = o->meta;

	if (o->missing == MISSING_STAYS && o->mode != MODE_REPLACE && o->max_delete != UINT64_MAX)
		errx(CS_USAGE, "--max-delete is for --delete-missing and --mode replace");
	if (o->mode == MODE_REPLACE && (o->missing || meta[META_DELETED] || meta[META_GONE]))
		errx(CS_USAGE, "--mode replace deletes what is missing, and keeps no mark of it");
	if (o->missing != MISSING_STAYS && o->mode == MODE_APPEND)
		errx(CS_USAGE, "--delete-missing needs a key to tell rows by, and upserts by it");
	if (o->missing == MISSING_HARD && (meta[META_DELETED] || meta[META_GONE]))
		errx(CS_USAGE, "--delete-missing hard: %s keeps deleted rows",
		    meta_option(meta[META_DELETED] ? META_DELETED : META_GONE));
	if (o->missing == MISSING_HARD && o->mode == MODE_HISTORY)
		errx(CS_USAGE,
		    "--delete-missing hard: --mode history keeps all versions (soft ends them)");
	if (o->mode == MODE_HISTORY && (meta[META_DELETED] || meta[META_GONE]))
		errx(CS_USAGE, "--mode history: it marks deleted rows itself");
	if (o->missing == MISSING_SOFT && o->mode != MODE_HISTORY && !meta[META_DELETED] &&
	    !meta[META_GONE])
		o->meta[META_DELETED] = "_cs_deleted_at";
}

/* What only one database has. */
static void
check_postgres(const struct opts *o)
{
	const char *option = o->bulk            ? "--bulk"
			     : o->strict_tables ? "--strict-tables"
			     : o->network_fs    ? "--allow-network-fs"
						: NULL;

	if (o->target == TARGET_POSTGRES && option)
		errx(CS_USAGE, "%s is for sqlite targets", option);
}

static void
check_database(struct opts *o)
{
	if (o->partition_by || o->parts)
		errx(CS_USAGE, "%s is for files", o->parts ? "--parts" : "--partition-by");
	if (o->table ? !*o->table : o->key.n || o->meta[META_HASH])
		errx(CS_USAGE, "--table is missing: which table should the records go to?");
	if (o->mode == MODE_APPEND && (o->key.n || o->meta[META_HASH]))
		errx(CS_USAGE,
		    "--mode append has no use for --key: with a key, records are upserted");
	if (o->key.n && o->meta[META_HASH])
		errx(CS_USAGE, "--key-hash is for records that have no --key");
	if (o->mode == MODE_HISTORY) {
		static const char *const names[] = {"valid_from", "valid_to", "active"};

		for (size_t i = 0; i < 3; i++)
			if (!o->meta[META_FROM + i])
				o->meta[META_FROM + i] = names[i];
	} else if (o->meta[META_FROM]) {
		errx(CS_USAGE, "--history-columns is for --mode history");
	}
	check_missing(o);
	check_postgres(o);
}

static void
check_parts(const struct opts *o)
{
	if (!o->parts)
		return;
	if (o->key.n || o->partition_by || (o->mode != MODE_DEFAULT && o->mode != MODE_APPEND))
		errx(CS_USAGE, "--parts keeps records as they come: it has no use for %s",
		    o->key.n          ? "--key"
		    : o->partition_by ? "--partition-by"
				      : "--mode");
	if (file_descriptor(o->path) >= 0 || o->stats)
		errx(CS_USAGE, "--parts: %s",
		    o->stats ? "--stats is for the cs-load that lists them" : "a file, not a pipe");
	if (!parts_possible())
		errx(CS_USAGE,
		    "--parts: CS_STREAM and CS_FENCE are not set: run it under cs-state run");
}

/* What a target cannot do is refused, not ignored. */
static void
check_file(const struct opts *o)
{
	if (o->key.n ? o->mode == MODE_APPEND : o->mode == MODE_UPSERT)
		errx(CS_USAGE, o->key.n ? "--mode append has no use for --key: with a key, "
					  "records are upserted"
					: "--mode upsert needs a --key to find rows by");
	if (o->missing_null && !o->key.n)
		errx(CS_USAGE, "--missing needs a --key to find rows by");
	if (o->partition_by && (file_descriptor(o->path) >= 0 || strchr(o->path, '\n')))
		errx(CS_USAGE, "--partition-by: %s cannot be more than one file", o->path);
	check_parts(o);
	for (int m = META_NONE + 1; m < METAS; m++)
		if (o->meta[m])
			errx(CS_USAGE, "%s is for databases", meta_option((enum meta)m));
	if (o->bulk || o->strict_tables)
		errx(CS_USAGE, "%s is for sqlite targets", o->bulk ? "--bulk" : "--strict-tables");
	if (o->missing || o->changes || o->indexes.n || o->mode == MODE_HISTORY)
		errx(CS_USAGE, "%s is for databases",
		    o->missing     ? "--delete-missing"
		    : o->changes   ? "--changes"
		    : o->indexes.n ? "--index"
				   : "--mode history");
	if (o->target == TARGET_NDJSON && (o->columns != COLUMNS_EVOLVE || o->schema))
		errx(CS_USAGE, "%s: an ndjson file has no columns",
		    o->schema ? "--schema" : "--columns");
}

/* One transaction fills a table in bulk, unless told otherwise. */
static void
set_commits(struct opts *o)
{
	if (!o->bulk && o->commit_bytes == UINT64_MAX)
		o->commit_bytes = COMMIT_BYTES;
	if (!o->bulk && o->commit_ms == UINT64_MAX)
		o->commit_ms = COMMIT_MS;
}

static void
check(struct opts *o)
{
	if (!o->path)
		errx(CS_USAGE, "--to is missing: where should the records go (cs-load --help)?");
	if (o->target == TARGET_SQLITE || o->target == TARGET_POSTGRES)
		check_database(o);
	else
		check_file(o);
	check_names(o);
	set_commits(o);
	if (o->max_rejects != UINT64_MAX && !o->rejects)
		errx(CS_USAGE, "--max-rejects needs --rejects FILE");
}

void
options(struct opts *o, int argc, char *argv[])
{
	int c;

	*o = (struct opts){.busy_timeout = BUSY_TIMEOUT,
	    .max_rejects = UINT64_MAX,
	    .max_delete = UINT64_MAX,
	    .memory = 256u << 20,
	    .commit_rows = UINT64_MAX,
	    .commit_bytes = UINT64_MAX,
	    .commit_ms = UINT64_MAX};
	while ((c = getopt_long(argc, argv, "hnqvV", options_long, NULL)) != -1)
		set(o, c, optarg);
	if (optind < argc)
		errx(CS_USAGE, "%s: records come on stdin, so no argument is taken", argv[optind]);
	check(o);
}
