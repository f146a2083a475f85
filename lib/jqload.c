#include <jq.h>
#include <jv.h>
#include <stddef.h>

#include "dynamic.h"
#include "jqload.h"

/* 1.6, 1.7 and 1.8 share it. */
#ifdef __APPLE__
#define LIBRARY "libjq.1.dylib"
#else
#define LIBRARY "libjq.so.1"
#endif

/* What is used of libjq: result, name, parameters, arguments. */
#define FUNCTIONS(F)                                                                               \
	F(int, jq_compile_args, (jq_state * s, const char *p, jv a), (s, p, a))                    \
	F(jq_state *, jq_init, (void), ())                                                         \
	F(jv, jq_next, (jq_state * s), (s))                                                        \
	F(void, jq_set_debug_cb, (jq_state * s, jq_msg_cb f, void *p), (s, f, p))                  \
	F(void, jq_set_error_cb, (jq_state * s, jq_msg_cb f, void *p), (s, f, p))                  \
	F(void, jq_set_input_cb, (jq_state * s, jq_input_cb f, void *p), (s, f, p))                \
	F(void, jq_set_nomem_handler, (jq_state * s, void (*f)(void *), void *p), (s, f, p))       \
	F(void, jq_start, (jq_state * s, jv v, int flags), (s, v, flags))                          \
	F(void, jq_teardown, (jq_state * *s), (s))                                                 \
	F(jv, jv_array, (void), ())                                                                \
	F(jv, jv_array_append, (jv a, jv v), (a, v))                                               \
	F(jv, jv_array_get, (jv a, int i), (a, i))                                                 \
	F(int, jv_array_length, (jv a), (a))                                                       \
	F(jv, jv_bool, (int x), (x))                                                               \
	F(jv, jv_copy, (jv v), (v))                                                                \
	F(void, jv_free, (jv v), (v))                                                              \
	F(jv_kind, jv_get_kind, (jv v), (v))                                                       \
	F(int, jv_identical, (jv a, jv b), (a, b))                                                 \
	F(jv, jv_invalid_get_msg, (jv v), (v))                                                     \
	F(int, jv_invalid_has_msg, (jv v), (v))                                                    \
	F(jv, jv_invalid_with_msg, (jv v), (v))                                                    \
	F(jv, jv_null, (void), ())                                                                 \
	F(jv, jv_number, (double x), (x))                                                          \
	F(double, jv_number_value, (jv v), (v))                                                    \
	F(jv, jv_object, (void), ())                                                               \
	F(int, jv_object_iter, (jv o), (o))                                                        \
	F(jv, jv_object_iter_key, (jv o, int i), (o, i))                                           \
	F(int, jv_object_iter_next, (jv o, int i), (o, i))                                         \
	F(int, jv_object_iter_valid, (jv o, int i), (o, i))                                        \
	F(jv, jv_object_iter_value, (jv o, int i), (o, i))                                         \
	F(jv, jv_object_set, (jv o, jv k, jv v), (o, k, v))                                        \
	F(jv, jv_string, (const char *s), (s))                                                     \
	F(int, jv_string_length_bytes, (jv s), (s))                                                \
	F(jv, jv_string_sized, (const char *s, int n), (s, n))                                     \
	F(const char *, jv_string_value, (jv s), (s))

FUNCTIONS(DYNAMIC_STUB)

static const struct dynamic_entry entries[] = {FUNCTIONS(DYNAMIC_ENTRY)};

int
jqload(const char **err)
{
	static void *lib;

	return dynamic_load(&lib, LIBRARY, entries, sizeof entries / sizeof *entries, err);
}
