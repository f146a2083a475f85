#!/usr/bin/env bats
# What cs-map and cs-load can still do when something in them is taken over: a library that is loaded into them tries
# as soon as they write.
load lib

setup_file() {
	need cc
	cat >"$BATS_FILE_TMPDIR/evil.c" <<-'END'
		#define _GNU_SOURCE
		#include <errno.h>
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static void say(const char *what, int r) { dprintf(2, "%s: %s\n", what, r < 0 ? "refused" : "done"); }
		ssize_t write(int fd, const void *p, size_t n)
		{
			static int once;
			if (!once++) {
				pid_t child;
				int status = 0;
				say("read", open("/etc/passwd", O_RDONLY));
				say("beside", open(getenv("BESIDE"), O_RDWR | O_CREAT, 0600));
				say("home", open("/root/evil", O_RDWR | O_CREAT, 0600));
				say("connect", socket(AF_INET, SOCK_STREAM, 0));
				if ((child = vfork()) == 0) {
					execl("/bin/true", "true", (char *)0);
					_exit(1);
				}
				waitpid(child, &status, 0);
				say("run", WEXITSTATUS(status) ? -1 : 0);
				say("forked", child);
			}
			return syscall(SYS_write, fd, p, n);
		}
	END
	cc -shared -fPIC -o "$BATS_FILE_TMPDIR/evil.so" "$BATS_FILE_TMPDIR/evil.c"
}

setup() {
	start_in_tmpdir
	grep -q Seccomp: /proc/self/status || skip "the kernel has no seccomp"
	case $BUILD in *sanitize) skip "a sanitizer's own reports need files" ;; esac
}

# tries COMMAND…: what came of each try
tries() {
	mkdir -p tmp
	TMPDIR=$PWD/tmp BESIDE=$PWD/beside LD_PRELOAD=$BATS_FILE_TMPDIR/evil.so "$@" 2>&1 >/dev/null | grep -E '^[a-z]+: (done|refused)$' | sort
}

@test "cs-map opens no file, connects nowhere and starts nothing" {
	echo '{"a":1}' >in
	all='beside: refused
connect: refused
forked: done
home: refused
read: refused
run: refused'
	equals "$(tries cs-map --flatten <in)" "$all"
	# a filter program runs in a process of its own
	equals "$(tries cs-map -f '.a += 1' <in | sort -u)" "$all"
	equals "$(tries cs-map --flatten --no-sandbox <in | grep -c 'done')" 6
	rm -f /root/evil
}

@test "cs-map writes its --schema-out, and nothing anywhere else" {
	[ "$(tries cs-map --flatten <<<'{}' | grep -c refused)" -eq 5 ]
	mkdir out
	echo '{"a":1}' | cs-map --schema-out out/schema >/dev/null
	[ -s out/schema ]
	equals "$(echo '{"a":1}' | tries cs-map --schema-out out/schema | grep -E 'read|beside')" $'beside: refused\nread: refused'
}

@test "cs-load reaches the directory that it writes to" {
	mkdir db
	for to in sqlite:db/x ndjson:db/x.ndjson.gz; do
		equals "$(echo '{"id":1}' | tries cs-load --to $to --table t --key id -v)" 'beside: refused
connect: refused
forked: done
home: refused
read: refused
run: refused'
	done
	equals "$(sql db/x 'SELECT id FROM t')" 1
	BESIDE=$PWD/db/beside LD_PRELOAD=$BATS_FILE_TMPDIR/evil.so cs-load --to sqlite:db/x --table t --key id -v <<<'{"id":2}' 2>said
	contains "$(cat said)" '^beside: done$'
}

@test "what is asked for still works inside: links, temporary files, partitions, rejects, changes, stats" {
	mkdir real away
	ln -s "$PWD/real/x.db" link.db
	printf '%s\n' '{"id":1,"p":"a"}' '{"id":' >in
	ends_with_status 1 cs-load --to sqlite:link.db --table t --key id --rejects away/bad --stats away/stats --changes away/changes <in
	equals "$(sql real/x.db 'SELECT p FROM t')" a
	[ -s away/bad ] && [ -s away/stats ] && [ -s away/changes ]
	head -n 1 in | cs-load --to ndjson:real/p.ndjson --partition-by p --key id
	equals "$(cat real/p=a/p.ndjson)" '{"id":1,"p":"a"}'
}
