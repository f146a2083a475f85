#include "base64.h"

void
base64(struct buf *out, const void *p, size_t n)
{
	static const char digit[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i += 3) {
		unsigned v =
		    s[i] << 16 | (i + 1 < n ? s[i + 1] << 8 : 0) | (i + 2 < n ? s[i + 2] : 0);
		buf_addc(out, digit[v >> 18]);
		buf_addc(out, digit[v >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digit[v >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digit[v & 63] : '=');
	}
}
