#include <cjson/cJSON.h>
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "log.h"

#define MAX_KEPT ((size_t)64 << 20)
#define MAX_BODY 1024

static struct text lines;
static const char *path;
static int fd = -1;
static uint64_t count;

void
log_open(const char *file)
{
	if ((path = file) == NULL)
		return;
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		err(74, "%s", file);
}

void
log_close(void)
{
	if (fd >= 0)
		close(fd);
	text_release(&lines);
}

void
log_clear(void)
{
	lines.len = 0;
	count = 0;
}

const struct text *
log_lines(void)
{
	return &lines;
}

/* Whether a header, parameter or member of this name may hold a secret. */
static bool
secret_name(const char *name, size_t len)
{
	static const char *const parts[] = {"auth", "token", "key", "cookie", "secret", "passw"};
	char lower[64] = "";

	for (size_t i = 0; i < len && i < sizeof(lower) - 1; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(lower, parts[i]) != NULL)
			return true;
	return false;
}

/* s as a JSON string without secrets. */
static void
put_masked(struct text *t, const char *s, size_t len, size_t max)
{
	struct text masked = {0};

	auth_mask(&masked, s, len);
	text_lit(t, "\"");
	text_escape(t, masked.p ? masked.p : "", masked.len < max ? masked.len : max);
	text_lit(t, "\"");
	text_release(&masked);
}

/* The request target, with the values of secret parameters gone. */
static void
put_raw(struct text *t, const char *raw)
{
	struct text s = {0};
	const char *at = strchr(raw, '?');
	size_t start = at ? (size_t)(at - raw) + 1 : strlen(raw);

	text_add(&s, raw, start);
	for (at = raw + start; *at;) {
		size_t len = strcspn(at, "&"), name = strcspn(at, "=&");
		if (name < len && secret_name(at, name)) {
			text_add(&s, at, name);
			text_lit(&s, "=***");
		} else {
			text_add(&s, at, len);
		}
		at += len;
		if (*at == '&') {
			text_lit(&s, "&");
			at++;
		}
	}
	put_masked(t, s.p, s.len, SIZE_MAX);
	text_release(&s);
}

static void
put_pair(struct text *t, bool first, const char *name, const char *value, bool lower)
{
	struct text s = {0};

	text_str(&s, name);
	for (size_t i = 0; lower && i < s.len; i++)
		s.p[i] = (char)tolower((unsigned char)s.p[i]);
	if (!first)
		text_lit(t, ",");
	put_masked(t, s.p, s.len, SIZE_MAX);
	text_lit(t, ":");
	if (secret_name(name, strlen(name)))
		text_lit(t, "\"***\"");
	else
		put_masked(t, value ? value : "", value ? strlen(value) : 0, SIZE_MAX);
	text_release(&s);
}

struct headers {
	struct text *t;
	bool first;
};

static enum MHD_Result
put_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers *h = cls;

	(void)kind;
	put_pair(h->t, h->first, name, value, true);
	h->first = false;
	return MHD_YES;
}

/* A JSON body without the values of its secret members; what is not JSON is not shown. */
static void
put_body(struct text *t, const struct text *body)
{
	if (body->len == 0) {
		text_lit(t, "\"\"");
		return;
	}
	cJSON *json = cJSON_ParseWithLength(body->p, body->len);
	if (json == NULL) {
		text_lit(t, "\"(not JSON)\"");
		return;
	}
	for (cJSON *m = json->child; m; m = m->next)
		if (m->string && secret_name(m->string, strlen(m->string)))
			m->type = (m->type & ~0xff) | cJSON_NULL;
	char *s = cJSON_PrintUnformatted(json);
	put_masked(t, s ? s : "", s ? strlen(s) : 0, MAX_BODY);
	free(s);
	cJSON_Delete(json);
}

static void
put_now(struct text *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_lit(t, ",\"t\":\"");
	text_time(t, now.tv_sec * (int64_t)1000 + now.tv_nsec / 1000000, true);
	text_lit(t, "\"");
}

static void
put_request(struct text *t, const struct request *req)
{
	struct headers h = {t, true};

	text_lit(t, ",\"method\":");
	text_json(t, req->method);
	text_lit(t, ",\"path\":");
	put_masked(t, req->path, strlen(req->path), SIZE_MAX);
	text_lit(t, ",\"raw\":");
	put_raw(t, req->raw);
	text_lit(t, ",\"query\":{");
	for (size_t i = 0; i < req->nparams; i++)
		put_pair(t, i == 0, req->params[i].name, req->params[i].value, false);
	text_fmt(t, "},\"auth\":\"%s\",\"headers\":{", req->auth);
	MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, put_header, &h);
	text_lit(t, "},\"body\":");
	put_body(t, &req->body);
}

/* Keep the newer half of the lines. */
static void
drop_old(void)
{
	char *half = memchr(lines.p + lines.len / 2, '\n', lines.len - lines.len / 2);

	lines.len -= (size_t)(half + 1 - lines.p);
	memmove(lines.p, half + 1, lines.len);
}

void
log_request(const struct request *req, int status, size_t records)
{
	struct text faults = {0};
	size_t start;

	if (lines.len > MAX_KEPT)
		drop_old();
	start = lines.len;
	text_fmt(&lines, "{\"n\":%llu", (unsigned long long)++count);
	put_now(&lines);
	put_request(&lines, req);
	faults_print(&req->faults, &faults);
	text_fmt(&lines, ",\"status\":%d,\"records\":%zu,\"fault\":", status, records);
	text_json(&lines, faults.p);
	text_fmt(&lines, ",\"conn\":%llu}\n", (unsigned long long)req->conn);
	text_release(&faults);
	if (fd >= 0 &&
	    write(fd, lines.p + start, lines.len - start) != (ssize_t)(lines.len - start)) {
		warn("%s: logging stopped", path);
		close(fd);
		fd = -1;
	}
}
