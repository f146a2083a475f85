#!/usr/bin/env bats
# cs-state when things break: full disks, failing calls, kills, closed and full outputs.
# shellcheck disable=SC2030,SC2031 # each store is tried in a subshell
load lib
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

teardown() {
	cd "$BATS_TEST_TMPDIR" || return 1
	[ -z "${mounted:-}" ] || umount "$mounted"
}

ack() {
	printf '{"@cs":"checkpoint","stream":"s","state":%s,"records":%s}\n' "$1" "$1"
}

# state WORD: the one stored is this, and the store is whole.
state() {
	equals "$(cs-state get s)" "$1"
	[ ! -e x.db ] || equals "$(sqlite3 x.db 'pragma integrity_check')" ok
}

need_strace() {
	need strace
	strace -qq -o /dev/null true 2>/dev/null || skip "strace is not allowed here"
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # which cannot be done in a traced process
}

@test "stdout that is full, closed or gone: 74, and what was put is stored" {
	check() {
		cs-state set s 5
		for command in "get s" list "list --json" status "status --json" "history s" "run s -- echo x" \
			"run -v s -- cat $PWD/end"; do
			ack 5 >end
			echo '{"@cs":"end","stream":"s","records":5,"complete":true}' >>end
			run -74 --separate-stderr sh -c "cs-state $command >/dev/full"
			contains "$stderr" '^cs-state: stdout: '
			run -74 sh -c "cs-state $command >&-"
		done
		ack 6 >in
		run -74 sh -c 'cs-state put <in >/dev/full'
		state 6
		run -74 sh -c '{ cs-state run s -- sh -c "ack() { printf \"{\\\"@cs\\\":\\\"checkpoint\\\",\\\"state\\\":7}\n\"; }
			ack; while :; do echo text; sleep 0.05; done"; echo $? >rc; } | head -n 1; exit $(cat rc)'
		state 7
	}
	each_store check
}

@test "a full disk: 74, and the old state stays" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small 2>/dev/null || skip "no tmpfs can be mounted here"
	mounted=$PWD/small
	cd small
	for store in sqlite:x.db dir:d; do
		export CS_STATE_STORE=$store
		cs-state set s 1
		cs-state run s -- true
		cat /dev/zero >fill 2>/dev/null || :
		head -c 200000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >"$BATS_TEST_TMPDIR/big"
		fails_with 74 cs-state set s - <"$BATS_TEST_TMPDIR/big"
		equals "$(cs-state get s)" 1
		printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$(cat "$BATS_TEST_TMPDIR/big")" >"$BATS_TEST_TMPDIR/in"
		run -74 --separate-stderr cs-state put <"$BATS_TEST_TMPDIR/in"
		equals "$output" ""
		run -74 cs-state run s -- cat "$BATS_TEST_TMPDIR/in"
		rm fill
		state 1
		cs-state set s 2
		state 2
	done
	equals "$(find . -name '*.state.*')" "" # nothing half-written is left
}

@test "a limit on file sizes: 74, and the old state stays" {
	check() {
		cs-state set s 1
		head -c 300000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >big
		run -74 --separate-stderr sh -c 'trap "" XFSZ; ulimit -f 100; exec cs-state set s - <big'
		state 1
	}
	each_local_store check
}

@test "a store that cannot be written can be read" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	mkdir ro
	mount -t tmpfs -o size=1m tmpfs ro 2>/dev/null || skip "no tmpfs can be mounted here"
	mounted=$PWD/ro
	cs-state --store sqlite:ro/x.db set s 1
	cs-state --store dir:ro/d set s 1
	mount -o remount,ro "$mounted"
	for store in sqlite:ro/x.db dir:ro/d; do
		equals "$(cs-state --store $store get s)" 1
		succeeds cs-state --store $store status
		fails_with 74 cs-state --store $store set s 2
		run -74 cs-state --store $store run s -- true
	done
}

@test "a sync that fails: 74 and nothing is acknowledged" {
	need_strace
	ack 2 >in
	check() {
		local n failed=0
		for n in 1 2 3 4 5 6; do
			cs-state set s 1
			run --separate-stderr strace -qq -f -o /dev/null -e trace=fsync,fdatasync \
				-e "inject=fsync,fdatasync:error=EIO:when=$n" cs-state put <../in
			if [ "$status" -eq 0 ]; then # SQLite lets the first sync of the directory fail
				state 2
				continue
			fi
			failed=$((failed + 1))
			equals "$status$output" 74
			contains "$stderr" '^cs-state: .*(s\.state: Input/output error|disk I/O error)$'
			[ $n -gt 1 ] || state 1
		done
		[ $failed -ge 2 ]
	}
	each_local_store check
}

@test "what is acknowledged is synced before, the end of its rollback journal too" {
	need_strace
	ack 2 >in
	cs-state --store sqlite:x.db set s 1
	strace -qq -f -y -o trace -e trace=unlink,unlinkat,fsync,fdatasync,write cs-state --store sqlite:x.db put <in >out
	# Without synchronous=EXTRA the journal may be back after a power cut, and undo what was acknowledged.
	sed -n 's/^[0-9]* *\(unlink[a-z]*\)(.*-journal".*/gone/p; s,^[0-9]* *f[a-z]*sync([0-9]*<'"$PWD"'>).*,synced,p; s/^[0-9]* *write(1<.*checkpoint.*/passed on/p' trace >order
	equals "$(tail -n 3 order | paste -sd' ')" 'gone synced passed on'
	equals "$(synced cs-state --store dir:d put)" 'sync: sync:d/s.state.? d/s.state sync:d told'
}

@test "run --verbose passes no checkpoint on that could not be stored" {
	need_strace
	{ ack 2; ack 3; ack 4; echo '{"@cs":"end","stream":"s","records":4,"complete":true}'; } >in
	check() {
		local n failed=0
		for n in $(seq 6 3 40); do
			cs-state set -f s 1
			run --separate-stderr strace -qq -o /dev/null -e trace=fsync,fdatasync \
				-e "inject=fsync,fdatasync:error=EIO:when=$n" cs-state run -v s -- cat ../in
			[ "$status" -ne 0 ] || continue
			failed=$((failed + 1))
			equals "$status" 74
			passed=$({ ack 1; echo "$output"; } | sed -n 's/.*"state":\([0-9]*\).*/\1/p' | tail -n 1)
			[ "$(cs-state get s)" -ge "$passed" ]
		done
		[ "$failed" -ge 2 ]
	}
	each_local_store check
}

@test "a file that cannot be opened: what is said is never that there was no error" {
	need_strace
	check() {
		local n
		for n in $(seq 6 22); do # what loads the program opens files, too
			cs-state set -f s 1
			run --separate-stderr strace -qq -o /dev/null -e trace=openat -e inject=openat:error=ENOMEM:when=$n cs-state rm s
			[ "$status" -eq 0 ] && continue
			lacks "$stderr" 'not an error|Success'
			contains "$stderr" '^cs-state: |shared libraries'
		done
	}
	each_local_store check
}

@test "killed at any write, sync or rename: the old state or the new one" {
	need_strace
	local calls=write,pwrite64,fsync,fdatasync,rename,unlink,ftruncate,fchmod,openat
	check() {
		local n=0 old=0 new rc=137
		cs-state set s 0
		while [ $rc -ne 0 ]; do
			n=$((n + 1)) new=$((1000 + n)) rc=0
			# The inner shell keeps what bash says of a killed process to itself.
			(strace -qq -f -o /dev/null -e trace=$calls -e "inject=$calls:signal=SIGKILL:when=$n" \
				cs-state set s $new; exit $?) >/dev/null 2>&1 || rc=$?
			[ $rc -eq 0 ] || [ $rc -eq 137 ]
			now=$(cs-state get s)
			[ "$now" = $old ] || [ "$now" = $new ]
			[ $rc -ne 0 ] || equals "$now" $new
			old=$now
			[ $n -lt 200 ]
		done
		[ $n -gt 6 ] # times killed
		state $old
	}
	each_local_store check
}

@test "put killed at any moment: what it passed on is stored" {
	check() {
		local n=0 last
		for _ in $(seq 10); do
			while :; do ack $((++n)); done 2>/dev/null | cs-state put >out 2>/dev/null &
			sleep "0.$((RANDOM % 30 + 10))"
			kill -9 $! 2>/dev/null
			wait $! 2>/dev/null || :
			last=$(sed -n 's/.*"state":\([0-9]*\),"records":[0-9]*}$/\1/p' out | tail -n 1)
			[ "$(cs-state get s --default 0)" -ge "${last:-0}" ]
			n=$(cs-state get s --default 0)
		done
		[ "$n" -gt 10 ]
		state "$n"
	}
	each_store check
}

@test "sqlite: a writer that was killed does not keep the state from being read" {
	need_strace
	export CS_STATE_STORE=sqlite:x.db
	cs-state set s 1
	# In the middle of writing pages: a hot journal is left.
	run strace -qq -o /dev/null -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when=8 cs-state set s 2
	[ -s x.db-journal ]
	state 1
	cs-state set s 3
	state 3
}

@test "standard streams that are closed get no file of the store" {
	check() {
		sh -c 'cs-state set s 1 <&- >&- 2>&-'
		run -74 sh -c 'cs-state get s >&- 2>&-'
		run -74 sh -c 'cs-state set s - <&-'
		run sh -c 'cs-state run s -- sh -c "echo text; echo text >&2; exit 3" <&- >&- 2>&-'
		[ "$status" -eq 74 ]
		state 1
	}
	each_store check
}

@test "a database on a network's file system is refused, with advice" {
	need_strace
	on() { # BYTES-OF-f_type COMMAND…
		strace -qq -o /dev/null -e trace=statfs -e inject=statfs:poke_exit=@arg2="$1" "${@:2}"
	}
	on 00 true 2>/dev/null || skip "this strace does not change what calls return"
	fails_with 74 on 6969000000000000 cs-state --store sqlite:x.db set s 1
	contains "$stderr" '^cs-state: sqlite:x.db: a database on NFS .*--allow-network-fs'
	[ ! -e x.db ]
	on 6969000000000000 cs-state --store sqlite:x.db --allow-network-fs set s 1
	equals "$(on 6969000000000000 cs-state --store sqlite:x.db get s)" 1
	fails_with 74 on 424d53ff00000000 cs-state --store sqlite:x.db run s -- true
	contains "$stderr" 'a database on CIFS '
}
