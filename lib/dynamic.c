#include "dynamic.h"

#include <dlfcn.h>

int
dynamic_load(
    void **lib, const char *file, const struct dynamic_entry *entries, size_t n, const char **err)
{
	void *h;

	if (*lib)
		return 0;
	/* Its own symbols, such as Oniguruma's regcomp(3), stay its own. */
	h = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; h && i < n; i++) {
		*entries[i].at = dlsym(h, entries[i].name);
		if (!*entries[i].at)
			h = NULL;
	}
	if (!h) {
		*err = dlerror();
		return -1;
	}
	*lib = h;
	return 0;
}
