#include "tape.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "scan.h"
#include "secret.h"
#include "seen.h"

#define NAME_MAX_ 40         /* letters of the path in a name */
#define TAPE_MAX  (1u << 30) /* bytes of a file */

static struct {
	const char *dir;
	bool plays; /* else it records */
	struct asked {
		uint64_t hash;
		unsigned n;
	} * asked;
	size_t n;
} deck;

static int
cannot(const char *what, const char *path)
{
	return fail(CS_IO, "--%s: %s: %s", what, path, strerror(errno));
}

/* When the recording began: what is relative to now is what it was. */
static int
set_clock(void)
{
	char *path = xasprintf("%s/clock", deck.dir), text[32];
	struct buf b = {.max = sizeof(text)};
	int r = 0, n;

	if (deck.plays) {
		if (file_read(&b, path) < 0)
			r = fail(CS_DATA, "--replay: %s: %s: nothing was recorded there", path,
			    strerror(errno));
		else
			clock_stand(strtoll(b.p != NULL ? b.p : "0", NULL, 10));
	} else {
		n = snprintf(text, sizeof(text), "%lld\n", (long long)clock_wall());
		if (file_write(path, text, (size_t)n, 0644) < 0)
			r = cannot("record", path);
	}
	buf_release(&b);
	free(path);
	return r;
}

int
tape_open(struct opts *o)
{
	if ((o->record == NULL && o->replay == NULL) || deck.dir != NULL)
		return 0;
	deck.plays = o->replay != NULL;
	deck.dir = deck.plays ? o->replay : o->record; /* lives until exit */
	if (!deck.plays && mkdir(deck.dir, 0777) < 0 && errno != EEXIST)
		return cannot("record", deck.dir);
	if (deck.plays) { /* no secret is needed, and none that is kept may be replaced */
		secret_none();
		free(o->credentials);
		o->credentials = NULL;
	}
	return set_clock();
}

/* How many times that was asked before, and once more from now on. */
static unsigned
count(uint64_t hash)
{
	for (size_t i = 0; i < deck.n; i++)
		if (deck.asked[i].hash == hash)
			return ++deck.asked[i].n;
	deck.asked = xreallocarray(deck.asked, deck.n + 1, sizeof(*deck.asked));
	deck.asked[deck.n++] = (struct asked){hash, 1};
	return 1;
}

/* Each line with "# " before it, masked. */
static void
comment(struct buf *out, const char *p, size_t n)
{
	struct buf text = {0};
	const char *end, *nl;

	mask(&text, p, n);
	for (p = text.p, end = p + text.len; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		buf_adds(out, "# ");
		buf_add(out, p, (size_t)(nl - p));
		buf_addc(out, '\n');
	}
	buf_release(&text);
}

/* GET-v1-items-0123456789abcdef-1 */
static char *
name(const char *method, const struct buf *request)
{
	const char *url = request->p + 3 + strlen(method); /* behind "# GET " */
	uint64_t hash = fingerprint(request->p, request->len);
	struct buf b = {0};
	const char *at = strstr(url, "://"), *end;

	at = at != NULL ? at + 3 + strcspn(at + 3, "/?#\n") : url;
	end = at + strcspn(at, "?#\n");
	buf_addf(&b, "%s/%s", deck.dir, method);
	for (size_t n = 0; at < end && n < NAME_MAX_; at++, n++)
		buf_addc(&b,
		    strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._", *at)
			? *at
			: '-');
	buf_addf(&b, "-%016llx-%u", (unsigned long long)hash, count(hash));
	return buf_steal(&b);
}

/* A server of one reply, as often as it is asked for; it is its thread's. */
struct server {
	int fd;
	struct buf reply;
};

static void
answer(int fd, const struct buf *reply)
{
	char drop[4096];
	ssize_t n;

	for (size_t at = 0; at < reply->len; at += (size_t)n)
		if ((n = send(fd, reply->p + at, reply->len - at, MSG_NOSIGNAL)) <= 0)
			break;
	shutdown(fd, SHUT_WR);
	while (read(fd, drop, sizeof(drop)) >
	       0) /* the request: unread it would reset the connection */
		;
	close(fd);
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	int fd;

	/* cppcheck-suppress nullPointer ; of whom it is from is not asked */
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		answer(fd, &s->reply);
	close(s->fd);
	buf_release(&s->reply);
	free(s);
	return NULL;
}

/* The reply as a server would send it. file: what was recorded. */
static void
make_reply(struct buf *out, const char *file, size_t size)
{
	const char *end = file + size, *nl, *head, *body;
	bool unframed = false, cut = false;

	for (; file < end && (*file == '#' || *file == '!'); file = nl + 1) {
		nl = memchr(file, '\n', (size_t)(end - file));
		if (nl == NULL)
			return;
		if (strncmp(file, "! lost", 6) == 0)
			return;
		unframed |= strncmp(file, "! unframed", 10) == 0;
		cut |= strncmp(file, "! cut", 5) == 0;
	}
	head = file;
	body = memmem(head, (size_t)(end - head), "\n\n", 2);
	if (body == NULL)
		return;
	body += 2;
	buf_add(out, head, (size_t)(body - head) - 1);
	if (!unframed)
		buf_addf(out, "Content-Length: %zu\n", (size_t)(end - body) + cut);
	buf_adds(out, "Connection: close\n\n");
	buf_add(out, body, (size_t)(end - body));
}

/* Let libcurl find a server on a nameless socket of this process; until t->fd is shut down. */
static void
play(struct tape *t, CURL *easy, const char *url, const struct buf *file)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(at);
	struct server *s = xcalloc(1, sizeof(*s));
	sigset_t all, before;
	pthread_t thread;
	char *plain, name[sizeof(at.sun_path)] = "";

	make_reply(&s->reply, file->p, file->len);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	t->fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	/* Bound to no name it gets one of its own, which is no file. */
	if (s->fd < 0 || t->fd < 0 ||
	    bind(s->fd, (struct sockaddr *)&at, sizeof(sa_family_t)) < 0 || listen(s->fd, 4) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
		die(CS_IO, "--replay: %s", strerror(errno));
	memcpy(name, at.sun_path + 1, len - offsetof(struct sockaddr_un, sun_path) - 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
	if (pthread_create(&thread, NULL, serve, s) != 0)
		die(CS_IO, "--replay: no thread can be had");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_detach(thread);
	plain = strncasecmp(url, "https:", 6) == 0 ? xasprintf("http%s", url + 5) : xstrdup(url);
	curl_easy_setopt(easy, CURLOPT_URL, plain);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	free(plain);
}

int
tape_begin(struct tape *t, CURL *easy, const char *method, const char *url, struct slice body,
    struct slice fields)
{
	struct buf line = {0}, file = {.max = TAPE_MAX};
	int r = 0;

	if (deck.dir == NULL)
		return 0;
	tape_release(t);
	buf_addf(&line, "%s %s", method, url);
	comment(&t->request, line.p, line.len);
	comment(&t->request, fields.p, fields.n);
	comment(&t->request, body.p, body.n);
	t->path = name(method, &t->request);
	explicit_bzero(line.p, line.len);
	buf_release(&line);
	if (deck.plays && file_read(&file, t->path) < 0)
		r = fail(CS_DATA, "--replay: no reply was recorded to %.*s (%s)",
		    (int)strcspn(t->request.p + 2, "\n"), t->request.p + 2, t->path);
	else if (deck.plays)
		play(t, easy, url, &file);
	if (r != 0)
		tape_release(t);
	buf_release(&file);
	return r;
}

static bool
is_field(const char *line, size_t n, const char *field)
{
	size_t len = strlen(field);

	return n > len && line[len] == ':' && strncasecmp(line, field, len) == 0;
}

/* The name alone: of a cookie, too. */
static void
hide_field(struct buf *out, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *eq = memchr(line, '=', n);

	if (colon == NULL)
		return;
	buf_add(out, line, (size_t)(colon - line) + 1);
	if (eq != NULL && is_field(line, n, "set-cookie"))
		buf_add(out, colon + 1, (size_t)(eq - colon));
	else
		buf_addc(out, ' ');
	buf_adds(out, "***");
}

void
tape_head(struct tape *t, const char *line, size_t n)
{
	static const char *const ours[] = {"content-length", "transfer-encoding",
	    "content-encoding", "connection", "keep-alive", "trailer"};
	static const char *const harmless[] = {"content-type", "date", "retry-after"};
	bool show = n >= 5 && strncmp(line, "HTTP/", 5) == 0;

	if (t->path == NULL || deck.plays)
		return;
	while (n > 0 && strchr("\r\n", line[n - 1]) != NULL)
		n--;
	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) /* the one before was interim */
		buf_clear(&t->head);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (n == 0 || is_field(line, n, ours[i]))
			return;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		show |= is_field(line, n, harmless[i]);
	if (is_field(line, n, "set-cookie") || (t->secret && !show))
		hide_field(&t->head, line, n);
	else
		buf_add(&t->head, line, n);
	buf_addc(&t->head, '\n');
}

void
tape_body(struct tape *t, const char *p, size_t n)
{
	if (t->path != NULL && !deck.plays)
		buf_add(&t->body, p, n);
}

/* A JSON text with "***" for its strings, but for keys and two members that decide what is done; else nothing. */
static void
hide_strings(struct buf *out, const struct buf *body)
{
	struct buf text = {0};
	struct value v;
	const char *err, *p, *end, *close, *next;
	struct slice key = {"", 0};

	buf_add(&text, body->p != NULL ? body->p : "", body->len);
	if (scan_text(text.p, text.len, &v, &err) == 0)
		for (p = v.p, end = v.p + v.n; p < end; p = close) {
			close = p + 1;
			if (*p != '"') {
				buf_addc(out, *p);
				continue;
			}
			for (; *close != '"'; close++)
				close += *close == '\\';
			close++;
			next = close + strspn(close, " \t\r\n");
			if (next < end && *next == ':')
				key = (struct slice){p + 1, (size_t)(close - p) - 2};
			else if (!slice_is(key, "token_type") && !slice_is(key, "error")) {
				buf_adds(out, "\"***\"");
				continue;
			}
			buf_add(out, p, (size_t)(close - p));
		}
	secret_clear(&text);
}

int
tape_end(struct tape *t, bool framed, const char *cut)
{
	struct buf reply = {0};
	int r = 0;

	if (t->path == NULL || deck.plays)
		goto out;
	if (t->head.len == 0)
		buf_addf(&t->request, "! lost: %s\n", cut != NULL ? cut : "");
	else if (cut != NULL)
		buf_addf(&t->request, "! cut: %s\n", cut);
	else if (!framed)
		buf_adds(&t->request, "! unframed\n");
	buf_add(&reply, t->request.p, t->request.len);
	if (t->head.len > 0) {
		mask(&reply, t->head.p, t->head.len);
		buf_addc(&reply, '\n');
		if (t->secret)
			hide_strings(&reply, &t->body);
		else
			mask(&reply, t->body.p, t->body.len);
	}
	if (file_write(t->path, reply.p, reply.len, 0644) < 0)
		r = cannot("record", t->path);
	buf_release(&reply);
out:
	tape_release(t);
	return r;
}

void
tape_release(struct tape *t)
{
	if (t->fd > 0) {
		shutdown(t->fd, SHUT_RDWR); /* its thread ends */
		close(t->fd);
	}
	if (t->body.p != NULL)
		explicit_bzero(t->body.p, t->body.len);
	free(t->path);
	buf_release(&t->request);
	buf_release(&t->head);
	buf_release(&t->body);
	*t = (struct tape){0};
}
