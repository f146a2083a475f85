#include <langinfo.h>
#include <string.h>

#include "trend.h"
#include "when.h"

int64_t
trend_took(const struct run_row *r)
{
	int64_t from = when_parse(r->started_at), to = when_parse(r->ended_at);

	return from < 0 || to < 0 ? -1 : to > from ? to - from : 0;
}

double
trend_rate(const struct run_row *r)
{
	int64_t took = trend_took(r);

	return r->records < 0 || took <= 0 ? -1 : (double)r->records * 1000 / (double)took;
}

/* Heights from nothing to the most; then what failed, and what has not ended or does not say. */
void
trend(struct buf *b, const struct run_rows *runs)
{
	static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█", "×", "·"};
	static const char *const ascii[] = {"_", ".", ".", "-", "-", "=", "=", "#", "x", "?"};
	const char *const *sign = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? blocks : ascii;
	size_t n = runs->n < TREND_RUNS ? runs->n : TREND_RUNS;
	int64_t most = 1;

	for (size_t i = 0; i < n; i++)
		if (runs->row[i].records > most)
			most = runs->row[i].records;
	for (size_t i = n; i-- > 0;) {
		const struct run_row *r = &runs->row[i];

		if (r->ended_at == NULL || (r->done && r->records < 0))
			buf_adds(b, sign[9]);
		else if (!r->done)
			buf_adds(b, sign[8]);
		else
			buf_adds(b, sign[(int)((double)r->records * 7 / (double)most + 0.5)]);
	}
}
