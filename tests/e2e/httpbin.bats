#!/usr/bin/env bats
# cs-fetch against httpbin under gunicorn.

load ../lib
load peers

setup_file() {
	peers gunicorn jq perl || return 0
	/usr/bin/python3 -c 'import httpbin' 2>/dev/null || { export ABSENT="python3-httpbin is not installed"; return 0; }
	cd "$BATS_FILE_TMPDIR" || return 1
	free_port PORT
	export PORT
	start_peer httpbin "$PORT" gunicorn --bind "127.0.0.1:$PORT" --workers 1 --threads 4 --keep-alive 5 httpbin:app
	export H=http://127.0.0.1:$PORT
}

teardown_file() {
	stop_peers
}

setup() {
	present
	start_in_tmpdir
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
}

got() {
	records <<<"$output"
}

@test "a document, its array by path and by program" {
	succeeds cs-fetch "$H/anything" --json '{"slides":[{"id":12345678901234567890},{"id":2}]}' --records .json.slides
	equals "$(got)" $'{"id":12345678901234567890}\n{"id":2}'
	succeeds cs-fetch "$H/get?a=b" --records '[.args]'
	equals "$(got)" '{"a":"b"}'
	fails_with 65 cs-fetch "$H/get" --records .args
	fails_with 65 cs-fetch "$H/html"
}

@test "NDJSON in chunks" {
	succeeds cs-fetch "$H/stream/50" --format ndjson
	equals "$(got | jq -c .id)" "$(seq 0 49)"
}

@test "gzip" {
	succeeds cs-fetch "$H/gzip" --records '[.]'
	equals "$(got | jq -c .gzipped)" true
	fails_with 65 cs-fetch "$H/deflate" --records '[.]' --retries 0
	fails_with 65 cs-fetch "$H/brotli" --records '[.]' --retries 0
}

@test "each status has its exit" {
	for pair in 400:69 401:77 403:77 404:69 405:69 410:69 422:69 501:69 429:75 500:75 502:75 503:75 504:75; do
		fails_with "${pair#*:}" cs-fetch "$H/status/${pair%:*}" --retries 0
		contains "$stderr" "status ${pair%:*}"
	done
	fails_with 65 cs-fetch "$H/status/206" --retries 0
	succeeds cs-fetch "$H/status/418" --ignore-status 418
}

@test "programs that judge replies" {
	fails_with 75 cs-fetch "$H/get?state=busy" --records '[.]' --retry-if '.body.args.state == "busy"' --retries 0
	fails_with 69 cs-fetch "$H/get?error=none" --records '[.]' --fail-if .body.args.error
}

@test "slow replies come, those that stall do not" {
	succeeds cs-fetch "$H/delay/1" --records '[.]'
	fails_with 75 cs-fetch "$H/delay/4" --records '[.]' --stall-timeout 1s --retries 0
	# Bytes that trickle but are whole: no JSON, and said to be.
	fails_with 65 cs-fetch "$H/drip?numbytes=5&duration=1" --retries 0
}

@test "credentials" {
	export T=a-token P=secret
	succeeds cs-fetch "$H/bearer" --records '[.]' --auth bearer --token env:T
	equals "$(got | jq -c .authenticated)" true
	fails_with 77 cs-fetch "$H/bearer" --records '[.]'
	succeeds cs-fetch "$H/basic-auth/me/secret" --records '[.]' --auth basic --user me --password env:P
	fails_with 77 cs-fetch "$H/basic-auth/me/other" --records '[.]' --auth basic --user me --password env:P
	succeeds cs-fetch "$H/anything" --records '[.]' --auth header --auth-name X-Key --token env:T
	equals "$(got | jq -r '.headers["X-Key"]')" a-token
	succeeds cs-fetch "$H/anything" --records '[.]' --auth query --auth-name key --token env:T
	equals "$(got | jq -r .args.key)" a-token
}

@test "digest" {
	export P=secret
	for algorithm in MD5 SHA-256; do
		succeeds cs-fetch "$H/digest-auth/auth/me/secret/$algorithm" --records '[.]' \
			--auth digest --user me --password env:P
		equals "$(got | jq -c .authenticated)" true
	done
	fails_with 77 cs-fetch "$H/digest-auth/auth/me/other" --records '[.]' --auth digest --user me --password env:P
}

@test "redirects, and what they lead to" {
	succeeds cs-fetch "$H/redirect/3" --records '[.]'
	contains "$(got | jq -r .url)" '/get$'
	fails_with 76 cs-fetch "$H/redirect/9" --records '[.]'
	fails_with 76 cs-fetch "$H/redirect-to?url=http://localhost:$PORT/get" --records '[.]'
	fails_with 76 cs-fetch "$H/redirect-to?url=file:///etc/passwd" --records '[.]'
}

@test "pages by the Link field" {
	# The server sends whatever field it is asked to send.
	succeeds cs-fetch "$H/response-headers?n=1&Link=%3C/response-headers?n=2%3E%3B%20rel%3D%22next%22" \
		--records '[.]' --paginate link
	equals "$(got | jq -r .n)" $'1\n2'
	fails_with 76 cs-fetch "$H/response-headers?Link=%3C/get%3E%3B%20rel%3D%22next%22" --records '[.]'
}

@test "a quota that the server says is spent" {
	fails_with 75 cs-fetch "$H/response-headers?X-RateLimit-Remaining=0&X-RateLimit-Reset=3600&Link=%3C/get%3E%3Brel%3Dnext" \
		--records '[.]' --paginate link
	contains "$(tail -n 1 <<<"$output")" '"retry_at":"'
}

@test "an ETag that is known" {
	succeeds cs-fetch "$H/etag/one" --records '[.]' --etag v
	contains "$(cat v)" 'If-None-Match: one$'
	succeeds cs-fetch "$H/etag/one" --records '[.]' --etag v
	contains "$(tail -n 1 <<<"$output")" '"records":0,"complete":true'
}

@test "bodies that are sent" {
	succeeds cs-fetch "$H/anything" --records '[.]' --json '{"q":[1,2.50]}'
	equals "$(got | jq -r .data)" '{"q":[1,2.50]}'
	succeeds cs-fetch "$H/anything" --records '[.]' --form 'a=b c' --form d=e
	equals "$(got | jq -c .form)" '{"a":"b c","d":"e"}'
}
