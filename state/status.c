#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "name.h"
#include "report.h"
#include "state.h"
#include "when.h"

enum column { STREAM, SUCCESS, STATE, LAST, RECORDS, TOOK, DUE, PROBLEM, COLUMNS };

enum colour { PLAIN, GREEN, YELLOW, RED };

struct cell {
	char *text;
	enum colour colour;
};

struct table {
	struct cell (*row)[COLUMNS];
	size_t n;
};

/* How long ago; the future is now: clocks differ a little. */
static char *
age(const char *time)
{
	struct buf b = {0};
	int64_t ms = when_now() - when_parse(time);

	if (time == NULL)
		return xstrdup("-");
	if (ms < 1000)
		return xstrdup("now");
	when_span(&b, ms);
	buf_adds(&b, " ago");
	return buf_steal(&b);
}

static char *
took(const struct report *r)
{
	struct buf b = {0};
	int64_t from, to;

	if (r->last == NULL || (r->last->ended_at == NULL && !r->running))
		return xstrdup("-");
	from = when_parse(r->last->started_at);
	to = r->running ? when_now() : when_parse(r->last->ended_at);
	when_span(&b, to > from ? to - from : 0);
	return buf_steal(&b);
}

static struct cell
due(const struct report *r)
{
	struct buf b = {0};
	int64_t ms;

	if (r->last == NULL || r->last->every < 0)
		return (struct cell){xstrdup("-"), PLAIN};
	if (r->good == NULL)
		return (struct cell){xstrdup("now"), PLAIN};
	ms = when_parse(r->good->started_at) + r->last->every - when_now();
	buf_adds(&b, ms >= 0 ? "in " : "");
	when_span(&b, ms >= 0 ? ms : -ms);
	buf_adds(&b, ms >= 0 ? "" : " late");
	/* A scheduler may be some minutes late; a whole period means that it does not run. */
	return (struct cell){buf_steal(&b), -ms > r->last->every ? RED : PLAIN};
}

static struct cell
last(const struct report *r)
{
	const char *s = report_outcome(r);

	if (s == NULL)
		return (struct cell){xstrdup("-"), PLAIN};
	if (r->last->ended_at == NULL)
		return (struct cell){xstrdup(s), r->running ? YELLOW : RED};
	if (r->last->status == 0)
		return (struct cell){xstrdup(s), GREEN};
	return (struct cell){
	    xasprintf("%s (%" PRId64 ")", s, r->last->status), r->last->done ? YELLOW : RED};
}

/* An empty row at the end. */
static struct cell *
table_row(struct table *t)
{
	t->row = xreallocarray(t->row, t->n + 1, sizeof *t->row);
	return memset(t->row[t->n++], 0, sizeof *t->row);
}

static void
table_head(struct table *t)
{
	static const char *const names[COLUMNS] = {
	    "STREAM", "SUCCESS", "STATE", "LAST RUN", "RECORDS", "TOOK", "DUE", "PROBLEM"};
	struct cell *row = table_row(t);

	for (int i = 0; i < COLUMNS; i++)
		row[i].text = xstrdup(names[i]);
}

static void
table_add(struct table *t, const struct report *r)
{
	struct cell *row;
	struct buf name = {0}, problem = {0};
	int64_t records = r->last ? r->last->records : r->state.version ? r->state.records : -1;

	if (t->n == 0)
		table_head(t);
	row = table_row(t);
	name_show(&name, r->stream);
	name_show(&problem, r->last != NULL && r->last->message != NULL ? r->last->message : "");
	row[STREAM].text = buf_steal(&name);
	row[SUCCESS].text = age(r->good != NULL ? r->good->started_at : NULL);
	row[STATE].text = age(r->state.updated_at);
	row[LAST] = last(r);
	row[RECORDS].text = records >= 0 ? xasprintf("%" PRId64, records) : xstrdup("-");
	row[TOOK].text = took(r);
	row[DUE] = due(r);
	row[PROBLEM].text = buf_steal(&problem);
}

/* Columns on the screen; double width and combining characters are not told apart. */
static int
width(const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
row_print(struct out *out, const struct cell *row, const int *widths, bool colour)
{
	static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m"};
	struct buf b = {0};

	for (int i = 0; i < COLUMNS; i++) {
		bool paint = colour && row[i].colour != PLAIN;
		int fill = widths[i] - width(row[i].text);

		if (i > 0)
			buf_adds(&b, "  ");
		if (i == RECORDS)
			buf_addf(&b, "%*s", fill, "");
		buf_addf(&b, "%s%s%s", paint ? codes[row[i].colour] : "", row[i].text,
		    paint ? "\033[m" : "");
		if (i != RECORDS)
			buf_addf(&b, "%*s", fill, "");
	}
	while (b.len > 0 && b.p[b.len - 1] == ' ')
		b.len--;
	out_line(out, b.p, b.len);
	buf_release(&b);
}

static bool
colour_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static void
table_print(struct out *out, struct table *t)
{
	bool colour = colour_wanted();
	int widths[COLUMNS] = {0}, w;

	for (size_t i = 0; i < t->n; i++)
		for (int c = 0; c < COLUMNS; c++)
			if ((w = width(t->row[i][c].text)) > widths[c])
				widths[c] = w;
	for (size_t i = 0; i < t->n; i++) {
		row_print(out, t->row[i], widths, colour);
		for (int c = 0; c < COLUMNS; c++)
			free(t->row[i][c].text);
	}
	free(t->row);
}

/* The one asked for, or all. */
static int
streams(struct store *s, const struct opts *o, struct names *n)
{
	struct names all = {0};
	int status = store_streams(s, &all);

	for (size_t i = 0; i < all.n; i++)
		if (o->stream == NULL || strcmp(o->stream, all.name[i]) == 0)
			names_add(n, xstrdup(all.name[i]));
	names_release(&all);
	return status == CS_OK && o->stream != NULL && n->n == 0 ? CS_SOME : status;
}

int
cmd_status(struct store *s, const struct opts *o)
{
	struct names names = {0};
	struct table table = {0};
	struct buf b = {0};
	struct out out;
	int status, rc;

	out_open(&out, STDOUT_FILENO);
	status = streams(s, o, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct report r;

		if ((rc = report_get(s, names.name[i], &r)) != CS_OK) {
			status = rc;
		} else if (o->json) {
			buf_clear(&b);
			report_json(&b, &r);
			out_line(&out, b.p, b.len);
		} else {
			table_add(&table, &r);
		}
		report_release(&r);
	}
	table_print(&out, &table);
	names_release(&names);
	buf_release(&b);
	return finish(&out, status);
}
