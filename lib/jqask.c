#include <math.h>
#include <string.h>

#include "jqask.h"
#include "jqsum.h"

/*
 * What programs may not use. Each is defined by a name that is not, which libjq finds out
 * only when it is used, as it leaves out functions that are not.
 */
const char jqask_prelude[] =
    "def _input: input; def input: _no_input; def inputs: _no_input; def input_filename: "
    "_no_input; "
    "def input_line_number: _no_input; def env: _no_env; def halt: _no_halt; "
    "def halt_error: _no_halt; def halt_error(f): _no_halt; def modulemeta: _no_modules; "
    "def get_search_list: _no_modules; "
    /* Numbers in text may have more digits than libjq holds: on_debug() looks, and on_input() answers. */
    "def _ask(f): [\"\\u0000\" + f, .] | debug | _input; def _tonumber: tonumber; "
    "def _long: type == \"string\" and utf8bytelength > 15; "
    "def tonumber: if _long then _ask(\"number\") | _tonumber else . as $t | _tonumber | "
    "if isnormal or ($t | type) == \"number\" then . else $t | _ask(\"number\") | _tonumber end "
    "end; "
    "def _fromjson: fromjson; def _null: . == null; def fromjson: if type == \"string\" and "
    "utf8bytelength > 4 then _ask(\"json\") as $v | if $v | _null then _fromjson elif $v == false "
    "then _fromjson | _ask(\"Unheld\") else $v[0] end else _fromjson end; "
    /* libjq 1.6 takes an error of null for the end of the results. */
    "def _error(f): error(f); def error(f): f as $_m | _error(if $_m == null then \"null\" else "
    "$_m end); "
    "def error: error(.); ";

#define WATCHED(name)                                                                              \
	"def _jq" name "(a; b): " name "(a; b); def " name "(a; b): _jq" name "(a; b) | _watch; "

const char jqask_watch[] =
    "def _watch: if (. >= 9007199254740992 or . <= (0 - 9007199254740992)) and type == \"number\" "
    "then _ask(\"watch\") else . end; "
    "def _jqmultiply(a; b): a * b; def _multiply(a; b): _jqmultiply(a; b) | _watch; "
    "def _jqexp2: exp2; def exp2: _jqexp2 | _watch; def _jqexp10: exp10; def exp10: _jqexp10 | "
    "_watch; "
    "def _jqfma(a; b; c): fma(a; b; c); def fma(a; b; c): _jqfma(a; b; c) | _watch; " WATCHED("pow")
	WATCHED("ldexp") WATCHED("scalb") WATCHED("scalbln");

/*
 * An operator of jq's, which libjq calls by its name. jqask() has its result, or leaves it to jq by null. Those that
 * compare come last: what is before has jq's.
 */
#define OPERATOR(name, sign, op, others)                                                           \
	"def _jq" name "(a; b): a " sign " b; def _" name "(a; b): b as $b | a as $a | "           \
	"if ($a | type) == \"number\" and ($b | type) == \"number\" "                              \
	"then [\"\\u0000" op "\", $a, $b] | debug | _input | "                                     \
	"if . == null then _jq" name "($a; $b) else . end "                                        \
	"else _jq" name "($a" others "; $b" others ") end; "
#define COMPARISON(name, sign, op, others)                                                         \
	"def _jq" name "(a; b): a " sign " b; def _" name "(a; b): b as $b | a as $a | "           \
	"if ($a | _number) and ($b | _number) "                                                    \
	"then [\"\\u0000" op "\", $a, $b] | debug | _input | "                                     \
	"if _null then _jq" name "($a; $b) else . end "                                            \
	"else _jq" name "($a" others "; $b" others ") end; "
#define ROUNDED(name, how)                                                                         \
	"def _jq" name ": " name "; def " name ": if type == \"number\" then "                     \
	"([\"\\u0000" how "\", ., .] | debug | _input) as $d | if $d == null then _jq" name        \
	" else $d end else _jq" name " end; "
#define GUARDED(name)                                                                              \
	"def _jq" name "(a; b): " name "(a; b); def " name "(a; b): _jq" name                      \
	"(a | _short; b | _short) | _made; "

/* What is added for records with long numbers: exact operators, and no such numbers for what else might add. */
/* clang-format off */
const char jqask_careful[] =
    "def _number: type == \"number\"; "
    "def _short: if type == \"number\" then [\"\\u0000short\", .] | debug | _input else . end; "
    "def _made: [\"\\u0000made\", .] | debug | _input; "
    "def _jqmodf: modf; def modf: _short | _jqmodf; def _jqexp2: exp2; def exp2: _jqexp2 | _made; def _jqexp10: exp10; def exp10: _jqexp10 | _made; "
    "def _sorted: if type == \"array\" or type == \"object\" then [\"\\u0000order\", .] | debug | _input else . end; "
    "def _text: [\"\\u0000Xtext\", .] | debug | _input; "
    "def _jqtojson: tojson; def tojson: _text as $t | if $t == null then _jqtojson else $t end; "
    "def tostring: if type == \"string\" then . else tojson end; "
    "def _jqformat(f): format(f); "
    "def format(f): if type == \"string\" then _jqformat(f) else f as $f | if $f == \"json\" then tojson "
    "elif $f == \"text\" or $f == \"html\" or $f == \"uri\" or $f == \"base64\" then tostring | _jqformat($f) "
    "elif _text == null then _jqformat($f) else [\"\\u0000Unheld\", .] | debug | _input end end; "
    OPERATOR("multiply", "*", "*", " | _short")
    OPERATOR("plus", "+", "+", "")
    OPERATOR("minus", "-", "-", "")
    OPERATOR("divide", "/", "/", "")
    OPERATOR("mod", "%", "%", "")
    ROUNDED("_negate", "N")
    ROUNDED("floor", "F") ROUNDED("ceil", "C") ROUNDED("trunc", "T") ROUNDED("round", "R")
    ROUNDED("rint", "E") ROUNDED("nearbyint", "E") ROUNDED("fabs", "A")
    "def add(f): reduce f as $x (null; . + $x); def add: add(.[]); "
    "def dateadd(u; n): . + n; def datesub(u; n): . - n; "
    "def join($s): reduce .[] as $i (null; (if . == null then \"\" else . + $s end) + "
    "($i | if type == \"number\" or type == \"boolean\" then tojson else . // \"\" end)) // \"\"; "
    "def INDEX(s; f): reduce s as $r ({}; .[$r | f | tostring] |= $r); def INDEX(f): INDEX(.[]; f); "
    "def _jqfma(a; b; c): fma(a; b; c); "
    "def fma(a; b; c): _jqfma(a | _short; b | _short; c | _short) | _made; "
    "def _jqrange(a; b; c): range(a; b; c); "
    "def range(a; b; c): _jqrange(a | _short; b | _short; c | _short); "
    "def _jqrange(a; b): range(a; b); def range(a; b): _jqrange(a | _short; b | _short); "
    GUARDED("drem") GUARDED("fdim") GUARDED("fmod") GUARDED("hypot") GUARDED("ldexp")
    GUARDED("nextafter") GUARDED("nexttoward") GUARDED("pow") GUARDED("remainder") GUARDED("scalb")
    GUARDED("scalbln")
    COMPARISON("less", "<", "<", " | _sorted")
    COMPARISON("lesseq", "<=", "l", " | _sorted")
    COMPARISON("greater", ">", ">", " | _sorted")
    COMPARISON("greatereq", ">=", "g", " | _sorted")
    COMPARISON("equal", "==", "=", "")
    COMPARISON("notequal", "!=", "!", "");
/* clang-format on */

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
held(struct jqask *k, jv text)
{
	struct slice t = {jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))};
	struct buf why = {0};

	if (k->json->lossy || jqjson_holds(k->json, t.p, t.n))
		return text;
	buf_addf(&why, "%.*s%s has more digits than jq holds: leave it text",
	    t.n > 40 ? 40 : (int)t.n, t.p, t.n > 40 ? "..." : "");
	jv_free(text);
	text = jv_invalid_with_msg(jv_string(why.p));
	buf_release(&why);
	return text;
}

/* Not for this program: the record fails, whatever becomes of the error. */
static jv
not_held(struct jqask *k)
{
	k->unheld = true;
	return jv_invalid_with_msg(jv_string(JQJSON_DEPENDS));
}

/* What a op b is, or a made whole; null: the same as for jq. */
static jv
operate(struct jqask *k, char op, double a, double b)
{
	bool compare = strchr("<>lg=!", op) != NULL, truth;
	double d;

	switch (compare               ? jqsum_compare(&k->json->nums, op, a, b, &truth)
		: strchr("+-*/%", op) ? jqsum(&k->json->nums, op, a, b, &d)
				      : jqsum_round(&k->json->nums, op, a, &d)) {
	case JQSUM_OK:
		return compare ? jv_bool(truth) : jv_number(d);
	case JQSUM_JQ:
		return jv_null();
	default:
		return not_held(k);
	}
}

/* An array of the value of JSON, text, that has long numbers; null: it has none; false: it has, or is no JSON. */
static jv
inner(struct jqask *k, jv text)
{
	const char *p = jv_string_value(text);
	size_t n = (size_t)jv_string_length_bytes(jv_copy(text));
	jv v, reply = jv_null();
	int r;

	if (k->careful) {
		r = jqjson_inner(k->json, p, n, &v);
		reply = r < 0 ? jv_bool(false) : r ? jv_array_append(jv_array(), v) : reply;
	} else if (!k->json->lossy && jqjson_loses(k->json, p, n)) {
		k->lost = true;
	}
	jv_free(text);
	return reply;
}

/* The text of v, which is consumed, if it has long numbers, or else null. */
static jv
text(struct jqask *k, jv v)
{
	struct buf b = {0};
	int r = jqjson_text(k->json, &b, v);
	jv reply;

	reply = r < 0 ? not_held(k) : r ? jv_string_sized(b.p, (int)b.len) : jv_null();
	buf_release(&b);
	return reply;
}

/* Answer a question of the prelude; x and y are consumed. false: it was none. */
static bool
answer(struct jqask *k, char which, jv x, jv y)
{
	jv reply = jv_null();

	if (jv_get_kind(x) == JV_KIND_STRING && which == 'n') {
		reply = held(k, x);
	} else if (jv_get_kind(x) == JV_KIND_STRING && which == 'j') {
		reply = inner(k, x);
	} else if (which == 'w' && jv_get_kind(x) == JV_KIND_NUMBER) {
		k->lost |= isfinite(jv_number_value(x));
		reply = x;
	} else if (!k->careful) {
		which = '\0';
	} else if (which == 'U') {
		jv_free(x);
		reply = not_held(k);
	} else if (which == 'X') {
		reply = text(k, x);
	} else if (which == 'o') {
		k->ordered = true;
		reply = x;
	} else if (jv_get_kind(x) != JV_KIND_NUMBER) {
		which = '\0';
	} else if (which == 'm') {
		reply = jqsum_rounded(jv_number_value(x)) ? not_held(k) : x;
	} else if (which == 's') {
		reply = jqsum_long(&k->json->nums, jv_number_value(x)) ? not_held(k) : x;
	} else if (strchr("+-*/%<>lg=!FCTREAN", which) && jv_get_kind(y) == JV_KIND_NUMBER) {
		reply = operate(k, which, jv_number_value(x), jv_number_value(y));
	} else {
		which = '\0';
	}
	jv_free(y);
	if (!which) {
		jv_free(x);
		return false;
	}
	jv_free(k->reply);
	k->reply = reply;
	return true;
}

bool
jqask(struct jqask *k, jv v)
{
	jv x, y;
	char which = question(v, &x, &y);

	jv_free(v);
	return which && answer(k, which, x, y);
}

jv
jqask_reply(struct jqask *k)
{
	jv reply = k->reply;

	k->reply = jv_null();
	return reply;
}
