/* Let a stream be read again from an earlier place. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "instant.h"
#include "num.h"
#include "pick.h"
#include "state.h"

static bool
is_integer(const char *s)
{
	s += *s == '-';
	return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* a - b, of which b is not negative, as text to be freed; NULL when that is out of range. */
static char *
subtract(const char *a, const char *b)
{
	int64_t x, y;

	if (num_int64(a, strlen(a), &x) < 0 || num_int64(b, strlen(b), &y) < 0 || y < 0 ||
	    __builtin_sub_overflow(x, y, &x))
		return NULL;
	return xasprintf("%lld", (long long)x);
}

/* The cursor less a duration, rounded down to what it counts in; or the end of the process. */
static char *
earlier(const struct opts *o, const char *cursor)
{
	struct instant t;
	char text[INSTANT_MAX];
	uint64_t ms;

	if (is_integer(cursor)) {
		char *s = is_integer(o->by) ? subtract(cursor, o->by) : NULL;

		if (s == NULL)
			errx(CS_USAGE,
			    "--by %s: the cursor %s is an integer, so this takes one, too", o->by,
			    cursor);
		return s;
	}
	if (instant_parse(&t, cursor, strlen(cursor)) < 0)
		errx(CS_USAGE,
		    "--by: the cursor \"%s\" is neither a time nor an integer: --to VALUE", cursor);
	ms = opt_duration("--by", o->by);
	t.sec -= (int64_t)((ms + 999) / 1000);
	if (t.date_only)
		t.sec -= (t.sec % 86400 + 86400) % 86400;
	instant_format(&t, text);
	if (t.date_only)
		text[strcspn(text, "T")] = '\0';
	return xstrdup(text);
}

/* Is a in front of b, as what they are? */
static int
compare(const char *a, const char *b)
{
	struct instant x, y;

	if (is_integer(a) && is_integer(b))
		return num_cmp(a, strlen(a), b, strlen(b));
	if (instant_parse(&x, a, strlen(a)) == 0 && instant_parse(&y, b, strlen(b)) == 0)
		return instant_cmp(&x, &y);
	return strcmp(a, b);
}

static char *
target(const struct opts *o, const char *cursor)
{
	char *to;

	if ((o->by == NULL) == (o->to == NULL))
		errx(CS_USAGE, "rewind: how far? --by DURATION or --to VALUE");
	to = o->by != NULL ? earlier(o, cursor) : xstrdup(o->to);
	if (!o->force && is_integer(cursor) != is_integer(to))
		errx(CS_USAGE, "\"%s\" is not of the kind of the cursor \"%s\"; --force stores it",
		    to, cursor);
	if (!o->force && compare(to, cursor) > 0)
		errx(CS_USAGE,
		    "\"%s\" is behind the cursor \"%s\": what lies between would be skipped; "
		    "--force stores it",
		    to, cursor);
	return to;
}

/* The state from that cursor on; what a run has left to be taken up is given up. */
static char *
rewound(const char *state, const char *to)
{
	static const char *const without[] = {"cursor", "resume", NULL};
	struct buf b = {0};

	pick_rest(&b, (struct slice){state, strlen(state)}, without);
	buf_adds(&b, b.len > 1 ? ",\"cursor\":" : "\"cursor\":");
	json_quote(&b, to, strlen(to));
	buf_addc(&b, '}');
	return buf_steal(&b);
}

int
cmd_rewind(struct store *s, const struct opts *o)
{
	struct state_row now, new = {.records = -1};
	struct buf copy = {0};
	struct value v;
	char *cursor = NULL, *to;
	int status = store_get(s, o->stream, &now);

	if (status == CS_SOME)
		warnx("no stream \"%s\" in %s", o->stream, s->spec);
	if (status != CS_OK)
		goto out;
	buf_adds(&copy, now.state);
	if (!pick((struct slice){copy.p, copy.len}, "cursor", &v) ||
	    (cursor = pick_text(&v)) == NULL) {
		warnx("stream \"%s\": its state has no cursor to set back: set another with "
		      "cs-state set, or begin anew with cs-state rm",
		    o->stream);
		status = CS_DATA;
		goto out;
	}
	to = target(o, cursor);
	new.state = rewound(copy.p, to);
	status = store_put(s, o->stream, &new, now.version, NULL);
	if (status == CS_FENCED)
		warnx("stream \"%s\" was changed meanwhile; nothing was stored", o->stream);
	if (status == CS_OK && o->verbose)
		warnx("stream \"%s\": from %s back to %s", o->stream, cursor, to);
	free(to);
	free(new.state);
out:
	free(cursor);
	buf_release(&copy);
	state_row_release(&now);
	return status;
}
