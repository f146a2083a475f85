#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "log.h"
#include "server.h"

#define VERSION "1.0"

struct opts {
	struct server_opts server;
	struct data_opts data;
	const char *token_file, *log, *port_file;
	int64_t accounts, items;
	int64_t seconds; /* 0: until told to end */
	bool quiet;
};

enum {
	OPT_ACCOUNTS = 256,
	OPT_ADDRESS,
	OPT_CAPACITY,
	OPT_COMPANIES,
	OPT_DOCUMENTS,
	OPT_FOR,
	OPT_ITEMS,
	OPT_JOB_ROLES,
	OPT_LOG,
	OPT_NEWEST,
	OPT_NO_TIES,
	OPT_PEOPLE,
	OPT_PORT,
	OPT_PORT_FILE,
	OPT_RATE_LIMIT,
	OPT_REFILL,
	OPT_RETRY_AFTER,
	OPT_SEED,
	OPT_TOKEN_FILE,
	OPT_USERS
};

static const struct option longs[] = {
    {"accounts", required_argument, NULL, OPT_ACCOUNTS},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"capacity", required_argument, NULL, OPT_CAPACITY},
    {"companies", required_argument, NULL, OPT_COMPANIES},
    {"documents", required_argument, NULL, OPT_DOCUMENTS},
    {"for", required_argument, NULL, OPT_FOR},
    {"help", no_argument, NULL, 'h'},
    {"items", required_argument, NULL, OPT_ITEMS},
    {"job-roles", required_argument, NULL, OPT_JOB_ROLES},
    {"log", required_argument, NULL, OPT_LOG},
    {"newest", required_argument, NULL, OPT_NEWEST},
    {"no-ties", no_argument, NULL, OPT_NO_TIES},
    {"people", required_argument, NULL, OPT_PEOPLE},
    {"port", required_argument, NULL, OPT_PORT},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"quiet", no_argument, NULL, 'q'},
    {"rate-limit", no_argument, NULL, OPT_RATE_LIMIT},
    {"refill", required_argument, NULL, OPT_REFILL},
    {"retry-after", no_argument, NULL, OPT_RETRY_AFTER},
    {"seed", required_argument, NULL, OPT_SEED},
    {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
    {"users", required_argument, NULL, OPT_USERS},
    {"version", no_argument, NULL, 'V'},
    {0},
};

static const char usage[] =
    "usage: playground [options]\n"
    "An HTTP API on 127.0.0.1 to try fetchers on: paged lists, logins, faults on request.\n"
    "\n"
    "  --port N             listen here (5001); 0: any free port\n"
    "  --address IP         for other machines to reach it; there is no TLS (127.0.0.1)\n"
    "  --port-file FILE     write the port here once listening\n"
    "  --token-file FILE    bearer token; else environment PLAYGROUND_TOKEN, else random\n"
    "  --users N            records (200)        --companies N    records (12)\n"
    "  --documents N        records (1200)       --job-roles N    records (750)\n"
    "  --people N           records (321)        --seed N         of the data (1)\n"
    "  --accounts N         at most 10000 (12)   --items N        of each (2000)\n"
    "  --newest TIME        newest updatedAt at the start (2026-01-31T12:00:00Z)\n"
    "  --no-ties            no two users share a time: keyset paging loses none\n"
    "  --rate-limit         429 when the token bucket is empty\n"
    "  --capacity N         size of the bucket (20)\n"
    "  --refill N/s         tokens a second (5/s); also N/m\n"
    "  --retry-after        say in the 429 when to come back\n"
    "  --log FILE           append one JSON line a request\n"
    "  --for SECONDS        end by itself, or with the parent process\n"
    "  -q, --quiet          do not print address and credentials\n"
    "  -h, --help           this text            -V, --version    version\n";

static void
help(void)
{
	struct text routes = {0};

	routes_help(&routes);
	printf("%s\nPaths\n%s", usage, routes.p);
	printf("\nFaults: parameter _fault=NAME[:ARG][,...], header X-Playground-Fault, or POST "
	       "/_fault\n");
	faults_help();
	text_release(&routes);
}

static void
version(void)
{
	printf("playground %s (libmicrohttpd %s)\n", VERSION, MHD_get_version());
}

static int64_t
number(const char *name, const char *s, int64_t min, int64_t max)
{
	int64_t v;

	if (!parse_int(s, min, max, &v))
		errx(64, "--%s: %s is not an integer from %lld to %lld", name, s, (long long)min,
		    (long long)max);
	return v;
}

/* 5, 5/s, 0.5/s or 30/m, in tokens a second. */
static double
rate(const char *s)
{
	char *end;
	double v = strtod(s, &end);

	if (strcmp(end, "/m") == 0)
		v /= 60;
	else if (*end && strcmp(end, "/s") != 0)
		v = 0;
	if (!(v > 0 && v <= 1e6))
		errx(64, "--refill: %s is not a rate like 5/s or 30/m", s);
	return v;
}

static void
set_newest(struct opts *o, const char *s)
{
	if (!parse_time(s, true, &o->data.newest, NULL))
		errx(64, "--newest: %s is not a time like 2026-01-31T12:00:00Z", s);
}

static void
set_address(struct opts *o, const char *s)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		errx(64, "--address: %s is not an IPv4 address", s);
	o->server.address = ntohl(a.s_addr);
}

static void
set(struct opts *o, int id, const char *arg)
{
	static const struct {
		int id;
		const char *name;
		enum resource r;
	} counts[] = {{OPT_COMPANIES, "companies", COMPANIES},
	    {OPT_DOCUMENTS, "documents", DOCUMENTS}, {OPT_JOB_ROLES, "job-roles", JOB_ROLES},
	    {OPT_PEOPLE, "people", PEOPLE}, {OPT_USERS, "users", USERS}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		if (counts[i].id == id)
			o->data.count[counts[i].r] =
			    (uint32_t)number(counts[i].name, arg, 0, 10000000);
	switch (id) {
	case OPT_ACCOUNTS:
		o->accounts = number("accounts", arg, 0, 10000);
		break;
	case OPT_ADDRESS:
		set_address(o, arg);
		break;
	case OPT_ITEMS:
		o->items = number("items", arg, 0, 10000000);
		break;
	case OPT_CAPACITY:
		o->server.capacity = (double)number("capacity", arg, 1, 1000000);
		break;
	case OPT_FOR:
		o->seconds = number("for", arg, 1, 86400 * 30);
		break;
	case OPT_LOG:
		o->log = arg;
		break;
	case OPT_NEWEST:
		set_newest(o, arg);
		break;
	case OPT_NO_TIES:
		o->data.ties = false;
		break;
	case OPT_PORT:
		o->server.port = (uint16_t)number("port", arg, 0, 65535);
		break;
	case OPT_PORT_FILE:
		o->port_file = arg;
		break;
	case OPT_RATE_LIMIT:
		o->server.rate_limit = true;
		break;
	case OPT_REFILL:
		o->server.refill = rate(arg);
		break;
	case OPT_RETRY_AFTER:
		o->server.retry_after = true;
		break;
	case OPT_SEED:
		o->data.seed = (uint64_t)number("seed", arg, 0, INT64_MAX);
		break;
	case OPT_TOKEN_FILE:
		o->token_file = arg;
		break;
	}
}

static void
parse(struct opts *o, int argc, char **argv)
{
	int id;

	while ((id = getopt_long(argc, argv, "hqV", longs, NULL)) != -1) {
		switch (id) {
		case 'h':
			help();
			exit(0);
		case 'V':
			version();
			exit(0);
		case 'q':
			o->quiet = true;
			break;
		case '?':
			exit(64);
		default:
			set(o, id, optarg);
		}
	}
	if (optind < argc)
		errx(64, "%s: no operands are taken; see --help", argv[optind]);
}

/* The token that is given, without the newline at its end; null for none. Lives until exit. */
static char *
given_token(const char *file)
{
	static char line[4096];
	const char *env = getenv("PLAYGROUND_TOKEN");

	if (file == NULL) {
		if (env == NULL || *env == '\0')
			return NULL;
		snprintf(line, sizeof(line), "%s", env);
		return line;
	}
	FILE *f = fopen(file, "re");
	if (f == NULL)
		err(74, "%s", file);
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '\0')
		errx(64, "%s: holds no token", file);
	return line;
}

static void
write_port(const char *file, unsigned port)
{
	char *temp;

	if (asprintf(&temp, "%s.%ld", file, (long)getpid()) < 0)
		err(74, "out of memory");
	FILE *f = fopen(temp, "we");
	if (f == NULL || fprintf(f, "%u\n", port) < 0 || fclose(f) != 0 || rename(temp, file) != 0)
		err(74, "%s", file);
	free(temp);
}

/* Sleep until a signal or the end of the allotted time. */
static void
wait_for_end(const sigset_t *set, int64_t seconds)
{
	struct timespec limit = {.tv_sec = seconds};

	while (sigtimedwait(set, NULL, seconds ? &limit : NULL) < 0 && errno == EINTR)
		;
}

int
main(int argc, char **argv)
{
	struct opts o = {
	    .server = {.address = INADDR_LOOPBACK, .port = 5001, .capacity = 20, .refill = 5},
	    .accounts = 12,
	    .items = 2000,
	    .data = {.seed = 1,
		.ties = true,
		.count = {[USERS] = 200,
		    [COMPANIES] = 12,
		    [DOCUMENTS] = 1200,
		    [JOB_ROLES] = 750,
		    [PEOPLE] = 321}},
	};
	pid_t parent = getppid();
	sigset_t set;

	set_newest(&o, "2026-01-31T12:00:00Z");
	parse(&o, argc, argv);
	/* Every thread is to leave these to sigtimedwait(). */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (o.seconds > 0 && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent))
		errx(74, "the parent process is gone");

	auth_init(given_token(o.token_file));
	log_open(o.log);
	data_init(&o.data);
	users_init(o.data.seed, o.data.newest);
	accounts_init(o.accounts, o.items);
	oauth_reset();
	unsigned port = server_start(&o.server);
	if (!o.quiet) {
		printf("url               http://%s:%u\n",
		    inet_ntoa((struct in_addr){htonl(o.server.address)}), port);
		auth_print();
		fflush(stdout);
	}
	if (o.port_file)
		write_port(o.port_file, port);
	wait_for_end(&set, o.seconds);
	server_stop();
	log_close();
	data_release();
	auth_release();
	faults_disarm();
	return 0;
}
