#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cs.h"
#include "file.h"
#include "progress.h"
#include "secret.h"

#define SUCCESS  "last_success_timestamp_seconds"
#define FILE_MAX (1u << 20) /* bytes of a file that is ours */

static void
add_label(struct buf *b, const char *value)
{
	for (; *value != '\0'; value++)
		if (*value == '\n')
			buf_adds(b, "\\n");
		else {
			if (*value == '\\' || *value == '"')
				buf_addc(b, '\\');
			buf_addc(b, *value);
		}
}

static void
add(struct buf *b, const char *stream, const char *name, const char *help, uint64_t whole,
    uint64_t thousandths)
{
	buf_addf(b, "# HELP cs_fetch_%s %s\n# TYPE cs_fetch_%s gauge\ncs_fetch_%s{stream=\"", name,
	    help, name, name);
	add_label(b, stream);
	buf_addf(b, "\"} %llu", (unsigned long long)whole);
	if (thousandths > 0)
		buf_addf(b, ".%03u", (unsigned)thousandths);
	buf_addc(b, '\n');
}

/* What the file that is there says, or 0. */
static uint64_t
last_success(const char *path, const char *stream)
{
	struct buf file = {.max = FILE_MAX}, key = {0};
	uint64_t t = 0;
	const char *at;

	buf_adds(&key, "\ncs_fetch_" SUCCESS "{stream=\"");
	add_label(&key, stream);
	buf_adds(&key, "\"} ");
	if (file_read(&file, path) == 0 && file.len > 0 && (at = strstr(file.p, key.p)) != NULL)
		t = strtoull(at + key.len, NULL, 10);
	buf_release(&file);
	buf_release(&key);
	return t;
}

int
metrics_write(const char *path, const char *stream, int status)
{
	const struct counts *c = progress_counts();
	uint64_t now = (uint64_t)clock_wall(), ms = clock_ms() - c->start;
	struct buf b = {0};
	int r = 0;

	add(&b, stream, "requests", "HTTP requests of the last run.", c->requests, 0);
	add(&b, stream, "retries", "Of them, made again.", c->retries, 0);
	add(&b, stream, "pages", "Pages of the last run.", c->pages, 0);
	add(&b, stream, "records", "Records of the last run.", c->records, 0);
	add(&b, stream, "received_bytes", "Bytes of bodies, as they came.", c->bytes, 0);
	add(&b, stream, "wait_seconds", "Time spent waiting for the server or the rate.",
	    c->waited / 1000, c->waited % 1000);
	add(&b, stream, "duration_seconds", "Time the last run took.", ms / 1000, ms % 1000);
	add(&b, stream, "exit_status", "Exit status of the last run.", (uint64_t)status, 0);
	add(&b, stream, "last_run_timestamp_seconds", "When the last run ended.", now, 0);
	add(&b, stream, SUCCESS, "When a run last ended well; 0: never.",
	    status == 0 ? now : last_success(path, stream), 0);
	if (file_write(path, b.p, b.len, 0644) < 0) {
		say("--metrics: %s: %s", path, strerror(errno));
		r = CS_IO;
	}
	buf_release(&b);
	return r;
}
