#include "where.h"

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

/* A path that the condition looks at, and what the record has there. */
struct place {
	struct slice key;
	struct place *up, *down, *next; /* the first of those below it, and beside it */
	uint64_t record;                /* the last one that had it */
	struct value v;
};

enum kind { TRUTH, HAS, COMPARE, NOT, AND, OR };
enum order { EQ, NE, LT, LE, GT, GE };

struct term {
	enum kind kind;
	struct term *a, *b;  /* of NOT, AND, OR */
	struct place *place; /* of the others */
	enum order order;    /* the place's value to this: */
	struct value literal;
	struct slice text; /* of a string, decoded */
};

struct where {
	struct place root;
	struct term *top;
	uint64_t record; /* number of the one at hand */
	struct scan scan;
	struct buf err, tmp;
	/* of the parser */
	char *program;
	const char *p;
	bool failed;
	bool assigns; /* .a = 1 */
};

static struct term *pipe_of(struct where *w);

/* It is not that simple. */
static void *
give_up(struct where *w)
{
	w->failed = true;
	return NULL;
}

static void
blanks(struct where *w)
{
	w->p += strspn(w->p, " \t\n\r");
}

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
word_char(char c)
{
	return letter(c) || (c >= '0' && c <= '9') || c == ':' || c == '$' || c == '?';
}

/* Take this, which is a word or a sign, if it comes next. */
static bool
eat(struct where *w, const char *what)
{
	size_t n = strlen(what);

	blanks(w);
	if (strncmp(w->p, what, n) != 0 || (letter(*what) && word_char(w->p[n])))
		return false;
	w->p += n;
	return true;
}

/* The JSON string at the cursor, decoded into memory of its own; .p NULL when it is more than that. */
static struct slice
string(struct where *w)
{
	struct scan s = {0};
	struct buf b = {0};
	struct slice in;
	struct value v;

	scan_init(&s, w->p, strlen(w->p));
	if (scan_value(&s, &v) < 0 || v.type != JSON_STRING) {
		w->failed = true; /* such as "\(.a)" */
		return (struct slice){NULL, 0};
	}
	in = value_inner(&v);
	buf_room(&b, in.n);
	if (json_unescape(&b, in.p, in.n) != 0) {
		w->failed = true;
		buf_release(&b);
		return (struct slice){NULL, 0};
	}
	w->p = v.p + v.n;
	return (struct slice){b.p, b.len};
}

/* The place below up with this key, which is kept or freed. */
static struct place *
below(struct place *up, struct slice key)
{
	struct place *p;

	for (p = up->down; p; p = p->next) {
		if (slice_eq(key, p->key.p, p->key.n)) {
			free((char *)key.p);
			return p;
		}
	}
	p = xcalloc(1, sizeof *p);
	p->key = key;
	p->up = up;
	p->next = up->down;
	up->down = p;
	return p;
}

/* .a."b"["c"]; a dot alone is the record. */
static struct place *
path(struct where *w)
{
	struct place *at = &w->root;
	bool bracket, dot = true; /* the one that it begins with */
	size_t n;

	w->p++;
	for (;;) {
		bracket = *w->p == '[';
		w->p += bracket;
		if ((bracket || dot) && *w->p == '"') {
			struct slice key = string(w);

			if (!key.p || (bracket && *w->p++ != ']'))
				return free((char *)key.p), give_up(w);
			at = below(at, key);
		} else if (dot && !bracket && letter(*w->p)) {
			for (n = 0; letter(w->p[n]) || (w->p[n] >= '0' && w->p[n] <= '9');)
				n++;
			at = below(at, (struct slice){xstrndup(w->p, n), n});
			w->p += n;
		} else if (bracket || at != &w->root) {
			return give_up(w);
		}
		if (*w->p == '.' && at != &w->root) {
			dot = true;
			w->p++;
		} else if (*w->p == '[') {
			dot = false;
		} else {
			break;
		}
	}
	/* Whatever sticks to it makes it something else. */
	return *w->p == '?' || *w->p == '"' || *w->p == '.' || word_char(*w->p) ? give_up(w) : at;
}

static bool
at_path(struct where *w)
{
	blanks(w);
	return *w->p == '.' && !(w->p[1] >= '0' && w->p[1] <= '9') && w->p[1] != '.';
}

/* A scalar. */
static bool
literal(struct where *w, struct term *t)
{
	static const char *const words[] = {"null", "false", "true"};
	const char *why;
	struct buf b = {0};
	size_t n;

	blanks(w);
	for (int i = 0; i < 3; i++) {
		if (eat(w, words[i])) {
			t->literal.type = (unsigned char)(JSON_NULL + i);
			return true;
		}
	}
	if (*w->p == '"') {
		t->literal.type = JSON_STRING;
		t->text = string(w);
		return t->text.p != NULL;
	}
	n = strspn(w->p, "-+.0123456789eE");
	buf_add(&b, w->p, n);
	if (!n || scan_text(b.p, b.len, &t->literal, &why) < 0 || t->literal.type != JSON_NUMBER ||
	    word_char(w->p[n])) {
		buf_release(&b);
		return false;
	}
	w->p += n;
	t->text = (struct slice){b.p, b.len};
	return true;
}

static bool
sign(struct where *w, enum order *o)
{
	static const struct {
		const char *sign;
		enum order order;
	} signs[] = {{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}};

	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (eat(w, signs[i].sign)) {
			*o = signs[i].order;
			return true;
		}
	}
	*o = EQ;
	w->assigns |= *w->p == '=';
	w->p += *w->p == '=';
	return w->p[-1] == '=';
}

static struct term *
term(enum kind kind, struct term *a, struct term *b)
{
	struct term *t = xcalloc(1, sizeof *t);

	*t = (struct term){.kind = kind, .a = a, .b = b};
	return t;
}

/* A path, compared or not, has("key"), or something in parentheses. */
static struct term *
comparison(struct where *w)
{
	static const enum order turned[] = {
	    [EQ] = EQ, [NE] = NE, [LT] = GT, [LE] = GE, [GT] = LT, [GE] = LE};
	struct term *t;
	enum order o;

	if (eat(w, "(")) {
		t = pipe_of(w);
		if (!eat(w, ")") || sign(w, &o) || *w->p == '.' || *w->p == '[' || *w->p == '?')
			w->failed = true;
		return t;
	}
	t = term(TRUTH, NULL, NULL);
	if (eat(w, "has")) {
		t->kind = HAS;
		if (!eat(w, "(") || (blanks(w), *w->p != '"')) {
			w->failed = true;
			return t;
		}
		t->text = string(w);
		if (t->text.p)
			t->place = below(
			    &w->root, (struct slice){xstrndup(t->text.p, t->text.n), t->text.n});
		if (!eat(w, ")") || sign(w, &o))
			w->failed = true;
		return t;
	}
	if (at_path(w)) {
		t->place = path(w);
		if (w->failed || !sign(w, &t->order))
			return t;
		t->kind = COMPARE;
		if (!literal(w, t))
			w->failed = true;
	} else if (literal(w, t) && sign(w, &o) && at_path(w)) {
		t->kind = COMPARE;
		t->order = turned[o];
		t->place = path(w);
	} else {
		w->failed = true;
	}
	return t;
}

static struct term *
all_of(struct where *w)
{
	struct term *t = comparison(w);

	while (!w->failed && eat(w, "and"))
		t = term(AND, t, comparison(w));
	return t;
}

static struct term *
any_of(struct where *w)
{
	struct term *t = all_of(w);

	while (!w->failed && eat(w, "or"))
		t = term(OR, t, all_of(w));
	return t;
}

static struct term *
pipe_of(struct where *w)
{
	struct term *t = any_of(w);

	while (!w->failed && eat(w, "|")) {
		t = term(NOT, t, NULL);
		if (!eat(w, "not"))
			w->failed = true;
	}
	return t;
}

struct where *
where_new(const char *program)
{
	struct where *w = xcalloc(1, sizeof *w);
	struct buf b = {0};

	buf_adds(&b, program); /* with the bytes behind it that the scanner wants */
	w->program = buf_steal(&b);
	w->p = w->program;
	w->top = pipe_of(w);
	blanks(w);
	if (!w->failed && !*w->p && w->assigns)
		errx(CS_USAGE, "--where: = assigns, and what that gives is true: compare by ==");
	if (!w->failed && !*w->p)
		return w;
	where_free(w);
	return NULL;
}

static void
term_free(struct term *t)
{
	if (!t)
		return;
	term_free(t->a);
	term_free(t->b);
	free((char *)t->text.p);
	free(t);
}

static void
places_free(struct place *p)
{
	struct place *next;

	for (; p; p = next) {
		next = p->next;
		places_free(p->down);
		free((char *)p->key.p);
		free(p);
	}
}

void
where_free(struct where *w)
{
	if (!w)
		return;
	term_free(w->top);
	places_free(w->root.down);
	scan_release(&w->scan);
	buf_release(&w->err);
	buf_release(&w->tmp);
	free(w->program);
	free(w);
}

/* Nothing is below it so far: an earlier member of the same key does not count. */
static void
forget(struct place *p)
{
	for (p = p->down; p; p = p->next) {
		p->record = 0;
		forget(p);
	}
}

/* Read what the record has at each place. 0 or -1. */
static int
look(struct where *w)
{
	struct scan *s = &w->scan;
	struct place *at = &w->root, *p;
	struct slice key;
	struct value v;
	int r;

	at->record = w->record;
	if (scan_type(s) != JSON_OBJECT)
		return scan_value(s, &at->v);
	at->v.type = JSON_OBJECT;
	scan_enter(s);
	for (;;) {
		r = scan_key(s, &key);
		if (r < 0)
			return -1;
		if (r == 0) {
			if (at == &w->root)
				return 0;
			at = at->up;
			continue;
		}
		for (p = at->down; p && !slice_eq(key, p->key.p, p->key.n);)
			p = p->next;
		if (!p) {
			if (scan_value(s, &v) < 0)
				return -1;
			continue;
		}
		if (p->record == w->record)
			forget(p);
		p->record = w->record;
		if (p->down && *s->p == '{') {
			p->v.type = JSON_OBJECT;
			scan_enter(s);
			at = p;
		} else if (scan_value(s, &p->v) < 0) {
			return -1;
		}
	}
}

static int
fail(struct where *w, const char *before, enum json_type type, const char *behind, struct slice key)
{
	static const char *const names[] = {[JSON_NULL] = "null",
	    [JSON_FALSE] = "boolean",
	    [JSON_TRUE] = "boolean",
	    [JSON_NUMBER] = "number",
	    [JSON_STRING] = "string",
	    [JSON_ARRAY] = "array",
	    [JSON_OBJECT] = "object"};

	buf_clear(&w->err);
	buf_addf(&w->err, "%s %s %s ", before, names[type], behind);
	json_quote(&w->err, key.p, key.n);
	return -1;
}

/* What is at the place: its type, or -1 where jq fails, too. */
static int
value_at(struct where *w, const struct place *p)
{
	if (p->record == w->record)
		return p->v.type;
	if (value_at(w, p->up) < 0)
		return -1;
	if (p->up->record == w->record && p->up->v.type != JSON_OBJECT &&
	    p->up->v.type != JSON_NULL)
		return fail(w, "Cannot index", p->up->v.type, "with", p->key);
	return JSON_NULL;
}

static int
compare_text(struct where *w, const struct value *v, struct slice text)
{
	struct slice in = value_inner(v);
	size_t n;
	int r;

	if (v->flags & VALUE_ESC) {
		buf_clear(&w->tmp);
		if (json_unescape(&w->tmp, in.p, in.n) < 0)
			return 2; /* the caller's to refuse */
		in = (struct slice){w->tmp.p, w->tmp.len};
	}
	n = in.n < text.n ? in.n : text.n;
	r = n ? memcmp(in.p, text.p, n) : 0;
	return r ? (r < 0 ? -1 : 1) : in.n < text.n ? -1 : in.n > text.n;
}

/* 1, 0 or -1. */
static int
compare(struct where *w, const struct term *t)
{
	int type = value_at(w, t->place), diff;
	const struct value *v = &t->place->v;

	if (type < 0)
		return -1;
	diff = type - t->literal.type; /* the types are in jq's order */
	if (!diff && type == JSON_NUMBER)
		diff = num_compare(v->p, v->n, t->text.p, t->text.n);
	if (!diff && type == JSON_STRING) {
		diff = compare_text(w, v, t->text);
		if (diff == 2)
			return fail(
			    w, "a", JSON_STRING, "with a lone surrogate is compared with", t->text);
	}
	switch (t->order) {
	case EQ:
		return diff == 0;
	case NE:
		return diff != 0;
	case LT:
		return diff < 0;
	case LE:
		return diff <= 0;
	case GT:
		return diff > 0;
	default:
		return diff >= 0;
	}
}

/* 1, 0 or -1. */
static int
holds(struct where *w, const struct term *t)
{
	int r;

	switch (t->kind) {
	case NOT:
		r = holds(w, t->a);
		return r < 0 ? -1 : !r;
	case AND:
		r = holds(w, t->a);
		return r > 0 ? holds(w, t->b) : r;
	case OR:
		r = holds(w, t->a);
		return r == 0 ? holds(w, t->b) : r;
	case HAS:
		if (w->root.v.type != JSON_OBJECT && w->root.v.type != JSON_NULL)
			return fail(
			    w, "Cannot check whether", w->root.v.type, "has a key", t->text);
		return t->place->record == w->record;
	case COMPARE:
		return compare(w, t);
	default:
		r = value_at(w, t->place);
		return r < 0 ? -1 : r != JSON_NULL && r != JSON_FALSE;
	}
}

int
where_test(struct where *w, const char *p, size_t n, bool *result, const char **why)
{
	int r;

	w->record++;
	scan_init(&w->scan, p, n);
	if (look(w) < 0 || scan_done(&w->scan) < 0) {
		buf_clear(&w->err);
		buf_addf(&w->err, "byte %zu: %s", scan_at(&w->scan), w->scan.err);
		r = -1;
	} else {
		r = holds(w, w->top);
	}
	*why = w->err.p;
	*result = r > 0;
	return r < 0 ? -1 : 0;
}
