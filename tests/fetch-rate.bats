#!/usr/bin/env bats
# cs-fetch: how fast it asks, by itself, as the server says, and together with others.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl jq
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
	mkdir "$XDG_RUNTIME_DIR"
	start_canned
}

teardown() {
	stop_canned
}

now() {
	date +%s%3N
}

# pages N [HEADER…]: N pages that lead from one to the next.
pages() {
	local n=$1 i
	shift
	for ((i = 1; i < n; i++)); do
		reply "$i" "[$i]" "Link: </x?page=$((i + 1))>; rel=next" "$@"
	done
	reply "$n" "[$n]"
}

# wait_of HEADER…: how many seconds a refusal with these fields asks us to wait; null: it says nothing.
wait_of() {
	answer else "${STATUS:-429}" '' 'Date: Thu, 01 Jan 2026 00:00:00 GMT' "$@"
	run --separate-stderr cs-fetch "$SERVER/x" --retries 0 --max-wait 0s "${OPTIONS[@]}"
	[ "$status" -eq 75 ] || { echo "status $status: $stderr"; return 1; }
	got=$(tail -n 1 <<<"$output" | jq -r '.retry_at // "null"')
	[ "$got" = null ] || got=$(($(date -d "$got" +%s) - $(date +%s)))
}

# says SECONDS HEADER…: the clock may be read a moment later.
says() {
	wait_of "${@:2}" || return 1
	[ "$got" = "$1" ] && return 0
	[ "$got" != null ] && [ "$1" != null ] && [ "$got" -ge $(($1 - 4)) ] && [ "$got" -le $(($1 + 1)) ] && return 0
	echo "${*:2}: $got, not $1"
	return 1
}

@test "when a quota is renewed: a moment, a time from now, told apart or declared" {
	local OPTIONS=()
	says 90 'X-RateLimit-Reset: 90'
	says 90 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 1767225690'
	says 90 'X-Rate-Limit-Reset: 1767225690000'
	says 91 'RateLimit-Reset: 90.5'
	says 90 'X-RateLimit-Reset: 2026-01-01T00:01:30Z'
	says 90 'X-RateLimit-Reset: Thu, 01 Jan 2026 00:01:30 GMT'
	says 90 'x-ratelimit-reset: 1m30s'
	says 3690 'x-ratelimit-reset: 1h1m30s'
	says 90 'X-RateLimit-Reset: 1767225690' 'X-RateLimit-Reset-After: 90.0'
	says null 'X-RateLimit-Reset: soon'
	says null 'X-RateLimit-Reset: -5'
	says null 'X-RateLimit-Reset:'
	says null 'X-RateLimit-Reset: 1767225000'
	says null 'X-RateLimit-Remaining: 3' 'X-RateLimit-Reset: 90'
	OPTIONS=(--rate-reset delta)
	says 1767225 'X-RateLimit-Reset: 1767225'
	OPTIONS=(--rate-reset delta-ms)
	says 90 'X-RateLimit-Reset: 90000'
	OPTIONS=(--rate-reset epoch-ms)
	says 90 'X-RateLimit-Reset: 1767225690000'
	OPTIONS=(--rate-reset epoch)
	says 90 'X-RateLimit-Reset: 1767225690'
	says null 'X-RateLimit-Reset: 90'
}

@test "structured RateLimit fields, old and new" {
	local OPTIONS=()
	says 90 'RateLimit: "default";r=0;t=90' 'RateLimit-Policy: "default";q=100;w=60'
	says 90 'RateLimit: "burst";r=5;t=1, "day";r=0;t=90'
	says 90 'RateLimit: "a,;\"b";r=0;pk=:YQ==:;t=90'
	says 90 'RateLimit: limit=100, remaining=0, reset=90'
	says 90 'RateLimit: "a";r=4;t=1' 'RateLimit: "b";r=0;t=90'
	says null 'RateLimit: "default";r=5;t=90'
	says null 'RateLimit: ;;;,,,="'
	STATUS=403 says 90 'RateLimit: "default";r=0;t=90'
	answer else 403 '' 'RateLimit: "default";r=1;t=90'
	fails_with 77 cs-fetch "$SERVER/x"
}

@test "Retry-After comes before the quota" {
	local OPTIONS=()
	says 30 'Retry-After: 30' 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 90'
}

@test "a quota that is spent is not asked for more" {
	local start
	reply 1 '[1]' 'Link: </x?page=2>; rel=next' 'X-RateLimit-Limit: 1' 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 1'
	reply 2 '[2]' 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 1000'
	start=$(now)
	succeeds cs-fetch "$SERVER/x" --paginate link
	[ $(($(now) - start)) -ge 1000 ]
	equals "$(requests | wc -l)" 2
	reply 3 '[1]' 'Link: </x?page=2>; rel=next' 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 1000'
	fails_with 75 cs-fetch "$SERVER/x" --paginate link
	equals "$(requests | wc -l)" 3
	contains "$stderr" 'the quota is spent until 20.*later than --max-wait allows'
	contains "$(controls checkpoint <<<"$output")" '"records":1'
	contains "$(tail -n 1 <<<"$output")" '"code":75.*"retry_at":"20'
}

@test "the last of a short quota is spread over its time" {
	local start
	pages 4 'X-RateLimit-Limit: 100' 'X-RateLimit-Remaining: 5' 'X-RateLimit-Reset: 1'
	start=$(now)
	succeeds cs-fetch "$SERVER/x" --paginate link
	[ $(($(now) - start)) -ge 450 ] # three times a sixth of a second
}

@test "--rate spreads requests" {
	local start
	pages 6
	start=$(now)
	succeeds cs-fetch "$SERVER/x" --paginate link --rate 10/s
	[ $(($(now) - start)) -ge 500 ]
	equals "$(records <<<"$output" | wc -l)" 6
	for bad in 0/s 10 10/ /s 10/0s 10/w x/s 1.5/s -1/s; do
		fails_with 64 cs-fetch "$SERVER/x" --rate "$bad"
	done
	equals "$(stat -c %a run/cs/rate-*)" 600
	equals "$(stat -c %a run/cs)" 700
}

@test "--rate is one for all processes of a host and credential" {
	local start i pids=()
	reply else '[1]'
	export T=one-token-$RANDOM U=other-token # the server logs them
	start=$(now)
	for i in 1 2 3 4 5 6 7 8; do
		cs-fetch "$SERVER/x" --auth bearer --token env:T --rate 5/s >out.$i 3>&- &
		pids+=($!)
	done
	cs-fetch "$SERVER/x" --auth bearer --token env:U --rate 5/s >other
	for i in "${pids[@]}"; do wait "$i"; done
	[ $(($(now) - start)) -ge 1400 ] # seven times a fifth of a second
	equals "$(requests | wc -l)" 9
	equals "$(find run/cs -type f | wc -l)" 2
	lacks "$(cat run/cs/rate-*)" "$T"
}

@test "what processes share is in XDG_RUNTIME_DIR, else XDG_STATE_HOME, else HOME, for its user alone" {
	reply else "[1]"
	export XDG_STATE_HOME=$PWD/state HOME=$PWD/home
	mkdir state home
	for dir in run state home/.local/state; do
		succeeds cs-fetch "$SERVER/x" --rate 100/s
		equals "$(stat -c '%F %a' "$dir/cs" "$dir/cs/"*)" $'directory 700\nregular file 600'
		contains "$(ls "$dir/cs")" '^rate-[0-9a-f]+$'
		case $dir in run) unset XDG_RUNTIME_DIR ;; state) XDG_STATE_HOME=relative ;; esac
	done
	equals "$(find run/cs state/cs -name "*rate-*" | wc -l)" 2
}

@test "nothing is created where there is nothing to share" {
	reply else "[1]"
	succeeds cs-fetch "$SERVER/x"
	equals "$(ls run)" ""
}

@test "a rate by the hour lets a tenth come at once" {
	pages 5
	succeeds cs-fetch "$SERVER/x" --paginate link --rate 100/h --max-wait 0s
	equals "$(requests | wc -l)" 5
}

@test "a pause that one process was asked for is kept by those beside it, and by none after it" {
	local start pid
	answer 1 429 '' 'Retry-After: 2'
	reply else '[1]'
	start=$(now)
	cs-fetch "$SERVER/x" >first 2>&1 3>&- &
	pid=$!
	while [ ! -s first ] || ! grep -q 'trying again' first; do sleep 0.02; done
	succeeds cs-fetch "$SERVER/x"
	[ $(($(now) - start)) -ge 1900 ]
	wait "$pid"
	answer 4 429 '' 'Retry-After: 1000'
	fails_with 75 cs-fetch "$SERVER/x"
	succeeds cs-fetch "$SERVER/x"
}

@test "a file that is damaged, of another start of the machine or not to be had does no harm" {
	local file
	reply else '[1]'
	succeeds cs-fetch "$SERVER/x" --rate 100/s
	file=$(echo run/cs/rate-*)
	for text in '' x 'cs-rate 1 - 99999999999999999999 99999999999999999999 1' \
		"cs-rate 1 $(printf %036d 0) 9000000000000000000 9000000000000000000 1" "$(head -c 500 /dev/urandom | base64)"; do
		printf %s "$text" >"$file"
		succeeds cs-fetch "$SERVER/x" --rate 100/s
		contains "$(cat "$file")" '^cs-rate 1 [-0-9a-f]+ [0-9]+ 0 0 +$'
	done
	rm -r run && touch run
	succeeds cs-fetch "$SERVER/x" --rate 100/s
	contains "$stderr" '--rate is kept by this process alone'
	succeeds cs-fetch "$SERVER/x"
	equals "$stderr" ''
}
