/*
 * A library that is loaded when it is needed first. In the file that has it: FUNCTIONS(F) names what is used of it as
 * F(result, name, parameters, arguments), FUNCTIONS(DYNAMIC_STUB) makes functions of these names and types that call it,
 * and FUNCTIONS(DYNAMIC_ENTRY) are the elements of the array that dynamic_load() fills.
 */
#ifndef DYNAMIC_H
#define DYNAMIC_H

#include <stddef.h>

#define DYNAMIC_STUB(type, name, parameters, arguments)                                            \
	static __typeof__(name) *real_##name;                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		return real_##name arguments;                                                      \
	}
#define DYNAMIC_ENTRY(type, name, parameters, arguments) {#name, (void **)&real_##name},

struct dynamic_entry {
	const char *name;
	void **at;
};

/* *lib is NULL before the first call. 0, also when it is loaded already; -1 with *err the reason (static). */
int	dynamic_load(void **lib, const char *file, const struct dynamic_entry *entries, size_t n, const char **err);

#endif
