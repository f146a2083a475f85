#include "origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "url.h"

/* Addresses that are no place in the public network (RFC 6890). */
struct net {
	uint8_t prefix[16];
	int bits;
};

static const struct net private4[] = {{{0}, 8}, {{10}, 8}, {{100, 64}, 10}, {{127}, 8},
    {{169, 254}, 16}, {{172, 16}, 12}, {{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15},
    {{224}, 3}};

static const struct net private6[] = {{{0}, 96}, /* ::, ::1 and IPv4 in a form that is out of use */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, {{0x01}, 64}, {{0xfc}, 7}, {{0xfe, 0x80}, 9},
    {{0xff}, 8}};

/* Where an IPv4 address is inside: mapped, translated and 6to4. */
static const struct {
	struct net net;
	int at;
} inside6[] = {
    {{{[10] = 0xff, 0xff}, 96}, 12}, {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12}, {{{0x20, 0x02}, 16}, 2}};

static bool
is_in(const uint8_t *a, const struct net *n)
{
	int whole = n->bits / 8, rest = n->bits % 8;

	return memcmp(a, n->prefix, whole) == 0 &&
	       (rest == 0 || (a[whole] ^ n->prefix[whole]) >> (8 - rest) == 0);
}

static bool
is_any(const uint8_t *a, const struct net *n, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_in(a, n + i))
			return true;
	return false;
}

static bool
is_private(int family, const uint8_t *a)
{
	if (family == AF_INET)
		return is_any(a, private4, sizeof(private4) / sizeof(*private4));
	for (size_t i = 0; i < sizeof(inside6) / sizeof(*inside6); i++)
		if (is_in(a, &inside6[i].net))
			return is_private(AF_INET, a + inside6[i].at);
	return is_any(a, private6, sizeof(private6) / sizeof(*private6));
}

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

/* Do these origins differ in http and https, and perhaps the port, only? */
static bool
same_host(const char *a, const char *b)
{
	a = strstr(a, "://") + 3;
	b = strstr(b, "://") + 3;
	return strrchr(a, ':') - a == strrchr(b, ':') - b &&
	       strncmp(a, b, strrchr(a, ':') - a) == 0;
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
		if (!*foreign && url_is_https(there) && !url_is_https(home) &&
		    same_host(home, there))
			r = fail(CS_PROTOCOL, "%s: leads to %s: refused (say https:// in the URL)",
			    home, there);
		else if (!*foreign)
			r = fail(CS_PROTOCOL,
			    "%s: leads to another host, %s: refused "
			    "(--allow-host follows it without credentials)",
			    home, there);
	}
	free(home);
	free(there);
	return r;
}

/* Does the user allow the address itself, or localhost where it is that? */
static bool
names_address(const struct opts *o, const char *address, const char *port)
{
	bool here = strncmp(address, "127.", 4) == 0 || strcmp(address, "[::1]") == 0, found;
	char *origin = xasprintf("://%s:%s", address, port);
	char *local = xasprintf("://localhost:%s", port);

	found = allowed(o, origin) || (here && allowed(o, local));
	free(origin);
	free(local);
	return found;
}

bool
origin_bars(const struct opts *o, const struct sockaddr *a, const char *port, char *address)
{
	const struct sockaddr_in *in4 = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;
	bool six = a->sa_family == AF_INET6;
	const void *at = six ? (const void *)&in6->sin6_addr : (const void *)&in4->sin_addr;
	char text[INET6_ADDRSTRLEN];

	if ((!six && a->sa_family != AF_INET) ||
	    ntohs(six ? in6->sin6_port : in4->sin_port) != strtoul(port, NULL, 10) ||
	    !is_private(a->sa_family, at) ||
	    inet_ntop(a->sa_family, at, text, sizeof(text)) == NULL)
		return false;
	snprintf(address, ORIGIN_ADDRESS, six ? "[%s]" : "%s", text);
	return !names_address(o, address, port);
}
