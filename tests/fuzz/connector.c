/* A connector file: it is taken, or refused with an exit status; what it asks to be run is not. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fetch/connector.h"
#include "cs.h"
#include "fuzz.h"

/* What it takes it keeps until exit. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *const none[] = {NULL};
	static int quiet;
	struct opts o;
	char path[64];
	int fd = memfd_create("connector", 0), status;

	if (!quiet++ && getenv("FUZZ_LOUD") == NULL && freopen("/dev/null", "w", stdout) == NULL)
		abort();
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fuzz_guard = true;
	if ((status = setjmp(fuzz_exit)) == 0) {
		opts_init(&o);
		connector_load(&o, path, NULL, none, "s");
		opts_check(&o);
	}
	fuzz_guard = false;
	close(fd);
	status = status > 0 ? status - 1 : 0;
	FUZZ_CHECK(status == 0 || status == CS_USAGE || status == CS_AUTH || status == CS_IO);
	return 0;
}
