#include "seen.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"

static uint64_t
mix(uint64_t h, uint64_t w)
{
	h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Both halves of a product. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* 64 bytes, in four products that do not wait for each other. */
static inline void
step(uint64_t *h, const char *p)
{
	uint64_t w[8];

	memcpy(w, p, sizeof(w));
	for (int i = 0; i < 4; i++)
		h[i] = fold(w[i] ^ UINT64_C(0x9e3779b97f4a7c15),
		    w[i + 4] ^ UINT64_C(0xd1b54a32d192ed03) ^ h[i]);
}

/* Pages are megabytes. It guards against accidents, not against forgery. */
void
print_add(struct print *f, const void *p, size_t n)
{
	const size_t size = sizeof(f->rest);
	size_t at = f->n % size, part = size - at < n ? size - at : n;
	const char *s = p;

	f->n += n;
	if (at > 0) {
		memcpy(f->rest + at, s, part);
		if (at + part < size)
			return;
		step(f->h, f->rest);
		s += part;
		n -= part;
	}
	for (; n >= size; n -= size, s += size)
		step(f->h, s);
	if (n > 0) /* s may be NULL */
		memcpy(f->rest, s, n);
}

uint64_t
print_end(const struct print *f)
{
	struct print last = *f;
	size_t at = f->n % sizeof(f->rest);
	uint64_t h = f->n;

	memset(last.rest + at, 0, sizeof(f->rest) - at);
	if (at > 0)
		step(last.h, last.rest);
	for (int i = 0; i < 4; i++)
		h = mix(h, last.h[i]);
	return h != 0 ? h : 1;
}

uint64_t
fingerprint(const void *p, size_t n)
{
	struct print f = {0};

	print_add(&f, p, n);
	return print_end(&f);
}

static uint64_t *
place(uint64_t *slot, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slot[i] != 0 && slot[i] != hash)
		i = (i + 1) & (cap - 1);
	return &slot[i];
}

static void
grow(struct seen *s)
{
	size_t cap = s->cap > 0 ? 2 * s->cap : 256;
	uint64_t *slot = xcalloc(cap, sizeof(*slot));

	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i] != 0)
			*place(slot, cap, s->slot[i]) = s->slot[i];
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
}

bool
seen_add(struct seen *s, uint64_t hash)
{
	uint64_t *at;

	if (2 * s->n >= s->cap)
		grow(s);
	at = place(s->slot, s->cap, hash);
	if (*at != 0)
		return true;
	*at = hash;
	s->n++;
	return false;
}

bool
seen_has(const struct seen *s, uint64_t hash)
{
	return s->cap > 0 && *place(s->slot, s->cap, hash) != 0;
}

void
seen_release(struct seen *s)
{
	free(s->slot);
	*s = (struct seen){0};
}
