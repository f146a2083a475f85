#!/usr/bin/env bats
# cs-fetch --record and --replay: what a server said, once more without it.

load lib
load canned

setup_file() {
	start_playground --users 60
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	need jq perl
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
	NEXT=("$PLAYGROUND/pagination/next_page_url" --records .data --paginate next-url --next .next_page_url
		--query per_page=10 --query order_by=updatedAt --query order_type=asc)
}

teardown() {
	stop_canned
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

# recorded OPTION…: run it with --record tape, then twice with --replay, which must print the same records, and the same
# text each time, and ask nobody.
recorded() {
	local n
	succeeds cs-fetch "$@" --record tape
	records <<<"$output" >out
	n=$(log | wc -l)
	cs-fetch "$@" --replay tape >first 2>first.err || { cat first.err; return 1; }
	cs-fetch "$@" --replay tape >second
	cmp first second
	records <first | cmp - out
	equals "$(log | wc -l)" "$n"
}

@test "pages are replayed as they came, with no credential at hand" {
	recorded "${NEXT[@]}"
	equals "$(wc -l <out)" 60
	recorded "$PLAYGROUND/auth/http_bearer" --records .data --auth bearer --token env:TOKEN
	unset TOKEN
	succeeds cs-fetch "$PLAYGROUND/auth/http_bearer" --records .data --auth bearer --token env:TOKEN --replay tape
	equals "$(records <<<"$output" | wc -l)" 20
}

@test "by a server that is not there any more, with TLS or without" {
	start_canned
	reply 1 '{"data":[1],"next":"/b?x=1"}'
	reply else '{"data":[2.50]}' 'Content-Type: application/json'
	succeeds cs-fetch "$SERVER/a" --records .data --paginate next-url --next .next --record tape
	stop_canned
	succeeds cs-fetch "$SERVER/a" --records .data --paginate next-url --next .next --replay tape
	equals "$(records <<<"$output")" $'{"value":1}\n{"value":2.50}'
	# Whoever writes such files by hand needs no server ever.
	mkdir made && echo 1767225600 >made/clock
	run --separate-stderr cs-fetch https://api.example.org/v1/items --replay made
	equals "$status" 65
	file=$(grep -o 'made/GET-v1-items-[0-9a-f]*-1' <<<"$stderr")
	printf 'HTTP/1.1 200 OK\n\n[{"id":1}]' >"$file"
	succeeds cs-fetch https://api.example.org/v1/items --replay made
	equals "$(records <<<"$output")" '{"id":1}'
}

@test "names do not depend on the order, nor do files hold secrets" {
	keyed=("$PLAYGROUND/auth/http_bearer" --records .data --auth bearer --token env:TOKEN)
	succeeds cs-fetch "${keyed[@]}" --record a
	succeeds cs-fetch "${NEXT[@]}" --record a
	succeeds cs-fetch "${NEXT[@]}" --record b
	succeeds cs-fetch "${keyed[@]}" --record b
	equals "$(ls a)" "$(ls b)"
	run ! grep -rF "$TOKEN" a b
	contains "$(head -n 1 a/GET-auth-http_bearer-*)" '^# GET http://127.0.0.1:[0-9]*/auth/http_bearer$'
	# A server that repeats the token in header and body.
	start_canned
	export SECRET='topsecret token+1'
	reply else '[{"you":"topsecret token+1","coded":"topsecret%20token%2B1"}]' 'X-Echo: topsecret token+1' 'Set-Cookie: sid=1234'
	succeeds cs-fetch "$SERVER/x?a=topsecret%20token%2B1" --auth query --token env:SECRET --record c
	run ! grep -rE 'topsecret|1234' c
	contains "$(cat c/GET-x-*)" '"you":"\*\*\*","coded":"\*\*\*"'
	contains "$(cat c/GET-x-*)" '^Set-Cookie: sid=\*\*\*$'
}

@test "refusals, cut replies, redirects and waits: the same path, in no time" {
	local start
	start_canned
	answer 1 429 '' 'Retry-After: 1'
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n[1,2' >"$CANNED/2"
	printf 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /y\r\n\r\n' >"$CANNED/3"
	reply else '[1,2,3]'
	cs-fetch "$SERVER/x" --record tape >out 2>err
	equals "$(requests | wc -l)" 4
	contains "$(cat tape/GET-x-*-2)" '^! cut: '
	stop_canned
	sed -i 's/^Retry-After: 1$/Retry-After: 800/' tape/GET-x-*-1 # a quarter of an hour
	start=$(date +%s)
	cs-fetch "$SERVER/x" --replay tape >again 2>again.err
	[ $(($(date +%s) - start)) -lt 10 ]
	records <out | cmp - <(records <again)
	contains "$(cat again.err)" 'status 429.*trying again in 8[0-9][0-9]\.'
	contains "$(cat again.err)" 'transfer closed.*trying again'
	# A limit on what one waits for is one in a replay too.
	sed -i 's/^Retry-After: 800$/Retry-After: 8000/' tape/GET-x-*-1
	run cs-fetch "$SERVER/x" --replay tape
	equals "$status" 75
}

@test "gzip, chunks and an unmarked end are recorded as what they were" {
	start_canned
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n'
		echo '{"a":1}' | gzip
	} >"$CANNED/1"
	printf 'HTTP/1.1 200 OK\r\n\r\n{"a":1}\n' >"$CANNED/2"
	succeeds cs-fetch "$SERVER/x" --format ndjson --record packed
	contains "$(cat packed/GET-x-*)" '^\{"a":1\}$'
	fails_with 65 cs-fetch "$SERVER/x" --format ndjson --record open
	stop_canned
	succeeds cs-fetch "$SERVER/x" --format ndjson --replay packed
	fails_with 65 cs-fetch "$SERVER/x" --format ndjson --replay open
	contains "$stderr" 'nothing marks the end'
}

@test "no server, and no reply: lost" {
	run cs-fetch http://127.0.0.1:1/x --retries 1 --record tape
	equals "$status" 75
	equals "$(grep -l '^! lost: ' tape/* | wc -l)" 2
	run cs-fetch http://127.0.0.1:1/x --retries 1 --replay tape
	equals "$status" 75
}

@test "tokens are fetched and renewed in a replay, and never written down" {
	export SECRET='s3cr&t: +%é'
	local oauth=("$PLAYGROUND/oauth/users" --records .data --total .total --paginate offset --page-size 10
		--auth oauth2 --token-url "$PLAYGROUND/oauth/token" --client-id 'the client/1' --client-secret env:SECRET)
	curl -fsS -X POST "$PLAYGROUND/_oauth?uses=3" >/dev/null
	recorded "${oauth[@]}"
	equals "$(wc -l <out)" 60
	[ "$(find tape -name 'POST-oauth-token-*' | wc -l)" -gt 1 ]
	run ! grep -rE 's3cr' tape
	lacks "$(cat tape/POST-oauth-token-*)" '"access_token": *"[^*]'
	CLIENT=wrong SECRET=bad run cs-fetch "${oauth[@]}" --record wrong
	equals "$status" 77
	run ! grep -rF "$TOKEN" wrong
	unset SECRET
	echo 'not to be touched' >kept
	succeeds cs-fetch "${oauth[@]}" --credentials kept --replay tape
	equals "$(cat kept)" 'not to be touched'
}

@test "the clock is what it was when it was recorded" {
	local opts=("${NEXT[@]}" --cursor-field .updatedAt --since-param updated_since --start -365d)
	succeeds cs-fetch "${opts[@]}" --record tape
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 # faketime comes first
	faketime -f '+400d' cs-fetch "${opts[@]}" --replay tape >later
	equals "$(records <later | wc -l)" "$(records <<<"$output" | wc -l)"
}

@test "what was not recorded, and where nothing was" {
	succeeds cs-fetch "${NEXT[@]}" --record tape
	fails_with 65 cs-fetch "${NEXT[@]}" --query page=7 --replay tape
	contains "$stderr" 'no reply was recorded to GET http://127.0.0.1:[0-9]*/pagination/next_page_url\?.*page=7'
	fails_with 65 cs-fetch "${NEXT[@]}" --replay nowhere
	contains "$stderr" 'nothing was recorded there'
	fails_with 64 cs-fetch "${NEXT[@]}" --replay tape --record tape
	touch file
	fails_with 74 cs-fetch "${NEXT[@]}" --record file
	chmod 500 tape
	[ "$(id -u)" -eq 0 ] || fails_with 74 cs-fetch "${NEXT[@]}" --record tape
	chmod 700 tape
}

@test "what was recorded with many requests in flight is replayed with few, and the other way round" {
	local all=("$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 5 --total .total)
	succeeds cs-fetch "${all[@]}" --record one
	succeeds cs-fetch "${all[@]}" --parallel 8 --record many
	records <<<"$output" >out
	equals "$(wc -l <out)" 60
	for tape in one many; do
		for k in 1 4 16; do
			cs-fetch "${all[@]}" --parallel "$k" --replay "$tape" | records | cmp - out
		done
	done
}

@test "a recording that cannot be written: 74 and one line, whichever reply it is" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	local n
	for n in 1 2 3; do
		for k in 1 4; do
			rm -rf tape
			fails_with 74 strace -qq -o trace -e trace=rename -e inject=rename:error=EIO:when=$n cs-fetch --parallel $k --record tape "${NEXT[@]}"
			contains "$stderr" '^cs-fetch: --record: tape/.*: Input/output error$'
			lacks "$output" '"@cs":"end"'
		done
	done
}

@test "a limit to the size of files: 74 and one line, no signal's death" {
	fails_with 74 bash -c 'ulimit -f 1; exec cs-fetch --record tape "$@" | cat; exit "${PIPESTATUS[0]}"' _ "${NEXT[@]}"
	contains "$stderr" '^cs-fetch: --record: tape/.*: File too large$'
	fails_with 74 bash -c 'ulimit -f 1; exec cs-fetch "$@" >out' _ "${NEXT[@]}"
	contains "$stderr" '^cs-fetch: stdout: File too large$'
}

@test "a whole pipeline runs from a recording" {
	need sqlite3
	succeeds cs-fetch "${NEXT[@]}" --record tape
	cs-fetch "${NEXT[@]}" --replay tape | cs-load --to sqlite:x.db --table t --key id >ack
	equals "$(sql x.db 'select count(*) from t')" 60
}
