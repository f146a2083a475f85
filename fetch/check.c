/* --check: ask once and tell people what came. */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "lines.h"
#include "stop.h"

/* Foreign text, for a terminal. */
static void
add_plain(struct buf *out, const char *p, size_t n)
{
	size_t at = out->len;

	mask(out, p, n);
	if (out->len > at)
		make_plain(out->p + at, out->len - at);
}

static void
list_fields(struct slice record, struct buf *out)
{
	struct scan s = {0};
	struct slice key;
	struct value v;

	scan_init(&s, record.p, record.n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0) {
			buf_addc(out, ' ');
			add_plain(out, key.p, key.n);
		}
	scan_release(&s);
}

static void
describe(struct job *j, const char *name, int more, struct buf *out)
{
	const struct split *s = &j->page->split;
	const char *type = http_field(j->page->http, "content-type", 0), *nl;

	if (name != NULL)
		buf_addf(out, "%s: ", name);
	if (type == NULL)
		type = "no content type";
	add_plain(out, j->page->url.p, j->page->url.len);
	buf_addf(out, "\n  status   %ld, ", j->page->status);
	add_plain(out, type, strlen(type));
	buf_addf(out, "\n  records  %" PRIu64 " on this page", j->pager.received);
	if (j->pager.total != UINT64_MAX)
		buf_addf(out, ", %" PRIu64 " in all", j->pager.total);
	buf_addf(out, ", %s\n", more == PAGER_END ? "no more pages" : "more pages follow");
	if (s->n > 0 && (nl = memchr(s->page.p, '\n', s->page.len)) != NULL) {
		buf_adds(out, "  fields  ");
		list_fields(split_record(s->page.p, nl - s->page.p), out);
		buf_addc(out, '\n');
	}
	if (j->cursor.max.text.len > 0) {
		buf_addf(out, "  cursor   %s up to ", j->o->cursor_field->text);
		add_plain(out, j->cursor.max.text.p, j->cursor.max.text.len);
		buf_addc(out, '\n');
	}
}

int
run_check(struct opts *o, const char *name)
{
	struct job j;
	struct each e = {0};
	struct how how = {.first = true, .whole = true};
	struct buf text = {0};
	int r, more;

	if ((r = job_init(&j, o)) != 0 || (r = job_first_parent(&j, &e)) != 0)
		goto out;
	stop_init();
	pager_request(&j.pager, &j.request);
	if ((r = engine_get(&j.engine, &j.request, &how, &j.page)) != 0) {
		if (r == PAGE_SIGNAL)
			stop_die(stop_signal());
		goto out;
	}
	more = pager_take(&j.pager, j.page, j.page->http);
	r = more <= PAGER_CAPPED ? cursor_page(&j.cursor, &j.page->split, 1) : more;
	describe(&j, name, more, &text);
	if (write_all(STDOUT_FILENO, text.p, text.len) < 0)
		r = fail(CS_IO, "stdout: %s", strerror(errno));
out:
	buf_release(&text);
	each_release(&e);
	job_release(&j);
	return r;
}
