#include "http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "loop.h"
#include "net.h"
#include "origin.h"
#include "rate.h"
#include "tape.h"
#include "url.h"

#define SLOW           100        /* bytes a second; less is a stall */
#define ERROR_BODY_MAX (1u << 20) /* bytes of a body that nobody wants before we hang up */

struct http {
	struct transfer transfer; /* first: the loop's */
	const struct opts *o;
	struct auth *auth;
	struct loop *loop;
	CURL *easy;
	struct rate **rate; /* of each credential */
	size_t turn;        /* whose it is */
	struct buf form;
	char error[CURL_ERROR_SIZE];

	struct reply *reply;         /* of the running transfer; NULL: none runs */
	struct curl_slist *list;     /* its header */
	bool begun;                  /* its body */
	char *port;                  /* of a foreign URL */
	char barred[ORIGIN_ADDRESS]; /* where that has led, but must not; or empty */
	struct tape tape;
	int sunk;              /* what the body's reader said last */
	bool full, left;       /* it takes no more for now; the transfer is over all the same */
	uint64_t start, bytes; /* ms, received */
	uint64_t mark,
	    mark_bytes; /* since when there have been no more than that many: for stalls */
};

static int
sink(void *arg, const char *p, size_t n)
{
	struct http *h = arg;

	tape_body(&h->tape, p, n);
	return h->reply->sink(h->reply->arg, h->reply->status, p, n);
}

/* What the header says. */
static void
note_reply(struct http *h)
{
	struct reply *r = h->reply;
	const char *coding = http_field(h, "transfer-encoding", 0);

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &r->status);
	r->framed = http_field(h, "content-length", 0) != NULL ||
		    (coding != NULL && strcasestr(coding, "chunked") != NULL);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	struct reply *r = h->reply;

	if (h->full)
		return CURL_WRITEFUNC_PAUSE;
	n *= size;
	h->bytes += n;
	if (!h->begun) {
		note_reply(h);
		h->sunk = body_begin(&r->body, http_field(h, "content-encoding", 0));
		h->begun = true;
	}
	if (h->sunk == SINK_ON)
		h->sunk = body_feed(&r->body, p, n);
	h->full = h->sunk == SINK_FULL;
	if (h->full)
		h->sunk = SINK_ON;
	if (h->sunk == SINK_ON && (r->status < 200 || r->status > 299) &&
	    r->body.in > ERROR_BODY_MAX)
		h->sunk = SINK_STOP;
	return h->sunk == SINK_ON ? n : 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	tape_head(&h->tape, p, size * n);
	h->bytes += size * n;
	return size * n;
}

/* Another host's name may lead to ourselves, and to what only we can reach. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http *h = arg;

	(void)purpose;
	if (origin_bars(h->o, &a->addr, h->port, h->barred))
		return CURL_SOCKET_BAD;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* From now on this URL is asked for; foreign: another host's. */
static void
set_url(struct http *h, const char *url, bool foreign)
{
	char *origin = foreign ? url_origin(url) : NULL;

	free(h->port);
	h->port = xstrdup(origin != NULL ? strrchr(origin, ':') + 1 : "0");
	free(origin);
	h->barred[0] = '\0';
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, foreign ? open_socket : NULL);
	curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h);
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	net_identify(h->easy, h->o, foreign);
}

static void
set_form(struct http *h)
{
	for (size_t i = 0; i < h->o->form.n; i++) {
		const char *text = h->o->form.v[i].text, *eq = strchr(text, '=');
		char *name = xstrndup(text, eq - text);
		if (h->form.len > 0)
			buf_addc(&h->form, '&');
		url_encode(&h->form, name);
		buf_addc(&h->form, '=');
		url_encode(&h->form, eq + 1);
		free(name);
	}
}

/* What is sent, or .p NULL. */
static struct slice
body(const struct http *h, const struct request *q)
{
	if (q->body.len > 0)
		return (struct slice){q->body.p, q->body.len};
	if (h->o->data != NULL)
		return (struct slice){h->o->data, h->o->data_len};
	return (struct slice){h->form.p, h->form.len};
}

static void
set_body(struct http *h, const struct request *q)
{
	const char *method = http_method(h->o);
	struct slice b = body(h, q);

	if (b.p != NULL) {
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)b.n);
		curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, b.p);
	}
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, method);
	net_once(h->easy, !http_repeats(h->o));
}

static void done(struct transfer *t, CURLcode code);
static void finish(struct http *h);

struct http *
http_new(struct loop *l, struct rate **rates, const struct opts *o, struct auth *auth)
{
	struct http *h = xcalloc(1, sizeof(*h));
	CURL *e;

	h->o = o;
	h->auth = auth;
	h->loop = l;
	h->rate = rates;
	h->easy = e = curl_easy_init();
	if (e == NULL)
		die(CS_IO, "libcurl cannot start");
	h->transfer = (struct transfer){e, done};
	set_form(h);
	net_setup(e, o, h->error);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, 0L); /* http_tick() does that */
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 256L << 10);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	if (o->unix_socket != NULL)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
	return h;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	http_cancel(h);
	tape_release(&h->tape); /* of one that did not start */
	curl_easy_cleanup(h->easy);
	buf_release(&h->form);
	free(h->port);
	free(h);
}

struct auth *
http_auth(const struct http *h)
{
	return h->auth;
}

static bool
same_name(const char *line, const char *other)
{
	size_t n = strcspn(line, ":");

	return n == strcspn(other, ":") && strncasecmp(line, other, n) == 0;
}

/* Does what pages say this field itself? */
static bool
has_field(const struct request *q, const char *line)
{
	const char *f = q->fields.p;

	for (; f != NULL && *f != '\0'; f += strcspn(f, "\n") + 1)
		if (same_name(f, line))
			return true;
	return false;
}

/* Ours, unless the user has one of that name. */
static void
usual(struct curl_slist **list, const struct opts *o, bool foreign, const char *line)
{
	for (size_t i = 0; i < o->header.n && !foreign; i++)
		if (same_name(o->header.v[i].text, line))
			return;
	*list = curl_slist_append(*list, line);
}

static struct curl_slist *
headers(const struct http *h, const struct request *q)
{
	static const char *const accepts[] = {"Accept: application/json, */*;q=0.1",
	    "Accept: application/x-ndjson, */*;q=0.1", "Accept: text/csv, */*;q=0.1",
	    "Accept: text/tab-separated-values, */*;q=0.1"};
	const struct opts *o = h->o;
	struct curl_slist *list = NULL;

	usual(&list, o, q->foreign, accepts[o->format]);
	usual(&list, o, q->foreign, "Accept-Encoding: " BODY_CODINGS);
	usual(&list, o, q->foreign, "User-Agent: cs-fetch/" CS_VERSION);
	if (o->data_json && !q->foreign)
		usual(&list, o, q->foreign, "Content-Type: application/json");
	list = curl_slist_append(list, "Expect:");
	if (q->foreign)
		return list;
	for (size_t i = 0; i < o->header.n; i++) {
		const char *text = o->header.v[i].text;
		if (has_field(q, text))
			continue;
		char *line =
		    text[strcspn(text, ":") + 1 + strspn(strchr(text, ':') + 1, " \t")] != '\0'
			? xstrdup(text)
			: xasprintf("%.*s;", (int)strcspn(text, ":"), text); /* libcurl's way */
		list = curl_slist_append(list, line);
		free(line);
	}
	for (const char *f = q->fields.p; f != NULL && *f != '\0'; f += strcspn(f, "\n") + 1) {
		char *line = xstrndup(f, strcspn(f, "\n"));
		list = curl_slist_append(list, line);
		free(line);
	}
	return list;
}

static struct curl_slist *
add_stamp(struct curl_slist *list, struct stamp *s)
{
	for (char *p = s->lines.p, *end; p != NULL && *p != '\0'; p = end + 1) {
		end = strchr(p, '\n');
		*end = '\0';
		list = curl_slist_append(list, p);
		*end = '\n';
	}
	return list;
}

/* Say who we are in s, and in the URL as it is sent. show: for people. As auth_stamp(). */
static int
stamp(const struct http *h, const struct request *q, struct stamp *s, struct buf *url, bool show)
{
	const struct opts *o = h->o;
	struct sigv4 what;
	struct slice b;
	int r = 0;

	*s = (struct stamp){0};
	buf_add(url, q->url.p, q->url.len);
	if (auth_param(h->auth) != NULL)
		url_set(url, auth_param(h->auth), NULL);
	s->serial = AUTH_NOBODY;
	if (q->foreign)
		return 0;
	b = body(h, q);
	what = (struct sigv4){http_method(o), url->p, &o->header, o->data_json, b.p, b.n};
	if (show)
		auth_show(h->auth, &what, s);
	else
		r = auth_stamp(h->auth, &what, s);
	if (r == 0 && s->param != NULL) {
		buf_clear(url);
		buf_add(url, q->url.p, q->url.len);
		url_set(url, s->param, s->value);
	}
	return r;
}

struct rate *
http_turn(struct http *h)
{
	h->turn = auth_next(h->auth);
	return h->rate[h->turn];
}

struct rate *
http_rate(struct http *h)
{
	return h->rate[h->turn];
}

const char *
http_field(struct http *h, const char *name, size_t i)
{
	struct curl_header *f;

	if (curl_easy_header(h->easy, name, i, CURLH_HEADER, -1, &f) != CURLHE_OK)
		return NULL;
	/* libcurl 7.88 leaves the carriage return in a field without a value. */
	return f->value[strspn(f->value, " \t\r\n")] != '\0' ? f->value : "";
}

static void
add_text(struct buf *out, const char *s, size_t n)
{
	if (utf8_valid(s, n))
		json_quote(out, s, n);
	else
		buf_adds(out, "null");
}

void
http_headers(struct http *h, struct buf *out)
{
	struct curl_header *f = NULL;
	struct buf text = {0};
	const char *value;

	buf_addc(out, '{');
	while ((f = curl_easy_nextheader(h->easy, CURLH_HEADER, -1, f)) != NULL) {
		if (f->index > 0)
			continue;
		buf_adds(out, out->p[out->len - 1] == '{' ? "" : ",");
		buf_clear(&text);
		for (const char *c = f->name; *c != '\0'; c++)
			buf_addc(&text, (char)tolower((unsigned char)*c));
		add_text(out, text.p, text.len);
		buf_addc(out, ':');
		buf_clear(&text);
		for (size_t i = 0; (value = http_field(h, f->name, i)) != NULL; i++)
			buf_addf(&text, "%s%s", i > 0 ? ", " : "", value);
		add_text(out, text.p, text.len);
	}
	buf_addc(out, '}');
	buf_release(&text);
}

static int
result(struct http *h, CURLcode code)
{
	struct reply *r = h->reply;

	buf_clear(&r->why);
	if (code == CURLE_OK && body_end(&r->body) == 0)
		return HTTP_OK;
	if (r->body.err != NULL) {
		buf_adds(&r->why, r->body.err);
		return HTTP_DAMAGED;
	}
	if (code == CURLE_WRITE_ERROR && h->sunk != SINK_ON)
		return HTTP_STOPPED;
	if (code == CURLE_COULDNT_CONNECT && h->barred[0] != '\0') {
		buf_addf(&r->why,
		    "the name leads to %s, which is this machine or a private network: refused "
		    "(--allow-host %s goes there)",
		    h->barred, h->barred);
		r->code = CS_PROTOCOL;
		return HTTP_FAILED;
	}
	buf_adds(&r->why, h->error[0] != '\0' ? h->error : curl_easy_strerror(code));
	r->code = net_failure(h->easy, code, r->why.p);
	return r->code == 0 ? HTTP_BROKEN : HTTP_FAILED;
}

/* Digest is libcurl's; it answers the challenge by itself. */
static void
set_digest(struct http *h, const struct stamp *s)
{
	curl_easy_setopt(h->easy, CURLOPT_USERNAME, s->user);
	curl_easy_setopt(h->easy, CURLOPT_PASSWORD, s->password);
	curl_easy_setopt(
	    h->easy, CURLOPT_HTTPAUTH, (long)(s->user != NULL ? CURLAUTH_DIGEST : CURLAUTH_NONE));
}

int
http_start(struct http *h, const struct request *q, struct reply *r)
{
	struct buf url = {0};
	struct stamp s;
	int unasked = stamp(h, q, &s, &url, false);

	if (unasked != 0) {
		secret_clear(&url);
		return unasked;
	}
	h->list = add_stamp(headers(h, q), &s);
	r->serial = s.serial;
	set_digest(h, &s);
	r->status = 0;
	r->body.sink = sink;
	r->body.arg = h;
	body_begin(&r->body, NULL);
	h->reply = r;
	h->begun = h->full = h->left = false;
	h->sunk = SINK_ON;
	h->error[0] = '\0';
	h->start = h->mark = clock_ms();
	h->bytes = h->mark_bytes = 0;
	set_body(h, q);
	set_url(h, url.p, q->foreign);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->list);
	stamp_release(&s);
	secret_clear(&url);
	if ((unasked = tape_begin(&h->tape, h->easy, http_method(h->o), q->url.p, body(h, q),
		 (struct slice){q->fields.p, q->fields.len})) != 0) {
		finish(h);
		return unasked;
	}
	loop_add(h->loop, &h->transfer);
	return 0;
}

static void
finish(struct http *h)
{
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	net_free_headers(h->list);
	h->list = NULL;
	note_reply(h);
	h->reply->ms = clock_ms() - h->start;
	h->reply = NULL;
	h->full = h->left = false;
}

static void
done(struct transfer *t, CURLcode code)
{
	struct http *h = (struct http *)t;
	struct reply *r = h->reply;
	struct buf told = {0}, *before;
	int how;

	if (h->full && code == CURLE_OK) {
		h->left = true;
		return;
	}
	how = result(h, code);
	finish(h);
	before = fail_hold(&told);
	if (tape_end(&h->tape, r->framed || r->body.packed,
		how == HTTP_OK        ? NULL
		: how == HTTP_STOPPED ? "the rest was not wanted"
				      : r->why.p) != 0) {
		buf_clear(&r->why);
		buf_add(&r->why, told.p, told.len);
		r->code = CS_IO;
		how = HTTP_FAILED;
	}
	fail_hold(before);
	buf_release(&told);
	r->done(r->arg, how);
}

void
http_cancel(struct http *h)
{
	if (h->reply == NULL)
		return;
	if (!h->left)
		loop_remove(h->loop, &h->transfer);
	finish(h);
	tape_release(&h->tape);
}

void
http_resume(struct http *h)
{
	if (h->reply == NULL || !h->full)
		return;
	h->mark = clock_ms();
	h->mark_bytes = h->bytes;
	h->sunk = body_more(&h->reply->body);
	if (h->sunk == SINK_FULL)
		return;
	h->full = false;
	if (h->sunk != SINK_ON && !h->left)
		loop_remove(h->loop, &h->transfer);
	if (h->sunk != SINK_ON || h->left)
		done(&h->transfer, h->sunk != SINK_ON ? CURLE_WRITE_ERROR : CURLE_OK);
	else
		curl_easy_pause(h->easy, CURLPAUSE_CONT);
}

uint64_t
http_due(const struct http *h)
{
	return h->full ? UINT64_MAX : h->mark + h->o->stall_timeout;
}

uint64_t
http_waits(const struct http *h, uint64_t now)
{
	curl_off_t before = 0, after = 0;

	curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
	curl_easy_getinfo(h->easy, CURLINFO_STARTTRANSFER_TIME_T, &after);
	before = (before + 999) / 1000;
	return before == 0 || after != 0 || now < h->start + before ? 0 : now - h->start - before;
}

/* Less than SLOW over the whole of --stall-timeout. Sent bytes count too. */
void
http_tick(struct http *h, uint64_t now)
{
	uint64_t past = now - h->mark, n;
	struct reply *r = h->reply;
	curl_off_t sent = 0;

	if (h->full || past < h->o->stall_timeout)
		return;
	curl_easy_getinfo(h->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	n = h->bytes + sent;
	if ((n - h->mark_bytes) * 1000 >= past * SLOW) {
		h->mark = now;
		h->mark_bytes = n;
		return;
	}
	buf_clear(&r->why);
	buf_addf(&r->why, "less than %d bytes a second for %llu.%llu s", SLOW,
	    (unsigned long long)past / 1000, (unsigned long long)past % 1000 / 100);
	tape_end(&h->tape, false, r->why.p);
	http_cancel(h);
	r->done(r->arg, HTTP_BROKEN);
}

/* A header of the user's that looks like a credential, which we may not know to be one. */
static void
hide_value(struct curl_slist *l)
{
	static const char *const word[] = {"authorization", "cookie", "key", "token", "secret"};
	size_t n = strcspn(l->data, ":");
	bool hide = false;
	char *name;

	if (l->data[n] == '\0')
		return;
	name = xstrndup(l->data, n);
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		hide |= strcasestr(name, word[i]) != NULL;
	if (hide) {
		free(l->data);
		l->data = xasprintf("%s: ***", name);
	}
	free(name);
}

/* Can curl make the header itself? */
static bool
plain_basic(const struct opts *o)
{
	return o->auth == AUTH_BASIC && o->auth_name == NULL && o->auth_prefix == NULL &&
	       o->user != NULL && o->password.value != NULL;
}

void
http_curl(struct http *h, const struct request *q, struct buf *out)
{
	struct curl_slist *list = headers(h, q);
	struct buf pair = {0}, url = {0};
	const char *method = http_method(h->o);
	struct stamp s;

	stamp(h, q, &s, &url, true);
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		hide_value(l);
	list = add_stamp(list, &s);
	buf_adds(out, "curl --compressed");
	if (s.user != NULL || plain_basic(h->o)) {
		buf_addf(&pair, "%s:%s", h->o->user, h->o->password.value);
		buf_adds(out, s.user != NULL ? " --digest -u " : " -u ");
		secret_word(out, pair.p);
	}
	if (strcmp(method, "GET") != 0)
		buf_addf(out, " -X %s", method);
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		if (strcmp(l->data, "Expect:") != 0 &&
		    strncmp(l->data, "Accept-Encoding:", 16) != 0 &&
		    !(plain_basic(h->o) && strncmp(l->data, "Authorization: Basic ", 21) == 0)) {
			buf_adds(out, " -H ");
			secret_word(out, l->data);
		}
	if (body(h, q).p != NULL) {
		buf_adds(out, " --data-binary ");
		secret_word(out, body(h, q).p);
	}
	buf_addc(out, ' ');
	secret_word(out, url.p);
	buf_addc(out, '\n');
	net_free_headers(list);
	stamp_release(&s);
	secret_clear(&pair);
	secret_clear(&url);
}
