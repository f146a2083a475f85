#include "url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cs.h"
#include "scan.h"

void
url_encode(struct buf *out, const char *s)
{
	char *e = curl_easy_escape(NULL, s, strlen(s));

	if (e != NULL)
		buf_adds(out, e);
	curl_free(e);
}

/* Does the encoded p[0..n), a name=value, have this name? */
static bool
is_named(const char *p, size_t n, const char *name)
{
	const char *eq = memchr(p, '=', n);
	char *raw, *text;
	int len;
	bool is;

	raw = xstrndup(p, eq != NULL ? (size_t)(eq - p) : n);
	for (char *c = raw; *c != '\0'; c++)
		if (*c == '+')
			*c = ' ';
	text = curl_easy_unescape(NULL, raw, 0, &len);
	is = text != NULL && (size_t)len == strlen(name) && memcmp(text, name, len) == 0;
	curl_free(text);
	free(raw);
	return is;
}

static void
put(struct buf *out, bool *first, const char *p, size_t n)
{
	buf_addc(out, *first ? '?' : '&');
	buf_add(out, p, n);
	*first = false;
}

void
url_set(struct buf *url, const char *name, const char *value)
{
	struct buf out = {0}, pair = {0};
	const char *p = url->p, *end = url->p + strcspn(url->p, "#");
	bool first = true, done = value == NULL;
	size_t n = strcspn(p, "?#");

	if (value != NULL) {
		url_encode(&pair, name);
		buf_addc(&pair, '=');
		url_encode(&pair, value);
	}
	buf_add(&out, p, n);
	for (p += n; p < end; p += n) {
		n = ++p < end ? strcspn(p, "&#") : 0;
		if (!is_named(p, n, name)) {
			if (n > 0)
				put(&out, &first, p, n);
		} else if (!done) {
			put(&out, &first, pair.p, pair.len);
			done = true;
		}
	}
	if (!done)
		put(&out, &first, pair.p, pair.len);
	buf_release(url);
	buf_release(&pair);
	*url = out;
}

void
url_add(struct buf *url, const char *name, const char *value)
{
	url->len = strcspn(url->p, "#");
	buf_addc(url, memchr(url->p, '?', url->len) != NULL ? '&' : '?');
	url_encode(url, name);
	buf_addc(url, '=');
	url_encode(url, value);
}

bool
url_has(const char *url, const char *name, const char *value)
{
	const char *p = url + strcspn(url, "?#"), *eq;
	size_t n;

	for (; *p == '?' || *p == '&'; p += n) {
		n = strcspn(++p, "&#");
		eq = memchr(p, '=', n);
		if (eq != NULL && is_named(p, n, name) &&
		    slice_is((struct slice){eq + 1, p + n - eq - 1}, value))
			return true;
	}
	return false;
}

char *
url_resolve(const char *base, const char *ref)
{
	CURLU *u = curl_url();
	char *got = NULL, *copy = NULL;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, ref, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &got, 0) == CURLUE_OK)
		copy = xstrdup(got);
	curl_free(got);
	curl_url_cleanup(u);
	return copy;
}

char *
url_origin(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *out = NULL;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		out = xasprintf("%s://%s:%s", scheme, host, port);
		for (char *c = out; *c != '\0'; c++)
			*c = tolower((unsigned char)*c);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return out;
}

char *
url_path(const char *url)
{
	CURLU *u = curl_url();
	char *path = NULL, *copy;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
		curl_url_get(u, CURLUPART_PATH, &path, CURLU_URLENCODE);
	copy = xstrdup(path != NULL ? path : "/");
	curl_free(path);
	curl_url_cleanup(u);
	return copy;
}

bool
url_is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

void
shell_quote(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	buf_addc(out, '\'');
}

void
shell_word(struct buf *out, const char *s)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:/=@+%";

	if (*s != '\0' && s[strspn(s, plain)] == '\0')
		buf_adds(out, s);
	else
		shell_quote(out, s);
}
