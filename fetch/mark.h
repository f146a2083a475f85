/*
 * A cursor's value: as text and, for --cursor-type, as what it says.
 */
#ifndef MARK_H
#define MARK_H

#include <stdbool.h>

#include "instant.h"
#include "opts.h"

struct mark {
	struct buf text; /* empty: none */
	struct instant time;
	char mem[INSTANT_MAX];
};

void mark_copy(struct mark *to, const struct mark *from);
/* m->text as --cursor-type has it; false when it is no such thing. */
bool mark_parse(const struct opts *o, struct mark *m);
/* Below 0, 0, above 0: times as instants, integers of any length, text by its bytes. */
int mark_cmp(const struct opts *o, const struct mark *a, const struct mark *b);
/* "a time": what --cursor-type wants. */
const char *mark_type_name(const struct opts *o);
/* 0, or code after fail() has said that what is no such thing. */
int mark_set(
    const struct opts *o, struct mark *m, const char *text, int code, const char *what);
/* A time as its RFC 3339 text, whatever it came from. */
void mark_set_time(const struct opts *o, struct mark *m, const struct instant *t);
/* A time as --param-format writes it. 0, or CS_USAGE after fail(). */
int mark_format(const struct instant *t, const char *fmt, struct buf *out);
/* The seconds that the format can tell apart: 1, 60, 3600 or 86400. */
int64_t mark_step(const char *fmt);

#endif
