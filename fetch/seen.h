/*
 * Have we been here before? Every cursor, URL and page of a run as a 64-bit
 * fingerprint, 8 bytes each.
 */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
	uint64_t *slot; /* 0: free */
	size_t n, cap;  /* in use, slots (a power of 2) */
};

uint64_t fingerprint(const void *p, size_t n);
/* The same of bytes that come in pieces. Zeroed is no bytes. */
struct print {
	uint64_t h[4], n;
	char rest[64];
};
void print_add(struct print *f, const void *p, size_t n);
uint64_t print_end(const struct print *f);
/* Was it there already? If not it is now. */
bool seen_add(struct seen *s, uint64_t hash);
bool seen_has(const struct seen *s, uint64_t hash);
void seen_release(struct seen *s);

#endif
