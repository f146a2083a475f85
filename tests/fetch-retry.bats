#!/usr/bin/env bats
# cs-fetch: how often and after how long a request is made again.

load lib
load canned

setup_file() {
	start_playground --users 200
	export EXPECTED=$BATS_FILE_TMPDIR/expected
	for at in 0 50 100 150; do
		curl -fsS "$PLAYGROUND/pagination/offset?limit=50&offset=$at" | jq -c '.data[]'
	done >"$EXPECTED"
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
	OFFSET=("$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 50 --total .total
		--stall-timeout 1s)
}

teardown() {
	stop_canned
}

arm() {
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/pagination/offset&fault=$1&times=${2:-1}&after=${3:-0}" >/dev/null
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

# What is whole has come, each record once and byte for byte.
is_whole() {
	records <<<"$output" | jq -c . | cmp - "$EXPECTED" || return 1
	contains "$(tail -n 1 <<<"$output")" '"records":200,"complete":true\}$'
}

@test "tries are counted as retries or as tries" {
	arm status:500 0
	run cs-fetch "${OFFSET[@]}" -q --retries 2
	equals "$status" 75
	equals "$(log | wc -l)" 3
	contains "$output" 'given up after 3 tries'
	run cs-fetch "${OFFSET[@]}" -q --tries 1
	equals "$status" 75
	equals "$(log | wc -l)" 4
	fails_with 64 cs-fetch "${OFFSET[@]}" --tries 0
}

@test "Retry-After is waited for, in seconds and as a date" {
	local start form
	for form in 1 date:2; do
		arm "status:429:$form"
		start=$(date +%s%N)
		run --separate-stderr cs-fetch "${OFFSET[@]}"
		equals "$status" 0
		is_whole
		contains "$stderr" '429.*trying again in 1\.|429.*trying again in 2\.|429.*trying again in 0\.9'
		[ $((($(date +%s%N) - start) / 1000000)) -ge 900 ]
	done
}

@test "a wait that is too long ends the run at once and says when to come back" {
	arm status:503:3600
	fails_with 75 cs-fetch "${OFFSET[@]}" --max-wait 30s
	contains "$stderr" 'come back at 20..-..-..T..:..:..Z, later than --max-wait allows'
	contains "$(tail -n 1 <<<"$output")" '"retry_at":"20..-..-..T..:..:..Z"\}$'
	equals "$(log | wc -l)" 1
	arm status:503:none 0
	run cs-fetch "${OFFSET[@]}" --retry-max-time 1ms
	equals "$status" 75
	contains "$output" 'retry-max-time is spent'
}

@test "Retry-After as RFC 9110 has it" {
	need perl jq
	shared corpora/retry-after/vectors.ndjson
	start_canned
	local bad=0 level value want got
	while IFS=$'\t' read -r level want value; do
		answer else 429 '' 'Date: Thu, 01 Jan 2026 00:00:00 GMT' "Retry-After: $value"
		run --separate-stderr cs-fetch "$SERVER/x" --retries 0 --max-wait 0s
		[ "$status" -eq 75 ]
		got=$(tail -n 1 <<<"$output" | jq -r '.retry_at // "null"')
		case $want in
		null | 0) [ "$got" = null ] && continue ;;
		CAP) [[ $got == [2-9][0-9][0-9][0-9]-* ]] && [[ $stderr == *"later than --max-wait"* ]] && continue ;;
		*)
			# The clock is read a moment after the reply came.
			[ "$got" != null ] && got=$(($(date -d "$got" +%s) - $(date +%s) - want)) &&
				[ "$got" -ge -5 ] && [ "$got" -le 1 ] && continue
			;;
		esac
		if [ "$level" = must ]; then
			echo "$value: $got, not $want"
			bad=1
		fi
	done < <(jq -r '[.level, .want // "null", .value] | @tsv' "$SHARED")
	return $bad
}

@test "no server, no name, no route: later" {
	run cs-fetch http://127.0.0.1:1/x --retries 1
	equals "$status" 75
	contains "$output" 'trying again'
	contains "$output" '"code":75'
	run cs-fetch http://no-such-host.invalid/x --retries 0
	equals "$status" 75
	fails_with 75 cs-fetch http://localhost/x --unix-socket "$BATS_TEST_TMPDIR/none" --retries 0
}

@test "a POST is not repeated unless --retry-post says it may be" {
	need perl
	start_canned
	answer 1 503 ''
	reply else '[1]'
	fails_with 75 cs-fetch "$SERVER/x" --json '{"q":1}'
	equals "$(requests | wc -l)" 1
	contains "$(cat "$CANNED/log")" '^BODY \{"q":1\}$'
	contains "$(cat "$CANNED/log")" '^Content-Type: application/json$'
	answer 2 503 ''
	run cs-fetch "$SERVER/x" --json '{"q":1}' --retry-post
	equals "$status" 0
	equals "$(requests | wc -l)" 3
}

@test "a content encoding that nobody asked for is refused" {
	need perl
	start_canned
	reply else '[1]' 'Content-Encoding: br'
	fails_with 65 cs-fetch "$SERVER/x" --retries 0
	contains "$stderr" 'content encoding other than gzip and zstd'
}

@test "a refusal with Retry-After is a rate limit" {
	need perl
	start_canned
	answer 1 403 '' 'Retry-After: 0'
	answer 2 413 '' 'Retry-After: 1'
	reply else '[1]'
	succeeds cs-fetch "$SERVER/x"
	answer 4 403 '' 'Retry-After: 3600'
	fails_with 75 cs-fetch "$SERVER/x" --max-wait 1s
	contains "$(tail -n 1 <<<"$output")" '"code":75,.*"retry_at":"20'
	answer 5 403 '' 'Retry-After: never'
	fails_with 77 cs-fetch "$SERVER/x"
	answer 6 401 '' 'Retry-After: 1'
	fails_with 77 cs-fetch "$SERVER/x"
	contains "$stderr" 'no credentials were sent, see --auth'
}
