#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "instant.h"
#include "num.h"
#include "types.h"

#define EXACT_INT (INT64_C(1) << 53) /* a double holds every integer up to here */

/* The double of a JSON number with a fraction or an exponent, if it gives all digits back. */
static int
real_exact(const char *p, size_t n, double *d)
{
	static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	const char *start = p, *end = p + n;
	bool neg = *p == '-', point = false, eneg;
	uint64_t m = 0;
	int digits = 0, zeros = 0, exp = 0, e = 0;

	for (p += neg; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			point = true;
			continue;
		}
		exp -= point;
		zeros++; /* held back: only zeros that a digit follows count */
		if (*p == '0')
			continue;
		for (digits += m ? zeros : 1; zeros; zeros--)
			m *= 10;
		m += (uint64_t)(*p - '0');
		if (digits > 15)
			return -1;
	}
	if (p < end) {
		eneg = *++p == '-';
		for (p += eneg || *p == '+'; p < end && e < 100000; p++)
			e = e * 10 + (*p - '0');
		exp += eneg ? -e : e;
	}
	exp += zeros;
	if (m == 0)
		*d = neg ? -0.0 : 0.0;
	else if (exp >= -22 && exp <= 22) /* both exact: the one rounding is right */
		*d = (neg ? -1.0 : 1.0) * (exp < 0 ? (double)m / ten[-exp] : (double)m * ten[exp]);
	else
		*d = strtod(start, NULL); /* a JSON number ends before its last digit's neighbour */
	return m && (!isfinite(*d) || fabs(*d) < DBL_MIN) ? -1 : 0;
}

const char *
cell_read(struct cell *x, const struct value *v, struct buf *mem)
{
	struct slice in;
	int r;

	x->p = x->raw.p = v->p;
	x->n = x->raw.n = v->n;
	switch (v->type) {
	case JSON_NULL:
		x->kind = KIND_NULL;
		return NULL;
	case JSON_TRUE:
	case JSON_FALSE:
		x->kind = KIND_BOOL;
		x->i = v->type == JSON_TRUE;
		return NULL;
	case JSON_NUMBER:
		if (v->flags & VALUE_REAL)
			x->kind = real_exact(v->p, v->n, &x->d) == 0 ? KIND_REAL : KIND_LONG;
		else
			x->kind = num_int64(v->p, v->n, &x->i) == 0 ? KIND_INT : KIND_LONG;
		return NULL;
	case JSON_STRING:
		x->kind = KIND_STRING;
		in = value_inner(v);
		x->p = in.p;
		x->n = in.n;
		if (!(v->flags & VALUE_ESC))
			return NULL;
		x->p = mem->p + mem->len;
		r = json_unescape(mem, in.p, in.n);
		x->n = (size_t)(mem->p + mem->len - x->p);
		return r == 0          ? NULL
		       : r == JSON_NUL ? "U+0000 has no place in text"
				       : "a lone surrogate is no text";
	default:
		x->kind = KIND_JSON;
		if (v->flags & VALUE_WS) {
			x->p = mem->p + mem->len;
			json_compact(mem, v->p, v->n);
			x->n = (size_t)(mem->p + mem->len - x->p);
		}
		return NULL;
	}
}

void
cell_show(struct buf *b, const struct cell *x)
{
	size_t n = x->n;

	if (n > 40)
		for (n = 40; n > 36 && (x->p[n] & 0xc0) == 0x80; n--)
			; /* not in the middle of a character */
	if (x->kind == KIND_STRING)
		json_quote(b, x->p, n);
	else if (x->kind == KIND_NULL)
		buf_adds(b, "null");
	else
		buf_add(b, x->p, n);
	if (n < x->n)
		buf_adds(b, "...");
}

/* Would numeric affinity turn this text into a number? */
static bool
looks_numeric(const char *p, size_t n)
{
	const char *end = p + n;
	size_t digits = 0;

	while (p < end && strchr(" \t\n\v\f\r", *p))
		p++;
	if (p < end && (*p == '+' || *p == '-'))
		p++;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		digits++;
	if (p < end && *p == '.') {
		for (p++; p < end && *p >= '0' && *p <= '9'; p++)
			digits++;
	}
	if (!digits)
		return false;
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (p == end || *p < '0' || *p > '9')
			return false;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
	}
	while (p < end && strchr(" \t\n\v\f\r", *p))
		p++;
	return p == end;
}

enum store
store_of(const char *sqltype)
{
	static const struct {
		const char *word;
		enum store store;
	} words[] = {/* in SQLite's order */
	    {"INT", STORE_INTEGER}, {"CHAR", STORE_TEXT}, {"CLOB", STORE_TEXT},
	    {"TEXT", STORE_TEXT}, {"BLOB", STORE_ANY}, {"REAL", STORE_REAL}, {"FLOA", STORE_REAL},
	    {"DOUB", STORE_REAL}};

	if (!sqltype || !*sqltype)
		return STORE_ANY;
	if (!strcasecmp(sqltype, "BOOLEAN") || !strcasecmp(sqltype, "BOOL"))
		return STORE_BOOLEAN;
	if (!strcasecmp(sqltype, "JSON"))
		return STORE_JSON;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(sqltype, words[i].word))
			return words[i].store;
	return STORE_NUMERIC;
}

const char *
store_sql(enum store c, bool strict)
{
	static const char *const names[] = {[STORE_NONE] = "",
	    [STORE_BOOLEAN] = "BOOLEAN",
	    [STORE_INTEGER] = "INTEGER",
	    [STORE_REAL] = "REAL",
	    [STORE_TEXT] = "TEXT",
	    [STORE_JSON] = "JSON",
	    [STORE_NUMERIC] = "NUMERIC",
	    [STORE_ANY] = "BLOB"};
	static const char *const strict_names[] = {[STORE_NONE] = "ANY",
	    [STORE_BOOLEAN] = "INTEGER",
	    [STORE_INTEGER] = "INTEGER",
	    [STORE_REAL] = "REAL",
	    [STORE_TEXT] = "TEXT",
	    [STORE_JSON] = "TEXT",
	    [STORE_NUMERIC] = "REAL",
	    [STORE_ANY] = "BLOB"};

	return (strict ? strict_names : names)[c];
}

static bool
whole(double d)
{
	return d == trunc(d) && fabs(d) <= (double)EXACT_INT;
}

enum store
store_join(enum store c, const struct cell *x)
{
	enum kind k = x->kind;

	if (k == KIND_NULL || c == STORE_TEXT || c == STORE_ANY)
		return c;
	switch (c) {
	case STORE_NONE:
		return k == KIND_BOOL   ? STORE_BOOLEAN
		       : k == KIND_INT  ? STORE_INTEGER
		       : k == KIND_REAL ? STORE_REAL
		       : k == KIND_JSON ? STORE_JSON
					: STORE_TEXT;
	case STORE_BOOLEAN:
		return k == KIND_BOOL ? STORE_BOOLEAN : STORE_TEXT;
	case STORE_INTEGER:
		if (k == KIND_REAL)
			return whole(x->d) ? STORE_INTEGER : STORE_REAL;
		return k == KIND_INT ? STORE_INTEGER : STORE_TEXT;
	case STORE_REAL:
		if (k == KIND_INT)
			return x->i >= -EXACT_INT && x->i <= EXACT_INT ? STORE_REAL : STORE_TEXT;
		return k == KIND_REAL ? STORE_REAL : STORE_TEXT;
	case STORE_JSON:
		return k == KIND_JSON ? STORE_JSON : STORE_TEXT;
	default: /* STORE_NUMERIC */
		return k == KIND_LONG || (k == KIND_STRING && looks_numeric(x->p, x->n))
			   ? STORE_TEXT
			   : STORE_NUMERIC;
	}
}

/* Turn x into JSON text, as a column of JSON holds it. */
static int
to_json(struct cell *x)
{
	if (x->kind == KIND_LONG)
		return -1; /* as a number it would lose digits, as a string it would be another value */
	if (x->kind == KIND_STRING) {
		x->p = x->raw.p;
		x->n = x->raw.n;
	}
	if (x->kind == KIND_STRING || x->kind == KIND_BOOL)
		x->kind = KIND_JSON;
	return 0;
}

int
store_force(enum store c, struct cell *x)
{
	if (c == STORE_NONE || store_join(c, x) == c)
		return 0;
	if (c == STORE_JSON)
		return to_json(x);
	if (c == STORE_INTEGER || c == STORE_REAL)
		return x->kind == KIND_BOOL ? 0 : -1;
	if (c == STORE_BOOLEAN)
		return x->kind == KIND_INT && (x->i == 0 || x->i == 1) ? 0 : -1;
	return -1;
}

static const char *const type_names[] = {"", "BOOLEAN", "SHORT", "INT", "LONG", "DECIMAL", "FLOAT",
    "DOUBLE", "NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME", "BINARY", "XML", "STRING", "JSON"};

enum type
type_named(const char *name)
{
	for (int t = TYPE_BOOLEAN; t <= TYPE_JSON; t++)
		if (!strcmp(name, type_names[t]))
			return (enum type)t;
	return TYPE_NONE;
}

const char *
type_name(enum type t)
{
	return type_names[t];
}

const char *
rule_sql(const struct rule *r, char mem[RULE_SQL_MAX])
{
	switch (r->type) {
	case TYPE_BOOLEAN:
		return "BOOLEAN";
	case TYPE_SHORT:
	case TYPE_INT:
	case TYPE_LONG:
		return "INTEGER";
	case TYPE_DECIMAL:
		if (r->precision > 15)
			return "TEXT"; /* NUMERIC would round to a double */
		snprintf(mem, RULE_SQL_MAX, "DECIMAL(%d,%d)", r->precision, r->scale);
		return mem;
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		return "REAL";
	case TYPE_NAIVE_DATE:
		return "DATE";
	case TYPE_NAIVE_DATETIME:
		return "DATETIME";
	case TYPE_UTC_DATETIME:
		return "TIMESTAMP";
	case TYPE_BINARY:
		return "BLOB";
	case TYPE_JSON:
		return "JSON";
	default:
		return "TEXT";
	}
}

enum store
rule_store(const struct rule *r)
{
	char mem[RULE_SQL_MAX];

	switch (r->type) {
	case TYPE_NAIVE_DATE:
	case TYPE_NAIVE_DATETIME:
	case TYPE_UTC_DATETIME:
		return STORE_TEXT;
	default:
		return store_of(rule_sql(r, mem));
	}
}

static int
to_integer(struct cell *x, int64_t max)
{
	if (x->kind == KIND_REAL && whole(x->d)) {
		x->kind = KIND_INT;
		x->i = (int64_t)x->d;
	}
	return x->kind == KIND_INT && x->i >= -max - 1 && x->i <= max ? 0 : -1;
}

static int
to_boolean(struct cell *x)
{
	if (x->kind == KIND_STRING && x->n == 1 && (*x->p == '0' || *x->p == '1')) {
		x->i = *x->p - '0';
		x->kind = KIND_BOOL;
	}
	if (x->kind == KIND_INT && (x->i == 0 || x->i == 1))
		x->kind = KIND_BOOL;
	return x->kind == KIND_BOOL ? 0 : -1;
}

static int
to_decimal(const struct rule *r, struct cell *x)
{
	const char *p = x->p, *end = p + x->n, *point;
	int whole_digits, fraction;

	if (x->kind < KIND_INT || x->kind > KIND_STRING)
		return -1;
	p += p < end && *p == '-';
	for (; end - p > 1 && *p == '0' && p[1] != '.'; p++)
		; /* zeros in front are no digits */
	point = memchr(p, '.', (size_t)(end - p));
	for (const char *q = p; q < end; q++)
		if ((*q < '0' || *q > '9') && q != point)
			return -1;
	if (p == end || p == point || (point && point + 1 == end))
		return -1;
	if (point)
		while (end[-1] == '0')
			end--;
	fraction = point ? (int)(end - point) - 1 : 0;
	whole_digits = (int)((point ? point : end) - p) - (*p == '0');
	if (fraction > r->scale || whole_digits > r->precision - r->scale)
		return -1;
	if (r->precision > 15) {
		x->kind = KIND_STRING;
	} else if (x->kind == KIND_STRING) {
		/* At most 15 digits: exact either way. Zeros in front do not reach num_int64. */
		x->kind = KIND_REAL;
		return real_exact(x->p, x->n, &x->d);
	}
	return 0;
}

static int
to_real(struct cell *x)
{
	if (x->kind == KIND_INT)
		x->d = (double)x->i;
	else if (x->kind == KIND_LONG)
		x->d = strtod(x->p, NULL);
	else if (x->kind != KIND_REAL)
		return -1;
	x->kind = KIND_REAL;
	return isfinite(x->d) ? 0 : -1;
}

static int
check_time(const struct rule *r, const struct cell *x)
{
	struct instant t;

	if (x->kind != KIND_STRING || instant_parse(&t, x->p, x->n) < 0)
		return -1;
	if (r->type == TYPE_NAIVE_DATE)
		return t.date_only ? 0 : -1;
	if (x->n >= 19 && !memcmp(x->p + 16, ":60", 3) && t.sec % 86400)
		return -1; /* a leap second ends a day */
	return !t.date_only && t.zoned == (r->type == TYPE_UTC_DATETIME) ? 0 : -1;
}

static int
base64_digit(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Base 64 with padding (RFC 4648, 4) into bytes. */
static int
to_bytes(struct cell *x, struct buf *mem)
{
	char *out = mem->p + mem->len, *o = out;
	size_t n = x->n, pad = 0;
	unsigned bits = 0;

	if (x->kind != KIND_STRING || n % 4)
		return -1;
	while (pad < 2 && n && x->p[n - 1] == '=')
		n--, pad++;
	for (size_t i = 0; i < n; i++) {
		int d = base64_digit(x->p[i]);

		if (d < 0)
			return -1;
		bits = bits << 6 | (unsigned)d;
		if (i % 4)
			*o++ = (char)(bits >> (6 - i % 4 * 2));
	}
	if (bits & ((1u << pad * 2) - 1))
		return -1; /* bits that no byte has: another text of the same bytes */
	mem->len += (size_t)(o - out);
	*x = (struct cell){.kind = KIND_BLOB, .p = out, .n = (size_t)(o - out), .raw = x->raw};
	return 0;
}

int
rule_apply(const struct rule *r, struct cell *x, struct buf *mem)
{
	if (x->kind == KIND_NULL)
		return 0;
	switch (r->type) {
	case TYPE_BOOLEAN:
		return to_boolean(x);
	case TYPE_SHORT:
		return to_integer(x, INT16_MAX);
	case TYPE_INT:
		return to_integer(x, INT32_MAX);
	case TYPE_LONG:
		return to_integer(x, INT64_MAX);
	case TYPE_DECIMAL:
		return to_decimal(r, x);
	case TYPE_FLOAT:
	case TYPE_DOUBLE:
		return to_real(x);
	case TYPE_NAIVE_DATE:
	case TYPE_NAIVE_DATETIME:
	case TYPE_UTC_DATETIME:
		return check_time(r, x);
	case TYPE_BINARY:
		return to_bytes(x, mem);
	case TYPE_XML:
		return x->kind == KIND_STRING ? 0 : -1;
	case TYPE_JSON:
		return to_json(x);
	default:
		return 0; /* STRING: whatever it is, as it is written */
	}
}
