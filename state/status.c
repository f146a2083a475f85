#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "html.h"
#include "name.h"
#include "prometheus.h"
#include "report.h"
#include "state.h"
#include "trend.h"
#include "when.h"

enum column { STREAM, SUCCESS, STATE, LAST, RECORDS, RATE, TREND, DUE, PROBLEM, COLUMNS };

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

/* Records a second, in three digits. */
static char *
rate(const struct report *r)
{
	double x = r->last != NULL ? trend_rate(r->last) : -1;

	if (x < 0)
		return xstrdup("-");
	if (x >= 999500)
		return xasprintf("%.1fM/s", x / 1e6);
	if (x >= 9995)
		return xasprintf("%.0fk/s", x / 1e3);
	return xasprintf(x < 10 ? "%.1f/s" : "%.0f/s", x);
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
	struct buf b = {0};

	if (s == NULL)
		return (struct cell){xstrdup("-"), PLAIN};
	buf_adds(&b, s);
	if (r->last->ended_at == NULL) {
		if (r->running) {
			buf_addc(&b, ' ');
			when_span(&b, when_now() - when_parse(r->last->started_at));
		}
		return (struct cell){buf_steal(&b), r->running ? YELLOW : RED};
	}
	if (r->last->status == 0)
		return (struct cell){buf_steal(&b), GREEN};
	buf_addf(&b, " (%" PRId64 ")", r->last->status);
	return (struct cell){buf_steal(&b), r->last->done ? YELLOW : RED};
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
	    "STREAM", "SUCCESS", "STATE", "LAST RUN", "RECORDS", "RATE", "TREND", "DUE", "PROBLEM"};
	struct cell *row = table_row(t);

	for (int i = 0; i < COLUMNS; i++)
		row[i].text = xstrdup(names[i]);
}

static void
table_add(struct table *t, const struct report *r)
{
	struct cell *row;
	struct buf name = {0}, problem = {0}, runs = {0};
	int64_t records = r->last ? r->last->records : r->state.version ? r->state.records : -1;

	if (t->n == 0)
		table_head(t);
	row = table_row(t);
	buf_adds(&runs, "");
	trend(&runs, &r->runs);
	name_show(&name, r->stream);
	name_show(&problem, r->last != NULL && r->last->message != NULL ? r->last->message : "");
	row[STREAM].text = buf_steal(&name);
	row[SUCCESS].text = age(r->good != NULL ? r->good->started_at : NULL);
	row[STATE].text = age(r->state.updated_at);
	row[LAST] = last(r);
	row[RECORDS].text = records >= 0 ? xasprintf("%" PRId64, records) : xstrdup("-");
	row[RATE].text = rate(r);
	row[TREND].text = buf_steal(&runs);
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
row_print(struct buf *b, const struct cell *row, const int *widths, bool colour)
{
	static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m"};

	for (int i = 0; i < COLUMNS; i++) {
		bool paint = colour && row[i].colour != PLAIN;
		int fill = widths[i] - width(row[i].text);

		if (widths[i] == 0)
			continue;
		if (i > 0)
			buf_adds(b, "  ");
		if ((i == RECORDS || i == RATE))
			buf_addf(b, "%*s", fill, "");
		buf_addf(b, "%s%s%s", paint ? codes[row[i].colour] : "", row[i].text,
		    paint ? "\033[m" : "");
		if ((i != RECORDS && i != RATE))
			buf_addf(b, "%*s", fill, "");
	}
	while (b->len > 0 && b->p[b->len - 1] == ' ')
		b->len--;
	buf_addc(b, '\n');
}

static bool
colour_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static void
table_print(struct buf *b, struct table *t)
{
	bool colour = colour_wanted();
	int widths[COLUMNS] = {0}, w;

	for (int c = 0; c < COLUMNS; c++) {
		bool says = c < RATE; /* others are left out where no stream has anything to say */

		for (size_t i = 0; i < t->n; i++) {
			const char *text = t->row[i][c].text;

			says |= i > 0 && *text != '\0' && strcmp(text, "-") != 0;
			if ((w = width(text)) > widths[c])
				widths[c] = w;
		}
		if (!says)
			widths[c] = 0;
	}
	for (size_t i = 0; i < t->n; i++) {
		row_print(b, t->row[i], widths, colour);
		for (int c = 0; c < COLUMNS; c++)
			free(t->row[i][c].text);
	}
	free(t->row);
}

/* Write b to the file (by rename) or to stdout. */
static int
deliver(const struct opts *o, struct out *out, const struct buf *b)
{
	if (o->output == NULL) {
		out_write(out, b->p, b->len);
		return CS_OK;
	}
	if (file_write(o->output, b->p != NULL ? b->p : "", b->len, 0644) == 0)
		return CS_OK;
	warn("%s", o->output);
	return CS_IO;
}

int
cmd_status(struct store *s, const struct opts *o)
{
	struct reports all = {0};
	struct table table = {0};
	struct buf b = {0};
	struct out out;
	int status = reports_get(s, o->stream, &all), rc = CS_OK;

	out_open(&out, STDOUT_FILENO);
	for (size_t i = 0; i < all.n; i++) {
		if (o->json) {
			report_json(&b, &all.v[i]);
			buf_addc(&b, '\n');
		} else if (!o->prometheus) {
			table_add(&table, &all.v[i]);
		}
	}
	if (o->prometheus)
		prometheus(&b, all.v, all.n);
	else
		table_print(&b, &table);
	if (status == CS_OK || o->output == NULL)
		rc = deliver(o, &out, &b);
	reports_release(&all);
	buf_release(&b);
	return finish(&out, status != CS_OK ? status : rc);
}

int
cmd_report(struct store *s, const struct opts *o)
{
	struct reports all = {0};
	struct buf b = {0};
	struct out out;
	int status = reports_get(s, NULL, &all);

	out_open(&out, STDOUT_FILENO);
	if (status == CS_OK) {
		html(&b, s->spec, all.v, all.n);
		status = deliver(o, &out, &b);
	}
	reports_release(&all);
	buf_release(&b);
	return finish(&out, status);
}
