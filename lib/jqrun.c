#include <jq.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jqask.h"
#include "jqjson.h"
#include "jqload.h"
#include "jqlook.h"
#include "jqrun.h"

struct jqrun {
	jq_state *jq;
	jq_state *careful;   /* the program for records with long numbers, once one has come */
	jv args;             /* the variables */
	char *program;       /* this and vars stay: numbers are slices of them */
	struct buf unfolded; /* the same, but libjq computes nothing as it compiles */
	struct buf vars;     /* the variables' JSON texts */
	struct jqjson json;
	struct jqlook look;
	bool quiet; /* debug has spoken already */
	struct jqask ask;
	struct buf out; /* results */
	struct buf again;
	struct buf err;
};

static const struct {
	const char *name, *why;
} refusals[] = {
    {"_no_input/0", "input is not available: a program sees one record at a time"},
    {"_no_env/0", "env is not available: pass values by --arg"},
    {"_no_halt/0", "halt is not available: use error or empty"},
    {"_no_modules/0", "modules are not available"},
    {"unexpected import", "modules are not available"},
    {"unexpected include", "modules are not available"},
    {"unexpected module", "modules are not available"},
};

/* libjq's complaints come one by one and end with the program's text: keep the first line
 * of the first. */
static void
on_error(void *arg, jv msg)
{
	static const char prefix[] = "jq: error: ", guess[] = " (Unix shell quoting issues?)";
	char **why = arg, *at;
	size_t n;

	if (!*why && jv_get_kind(msg) == JV_KIND_STRING) {
		const char *p = jv_string_value(msg);

		if (!strncmp(p, prefix, sizeof prefix - 1))
			p += sizeof prefix - 1;
		n = strcspn(p, "\n");
		while (n && (p[n - 1] == ':' || p[n - 1] == ' '))
			n--;
		*why = xstrndup(p, n);
		at = strstr(*why, guess);
		if (at)
			memmove(at, at + sizeof guess - 1, strlen(at + sizeof guess - 1) + 1);
		at = strstr(*why, ", column "); /* 1.7 and later count in the prelude */
		if (at)
			*at = '\0';
	}
	jv_free(msg);
}

static jv
on_input(jq_state *jq, void *arg)
{
	struct jqrun *j = arg;

	(void)jq;
	return jqask_reply(&j->ask);
}

static void
on_debug(void *arg, jv v)
{
	struct jqrun *j = arg;
	struct buf b = {0};

	if (jqask(&j->ask, jv_copy(v))) {
		jv_free(v);
		return;
	}
	if (j->quiet)
		jv_free(v);
	else if (jqjson_write(&j->json, &b, v) == 0)
		fprintf(stderr, "[\"DEBUG:\",%.*s]\n", (int)b.len, b.p);
	buf_release(&b);
}

/* Start libjq and compile. libjq reads ~/.jq, and $ENV, from the environment: let it find none. NULL with *why. */
static jq_state *
compile(struct jqrun *j, const char *more, const char *program, char **why)
{
	static char *none[] = {NULL};
	char **saved = environ;
	char *whole;
	jq_state *jq = jq_init();
	int ok;

	if (!jq) {
		*why = xstrdup("libjq does not start");
		return NULL;
	}
	jq_set_nomem_handler(jq, NULL, NULL); /* libjq 1.6 leaves it as it comes */
	jq_set_error_cb(jq, on_error, why);
	jq_set_debug_cb(jq, on_debug, j);
	jq_set_input_cb(jq, on_input, j);
	whole = xasprintf("%s%s%s", jqask_prelude, more, program);
	environ = none;
	ok = jq_compile_args(jq, whole, jv_copy(j->args));
	environ = saved;
	free(whole);
	jq_set_error_cb(jq, NULL, NULL);
	if (!ok) {
		*why = *why ? *why : xstrdup("not a jq program");
		jq_teardown(&jq);
	}
	return jq;
}

static char *
explain(char *why)
{
	for (size_t i = 0; why && i < sizeof refusals / sizeof *refusals; i++) {
		if (strstr(why, refusals[i].name)) {
			free(why);
			return xstrdup(refusals[i].why);
		}
	}
	return why;
}

struct constants {
	struct jqrun *j;
	const char *at; /* what is unfolded */
	bool folded;    /* 0/0 is nan that way, and an error otherwise */
	char **err;
};

static void
constant(void *arg, struct slice number)
{
	struct constants *c = arg;
	struct jqrun *j = c->j;
	const char *before;

	for (before = number.p; before > j->program && strchr(" \t\r\n", before[-1]);)
		before--;
	if (before > j->program && before[-1] == '/' && strtod(number.p, NULL) == 0)
		c->folded = true;
	buf_add(&j->unfolded, c->at, (size_t)(number.p - c->at));
	buf_addf(&j->unfolded, "(%.*s as $x|$x)", (int)number.n, number.p);
	c->at = number.p + number.n;
	if (!j->json.lossy && jqjson_constant(&j->json, number.p, number.n) < 0 && !*c->err)
		*c->err = xasprintf("%.*s has more digits than jq holds: compare it as text",
		    (int)number.n, number.p);
}

static jv
variables(struct jqrun *j, const char *const *vars, char **err)
{
	jv all = jv_object(), v;
	size_t total = 0;

	for (size_t i = 0; vars && vars[i]; i += 2)
		total += strlen(vars[i + 1]);
	buf_room(&j->vars, total);
	for (; vars && *vars && !*err; vars += 2) {
		size_t at = j->vars.len, n = strlen(vars[1]);

		buf_add(&j->vars, vars[1], n);
		if (jqjson_read(&j->json, j->vars.p + at, n, &v) < 0) {
			*err = xasprintf("$%s: %s", vars[0], j->json.err);
			break;
		}
		all = jv_object_set(all, jv_string(vars[0]), v);
		if (j->json.inexact)
			*err = xasprintf("$%s: %.*s has more digits than jq holds: pass it as text",
			    vars[0], (int)j->json.number.n, j->json.number.p);
		jqjson_adopt(&j->json);
	}
	v = jv_object_set(jv_object(), jv_string("positional"), jv_array());
	v = jv_object_set(v, jv_string("named"), jv_copy(all));
	return jv_object_set(all, jv_string("ARGS"), v);
}

struct jqrun *
jqrun_new(const char *program, const char *const *vars, enum jqrun_numbers numbers, char **err)
{
	struct jqrun *j = xcalloc(1, sizeof *j);
	struct constants c = {.j = j, .err = err};
	const char *unloaded;
	char *why = NULL;

	*err = NULL;
	if (jqload(&unloaded) < 0) {
		*err = xasprintf("libjq cannot be loaded: %s", unloaded);
		free(j);
		return NULL;
	}
	j->json.texts = numbers == JQRUN_TEXT;
	j->json.lossy = numbers == JQRUN_LOSSY;
	j->program = xstrdup(program);
	j->ask = (struct jqask){.json = &j->json, .reply = jv_null()};
	j->args = variables(j, vars, err);
	c.at = j->program;
	j->look = jqlook(j->program, constant, &c);
	buf_adds(&j->unfolded, c.at);
	if (c.folded) {
		buf_clear(&j->unfolded);
		buf_adds(&j->unfolded, j->program);
	}
	if (j->look.narrow)
		j->json.fields = &j->look.fields;
	if (j->look.refused && !*err)
		*err = xasprintf("%s is not available: pass values by --arg", j->look.refused);
	if (!*err) {
		j->jq = j->look.multiplies && !j->json.lossy
			    ? compile(j, jqask_watch, j->unfolded.p, &why)
			    : compile(j, "", j->program, &why);
		*err = j->jq ? NULL : explain(why);
	}
	if (!*err) {
		free(why);
		return j;
	}
	jqrun_free(j);
	return NULL;
}

static int
fail(struct jqrun *j, const char **err)
{
	*err = j->err.p;
	return -1;
}

/* The message of an error that the program did not catch, on one line. */
static int
died(struct jqrun *j, jv msg, const char **err)
{
	buf_clear(&j->err);
	if (jv_get_kind(msg) == JV_KIND_STRING) {
		buf_add(
		    &j->err, jv_string_value(msg), (size_t)jv_string_length_bytes(jv_copy(msg)));
		jv_free(msg);
	} else if (jqjson_write(&j->json, &j->err, msg) < 0) {
		buf_adds(&j->err, j->json.err);
	}
	for (char *p = j->err.p; p < j->err.p + j->err.len; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' '; /* one line, and a C string */
	return fail(j, err);
}

static int
unheld(struct jqrun *j, const char *what, const char **err)
{
	const struct slice *number = &j->json.number;

	if (!j->json.inexact)
		return *err = JQJSON_COMPUTED, -1;
	buf_clear(&j->err);
	buf_addf(&j->err,
	    "%s: %.*s%s has more digits than jq holds; make it text first "
	    "(cs-map --type COLUMN=string)",
	    what, number->n > 40 ? 40 : (int)number->n, number->p, number->n > 40 ? "..." : "");
	return fail(j, err);
}

static int
unread(struct jqrun *j, const char **err)
{
	*err = j->json.err;
	return -1;
}

/* Where results go: to emit, or one after the other into out, each with a NUL behind it.
 */
struct sink {
	int (*emit)(void *arg, const char *p, size_t n);
	void *arg;
	struct buf *out;
};

/* One result; r is consumed. 1 to stop, 0, -1. */
static int
result(struct jqrun *j, jv r, jv self, const struct sink *to, const char **err)
{
	size_t at = to->out->len;

	if (jv_identical(jv_copy(r), jv_copy(self))) {
		jv_free(r);
		if (to->emit)
			return to->emit(to->arg, j->json.src.p, j->json.src.n) ? 1 : 0;
		buf_add(to->out, j->json.src.p, j->json.src.n);
	} else if (jqjson_write(&j->json, to->out, r) < 0) {
		return j->json.ambiguous ? unheld(j, j->json.err, err) : unread(j, err);
	}
	if (!to->emit)
		return buf_addc(to->out, '\0');
	if (to->emit(to->arg, to->out->p + at, to->out->len - at))
		return 1;
	to->out->len = at;
	return 0;
}

/* Run the program over v, which is consumed. 0 or -1. */
static int
run(struct jqrun *j, jq_state *jq, jv v, const struct sink *to, const char **err)
{
	jv self = jv_copy(v), r;
	int status = 0;

	j->ask.unheld = false;
	j->ask.careful = jq == j->careful;
	jq_start(jq, v, 0);
	while (status == 0 && jv_is_valid(r = jq_next(jq)))
		status = result(j, r, self, to, err);
	jv_free(self);
	if (status)
		return status < 0 ? -1 : 0;
	if (j->ask.unheld) {
		jv_free(r);
		return unheld(j, JQJSON_DEPENDS, err);
	}
	if (jv_invalid_has_msg(jv_copy(r)))
		return died(j, jv_invalid_get_msg(r), err);
	jv_free(r);
	return 0;
}

/*
 * Some number is held by no double, and the program may look at its value. Where the results are
 * the same whatever doubles around it, in the order of the numbers, stand for such a number, nothing came of its
 * digits but the digits themselves, and their order.
 */
static int
run_again(struct jqrun *j, jq_state *jq, const char **err)
{
	const struct sink again = {.out = &j->again};
	jv v;

	j->quiet = true;
	for (int as = JQNUMS_ABOVE; as <= JQNUMS_BELOW; as++) {
		buf_clear(&j->again);
		if (jqjson_again(&j->json, (enum jqnums_as)as, &v) < 0)
			return unread(j, err);
		if (run(j, jq, v, &again, err) < 0 || j->out.len != j->again.len ||
		    (j->out.len && memcmp(j->out.p, j->again.p, j->out.len) != 0))
			return unheld(j, JQJSON_DEPENDS, err);
	}
	return 0;
}

/* May sums of the numbers be beyond 2^53? Of products jqask_watch takes note. */
static bool
large_sums(const struct jqrun *j)
{
	const struct jqlook *l = &j->look;

	return ldexp(j->json.largest, l->additions < 50 ? l->additions : 50) *
		   (l->loops ? (double)j->json.nums.n + 1 : 1) >=
	       JQNUM_EXACT;
}

/* Does the program look at long numbers, and has the text some? */
static bool
needs_care(const struct jqrun *j)
{
	const bool apart =
	    !j->json.below && j->json.far && !(j->look.multiplies && j->look.additions);

	/* Sums of other numbers that are less than 2^53 are none of the inexact ones, either. */
	return !j->json.lossy &&
	       ((j->look.sums && ((j->json.inexact && !apart) || large_sums(j))) ||
		   ((j->look.compares || j->look.texts) && j->json.inexact && j->json.below));
}

/* The program for long numbers. NULL with *err. */
static jq_state *
careful(struct jqrun *j, const char **err)
{
	char *why = NULL;

	if (!j->careful)
		j->careful = compile(j, jqask_careful, j->unfolded.p, &why);
	if (!j->careful) {
		buf_clear(&j->err);
		buf_adds(&j->err, why);
		*err = j->err.p;
	}
	free(why);
	return j->careful;
}

/* Run it over v, the text last read, which is consumed; the results go to out. 0 or -1. */
static int
run_kept(struct jqrun *j, jv v, bool care, const char **err)
{
	const struct sink kept = {.out = &j->out};
	const bool calm = j->look.kind == JQLOOK_CALM || !j->json.below;
	jq_state *jq = care ? careful(j, err) : j->jq;
	int r;

	if (!jq) {
		jv_free(v);
		return -1;
	}
	if (j->json.ambiguous || j->json.common || (care && j->json.plain)) {
		jv_free(v);
		if (jqjson_again(&j->json, JQNUMS_APART, &v) < 0)
			return unread(j, err);
	}
	j->ask.lost = j->ask.ordered = false;
	r = run(j, jq, v, &kept, err);
	if (j->ask.lost && !care) {
		buf_clear(&j->out);
		j->quiet = true;
		return jqjson_again(&j->json, JQNUMS_APART, &v) < 0 ? unread(j, err)
								    : run_kept(j, v, true, err);
	}
	if (r == 0 && (!calm || j->ask.ordered) &&
	    (j->json.inexact || (care && j->json.nums.made))) {
		if ((j->look.orders || j->ask.ordered) && !jqnums_ordered(&j->json.nums))
			return unheld(j, JQJSON_DEPENDS, err);
		r = run_again(j, jq, err);
	}
	return r;
}

int
jqrun_run(struct jqrun *j, const char *p, size_t n, int (*emit)(void *arg, const char *p, size_t n),
    void *arg, const char **err)
{
	const struct sink out = {emit, arg, &j->out};
	const char *end;
	bool care;
	jv v;

	buf_clear(&j->out);
	j->quiet = false;
	if (jqjson_read(&j->json, p, n, &v) < 0)
		return unread(j, err);
	care = needs_care(j);
	if (!care && !j->look.parses && !j->look.multiplies && !j->json.ambiguous &&
	    (j->look.kind == JQLOOK_CALM || !j->json.below || !j->json.inexact))
		return run(j, j->jq, v, &out, err);
	if (run_kept(j, v, care, err) < 0)
		return -1;
	for (p = j->out.p; p < j->out.p + j->out.len; p = end + 1) {
		end = memchr(p, '\0', (size_t)(j->out.p + j->out.len - p));
		if (emit(arg, p, (size_t)(end - p)))
			break;
	}
	return 0;
}

void
jqrun_free(struct jqrun *j)
{
	if (!j)
		return;
	if (j->jq)
		jq_teardown(&j->jq);
	if (j->careful)
		jq_teardown(&j->careful);
	jv_free(j->args);
	jv_free(j->ask.reply);
	jqjson_release(&j->json);
	buf_release(&j->look.fields);
	buf_release(&j->vars);
	buf_release(&j->unfolded);
	buf_release(&j->out);
	buf_release(&j->again);
	buf_release(&j->err);
	free(j->program);
	free(j);
}

static int
keep_version(void *arg, const char *p, size_t n)
{
	snprintf(arg, 8, "%.*s", (int)n - 2, p + 1);
	return 1;
}

/* libjq does not say, but its functions tell. */
const char *
jqrun_version(void)
{
	static char version[8] = "?";
	static const char null[4 + BUF_PAD] = "null";
	const char *why;
	char *err;
	struct jqrun *j = jqrun_new("builtins | if any(. == \"trimstr/1\") then \"1.8\" "
				    "elif any(. == \"pick/1\") then \"1.7\" "
				    "else \"1.6\" end",
	    NULL, JQRUN_EXACT, &err);

	if (j)
		(void)jqrun_run(j, null, 4, keep_version, version, &why);
	else
		free(err);
	jqrun_free(j);
	return version;
}
