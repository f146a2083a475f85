#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "cs.h"
#include "lines.h"
#include "reject.h"
#include "scan.h"

int
reject_open(struct reject *r, const char *path, const char *input, uint64_t max)
{
	*r = (struct reject){.path = path, .input = input, .max = max, .fd = -1};
	if (!path)
		return 0;
	r->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (r->fd >= 0 && r->fd <= STDERR_FILENO) {
		/* A standard stream was closed: what is written to it must not end up here. */
		int low = r->fd;

		r->fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(low);
	}
	if (r->fd >= 0)
		return 0;
	warn("%s", path);
	return CS_IO;
}

int
reject_line(struct reject *r, uint64_t lineno, const char *reason, const char *p, size_t n)
{
	struct buf *b = &r->line;

	if (!r->path || r->count >= r->max) {
		warnx("%s:%llu: %s%s", r->input, (unsigned long long)lineno, reason,
		    r->path ? "; as many as --max-rejects allows were set aside before" : "");
		return CS_DATA;
	}
	buf_clear(b);
	buf_addf(b, "{\"line\":%llu,\"reason\":", (unsigned long long)lineno);
	json_quote(b, reason, strlen(reason));
	if (!p) {
		buf_adds(b, ",\"record\":null");
	} else if (utf8_valid(p, n)) {
		buf_adds(b, ",\"record\":");
		json_quote(b, p, n);
	} else {
		buf_adds(b, ",\"record_base64\":\"");
		base64(b, p, n);
		buf_addc(b, '"');
	}
	buf_adds(b, "}\n");
	if (write_all(r->fd, b->p, b->len) < 0) {
		warn("%s", r->path);
		return CS_IO;
	}
	r->count++;
	r->dirty = 1;
	return 0;
}

int
reject_sync(struct reject *r)
{
	/* What cannot be synced (a pipe, a terminal) needs no syncing. */
	if (r->dirty && fsync(r->fd) < 0 && errno != EINVAL && errno != EROFS) {
		warn("%s", r->path);
		return CS_IO;
	}
	r->dirty = 0;
	return 0;
}

int
reject_close(struct reject *r)
{
	int status = 0;

	if (r->path && r->fd >= 0) {
		status = reject_sync(r);
		if (close(r->fd) < 0 && !status) {
			warn("%s", r->path);
			status = CS_IO;
		}
	}
	buf_release(&r->line);
	r->path = NULL;
	r->fd = -1;
	return status;
}
