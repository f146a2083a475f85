/* See landlock(7), seccomp(2). */
#include <libgen.h>
#include <stdlib.h>

#include "buf.h"
#include "sandbox.h"

/* The sanitizers' own reports would be what is refused. */
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef SYS_landlock_create_ruleset
/* Rights by the version of Landlock that brought them; headers may be older than the kernel. */
#define FS_ALL       ((UINT64_C(1) << 13) - 1)
#define FS_REFER     (UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define FS_READ      UINT64_C(4)
#define FS_READ_DIR  UINT64_C(8)
#define NET_TCP      UINT64_C(3) /* 4: bind and connect */
#define SCOPES       UINT64_C(3) /* 6: abstract sockets and signals of others */

static uint64_t
fs_rights(long version)
{
	return FS_ALL | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
	       (version >= 5 ? FS_IOCTL_DEV : 0);
}

static void
allow_below(int ruleset, const char *dir, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};

	rule.parent_fd = open(dir, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (rule.parent_fd < 0)
		return;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

static void
allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = FS_READ};
	struct stat st;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed_access |= FS_READ_DIR;
	syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* reads NULL: and restrict the network. */
static void
restrict_files(char *const *dirs, char *const *reads)
{
	/* handled_access_fs, handled_access_net, scoped: the kernel knows how many of them by the size */
	uint64_t attr[3] = {0};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* VERSION */);
	size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
	int ruleset;

	if (version < 1)
		return;
	attr[0] = fs_rights(version);
	attr[1] = version >= 4 && !reads ? NET_TCP : 0;
	attr[2] = version >= 6 ? SCOPES : 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, attr, size, 0);
	if (ruleset < 0)
		return;
	for (size_t i = 0; i < SANDBOX_DIRS; i++)
		if (dirs[i] != NULL)
			allow_below(ruleset, dirs[i], attr[0]);
	for (size_t i = 0; reads && reads[i]; i++)
		allow_reading(ruleset, reads[i]);
	syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
}
#else
static void
restrict_files(char *const *dirs, char *const *reads)
{
	(void)dirs;
	(void)reads;
}
#endif

#ifdef ARCH
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define REFUSE       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define NO(name)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), REFUSE

static void
restrict_calls(bool files, bool sockets)
{
	static const struct sock_filter filter[] = {LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0), REFUSE, LOAD(nr),
#ifdef __x86_64__
	    /* the numbers of the x32 ABI */
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), REFUSE,
#endif
	    NO(execve), NO(execveat), NO(ptrace), NO(process_vm_readv), NO(process_vm_writev),
	    NO(listen), NO(accept), NO(accept4), NO(mount), NO(umount2), NO(pivot_root), NO(chroot),
	    NO(setns), NO(unshare), NO(bpf), NO(keyctl), NO(add_key), NO(request_key),
	    NO(perf_event_open), NO(userfaultfd), NO(init_module), NO(finit_module), NO(kexec_load),
	    NO(open_by_handle_at), NO(io_uring_setup),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	static const struct sock_filter no_sockets[] = {LOAD(nr), NO(socket), NO(connect), NO(bind),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	static const struct sock_filter no_files[] = {LOAD(nr), NO(openat),
#ifdef SYS_openat2
	    NO(openat2),
#endif
#ifdef SYS_open
	    NO(open), NO(creat), NO(unlink), NO(rename), NO(mkdir), NO(link), NO(symlink),
	    NO(truncate), NO(chmod),
#endif
	    NO(unlinkat), NO(renameat2), NO(mkdirat), NO(linkat), NO(symlinkat), NO(fchmodat),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog all = {.len = sizeof filter / sizeof *filter,
	    .filter = (struct sock_filter *)(uintptr_t)filter};
	struct sock_fprog alone = {.len = sizeof no_sockets / sizeof *no_sockets,
	    .filter = (struct sock_filter *)(uintptr_t)no_sockets};
	struct sock_fprog more = {.len = sizeof no_files / sizeof *no_files,
	    .filter = (struct sock_filter *)(uintptr_t)no_files};

	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all);
	if (!sockets)
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &alone);
	if (!files)
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &more);
}
#else
static void
restrict_calls(bool files, bool sockets)
{
	(void)files;
	(void)sockets;
}
#endif

void
sandbox_enter_connected(char *const dirs[SANDBOX_DIRS], char *const *reads)
{
	bool files = reads != NULL;

	for (size_t i = 0; i < SANDBOX_DIRS; i++)
		files |= dirs[i] != NULL;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return; /* without it neither is to be had */
	restrict_files(dirs, reads);
	restrict_calls(files, reads != NULL);
}
#else
void
sandbox_enter_connected(char *const dirs[SANDBOX_DIRS], char *const *reads)
{
	(void)dirs;
	(void)reads;
}
#endif

void
sandbox_enter(char *const dirs[SANDBOX_DIRS])
{
	sandbox_enter_connected(dirs, NULL);
}

char *
sandbox_dir(const char *path)
{
	char *real = path != NULL ? realpath(path, NULL) : NULL, *dir;

	if (path == NULL)
		return NULL;
	if (real == NULL)
		real = xstrdup(path); /* not there yet */
	dir = xstrdup(dirname(real));
	free(real);
	return dir;
}
