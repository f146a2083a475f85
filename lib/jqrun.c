#include <jq.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jqjson.h"
#include "jqload.h"
#include "jqlook.h"
#include "jqrun.h"
#include "jqsum.h"

struct jqrun {
	jq_state *jq;
	jq_state *
	    careful; /* the same program for records with long numbers, once one has come, or NULL */
	jv args;     /* its variables */
	struct buf
	    unfolded; /* the program, but no operator is between constants, which libjq computes as it compiles */
	char *program;   /* this and vars stay: numbers are slices of them */
	struct buf vars; /* the variables' JSON texts */
	struct jqjson json;
	struct jqlook look;
	bool quiet;       /* debug has spoken already */
	bool ordered;     /* arrays or objects were compared, whose numbers have whatever doubles */
	bool careful_now; /* that program runs */
	bool lost;        /* there were such numbers in a string, which the careful program reads */
	bool unheld;      /* something was to be computed with a long number that cannot be */
	jv reply;         /* to what the prelude asked */
	struct buf out;   /* results */
	struct buf again;
	struct buf err;
};

/*
 * What programs may not use. Each is defined by a name that is not, which libjq finds out
 * only when it is used, as it leaves out functions that are not.
 */
static const char prelude[] =
    "def _input: input; def input: _no_input; def inputs: _no_input; def input_filename: "
    "_no_input; "
    "def input_line_number: _no_input; def env: _no_env; def halt: _no_halt; "
    "def halt_error: _no_halt; def halt_error(f): _no_halt; def modulemeta: _no_modules; "
    "def get_search_list: _no_modules; "
    /* Numbers in text may have more digits than libjq holds: on_debug() looks, and on_input() answers. */
    "def _ask(f): if type == \"string\" and utf8bytelength > 15 then [\"\\u0000\" + f, .] | debug "
    "| _input else . end; def _tonumber: tonumber; def tonumber: _ask(\"number\") | _tonumber; "
    "def _fromjson: fromjson; def _null: . == null; def fromjson: if type == \"string\" and "
    "utf8bytelength > 15 "
    "then ([\"\\u0000json\", .] | debug | _input) as $v | if $v | _null then _fromjson else $v[0] "
    "end else _fromjson end; "
    /* libjq 1.6 takes an error of null for the end of the results. */
    "def _error(f): error(f); def error(f): f as $_m | _error(if $_m == null then \"null\" else "
    "$_m end); "
    "def error: error(.); ";

/* An operator of jq's, which libjq calls by its name. on_debug() has its result, or leaves it to jq by null. */
#define OPERATOR(name, sign, op, others)                                                           \
	"def _jq" name "(a; b): a " sign " b; def _" name "(a; b): b as $b | a as $a | "           \
	"if ($a | _number) and ($b | _number) "                                                    \
	"then [\"\\u0000" op "\", $a, $b] | debug | _input | "                                     \
	"if _null then _jq" name "($a; $b) else . end "                                            \
	"else _jq" name "($a" others "; $b" others ") end; "
#define ORDER(name, sign, op) OPERATOR(name, sign, op, " | _sorted")
#define ROUNDED(name, how)                                                                         \
	"def _jq" name ": " name "; def " name ": if _number then "                                \
	"([\"\\u0000" how "\", ., .] | debug | _input) as $d | if $d | _null then _jq" name        \
	" else $d end else _jq" name " end; "
#define GUARDED(name)                                                                              \
	"def _jq" name "(a; b): " name "(a; b); def " name "(a; b): _jq" name                      \
	"(a | _short; b | _short); "

/* What is added for records with long numbers: exact operators, and no such numbers for what else might add. */
/* clang-format off */
static const char careful_prelude[] =
    "def _texts: . == \"text\" or . == \"html\" or . == \"uri\" or . == \"base64\"; "
    "def _same: .; def _scalar: type == \"number\" or type == \"boolean\"; def _number: type == \"number\"; "
    "def _short: if _number then [\"\\u0000short\", .] | debug | _input else . end; "
    "def _sorted: if type == \"array\" or type == \"object\" then [\"\\u0000order\", .] | debug | _input else . end; "
    OPERATOR("equal", "==", "=", "")
    OPERATOR("notequal", "!=", "!", "")
    ORDER("less", "<", "<")
    ORDER("lesseq", "<=", "l")
    ORDER("greater", ">", ">")
    ORDER("greatereq", ">=", "g")
    OPERATOR("multiply", "*", "*", " | _short")
    ROUNDED("_negate", "N")
    OPERATOR("plus", "+", "+", "")
    OPERATOR("minus", "-", "-", "")
    OPERATOR("divide", "/", "/", "")
    OPERATOR("mod", "%", "%", "")
    "def add(f): reduce f as $x (null; . + $x); def add: add(.[]); "
    "def dateadd(u; n): . + n; def datesub(u; n): . - n; "
    ROUNDED("floor", "F") ROUNDED("ceil", "C") ROUNDED("trunc", "T") ROUNDED("round", "R")
    ROUNDED("rint", "E") ROUNDED("nearbyint", "E") ROUNDED("fabs", "A")
    "def _text: [\"\\u0000Xtext\", .] | debug | _input; "
    "def _jqtojson: tojson; def tojson: _text as $t | if $t | _null then _jqtojson else $t end; "
    "def tostring: if type == \"string\" then . else tojson end; "
    "def _jqformat(f): format(f); "
    "def format(f): f as $f | if $f == \"json\" then tojson elif $f | _texts then tostring | _jqformat($f) "
    "elif _text | _null then _jqformat($f) else [\"\\u0000Unheld\", .] | debug | _input end; "
    "def join($s): reduce .[] as $i (null; (if _null then \"\" else . + $s end) + "
    "($i | if _scalar then tojson else . // \"\" end)) // \"\"; "
    "def INDEX(s; f): reduce s as $r ({}; .[$r | f | tostring] |= $r); def INDEX(f): INDEX(.[]; f); "
    "def _jqfma(a; b; c): fma(a; b; c); "
    "def fma(a; b; c): _jqfma(a | _short; b | _short; c | _short); "
    "def _jqrange(a; b; c): range(a; b; c); "
    "def range(a; b; c): _jqrange(a | _short; b | _short; c | _short); "
    GUARDED("range") GUARDED("drem") GUARDED("fdim") GUARDED("fmod") GUARDED("hypot") GUARDED("ldexp")
    GUARDED("nextafter") GUARDED("nexttoward") GUARDED("pow") GUARDED("remainder") GUARDED("scalb")
    GUARDED("scalbln");
/* clang-format on */

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

/*
 * What the prelude asks, if v is a question of its: the first byte of its name, or NUL; x and, for operators, y: what
 * it asks about.
 */
static char
question(jv v, jv *x, jv *y)
{
	char which = '\0';
	jv first;
	int n;

	if (jv_get_kind(v) != JV_KIND_ARRAY)
		return '\0';
	n = jv_array_length(jv_copy(v));
	first = jv_array_get(jv_copy(v), 0);
	if ((n == 2 || n == 3) && jv_get_kind(first) == JV_KIND_STRING &&
	    jv_string_length_bytes(jv_copy(first)) > 1 && !*jv_string_value(first))
		which = jv_string_value(first)[1];
	jv_free(first);
	*x = jv_array_get(jv_copy(v), 1);
	*y = n == 3 ? jv_array_get(jv_copy(v), 2) : jv_null();
	return which;
}

/* The text itself if it is no number, or one that a double holds; otherwise an error. */
static jv
held(struct jqrun *j, jv text)
{
	struct slice t = {jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))};
	struct buf why = {0};

	if (j->json.lossy || jqjson_holds(&j->json, t.p, t.n))
		return text;
	buf_addf(&why, "%.*s%s has more digits than jq holds: leave it text",
	    t.n > 40 ? 40 : (int)t.n, t.p, t.n > 40 ? "..." : "");
	jv_free(text);
	text = jv_invalid_with_msg(jv_string(why.p));
	buf_release(&why);
	return text;
}

static jv
on_input(jq_state *jq, void *arg)
{
	struct jqrun *j = arg;
	jv reply = j->reply;

	(void)jq;
	j->reply = jv_null();
	return reply;
}

/* Not for this program: the record fails, whatever becomes of the error. */
static jv
not_held(struct jqrun *j)
{
	j->unheld = true;
	return jv_invalid_with_msg(jv_string(JQJSON_DEPENDS));
}

/* What a op b is, or a made whole; null: the same as for jq. */
static jv
operate(struct jqrun *j, char op, double a, double b)
{
	bool compare = strchr("<>lg=!", op) != NULL, truth;
	double d;

	switch (compare               ? jqsum_compare(&j->json.nums, op, a, b, &truth)
		: strchr("+-*/%", op) ? jqsum(&j->json.nums, op, a, b, &d)
				      : jqsum_round(&j->json.nums, op, a, &d)) {
	case JQSUM_OK:
		return compare ? jv_bool(truth) : jv_number(d);
	case JQSUM_JQ:
		return jv_null();
	default:
		return not_held(j);
	}
}

/* An array of the value of JSON, text, that has long numbers; null: it has none. */
static jv
inner(struct jqrun *j, jv text)
{
	const char *p = jv_string_value(text);
	size_t n = (size_t)jv_string_length_bytes(jv_copy(text));
	jv v, reply = jv_null();
	int r;

	if (j->careful_now) {
		r = jqjson_inner(&j->json, p, n, &v);
		reply = r < 0 ? not_held(j) : r ? jv_array_append(jv_array(), v) : reply;
	} else if (!j->json.lossy && jqjson_loses(&j->json, p, n)) {
		j->lost = true;
	}
	jv_free(text);
	return reply;
}

/* The text of v, which is consumed, if it has long numbers, or else null. */
static jv
text(struct jqrun *j, jv v)
{
	struct buf b = {0};
	int r = jqjson_text(&j->json, &b, v);
	jv reply;

	reply = r < 0 ? not_held(j) : r ? jv_string_sized(b.p, (int)b.len) : jv_null();
	buf_release(&b);
	return reply;
}

/* Answer a question of the prelude; x and y are consumed. false: it was none. */
static bool
answer(struct jqrun *j, char which, jv x, jv y)
{
	jv reply = jv_null();

	if (jv_get_kind(x) == JV_KIND_STRING && which == 'n') {
		reply = held(j, x);
	} else if (jv_get_kind(x) == JV_KIND_STRING && which == 'j') {
		reply = inner(j, x);
	} else if (!j->careful_now) {
		which = '\0';
	} else if (which == 'U') {
		jv_free(x);
		reply = not_held(j);
	} else if (which == 'X') {
		reply = text(j, x);
	} else if (which == 'o') {
		j->ordered = true;
		reply = x;
	} else if (jv_get_kind(x) != JV_KIND_NUMBER) {
		which = '\0';
	} else if (which == 's') {
		reply = jqsum_long(&j->json.nums, jv_number_value(x)) ? not_held(j) : x;
	} else if (strchr("+-*/%<>lg=!FCTREAN", which) && jv_get_kind(y) == JV_KIND_NUMBER) {
		reply = operate(j, which, jv_number_value(x), jv_number_value(y));
	} else {
		which = '\0';
	}
	if (which) {
		jv_free(j->reply);
		j->reply = reply;
		return true;
	}
	jv_free(x);
	jv_free(y);
	return false;
}

static void
on_debug(void *arg, jv v)
{
	struct jqrun *j = arg;
	struct buf b = {0};
	jv x, y;
	char which = question(v, &x, &y);

	if (which && answer(j, which, x, y)) {
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
	jq_set_error_cb(jq, on_error, why);
	jq_set_debug_cb(jq, on_debug, j);
	jq_set_input_cb(jq, on_input, j);
	whole = xasprintf("%s%s%s", prelude, more, program);
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
	char **err;
};

static void
constant(void *arg, struct slice number)
{
	struct constants *c = arg;
	struct jqrun *j = c->j;

	buf_add(&j->unfolded, c->at, (size_t)(number.p - c->at));
	buf_addf(&j->unfolded, "(%.*s|_same)", (int)number.n, number.p);
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
	j->reply = jv_null();
	j->args = variables(j, vars, err);
	c.at = j->program;
	j->look = jqlook(j->program, constant, &c);
	buf_adds(&j->unfolded, c.at);
	if (j->look.narrow)
		j->json.fields = &j->look.fields;
	if (j->look.refused && !*err)
		*err = xasprintf("%s is not available: pass values by --arg", j->look.refused);
	if (!*err) {
		j->jq = compile(j, "", j->program, &why);
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

	j->unheld = false;
	j->careful_now = jq == j->careful;
	jq_start(jq, v, 0);
	while (status == 0 && jv_is_valid(r = jq_next(jq)))
		status = result(j, r, self, to, err);
	jv_free(self);
	if (status)
		return status < 0 ? -1 : 0;
	if (j->unheld) {
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
 * the same whatever doubles around it stand for such a number, nothing came of its digits but
 * the digits themselves.
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
		    memcmp(j->out.p, j->again.p, j->again.len) != 0)
			return unheld(j, JQJSON_DEPENDS, err);
	}
	return 0;
}

/* Does the program look at long numbers, and has the text some? */
static bool
needs_care(const struct jqrun *j)
{
	return !j->json.lossy &&
	       ((j->look.sums && (j->json.inexact || j->json.large)) ||
		   ((j->look.compares || j->look.texts) && j->json.inexact && j->json.below));
}

/* The program for long numbers. NULL with *err. */
static jq_state *
careful(struct jqrun *j, const char **err)
{
	char *why = NULL;

	if (!j->careful)
		j->careful = compile(j, careful_prelude, j->unfolded.p, &why);
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
	if (j->json.ambiguous || (care && j->json.plain)) {
		jv_free(v);
		if (jqjson_again(&j->json, JQNUMS_APART, &v) < 0)
			return unread(j, err);
	}
	j->lost = j->ordered = false;
	r = run(j, jq, v, &kept, err);
	if (j->lost && !care) {
		buf_clear(&j->out);
		return jqjson_again(&j->json, JQNUMS_APART, &v) < 0 ? unread(j, err)
								    : run_kept(j, v, true, err);
	}
	if (r == 0 && (!calm || j->ordered) && (j->json.inexact || j->json.nums.made))
		r = run_again(j, jq, err);
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
	if (!care && !j->look.parses && !j->json.ambiguous &&
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
	jv_free(j->reply);
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
