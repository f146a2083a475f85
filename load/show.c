#include <stdio.h>
#include <string.h>

#include "show.h"

#define TEXTS 4
#define ROOM  1024

const char *
shown_cut(struct slice s, size_t max)
{
	static char texts[TEXTS][ROOM];
	static unsigned turn;
	char *text = texts[turn++ % TEXTS], *o = text, *end = text + ROOM - sizeof "\\xc2\\x9b...";
	size_t n = s.n > max ? max : s.n, i;

	while (n < s.n && n && (s.p[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	for (i = 0; i < n && o < end; i++) {
		unsigned char c = (unsigned char)s.p[i],
			      next = i + 1 < n ? (unsigned char)s.p[i + 1] : 0;

		if (c < 0x20 || c == 0x7f) {
			o += sprintf(o, "\\x%02x", c);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			o += sprintf(o, "\\x%02x\\x%02x", c, next);
			i++;
		} else {
			*o++ = (char)c;
		}
	}
	strcpy(o, i < s.n ? "..." : "");
	return text;
}

const char *
shown(const char *s)
{
	return shown_cut((struct slice){s, strlen(s)}, SHOWN_MAX);
}
