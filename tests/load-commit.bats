#!/usr/bin/env bats
# When cs-load commits and acknowledges, and who has the database meanwhile.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
}

to() {
	cs-load --to sqlite:x.db --table t --key id "$@"
}

# stream N [NAME]: 20 rows and a checkpoint, N times, and the end
stream() {
	awk -v n="$1" -v s="${2:-s}" 'BEGIN {
		print "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"" s "\",\"run\":\"r\",\"mode\":\"full\",\"from\":null}"
		for (k = 1; k <= n; k++) {
			for (i = 1; i <= 20; i++) print "{\"id\":\"" s (k * 20 + i) "\",\"k\":" k "}"
			print "{\"@cs\":\"checkpoint\",\"stream\":\"" s "\",\"state\":" k ",\"records\":" k * 20 "}"
		}
		print "{\"@cs\":\"end\",\"stream\":\"" s "\",\"run\":\"r\",\"records\":" n * 20 ",\"complete\":true}"
	}'
}

# slowly: lines as they are, with a pause before each checkpoint
slowly() {
	while IFS= read -r line; do
		case $line in *checkpoint*) sleep 0.0$((RANDOM % 5)) ;; esac
		printf '%s\n' "$line"
	done
}

commits() {
	sed -n 's/.* \([0-9]*\) commits.*/\1/p' err
}

states() {
	jq -r 'select(.["@cs"] == "checkpoint").state' "${1:-acks}" | paste -sd ' '
}

@test "checkpoints do not make commits: rows, bytes and seconds do" {
	stream 50 >in
	to -v <in >acks 2>err
	equals "$(commits)" 1
	equals "$(states)" "$(seq -s ' ' 50)"
	cat in | to -v >acks 2>err
	[ "$(commits)" -le 3 ]
	for every in 100 2K 100=1G; do
		rm -f x.db*
		# shellcheck disable=SC2086
		to -v --commit-every ${every/=/ --commit-every } <in >acks 2>err
		[ "$(commits)" -ge 9 ] && [ "$(commits)" -le 12 ] || { echo "$every: $(cat err)"; return 1; }
		equals "$(states)" "$(seq -s ' ' 50)"
	done
	to -v --commit-every 0ms <in >acks 2>err
	equals "$(commits)" 51
	for wrong in 0 x 5x; do
		fails_with 64 cs-load --to sqlite:x.db --table t --commit-every $wrong <in
	done
}

@test "a checkpoint is acknowledged when input pauses, not before it is durable" {
	mkfifo in
	to <in >acks &
	exec 5>in
	stream 3 | head -n 22 >&5
	for ((i = 0; i < 200; i++)); do grep -q checkpoint acks && break; sleep 0.05; done
	equals "$(states)" 1
	equals "$(sql x.db 'SELECT count(*), (SELECT state FROM _cs_state) FROM t')" '20|1'
	# rows that no checkpoint covers are not there, and nobody is kept from writing
	stream 3 | sed -n '23,30p' >&5
	sleep 0.2
	sqlite3 x.db 'CREATE TABLE other(a)'
	equals "$(sql x.db 'SELECT count(*) FROM t')" 20
	stream 3 | sed -n '31,$p' >&5
	exec 5>&-
	wait $!
	equals "$(states)" '1 2 3'
	equals "$(sql x.db 'SELECT count(*) FROM t')" 60
}

@test "what comes after a pending checkpoint waits for its own, however it ends" {
	local how
	for how in eof error bad; do
		rm -f x.db*
		{
			stream 3 | head -n 50
			case $how in
			error) echo '{"@cs":"error","stream":"s","code":75,"message":"later"}' ;;
			bad) echo '{"@cs":"nonsense' ;;
			esac
		} >in
		want=65
		[ $how != error ] || want=75
		run --separate-stderr bash -c 'cat in | cs-load --to sqlite:x.db --table t --key id'
		equals "$status" $want || return 1
		equals "$(states <(printf '%s\n' "$output"))" '1 2' || return 1
		equals "$(sql x.db 'SELECT count(*), (SELECT state FROM _cs_state) FROM t')" '40|2' || return 1
	done
}

@test "a bad record among several checkpoints: those before it are kept and acknowledged" {
	stream 5 | sed '50s/.*/{"id":/' >in
	for how in 'cat in |' '<in'; do
		rm -f x.db*
		run --separate-stderr bash -c "$how cs-load --to sqlite:x.db --table t --key id"
		equals "$status" 65 || return 1
		contains "$stderr" 'stdin:50: ' || return 1
		equals "$(states <(printf '%s\n' "$output"))" '1 2' || return 1
		equals "$(sql x.db 'SELECT count(*), (SELECT state FROM _cs_state) FROM t')" '40|2' || return 1
	done
	cat in | ends_with_status 1 to --rejects bad
}

@test "eight slow streams into one file at once, and readers and a writer beside them" {
	local i pids=()
	for i in 1 2 3 4 5 6 7 8; do
		stream 8 "s$i" | slowly | cs-load --to sqlite:x.db --table "t$((i % 2))" --key id -v >"acks$i" 2>"err$i" &
		pids+=($!)
	done
	for ((i = 0; i < 200; i++)); do [ -s acks1 ] && break; sleep 0.05; done
	for i in 1 2 3; do
		sqlite3 -cmd '.timeout 10000' x.db "CREATE TABLE IF NOT EXISTS mine(a); INSERT INTO mine VALUES($i)"
	done
	for i in "${pids[@]}"; do wait "$i" || { cat err*; return 1; }; done
	equals "$(sql x.db 'SELECT (SELECT count(*) FROM t0), (SELECT count(*) FROM t1), (SELECT count(*) FROM _cs_state WHERE state = 8), (SELECT count(*) FROM mine)')" '640|640|8|3'
	equals "$(cat acks? | states /dev/stdin)" "$(for i in 1 2 3 4 5 6 7 8; do seq 8; done | paste -sd ' ')"
}

@test "the same from make -j8" {
	need make
	for i in 1 2 3 4 5 6 7 8; do stream 5 "s$i" >"in$i"; done
	printf 'all: $(addprefix load,1 2 3 4 5 6 7 8)\nload%%:\n\tcat in$* | cs-load --to sqlite:x.db --table t --key id >acks$*\n' >Makefile
	make -s -j8
	equals "$(sql x.db 'SELECT count(*) FROM t')" 800
}

@test "what the user has set in a database stays: user_version, application_id, the journal's mode, page size" {
	sqlite3 x.db 'PRAGMA page_size = 8192; PRAGMA user_version = 7; PRAGMA application_id = 9; PRAGMA journal_mode = TRUNCATE; CREATE TABLE mine(a)' >/dev/null
	stream 3 | to >acks
	equals "$(sql x.db 'PRAGMA page_size; PRAGMA user_version; PRAGMA application_id; PRAGMA journal_mode')" $'8192\n7\n9\ndelete'
	equals "$(sql x.db 'SELECT count(*) FROM t')" 60
	# WAL is what a file keeps, and a new one gets with its first commit
	rm x.db
	sqlite3 x.db 'PRAGMA journal_mode = WAL; CREATE TABLE mine(a)' >/dev/null
	to <<<'{"id":1}'
	rm -f y.db
	cs-load --to sqlite:y.db --table t </dev/null
	cs-load --to sqlite:y.db --table t <<<'{"id":1}'
	equals "$(sql x.db 'PRAGMA journal_mode') $(sql y.db 'PRAGMA journal_mode')" 'wal wal'
}

@test "a database that others keep: 75 once --busy-timeout is over, and nothing is written" {
	to <<<'{"id":1}'
	mkfifo hold
	sqlite3 x.db <hold >held &
	exec 5>hold
	echo "BEGIN IMMEDIATE; SELECT 'held';" >&5
	for ((i = 0; i < 200; i++)); do grep -q held held && break; sleep 0.02; done
	fails_with 75 cs-load --to sqlite:x.db --table t --key id --busy-timeout 100ms <<<'{"id":2}'
	contains "$stderr" 'locked; run again'
	echo "INSERT INTO t VALUES(3); COMMIT;" >&5
	exec 5>&-
	wait $!
	equals "$(sql x.db 'SELECT group_concat(id) FROM t')" 1,3
}

@test "-v, --dry-run and a terminal tell what was done, as --stats does" {
	need script
	to -v --stats stats <<<'{"id":1}' 2>err
	contains "$(cat err)" '^cs-load: 1 inserted, 0 updated, 0 unchanged, 0 deleted, 0 ignored, 0 rejected; 0 columns added; 0 checkpoints, 1 commits; 1 records, 8B in [0-9.]+ s, [0-9.]+k?/s, 0 by digest$'
	printf '{"id":1,"a":1}\n{"id":2}\n{"id":3}\n' >in
	to -v --stats stats <in 2>err
	contains "$(cat err)" 'cs-load: 2 inserted, 1 updated, .*; 1 columns added; 0 checkpoints, 1 commits; 3 records, 30B in'
	equals "$(jq -c '[.inserted, .updated, .columns_added]' stats)" '[2,1,["a"]]'
	to <in 2>err
	equals "$(cat err)" ''
	script -qec "cs-load --to sqlite:x.db --table t --key id <in" /dev/null </dev/null >terminal
	contains "$(cat terminal)" '0 inserted, 0 updated, 3 unchanged'
	script -qec "cs-load -q --to sqlite:x.db --table t --key id <in" /dev/null </dev/null >terminal
	equals "$(cat terminal)" ''
}
