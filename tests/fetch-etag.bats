#!/usr/bin/env bats
# cs-fetch --etag: what has not changed is not fetched, and counts as fetched only when it has arrived.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl jq
	start_canned
}

teardown() {
	stop_canned
}

# asked N: the conditions of the N-th request.
asked() {
	awk -v n="$1" '/^(GET|POST) / { i++ } i == n && /^If-/' "$CANNED/log"
}

not_modified() {
	printf 'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n\r\n' >"$CANNED/$1"
}

@test "by hand: a second run asks for another version, and 304 is a run without records" {
	reply 1 '[{"id":1}]' 'ETag: "v1"' 'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT'
	not_modified 2
	reply 3 '[{"id":2}]' 'ETag: W/"v2"'
	not_modified 4
	cs-fetch "$SERVER/x" --etag v >out
	contains "$(head -n 1 out)" '"mode":"full"'
	equals "$(asked 1)" ''
	contains "$(cat v)" '^[0-9a-f]+ If-None-Match: "v1"$'
	cs-fetch "$SERVER/x" --etag v >out
	equals "$(asked 2)" $'If-None-Match: "v1"\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT'
	contains "$(head -n 1 out)" '"mode":"incremental"'
	contains "$(tail -n 1 out)" '"records":0,"complete":true'
	cs-fetch "$SERVER/x" --etag v >out
	contains "$(head -n 1 out)" '"mode":"full"'
	equals "$(records <out)" '{"id":2}'
	run cs-fetch "$SERVER/x" --etag v
	equals "$status" 0
	equals "$(asked 4)" 'If-None-Match: W/"v2"'
}

@test "in the state: what is not acknowledged is asked for again" {
	local state
	export CS_RUN=01A
	reply 1 '[{"id":1}]' 'ETag: "v1"'
	reply 2 '[{"id":1}]' 'ETag: "v1"'
	not_modified 3
	not_modified 4
	succeeds cs-fetch "$SERVER/x" --etag v
	state=$(controls checkpoint <<<"$output" | jq -c .state)
	[ ! -e v ]
	# The reader has failed: no state.
	succeeds cs-fetch "$SERVER/x" --etag v
	equals "$(asked 2)" ''
	CS_STATE=$state succeeds cs-fetch "$SERVER/x" --etag v
	equals "$(asked 3)" 'If-None-Match: "v1"'
	# The state of that run has the version, too.
	CS_STATE=$(controls checkpoint <<<"$output" | jq -c .state) succeeds cs-fetch "$SERVER/x" --etag v
	equals "$(asked 4)" 'If-None-Match: "v1"'
	equals "$(records <<<"$output")" ''
	# Without --etag it is neither used nor kept.
	reply 5 '[]'
	CS_STATE=$state succeeds cs-fetch "$SERVER/x"
	equals "$(asked 5)" ''
	lacks "$(controls checkpoint <<<"$output")" version
}

@test "a whole pipeline: unchanged rows stay, also with --delete-missing" {
	need sqlite3
	export CS_STATE_STORE=sqlite:x.db
	sync() {
		cs-state run items -- sh -c '
			cs-fetch --etag v "$SERVER/items" | cs-load --to sqlite:x.db --table items --key id --delete-missing hard'
	}
	reply 1 '[{"id":1},{"id":2}]' 'ETag: "v1"'
	not_modified 2
	not_modified 3
	reply 4 '[{"id":2}]' 'ETag: "v2"'
	sync
	sync
	equals "$(sql x.db 'select group_concat(id) from items')" 1,2
	equals "$(asked 2)" 'If-None-Match: "v1"'
	sync
	equals "$(asked 3)" 'If-None-Match: "v1"'
	sync
	equals "$(sql x.db 'select group_concat(id) from items')" 2
}

@test "another request, a refusal and a reader that is gone leave no version behind" {
	reply 1 '[1]' 'ETag: "v1"'
	reply 2 '[1]' 'ETag: "v2"'
	cs-fetch "$SERVER/x" --etag v >/dev/null
	cs-fetch "$SERVER/x?a=b" --etag v >/dev/null
	equals "$(asked 2)" ''
	cp v before
	answer 3 404 ''
	run cs-fetch "$SERVER/x?a=b" --etag v
	equals "$status" 69
	cmp v before
	reply 4 "[$(seq -s , 100000)]" 'ETag: "v3"'
	cs-fetch "$SERVER/x?a=b" --etag v | head -n 1 >/dev/null
	cmp v before
	# A server that sends no version any more.
	reply 5 '[1]'
	cs-fetch "$SERVER/x?a=b" --etag v >/dev/null
	[ ! -e v ]
}

@test "several pages have no version" {
	reply 1 '[1]' 'ETag: "v1"' 'Link: </x?page=2>; rel=next'
	reply 2 '[2]' 'ETag: "v2"'
	run cs-fetch "$SERVER/x" --paginate link --etag v
	equals "$status" 0
	contains "$output" 'of 2 pages the version of none says'
	[ ! -e v ]
}

@test "what is no version is not sent" {
	printf '1 X-Evil: 1\n' >v
	reply else '[1]' 'ETag: "v1"'
	run cs-fetch "$SERVER/x" --etag v
	equals "$status" 0
	contains "$output" 'holds no version'
	lacks "$(cat "$CANNED/log")" Evil
	CS_STATE='{"v":1,"version":"1 If-None-Match: a\r\nX-Evil: 1\n"}' cs-fetch "$SERVER/x" --etag v >/dev/null
	lacks "$(cat "$CANNED/log")" Evil
	fails_with 74 cs-fetch "$SERVER/x" --etag .
	fails_with 64 cs-fetch "$SERVER/x" --etag v --each </dev/null
	# 304 to a request that was not conditional is an error.
	not_modified else
	rm -f v
	fails_with 69 cs-fetch "$SERVER/x" --etag v
}
