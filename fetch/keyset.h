/*
 * Paging by a key of the last record: "what comes after this one".
 *
 * Servers take that as larger than, or as no smaller than; and where records share a key, a page may end between
 * them. So each page but the first is asked for from the last key but one, and what came before
 * is taken out of it: by its bytes, so that a record that changed comes again.
 */
#ifndef KEYSET_H
#define KEYSET_H

#include "page.h"

struct keyset {
	struct buf last, before; /* keys: a digit for the type, then the text; before: empty: none */
	struct known {
		uint64_t *v; /* fingerprints of what was sent with one of these keys */
		size_t n, cap;
	} known;
	bool inclusive; /* the server was seen to mean no smaller than */
	bool single;    /* the last page had one key only */
	bool bare;      /* ask from last itself: there is no other, or the page before ended with it too */
};

void keyset_release(struct keyset *k);
/* The key to ask from, NULL for the first page, and its type as place_put() wants it. */
const char *keyset_next(const struct keyset *k, int *type);
/*
 * Take a page: its keys are noted and the records that came before are out of it. *fresh: how many are left.
 * page_no: for messages. 0, or CS_DATA after fail() when the last record has no key.
 */
int keyset_take(struct keyset *k, const struct opts *o, struct page *page, uint64_t page_no,
    uint64_t *fresh);

/* The fingerprints as hexadecimal text, for a state; as many as it has room for. */
#define KNOWN_MAX 256
void known_format(const struct known *k, struct buf *out);
bool known_parse(struct known *k, const char *text);
void known_add(struct known *k, uint64_t hash);
bool known_has(const struct known *k, uint64_t hash);

#endif
