/*
 * Growing text, and the few ways this server writes into it.
 *
 * A zeroed struct text is empty and valid; text_release() frees and empties it. The bytes are always
 * followed by a NUL that len does not count. Out of memory ends the program: there is nothing to save.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *p;
	size_t len, cap;
};

#define text_lit(t, s) text_add((t), (s), sizeof(s) - 1)

void text_room(struct text *t, size_t more);
void text_add(struct text *t, const void *p, size_t len);
void text_str(struct text *t, const char *s);
void text_int(struct text *t, int64_t v);
void text_fmt(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_release(struct text *t);

/* The inside of a JSON string, escaped as JSON needs and no more; UTF-8 passes, stray bytes become \u00XX. */
void text_escape(struct text *t, const char *s, size_t len);
/* A whole JSON string, or null for a null pointer. */
void text_json(struct text *t, const char *s);
/* Milliseconds since 1970 as 2026-01-31T12:00:00Z, with .000 before the Z where millis is set. */
void text_time(struct text *t, int64_t ms, bool millis);
/* The form of RFC 9110 dates, for headers. */
void text_http_date(struct text *t, int64_t seconds);
/* Everything but letters, digits and -._~ as %XX. */
void text_percent(struct text *t, const char *s);
void text_base64(struct text *t, const void *p, size_t len);
/* Append the decoded bytes; false, and nothing useful appended, where s is not base64. */
bool text_unbase64(struct text *t, const char *s);

/*
 * Read a time. strict takes YYYY-MM-DDTHH:MM:SSZ alone; otherwise a fraction, an offset, or a bare date are
 * welcome too. *ms is rounded down and *rest says that digits were lost (rest may be NULL).
 */
bool parse_time(const char *s, bool strict, int64_t *ms, bool *rest);
/* A decimal integer within [min, max] and nothing else. */
bool parse_int(const char *s, int64_t min, int64_t max, int64_t *v);

/* A bijection on 64 bits that looks random, and its inverse. */
uint64_t mix(uint64_t x);
uint64_t unmix(uint64_t x);

#endif
