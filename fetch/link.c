#include "link.h"

#include <string.h>
#include <strings.h>

static const char *
skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* A parameter's value, quoted or a token; its text (escapes undone) to out, cut at max. Returns what follows. */
static const char *
param_value(const char *p, char *out, size_t max)
{
	size_t n = 0;

	if (*p != '"') {
		n = strcspn(p, " \t;,");
		memcpy(out, p, n < max ? n : max);
		out[n < max ? n : max] = '\0';
		return p + n;
	}
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		if (n < max)
			out[n++] = *p;
	}
	out[n] = '\0';
	return *p == '"' ? p + 1 : p;
}

/* Is word one of those in the space-separated list? Relation types ignore case. */
static bool
lists(const char *list, const char *word)
{
	size_t n;

	for (; *list != '\0'; list += n) {
		list += strspn(list, " \t");
		n = strcspn(list, " \t");
		if (n == strlen(word) && strncasecmp(list, word, n) == 0)
			return true;
	}
	return false;
}

/* The parameters of one link up to the comma or the end. */
static const char *
params(const char *p, const char *rel, bool *is)
{
	bool have_rel = false, anchored = false;
	char value[256];

	*is = false;
	for (p = skip_space(p); *p == ';'; p = skip_space(p)) {
		const char *name = p = skip_space(p + 1);
		size_t n = strcspn(p, " \t=;,");
		p = skip_space(p + n);
		value[0] = '\0';
		if (*p == '=')
			p = param_value(skip_space(p + 1), value, sizeof(value) - 1);
		if (n == 3 && strncasecmp(name, "rel", 3) == 0 && !have_rel) {
			have_rel = true; /* later ones are ignored, section 3.3 */
			*is = lists(value, rel);
		} else if (n == 6 && strncasecmp(name, "anchor", 6) == 0)
			anchored = true;
	}
	if (anchored)
		*is = false;
	return p;
}

bool
link_find(const char *p, const char *rel, struct slice *target)
{
	const char *end;
	bool is;

	for (;;) {
		p += strspn(p, " \t,");
		if (*p != '<' || (end = strchr(p, '>')) == NULL)
			return false;
		target->p = p + 1;
		target->n = end - p - 1;
		p = params(end + 1, rel, &is);
		if (is)
			return true;
		if (*p != ',')
			return false;
	}
}
