#!/usr/bin/env bats
# cs-load --changes: a feed of what became of the rows, which says what was committed and nothing else.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
}

to() {
	cs-load --to sqlite:x.db --table t --key id "$@"
}

# The rows that a feed leads to, and those of the table.
replayed() {
	jq -cS -n 'reduce inputs as $c ({}; ($c.key.id | tostring) as $k |
		if $c.op == "delete" then (if has($k) then del(.[$k]) else error("deleted twice") end)
		elif $c.op == "insert" then (if has($k) then error("inserted twice") else .[$k] = $c.new end)
		else .[$k] as $old | if ($c.old | to_entries | all(.value == $old[.key])) then .[$k] += $c.new else error("old is another") end
		end) | .[]' "$1" | sort
}

stored() {
	sqlite3 -readonly -json x.db 'SELECT * FROM t' | jq -cS '.[]' | sort
}

@test "a feed tells inserts, updates and deletes with old and new values" {
	printf '%s\n' '{"id":1,"b":true,"r":1.5,"j":{"a": [1]},"s":"x\n"}' '{"id":2}' '{"id":1,"b":true}' | to --changes ch
	printf '%s\n' '{"id":2,"late":12345678901234567890,"j":[]}' '{"@cs":{"op":"update"},"id":1,"b":false}' \
		'{"@cs":{"op":"update"},"id":1,"b":false}' '{"@cs":{"op":"delete"},"id":1}' '{"@cs":{"op":"delete"},"id":1}' | to --changes ch
	equals "$(cat ch)" '{"op":"insert","table":"t","key":{"id":1},"new":{"id":1,"b":true,"r":1.5,"j":{"a":[1]},"s":"x\n"}}
{"op":"insert","table":"t","key":{"id":2},"new":{"id":2,"b":null,"r":null,"j":null,"s":null}}
{"op":"update","table":"t","key":{"id":2},"old":{"j":null,"late":null},"new":{"j":[],"late":"12345678901234567890"}}
{"op":"update","table":"t","key":{"id":1},"old":{"b":true},"new":{"b":false}}
{"op":"delete","table":"t","key":{"id":1},"old":{"id":1,"b":false,"r":1.5,"j":{"a":[1]},"s":"x\n","late":null}}'
}

@test "so it does where rows are told by digests, by rowid, and deleted as missing" {
	seq 4000 | sed 's/.*/{"id":&,"v":1}/' | to --changes ch
	{ seq 3000 | sed 's/.*/{"id":&,"v":1}/'; seq 3001 3500 | sed 's/.*/{"id":&,"v":2}/'; } >in
	to --changes ch --delete-missing hard --stats stats <in
	equals "$(jq -c '[.updated, .unchanged, .deleted]' stats)" '[500,3000,500]'
	equals "$(jq -r .op ch | sort | uniq -c | tr -s ' ' | tr '\n' ,)" ' 500 delete, 4000 insert, 500 update,'
	equals "$(replayed ch)" "$(stored)"
	before=$(sha256sum ch)
	to --changes ch --delete-missing hard <in
	equals "$(sha256sum ch)" "$before"
}

@test "a soft delete is a delete, reviving an update; rows without a key are told too" {
	printf '%s\n' '{"id":1}' | to --changes ch --deleted gone
	printf '%s\n' '{"@cs":{"op":"delete"},"id":1}' '{"id":1}' | to --changes ch --deleted gone
	equals "$(tail -n 2 ch)" '{"op":"delete","table":"t","key":{"id":1},"old":{"id":1,"gone":false}}
{"op":"update","table":"t","key":{"id":1},"old":{"gone":true},"new":{"gone":false}}'
	echo '{"a":1}' | cs-load --to sqlite:x.db --table u --changes u
	equals "$(cat u)" '{"op":"insert","table":"u","key":{},"new":{"a":1}}'
}

@test "what was dropped is not in the feed, nor what a dry run did" {
	begin='{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}'
	printf '%s\n' "$begin" '{"id":1}' '{"@cs":"checkpoint","stream":"s","state":1}' '{"id":2}' >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --changes ch <in
	equals "$(jq -c .key ch)" '{"id":1}'
	{ seq 3 50000 | sed 's/.*/{"id":&}/'; echo x; } >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id --changes ch <in
	equals "$(jq -c .key ch)" '{"id":1}'
	echo '{"id":2}' | to --changes dry -nq
	[ ! -e dry ]
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --changes /nonexistent/x </dev/null
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --changes . </dev/null
	fails_with 64 cs-load --to ndjson:x --changes ch </dev/null
}

@test "lines that were not committed are cut; a file moved away or shortened is no harm" {
	echo '{"id":1}' | to --changes ch
	echo '{"half' >>ch
	echo '{"id":2}' | to --changes ch
	equals "$(jq -c .key ch)" $'{"id":1}\n{"id":2}'
	mv ch ch.1
	echo '{"id":3}' | to --changes ch
	equals "$(jq -c .key ch)" '{"id":3}'
	: >ch
	echo '{"id":4}' | to --changes ch
	equals "$(jq -c .key ch)" '{"id":4}'
	# another file of that name is not cut
	rm ch
	printf '%s\n' '{"key":"mine"}' '{"key":"too"}' '{"key":"and long enough to be cut"}' '{"key":"if its name were all"}' >ch
	echo '{"id":5}' | to --changes ch
	equals "$(jq -c .key ch | tail -n 1)" '{"id":5}'
	equals "$(wc -l <ch)" 5
}

@test "one loader at a time; a pipe and stdout get what is committed" {
	echo '{"id":1}' >in
	fails_with 75 flock ch cs-load --to sqlite:x.db --table t --key id --changes ch <in
	contains "$stderr" 'another cs-load writes to it'
	equals "$(to --changes /dev/stdout <in)" '{"op":"insert","table":"t","key":{"id":1},"new":{"id":1}}'
	echo '{"id":2}' | to --changes >(cat >copy)
	for _ in $(seq 100); do [ -s copy ] && break; sleep 0.05; done
	equals "$(cat copy)" '{"op":"insert","table":"t","key":{"id":2},"new":{"id":2}}'
	printf '{"id":3}\n' >in
	fails_with 74 cs-load --to sqlite:x.db --table t --key id --changes /dev/full <in
}

@test "killed at every write in turn, and at random: the feed leads to the table" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	local n state=null
	stream() { # STATE: five rows a checkpoint, each changing what the one before did
		echo '{"@cs":"begin","version":1,"stream":"s","run":"r'$n'","mode":"incremental","from":'$1'}'
		for ((k = 0; k < 4; k++)); do
			for ((i = 0; i < 5; i++)); do echo "{\"id\":$(((n + k * i) % 17)),\"v\":$((n * 4 + k))}"; done
			echo '{"@cs":"checkpoint","stream":"s","state":'$((n * 4 + k))'}'
			sleep 0.002
		done
		echo '{"@cs":"end","stream":"s","run":"r'$n'","complete":true}'
	}
	for n in $(seq 1 40); do
		stream $state | strace -qq -o trace -e trace=pwrite64,write,fdatasync,fsync,ftruncate \
			-e inject=pwrite64,write,fdatasync,fsync,ftruncate:signal=SIGKILL:when=$((2 * n + RANDOM % 40)) cs-load --to sqlite:x.db --table t --key id --changes ch >acks 2>/dev/null || :
		state=$(sqlite3 -batch x.db 'SELECT state FROM _cs_state' 2>/dev/null | grep . || echo null)
		to --changes ch </dev/null
		[ ! -e x.db ] || ! sqlite3 -batch x.db 'SELECT 1 FROM t LIMIT 1' >/dev/null 2>&1 || equals "$(replayed ch)" "$(stored)" || return 1
	done
	[ "$(sql x.db 'SELECT count(*) FROM t')" -gt 5 ]
}
