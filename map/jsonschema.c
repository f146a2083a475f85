/* JSON Schema, as taps and sources describe their streams, to the types of a schema line. */
#include "bridge.h"

enum { SAYS_STRING = 1, SAYS_BOOLEAN = 2, SAYS_OTHER = 4 };

static int
type_bit(const struct value *v)
{
	struct slice in;

	if (v->type != JSON_STRING)
		return SAYS_OTHER;
	in = value_inner(v);
	return slice_is(in, "string")    ? SAYS_STRING
	       : slice_is(in, "boolean") ? SAYS_BOOLEAN
	       : slice_is(in, "null")    ? 0
					 : SAYS_OTHER;
}

/* "type" is a name or a list of them. */
static int
type_bits(const struct value *v)
{
	struct scan s = {0};
	struct value item;
	int bits = 0;

	if (v->type != JSON_ARRAY)
		return type_bit(v);
	scan_init(&s, v->p, v->n);
	scan_enter(&s);
	while (scan_item(&s) > 0 && scan_value(&s, &item) == 0)
		bits |= type_bit(&item);
	scan_release(&s);
	return bits;
}

/*
 * Only strings and booleans get a type of their own: what a source calls an integer, a number or an object may
 * be longer than any type, or text, and the loader finds the narrowest type that holds all values.
 */
static const char *
property_type(const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	int bits = 0;

	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0) {
			bool type = slice_is(key, "type");

			if (scan_value(&s, &v) < 0)
				break;
			if (type)
				bits = type_bits(&v);
		}
	scan_release(&s);
	return bits == SAYS_STRING ? "\"STRING\"" : bits == SAYS_BOOLEAN ? "\"BOOLEAN\"" : "null";
}

static void
properties(struct buf *out, const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key;
	struct value v;
	const char *sep = "";

	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0) {
			buf_adds(out, sep);
			json_quote(out, key.p, key.n);
			sep = ",";
			if (scan_value(&s, &v) < 0)
				break;
			buf_addc(out, ':');
			buf_adds(out, property_type(v.p, v.n));
		}
	scan_release(&s);
}

void
jsonschema_columns(struct buf *out, const char *p, size_t n)
{
	struct scan s = {0};
	struct slice key, last = {0}; /* of a member that comes twice the last counts */
	struct value v;

	buf_addc(out, '{');
	scan_init(&s, p, n);
	if (scan_type(&s) == JSON_OBJECT && scan_enter(&s) == 0)
		while (scan_key(&s, &key) > 0) {
			bool found = slice_is(key, "properties");

			if (scan_value(&s, &v) < 0)
				break;
			if (found)
				last = (struct slice){v.p, v.n};
		}
	if (last.p)
		properties(out, last.p, last.n);
	scan_release(&s);
	buf_addc(out, '}');
}
