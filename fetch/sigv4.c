#include "sigv4.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "url.h"

static void
hex(struct buf *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%02x", p[i]);
}

static void
add_hash(struct buf *out, const void *p, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	EVP_Digest(p, n, md, &len, EVP_sha256(), NULL);
	hex(out, md, len);
}

/* One line that is signed: name in lower case, white space in the value folded. */
struct line {
	char *name, *value;
};

struct lines {
	struct line *v;
	size_t n;
};

static void
add_line(struct lines *l, const char *name, size_t n, const char *value)
{
	struct buf b = {0};
	struct line x = {.name = xstrndup(name, n)};

	for (char *c = x.name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	buf_adds(&b, "");
	for (value += strspn(value, " \t"); *value != '\0'; value++)
		if ((*value != ' ' && *value != '\t') || strchr(" \t", value[1]) == NULL)
			buf_addc(&b, *value);
	while (b.len > 0 && strchr(" \t", b.p[b.len - 1]) != NULL)
		b.p[--b.len] = '\0';
	x.value = buf_steal(&b);
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, x.name) == 0) { /* fields of one name are one */
			char *both = xasprintf("%s,%s", l->v[i].value, x.value);
			free(l->v[i].value);
			l->v[i].value = both;
			free(x.name);
			free(x.value);
			return;
		}
	l->v = xreallocarray(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = x;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->name, ((const struct line *)b)->name);
}

/* Letters, digits and -._~ as they are, the rest as %XX. decode: what is %XX already is the same byte. */
static void
encode(struct buf *out, const char *p, size_t n, bool decode)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		if (decode && c == '%' && i + 2 < n && isxdigit((unsigned char)p[i + 1]) &&
		    isxdigit((unsigned char)p[i + 2])) {
			char two[3] = {p[i + 1], p[i + 2], '\0'};
			c = (unsigned char)strtoul(two, NULL, 16);
			i += 2;
		}
		if (isalnum(c) || (c != 0 && strchr("-._~", c) != NULL))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

/* The path. For S3 its bytes, encoded; elsewhere what is sent, encoded once more, and empty segments left out. */
static void
add_path(struct buf *out, const char *p, size_t n, bool s3)
{
	const char *end = p + n;

	if (n == 0)
		buf_addc(out, '/');
	for (; p < end; p += n) {
		n = *p == '/' ? 1 : strcspn(p, "/?#");
		if (*p != '/')
			encode(out, p, n, s3);
		else if (s3 || out->p[out->len - 1] != '/')
			buf_addc(out, '/');
	}
}

static int
by_text(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r != 0 ? r : strcmp(x->value, y->value);
}

static char *
encoded(const char *p, size_t n)
{
	struct buf b = {0};

	buf_adds(&b, "");
	encode(&b, p, n, true);
	return buf_steal(&b);
}

static void
release(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		secret_free(l->v[i].value);
	}
	free(l->v);
}

/* The parameters, by name, then by value. */
static void
add_query(struct buf *out, const char *p, const char *end)
{
	struct lines l = {0};

	for (size_t n; p < end; p += n + 1) {
		n = (size_t)(end - p);
		if (memchr(p, '&', n) != NULL)
			n = (size_t)((const char *)memchr(p, '&', n) - p);
		if (n == 0)
			continue;
		const char *eq = memchr(p, '=', n);
		size_t name = eq != NULL ? (size_t)(eq - p) : n;
		l.v = xreallocarray(l.v, l.n + 1, sizeof(*l.v));
		l.v[l.n++] = (struct line){
		    encoded(p, name), eq != NULL ? encoded(eq + 1, n - name - 1) : xstrdup("")};
	}
	if (l.n > 0)
		qsort(l.v, l.n, sizeof(*l.v), by_text);
	for (size_t i = 0; i < l.n; i++)
		buf_addf(out, "%s%s=%s", i > 0 ? "&" : "", l.v[i].name, l.v[i].value);
	release(&l);
}

/* As libcurl sends it: without the port that the scheme has anyway. */
static char *
host(const char *url)
{
	const char *p = strstr(url, "://") + 3;
	char *h = xstrndup(p, strcspn(p, "/?#")), *port = strrchr(h, ':');

	if (port != NULL && strcmp(port, url_is_https(url) ? ":443" : ":80") == 0)
		*port = '\0';
	for (char *c = h; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return h;
}

/* The lines that are signed, sorted: Host, the user's X-Amz-* and Content-Type, and ours, also to out. */
static void
collect(struct lines *l, struct buf *out, const struct sigv4 *q, const struct opts *o,
    const char *date, const char *hash)
{
	char *h = host(q->url);
	bool typed = false;

	add_line(l, "host", 4, h);
	for (size_t i = 0; i < q->header->n; i++) {
		const char *text = q->header->v[i].text;
		size_t n = strcspn(text, ":");
		bool type = n == 12 && strncasecmp(text, "content-type", n) == 0;
		if (type || strncasecmp(text, "x-amz-", 6) == 0)
			add_line(l, text, n, text + n + 1);
		typed |= type;
	}
	if (q->json && !typed)
		add_line(l, "content-type", 12, "application/json");
	add_line(l, "x-amz-date", 10, date);
	buf_addf(out, "X-Amz-Date: %s\n", date);
	if (strcmp(o->sigv4_service, "s3") == 0) {
		add_line(l, "x-amz-content-sha256", 20, hash);
		buf_addf(out, "X-Amz-Content-Sha256: %s\n", hash);
	}
	if (o->token.n > 0) {
		add_line(l, "x-amz-security-token", 20, o->token.v[0].value);
		buf_addf(out, "X-Amz-Security-Token: %s\n", o->token.v[0].value);
	}
	qsort(l->v, l->n, sizeof(*l->v), by_name);
	free(h);
}

/* The request in its canonical form; names: those of the signed lines, with ; between. */
static void
canonical(struct buf *out, struct buf *names, const struct sigv4 *q, const struct opts *o,
    const struct lines *l, const char *hash)
{
	const char *query = q->url + strcspn(q->url, "?#"), *end = query + strcspn(query, "#");
	char *path = url_path(q->url);

	buf_addf(out, "%s\n", q->method);
	add_path(out, path, strlen(path), strcmp(o->sigv4_service, "s3") == 0);
	buf_addc(out, '\n');
	if (*query == '?')
		add_query(out, query + 1, end);
	buf_addc(out, '\n');
	for (size_t i = 0; i < l->n; i++) {
		buf_addf(out, "%s:%s\n", l->v[i].name, l->v[i].value);
		buf_addf(names, "%s%s", i > 0 ? ";" : "", l->v[i].name);
	}
	buf_addf(out, "\n%s\n%s", names->p, hash);
	free(path);
}

static void
mac(unsigned char out[32], const void *key, size_t n, const char *text)
{
	HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text, strlen(text), out, NULL);
}

static void
signature(struct buf *out, const struct opts *o, const char *day, const char *text)
{
	char *first = xasprintf("AWS4%s", o->password.value);
	unsigned char k[2][32];

	mac(k[0], first, strlen(first), day);
	mac(k[1], k[0], 32, o->sigv4_region);
	mac(k[0], k[1], 32, o->sigv4_service);
	mac(k[1], k[0], 32, "aws4_request");
	mac(k[0], k[1], 32, text);
	hex(out, k[0], 32);
	explicit_bzero(k, sizeof(k));
	secret_free(first);
}

void
sigv4_sign(struct buf *lines, const struct sigv4 *q, const struct opts *o, int64_t now)
{
	struct buf request = {0}, names = {0}, hash = {0}, text = {0}, sig = {0};
	struct lines l = {0};
	char date[32], day[16], *scope;
	time_t t = (time_t)now;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	strftime(day, sizeof(day), "%Y%m%d", &tm);
	scope = xasprintf("%s/%s/%s/aws4_request", day, o->sigv4_region, o->sigv4_service);
	add_hash(&hash, q->body != NULL ? q->body : "", q->len);
	collect(&l, lines, q, o, date, hash.p);
	canonical(&request, &names, q, o, &l, hash.p);
	buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n", date, scope);
	add_hash(&text, request.p, request.len);
	signature(&sig, o, day, text.p);
	buf_addf(lines,
	    "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s\n",
	    o->user, scope, names.p, sig.p);
	release(&l);
	free(scope);
	secret_clear(&request);
	secret_clear(&text);
	buf_release(&names);
	buf_release(&hash);
	buf_release(&sig);
}
