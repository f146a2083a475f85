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

/* Eight bytes a step: pages are megabytes. It guards against accidents, not against forgery. */
void
print_add(struct print *f, const void *p, size_t n)
{
	const char *s = p;
	uint64_t h = f->h, w;

	for (; n > 0 && (f->n & 7) != 0; n--, f->n++) {
		f->w |= (uint64_t)(unsigned char)*s++ << 8 * (f->n & 7);
		if ((f->n & 7) == 7) {
			h = mix(h, f->w);
			f->w = 0;
		}
	}
	f->n += n;
	for (; n >= 8; n -= 8, s += 8) {
		memcpy(&w, s, 8);
		h = mix(h, w);
	}
	for (size_t i = 0; i < n; i++)
		f->w |= (uint64_t)(unsigned char)s[i] << 8 * i;
	f->h = h;
}

uint64_t
print_end(const struct print *f)
{
	uint64_t h = mix(mix(f->h, f->w), f->n);

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
