#!/usr/bin/env bats
# cs-fetch: metrics, signals that ask how far it is, and guesses about unknown APIs.

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
	OFFSET=("$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 20 --total .total)
}

teardown() {
	stop_canned
}

# metric NAME: its value in the file m, whatever its label.
metric() {
	sed -n "s/^cs_fetch_$1{stream=\".*\"} //p" m
}

@test "metrics of a run that went well" {
	local now
	now=$(date +%s)
	succeeds cs-fetch "${OFFSET[@]}" --stream 'a "b"\c' --metrics m
	contains "$(cat m)" '^cs_fetch_records\{stream="a \\"b\\"\\\\c"\} 60$'
	equals "$(metric pages)" 4
	[ "$(metric requests)" -ge 4 ]
	equals "$(metric retries)" 0
	equals "$(metric exit_status)" 0
	[ "$(metric received_bytes)" -gt 5000 ]
	[ "$(metric last_success_timestamp_seconds)" -ge "$now" ]
	equals "$(metric last_run_timestamp_seconds)" "$(metric last_success_timestamp_seconds)"
	# Each has a help and a type of its own.
	equals "$(grep -c '^# TYPE cs_fetch_[a-z_]* gauge$' m)" "$(grep -vc '^#' m)"
	equals "$(stat -c %a m)" 644
	equals "$(find . -name '.m*' -o -name 'm.*' | wc -l)" 0
}

@test "metrics of a run that failed keep the last success" {
	start_canned
	reply 1 '[1]'
	answer else 500 '' 'Retry-After: 0'
	succeeds cs-fetch "$SERVER/x" --metrics m
	sed -i 's/\(success_timestamp_seconds.*\) .*/\1 1234567890/' m
	run cs-fetch "$SERVER/x" --metrics m --retries 1 -q
	equals "$status" 75
	equals "$(metric exit_status)" 75
	equals "$(metric requests)" 2
	equals "$(metric retries)" 1
	[ "${#output}" -gt 0 ]
	equals "$(metric last_success_timestamp_seconds)" 1234567890
	contains "$(metric wait_seconds)" '^[0-9]+(\.[0-9]{3})?$'
	run cs-fetch "$SERVER/x" --metrics m --stream other --retries 0
	equals "$(metric last_success_timestamp_seconds)" 0
}

@test "metrics that cannot be written, and those of a run that a signal ends" {
	fails_with 74 cs-fetch "${OFFSET[@]}" --metrics nowhere/m
	contains "$stderr" '--metrics: nowhere/m: No such file'
	start_canned
	answer else 503 '' 'Retry-After: 100'
	cs-fetch "$SERVER/x" --metrics m >out 2>err 3>&- &
	local pid=$!
	while ! grep -q 'trying again' err; do sleep 0.02; done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	equals "$status" 143
	equals "$(metric exit_status)" 143
}

@test "SIGUSR1 asks how far it is" {
	start_canned
	reply 1 '[1,2,3]' 'Link: </x?page=2>; rel=next'
	answer else 503 '' 'Retry-After: 100'
	cs-fetch "$SERVER/x" --paginate link >out 2>err 3>&- &
	local pid=$!
	while ! grep -q 'trying again' err; do sleep 0.02; done
	kill -USR1 "$pid"
	for ((i = 0; i < 100; i++)); do
		grep -q 'pages' err && break
		sleep 0.05
	done
	kill "$pid"
	contains "$(cat err)" '^cs-fetch: 1 pages, 3 records, [0-9]+/s, 1 retries, waiting [0-9]+ s$'
	wait "$pid" || :
}

@test "progress on a terminal" {
	need script
	export OUT=$BATS_TEST_TMPDIR/out
	run script -qec "cs-fetch '${OFFSET[0]}' --records .data --paginate offset --page-size 20 >\$OUT" /dev/null
	equals "$status" 0
	contains "$output" 'pages, [0-9]+ records, [0-9]+/s'
	equals "$(records <out | wc -l)" 60
	run --separate-stderr cs-fetch "${OFFSET[@]}" --progress always
	contains "$stderr" '[0-9]+ pages, [0-9]+ records, [0-9]+/s'
	run --separate-stderr cs-fetch "${OFFSET[@]}"
	equals "$stderr" ''
}

# guess URL OPTIONS [OPTION…]: --detect prints these, sorted.
guess() {
	local got
	succeeds cs-fetch --detect "${@:3}" "$1"
	got=$(grep -v '^#' <<<"$output" | tr -d '\\\n' | sed 's/^cs-fetch//; s/  */ /g; s/ [^ ]*$//; s/^ //')
	equals "$got" "$2"
}

# works EXPECTED: what --detect printed last is a command that fetches so many records.
works() {
	grep -v '^#' <<<"$output" >typed
	equals "$(sh typed | records | wc -l)" "$1"
}

@test "--detect: pages of the playground" {
	guess "$PLAYGROUND/pagination/next_page_url" '--records .data --primary-key id --paginate next-url --next .next_page_url'
	works 60
	guess "$PLAYGROUND/pagination/link" '--primary-key id --paginate link'
	works 60
	guess "$PLAYGROUND/pagination/page_number?per_page=20" '--records .data --primary-key id --paginate page --total-pages .total_pages --page-size 20 --limit-param per_page --total .total_items'
	works 60
	guess "$PLAYGROUND/pagination/offset?limit=20" '--records .data --primary-key id --paginate offset --page-size 20 --total .total'
	works 60
	guess "$PLAYGROUND/pagination/cursor" '--records .data --primary-key id --paginate cursor --cursor-path .meta.next_cursor --cursor-param cursor --has-more .meta.has_more'
	works 60
	guess "$PLAYGROUND/auth/http_bearer" '--auth bearer --token env:TOKEN --records .data --primary-key id --paginate none' --auth bearer --token env:TOKEN
	works 20
	guess "$PLAYGROUND/array" '--primary-key id --paginate none'
	contains "$output" '^# times: createdAt, updatedAt; changes only: --cursor-field .updatedAt'
	guess "$PLAYGROUND/ndjson" '--format ndjson --paginate none'
	works 60
	guess "$PLAYGROUND/export/csv" '--format csv --paginate none'
	works 60
}

# guess_body BODY OPTIONS [HEADER…]
guess_body() {
	reply else "$1" "${@:3}"
	guess "$SERVER/x" "$2"
}

@test "--detect: shapes of other APIs" {
	start_canned
	guess_body '{"value":[{"ID":1},{"ID":2}],"@odata.nextLink":"x?$skip=2"}' '--records .value --primary-key ID --paginate odata'
	guess_body '{"data":{"users":{"edges":[{"node":{"id":"a"}},{"node":{"id":"b"}}],"pageInfo":{"hasNextPage":true,"endCursor":"b"}}}}' \
		"--records '.data.users.edges[].node' --primary-key id --paginate graphql"
	guess_body '{"object":"list","has_more":true,"data":[{"id":"a"},{"id":"b"}]}' \
		'--records .data --primary-key id --paginate keyset --keyset .id --keyset-param starting_after --has-more .has_more'
	guess_body '{"members":[{"id":"a"}],"response_metadata":{"next_cursor":"dXN=","odd key":1}}' \
		'--records .members --primary-key id --paginate cursor --cursor-path .response_metadata.next_cursor --cursor-param cursor'
	guess_body '{"items":[{"k":1,"x":[1,2,3]},{"k":2,"x":[]}],"nextPageToken":"t"}' \
		'--records .items --paginate cursor --cursor-path .nextPageToken --cursor-param pageToken'
	guess_body '{"_links":{"next":{"href":"/x?page=2"}},"_embedded":{"things":[{"id":1}]}}' \
		'--records ._embedded.things --primary-key id --paginate next-url --next ._links.next.href'
	guess_body '{"content":[{"id":1},{"id":2}],"totalElements":3,"totalPages":2,"number":0,"first":true}' \
		'--records .content --primary-key id --paginate page --first-page 0 --total-pages .totalPages --total .totalElements'
	guess_body '{"hits":[{"id":1}],"page":0,"nbPages":2,"nbHits":2}' \
		'--records .hits --primary-key id --paginate page --first-page 0 --total-pages .nbPages --total .nbHits'
	guess_body '{"d":[{"id":1}],"has_more":true,"next_cursor":9007199254740993}' \
		'--records .d --primary-key id --paginate cursor --cursor-path .next_cursor --cursor-param cursor --has-more .has_more'
	guess_body '{"d":[{"id":1}],"next_page":2}' \
		'--records .d --primary-key id --paginate cursor --cursor-path .next_page --cursor-param page'
	guess_body '{"d":[{"id":1}],"next_page":"/x?t=1","end_of_stream":false}' \
		"--records .d --primary-key id --paginate next-url --next .next_page --has-more '.end_of_stream | not'"
	reply else '[{"id":1},{"id":2}]'
	guess "$SERVER/x?limit=2" '--primary-key id --paginate offset --page-size 2'
	guess "$SERVER/x?limit=3" '--primary-key id --paginate none'
	guess_body '[{"id":1},{"id":1}]' '--paginate offset --total header:x-total-count' 'X-Total-Count: 5'
	guess_body '{"name":"one"}' "--records '[.]' --paginate none"
	guess_body '[1,2]' '--paginate none' 'X-RateLimit-Limit: 100' 'X-RateLimit-Remaining: 7' 'X-RateLimit-Reset: 30' 'ETag: "1"'
	contains "$output" 'quota.*of 100 7 left renewed in 30 s'
	contains "$output" '--etag FILE'
	equals "$(requests | wc -l)" 16
	reply else 'hello'
	fails_with 65 cs-fetch --detect "$SERVER/x"
	contains "$stderr" 'neither JSON, JSON lines nor CSV'
	answer else 401 ''
	fails_with 77 cs-fetch --detect "$SERVER/x"
	reply else "[{\"k\":\"$(printf '\033[2J')\"}]"
	run cs-fetch --detect "$SERVER/x"
	equals "$status" 65
}
