/* For code that ends the process: see fuzz.h. Linked with --wrap. */
#include <stdarg.h>
#include <stdio.h>

#include "fuzz.h"

_Noreturn void __real_exit(int status);
_Noreturn void __wrap_exit(int status);
_Noreturn void __wrap_errx(int status, const char *fmt, ...);
FILE *__wrap_popen(const char *command, const char *mode);

bool fuzz_guard;
jmp_buf fuzz_exit;

void
__wrap_exit(int status)
{
	if (fuzz_guard)
		longjmp(fuzz_exit, status + 1);
	__real_exit(status);
}

void
__wrap_errx(int status, const char *fmt, ...)
{
	(void)fmt;
	__wrap_exit(status);
}

/* Nothing that a fuzzer makes up is run. */
FILE *
__wrap_popen(const char *command, const char *mode)
{
	(void)command, (void)mode;
	return NULL;
}
