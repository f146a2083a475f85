#include "secret.h"

#include <ctype.h>
#include <err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base64.h"
#include "cs.h"
#include "progress.h"
#include "ref.h"
#include "scan.h"
#include "stream.h"

#define MASK "***"

/* All forms of all secrets, the longest first so that none leaves a rest behind. */
static struct form {
	char *p;
	size_t n;
	char *env; /* the variable it is the value of, or NULL */
} * forms;
static size_t n_forms;

static char *kept;
static struct buf *held;
static bool tell_reader; /* die() ends the stream on stdout */

static void
wipe(void)
{
	for (size_t i = 0; i < n_forms; i++)
		explicit_bzero(forms[i].p, forms[i].n);
}

static void
add_form(const char *p, size_t n)
{
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n_forms; i++)
		if (forms[i].n == n && memcmp(forms[i].p, p, n) == 0)
			return;
	if (n_forms == 0)
		atexit(wipe);
	forms = xreallocarray(forms, n_forms + 1, sizeof(*forms));
	for (i = n_forms++; i > 0 && forms[i - 1].n < n; i--)
		forms[i] = forms[i - 1];
	forms[i] = (struct form){xstrndup(p, n), n, NULL};
}

static void
add_encoded(const char *p, size_t n, const char *hex, bool plus)
{
	struct buf b = {0};

	for (size_t i = 0; i < n; i++) {
		unsigned char c = p[i];
		if (isalnum(c) || strchr("-._~", c))
			buf_addc(&b, c);
		else if (plus && c == ' ')
			buf_addc(&b, '+');
		else {
			buf_addc(&b, '%');
			buf_addc(&b, hex[c >> 4]);
			buf_addc(&b, hex[c & 15]);
		}
	}
	add_form(b.p, b.len);
	explicit_bzero(b.p, b.len);
	buf_release(&b);
}

/* As a server's JSON may say it back, with and without \/ for /. */
static void
add_quoted(const char *p, size_t n)
{
	struct buf b = {0}, slash = {0};

	json_quote(&b, p, n);
	add_form(b.p + 1, b.len - 2);
	for (size_t i = 1; i < b.len - 1; i++) {
		if (b.p[i] == '/')
			buf_addc(&slash, '\\');
		buf_addc(&slash, b.p[i]);
	}
	add_form(slash.p, slash.len);
	explicit_bzero(b.p, b.len);
	explicit_bzero(slash.p, slash.len);
	buf_release(&b);
	buf_release(&slash);
}

void
secret_register(const char *value, size_t n)
{
	struct buf b = {0};

	if (n == 0)
		return;
	add_form(value, n);
	add_encoded(value, n, "0123456789ABCDEF", false);
	add_encoded(value, n, "0123456789abcdef", false);
	add_encoded(value, n, "0123456789ABCDEF", true);
	if (utf8_valid(value, n))
		add_quoted(value, n);
	base64(&b, value, n);
	add_form(b.p, b.len);
	explicit_bzero(b.p, b.len);
	buf_release(&b);
}

/* The form that p begins with, or NULL. */
static const struct form *
find_form(const char *p, size_t n)
{
	for (size_t f = 0; f < n_forms; f++)
		if (forms[f].n <= n && memcmp(p, forms[f].p, forms[f].n) == 0)
			return &forms[f];
	return NULL;
}

void
mask(struct buf *out, const char *p, size_t n)
{
	const struct form *f;

	for (size_t i = 0; i < n; i += f != NULL ? f->n : 1)
		if ((f = find_form(p + i, n - i)) != NULL)
			buf_adds(out, MASK);
		else
			buf_addc(out, p[i]);
}

void
secret_word(struct buf *out, const char *s)
{
	const struct form *f;

	buf_addc(out, '\'');
	for (; *s != '\0'; s += f != NULL ? f->n : 1)
		if ((f = find_form(s, strlen(s))) != NULL && f->env != NULL)
			buf_addf(out, "'\"$%s\"'", f->env);
		else if (f != NULL)
			buf_adds(out, MASK);
		else if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	buf_addc(out, '\'');
}

/* From now on, in commands, this value is called what the environment calls it. */
static void
name_form(const char *value, const char *env)
{
	for (size_t i = 0; i < n_forms; i++)
		if (forms[i].n == strlen(value) && memcmp(forms[i].p, value, forms[i].n) == 0 &&
		    forms[i].env == NULL)
			forms[i].env = xstrdup(env);
}

/* The length of a C1 control, a separator or a mark of direction at p, or 0. */
static size_t
unseen(const unsigned char *p, size_t n)
{
	if (n >= 2 && ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c)))
		return 2;
	if (n < 3 || p[0] != 0xe2)
		return 0;
	if (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3;
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3 : 0;
}

void
make_plain(char *p, size_t n)
{
	bool text = utf8_valid(p, n);
	size_t k;

	for (; n > 0; p += k, n -= k) {
		k = unseen((unsigned char *)p, n);
		if (k > 0)
			memset(p, '?', k);
		else if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
		else if ((unsigned char)*p >= 0x80 && !text)
			*p = '?';
		k += k == 0;
	}
}

/* A message, masked and on one line whatever it quotes; the caller's to free(). */
static char *
message(const char *fmt, va_list ap)
{
	struct buf out = {0};
	char *raw;

	if (vasprintf(&raw, fmt, ap) < 0)
		errx(CS_IO, "out of memory");
	mask(&out, raw, strlen(raw));
	make_plain(out.p, out.len);
	explicit_bzero(raw, strlen(raw));
	free(raw);
	progress_clear();
	return buf_steal(&out);
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *m = message(fmt, ap);
	va_end(ap);
	warnx("%s", m);
	free(m);
}

void
die_in_stream(bool yes)
{
	struct stat st;

	tell_reader = yes && fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void
end_stream(int code, const char *why)
{
	struct buf b = {0};

	stream_error(&b, getenv("CS_STREAM"), code, why, NULL);
	(void)!write(STDOUT_FILENO, b.p, b.len); /* a short line, and nobody left to tell */
	buf_release(&b);
}

void
die(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *m = message(fmt, ap);
	va_end(ap);
	if (tell_reader)
		end_stream(code, m);
	errx(code, "%s", m);
}

int
fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *m = message(fmt, ap);
	va_end(ap);
	if (held != NULL) {
		buf_clear(held);
		buf_adds(held, m);
		free(m);
		return code;
	}
	warnx("%s", m);
	free(kept);
	kept = m;
	return code;
}

struct buf *
fail_hold(struct buf *b)
{
	struct buf *before = held;

	held = b;
	return before;
}

const char *
fail_reason(void)
{
	return kept;
}

void
secret_free(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
secret_clear(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_release(b);
}

void
secret_release(struct secret *s)
{
	free(s->where);
	free(s->ref);
	secret_free(s->value);
	*s = (struct secret){0};
}

void
secret_set(struct secret *s, const char *ref, const char *where)
{
	if (!ref_is(ref)) {
		secret_register(ref, strlen(ref));
		die(CS_USAGE,
		    "%s: give env:NAME, file:PATH, fd:N or cmd:COMMAND, not the secret itself",
		    where);
	}
	secret_release(s);
	s->where = xstrdup(where);
	s->ref = xstrdup(ref);
}

void
secret_set_literal(struct secret *s, const char *value, const char *where)
{
	if (ref_is(value)) {
		secret_set(s, value, where);
		return;
	}
	secret_release(s);
	s->where = xstrdup(where);
	s->value = xstrdup(value);
	secret_register(value, strlen(value));
}

int
secret_given(const struct secret *s)
{
	return s->where != NULL;
}

static bool none;

void
secret_none(void)
{
	none = true;
}

static void
resolve(struct secret *s)
{
	struct buf b = {.max = REF_MAX};
	char *why;

	if (none) {
		s->value = xstrdup(MASK);
		return;
	}
	if (ref_read(&b, s->ref, s->where, &why) < 0)
		die(CS_AUTH, "%s: %s", s->where, why);
	s->value = xstrndup(b.len > 0 ? b.p : "", b.len);
	if (b.p != NULL)
		explicit_bzero(b.p, b.len);
	buf_release(&b);
	secret_register(s->value, strlen(s->value));
	if (strncmp(s->ref, "env:", 4) == 0)
		name_form(s->value, s->ref + 4);
}

/* What people leave in a template. */
static bool
is_placeholder(const char *v)
{
	static const char *const word[] = {"changeme", "change-me", "change_me", "replace_me",
	    "replaceme", "placeholder", "secret_here", "token_here", "todo", "xxx", "xxxx", "xxxxx",
	    "xxxxxx", "xxxxxxxx", "..."};
	size_t n = strlen(v);

	if (n > 2 && ((v[0] == '<' && v[n - 1] == '>') || (v[0] == '{' && v[n - 1] == '}') ||
			 (v[0] == '[' && v[n - 1] == ']') || (v[0] == '$' && v[1] == '{')))
		return true;
	if (strncasecmp(v, "your_", 5) == 0 || strncasecmp(v, "your-", 5) == 0 ||
	    strncasecmp(v, "your ", 5) == 0)
		return true;
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		if (strcasecmp(v, word[i]) == 0)
			return true;
	return false;
}

const char *
secret_text(struct secret *s)
{
	if (s->value == NULL)
		resolve(s);
	if (none)
		return s->value;
	if (*s->value == '\0')
		die(CS_AUTH, "%s: is empty", s->where);
	if (is_placeholder(s->value))
		die(CS_USAGE,
		    "%s: still holds the placeholder of the template: put the real one there",
		    s->where);
	return s->value;
}

const char *
secret_get(struct secret *s)
{
	for (const char *c = secret_text(s); *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			die(CS_USAGE, "%s: holds a control character", s->where);
	return s->value;
}
