#include "net.h"

#include <stdlib.h>
#include <string.h>

#define SLOW 100L /* bytes a second; less is a stall */

static void
set_text(CURL *e, CURLoption option, const char *value, const char *name)
{
	if (value != NULL && curl_easy_setopt(e, option, value) != CURLE_OK)
		die(CS_USAGE, "%s: this libcurl cannot do that", name);
}

void
net_identify(CURL *e, const struct opts *o, bool foreign)
{
	curl_easy_setopt(e, CURLOPT_SSLCERT, NULL);
	curl_easy_setopt(e, CURLOPT_SSLKEY, NULL);
	curl_easy_setopt(e, CURLOPT_KEYPASSWD, NULL);
	curl_easy_setopt(e, CURLOPT_PINNEDPUBLICKEY, NULL);
	if (foreign)
		return;
	set_text(e, CURLOPT_SSLCERT, o->cert, "--cert");
	set_text(e, CURLOPT_SSLKEY, o->key, "--key");
	set_text(e, CURLOPT_KEYPASSWD, o->key_password.value, "--key-password");
	set_text(e, CURLOPT_PINNEDPUBLICKEY, o->pin, "--pin");
}

void
net_once(CURL *e, bool once)
{
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, (long)once);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, (long)once);
}

/* A password in the environment's proxy may come up in what libcurl says. */
static void
mask_proxies(void)
{
	static const char *const names[] = {
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *url = getenv(names[i]), *at = url != NULL ? strrchr(url, '@') : NULL;
		const char *host = at != NULL ? strstr(url, "://") : NULL;
		const char *user = host != NULL ? host + 3 : url;
		const char *colon = at != NULL ? memchr(user, ':', (size_t)(at - user)) : NULL;
		if (colon != NULL)
			secret_register(colon + 1, (size_t)(at - colon - 1));
	}
}

static void
set_proxy(CURL *e, const struct opts *o)
{
	mask_proxies();
	set_text(e, CURLOPT_PROXY, o->proxy, "--proxy");
	set_text(e, CURLOPT_NOPROXY, o->no_proxy, "--no-proxy");
	set_text(e, CURLOPT_PROXYUSERNAME, o->proxy_user, "--proxy-user");
	set_text(e, CURLOPT_PROXYPASSWORD, o->proxy_password.value, "--proxy-password");
	curl_easy_setopt(e, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_text(e, CURLOPT_PROXY_CAINFO, o->cacert, "--cacert");
}

void
net_setup(CURL *e, const struct opts *o, char *error)
{
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
	    (long)(o->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	curl_easy_setopt(e, CURLOPT_PIPEWAIT, (long)o->http2);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout);
	/* Never CURLOPT_TIMEOUT: it counts the time that our own reader makes us wait. */
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, SLOW);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)((o->stall_timeout + 999) / 1000));
	set_text(e, CURLOPT_CAINFO, o->cacert, "--cacert");
	set_proxy(e, o);
	net_identify(e, o, false);
}

void
net_free_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

/* A proxy that does not connect us. */
static int
tunnel_failure(long status)
{
	if (status == 407)
		return CS_AUTH;
	return status >= 400 && status <= 499 && status != 408 && status != 429 ? CS_REFUSED : 0;
}

/* What a server says of our certificate, and what it cannot agree with us on, it says again. */
static int
alert_failure(const char *text)
{
	static const char *const ours[] = {"certificate required", "bad certificate", "unknown ca",
	    "certificate expired", "certificate revoked", "certificate unknown",
	    "unsupported certificate", "access denied"};
	static const char *const theirs[] = {"handshake failure", "protocol version",
	    "insufficient security", "unrecognized name", "unsupported protocol",
	    "wrong version number", "no protocols available"};

	for (size_t i = 0; strstr(text, "alert") != NULL && i < sizeof(ours) / sizeof(*ours); i++)
		if (strstr(text, ours[i]) != NULL)
			return CS_AUTH;
	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (strstr(text, theirs[i]) != NULL)
			return CS_REFUSED;
	return 0;
}

int
net_failure(CURL *e, CURLcode code, const char *text)
{
	long tunnel = 0;

	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		curl_easy_getinfo(e, CURLINFO_HTTP_CONNECTCODE, &tunnel);
		if (tunnel >= 300)
			return tunnel_failure(tunnel);
		return alert_failure(text);
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_HTTP2:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2_STREAM:
		return 0;
	case CURLE_SSL_CERTPROBLEM: /* our own: cannot be read, or is not for this key */
		return CS_AUTH;
	case CURLE_SSL_CACERT_BADFILE:
		return CS_USAGE;
	default:
		return CS_REFUSED;
	}
}
