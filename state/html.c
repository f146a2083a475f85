#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "html.h"
#include "instant.h"
#include "num.h"
#include "pick.h"
#include "trend.h"
#include "when.h"

#define FAILURES 10 /* of a stream that are listed */
#define BAR      8  /* width of a run in a plot, in its own units; one of them is the gap */
#define HEIGHT   60

static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Is the data fresh?</title>\n"
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1c1c1e;--dim:#63666d;--line:#d9dce1;"
    "--good:#1a7f37;--some:#9a6700;--bad:#cf222e;--bar:#0969da}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#16181d;--fg:#e8eaed;--dim:#9aa0a8;"
    "--line:#343941;--good:#3fb950;--some:#d29922;--bad:#f85149;--bar:#58a6ff}}\n"
    "body{font:16px/1.45 system-ui,sans-serif;background:var(--bg);color:var(--fg);"
    "max-width:60rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.1rem;margin:0;overflow-wrap:anywhere}\n"
    ".dim{color:var(--dim)}.good{color:var(--good)}.some{color:var(--some)}.bad{color:var(--bad)}\n"
    "ul.sum{list-style:none;display:flex;flex-wrap:wrap;gap:.5rem;padding:0}\n"
    "ul.sum li{border:1px solid var(--line);border-radius:.5rem;padding:.4rem .9rem}\n"
    "ul.sum b{font-size:1.3rem;margin-right:.3rem}\n"
    "article{border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;margin:1rem 0}\n"
    "article header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;justify-content:space-between;"
    "align-items:baseline}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.4rem 1rem;"
    "margin:.6rem 0}\n"
    "dt{color:var(--dim);font-size:.85rem}dd{margin:0;font-variant-numeric:tabular-nums}\n"
    "figure{margin:.4rem 0}figcaption{color:var(--dim);font-size:.85rem}\n"
    "svg{width:100%;height:4rem;display:block;border-bottom:1px solid var(--line)}\n"
    "rect{fill:var(--bar)}rect.bad{fill:var(--bad)}rect.some{fill:var(--some)}"
    "rect.dim{fill:var(--dim)}\n"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;"
    "vertical-align:top}td:last-child{overflow-wrap:anywhere}\n"
    "</style></head><body>\n";

/* Text, so that it is nothing but text. */
static void
text(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			buf_adds(b, "&lt;");
			break;
		case '>':
			buf_adds(b, "&gt;");
			break;
		case '&':
			buf_adds(b, "&amp;");
			break;
		case '"':
			buf_adds(b, "&quot;");
			break;
		default:
			/* control characters, which HTML has no place for */
			buf_addc(b, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
		}
}

/* 2026-01-04 09:12 UTC */
static void
minute(struct buf *b, const char *time)
{
	if (time == NULL || strlen(time) < 16) {
		buf_adds(b, "never");
		return;
	}
	buf_addf(b, "<time datetime=\"");
	text(b, time);
	buf_addf(b, "\">%.10s %.5s UTC</time>", time, time + 11);
}

static void
span(struct buf *b, int64_t ms)
{
	if (ms < 0)
		buf_adds(b, "–");
	else
		when_span(b, ms);
}

static void
number(struct buf *b, int64_t n)
{
	char digits[24];
	int len;

	if (n < 0) {
		buf_adds(b, "–");
		return;
	}
	len = snprintf(digits, sizeof digits, "%" PRId64, n);
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_adds(b, "\u202f"); /* narrow no-break space */
		buf_addc(b, digits[i]);
	}
}

/* How the stream is: a class and a word. */
static const char *
health(const struct report *r, const char **word)
{
	int64_t late = -1;

	if (r->last != NULL && r->last->every >= 0 && r->good != NULL)
		late = when_now() - when_parse(r->good->started_at) - 2 * r->last->every;
	*word = r->running ? "running" : "fresh";
	if (r->last == NULL)
		return *word = "no run yet", "dim";
	if (!r->running && r->last->ended_at == NULL)
		return *word = "killed", "bad";
	if (!r->running && !r->last->done)
		return *word = "failing", "bad";
	if (late > 0)
		return *word = "late", "bad";
	if (r->last->ended_at != NULL && r->last->status != 0)
		return *word = "with rejects", "some";
	return "good";
}

static const char *
run_class(const struct run_row *r)
{
	if (r->ended_at == NULL)
		return "dim";
	return !r->done ? "bad" : r->status != 0 ? "some" : "good";
}

/* A plot of one value of each run, oldest first. */
static void
plot(struct buf *b, const struct report *r, const char *title,
    int64_t (*value)(const struct run_row *), void (*show)(struct buf *, int64_t))
{
	size_t n = r->runs.n;
	int64_t most = -1;

	for (size_t i = 0; i < n; i++)
		if (value(&r->runs.row[i]) > most)
			most = value(&r->runs.row[i]);
	if (most < 0)
		return; /* no run says */
	buf_addf(b,
	    "<figure><svg viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\" role=\"img\" "
	    "aria-label=\"%s\">",
	    (n > 20 ? n : 20) * BAR, HEIGHT, title);
	for (size_t i = 0; i < n; i++) {
		const struct run_row *run = &r->runs.row[n - 1 - i];
		int64_t v = value(run);
		/* What failed is to be seen, however little it did. */
		int h = v > 0       ? (int)((double)v * (HEIGHT - 4) / (double)most) + 4
			: run->done ? 1
				    : 4;

		buf_addf(b,
		    "<rect class=\"%s\" x=\"%zu\" y=\"%d\" width=\"%d\" height=\"%d\"><title>",
		    run_class(run), i * BAR, HEIGHT - h, BAR - 1, h);
		text(b, run->started_at);
		buf_adds(b, ": ");
		show(b, v);
		if (run->message != NULL) {
			buf_adds(b, ": ");
			text(b, run->message);
		}
		buf_adds(b, "</title></rect>");
	}
	buf_addf(b, "</svg><figcaption>%s of %zu %s, at most ", title, n, n == 1 ? "run" : "runs");
	show(b, most);
	buf_adds(b, "</figcaption></figure>\n");
}

static int64_t
records(const struct run_row *r)
{
	return r->records;
}

static void
failures(struct buf *b, const struct report *r)
{
	int n = 0;

	for (size_t i = 0; i < r->runs.n && n < FAILURES; i++) {
		const struct run_row *run = &r->runs.row[i];

		if (run->done || run->ended_at == NULL)
			continue;
		if (n++ == 0)
			buf_adds(b,
			    "<details><summary>Runs that failed</summary><table><tr><th>Began<th>"
			    "Status<th>Why\n");
		buf_adds(b, "<tr><td>");
		minute(b, run->started_at);
		buf_addf(b, "<td class=\"bad\">%" PRId64 "<td>", run->status);
		text(b, run->message != NULL ? run->message : "");
		buf_addc(b, '\n');
	}
	if (n > 0)
		buf_adds(b, "</table></details>\n");
}

/* One of the facts: its name, and where what follows goes. */
static void
fact(struct buf *b, const char *name, bool first)
{
	buf_addf(b, "%s<div><dt>%s</dt><dd>", first ? "<dl>" : "</dd></div>", name);
}

/* What cs-fetch counted in the last run. */
static void
fetched(struct buf *b, const struct report *r)
{
	static const char *const names[][2] = {
	    {"requests", "Requests"}, {"retries", "Retries"}, {"bytes", "Bytes"}};
	struct buf copy = {0};
	struct value v;
	int64_t n;

	if (r->last == NULL || r->last->fetch == NULL)
		return;
	buf_adds(&copy, r->last->fetch);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (pick((struct slice){copy.p, copy.len}, names[i][0], &v) &&
		    num_int64(v.p, v.n, &n) == 0) {
			fact(b, names[i][1], false);
			number(b, n);
		}
	buf_release(&copy);
}

static void
facts(struct buf *b, const struct report *r)
{
	int64_t good = r->good != NULL ? when_parse(r->good->started_at) : -1, due;

	fact(b, "Last success", true);
	minute(b, r->good != NULL ? r->good->started_at : NULL);
	fact(b, "Data is", false);
	span(b, good < 0 ? -1 : when_now() > good ? when_now() - good : 0);
	buf_adds(b, good < 0 ? "" : " old");
	fact(b, "Records", false);
	number(b, r->last != NULL        ? r->last->records
		  : r->state.version > 0 ? r->state.records
					 : -1);
	fact(b, "Took", false);
	span(b, r->last != NULL ? trend_took(r->last) : -1);
	fetched(b, r);
	if (r->last != NULL && r->last->every >= 0 && good >= 0) {
		due = good + r->last->every - when_now();
		fact(b, "Next due", false);
		buf_adds(b, due >= 0 ? "in " : "");
		span(b, due >= 0 ? due : -due);
		buf_adds(b, due >= 0 ? "" : " ago");
	}
	buf_adds(b, "</dd></div></dl>\n");
}

static void
article(struct buf *b, const struct report *r)
{
	const char *word, *class = health(r, &word);

	buf_adds(b, "<article><header><h2>");
	text(b, r->stream);
	buf_addf(b, "</h2><strong class=\"%s\">%s</strong></header>\n", class, word);
	if (r->last != NULL && !r->last->done && r->last->message != NULL) {
		buf_adds(b, "<p class=\"bad\">");
		text(b, r->last->message);
		buf_adds(b, "</p>\n");
	}
	facts(b, r);
	plot(b, r, "Records", records, number);
	plot(b, r, "Duration", trend_took, span);
	failures(b, r);
	buf_adds(b, "</article>\n");
}

static void
summary(struct buf *b, const struct report *r, size_t n)
{
	static const char *const classes[] = {"good", "some", "bad", "dim"};
	static const char *const words[] = {
	    "fresh", "with rejects", "need a look", "without a run"};
	size_t count[4] = {0};
	const char *word;

	for (size_t i = 0; i < n; i++) {
		const char *class = health(&r[i], &word);

		for (int c = 0; c < 4; c++)
			count[c] += strcmp(class, classes[c]) == 0;
	}
	buf_addf(b, "<ul class=\"sum\"><li><b>%zu</b>%s</li>", n, n == 1 ? "stream" : "streams");
	for (int c = 0; c < 4; c++)
		if (count[c] > 0)
			buf_addf(b, "<li class=\"%s\"><b>%zu</b>%s</li>", classes[c], count[c],
			    words[c]);
	buf_adds(b, "</ul>\n");
}

void
html(struct buf *b, const char *store, const struct report *r, size_t n)
{
	static const char *const order[] = {"bad", "some", "dim", "good"};
	char now[INSTANT_MAX];
	const char *word;

	when_text(when_now(), now);
	buf_adds(b, head);
	buf_adds(b, "<h1>Is the data fresh?</h1><p class=\"dim\">");
	text(b, store);
	buf_adds(b, ", as of ");
	minute(b, now);
	buf_adds(b, "</p>\n");
	summary(b, r, n);
	for (int o = 0; o < 4; o++) /* what needs a look comes first */
		for (size_t i = 0; i < n; i++)
			if (strcmp(health(&r[i], &word), order[o]) == 0)
				article(b, &r[i]);
	buf_adds(b, "</body></html>\n");
}
