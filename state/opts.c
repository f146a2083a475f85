#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acks.h"
#include "lease.h"
#include "name.h"
#include "num.h"
#include "pg.h"
#include "state.h"

#define GRACE   10000 /* ms; as long as init systems give at least */
#define TTL_MIN 1000  /* ms */

/* Options that some commands take: option OPT_x is bit O_x. */
enum {
	OPT_BY = 256,
	OPT_CURSOR_FIELD,
	OPT_DEFAULT,
	OPT_EVERY,
	OPT_FORCE,
	OPT_GRACE,
	OPT_IF_VERSION,
	OPT_JSON,
	OPT_OUTPUT,
	OPT_PARTS,
	OPT_PROMETHEUS,
	OPT_QUIET,
	OPT_TIMEOUT,
	OPT_TO,
	OPT_TTL,
	OPT_VERBOSE,
	OPT_WAIT,
	OPT_ALLOW_NETWORK_FS, /* which all take, as the next */
	OPT_STORE
};

#define BIT(opt) (1u << ((opt)-OPT_BY))

static const struct option options[] = {
    {"allow-network-fs", no_argument, NULL, OPT_ALLOW_NETWORK_FS},
    {"by", required_argument, NULL, OPT_BY},
    {"cursor-field", required_argument, NULL, OPT_CURSOR_FIELD},
    {"default", required_argument, NULL, OPT_DEFAULT},
    {"every", required_argument, NULL, OPT_EVERY},
    {"force", no_argument, NULL, 'f'},
    {"grace", required_argument, NULL, OPT_GRACE},
    {"help", no_argument, NULL, 'h'},
    {"if-version", required_argument, NULL, OPT_IF_VERSION},
    {"json", no_argument, NULL, OPT_JSON},
    {"output", required_argument, NULL, 'o'},
    {"parts", no_argument, NULL, OPT_PARTS},
    {"prometheus", no_argument, NULL, OPT_PROMETHEUS},
    {"quiet", no_argument, NULL, 'q'},
    {"store", required_argument, NULL, OPT_STORE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"to", required_argument, NULL, OPT_TO},
    {"ttl", required_argument, NULL, OPT_TTL},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"wait", required_argument, NULL, OPT_WAIT},
    {0},
};

static const struct command commands[] = {
    {"export", "singer|airbyte|dlt STREAM", cmd_export, STORE_READ, BIT(OPT_CURSOR_FIELD), 2, 2},
    {"get", "STREAM", cmd_get, STORE_READ, BIT(OPT_DEFAULT) | BIT(OPT_PARTS), 1, 1},
    {"history", "STREAM", cmd_history, STORE_READ, BIT(OPT_JSON), 1, 1},
    {"import", "singer|airbyte|dlt STREAM", cmd_import, STORE_CREATE,
	BIT(OPT_CURSOR_FIELD) | BIT(OPT_FORCE), 2, 2},
    {"list", "", cmd_list, STORE_READ, BIT(OPT_JSON), 0, 0},
    {"put", "[STREAM]", cmd_put, STORE_CREATE, BIT(OPT_FORCE), 0, 1},
    {"report", "", cmd_report, STORE_READ, BIT(OPT_OUTPUT), 0, 0},
    {"rewind", "STREAM", cmd_rewind, STORE_CHANGE,
	BIT(OPT_BY) | BIT(OPT_TO) | BIT(OPT_FORCE) | BIT(OPT_VERBOSE), 1, 1},
    {"rm", "STREAM", cmd_rm, STORE_CHANGE, BIT(OPT_PARTS), 1, 1},
    {"run", "STREAM -- COMMAND...", cmd_run, STORE_CREATE,
	BIT(OPT_EVERY) | BIT(OPT_GRACE) | BIT(OPT_QUIET) | BIT(OPT_TIMEOUT) | BIT(OPT_TTL) |
	    BIT(OPT_VERBOSE) | BIT(OPT_WAIT),
	2, INT_MAX},
    {"set", "STREAM JSON", cmd_set, STORE_CREATE, BIT(OPT_FORCE) | BIT(OPT_IF_VERSION), 2, 2},
    {"status", "[STREAM]", cmd_status, STORE_READ,
	BIT(OPT_JSON) | BIT(OPT_OUTPUT) | BIT(OPT_PROMETHEUS), 0, 1},
    {"undo", "STREAM", cmd_undo, STORE_CHANGE, BIT(OPT_TO), 1, 1},
};

static void __attribute__((noreturn)) help(void)
{
	puts("usage: cs-state [options] COMMAND\n"
	     "Keep the checkpoints of streams, and run pipelines from where they left off.\n"
	     "\n"
	     "  get STREAM           print the state as JSON; status 1 when there is none\n"
	     "      --default JSON   print this then\n"
	     "  put [STREAM]         store the checkpoints on stdin, pass all lines on\n"
	     "  set STREAM JSON      store a state ('-': from stdin)\n"
	     "      --if-version N   only over version N; 0: only if there is none\n"
	     "  -f, --force          put, set, import, rewind: also what looks wrong\n"
	     "  list                 print stream, version, time and size of each state\n"
	     "  history STREAM       print the last versions, newest first\n"
	     "  undo STREAM          go back to the version before, or to version --to N\n"
	     "  rewind STREAM        set the cursor back --by DURATION (or N), or --to VALUE\n"
	     "  rm STREAM            forget the stream, its history and its runs\n"
	     "      --parts          get: its parts STREAM/... instead; rm: them too\n"
	     "  export FORM STREAM   print the cursor as singer, airbyte or dlt have it;\n"
	     "  import FORM STREAM   take it from there (stdin); --cursor-field NAME\n"
	     "  status [STREAM]      show how fresh each stream is and how its last run went\n"
	     "      --json           list, history, status: a JSON object a line\n"
	     "      --prometheus     status: as metrics\n"
	     "  report               all of it as one HTML file, for people\n"
	     "  -o, --output FILE    status, report: replace this file\n"
	     "\n"
	     "  run STREAM -- COMMAND...\n"
	     "                       run COMMAND with CS_STATE set, alone on this stream;\n"
	     "                       store the checkpoints it prints, and how it went\n"
	     "      --every DURATION    do nothing if the last good run began more recently\n"
	     "      --wait DURATION     wait for another run of the stream to end (0s)\n"
	     "      --timeout DURATION  end the command after this time, status 75\n"
	     "      --grace DURATION    kill what has not ended after this time (10s)\n"
	     "      --ttl DURATION      postgres: end of a lease if not renewed (60s)\n"
	     "  -q, --quiet          do not say that nothing is due\n"
	     "  -v, --verbose        pass checkpoints on to stdout too; sum up on stderr\n"
	     "\n"
	     "      --store STORE    sqlite:FILE, dir:PATH, postgres://... (CS_STATE_STORE;\n"
	     "                       dir:$XDG_STATE_HOME/cs)\n"
	     "      --allow-network-fs  a database on NFS and the like\n"
	     "  -h, --help           print this; -V, --version: versions\n"
	     "\n"
	     "DURATION is 30s, 15m, 4h, 90d. Manual: cs-state(1).");
	if (fflush(stdout) == EOF)
		err(CS_IO, "stdout");
	exit(CS_OK);
}

static void __attribute__((noreturn)) version(void)
{
	printf("cs-state %s (SQLite %s)\n", CS_VERSION, sqlite3_libversion());
	if (fflush(stdout) == EOF)
		err(CS_IO, "stdout");
	exit(CS_OK);
}

/* Keep one option; the bit that a command must take for it. */
static unsigned
option(struct opts *o, int c)
{
	static char *url; /* until exit */

	switch (c) {
	case OPT_ALLOW_NETWORK_FS:
		o->network_fs = true;
		return 0;
	case OPT_BY:
		o->by = optarg;
		return BIT(OPT_BY);
	case OPT_CURSOR_FIELD:
		o->cursor_field = optarg;
		return BIT(OPT_CURSOR_FIELD);
	case OPT_DEFAULT:
		o->fallback = optarg;
		return BIT(OPT_DEFAULT);
	case OPT_EVERY:
		o->every = opt_duration("--every", optarg);
		return BIT(OPT_EVERY);
	case 'f':
		o->force = true;
		return BIT(OPT_FORCE);
	case OPT_GRACE:
		o->grace = opt_duration("--grace", optarg);
		return BIT(OPT_GRACE);
	case 'h':
		help();
	case OPT_IF_VERSION:
		o->version = (int64_t)opt_uint("--if-version", optarg, 0, INT64_MAX);
		return BIT(OPT_IF_VERSION);
	case OPT_JSON:
		o->json = true;
		return BIT(OPT_JSON);
	case 'o':
		o->output = optarg;
		return BIT(OPT_OUTPUT);
	case OPT_PROMETHEUS:
		o->prometheus = true;
		return BIT(OPT_PROMETHEUS);
	case OPT_PARTS:
		o->parts = true;
		return BIT(OPT_PARTS);
	case 'q':
		o->quiet = true;
		return BIT(OPT_QUIET);
	case OPT_STORE:
		free(url);
		url = pg_url(optarg) ? pg_take(optarg) : NULL;
		o->store = url != NULL ? url : optarg;
		return 0;
	case OPT_TIMEOUT:
		o->timeout = opt_duration("--timeout", optarg);
		return BIT(OPT_TIMEOUT);
	case OPT_TO:
		o->to = optarg;
		return BIT(OPT_TO);
	case OPT_TTL:
		o->ttl = opt_duration("--ttl", optarg);
		if (o->ttl < TTL_MIN)
			errx(CS_USAGE, "--ttl: at least 1s");
		return BIT(OPT_TTL);
	case 'v':
		o->verbose = true;
		return BIT(OPT_VERBOSE);
	case 'V':
		version();
	case OPT_WAIT:
		o->wait = opt_duration("--wait", optarg);
		return BIT(OPT_WAIT);
	default:
		exit(CS_USAGE); /* getopt has said what */
	}
}

static const struct command *
command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	errx(CS_USAGE, "%s: no such command; see cs-state --help", name);
}

/* Do options and arguments go with the command? */
static void
check(const struct command *c, unsigned given, int argc, bool dashes)
{
	static const char *const names[] = {"by", "cursor-field", "default", "every", "force",
	    "grace", "if-version", "json", "output", "parts", "prometheus", "quiet", "timeout",
	    "to", "ttl", "verbose", "wait"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (given & ~c->takes & 1u << i)
			errx(CS_USAGE, "--%s does not go with %s", names[i], c->name);
	if (argc < c->min || argc > c->max || (c->run == cmd_run && !dashes))
		errx(CS_USAGE, "usage: cs-state [options] %s %s", c->name, c->arguments);
}

static void
check_values(const struct opts *o)
{
	struct buf b = {0};
	const char *why;

	if (o->stream && (why = name_check(o->stream)) != NULL)
		errx(CS_USAGE, "the stream's name %s", why);
	if (!o->fallback)
		return;
	buf_adds(&b, o->fallback);
	if ((why = state_check(b.p, b.len, true)) != NULL)
		errx(CS_USAGE, "--default: %s", why);
	buf_release(&b);
}

const struct command *
opts_parse(struct opts *o, int argc, char **argv)
{
	const struct command *cmd;
	unsigned given = 0;
	bool dashes;
	int c;

	*o = (struct opts){.version = -1, .grace = GRACE, .ttl = LEASE_TTL};
	/*
	 * getopt moves the arguments before "--" behind it, so that options may stand anywhere
	 * there.
	 */
	while ((c = getopt_long(argc, argv, "fho:qVv", options, NULL)) != -1)
		given |= option(o, c);
	dashes = !strcmp(argv[optind - 1], "--");
	argc -= optind;
	argv += optind;
	if (argc == 0)
		errx(CS_USAGE, "no command; see cs-state --help");
	cmd = command(argv[0]);
	check(cmd, given, argc - 1, dashes);
	o->args = argv + 1;
	if (cmd->run == cmd_export || cmd->run == cmd_import)
		o->form = *o->args++;
	if (argc > 1 && cmd->max > 0)
		o->stream = *o->args++;
	if (cmd->run == cmd_undo && o->to != NULL)
		o->version = (int64_t)opt_uint("--to", o->to, 1, INT64_MAX);
	if (o->json && o->prometheus)
		errx(CS_USAGE, "--json or --prometheus: which one?");
	check_values(o);
	return cmd;
}
