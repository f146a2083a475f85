/* A .netrc: both name and password, or neither. */
#include "fuzz.h"
#include "fetch/netrc.h"
#include "fetch/secret.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *user, *password; /* exact: what is read beyond is found */
	int r;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	r = netrc_find(copy, size, "h", &user, &password);
	FUZZ_CHECK(
	    r >= -1 && r <= 1 && (r == 1) == (user != NULL) && (r == 1) == (password != NULL));
	secret_free(user);
	secret_free(password);
	free(copy);
	return 0;
}
