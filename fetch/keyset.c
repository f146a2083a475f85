#include "keyset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "seen.h"

void
known_add(struct known *k, uint64_t hash)
{
	if (k->n == k->cap) {
		k->cap = k->cap > 0 ? 2 * k->cap : 16;
		k->v = xreallocarray(k->v, k->cap, sizeof(*k->v));
	}
	k->v[k->n++] = hash;
}

/* They are few: those that share a key. */
bool
known_has(const struct known *k, uint64_t hash)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i] == hash)
			return true;
	return false;
}

void
known_format(const struct known *k, struct buf *out)
{
	buf_adds(out, "");
	for (size_t i = 0; i < k->n && i < KNOWN_MAX; i++)
		buf_addf(out, "%016" PRIx64, k->v[i]);
}

bool
known_parse(struct known *k, const char *text)
{
	char digits[17] = "", *end;
	size_t n = strlen(text);

	k->n = 0;
	for (size_t i = 0; i + 16 <= n; i += 16) {
		memcpy(digits, text + i, 16);
		known_add(k, strtoull(digits, &end, 16));
		if (*end != '\0')
			return false;
	}
	return n % 16 == 0;
}

void
keyset_release(struct keyset *k)
{
	buf_release(&k->last);
	buf_release(&k->before);
	free(k->known.v);
	*k = (struct keyset){0};
}

const char *
keyset_next(const struct keyset *k, int *type)
{
	const struct buf *key = k->bare || k->before.len == 0 ? &k->last : &k->before;

	if (key->len == 0)
		return NULL;
	*type = key->p[0] - '0';
	return key->p + 1;
}

static int
read_key(const struct opts *o, const char *line, size_t n, struct buf *out, uint64_t page_no)
{
	struct slice record = split_record(line, n);
	const char *err = "is not there";
	int type;

	buf_clear(out);
	buf_addc(out, '?');
	type = path_text(o->keyset, record.p, record.n, out, &err);
	if (type > JSON_NULL && type != JSON_TRUE && type != JSON_FALSE) {
		out->p[0] = '0' + type;
		return 0;
	}
	return fail(CS_DATA, "page %" PRIu64 ", the last record: --keyset %s: %s", page_no,
	    o->keyset->text, type > 0 ? "is neither text nor a number" : err);
}

static bool
same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

/* From the last record backwards: the last two keys, and what has one of them. */
static int
note_keys(struct keyset *k, const struct opts *o, const struct buf *page, uint64_t page_no)
{
	const char *end = page->p + page->len, *line;
	struct buf key = {0}, last = {0}, before = {0};
	struct known known = {0};
	bool stays, merge = false;
	int r = 0;

	for (; r == 0 && end > page->p; end = line) {
		line = memrchr(page->p, '\n', end - 1 - page->p);
		line = line != NULL ? line + 1 : page->p;
		if ((r = read_key(o, line, end - 1 - line, &key, page_no)) != 0)
			break;
		if (last.len == 0)
			buf_add(&last, key.p, key.len);
		else if (!same(&key, &last) && before.len == 0)
			buf_add(&before, key.p, key.len);
		if (!same(&key, &last) && !same(&key, &before))
			break;
		known_add(&known, fingerprint(line, end - 1 - line));
	}
	stays = same(&last, &k->last);
	if (r == 0 && before.len == 0) { /* all of one key: those before it are on other pages */
		const struct buf *old = stays ? &k->before : &k->last;

		buf_add(&before, old->p, old->len);
		merge = true;
	}
	for (size_t i = 0; (stays || merge) && i < k->known.n; i++)
		if (!known_has(&known, k->known.v[i]))
			known_add(&known, k->known.v[i]);
	buf_release(&key);
	if (r == 0) {
		bool inclusive = k->inclusive;

		keyset_release(k);
		*k = (struct keyset){.last = last,
		    .before = before,
		    .known = known,
		    .inclusive = inclusive,
		    .single = merge,
		    .bare = stays || before.len == 0};
		return 0;
	}
	buf_release(&last);
	buf_release(&before);
	free(known.v);
	return r;
}

/* Does the page begin with a record of the key that was asked from? */
static void
note_meaning(struct keyset *k, const struct opts *o, const struct buf *page, uint64_t page_no)
{
	const char *nl = memchr(page->p, '\n', page->len);
	struct buf first = {0};
	const struct buf *asked = k->bare || k->before.len == 0 ? &k->last : &k->before;

	if (asked->len > 0 && read_key(o, page->p, nl - page->p, &first, page_no) == 0)
		k->inclusive |= same(asked, &first);
	buf_release(&first);
}

static void
drop_known(const struct known *known, struct split *s)
{
	char *line = s->page.p, *end = s->page.p + s->page.len, *to = line, *nl;

	s->n = 0;
	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', end - line);
		if (known_has(known, fingerprint(line, nl - line)))
			continue;
		memmove(to, line, nl + 1 - line);
		to += nl + 1 - line;
		s->n++;
	}
	s->page.len = to - s->page.p;
}

int
keyset_take(
    struct keyset *k, const struct opts *o, struct page *page, uint64_t page_no, uint64_t *fresh)
{
	struct known old = {0};
	int r;

	*fresh = 0;
	if (page->split.n == 0)
		return 0;
	for (size_t i = 0; i < k->known.n; i++)
		known_add(&old, k->known.v[i]);
	note_meaning(k, o, &page->split.page, page_no);
	r = note_keys(k, o, &page->split.page, page_no);
	if (r == 0)
		drop_known(&old, &page->split);
	*fresh = page->split.n;
	free(old.v);
	return r;
}
