/* PostgreSQL's types: which a column gets, what it takes without changing it, and how that is written. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgsink.h"

#define EXACT_INT (INT64_C(1) << 53)
#define EXPONENT_MAX                                                                               \
	10000 /* of a number in a numeric column, which may have 131072 digits before the point */
#define FRACTION 6 /* digits of a second */

static const struct {
	const char *name; /* as format_type() begins */
	enum native native;
	enum store store;
} types[] = {{"boolean", NATIVE_BOOL, STORE_BOOLEAN}, {"smallint", NATIVE_INT2, STORE_INTEGER},
    {"integer", NATIVE_INT4, STORE_INTEGER}, {"bigint", NATIVE_INT8, STORE_INTEGER},
    {"real", NATIVE_FLOAT4, STORE_REAL}, {"double precision", NATIVE_FLOAT8, STORE_REAL},
    {"numeric", NATIVE_NUMERIC, STORE_NUMERIC}, {"text", NATIVE_TEXT, STORE_TEXT},
    {"character varying", NATIVE_VARCHAR, STORE_TEXT}, {"character", NATIVE_VARCHAR, STORE_TEXT},
    {"jsonb", NATIVE_JSONB, STORE_JSON}, {"json", NATIVE_JSON, STORE_JSON},
    {"\"char\"", NATIVE_CHAR, STORE_TEXT}, {"name", NATIVE_CHAR, STORE_TEXT},
    {"date", NATIVE_DATE, STORE_ANY}, {"timestamp", NATIVE_TIMESTAMP, STORE_ANY},
    {"time", NATIVE_TIME, STORE_ANY}, {"bytea", NATIVE_BYTEA, STORE_ANY}};

void
pgtype_set(struct column *c, const char *type)
{
	const char *args = strchr(type, '('), *comma;

	c->native = NATIVE_OTHER;
	c->store = STORE_ANY;
	c->width = args ? atoi(args + 1) : 0;
	comma = args ? strchr(args, ',') : NULL;
	c->scale = comma ? atoi(comma + 1) : 0;
	for (size_t i = 0; i < sizeof types / sizeof *types && !strstr(type, "[]"); i++) {
		size_t n = strlen(types[i].name);

		if (strncmp(type, types[i].name, n) != 0 || (type[n] && !strchr("( ", type[n])))
			continue;
		c->native = (unsigned char)types[i].native;
		c->store = types[i].store;
		if (c->native == NATIVE_TIMESTAMP && strstr(type, "with time zone"))
			c->native = NATIVE_TIMESTAMPTZ;
		if (c->native == NATIVE_CHAR)
			c->width = *type == 'n' ? 63 : 1;
		if (!args && (c->native == NATIVE_TIMESTAMP || c->native == NATIVE_TIMESTAMPTZ ||
				 c->native == NATIVE_TIME))
			c->width = FRACTION;
		break;
	}
	c->want = c->store;
}

char *
pgtype_sql(const struct column *c)
{
	static const char *const declared[] = {[TYPE_BOOLEAN] = "boolean",
	    [TYPE_SHORT] = "smallint",
	    [TYPE_INT] = "integer",
	    [TYPE_LONG] = "bigint",
	    [TYPE_FLOAT] = "double precision",
	    [TYPE_DOUBLE] = "double precision",
	    [TYPE_NAIVE_DATE] = "date",
	    [TYPE_NAIVE_DATETIME] = "timestamp without time zone",
	    [TYPE_UTC_DATETIME] = "timestamp with time zone",
	    [TYPE_BINARY] = "bytea",
	    [TYPE_XML] = "text", /* xml has no equality */
	    [TYPE_STRING] = "text",
	    [TYPE_JSON] = "jsonb"};
	static const char *const inferred[] = {[STORE_NONE] = "text",
	    [STORE_BOOLEAN] = "boolean",
	    [STORE_INTEGER] = "bigint",
	    [STORE_REAL] = "double precision",
	    [STORE_TEXT] = "text",
	    [STORE_JSON] = "jsonb",
	    [STORE_NUMERIC] = "numeric",
	    [STORE_ANY] = "text"};

	if (c->rule.type == TYPE_DECIMAL)
		return xasprintf("numeric(%d,%d)", c->rule.precision, c->rule.scale);
	return xstrdup(c->rule.type ? declared[c->rule.type] : inferred[c->want]);
}

static bool
number(const struct cell *x)
{
	return x->kind == KIND_INT || x->kind == KIND_REAL || x->kind == KIND_LONG;
}

static bool
whole(const struct cell *x)
{
	return x->kind == KIND_INT ||
	       (x->kind == KIND_REAL && x->d == trunc(x->d) && fabs(x->d) <= (double)EXACT_INT);
}

/* Can a numeric without limits hold it? */
static bool
countable(const struct cell *x)
{
	const char *e = memchr(x->p, 'e', x->n);

	e = e ? e : memchr(x->p, 'E', x->n);
	return number(x) && x->n < EXPONENT_MAX &&
	       (!e || labs(strtol(e + 1, NULL, 10)) < EXPONENT_MAX);
}

/* The narrowest type that holds all that c holds and x too. */
static enum store
join(enum store c, const struct cell *x)
{
	enum kind k = x->kind;

	if (c == STORE_NONE)
		return k == KIND_BOOL              ? STORE_BOOLEAN
		       : k == KIND_INT             ? STORE_INTEGER
		       : k == KIND_JSON            ? STORE_JSON
		       : number(x) && countable(x) ? STORE_NUMERIC
						   : STORE_TEXT;
	if ((c == STORE_BOOLEAN && k == KIND_BOOL) || (c == STORE_JSON && k == KIND_JSON) ||
	    (c == STORE_INTEGER && whole(x)))
		return c;
	if (c == STORE_INTEGER || c == STORE_REAL || c == STORE_NUMERIC)
		return countable(x) ? STORE_NUMERIC : STORE_TEXT;
	return STORE_TEXT;
}

static bool
integer_fits(const struct cell *x, int64_t max)
{
	int64_t i = x->kind == KIND_REAL ? (int64_t)x->d : x->i;

	return x->kind == KIND_BOOL || (whole(x) && i >= -max - 1 && i <= max);
}

static bool
float_fits(const struct column *c, const struct cell *x)
{
	char text[32];

	if (x->kind == KIND_BOOL)
		return true;
	if (x->kind != KIND_REAL && (x->kind != KIND_INT || x->i < -EXACT_INT || x->i > EXACT_INT))
		return false;
	if (c->native == NATIVE_FLOAT8)
		return true;
	snprintf(text, sizeof text, "%.6g", x->kind == KIND_INT ? (double)x->i : x->d);
	return strtod(text, NULL) == (x->kind == KIND_INT ? (double)x->i : x->d) &&
	       isfinite((float)strtod(text, NULL));
}

/* A numeric of limited width takes what a DECIMAL does, and would round all else. */
static bool
numeric_fits(const struct column *c, struct cell *x, struct buf *mem)
{
	struct rule rule = {.type = TYPE_DECIMAL, .precision = c->width, .scale = c->scale};
	struct cell copy = *x;

	if ((x->kind == KIND_BOOL && c->scale >= 0) ||
	    (x->kind == KIND_STRING && c->rule.type == TYPE_DECIMAL))
		return true;
	return countable(x) && (!c->width || rule_apply(&rule, &copy, mem) == 0);
}

/* Has the second no more digits than the column? It would be rounded. */
static bool
second_fits(const struct column *c, const struct cell *x)
{
	const char *point = memchr(x->p, '.', x->n);
	int digits = 0;

	for (int i = 1; point && point + i < x->p + x->n && point[i] >= '0' && point[i] <= '9'; i++)
		if (point[i] != '0')
			digits = i;
	return digits <= c->width;
}

/* 12:34:56.7, and what comes behind it where the column has a zone. */
static bool
clock_fits(const struct column *c, const struct cell *x)
{
	size_t n = 0;

	while (n < x->n && x->p[n] && strchr("0123456789:.", x->p[n]))
		n++;
	return x->kind == KIND_STRING && n > 2 && x->p[2] == ':' && second_fits(c, x) &&
	       (n == x->n || strstr(c->sqltype, "with time zone"));
}

/* The server would leave out what a time of another kind has more. */
static bool
time_fits(const struct column *c, struct cell *x, struct buf *mem)
{
	struct rule rule = {.type = c->native == NATIVE_DATE        ? TYPE_NAIVE_DATE
				    : c->native == NATIVE_TIMESTAMP ? TYPE_NAIVE_DATETIME
								    : TYPE_UTC_DATETIME};

	return rule_apply(&rule, x, mem) == 0 && (c->native == NATIVE_DATE || second_fits(c, x));
}

static bool
text_fits(const struct column *c, const struct cell *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		n += (x->p[i] & 0xc0) != 0x80;
	return !c->width ||
	       n <= (size_t)c->width; /* spaces at the end would be cut without a word */
}

/* Turn x into JSON text. */
static bool
json_fits(struct cell *x)
{
	if (x->kind == KIND_STRING) {
		x->p = x->raw.p;
		x->n = x->raw.n;
	}
	x->kind = KIND_JSON;
	return true;
}

/* Does the column take its cell as it is? */
static bool
fits(struct column *c, struct buf *mem)
{
	struct cell *x = &c->cell;

	switch ((enum native)c->native) {
	case NATIVE_BOOL:
		return x->kind == KIND_BOOL || (x->kind == KIND_INT && (x->i == 0 || x->i == 1));
	case NATIVE_INT2:
		return integer_fits(x, INT16_MAX);
	case NATIVE_INT4:
		return integer_fits(x, INT32_MAX);
	case NATIVE_INT8:
		return integer_fits(x, INT64_MAX);
	case NATIVE_FLOAT4:
	case NATIVE_FLOAT8:
		return float_fits(c, x);
	case NATIVE_NUMERIC:
		return numeric_fits(c, x, mem);
	case NATIVE_TEXT:
	case NATIVE_VARCHAR:
		return text_fits(c, x);
	case NATIVE_CHAR:
		return x->n <= (size_t)c->width;
	case NATIVE_JSON:
	case NATIVE_JSONB:
		return json_fits(x);
	case NATIVE_DATE:
	case NATIVE_TIMESTAMP:
	case NATIVE_TIMESTAMPTZ:
		return time_fits(c, x, mem);
	case NATIVE_TIME:
		return clock_fits(c, x);
	case NATIVE_BYTEA:
		return x->kind == KIND_STRING || x->kind == KIND_BLOB;
	default:
		return true;
	}
}

/* Is it of a type that cs-load infers, and so widened by what comes rather than filled as far as that goes? */
static bool
inferable(const struct column *c)
{
	return c->inferred && !c->rule.type && !c->width &&
	       (c->native == NATIVE_BOOL || c->native == NATIVE_INT8 ||
		   c->native == NATIVE_NUMERIC || c->native == NATIVE_TEXT ||
		   c->native == NATIVE_JSONB);
}

int
pg_fit(struct sink *s, struct table *t, struct column *c)
{
	bool evolve = s->o->columns == COLUMNS_EVOLVE;
	enum store want;

	if (c->rule.type && rule_apply(&c->rule, &c->cell, &t->mem) < 0)
		return cell_bad(s, c, false);
	if (c->presence != COLUMN_STORED && c->rule.type)
		return 0;
	if (c->presence == COLUMN_STORED && !(evolve && inferable(c))) {
		if (fits(c, &t->mem))
			return 0;
		if (!c->inferred || !evolve)
			return cell_bad(s, c, true);
		c->recast = t->dirty = true;
	}
	want = join(c->want, &c->cell);
	if (want != c->want) {
		c->want = want;
		t->dirty = true;
	}
	return 0;
}

/* The cell's text: what is not as it stands in the line is written to mem. */
static struct slice
text(const struct column *c, char mem[24])
{
	const struct cell *x = &c->cell;
	bool numeric =
	    c->store == STORE_INTEGER || c->store == STORE_REAL || c->store == STORE_NUMERIC;

	if (x->kind == KIND_REAL && c->store == STORE_INTEGER)
		return (struct slice){mem, (size_t)snprintf(mem, 24, "%lld", (long long)x->d)};
	if (x->kind == KIND_BOOL && numeric)
		return (struct slice){x->i ? "1" : "0", 1};
	return (struct slice){x->p, x->n};
}

/* Append bytes in hexadecimal. */
static void
hex(struct buf *b, struct slice s)
{
	static const char digits[] = "0123456789abcdef";

	buf_room(b, 2 * s.n);
	for (size_t i = 0; i < s.n; i++) {
		b->p[b->len++] = digits[(unsigned char)s.p[i] >> 4];
		b->p[b->len++] = digits[s.p[i] & 15];
	}
}

void
pgcell_copy(struct buf *b, const struct column *c)
{
	char mem[24];
	struct slice s = text(c, mem);
	const char *end = s.p + s.n;
	char *o;

	if (c->cell.kind == KIND_NULL) {
		buf_add(b, "\\N", 2);
		return;
	}
	if (c->native == NATIVE_BYTEA) {
		buf_add(b, "\\\\x", 3);
		hex(b, s);
		return;
	}
	buf_room(b, 2 * s.n);
	for (o = b->p + b->len; s.p < end; s.p++) {
		if ((unsigned char)*s.p > '\r' && *s.p != '\\') {
			*o++ = *s.p;
			continue;
		}
		if (*s.p == '\\' || *s.p == '\n' || *s.p == '\r' || *s.p == '\t')
			*o++ = '\\';
		*o++ = *s.p == '\n' ? 'n' : *s.p == '\r' ? 'r' : *s.p == '\t' ? 't' : *s.p;
	}
	b->len = (size_t)(o - b->p);
}

void
pgcell_json(struct buf *b, const struct column *c)
{
	char mem[24];
	struct slice s = text(c, mem);

	if (c->cell.kind == KIND_NULL) {
		buf_add(b, "null", 4);
	} else if (c->native == NATIVE_BYTEA) {
		buf_add(b, "\"\\\\x", 4);
		hex(b, s);
		buf_addc(b, '"');
	} else if (c->store == STORE_JSON) {
		buf_add(b, s.p, s.n);
	} else {
		json_quote(b, s.p, s.n);
	}
}
