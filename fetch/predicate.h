/*
 * Programs of the user's that judge a reply, --retry-if and --fail-if.
 *
 * What they see: {"status":200,"headers":{"content-type":"…"},"body":…}. Names are in lower case; body is null when
 * the reply is no JSON, and text is how it begins.
 */
#ifndef PREDICATE_H
#define PREDICATE_H

#include "path.h"

/* Write that down. headers: a JSON object; body[0..n): the reply, or what there is of it; text[0..m): its beginning. */
void predicate_input(struct buf *out, long status, const struct buf *headers, struct slice body,
    struct slice text);
/*
 * Does the program say yes: anything but null, false and nothing? 1, and what it said in out; 0; or -1 when it
 * fails, with the reason in out.
 */
int predicate(const struct path *program, const struct buf *input, struct buf *out);

#endif
