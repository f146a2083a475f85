#include "help.h"

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cs.h"

/* A screen of what most people need; the rest is in the topics. */
static const char screen[] =
    "usage: cs-fetch [options] URL\n"
    "       cs-fetch [options] --connector FILE [--config FILE] STREAM\n"
    "Fetch an HTTP API, page by page, and print one JSON record a line.\n"
    "\n"
    "  -H, --header 'NAME: VALUE'  --query NAME=VALUE  --json TEXT|@FILE\n"
    "  --auth bearer|basic|...     how to sign in; --token SECRET, --user, --password\n"
    "  --records PATH              where the array is: .data, .items[].node\n"
    "  --paginate offset|page|cursor|next-url|link|...    how to get the next page\n"
    "  --page-size N  --limit-param NAME  --cursor-path PATH  --next PATH\n"
    "  --total PATH                how many records there are: is checked\n"
    "  --cursor-field PATH         what is new since the last run, by this field\n"
    "  --since-param NAME          and this parameter\n"
    "  --stream NAME  --state JSON|@FILE    (default: environment CS_STATE)\n"
    "  --max-pages N  --max-records N       stop early\n"
    "  --check                     ask once, say what was found\n"
    "  -n, --dry-run               the first request as a curl command, redacted\n"
    "  -v, --verbose  -q, --quiet  -V, --version\n"
    "  --help=TOPIC                request, auth, network, records, paging, changes,\n"
    "                              parents, retries, run, connector, or --help=all\n"
    "\n"
    "SECRET is env:NAME, file:PATH, fd:N or cmd:COMMAND. PATH is a jq path into the\n"
    "reply or header:NAME. DURATION is 30s, 15m, 4h, 90d; SIZE 64K, 16M, 1G.\n"
    "Exit: 0 done, 64 usage, 65 bad data, 69 refused, 74 I/O, 75 try later,\n"
    "76 pages do not add up, 77 credentials. See cs-fetch(1).\n";

static const struct topic {
	const char *name, *text;
} topics[] = {
    {"request", "  -X, --method NAME  -H, --header 'NAME: VALUE'  --query NAME=VALUE\n"
		"  --data TEXT|@FILE  --json TEXT|@FILE  --form NAME=VALUE  --url URL\n"},
    {"auth", "  --auth none|bearer|basic|header|query|cookie|digest|oauth2|login|jwt|sigv4\n"
	     "  --token SECRET  --tokens SECRET  --user NAME  --password SECRET  --netrc\n"
	     "  --auth-name NAME  --auth-prefix TEXT  --auth-in header|query|cookie\n"
	     "  --token-url URL  --client-id ID  --client-secret SECRET\n"
	     "  --grant client_credentials|refresh_token|password|jwt-bearer\n"
	     "  --client-auth basic|post|jwt  --refresh-token SECRET  --scope TEXT\n"
	     "  --token-param NAME=VALUE  --token-body form|json  --credentials FILE\n"
	     "  --login-url URL  --login-json TEXT|@FILE  --login-expires DURATION\n"
	     "  --login-token PATH|header:NAME|cookie:NAME\n"
	     "  --jwt-alg HS256|RS256|ES256  --jwt-key SECRET  --jwt-claims TEXT|@FILE\n"
	     "  --jwt-header TEXT|@FILE  --jwt-expires DURATION (5m)\n"
	     "  --sigv4-region NAME  --sigv4-service NAME\n"},
    {"network", "  --cacert FILE  --cert FILE  --key FILE  --key-password SECRET\n"
		"  --pin sha256//BASE64  --proxy URL  --proxy-user NAME\n"
		"  --proxy-password SECRET  --no-proxy LIST\n"
		"  --unix-socket PATH  --allow-host HOST[:PORT]  --http2\n"},
    {"records", "  --records PATH  --format json|ndjson|csv|tsv  --csv-delimiter CHAR\n"
		"  --primary-key LIST  --max-record SIZE  --max-page SIZE\n"
		"  --page-buffer SIZE (4M)\n"},
    {"paging", "  --paginate none|offset|page|cursor|next-url|link|keyset|graphql|odata\n"
	       "  --page-size N  --limit-param PARAM  --offset-param PARAM\n"
	       "  --page-param PARAM  --first-page N\n"
	       "  --cursor-path PATH  --cursor-param PARAM  --cursor-replaces NAME|*\n"
	       "  --next PATH  --keyset PATH  --keyset-param PARAM\n"
	       "  --graphql QUERY|@FILE  --variables JSON|@FILE\n"
	       "  --total PATH  --total-pages PATH  --has-more PATH\n"
	       "  --stop-on empty|short|status:CODE  --max-pages N  --max-records N\n"
	       "  --max-offset N\n"
	       "  PARAM: NAME (in the query), body:PATH (in a JSON body), header:NAME\n"},
    {"changes", "  --cursor-field PATH  --cursor-type time|integer|text\n"
		"  --since-param PARAM  --until-param PARAM  --window DURATION\n"
		"  --start VALUE|-DURATION  --end VALUE  --lookback DURATION  --client-filter\n"
		"  --param-format rfc3339|date|epoch|epoch-ms|STRFTIME\n"
		"  --state-token PATH  --state-token-param PARAM  --max-age DURATION\n"
		"  --full  --incremental yes|no\n"},
    {"parents", "  --each  --parent-key NAME=PATH  --parts FILE\n"
		"  {field} in URL, query, header or JSON body: of the record on stdin\n"},
    {"retries", "  --retries N (5)  --tries N  --retry-max-time DURATION  --retry-post\n"
		"  --retry-budget N (100)\n"
		"  --max-wait DURATION (15m)  --connect-timeout DURATION (10s)\n"
		"  --stall-timeout DURATION (30s)  --rate N/s|N/m|N/h\n"
		"  --retry-if PROGRAM  --fail-if PROGRAM  --ignore-status CODES\n"
		"  --rate-reset auto|epoch|epoch-ms|delta|delta-ms  --parallel N (1)\n"},
    {"run", "  --etag FILE  --detect  --record DIR  --replay DIR  --metrics FILE\n"
	    "  --stream NAME  --state JSON|@FILE  --check  -n, --dry-run\n"
	    "  -v, --verbose  -q, --quiet  --progress auto|always|never\n"
	    "  -h, --help  -V, --version\n"},
    {"connector", "  --connector FILE  --config FILE  --set NAME=VALUE  --get NAME\n"},
};

int
help(const char *topic)
{
	bool all = topic != NULL && strcmp(topic, "all") == 0, known = all || topic == NULL;

	if (topic == NULL)
		fputs(screen, stdout);
	for (size_t i = 0; topic != NULL && i < sizeof(topics) / sizeof(*topics); i++)
		if (all || strcmp(topics[i].name, topic) == 0) {
			printf("%s\n%s", topics[i].name, topics[i].text);
			known = true;
		}
	if (!known)
		errx(CS_USAGE, "--help: no topic \"%s\": see cs-fetch --help", topic);
	if (fflush(stdout) != 0 || ferror(stdout))
		err(CS_IO, "stdout");
	return 0;
}
