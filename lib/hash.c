#include "hash.h"

#include <dlfcn.h>
#include <err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "cs.h"

#ifdef __APPLE__
#define LIBRARY "libcrypto.3.dylib"
#else
#define LIBRARY "libcrypto.so.3"
#endif
#define BLOCK 64 /* bytes; FIPS 180-4 */

/* What is used of it. */
#define FUNCTIONS(F)                                                                               \
	F(EVP_MD_CTX_new)                                                                          \
	F(EVP_MD_fetch)                                                                            \
	F(EVP_DigestInit_ex) F(EVP_DigestUpdate) F(EVP_DigestFinal_ex) F(EVP_MD_CTX_copy_ex)

#define POINTER(name) static __typeof__(name) *real_##name;
FUNCTIONS(POINTER)
#define ENTRY(name) {#name, (void **)&real_##name},
static const struct {
	const char *name;
	void **at;
} entries[] = {FUNCTIONS(ENTRY)};

/* The inner and outer hash of HMAC after their first block (RFC 2104), or both of nothing. */
static EVP_MD_CTX *inner, *outer, *work;
static EVP_MD *sha256;
static bool keyed;

static void
load(void)
{
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; lib && i < sizeof entries / sizeof *entries; i++) {
		*entries[i].at = dlsym(lib, entries[i].name);
		if (!*entries[i].at)
			lib = NULL;
	}
	if (!lib)
		errx(CS_USAGE, "libcrypto cannot be loaded: %s", dlerror());
}

/* Nothing but a lack of memory makes these fail. */
static void
must(int ok)
{
	if (!ok)
		errx(CS_IO, "libcrypto fails");
}

static void
digest(EVP_MD_CTX *begun, unsigned char out[32], const void *p, size_t n)
{
	must(real_EVP_MD_CTX_copy_ex(work, begun));
	must(real_EVP_DigestUpdate(work, p, n));
	must(real_EVP_DigestFinal_ex(work, out, NULL));
}

void
hash_start(const char *key)
{
	unsigned char block[BLOCK] = {0};
	size_t n = key ? strlen(key) : 0;

	if (!sha256) {
		load();
		sha256 = real_EVP_MD_fetch(NULL, "SHA256", NULL);
		inner = real_EVP_MD_CTX_new();
		outer = real_EVP_MD_CTX_new();
		work = real_EVP_MD_CTX_new();
		must(sha256 && inner && outer && work);
	}
	must(real_EVP_DigestInit_ex(inner, sha256, NULL));
	must(real_EVP_DigestInit_ex(outer, sha256, NULL));
	keyed = key != NULL;
	if (!keyed)
		return;
	if (n > BLOCK)
		digest(inner, block, key, n);
	else
		memcpy(block, key, n);
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36;
	must(real_EVP_DigestUpdate(inner, block, BLOCK));
	for (size_t i = 0; i < BLOCK; i++)
		block[i] ^= 0x36 ^ 0x5c;
	must(real_EVP_DigestUpdate(outer, block, BLOCK));
	explicit_bzero(block, sizeof block);
}

void
hash_hex(char out[HASH_HEX], const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[32];

	digest(inner, sum, p, n);
	if (keyed)
		digest(outer, sum, sum, sizeof sum);
	for (size_t i = 0; i < sizeof sum; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
}
