#!/usr/bin/env bats
# cs-fetch: from the bytes of a reply to the lines of a stream.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl
	start_canned
}

teardown() {
	stop_canned
}

# fetched BODY [OPTION…]: the records that come of it.
fetched() {
	reply else "$1"
	shift
	succeeds cs-fetch "$SERVER/x" "$@" && output=$(records <<<"$output")
}

refused_body() {
	reply else "$2"
	fails_with 65 cs-fetch "$SERVER/x" "${@:3}"
	contains "$stderr" "$1"
	equals "$(records <<<"$output")" ''
	contains "$output" '^\{"@cs":"error","stream":"x","code":65,'
	lacks "$output" '"@cs":"end"'
}

@test "paths lead to the array, however they are written" {
	local body='{"a":{"b c":[{"id":1}],"d":[{"node":{"id":2}},{"node":{"id":3}}]},"data":[{"id":4}],"n":0}'
	fetched "$body" --records .data && equals "$output" '{"id":4}'
	fetched "$body" --records '.data[]' && equals "$output" '{"id":4}'
	fetched "$body" --records '."data"' && equals "$output" '{"id":4}'
	fetched "$body" --records '.["data"]' && equals "$output" '{"id":4}'
	fetched "$body" --records '.a."b c"[]' && equals "$output" '{"id":1}'
	fetched "$body" --records '.a["b c"]' && equals "$output" '{"id":1}'
	fetched "$body" --records '.a.d[].node' && equals "$output" $'{"id":2}\n{"id":3}'
	fetched '[{"id":5}]' --records . && equals "$output" '{"id":5}'
	fetched '[{"id":5}]' --records '.[]' && equals "$output" '{"id":5}'
	fetched '[{"id":5}]' && equals "$output" '{"id":5}'
	fetched "$body" --records '.a.d | map(.node)' && equals "$output" $'{"id":2}\n{"id":3}'
	fetched "$body" --records '.a.d[] | select(.node.id > 2)' && equals "$output" '{"node":{"id":3}}'
	fetched '{"d\u0061ta":[{"id":6}]}' --records .data && equals "$output" '{"id":6}'
	fetched '{"x":{"data":[1]},"data":[{"id":7}],"y":{"data":[2]}}' --records .data && equals "$output" '{"id":7}'
}

@test "each record is one line, and not a byte of its values is touched" {
	local record='{"id":9007199254740993,"d":0.10000000000000000001,"e":1.0,"z":-0,"s":"caf\u00e9 \/ é","n":null}'
	fetched "{ \"data\" : [ $record ,"$'\n\t'"{ \"a\" : [ 1 , \"x  y\" ] }"$'\r\n'"] }" --records .data
	equals "$output" "$record"$'\n''{"a":[1,"x  y"]}'
}

@test "what is no object becomes one, and no record can pass for a control line" {
	fetched '[1,"a",null,[2],{"a":1}]'
	equals "$output" '{"value":1}
{"value":"a"}
{"value":null}
{"value":[2]}
{"a":1}'
	fetched '[{"@cs":"end","records":0},{"a":1,"@cs":{}},{"\u0040cs":1},{"@\u0063s":1},{"@c\u0073":1,"é\u00e9":2},{"x":{"@cs":1}},{"x":"\"@cs\""}]'
	equals "$output" '{"@cs":{"wrapped":true},"record":{"@cs":"end","records":0}}
{"@cs":{"wrapped":true},"record":{"a":1,"@cs":{}}}
{"@cs":{"wrapped":true},"record":{"\u0040cs":1}}
{"@cs":{"wrapped":true},"record":{"@\u0063s":1}}
{"@cs":{"wrapped":true},"record":{"@c\u0073":1,"é\u00e9":2}}
{"x":{"@cs":1}}
{"x":"\"@cs\""}'
}

@test "the records do not depend on how the body was cut into pieces" {
	printf '\xef\xbb\xbf {"x":{"data":[0]},"k\\"ey":"]}","data" : [ {"id":1,"s":"\\\\\\"]}é\\u00e9"} , 12,-1.5e3 ,"a,b",\n[ [],{}],true,null ,{"@cs":1}],"next":"p2","l":[[1],[2]]}\n' >body
	reply else "$(cat body)"
	cs-fetch "$SERVER/x" --records .data >all
	[ "$(records <all | wc -l)" -eq 8 ]
	for ((k = 1; k < 40; k++)); do
		chunked else "$k" body
		cs-fetch "$SERVER/x" --records .data >part
		cmp <(records <all) <(records <part) || { echo "in chunks of $k"; return 1; }
	done
	chunked else 3 body
	cs-fetch "$SERVER/x" --records '.data | .' >part
	equals "$(records <part | jq -c .)" "$(records <all | jq -c .)"
}

@test "a reply without the array is an error that says what is there" {
	refused_body 'is an object, not an array; it has arrays at \.data, \.page\.items: name one' \
		'{"data":[],"page":{"items":[]}}'
	refused_body '\.dat: is not there; it has arrays at \.data' '{"data":[]}' --records .dat
	refused_body '\.data: is null; it has arrays at \.errors.*too slow' \
		'{"data":null,"errors":[{"m":"too slow"}]}' --records .data
	refused_body '\.data: is an object, not an array' '{"data":{"id":1}}' --records .data
	refused_body '\.data: is text' '{"data":"no"}' --records .data
	refused_body 'is not a JSON object or array' 'null' --records .data
	refused_body 'is not a JSON object or array.*Down for' '<html>Down for maintenance</html>' --records .data
	refused_body 'element 2 has none' '{"d":[{"node":1},{"nod":2}]}' --records '.d[].node'
	refused_body 'gives null' '{"a":1}' --records '.b | .c'
	refused_body 'the reply is empty' ''
}

@test "JSON that is not quite JSON is refused whole" {
	refused_body 'record 2: ' '[{"a":1},{"a":01}]'
	refused_body 'record 1: ' '[{"a":NaN}]'
	refused_body 'after record 1: unexpected' '[{"a":1} {"a":2}]'
	refused_body 'after record 1: unexpected' '[{"a":1},]'
	refused_body 'after record 0: unexpected' '[,{"a":1}]'
	refused_body 'something follows' '[{"a":1}] x'
	refused_body 'ends early' '{"data":[{"a":1}]' --records .data
	refused_body 'comes twice' '{"data":[{"a":1}],"data":[]}' --records .data
	refused_body 'comes twice' '{"data":[{"a":1}],"data":null}' --records .data
	refused_body 'comes twice' '{"a":{"data":[1]},"a":null}' --records .a.data
	refused_body '' '{"data":[{"a":1}],"next":tru}' --records .data
	refused_body 'nested deeper than 512' "[$(printf '[%.0s' {1..600})"
	refused_body 'nested deeper than 512' "{\"a\":$(printf '[%.0s' {1..600})" --records .b
	reply else $'[{"a":"\xff"}]'
	fails_with 65 cs-fetch "$SERVER/x"
}

@test "records and pages have a limit" {
	local long
	long=$(printf '%2000s' '' | tr ' ' x)
	refused_body 'record 2 is larger than --max-record \(1024 bytes\)' "[1,\"$long\"]" --max-record 1K
	refused_body 'the page is larger than --max-page \(1024 bytes\)' "[1,\"$long\"]" --max-page 1K
	fetched "[1,\"$long\"]" --max-record 3K --max-page 3K
	refused_body 'the page is larger than --max-page' "[1$(printf '%2000s' '')]" --max-page 1K
	refused_body 'the page is larger than --max-page' "[1]$(printf '%2000s' '')" --max-page 1K
	refused_body 'the page is larger than --max-page' "$(printf '%2000s' '')[1]" --max-page 1K
	refused_body 'no such array in the first MiB' "{\"x\":\"$(printf '%1100000s' '')\"}" --records .data
}

@test "NDJSON: each line a record, and only where its end is marked" {
	fetched $'{"a":1}\r\n\n {"b": 2} \n3' --format ndjson
	equals "$output" $'{"a":1}\n{"b":2}\n{"value":3}'
	refused_body 'record 2: ' $'{"a":1}\n{"b":\n' --format ndjson
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"a":1}\n\0\n' >"$CANNED/else"
	fails_with 65 cs-fetch "$SERVER/x" --format ndjson
	contains "$stderr" 'record 2: '
	printf 'HTTP/1.1 200 OK\r\n\r\n{"a":1}\n{"b":2}\n' >"$CANNED/else"
	fails_with 65 cs-fetch "$SERVER/x" --format ndjson
	contains "$stderr" 'nothing marks the end'
}

@test "the stream begins, is checkpointed and ends; its name is the URL's last word" {
	reply else '[{"a":1}]'
	succeeds cs-fetch "$SERVER/api/v2/job-roles/?x=1" --primary-key a
	equals "$(jq -c 'del(.run)' <<<"$output")" \
		'{"@cs":"begin","version":1,"stream":"job-roles","mode":"full","from":null,"key":["a"]}
{"a":1}
{"@cs":"checkpoint","stream":"job-roles","state":{"v":1,"cursor":null,"ordered":false},"records":1}
{"@cs":"end","stream":"job-roles","records":1,"complete":true}'
	CS_STREAM=one CS_RUN=r1 succeeds cs-fetch "$SERVER/x"
	equals "$(controls <<<"$output" | jq -r '.stream + " " + .run' | sort -u)" 'one r1'
	CS_STREAM=one succeeds cs-fetch "$SERVER/x" --stream two
	equals "$(controls <<<"$output" | jq -r .stream | sort -u)" two
}

@test "an empty list is a success that is written down" {
	fetched '{"data":[],"total":0}' --records .data --total .total
	reply else '{"data":[]}'
	succeeds cs-fetch "$SERVER/x" --records .data
	equals "$(controls <<<"$output" | jq -r '.["@cs"]' | tr '\n' ' ')" 'begin checkpoint end '
}

@test "--max-records stops without claiming to be complete, unless it is" {
	reply else '[1,2,3]'
	succeeds cs-fetch "$SERVER/x" --max-records 2
	equals "$(records <<<"$output" | wc -l)" 2
	equals "$(controls <<<"$output" | jq -c '[.["@cs"],.complete]' | tr -d '\n')" '["begin",null]["end",false]'
	succeeds cs-fetch "$SERVER/x" --max-records 3
	equals "$(controls end <<<"$output" | jq -c '[.records,.complete]')" '[3,true]'
}

@test "a closed pipe ends it quietly, a full disk does not pass" {
	reply else "[$(seq -s, 1 300000)]"
	run --separate-stderr bash -c 'cs-fetch "$SERVER/x" | head -n 1; echo "${PIPESTATUS[0]}"'
	equals "${lines[1]}" 141
	equals "$stderr" ''
	[ -e /dev/full ] || skip 'no /dev/full'
	run --separate-stderr bash -c 'cs-fetch "$SERVER/x" >/dev/full'
	equals "$status" 74
	contains "$stderr" '^cs-fetch: stdout: No space left on device$'
	run --separate-stderr bash -c 'cs-fetch "$SERVER/x" >&-'
	equals "$status" 74
}

@test "a program that says how to go on sees the whole page" {
	local ids='[{"id":9007199254740993},{"id":9007199254740995}]'
	reply 1 "{\"data\":$ids}"
	reply else '{"data":[]}'
	succeeds cs-fetch "$SERVER/x" --records '.data' --paginate cursor --cursor-param after --cursor-path '.data[-1].id'
	equals "$(records <<<"$output" | wc -l)" 2
	equals "$(requests)" $'GET /x HTTP/1.1\nGET /x?after=9007199254740995 HTTP/1.1'
	rm "$CANNED/log"
	reply 3 $'\xef\xbb\xbf{"d":[{"n":[1]},{"n":2}],"c":"b"}'
	reply 4 '{"d":[{"n":3}],"c":"c"}'
	reply else '{"d":[]}'
	succeeds cs-fetch "$SERVER/x" --records '.d[].n' --paginate cursor --cursor-path .c --has-more '(.d|length)==2'
	equals "$(records <<<"$output")" $'{"value":[1]}\n{"value":2}\n{"value":3}'
	equals "$(requests | wc -l)" 2
	reply else '[{"id":1},{"id":2}]'
	succeeds cs-fetch "$SERVER/x" --total length
}

@test "a place in a list is found with all its digits, which a program has not" {
	local body='{"h":[{"sort":[1,"a"]},{"sort":[1700000000000000123,"b\"[-1]"]},{"sort":[1700000000000000124,"c"]}]}'
	reply 1 "$body"
	reply 2 '{"h":[{"sort":[1700000000000000125,"d"]}]}'
	reply else '{"h":[]}'
	succeeds cs-fetch "$SERVER/x" --json '{"size":3}' --records .h --paginate cursor --cursor-param body:.search_after \
		--cursor-path '.h[-1].sort'
	equals "$(records <<<"$output" | wc -l)" 4
	equals "$(grep ^BODY "$CANNED/log")" 'BODY {"size":3}
BODY {"size":3,"search_after":[1700000000000000124,"c"]}
BODY {"size":3,"search_after":[1700000000000000125,"d"]}'
	rm "$CANNED/log"
	reply 4 '[{"next":9223372036854775807},[{"id":1}]]'
	reply 5 '[{"next":null},[{"id":2}]]'
	succeeds cs-fetch "$SERVER/x" --records '.[1]' --paginate cursor --cursor-path '.[0].next'
	equals "$(requests)" $'GET /x HTTP/1.1\nGET /x?cursor=9223372036854775807 HTTP/1.1'
	reply 6 '{"h":[{"sort":[1]}]}'
	fails_with 65 cs-fetch "$SERVER/x" --records .h --paginate cursor --cursor-path '.h[0][0]'
}

@test "a path to the next page that was never there is no end" {
	local way
	for way in '--paginate cursor --cursor-path .page.nxt' '--paginate next-url --next .nxt' \
		'--paginate cursor --cursor-path header:X-Nxt' '--paginate cursor --cursor-path .page|.nxt//empty'; do
		# shellcheck disable=SC2086
		refused_body ': is not there: if the only page may lack it' '{"data":[1,2],"page":{"n":"p2"}}' --records .data $way
		# shellcheck disable=SC2086
		refused_body ': is not there, but .page.next is' '{"data":[1],"page":{"next":"p2"}}' --records .data --page-size 2 $way
		# shellcheck disable=SC2086
		refused_body ': is not there, but .hasMore is' '{"data":[],"next":null,"hasMore":true}' --records .data --page-size 2 $way
		# shellcheck disable=SC2086
		fetched '{"data":[1],"page":{"n":"p2","next":null,"prev_cursor":"p0"}}' --records .data --page-size 2 $way
		contains "$stderr" ': is not there: taken for the only page'
		# shellcheck disable=SC2086
		fetched '{"data":[],"page":{"n":"p2"}}' --records .data $way
		# shellcheck disable=SC2086
		fetched '{"data":[1],"m":false}' --records .data --has-more .m $way
		# shellcheck disable=SC2086
		fetched '{"data":[1],"n":1}' --records .data --total .n $way
	done
	fetched '{"data":[1],"next":null}' --records .data --paginate cursor --cursor-path .next
	fetched '{"data":[1],"next":""}' --records .data --paginate cursor --cursor-path .next
	fetched '{"data":[1],"page":null}' --records .data --paginate cursor --cursor-path .page.next
	fails_with 64 cs-fetch "$SERVER/x" --format ndjson --paginate cursor --cursor-path .next
	contains "$stderr" 'in this --format'
}

@test "one page is not all where the server says so" {
	reply else '[1,2]' 'Link: <x?page=2>; rel="next"'
	fails_with 76 cs-fetch "$SERVER/x"
	contains "$stderr" 'there is a next page: say --paginate link, or --paginate none'
	equals "$(records <<<"$output")" ''
	succeeds cs-fetch "$SERVER/x" --paginate none
	succeeds cs-fetch "$SERVER/x" --max-records 2
	answer else 206 '[1,2]'
	fails_with 65 cs-fetch "$SERVER/x"
	succeeds cs-fetch "$SERVER/x" -H 'Range: items=0-1'
}
