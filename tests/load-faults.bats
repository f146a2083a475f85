#!/usr/bin/env bats
# cs-load when things break, and with input made to break it.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
	cd "$BATS_TEST_TMPDIR" || return 1
	[ -z "${mounted:-}" ] || umount "$mounted"
}

to() {
	cs-load --to sqlite:x.db --table t "$@"
}

# A stream of N checkpoints of 20 rows each, as stream s; the k-th has the state k.
stream() { # N [FIRST]
	awk -v n="$1" -v first="${2:-1}" 'BEGIN {
		print "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"r\",\"mode\":\"incremental\",\"from\":" (first > 1 ? first - 1 : "null") "}"
		for (k = first; k <= n; k++) {
			for (i = 1; i <= 20; i++)
				print "{\"id\":\"key" (k * 20 + i) * 7919 % 100003 "\",\"k\":" k ",\"text\":\"a text that fills the page a little\"}"
			print "{\"@cs\":\"checkpoint\",\"stream\":\"s\",\"state\":" k ",\"records\":" (k - first + 1) * 20 "}"
		}
		print "{\"@cs\":\"end\",\"stream\":\"s\",\"run\":\"r\",\"records\":" (n - first + 1) * 20 ",\"complete\":true}"
	}'
}

# The database agrees with itself and with what was acknowledged: rows are exactly those of the checkpoints.
consistent() { # ACKNOWLEDGED
	local state=0
	[ -s x.db ] && state=$(sqlite3 -batch x.db "SELECT state FROM _cs_state" 2>/dev/null || echo 0)
	[ "$state" -ge "$1" ] || { echo "checkpoint $1 was acknowledged, $state is stored"; return 1; }
	[ "$state" -eq 0 ] ||
		equals "$(sqlite3 -batch x.db "PRAGMA integrity_check; SELECT count(*), min(k), max(k) FROM t")" $'ok\n'"$((state * 20))|1|$state"
}

acknowledged() { # FILE
	sed -n 's/.*"checkpoint".*"state":\([0-9]*\).*/\1/p' "$1" | tail -n 1 | grep . || echo 0
}

@test "killed at random moments and started again, appending: nothing lost, nothing doubled" {
	stream 300 >all
	local i state=0
	for i in $(seq 12); do
		# not by to: $! would be its shell
		stream 300 $((state + 1)) | cs-load --to sqlite:x.db --table t --mode append >acks 2>/dev/null &
		pid=$!
		sleep "0.0$((RANDOM % 10))"
		kill -9 $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
		consistent "$(acknowledged acks)" || return 1
		state=$(sqlite3 -batch x.db "SELECT state FROM _cs_state" 2>/dev/null || echo 0)
	done
	[ "$state" = 300 ] || stream 300 $((state + 1)) | to --mode append >/dev/null
	equals "$(sql x.db 'SELECT count(*), count(DISTINCT id), sum(k) FROM t')" "6000|6000|903000"
}

@test "killed at every page write in turn" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	stream 6 >in
	local n
	for n in $(seq 1 3 60); do
		rm -f x.db*
		# through a pipe that pauses, so that there are several commits
		run bash -c "{ head -n 50 in; sleep 0.02; tail -n +51 in; } |
			strace -qq -o trace -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when=$n cs-load --to sqlite:x.db --table t --key id >acks"
		consistent "$(acknowledged acks)" || return 1
		to --key id <in >/dev/null
		equals "$(sql x.db 'SELECT count(*), max(state) FROM t, _cs_state')" "120|6" || return 1
	done
}

@test "failing writes and syncs end with 74, and the database is as at its last checkpoint" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	stream 6 >in
	local call
	for call in pwrite64:error=ENOSPC:when=4+ pwrite64:error=EIO:when=7+ fdatasync:error=EIO:when=2+ ftruncate:error=EIO:when=1+; do
		rm -f x.db*
		to --key id </dev/null
		run --separate-stderr bash -c "{ head -n 50 in; sleep 0.05; tail -n +51 in; } |
			strace -qq -o trace -e trace=${call%%:*} -e inject=$call cs-load --to sqlite:x.db --table t --key id >acks"
		case $status in
		74) contains "$stderr" '^cs-load: ' || return 1 ;;
		0) [ "${call%%:*}" = ftruncate ] || return 1 ;; # not needed for the commit
		*) echo "$call: status $status: $stderr"; return 1 ;;
		esac
		consistent "$(acknowledged acks)" || return 1
		to --key id <in >/dev/null
	done
}

@test "a page that cannot be read: what is said is never that there was no error" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	stream 3 >in
	local n
	for n in $(seq 4 24); do # what loads the program reads, too
		rm -f x.db*
		run --separate-stderr strace -qq -o trace -e trace=pread64 -e inject=pread64:error=EIO:when=$n \
			cs-load --to sqlite:x.db --table t --mode append --commit-every 20 <in
		[ "$status" = 0 ] || { [ "$status" = 74 ] && contains "$stderr" '^cs-load: ' && lacks "$stderr" 'not an error'; } || return 1
	done
	[ "$n" = 24 ]
}

@test "stdout that cannot be written: 74, and the rows are in" {
	stream 2 >in
	run bash -c 'cs-load --to sqlite:x.db --table t --key id <in >/dev/full'
	equals "$status" 74
	consistent 2
	run bash -c 'cs-load --to sqlite:x.db --table t --key id <in >&-'
	equals "$status" 74
	run bash -c 'grep -v "@cs" in | cs-load --to sqlite:x.db --table t --key id >&-'
	equals "$status" 0
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --stats /dev/full <in
	[ -c /dev/full ]
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --stats /nonexistent/x <in
	printf '{"id":' >bad
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --rejects /dev/full <bad
}

@test "what is no database, or cannot be one: 74 with words" {
	head -c 4096 /dev/urandom >x
	printf '{"id":1}\n' >in
	fails_with 74 cs-load --to sqlite:x --table t <in
	contains "$stderr" 'cs-load: x: file is not a database'
	fails_with 74 cs-load --to sqlite:/nonexistent/x.db --table t <in
	contains "$stderr" 'No such file'
	fails_with 74 cs-load --to sqlite:. --table t <in
	run --separate-stderr bash -c 'TMPDIR=/nonexistent cs-load --to sqlite:x.db --table t < <(cat in)'
	equals "$status" 74
	contains "$stderr" 'TMPDIR'
}

# 1,500 rows, half of which differ with another number.
many() {
	awk -v s="$1" -v n=1500 'BEGIN { for (i = 1; i <= n; i++) print "{\"id\":\"k" i * 7919 % n "\",\"v\":" (i % 2 ? i : i + s) ",\"text\":\"a text that fills the page a little\"}" }'
}

@test "killed at page writes while rows are compared by digest, and while a new table is filled in bulk: all or nothing" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	many 0 >old
	many 5 >new
	to --key id <old
	cp x.db kept
	local n
	for n in 1 2 3 5 9 17 30 60 100 130; do
		cp kept x.db
		rm -f x.db-*
		run strace -qq -o trace -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when=$n cs-load --to sqlite:x.db --table t --key id <new
		equals "$(sqlite3 x.db 'PRAGMA integrity_check; SELECT count(*), sum(v) IN (1125750, 1129500) FROM t')" $'ok\n1500|1' || return 1
		to --key id <new
		equals "$(sql x.db 'SELECT count(*), sum(v) FROM t')" '1500|1129500' || return 1
		rm -f x.db*
		run strace -qq -o trace -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when=$n cs-load --to sqlite:x.db --table t --key id --bulk <new
		equals "$(sqlite3 x.db 'PRAGMA integrity_check')" ok || return 1
		to --key id <new
		equals "$(sql x.db "SELECT count(*), sum(v), (SELECT count(*) FROM pragma_index_list('t') WHERE \"unique\") FROM t")" '1500|1129500|1' || return 1
	done
}

@test "writes that fail while rows are compared by digest or filled in bulk: 74, and what was there" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	many 0 >old
	many 5 >new
	to --key id <old
	local call
	for call in pwrite64:error=ENOSPC:when=3+ pwrite64:error=EIO:when=20+ fdatasync:error=EIO:when=1+; do
		fails_with 74 strace -qq -o trace -e trace="${call%%:*}" -e inject="$call" cs-load --to sqlite:x.db --table t --key id <new
		equals "$(sqlite3 x.db 'PRAGMA integrity_check; SELECT count(*), sum(v) FROM t')" $'ok\n1500|1125750' || return 1
		rm -f y.db*
		fails_with 74 strace -qq -o trace -e trace="${call%%:*}" -e inject="$call" cs-load --to sqlite:y.db --table t --key id --bulk <new
		equals "$(sqlite3 y.db 'PRAGMA integrity_check')" ok || return 1
	done
	to --key id <new
	equals "$(sql x.db 'SELECT sum(v) FROM t')" 1129500
}

@test "a sync or rename of partitioned files that fails: all of the run or nothing of it" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	stream 2 >old
	stream 4 3 >new
	stream 5 5 >later
	local call n
	for call in fsync:1 fsync:2 fsync:3 fsync:4 fsync:5 fsync:6 fsync:7 fsync:8 fsync:9 rename:1 rename:2 rename:3 rename:4; do
		rm -rf k=* x*
		cs-load --to ndjson:x --partition-by k <old >/dev/null
		run --separate-stderr strace -qq -o trace -e trace="${call%:*}" -e inject="${call%:*}:error=EIO:when=${call#*:}" \
			cs-load --to ndjson:x --partition-by k <new
		[ "$status" = 74 ] && contains "$stderr" '^cs-load: .*: Input/output error$' || [ "$status" = 0 ]
		# it goes on from the checkpoint that it has rows for
		cs-load --to ndjson:x --partition-by k <new >/dev/null 2>&1 || :
		cs-load --to ndjson:x --partition-by k <later >/dev/null
		equals "$(cat k=*/x | jq -c .k | sort | uniq -c | tr -s ' ' | tr '\n' ,)" ' 20 1, 20 2, 20 3, 20 4, 20 5,' || { echo "$call"; return 1; }
	done
}

@test "what is acknowledged is synced before, the end of a rollback journal too" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	synced() {
		strace -qq -f -y -o trace -e trace=unlink,fsync,fdatasync,write cs-load --to sqlite:x.db --table t --key id <in >out
		sed -n 's/^[0-9]* *unlink(.*-journal".*/gone/p; s,^[0-9]* *f[a-z]*sync([0-9]*<'"$PWD"'>).*,directory,p
			s,^[0-9]* *f[a-z]*sync([0-9]*<.*x.db-wal>).*,wal,p; s/^[0-9]* *write(1<.*checkpoint.*/passed on/p' trace
	}
	stream 2 >in
	sqlite3 x.db 'CREATE TABLE mine(a)'
	equals "$(synced | tail -n 3 | paste -sd' ')" 'gone directory passed on'
	rm x.db
	printf '{"id":1}\n' | cs-load --to sqlite:x.db --table t --key id
	contains "$(synced | paste -sd' ')" 'wal passed on'
}

@test "a network's file system is refused, with advice" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	printf '{"id":1}\n' >in
	on() { # BYTES-OF-f_type COMMAND…
		strace -qq -o trace -e trace=statfs -e inject=statfs:poke_exit=@arg2="$1" "${@:2}"
	}
	on 00 true 2>/dev/null || skip "this strace does not change what calls return"
	fails_with 74 on 6969000000000000 cs-load --to sqlite:x.db --table t <in
	contains "$stderr" 'x.db: a database on NFS .*--allow-network-fs'
	[ ! -e x.db ]
	# those that the manual names; AFS is two: OpenAFS and the kernel's own
	for type in 424d53ff:CIFS 424d53fe:SMB 7b510000:SMB 4f414653:AFS 5346416b:AFS 0064c300:Ceph d00bd00b:Lustre 53465047:GPFS; do
		fails_with 74 on "${type%:*}00000000" cs-load --to sqlite:x.db --table t <in
		contains "$stderr" "a database on ${type#*:} "
	done
	[ ! -e x.db ]
	on 6969000000000000 cs-load --to sqlite:x.db --table t --allow-network-fs <in
	equals "$(sql x.db 'SELECT count(*) FROM t')" 1
}

@test "a full disk: 74, and once there is room the same run finishes" {
	[ "$(id -u)" = 0 ] || skip "mounting needs root"
	mkdir disk
	mount -t tmpfs -o size=300k tmpfs disk 2>/dev/null || skip "tmpfs cannot be mounted"
	mounted=$PWD/disk
	stream 300 >in
	run --separate-stderr bash -c "{ head -n 300 in; sleep 0.1; tail -n +301 in; } | cs-load --to sqlite:disk/x.db --table t --key id >acks"
	equals "$status" 74
	contains "$stderr" 'database or disk is full'
	mount -o remount,size=16m disk
	cd disk
	consistent "$(acknowledged ../acks)"
	[ "$(acknowledged ../acks)" -gt 0 ]
	cs-load --to sqlite:x.db --table t --key id <../in >/dev/null
	equals "$(sql x.db 'SELECT count(*) FROM t')" 6000
}

@test "ulimit -f: an error, not a signal's death half way" {
	stream 300 >in
	run --separate-stderr bash -c "ulimit -f 200; cs-load --to sqlite:x.db --table t --key id <in >acks"
	equals "$status" 74
	consistent "$(acknowledged acks)"
}

@test "JSONTestSuite: what must be refused is, by its line, and nothing is loaded" {
	shared corpora/JSONTestSuite/files.tar.xz
	tar xJf "$SHARED"
	local f class breaks ndjson
	declare -A col
	IFS=$'\t' read -r -a header <"${SHARED%/*}/parsing.tsv"
	for i in "${!header[@]}"; do col[${header[i]}]=$i; done
	while IFS=$'\t' read -r -a row; do
		f=test_parsing/${row[${col[file]}]}
		class=${row[${col[class]}]} breaks=${row[${col[breaks]}]} ndjson=${row[${col[ndjson]}]}
		rm -f y.db*
		status=0
		timeout 5 cs-load --to sqlite:y.db --table t <"$f" >out 2>err || status=$?
		n=$(sqlite3 -readonly -batch y.db 'SELECT count(*) FROM t' 2>/dev/null || echo 0)
		case $class:$ndjson in
		n:reject)
			[ "$status" = 65 ] && [ "$n" = 0 ] && grep -q '^cs-load: stdin:[0-9]*: ' err || { echo "$f: $status, $n rows: $(cat err)"; return 1; } ;;
		n:empty)
			[ "$status" = 0 ] && [ "$n" = 0 ] || { echo "$f: $status, $n rows"; return 1; } ;;
		*)
			# scalars and arrays are no records, and some names and texts have no place in SQLite: refused with the line
			[ "$status" = 0 ] || { [ "$status" = 65 ] && [ "$n" = 0 ] && grep -q '^cs-load: stdin:[0-9]*: ' err; } || { echo "$f: $status: $(cat err)"; return 1; }
			[ "$status" != 65 ] || [ "$class" != y ] || [ "$breaks" -gt 0 ] || [[ $(head -c 1 "$f") != '{' ]] ||
				grep -q 'U+0000\|in case\|without a name\|without members' err || [ ! -s "$f" ] || { echo "$f: $(cat err)"; return 1; } ;;
		esac
	done < <(tail -n +2 "${SHARED%/*}/parsing.tsv")
}

@test "the Big List of Naughty Strings as values" {
	shared corpora/blns/as-values.ndjson
	to --key id <"$SHARED"
	equals "$(sqlite3 -readonly -json x.db 'SELECT s FROM t ORDER BY id' | jq -j '.[].s + "\u0000"' | sha256sum | cut -c1-64)" \
		37e45969f01261c49a776c00b62cb145a2b818f6b19b4729f519af250b8ce93f
	to --key id --stats stats <"$SHARED"
	equals "$(jq -c '[.inserted, .updated]' stats)" '[0,0]'
}

@test "the Big List of Naughty Strings as names of columns" {
	shared corpora/blns/as-keys.ndjson
	ends_with_status 1 cs-load --to sqlite:x.db --table t --key id --rejects bad <"$SHARED"
	jq -r .reason bad | sort -u >reasons
	lacks "$(cat reasons)" 'syntax|near'
	equals "$(grep -vc 'differs from column\|without a name' reasons || :)" 0
	# every record is there, under its own name, or among the rejects
	equals "$(jq -s length bad)" "$((510 - $(sql x.db 'SELECT count(*) FROM t')))"
	sqlite3 -readonly -json x.db 'SELECT * FROM t' | jq -cS '.[] | del(.[] | nulls)' | sort >got
	grep -vxFf <(jq -r .record bad) "$SHARED" | jq -cS . | sort >want
	cmp got want
	# without --rejects nothing is loaded
	ends_with_status 65 cs-load --to sqlite:y.db --table t --key id <"$SHARED"
	equals "$(sql y.db 'SELECT count(*) FROM sqlite_schema')" 0
}

@test "lines too long are refused or set aside, and the next one is read" {
	{ echo '{"id":1}'; printf '{"id":2,"x":"%s"}\n' "$(head -c 2000 /dev/zero | tr '\0' x)"; echo '{"id":3}'; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --max-record 1K <in
	contains "$stderr" 'stdin:2: a line longer than --max-record'
	ends_with_status 1 cs-load --to sqlite:x.db --table t --key id --max-record 1K --rejects bad <in
	equals "$(sql x.db 'SELECT group_concat(id) FROM t')" 1,3
	equals "$(jq -c '[.line, .record]' bad)" '[2,null]'
}

@test "a value of many megabytes" {
	{ printf '{"id":1,"v":"'; head -c 20000000 /dev/zero | tr '\0' x; printf '"}\n'; } >in
	cat in | to --key id
	equals "$(sql x.db 'SELECT length(v) FROM t')" 20000000
	printf '{"id":2,"v":%s1%s}\n' "$(head -c 600 /dev/zero | tr '\0' '[')" "$(head -c 600 /dev/zero | tr '\0' ']')" >deep
	fails_with 65 cs-load --to sqlite:x.db --table t --key id <deep
	contains "$stderr" 'nested too deeply'
}

@test "a read-only file system: 74, and what there is stays" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	mkdir disk
	mount -t tmpfs -o size=1m tmpfs disk 2>/dev/null || skip "nothing can be mounted here"
	mounted=$PWD/disk
	for to in sqlite:disk/x.db ndjson:disk/x.ndjson; do echo '{"id":1}' | cs-load --to $to --table t --key id; done
	mount -o remount,ro disk
	echo '{"id":2}' >in
	for to in sqlite:disk/x.db sqlite:disk/new.db ndjson:disk/x.ndjson csv:disk/new.csv; do
		fails_with 74 cs-load --to $to --table t --key id <in
	done
	fails_with 74 cs-load --to sqlite:disk/x.db --table t --key id <in
	contains "$stderr" 'Read-only file system'
	mount -o remount,rw disk
	cs-load --to sqlite:disk/x.db --table t --key id <in
	equals "$(sql disk/x.db 'SELECT group_concat(id) FROM t')" 1,2
	equals "$(cat disk/x.ndjson)" '{"id":1}'
}
