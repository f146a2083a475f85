/*
 * cs-fetch: an HTTP API's pages, one record a line.
 */
#include <curl/curl.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "connector.h"
#include "file.h"
#include "help.h"
#include "jqrun.h"
#include "opts.h"
#include "run.h"
#include "url.h"

/* What the command line says; it comes last, after the connector that it names. */
struct given {
	struct setting {
		const char *name, *value;
	} * v;
	size_t n;
};

/* getopt_long takes "--rec" for "--records"; in a pipeline that is an accident waiting for a new option. */
static void
refuse_abbreviation(char *const *argv, const char *name)
{
	const char *a = argv[optind - 1];

	if (optarg != NULL && a == optarg)
		a = argv[optind - 2];
	if (strncmp(a, "--", 2) == 0 &&
	    (strncmp(a + 2, name, strlen(name)) != 0 || strchr("=", a[2 + strlen(name)]) == NULL))
		die(CS_USAGE, "unknown option %.*s (cs-fetch --help lists them)",
		    (int)strcspn(a, "="), a);
}

static int
finish(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		err(CS_IO, "stdout");
	return 0;
}

static int
version(void)
{
	printf("cs-fetch %s\n%s\nlibjq %s\nzlib %s\nlibzstd %s\n", CS_VERSION, curl_version(),
	    jqrun_version(), zlibVersion(), ZSTD_versionString());
	return finish();
}

static void
parse(struct given *g, int argc, char **argv)
{
	const char *name;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, opts_short(), opts_long(), NULL)) != -1) {
		if (c == ':')
			die(CS_USAGE, "option %s needs a value", argv[optind - 1]);
		if (c == '?' && optopt != 0 && optopt < 256)
			die(CS_USAGE, "unknown option -%c (cs-fetch --help lists them)", optopt);
		if (c == '?')
			die(CS_USAGE, "unknown option %.*s (cs-fetch --help lists them)",
			    (int)strcspn(argv[optind - 1], "="), argv[optind - 1]);
		name = opts_name(c);
		if (c >= 256)
			refuse_abbreviation(argv, name);
		if (strcmp(name, "help") == 0)
			exit(help(optarg));
		if (strcmp(name, "version") == 0)
			exit(version());
		g->v = xreallocarray(g->v, g->n + 1, sizeof(*g->v));
		g->v[g->n++] = (struct setting){name, optarg};
	}
}

static void
set_given(struct opts *o, const struct given *g)
{
	char where[64];

	for (size_t i = 0; i < g->n; i++) {
		snprintf(where, sizeof(where), "--%s", g->v[i].name);
		opts_set(o, g->v[i].name, g->v[i].value, where);
	}
}

/* --set as the connector wants it. */
static char **
sets(const struct opts *o)
{
	static char **v; /* until exit, as all settings */

	free(v);
	v = xcalloc(o->set.n + 1, sizeof(*v));
	for (size_t i = 0; i < o->set.n; i++)
		v[i] = o->set.v[i].text;
	return v;
}

/* A URL, or a path behind --url. */
static void
set_operand(struct opts *o, const char *operand)
{
	size_t n = o->url != NULL ? strlen(o->url) : 0;
	char *url;

	if (*operand != '/' || n == 0) {
		opts_set(o, "url", operand, operand);
		return;
	}
	n -= o->url[n - 1] == '/';
	url = xasprintf("%.*s%s", (int)n, o->url, operand);
	opts_set(o, "url", url, operand);
	free(url);
}

/* All settings for one stream (or URL), checked. cli has the command line's alone. */
static void
settle(struct opts *o, const struct given *g, const struct opts *cli, const char *operand)
{
	opts_init(o);
	if (cli->connector != NULL)
		connector_load(o, cli->connector, cli->config, sets(cli), operand);
	set_given(o, g);
	if (cli->connector == NULL && operand != NULL)
		set_operand(o, operand);
	opts_settle(o);
	opts_check(o);
}

/* The options as for a shell, without --detect. */
static char *
as_typed(const struct given *g)
{
	static struct buf b; /* until exit */

	buf_adds(&b, "");
	for (size_t i = 0; i < g->n; i++) {
		if (strcmp(g->v[i].name, "detect") == 0)
			continue;
		buf_addf(&b, " --%s", g->v[i].name);
		if (g->v[i].value != NULL) {
			buf_addc(&b, ' ');
			shell_word(&b, g->v[i].value);
		}
	}
	return b.p;
}

static int
check_all(const struct given *g, const struct opts *cli)
{
	static char **names;
	static struct opts *o; /* of each stream */
	size_t n = 0;
	int r, worst = 0;

	names = connector_streams(cli->connector);
	for (; names[n] != NULL; n++) {
		o = xreallocarray(o, n + 1, sizeof(*o));
		settle(&o[n], g, cli, names[n]);
		r = run_check(&o[n], names[n]);
		if (r > worst)
			worst = r;
	}
	return worst;
}

int
main(int argc, char **argv)
{
	static struct given given;
	static struct opts cli, o;
	const char *operand;

	/* A socket must not become what we write records to. */
	if (fcntl(STDOUT_FILENO, F_GETFD) < 0)
		err(CS_IO, "stdout");
	file_limit_fails();
	die_in_stream(true);
	parse(&given, argc, argv);
	operand = argv[optind];
	if (operand != NULL && argv[optind + 1] != NULL)
		die(CS_USAGE, "one URL or stream at a time: %s is too much", argv[optind + 1]);
	opts_init(&cli);
	set_given(&cli, &given);
	die_in_stream(cli.get == NULL && !cli.check && !cli.detect && !cli.dry_run);
	if (cli.connector == NULL && (cli.config != NULL || cli.set.n > 0 || cli.get != NULL))
		die(CS_USAGE, "%s: needs --connector FILE",
		    cli.config != NULL ? "--config"
		    : cli.set.n > 0    ? "--set"
				       : "--get");
	if (cli.get != NULL)
		return connector_get(cli.connector, cli.config, sets(&cli), cli.get);
	if (cli.check && cli.connector != NULL && operand == NULL)
		return check_all(&given, &cli);
	settle(&o, &given, &cli, operand);
	if (o.detect)
		return run_detect(&o, as_typed(&given));
	if (o.dry_run)
		return run_dry(&o);
	return o.check ? run_check(&o, cli.connector != NULL ? operand : NULL) : run(&o);
}
