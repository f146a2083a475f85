#!/usr/bin/env bats
# cs-load and the stream: checkpoints, acknowledgements, ends, locks.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
}

to() {
	cs-load --to sqlite:x.db --table t "$@"
}

begin() { # [mode [from]]
	printf '{"@cs":"begin","version":1,"stream":"s","run":"R1","mode":"%s","from":%s}\n' "${1:-incremental}" "${2:-null}"
}

rows() { # FIRST LAST
	seq "$1" "$2" | sed 's/.*/{"id":&,"v":"x"}/'
}

checkpoint() { # STATE RECORDS
	printf '{"@cs":"checkpoint","stream":"s","state":%s,"records":%s}\n' "$1" "$2"
}

end() { # RECORDS [complete]
	printf '{"@cs":"end","stream":"s","run":"R1","records":%s,"complete":%s}\n' "$1" "${2:-true}"
}

state() {
	sql x.db "SELECT state FROM _cs_state WHERE stream = 's'"
}

# both COMMAND…: run it with input in from a pipe, then, into a new database, from a file.
both() {
	cat in | "$@" || return 1
	rm -f x.db*
	"$@" <in
}

@test "checkpoints come out as they came in, once they are durable, and the end with counts" {
	{ begin; rows 1 2; checkpoint '{"c": 1}' 2; rows 2 3; checkpoint '{"c":2}' 4; end 4; } >in
	for how in pipe file; do
		rm -f x.db*
		if [ $how = pipe ]; then cat in | to --key id >out; else to --key id <in >out; fi
		equals "$(head -n 2 out)" "$(checkpoint '{"c": 1}' 2; checkpoint '{"c":2}' 4)"
		equals "$(tail -n +3 out)" '{"@cs":"end","stream":"s","run":"R1","records":4,"complete":true,"counts":{"inserted":3,"updated":0,"unchanged":1,"deleted":0,"ignored":0,"rejected":0}}'
		equals "$(state)" '{"c":2}'
		equals "$(sql x.db 'SELECT run, records FROM _cs_state')" 'R1|4'
	done
	equals "$(rows 1 3 | to --key id)" ""
}

@test "no input at all where a stream is awaited: the stage before failed, 65" {
	for how in '< <(:)' '</dev/null' '< <(kill -9 $BASHPID)'; do
		fails_with 65 env CS_STREAM=s bash -c "exec cs-load --to sqlite:x.db --table t --key id $how"
		contains "$stderr" '^cs-load: stdin: nothing came of stream "s", not even its beginning'
		fails_with 65 bash -c "exec cs-load --to ndjson:x --stream s $how"
		succeeds env CS_STREAM=s bash -c "exec cs-load --to sqlite:x.db --table t --key id --allow-empty $how"
		succeeds bash -c "exec cs-load --to sqlite:x.db --table t --key id $how"
	done
	rows 1 2 | CS_STREAM=s cs-load --to sqlite:x.db --table t --key id # plain records are all there is
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
	run -65 --separate-stderr cs-state --store dir:d run s -- sh -c 'cs-fetch-that-is-not-there | cs-map --names snake | cs-load --to sqlite:x.db --table t --key id'
	equals "$(cs-state --store dir:d status s --json | jq -c '[.outcome, .last_run.status]')" '["failed",65]'
}

@test "a stream that stops without an end keeps what its last checkpoint covers" {
	{ begin; rows 1 2; checkpoint 1 2; rows 3 4; } >in
	for how in pipe file; do
		rm -f x.db*
		if [ $how = pipe ]; then redirect='< <(cat in)'; else redirect='<in'; fi
		ends_with_status 65 bash -c "exec cs-load --to sqlite:x.db --table t --key id $redirect"
		equals "$output" "$(checkpoint 1 2)"
		equals "$stderr" 'cs-load: stdin: stream "s" stopped without an end line: nothing after its last checkpoint is kept'
		equals "$(sql x.db 'SELECT max(id) FROM t')" 2
		equals "$(state)" 1
	done
	{ begin; rows 1 2; } >in
	rm x.db*
	fails_with 65 cs-load --to sqlite:x.db --table t --key id <in
	equals "$output" ""
	equals "$(sql x.db 'SELECT count(*) FROM sqlite_schema')" 0
}

@test "an error line ends the run with its status, behind the last checkpoint" {
	{ begin; rows 1 2; checkpoint 1 2; rows 3 4; echo '{"@cs":"error","stream":"s","code":75,"message":"HTTP 503","retry_at":"2026-01-04T00:00:00Z"}'; rows 9 9; } >in
	fails_with 75 cs-load --to sqlite:x.db --table t --key id <in
	contains "$stderr" 'stdin:7: the stream failed upstream: HTTP 503'
	equals "$output" "$(checkpoint 1 2; sed -n 7p in)"
	equals "$(sql x.db 'SELECT max(id) FROM t')" 2
}

@test "a bad record goes back to the last checkpoint, and that is acknowledged" {
	{ begin; rows 1 2; checkpoint 1 2; rows 3 4; echo '{"id":'; rows 5 6; end 7; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id <in
	contains "$stderr" '^cs-load: stdin:7: '
	equals "$output" "$(checkpoint 1 2)"
	equals "$(sql x.db 'SELECT max(id) FROM t')" 2
	run --separate-stderr bash -c 'cat in | cs-load --to sqlite:y.db --table t --key id'
	equals "$status $stderr" "65 cs-load: stdin:7: text ends too early at byte 7"
	equals "$output" "$(checkpoint 1 2)"
}

@test "an end that is not complete commits its rows" {
	{ begin; rows 1 2; end 2 false; } | to --key id --stats stats >out
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
	equals "$(jq .complete stats)" false
}

@test "input without control lines is complete at its end, all of it or nothing" {
	rows 1 3 | to --key id --stats stats
	equals "$(jq .complete stats)" true
	{ rows 4 5000; echo '{'; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id <in
	equals "$(sql x.db 'SELECT count(*) FROM t')" 3
	run --separate-stderr bash -c 'cat in | cs-load --to sqlite:x.db --table t --key id --stats stats'
	equals "$status" 65
	equals "$(sql x.db 'SELECT count(*) FROM t')" 3
	equals "$(jq .complete stats)" false
	to --key id </dev/null
	[ "$(sql x.db 'SELECT count(*) FROM t')" = 3 ]
}

@test "two streams, one behind the other" {
	{ begin; rows 1 2; checkpoint 1 2; end 2; begin | sed s/R1/R2/; rows 3 3; checkpoint 2 1; end 1; } >in
	both to --key id >out
	equals "$(grep -c '"end"' out)" 4
	equals "$(sql x.db 'SELECT count(*) FROM t')" 3
	equals "$(state)" 2
}

@test "lines out of order are refused" {
	local n=0
	{ rows 1 1; begin; end 0; } >in1
	{ begin; begin; end 0; } >in2
	{ begin; end 0; rows 1 1; } >in3
	{ begin; end 0; end 0; } >in4
	{ begin; rows 1 1; echo '{"@cs":"checkpoint","state":'; } >in5
	{ begin; rows 1 1; echo '{"@cs":"checkpoint","stream":"s"}'; } >in6
	echo '{"@cs":"begin","version":2,"stream":"s","run":"r"}' >in7
	echo '{"@cs":"checkpoint","state":1}' >in8
	for n in 1 2 3 4 5 6 7 8; do
		fails_with 65 cs-load --to "sqlite:y$n.db" --table t --key id <"in$n" || return 1
		contains "$stderr" '^cs-load: stdin:[0-9]: ' || return 1
	done
}

@test "counts that do not match warn; --strict refuses" {
	{ begin; rows 1 2; checkpoint 1 3; end 3; } >in
	succeeds cs-load --to sqlite:x.db --table t --key id <in
	contains "$stderr" 'stdin:4: 2 records came of the 3 that were sent'
	succeeds cs-load --to sqlite:x.db --table t --key id -q <in
	equals "$stderr" ""
	rm x.db*
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --strict <in
	equals "$output" ""
}

@test "--strict refuses input that no stream began" {
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --strict </dev/null
	rows 1 2 >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --strict <in
	{ begin; rows 1 2; end 2; } >in
	succeeds cs-load --to sqlite:x.db --table t --key id --strict <in
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
}

@test "--stream refuses another stream, and names a checkpoint that has no name" {
	{ begin; end 0; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t --stream other <in
	{ rows 1 1; echo '{"@cs":"checkpoint","state":5}'; } | to --key id --stream mine
	equals "$(sql x.db 'SELECT stream, state FROM _cs_state')" 'mine|5'
}

@test "appending goes on only from the checkpoint that is stored" {
	{ begin; rows 1 2; checkpoint '{"c":1,"d":[1]}' 2; end 2; } | to >/dev/null
	{ begin; rows 1 2; checkpoint '{"c":2}' 2; end 2; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t <in
	contains "$stderr" 'stream "s" resumes from null, but \{"c":1,"d":\[1\]\} is the checkpoint'
	{ begin incremental '{"c": 1, "d": [1]}'; rows 3 4; checkpoint '{"c":2}' 2; rows 5 5; checkpoint '{"c":3}' 3; end 3; } | to >/dev/null
	equals "$(sql x.db 'SELECT group_concat(id) FROM t')" 1,2,3,4,5
	{ begin incremental '{"c":9}'; rows 3 4; checkpoint '{"c":2}' 2; end 2; } >in
	fails_with 65 cs-load --to sqlite:new.db --table t <in
	contains "$stderr" 'but null is the checkpoint'
	# the same rows by key do no harm
	{ begin; rows 1 2; checkpoint '{"c":9}' 2; end 2; } | cs-load --to sqlite:x.db --table u --key id >/dev/null
}

@test "a checkpoint is acknowledged when input pauses, and no lock is held meanwhile" {
	mkfifo pipe
	to --key id <pipe >out &
	pid=$!
	exec 9>pipe
	{ begin; rows 1 2; checkpoint 1 2; rows 3 4; } >&9
	for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
	equals "$(cat out)" "$(checkpoint 1 2)"
	# rows 3 and 4 are waiting for their checkpoint: another writer gets in at once
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
	echo '{"id":100}' | to --key id --busy-timeout 0
	{ checkpoint 2 4; end 4; } >&9
	exec 9>&-
	wait $pid
	equals "$(sql x.db 'SELECT count(*) FROM t')" 5
}

@test "what waits for its checkpoint is in a file without a name, so that a kill leaves none" {
	mkfifo pipe
	mkdir tmp
	for target in sqlite:x.db ndjson:out; do
		TMPDIR=$PWD/tmp cs-load --to $target --table t <pipe 3>&- &
		exec 9>pipe
		{ begin; rows 1 2; } >&9
		for _ in $(seq 100); do [ -z "$(find "/proc/$!/fd" -lname "$PWD/tmp/*deleted*" 2>/dev/null)" ] || break; sleep 0.05; done
		contains "$(ls -l "/proc/$!/fd")" "$PWD/tmp/.*deleted"
		equals "$(ls tmp)" ''
		kill -9 $!
		wait $! || :
		exec 9>&-
		equals "$(ls tmp)" ''
	done
}

@test "four slow writers load into one new file at once" {
	local i
	for i in 1 2 3 4; do
		{ begin | sed "s/\"s\"/\"s$i\"/"
			for k in 1 2 3 4 5; do
				seq $((i * 1000 + k * 10)) $((i * 1000 + k * 10 + 9)) | sed "s/.*/{\"id\":&,\"v$i\":1,\"k$k\":1}/"
				checkpoint $k $((k * 10)) | sed "s/\"s\"/\"s$i\"/"
				sleep 0.0$((RANDOM % 10))
			done
			end 50 | sed "s/\"s\"/\"s$i\"/"; } | to --key id >"out$i" 2>"err$i" &
		pids[i]=$!
	done
	for i in 1 2 3 4; do
		wait "${pids[i]}" || { cat "err$i"; return 1; }
		equals "$(grep -c checkpoint "out$i")" 5
	done
	equals "$(sql x.db 'SELECT count(*), count(v1), count(v4), count(k5) FROM t')" "200|50|50|40"
	equals "$(sql x.db 'SELECT count(*), sum(state) FROM _cs_state')" "4|20"
}

@test "readers see whole checkpoints only" {
	to --key id </dev/null
	{ begin; for k in $(seq 1 60); do rows $((k * 10 - 9)) $((k * 10)); checkpoint "$k" $((k * 10)); sleep 0.01; done; end 600; } |
		to --key id >/dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		seen=$(sqlite3 -readonly -batch x.db "BEGIN; SELECT (SELECT count(*) FROM t) - 10 * (SELECT state FROM _cs_state); COMMIT" 2>/dev/null) || continue
		equals "$seen" 0 || return 1
	done
	wait $pid
	equals "$(sql x.db 'SELECT count(*) FROM t')" 600
}

@test "a locked database is for later: 75" {
	rows 1 1 | to --key id
	mkfifo pipe
	sqlite3 x.db <pipe &
	pid=$!
	exec 9>pipe
	printf "BEGIN IMMEDIATE;\n.shell touch locked\n" >&9
	for _ in $(seq 100); do [ -e locked ] && break; sleep 0.05; done
	rows 2 2 >in
	fails_with 75 cs-load --to sqlite:x.db --table t --key id --busy-timeout 100ms <in
	contains "$stderr" "database is locked; run again"
	exec 9>&-
	wait $pid
	to --key id <in
}

@test "a database of the user's own keeps its journal mode, a new one is WAL" {
	sqlite3 x.db 'PRAGMA journal_mode = DELETE; CREATE TABLE z(a)' >/dev/null
	rows 1 1 | to --key id
	equals "$(sql x.db 'PRAGMA journal_mode')" delete
	rows 1 1 | cs-load --to sqlite:y.db --table t --key id
	equals "$(sql y.db 'PRAGMA journal_mode')" wal
}

@test "a pipe and a file are read alike: carriage returns, a byte order mark alone" {
	printf 'garbage\r\r\n\r\r\n{"id":1}\r\nx\r\n' >in
	for way in '<in cs-load' 'cat in | cs-load'; do
		rm -f bad
		run bash -c "$way --to sqlite:x.db --table t --rejects bad"
		equals "$status" 1
		equals "$(jq -c '[.line, .record]' bad)" $'[1,"garbage\\r"]\n[4,"x"]' || return 1
	done
	printf '\xef\xbb\xbf' >in
	for way in '<in cs-load' 'cat in | cs-load'; do
		run bash -c "$way --to sqlite:x.db --table t"
		equals "$status" 65
		contains "$output" 'stdin:1: a byte order mark' || return 1
	done
}

@test "--dry-run sets no record aside" {
	printf 'x\n{"id":1}\n' >in
	ends_with_status 1 cs-load --to sqlite:x.db --table t --rejects bad -n <in
	contains "$stderr" '1 inserted.* 1 rejected'
	[ ! -e bad ]
	ends_with_status 65 cs-load --to sqlite:x.db --table t --rejects bad --max-rejects 0 -n <in
}

@test "schema lines make tables of columns whose types the values tell, and no --table is needed for tagged records" {
	cat >in <<-'LINES'
		{"@cs":"schema","table":"u","key":["id"],"columns":{"id":null,"n":"STRING","x":null}}
		{"@cs":"schema","table":"e","key":["id"],"columns":{"id":null,"n":"STRING"}}
		{"@cs":{"table":"u"},"id":1,"n":"a","x":1.50}
		{"@cs":{"table":"u"},"id":2,"n":5,"x":12345678901234567890123}
		{"@cs":{"table":"u"},"id":1,"n":"b"}
	LINES
	succeeds cs-load --to sqlite:x.db <in
	equals "$(sql x.db 'SELECT * FROM u')" $'1|b|1.5\n2|5|12345678901234567890123'
	equals "$(sql x.db 'SELECT typeof(id), typeof(n), typeof(x) FROM u WHERE id = 2')" 'integer|text|text'
	equals "$(sql x.db 'SELECT count(*) FROM e')" 0
	equals "$(sql x.db "SELECT name, type FROM pragma_table_info('u')")" $'id|INTEGER\nn|TEXT\nx|TEXT'
	fails_with 65 cs-load --to sqlite:y.db <<<'{"id":1}'
	contains "$stderr" 'names no table'
	fails_with 64 cs-load --to sqlite:y.db --key id </dev/null
}

@test "names and messages from the stream do nothing to the terminal, and are cut" {
	esc='\u001b[2J\u009b'
	long=$(printf 'x%.0s' {1..3000})
	sees() { # INPUT
		printf '%s\n' "$1" >in
		run --separate-stderr cs-load --to sqlite:x.db --table t --key id <in
		[ "$status" -ge 64 ] && [ "${#stderr}" -lt 600 ] || { echo "$status: $stderr"; return 1; }
		lacks "$(LC_ALL=C sed 's/\xc2[\x80-\x9f]/\x1b/g' <<<"$stderr")" $'[\x01-\x08\x0b-\x1f\x7f]'
	}
	begin='{"@cs":"begin","version":1,"stream":"'
	sees "$begin$esc$long\",\"run\":\"r\"}"
	sees "$begin$esc$long"$'","run":"r"}\n'"$begin$esc$long\",\"run\":\"r\"}"
	sees $'{"id":1}\n'"$begin$esc$long\",\"run\":\"r\"}"
	sees "$begin"$'s","run":"r"}\n{"@cs":"error","stream":"s","code":75,"message":"'"$esc$long"'"}'
	sees '{"@cs":"schema","table":"'"$esc$long"'","columns":5}'
	sees '{"@cs":"schema","table":"t","columns":{"'"$esc$long"'":"'"$esc$long"'"}}'
	run --separate-stderr cs-load --to sqlite:x.db --table t --stream x < <(printf '%s\n' "$begin$esc\",\"run\":\"r\"}")
	lacks "$stderr" $'\x1b'
}
