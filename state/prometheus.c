/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include <inttypes.h>
#include <math.h>

#include "pick.h"
#include "prometheus.h"
#include "trend.h"
#include "when.h"

/* Label values: backslash, quote and newline are escaped. */
static void
label(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '\\' || *s == '"')
			buf_addf(b, "\\%c", *s);
		else
			buf_addc(b, *s);
}

static double
seconds(int64_t ms)
{
	return ms < 0 ? NAN : (double)ms / 1000;
}

static double
last_success(const struct report *r)
{
	return r->good != NULL ? seconds(when_parse(r->good->started_at)) : NAN;
}

static double
state_time(const struct report *r)
{
	return seconds(when_parse(r->state.updated_at));
}

static double
last_run(const struct report *r)
{
	return r->last != NULL ? seconds(when_parse(r->last->started_at)) : NAN;
}

static double
due(const struct report *r)
{
	return r->last != NULL && r->last->every >= 0 && r->good != NULL
		   ? seconds(when_parse(r->good->started_at) + r->last->every)
		   : NAN;
}

static double
running(const struct report *r)
{
	return r->running;
}

static double
status(const struct report *r)
{
	return r->last != NULL && r->last->status >= 0 ? (double)r->last->status : NAN;
}

static double
took(const struct report *r)
{
	return r->last != NULL ? seconds(trend_took(r->last)) : NAN;
}

static double
records(const struct report *r)
{
	return r->last != NULL && r->last->records >= 0 ? (double)r->last->records : NAN;
}

static const struct metric {
	const char *name, *help;
	double (*value)(const struct report *r); /* NAN: not known, and left out */
} metrics[] = {
    {"last_success_timestamp_seconds", "When the last successful run began.", last_success},
    {"state_timestamp_seconds", "When the checkpoint was stored.", state_time},
    {"last_run_timestamp_seconds", "When the last run began.", last_run},
    {"due_timestamp_seconds", "When the next run is due, by --every.", due},
    {"running", "1 while a run is going on.", running},
    {"last_run_status", "Exit status of the last run that ended.", status},
    {"last_run_duration_seconds", "How long it took.", took},
    {"last_run_records", "Records that it read.", records},
};

/* The members of a JSON object of counts that names lists, up to NULL, as one metric. */
static void
figures(struct buf *b, const char *metric, const char *help, const struct report *r, size_t n,
    const char *(*json)(const struct run_row *), const char *const *names)
{
	struct buf copy = {0};
	struct value v;

	buf_addf(b, "# HELP cs_stream_%s %s\n# TYPE cs_stream_%s gauge\n", metric, help, metric);
	for (size_t i = 0; i < n; i++) {
		const char *text = r[i].last != NULL ? json(r[i].last) : NULL;

		if (text == NULL)
			continue;
		buf_clear(&copy);
		buf_adds(&copy, text);
		for (const char *const *name = names; *name != NULL; name++) {
			if (!pick((struct slice){copy.p, copy.len}, *name, &v) ||
			    v.type != JSON_NUMBER)
				continue;
			buf_addf(b, "cs_stream_%s{stream=\"", metric);
			label(b, r[i].stream);
			buf_addf(b, "\",kind=\"%s\"} %.*s\n", *name, (int)v.n, v.p);
		}
	}
	buf_release(&copy);
}

static const char *
counts(const struct run_row *r)
{
	return r->counts;
}

static const char *
fetched(const struct run_row *r)
{
	return r->fetch;
}

void
prometheus(struct buf *b, const struct report *r, size_t n)
{
	for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
		buf_addf(b, "# HELP cs_stream_%s %s\n# TYPE cs_stream_%s gauge\n", metrics[m].name,
		    metrics[m].help, metrics[m].name);
		for (size_t i = 0; i < n; i++) {
			double x = metrics[m].value(&r[i]);

			if (isnan(x))
				continue;
			buf_addf(b, "cs_stream_%s{stream=\"", metrics[m].name);
			label(b, r[i].stream);
			buf_addf(b, "\"} %.15g\n", x);
		}
	}
	figures(b, "last_run_rows", "What became of them.", r, n, counts,
	    (const char *const[]){
		"inserted", "updated", "unchanged", "deleted", "ignored", "rejected", NULL});
	figures(b, "last_run_fetch", "What it took to fetch them; waited is in milliseconds.", r, n,
	    fetched,
	    (const char *const[]){"requests", "retries", "pages", "bytes", "waited", NULL});
}
