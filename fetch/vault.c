#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lines.h"
#include "num.h"
#include "scan.h"
#include "stop.h"

#define VAULT_MAX (4u << 20)  /* bytes */
#define SPARE     (64u << 10) /* bytes that an answer may need */

static int
cannot(const char *path)
{
	return fail(CS_IO, "--credentials: %s: %s", path, strerror(errno));
}

static int
lock(struct vault *v)
{
	char *name = xasprintf("%s.lock", v->path);
	int r = 0;

	v->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (v->lock < 0)
		r = cannot(name);
	while (r == 0 && flock(v->lock, LOCK_EX) < 0) {
		if (errno != EINTR)
			r = cannot(name);
		else if (stop_signal() != 0)
			r = -1;
	}
	free(name);
	return r;
}

static bool
is_object(const struct buf *b)
{
	struct value root;
	const char *err;

	return scan_text(b->p, b->len, &root, &err) == 0 && root.type == JSON_OBJECT;
}

static int
move_in(struct vault *v)
{
	return rename(v->new, v->path) == 0 && file_sync_directory(v->path) == 0 ? 0
										 : cannot(v->path);
}

/* Take up FILE.new where somebody had written it whole; it may have room left at its end. */
static int
recover(struct vault *v)
{
	struct buf b = {.max = VAULT_MAX};
	int r = 0, fd;

	buf_adds(&b, "");
	if (file_read(&b, v->new) == 0 && b.len > 0) {
		b.len = strlen(b.p);
		if (b.len > 1 && b.p[b.len - 1] == '\n' && is_object(&b)) {
			fd = open(v->new, O_WRONLY | O_CLOEXEC);
			r = fd >= 0 && ftruncate(fd, (off_t)b.len) == 0 && fsync(fd) == 0
				? move_in(v)
				: cannot(v->new);
			if (fd >= 0)
				close(fd);
		}
	}
	secret_clear(&b);
	return r;
}

static int
load(struct vault *v)
{
	struct stat st;
	bool there = stat(v->path, &st) == 0;

	v->text.max = VAULT_MAX;
	if (there && !S_ISREG(st.st_mode))
		return fail(CS_USAGE, "--credentials: %s: is no regular file", v->path);
	if (file_read(&v->text, v->path) < 0 && errno != ENOENT)
		return cannot(v->path);
	if (v->text.len == 0)
		buf_adds(&v->text, "{}");
	if (!is_object(&v->text))
		return fail(CS_USAGE,
		    "--credentials: %s: is no credentials file: nothing is written", v->path);
	if (there && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		say("--credentials: %s could be read by others: its mode is 600 once it is written",
		    v->path);
	return 0;
}

int
vault_open(struct vault *v, const char *path)
{
	int r;

	*v = (struct vault){.path = realpath(path, NULL), .lock = -1, .fd = -1};
	if (v->path == NULL)
		v->path = xstrdup(path);
	v->new = xasprintf("%s.new", v->path);
	if ((r = lock(v)) != 0 || (r = recover(v)) != 0 || (r = load(v)) != 0)
		vault_close(v);
	return r;
}

static char *
text(const struct value *v)
{
	struct buf b = {0};

	if (v->type != JSON_STRING || json_unescape(&b, v->p + 1, v->n - 2) != 0 || b.len == 0) {
		secret_clear(&b);
		return NULL;
	}
	return buf_steal(&b);
}

static void
get_member(struct token *t, struct slice key, const struct value *v)
{
	if (slice_is(key, "access_token")) {
		secret_free(t->access);
		t->access = text(v);
	} else if (slice_is(key, "refresh_token")) {
		secret_free(t->refresh);
		t->refresh = text(v);
	} else if (slice_is(key, "obtained") && num_int64(v->p, v->n, &t->obtained) < 0)
		t->obtained = 0;
	else if (slice_is(key, "expires") && num_int64(v->p, v->n, &t->expires) < 0)
		t->expires = 1; /* long ago */
}

/* Call each for every member of the object; the text is valid. */
static void
walk(const char *p, size_t n, void (*each)(void *arg, struct slice key, const struct value *v),
    void *arg)
{
	struct scan s = {0};
	struct slice key;
	struct value v;

	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0 && scan_value(&s, &v) == 0)
			each(arg, key, &v);
	scan_release(&s);
}

struct search {
	const char *key;
	struct token *t;
	struct buf *out; /* to which what is not found goes */
};

static void
each_member(void *arg, struct slice key, const struct value *v)
{
	get_member(arg, key, v);
}

static void
each_entry(void *arg, struct slice key, const struct value *v)
{
	struct search *s = arg;

	if (slice_is(key, s->key)) {
		if (s->t != NULL)
			walk(v->p, v->n, each_member, s->t);
	} else if (s->out != NULL) {
		json_quote(s->out, key.p, key.n);
		buf_addf(s->out, ":%.*s,\n", (int)v->n, v->p);
	}
}

void
vault_get(const struct vault *v, const char *key, struct token *t)
{
	struct search s = {.key = key, .t = t};

	*t = (struct token){0};
	walk(v->text.p, v->text.len, each_entry, &s);
	token_register(t);
}

int
vault_ready(struct vault *v)
{
	int err;

	v->fd = open(v->new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (v->fd < 0)
		return cannot(v->new);
	err = posix_fallocate(v->fd, 0, (off_t)v->text.len + SPARE);
	errno = err;
	return err == 0 || err == EOPNOTSUPP || err == EINVAL ? 0 : cannot(v->new);
}

static void
add_text(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(b, ",\"%s\":", name);
	json_quote(b, value, strlen(value));
}

int
vault_put(struct vault *v, const char *key, const char *url, const struct token *t)
{
	struct buf b = {0};
	struct search s = {.key = key, .out = &b};
	int r;

	buf_addc(&b, '{');
	walk(v->text.p, v->text.len, each_entry, &s);
	buf_addf(&b, "\"%s\":{\"obtained\":%" PRId64, key, t->obtained);
	if (t->expires != 0)
		buf_addf(&b, ",\"expires\":%" PRId64, t->expires);
	add_text(&b, "url", url);
	add_text(&b, "access_token", t->access);
	add_text(&b, "refresh_token", t->refresh);
	buf_adds(&b, "}}\n");
	r = write_all(v->fd, b.p, b.len) == 0 && ftruncate(v->fd, (off_t)b.len) == 0 &&
		    fchmod(v->fd, 0600) == 0 && fsync(v->fd) == 0
		? move_in(v)
		: cannot(v->new);
	secret_clear(&v->text);
	v->text = b;
	return r;
}

void
vault_close(struct vault *v)
{
	if (v->fd >= 0)
		close(v->fd);
	if (v->lock >= 0)
		close(v->lock);
	v->fd = v->lock = -1;
	free(v->path);
	free(v->new);
	secret_clear(&v->text);
}
