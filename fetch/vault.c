#include "vault.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

#define VAULT_MAX (4u << 20) /* bytes */
#define SPARE     (64u << 10)

static int
lock(struct vault *v)
{
	char *name = xasprintf("%s.lock", v->path);
	int r = 0;

	v->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (v->lock < 0)
		r = fail(CS_IO, "--credentials: %s: %s", name, strerror(errno));
	while (r == 0 && flock(v->lock, LOCK_EX) < 0) {
		if (errno != EINTR)
			r = fail(CS_IO, "--credentials: %s: %s", name, strerror(errno));
		else if (stop_signal() != 0)
			r = -1;
	}
	free(name);
	return r;
}

static int
load(struct vault *v)
{
	struct value root;
	struct stat st;
	const char *err;
	bool there;

	v->text.max = VAULT_MAX;
	there = stat(v->path, &st) == 0;
	if (there && !S_ISREG(st.st_mode))
		return fail(CS_USAGE, "--credentials: %s: is no regular file", v->path);
	if (file_read(&v->text, v->path) < 0 && errno != ENOENT)
		return fail(CS_IO, "--credentials: %s: %s", v->path, strerror(errno));
	if (v->text.len == 0)
		buf_adds(&v->text, "{}");
	if (scan_text(v->text.p, v->text.len, &root, &err) < 0 || root.type != JSON_OBJECT)
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

	*v = (struct vault){.path = path, .lock = -1};
	if ((r = lock(v)) != 0 || (r = load(v)) != 0)
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

static int
cannot(const struct vault *v)
{
	return fail(CS_IO, "--credentials: %s: %s", v->path, strerror(errno));
}

/* Open the file that takes its place, for us alone. */
static int
begin(struct vault *v, struct replace *r)
{
	if (replace_open(r, v->path, 0600) < 0)
		return cannot(v);
	r->mode = 0600;
	return 0;
}

int
vault_ready(struct vault *v)
{
	struct replace r;
	int err;

	if (begin(v, &r) != 0)
		return CS_IO;
	err = posix_fallocate(r.fd, 0, (off_t)v->text.len + SPARE);
	replace_abort(&r);
	errno = err;
	return err == 0 || err == EOPNOTSUPP || err == EINVAL ? 0 : cannot(v);
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
	struct replace r;
	int result;

	buf_addc(&b, '{');
	walk(v->text.p, v->text.len, each_entry, &s);
	buf_addf(&b, "\"%s\":{\"obtained\":%" PRId64, key, t->obtained);
	if (t->expires != 0)
		buf_addf(&b, ",\"expires\":%" PRId64, t->expires);
	add_text(&b, "url", url);
	add_text(&b, "access_token", t->access);
	add_text(&b, "refresh_token", t->refresh);
	buf_adds(&b, "}}\n");
	if ((result = begin(v, &r)) == 0) {
		if (write_all(r.fd, b.p, b.len) < 0) {
			result = cannot(v);
			replace_abort(&r);
		} else if (replace_commit(&r) < 0)
			result = cannot(v);
	}
	secret_clear(&v->text);
	v->text = b;
	return result;
}

void
vault_close(struct vault *v)
{
	if (v->lock >= 0)
		close(v->lock);
	v->lock = -1;
	secret_clear(&v->text);
}
