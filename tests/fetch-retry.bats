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

@test "a POST that may have been taken is not made again behind our back: a kept connection that closes" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .data -q --paginate page --json '{}')
	page() { # NAME ID: and the connection stays
		reply "$1" "{\"data\":[{\"id\":$2}]}"
		sed -i '/^Connection: close/d; 1s/^/KEEP\n/' "$CANNED/$1"
	}
	page 1 1
	: >"$CANNED/2" # it reads, and closes without a word
	page 3 2
	reply else '{"data":[]}'
	# Each has a connection of its own, so the second one is not repeated.
	fails_with 75 cs-fetch "${all[@]}"
	equals "$(requests | wc -l)" 2
	equals "$(records <<<"$output")" '{"id":1}'
	# Who allows it gets it: libcurl repeats it, or we do.
	rm "$CANNED/log"
	page 3 1
	: >"$CANNED/4"
	page 5 2
	succeeds cs-fetch "${all[@]}" --retry-post
	equals "$(records <<<"$output" | tr '\n' ' ')" '{"id":1} {"id":2} '
	equals "$(requests | wc -l)" 4
	# A GET is repeated as a matter of course.
	rm "$CANNED/log"
	page 7 1
	: >"$CANNED/8"
	page 9 2
	succeeds cs-fetch "${all[@]:0:6}"
	equals "$(requests | wc -l)" 4
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

@test "--retry-if and --fail-if judge status, header and body" {
	need perl
	start_canned
	answer 1 200 '{"error":{"code":17},"data":null}'
	reply 2 '{"data":[]}' 'X-Busy: yes'
	answer 3 400 '{"error":{"code":17}}'
	reply 4 'please wait ...'
	reply else '{"data":[12345678901234567890]}'
	succeeds cs-fetch "$SERVER/x" --records .data \
		--retry-if '.body.error.code == 17 or .headers["x-busy"] == "yes" or (.text // "" | test("wait"))'
	equals "$(requests | wc -l)" 5
	equals "$(records <<<"$output")" '{"value":12345678901234567890}'
	contains "$stderr" 'status 400.*as --retry-if says.*trying again'
	reply else '{"data":[],"errors":["no such field"]}'
	fails_with 69 cs-fetch "$SERVER/x" --records .data --fail-if .body.errors
	contains "$stderr" 'a failure, as --fail-if says: \["no such field"\]'
	answer else 404 '{"gone":true}'
	fails_with 69 cs-fetch "$SERVER/x" --fail-if '.status == 404 and .body.gone'
	contains "$stderr" 'as --fail-if says: true'
	fails_with 75 cs-fetch "$SERVER/x" --retry-if '.status == 404' --retries 0
}

@test "a program that fails is an error for a good reply, and nothing for a bad one" {
	need perl
	start_canned
	answer 1 502 '[1]'
	reply else '[1]'
	succeeds cs-fetch "$SERVER/x" --fail-if '.status == 200 and .body[0] == 2'
	fails_with 65 cs-fetch "$SERVER/x" --fail-if '.body | ascii_downcase'
	contains "$stderr" 'the program of --fail-if fails'
	answer else 404 '[1]'
	fails_with 69 cs-fetch "$SERVER/x" --retry-if '.body.x.y'
	fails_with 64 cs-fetch "$SERVER/x" --retry-if '.body |'
	fails_with 64 cs-fetch "$SERVER/x" --fail-if header:x
	fails_with 64 cs-fetch "$SERVER/x" --fail-if '.body[]'
}

@test "--ignore-status: no records, and no more pages" {
	need perl
	start_canned
	answer else 404 '{"error":"none"}'
	for codes in 404 410,404 400-499; do
		succeeds cs-fetch "$SERVER/x" --ignore-status "$codes"
		contains "$(tail -n 1 <<<"$output")" '"records":0,"complete":true'
	done
	fails_with 69 cs-fetch "$SERVER/x" --ignore-status 410,405-499
	for codes in '' 200 404-403 x '404,' 600; do
		fails_with 64 cs-fetch "$SERVER/x" --ignore-status "$codes"
	done
	answer 6 500 ''
	reply 5 "[1]" "Link: </x>; rel=next"
	succeeds cs-fetch "$SERVER/x" --ignore-status 500 --paginate link
	contains "$(tail -n 1 <<<"$output")" '"records":1,"complete":true'
}

@test "the run has a budget of retries" {
	need perl
	start_canned
	for i in 1 3 5; do answer "$i" 503 '' 'Retry-After: 0'; done
	for i in 2 4; do reply "$i" "[$i]" "Link: </x?$i>; rel=next"; done
	reply 6 '[6]'
	succeeds cs-fetch "$SERVER/x" --paginate link --retry-budget 1
	equals "$(requests | wc -l)" 6
	answer else 503 '' 'Retry-After: 0'
	run cs-fetch "$SERVER/x" --retry-budget 2 -q
	equals "$status" 75
	equals "$(requests | wc -l)" 9
	contains "$output" 'the run.s --retry-budget is spent'
	fails_with 75 cs-fetch "$SERVER/x" --retry-budget 0
}
