#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pg.h"
#include "pgload.h"

#define PAUSE     50      /* ms before the second try; doubled for each one more, */
#define PAUSE_MAX 2000    /* up to this */
#define PROBE     3000    /* ms */
#define UNTRUSTED "CSTLS" /* no SQLSTATE: that is not the server we want */

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + 1;
}

bool
pg_url(const char *s)
{
	return !strncmp(s, "postgres://", 11) || !strncmp(s, "postgresql://", 13);
}

/* The password in a URL, from behind the colon up to the last @, which is more than libpq takes for it. */
static struct slice
password(const char *url)
{
	const char *start = strstr(url, "://") + 3, *at = strrchr(start, '@');
	const char *colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;

	return (struct slice){colon ? colon + 1 : NULL, colon ? (size_t)(at - colon) - 1 : 0};
}

char *
pg_place(const char *url)
{
	struct slice secret = password(url);
	const char *rest = secret.p ? secret.p + secret.n : url;
	int n = secret.p ? (int)(secret.p - url) - 1 : 0;

	return xasprintf("%.*s%.*s", n, url, (int)strcspn(rest, "?"), rest);
}

char *
pg_take(char *arg)
{
	char *url = xstrdup(arg), *query = strchr(arg, '?');
	struct slice secret = password(url);

	if (secret.p)
		memset(arg + (secret.p - url), 'x', secret.n);
	if (query && strstr(query, "password"))
		memset(query, 'x', strlen(query));
	return url;
}

/* Set why to text on one line, and the code. */
static void
failed(struct pg *pg, const char *code, const char *text)
{
	struct buf *b = &pg->why;

	if (code != pg->code) {
		memset(pg->code, 0, sizeof pg->code);
		memcpy(pg->code, code, strnlen(code, sizeof pg->code - 1));
	}
	buf_clear(b);
	for (; *text; text++) {
		if (strchr("\n\t\r ", *text)) {
			if (b->len && b->p[b->len - 1] != ' ' && text[strspn(text, "\n\t\r ")])
				buf_addc(b, ' ');
		} else {
			buf_addc(b, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
		}
	}
	if (!b->len)
		buf_adds(b, "connection lost");
}

static void
ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

struct params {
	const char *k[10], *v[10];
	size_t n;
};

static void
param(struct params *p, const char *k, const char *v)
{
	p->k[p->n] = k;
	p->v[p->n++] = v;
}

/* What is given first gives way to what the URL has; a service file would give way to it, so it is left alone. */
static struct params
params(const struct pg *pg)
{
	struct params p = {.n = 0};

	if (!getenv("PGSERVICE") && !strstr(pg->url, "service=")) {
		if (!getenv("PGCONNECT_TIMEOUT"))
			param(&p, "connect_timeout", "10");
		param(&p, "keepalives_idle", "30");
		param(&p, "keepalives_interval", "10");
		param(&p, "keepalives_count", "3");
	}
	param(&p, "dbname", pg->url);
	param(&p, "fallback_application_name", pg->app);
	param(&p, "client_encoding", "UTF8");
	return p;
}

/* libpq tells the code of a refused connection only within a message, and only to those who want to know all. */
static void
probe(struct pg *pg)
{
	struct params p = params(pg);
	PGconn *c = PQconnectStartParams(p.k, p.v, 1);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	uint64_t end = now_ms() + PROBE, now;
	const char *s;

	if (!c)
		return;
	PQsetErrorVerbosity(c, PQERRORS_VERBOSE);
	while (PQstatus(c) != CONNECTION_BAD &&
	       (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) &&
	       (now = now_ms()) < end) {
		struct pollfd f = {
		    .fd = PQsocket(c), .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};

		if (poll(&f, 1, (int)(end - now)) < 0 && errno != EINTR)
			break;
		state = PQconnectPoll(c);
	}
	/* "FATAL:  28P01: password ..."; the last host's word */
	for (s = PQerrorMessage(c); (s = strstr(s, ":  ")); s += 3)
		if (strspn(s + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && s[8] == ':')
			memcpy(pg->code, s + 3, 5);
	PQfinish(c);
}

int
pg_connect(struct pg *pg)
{
	struct params p = params(pg);

	PQfinish(pg->conn);
	pg->conn = PQconnectdbParams(p.k, p.v, 1);
	if (PQstatus(pg->conn) == CONNECTION_OK) {
		PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
		pg->connects++;
		return 0;
	}
	failed(pg, "08001", PQerrorMessage(pg->conn));
	if (PQconnectionNeedsPassword(pg->conn))
		memcpy(pg->code, "28P01", 5);
	else if (strstr(pg->why.p, "certificate verify failed") ||
		 strstr(pg->why.p, "does not match host name"))
		memcpy(pg->code, UNTRUSTED, 5);
	else if (strstr(pg->why.p, ": "))
		probe(pg);
	return pg_status(pg);
}

/* A message about a URL quotes what is wrong in it, which may be a piece of the password. */
static int
check_url(const struct pg *pg)
{
	const char *start = strstr(pg->url, "://") + 3, *at = strrchr(start, '@');
	PQconninfoOption *options;
	char *why = NULL, *quote;

	if (at && start + strcspn(start, "@/?") != at) {
		warnx("%s: \"/\", \"?\" and \"@\" in a user's name or password are written %%2F, "
		      "%%3F and %%40",
		    pg->place);
		return CS_USAGE;
	}
	options = PQconninfoParse(pg->url, &why);
	if (options) {
		PQconninfoFree(options);
		return 0;
	}
	quote = why ? strpbrk(why, ":\"\n") : NULL;
	if (quote)
		*quote = '\0';
	warnx("%s: %s", pg->place, why ? why : "not a connection URI");
	PQfreemem(why);
	return CS_USAGE;
}

int
pg_open(struct pg *pg, const char *url, const char *app)
{
	const char *why;
	int r;

	pg->url = xstrdup(url);
	pg->place = pg_place(url);
	pg->app = app;
	if (pgload(&why) < 0) {
		warnx("%s: %s: PostgreSQL's client library is needed", pg->place, why);
		return CS_IO;
	}
	r = check_url(pg);
	if (r == 0 && (r = pg_connect(pg)))
		pg_fail(pg);
	return r;
}

char **
pg_files(const struct pg *pg)
{
	static const char *const always[] = {"/etc", "/usr", "/lib", "/lib64", "/run"};
	static const char *const options[] = {
	    "passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"};
	const char *home = getenv("HOME"), *service = getenv("PGSERVICEFILE");
	char **l = xcalloc(
	    sizeof always / sizeof *always + sizeof options / sizeof *options + 4, sizeof *l);
	PQconninfoOption *all = PQconninfo(pg->conn);
	size_t n = 0;

	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		l[n++] = xstrdup(always[i]);
	for (PQconninfoOption *o = all; o && o->keyword; o++)
		for (size_t i = 0; i < sizeof options / sizeof *options; i++)
			if (!strcmp(o->keyword, options[i]) && o->val && *o->val)
				l[n++] = xstrdup(o->val);
	if (home) {
		l[n++] = xasprintf("%s/.postgresql", home);
		l[n++] = xasprintf("%s/.pg_service.conf", home);
	}
	if (service)
		l[n++] = xstrdup(service);
	PQconninfoFree(all);
	return l;
}

void
pg_close(struct pg *pg)
{
	if (pg->conn)
		PQfinish(pg->conn);
	if (pg->url)
		explicit_bzero(pg->url, strlen(pg->url));
	free(pg->url);
	free(pg->place);
	buf_release(&pg->why);
	memset(pg, 0, sizeof *pg);
}

PGresult *
pg_result(struct pg *pg, PGresult *res)
{
	const char *code, *text, *detail;
	char *all = NULL;

	switch (PQresultStatus(res)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
		return res;
	default:
		break;
	}
	code = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	if (text && detail)
		text = all = xasprintf("%s: %s", text, detail);
	if (!code && PQstatus(pg->conn) != CONNECTION_OK)
		code = "08006";
	failed(pg, code ? code : "", text ? text : PQerrorMessage(pg->conn));
	free(all);
	PQclear(res);
	return NULL;
}

/* Wait until an answer is there or nothing comes any more: 0; -1 when it was not so within the limit. */
static int
answer(struct pg *pg)
{
	uint64_t end = now_ms() + pg->limit, now;
	int unsent = 1;

	while (PQstatus(pg->conn) == CONNECTION_OK && (unsent || PQisBusy(pg->conn))) {
		struct pollfd f = {.fd = PQsocket(pg->conn), .events = POLLIN};

		unsent = PQflush(pg->conn);
		if (unsent > 0)
			f.events |= POLLOUT;
		if ((now = now_ms()) >= end)
			return -1;
		if (unsent < 0 || (poll(&f, 1, (int)(end - now)) < 0 && errno != EINTR))
			break;
		if ((f.revents & ~POLLOUT) && !PQconsumeInput(pg->conn))
			break;
	}
	return 0;
}

/* As PQexecParams(), but it does not wait for a server that does not answer. */
static PGresult *
exec_within(struct pg *pg, const char *sql, int n, const char *const *values)
{
	PGresult *res, *next;

	PQsetnonblocking(pg->conn, 1);
	if (!PQsendQueryParams(pg->conn, sql, n, NULL, values, NULL, NULL, 0))
		return NULL;
	if (answer(pg) < 0) {
		PQfinish(pg->conn);
		pg->conn = NULL;
		return NULL;
	}
	PQsetnonblocking(pg->conn, 0);
	if ((res = PQgetResult(pg->conn)))
		while ((next = PQgetResult(pg->conn)))
			PQclear(next);
	return res;
}

PGresult *
pg_query(struct pg *pg, const char *sql, int n, const char *const *values)
{
	PGresult *res;

	if (!pg->limit || !pg->conn)
		return pg_result(pg, PQexecParams(pg->conn, sql, n, NULL, values, NULL, NULL, 0));
	res = exec_within(pg, sql, n, values);
	if (!res && !pg->conn)
		failed(pg, "08006", "no answer from the server");
	return res || pg->conn ? pg_result(pg, res) : NULL;
}

int
pg_exec(struct pg *pg, const char *sql)
{
	PGresult *res = pg_result(pg, PQexec(pg->conn, sql));

	if (!res)
		return pg_status(pg);
	PQclear(res);
	return 0;
}

int
pg_status(const struct pg *pg)
{
	/* Prefixes of SQLSTATE, the longer ones first. */
	static const struct {
		const char *prefix;
		int status;
	} map[] = {{"08P01", CS_IO}, {"08", CS_LATER}, {"40", CS_LATER}, {"55P03", CS_LATER},
	    {"57014", CS_LATER}, {"57P", CS_LATER}, {"25006", CS_LATER}, {"533", CS_LATER},
	    {"53200", CS_LATER}, {"25P03", CS_LATER}, {"28", CS_AUTH}, {"42501", CS_AUTH},
	    {"3D000", CS_REFUSED}, {UNTRUSTED, CS_REFUSED}, {"22", CS_DATA}, {"23", CS_DATA},
	    {"54", CS_DATA}};

	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (!strncmp(pg->code, map[i].prefix, strlen(map[i].prefix)))
			return map[i].status;
	return CS_IO;
}

int
pg_fail(const struct pg *pg)
{
	warnx("%s: %s", pg->place, pg->why.p);
	return pg_status(pg);
}

/* Those who failed together do not try again together. */
static void
pause_before(unsigned try)
{
	unsigned ms = try < 6 ? PAUSE <<
	try : PAUSE_MAX
		;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	ms = ms / 2 + (unsigned)(t.tv_nsec / 1000 + getpid()) % (ms / 2);
	t = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

/* Is a signal held back that would end us? */
static bool
to_end(void)
{
	sigset_t set;

	return sigpending(&set) == 0 &&
	       (sigismember(&set, SIGTERM) || sigismember(&set, SIGINT) ||
		   sigismember(&set, SIGHUP) || sigismember(&set, SIGQUIT));
}

bool
pg_again(struct pg *pg)
{
	if (!pg->since)
		pg->since = now_ms();
	while (pg_status(pg) == CS_LATER) {
		if (now_ms() - pg->since >= pg->patience || to_end())
			return false;
		pause_before(pg->tries++);
		if (PQstatus(pg->conn) == CONNECTION_OK || pg_connect(pg) == 0)
			return true;
	}
	return false;
}

void
pg_calm(struct pg *pg)
{
	pg->since = pg->tries = 0;
}

static void
quoted(struct buf *b, const char *p, size_t n, char quote)
{
	buf_addc(b, quote);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == quote)
			buf_addc(b, quote);
		buf_addc(b, p[i]);
	}
	buf_addc(b, quote);
}

void
pg_name(struct buf *b, const char *name)
{
	quoted(b, name, strlen(name), '"');
}

void
pg_text(struct buf *b, const char *p, size_t n)
{
	quoted(b, p, n, '\'');
}
