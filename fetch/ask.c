#include "ask.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "net.h"
#include "retry.h"
#include "retryafter.h"
#include "stop.h"
#include "url.h"

#define ANSWER_MAX (1u << 20) /* bytes */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct ask *a = arg;

	tape_body(&a->tape, p, size * n);
	return buf_add(&a->answer, p, size * n) == 0 ? size * n : 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct ask *a = arg;

	tape_head(&a->tape, p, size * n);
	return size * n;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct ask *ask = arg;

	(void)a, (void)b, (void)c, (void)d;
	return stop_signal() != 0 && !ask->patient;
}

const char *
ask_field(const struct ask *a, const char *name, size_t i)
{
	struct curl_header *f;

	if (a->curl == NULL ||
	    curl_easy_header(a->curl, name, i, CURLH_HEADER, -1, &f) != CURLHE_OK)
		return NULL;
	return f->value;
}

static struct curl_slist *
headers(const struct ask *a)
{
	struct curl_slist *l = curl_slist_append(NULL, "Accept: application/json");
	char *type = xasprintf("Content-Type: %s", a->type);

	l = curl_slist_append(l, type);
	l = curl_slist_append(l, "User-Agent: cs-fetch/" CS_VERSION);
	l = curl_slist_append(l, "Expect:");
	for (size_t i = 0; i < sizeof(a->header) / sizeof(*a->header); i++)
		if (a->header[i] != NULL)
			l = curl_slist_append(l, a->header[i]);
	free(type);
	return l;
}

static void
set_up(struct ask *a, const struct opts *o, char *error)
{
	CURL *e = a->curl;
	char *here = url_origin(a->url), *there = url_origin(o->url);

	net_setup(e, o, error);
	net_once(e, true);
	if (o->unix_socket != NULL && here != NULL && there != NULL && strcmp(here, there) == 0)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, o->unix_socket);
	curl_easy_setopt(e, CURLOPT_URL, a->url);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(o->connect_timeout + 2 * o->stall_timeout));
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, a->body.p);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->body.len);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, a);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	free(here);
	free(there);
}

static void
note_skew(struct ask *a)
{
	const char *date = ask_field(a, "date", 0);
	int64_t t = date != NULL ? http_date(date) : -1;

	a->skew = t >= 0 ? t - clock_wall() : INT64_MIN;
}

/* One try. 0, CS_LATER or another CS_* with why, -1. */
static int
attempt(struct ask *a, const struct opts *o, struct buf *why)
{
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *list = headers(a);
	CURLcode code;
	int r;

	secret_clear(&a->answer);
	a->answer.max = ANSWER_MAX;
	set_up(a, o, error);
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, list);
	/* The one before is put down only now, or at the end, when what is secret in it is known. */
	r = tape_end(&a->tape, true, NULL);
	if (r == 0)
		r = tape_begin(&a->tape, a->curl, "POST", a->url,
		    (struct slice){a->body.p, a->body.len}, (struct slice){0});
	if (r != 0) {
		net_free_headers(list);
		return r;
	}
	a->tape.secret = true;
	code = curl_easy_perform(a->curl);
	curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_setopt(a->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(a->curl, CURLOPT_ERRORBUFFER, NULL);
	net_free_headers(list);
	note_skew(a);
	buf_clear(why);
	buf_addf(why, "%s %s: ", a->what, a->url);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return -1;
	if (code == CURLE_OK) {
		buf_addf(why, "status %ld", a->status);
		return retry_helps(a->status) ? CS_LATER : 0;
	}
	buf_adds(why, error[0] != '\0' ? error : curl_easy_strerror(code));
	r = net_failure(a->curl, code, why->p);
	return r != 0 ? r : CS_LATER;
}

int
ask(struct ask *a, const struct opts *o)
{
	struct retry retry = {0};
	struct buf why = {0};
	const char *after;
	int64_t wait;
	int r;

	if (a->curl == NULL && (a->curl = curl_easy_init()) == NULL)
		die(CS_IO, "libcurl cannot start");
	if (a->body.p == NULL)
		buf_adds(&a->body, "");
	while ((r = attempt(a, o, &why)) != 0) {
		if (r == CS_LATER && a->once) {
			say("%s: going on with the token that there is", why.p);
			break;
		}
		if (r != CS_LATER) {
			if (r > 0)
				fail(r, "%s", why.p);
			break;
		}
		after = ask_field(a, "retry-after", 0);
		wait = after != NULL ? retry_after(after, ask_field(a, "date", 0)) : -1;
		if ((r = retry_wait(&retry, o, CS_LATER, wait,
			 wait >= 0 || a->status == 429 || a->status == 503, why.p)) != 0)
			break;
	}
	if (r == 0 && o->verbose)
		say("POST %s: %ld, %zu bytes", a->url, a->status, a->answer.len);
	buf_release(&why);
	return r;
}

void
ask_show(const struct ask *a, struct buf *out)
{
	struct buf raw = {0};

	buf_addf(&raw, "curl -X POST -H 'Content-Type: %s'", a->type);
	for (size_t i = 0; i < sizeof(a->header) / sizeof(*a->header); i++)
		if (a->header[i] != NULL) {
			buf_adds(&raw, " -H ");
			shell_quote(&raw, a->header[i]);
		}
	buf_adds(&raw, " --data-binary ");
	shell_quote(&raw, a->body.p);
	buf_addc(&raw, ' ');
	shell_quote(&raw, a->url);
	buf_addc(&raw, '\n');
	mask(out, raw.p, raw.len);
	secret_clear(&raw);
}

void
ask_release(struct ask *a)
{
	tape_end(&a->tape, true, NULL);
	curl_easy_cleanup(a->curl);
	for (size_t i = 0; i < sizeof(a->header) / sizeof(*a->header); i++)
		secret_free(a->header[i]);
	secret_clear(&a->body);
	secret_clear(&a->answer);
	*a = (struct ask){0};
}
