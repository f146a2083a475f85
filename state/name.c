#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "scan.h"

/* Leaves room for a suffix and a temporary file's in the 255 bytes of most file systems. */
#define NAME_ENCODED_MAX 230

/*
 * Bytes of the control character at s: C0 and DEL 1, C1 (two bytes in UTF-8) 2; 0 when it is
 * none.
 */
static int
control(const char *s)
{
	const unsigned char *c = (const unsigned char *)s;

	if (*c != '\0' && (*c < ' ' || *c == 0x7f))
		return 1;
	return c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f ? 2 : 0;
}

const char *
name_check(const char *s)
{
	char *file;
	size_t n;

	if (*s == '\0')
		return "is empty";
	if (!utf8_valid(s, strlen(s)))
		return "is not UTF-8";
	for (const char *p = s; *p != '\0'; p++)
		if (control(p))
			return "has a control character";
	file = name_encode(s);
	n = strlen(file);
	free(file);
	return n > NAME_ENCODED_MAX ? "is too long" : NULL;
}

char *
name_encode(const char *s)
{
	struct buf b = {0};
	const unsigned char *c = (const unsigned char *)s;

	for (; *c != '\0'; c++) {
		if (*c >= 0x80 || isalnum(*c) || strchr("_-+=,@", *c) != NULL ||
		    (*c == '.' && b.len > 0))
			buf_addc(&b, (char)*c);
		else
			buf_addf(&b, "%%%02X", *c);
	}
	return buf_steal(&b);
}

void
name_show(struct buf *b, const char *s)
{
	while (*s != '\0') {
		int n = control(s);

		buf_addc(b, n ? '?' : *s);
		s += n ? n : 1;
	}
}
