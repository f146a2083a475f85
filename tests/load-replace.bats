#!/usr/bin/env bats
# cs-load --mode replace, killed: a table is what it was, or what a whole run brought.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
}

# A full run N of 200 rows in ten checkpoints, from checkpoint K on, with a break after two: commits fall in between.
# Each run has other rows and values.
stream() { # N K
	awk -v n="$1" -v k="$2" 'BEGIN {
		printf "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"r%d\",\"mode\":\"full\",\"from\":%s}\n", n, k ? "{\"run\":" n ",\"k\":" k "}" : "null"
		for (first = k; k < 10; k++) {
			if (k == first + 2) {
				fflush()
				system("sleep 0.02")
			}
			for (i = 0; i < 20; i++)
				printf "{\"id\":%d,\"run\":%d,\"text\":\"some text to fill a page\"}\n", n * 50 + k * 20 + i, n
			printf "{\"@cs\":\"checkpoint\",\"stream\":\"s\",\"state\":{\"run\":%d,\"k\":%d}}\n", n, k + 1
		}
		printf "{\"@cs\":\"end\",\"stream\":\"s\",\"run\":\"r%d\",\"complete\":true}\n", n
	}'
}

@test "killed at random and resumed: a table is one run's, whole" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	local n=1 k=0 was=0 killed=0 at seen
	for _ in $(seq 60); do
		status=0 at=$((5 + RANDOM % 60))
		stream $n "$k" | strace -qq -o trace -e trace=pwrite64,write,fdatasync,fsync,ftruncate,unlink \
			-e inject=pwrite64,write,fdatasync,fsync,ftruncate,unlink:signal=SIGKILL:when=$at \
			cs-load --to sqlite:x.db --table t --key id --mode replace >acks 2>err || status=$?
		equals "$status: $(cat err)" "$((status ? 137 : 0)): " || return 1
		((status == 0)) || killed=$((killed + 1))
		seen=$(sqlite3 -batch x.db 'SELECT count(*), count(DISTINCT run), min(id) = 50 * min(run), min(run) FROM t' 2>/dev/null || echo '0|0||0')
		k=$(sqlite3 -batch x.db "SELECT json_extract(state, '$.k') FROM _cs_state WHERE json_extract(state, '$.run') = $n" 2>/dev/null | grep . || echo 0)
		case $seen in
		'0|0||'*) was=0 ;;
		"200|1|1|"*) was=${seen##*|} ;;
		*) echo "run $n, checkpoint $k: $seen"; return 1 ;;
		esac
		[ "$was" -le $n ]
		if [ "$was" = $n ]; then n=$((n + 1)) k=0; fi
	done
	stream $n "$k" | cs-load --to sqlite:x.db --table t --key id --mode replace >/dev/null
	equals "$(sql x.db 'SELECT count(*), min(run), max(run) FROM t')" "200|$n|$n"
	[ $n -gt 3 ] && [ $killed -gt 3 ]
	[ -z "$(ls x.db-cs-stage* 2>/dev/null)" ]
}

@test "readers see the old rows or the new ones" {
	stream 1 0 | cs-load --to sqlite:x.db --table t --key id --mode replace >/dev/null
	for n in 2 3 4; do
		stream $n 0 | while IFS= read -r line; do echo "$line"; [[ $line != *checkpoint* ]] || sleep 0.005; done |
			cs-load --to sqlite:x.db --table t --key id --mode replace >/dev/null &
		pid=$!
		while kill -0 $pid 2>/dev/null; do
			seen=$(sql x.db 'SELECT count(*), count(DISTINCT run) FROM t' 2>/dev/null) || continue # locked, as it is closed
			equals "$seen" '200|1' || return 1
		done
		wait $pid
	done
}

@test "two loaders do not replace one table at once" {
	stream 1 0 | head -n 30 >in
	mkfifo pipe
	cs-load --to sqlite:x.db --table t --key id --mode replace <pipe >acks &
	pid=$!
	exec 9>pipe
	cat in >&9
	for _ in $(seq 200); do [ -s acks ] && break; sleep 0.05; done
	fails_with 75 cs-load --to sqlite:x.db --table t --key id --mode replace <in
	contains "$stderr" 'another cs-load writes to it'
	exec 9>&-
	wait $pid || :
}

@test "killed at random and resumed with --delete-missing: what a run brought is there, all else goes at its end" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	local n=1 k=0 runs=0 killed=0 at
	for _ in $(seq 40); do
		status=0 at=$((20 + RANDOM % 60))
		stream $n "$k" | strace -qq -o trace -e trace=pwrite64,fdatasync,fsync \
			-e inject=pwrite64,fdatasync,fsync:signal=SIGKILL:when=$at \
			cs-load --to sqlite:x.db --table t --key id --delete-missing hard >acks 2>err || status=$?
		equals "$status: $(cat err)" "$((status ? 137 : 0)): " || return 1
		((status == 0)) || killed=$((killed + 1))
		k=$(sqlite3 -batch x.db "SELECT json_extract(state, '$.k') FROM _cs_state WHERE json_extract(state, '$.run') = $n" 2>/dev/null | grep . || echo 0)
		if [ "$k" = 10 ] && [ "$(sql x.db 'SELECT count(*) FROM _cs_seen')" = 0 ]; then # its end is committed, too
			equals "$(sql x.db 'SELECT count(*), min(id), max(run) FROM t')" "200|$((n * 50))|$n" || return 1
			n=$((n + 1)) k=0 runs=$((runs + 1))
			continue
		fi
		[ "$status" = 137 ]
		[ "$k" = 0 ] || [ "$(sqlite3 -batch x.db "SELECT count(*) FROM t WHERE run = $n")" -ge $((k * 20)) ]
	done
	stream $n "$k" | cs-load --to sqlite:x.db --table t --key id --delete-missing hard >/dev/null
	equals "$(sql x.db 'SELECT count(*), min(id), max(run) FROM t')" "200|$((n * 50))|$n"
	[ $runs -gt 0 ] && [ $killed -gt 3 ]
}
