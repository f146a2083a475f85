#include "origin.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"

/* origin is scheme://host:port; the user allows HOST or HOST:PORT. */
static bool
allowed(const struct opts *o, const char *origin)
{
	const char *host = strstr(origin, "://") + 3, *port = strrchr(host, ':');

	for (size_t i = 0; i < o->allow_host.n; i++) {
		const char *a = o->allow_host.v[i].text;
		if (strcasecmp(a, host) == 0 ||
		    (strlen(a) == (size_t)(port - host) && strncasecmp(a, host, port - host) == 0))
			return true;
	}
	return false;
}

int
origin_check(const struct opts *o, const char *from, const char *url, bool *foreign)
{
	char *home = url_origin(o->url), *there = url_origin(url);
	int r = 0;

	*foreign = false;
	if (there == NULL || home == NULL)
		r = fail(CS_PROTOCOL, "%s: leads to %s, which is no URL", from, url);
	else if (strncmp(there, "http://", 7) != 0 && strncmp(there, "https://", 8) != 0)
		r = fail(
		    CS_PROTOCOL, "%s: leads to %s: only http and https are followed", from, url);
	else if ((url_is_https(from) || url_is_https(home)) && !url_is_https(there))
		r = fail(CS_PROTOCOL, "%s: leads from https to %s: refused", from, there);
	else if (strcmp(home, there) != 0) {
		*foreign = allowed(o, there);
		if (!*foreign)
			r = fail(CS_PROTOCOL,
			    "%s: leads to another host, %s: refused "
			    "(--allow-host follows it without credentials)",
			    home, there);
	}
	free(home);
	free(there);
	return r;
}
