#include "jwt.h"

#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "clock.h"
#include "scan.h"
#include "secret.h"
#include "stream.h"

/* base64url without padding (RFC 7515 section 2) */
static void
url64(struct buf *out, const void *p, size_t n)
{
	size_t at = out->len;

	base64(out, p, n);
	for (size_t i = at; i < out->len; i++)
		out->p[i] = out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i];
	while (out->len > at && out->p[out->len - 1] == '=')
		out->p[--out->len] = '\0';
}

static bool
has(const char *json, const char *name)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	bool found = false;

	scan_init(&s, json, strlen(json));
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0)
			found |= slice_is(key, name);
	scan_release(&s);
	return found;
}

/* The members of json, an object, without its braces, and a comma where there are any. */
static void
add_members(struct buf *out, const char *json)
{
	struct buf b = {0};

	json_compact(&b, json + strspn(json, " \t\r\n"), strlen(json + strspn(json, " \t\r\n")));
	if (b.len > 2)
		buf_addf(out, "%.*s,", (int)b.len - 2, b.p + 1);
	buf_release(&b);
}

/* A claim that the user has not made. */
static void
add_claim(struct buf *out, const char *mine, const char *name, const char *value)
{
	if (value == NULL || has(mine, name))
		return;
	buf_addf(out, "\"%s\":", name);
	json_quote(out, value, strlen(value));
	buf_addc(out, ',');
}

static void
add_claims(
    struct buf *out, const struct opts *o, const char *audience, const char *client, int64_t now)
{
	const char *mine = o->jwt_claims != NULL ? o->jwt_claims : "{}";
	char id[RUN_ID_LEN + 1];

	run_id(id);
	buf_addc(out, '{');
	add_members(out, mine);
	add_claim(out, mine, "aud", audience);
	add_claim(out, mine, "iss", client);
	add_claim(out, mine, "sub", client);
	add_claim(out, mine, "jti", client != NULL ? id : NULL);
	if (!has(mine, "iat"))
		buf_addf(out, "\"iat\":%" PRId64 ",", now);
	if (!has(mine, "exp"))
		buf_addf(out, "\"exp\":%" PRId64 ",", now + (int64_t)(o->jwt_expires / 1000));
	out->p[out->len - 1] = '}';
	if (out->len == 1)
		buf_adds(out, "{}");
}

static void
add_header(struct buf *out, const struct opts *o)
{
	static const char *const alg[] = {"HS256", "RS256", "ES256"};
	const char *mine = o->jwt_header != NULL ? o->jwt_header : "{}";

	buf_addf(out, "{\"alg\":\"%s\",", alg[o->jwt_alg]);
	if (!has(mine, "typ"))
		buf_adds(out, "\"typ\":\"JWT\",");
	add_members(out, mine);
	out->p[out->len - 1] = '}';
}

/* No passphrase is asked for on the terminal. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *
read_key(const struct opts *o)
{
	BIO *b = BIO_new_mem_buf(o->jwt_key.value, -1);
	EVP_PKEY *k = b != NULL ? PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL) : NULL;

	BIO_free(b);
	return k;
}

/* DER to the raw form R || S, 32 bytes each (RFC 7518 section 3.4). */
static bool
raw_signature(unsigned char raw[64], const unsigned char *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool ok = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;

	ECDSA_SIG_free(sig);
	return ok;
}

static bool
fits(const EVP_PKEY *k, int alg)
{
	char curve[32] = "";
	size_t n;

	if (alg == JWT_RS256)
		return EVP_PKEY_is_a(k, "RSA") && EVP_PKEY_get_bits(k) >= 2048;
	return EVP_PKEY_is_a(k, "EC") &&
	       EVP_PKEY_get_group_name((EVP_PKEY *)k, curve, sizeof(curve), &n) == 1 &&
	       strcmp(curve, "prime256v1") == 0;
}

/* 0 and the signature of text appended; else -1. */
static int
sign(struct buf *out, EVP_PKEY *k, int alg, const struct buf *text)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char sig[1024], raw[64];
	size_t n = sizeof(sig);
	int r = -1;

	if (c == NULL || (size_t)EVP_PKEY_get_size(k) > sizeof(sig) ||
	    EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, k) != 1 ||
	    EVP_DigestSign(c, sig, &n, (const unsigned char *)text->p, text->len) != 1)
		goto out;
	if (alg == JWT_ES256) {
		if (!raw_signature(raw, sig, n))
			goto out;
		url64(out, raw, sizeof(raw));
	} else
		url64(out, sig, n);
	r = 0;
out:
	EVP_MD_CTX_free(c);
	return r;
}

static int
add_signature(struct buf *out, const struct opts *o, const struct buf *text)
{
	const char *key = o->jwt_key.value;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n;
	EVP_PKEY *k;
	int r;

	if (clock_stands()) { /* nobody looks at it, and there is no key */
		buf_adds(out, "***");
		return 0;
	}
	if (o->jwt_alg == JWT_HS256) {
		if (strlen(key) < 32) /* RFC 7518 section 3.2 */
			return fail(CS_AUTH, "--jwt-key: HS256 needs a key of 32 bytes or more");
		HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text->p, text->len,
		    mac, &n);
		url64(out, mac, n);
		return 0;
	}
	if ((k = read_key(o)) == NULL)
		return fail(CS_AUTH, "--jwt-key: is no private key in PEM without a passphrase");
	if (!fits(k, o->jwt_alg))
		r = fail(CS_AUTH, o->jwt_alg == JWT_RS256
				      ? "--jwt-key: RS256 needs an RSA key of 2048 bits or more"
				      : "--jwt-key: ES256 needs a key on the curve P-256");
	else if ((r = sign(out, k, o->jwt_alg, text)) != 0)
		r = fail(CS_AUTH, "--jwt-key: OpenSSL cannot sign with it");
	EVP_PKEY_free(k);
	return r;
}

int
jwt_make(struct buf *out, struct opts *o, const char *audience, const char *client, int64_t now)
{
	struct buf part = {0}, text = {0};
	int r;

	if (o->jwt_header != NULL && has(o->jwt_header, "alg"))
		return fail(CS_USAGE, "--jwt-header: has a member alg, which --jwt-alg says");
	add_header(&part, o);
	url64(&text, part.p, part.len);
	buf_clear(&part);
	add_claims(&part, o, audience, client, now);
	buf_addc(&text, '.');
	url64(&text, part.p, part.len);
	buf_clear(&part);
	if ((r = add_signature(&part, o, &text)) == 0) {
		buf_addf(out, "%s.%s", text.p, part.p);
		secret_register(out->p, out->len);
		secret_register(part.p, part.len);
	}
	buf_release(&part);
	secret_clear(&text);
	return r;
}
