#!/usr/bin/env bats
# cs-fetch: windows of time, tokens that a server keeps, what it keeps no longer, and feeds that are cut short.

load lib
load canned

setup_file() {
	need perl jq
}

setup() {
	start_in_tmpdir
	start_canned
	unset CS_STATE
}

teardown() {
	stop_canned
}

paths() {
	requests | cut -d' ' -f2 | sed 's/%3A/:/g'
}

values() {
	records <<<"$output" | jq -r '.id // .value' | tr '\n' ' '
}

state() {
	controls checkpoint <<<"$output" | tail -n 1 | jq -c .state
}

DATE='Date: Sun, 25 Jan 2026 00:00:01 GMT'
WINDOW=(--records .d --since-param from --until-param to --cursor-field .t --window 10d)

@test "--window: one after the other to the server's clock, a checkpoint at the end of each" {
	reply 1 '{"d":[{"id":1,"t":"2026-01-09T00:00:00Z"}]}' "$DATE"
	reply 2 '{"d":[{"id":2,"t":"2026-01-20T00:00:00Z"},{"id":3,"t":"2026-01-12T00:00:00Z"}]}' "$DATE"
	reply 3 '{"d":[]}' "$DATE"
	succeeds cs-fetch "$SERVER/x" "${WINDOW[@]}" --start 2026-01-01
	equals "$(paths)" '/x?from=2026-01-01T00:00:00Z&to=2026-01-11T00:00:00Z
/x?from=2026-01-11T00:00:00Z&to=2026-01-21T00:00:00Z
/x?from=2026-01-21T00:00:00Z&to=2026-01-25T00:00:00Z'
	equals "$(values)" '1 2 3 '
	equals "$(controls checkpoint <<<"$output" | jq -r .state.cursor | tr '\n' ' ')" \
		'2026-01-11T00:00:00Z 2026-01-21T00:00:00Z 2026-01-25T00:00:00Z '
	contains "$output" '"mode":"incremental"'
	# The next run goes on there, less --lookback.
	CS_STATE=$(state)
	reply 4 '{"d":[]}' "$DATE"
	succeeds cs-fetch "$SERVER/x" "${WINDOW[@]}" --start 2026-01-01 --lookback 1d --state "$CS_STATE"
	equals "$(paths | tail -n 1)" '/x?from=2026-01-24T00:00:00Z&to=2026-02-03T00:00:00Z'
	equals "$(state | jq -r .cursor)" 2026-01-25T00:00:00Z
	fails_with 64 cs-fetch "$SERVER/x" "${WINDOW[@]}"
	contains "$stderr" 'needs --start'
	fails_with 64 cs-fetch "$SERVER/x" "${WINDOW[@]}" --start 2026-01-01 --window 1h --param-format date
	contains "$stderr" 'cannot tell its ends apart'
}

@test "--window: what a server gives beyond a window's end comes with the next one" {
	reply 1 '{"d":[{"id":1,"t":"2026-01-10T23:59:59.999Z"},{"id":2,"t":"2026-01-11T00:00:00Z"}]}' "$DATE"
	reply 2 '{"d":[{"id":2,"t":"2026-01-11T00:00:00Z"},{"id":3,"t":"2026-01-21T00:00:00Z"}]}' "$DATE"
	reply 3 '{"d":[{"id":3,"t":"2026-01-21T00:00:00Z"},{"id":4,"t":"2026-01-25T10:00:00Z"}]}' "$DATE"
	succeeds cs-fetch "$SERVER/x" "${WINDOW[@]}" --start 2026-01-01 --param-format date
	equals "$(values)" '1 2 3 4 '
	equals "$(paths)" '/x?from=2026-01-01&to=2026-01-11
/x?from=2026-01-11&to=2026-01-21
/x?from=2026-01-21&to=2026-01-25'
	# Without a field in the records, and times as numbers in a body.
	reply 4 '{"d":[1]}' 'Date: Sun, 04 Jan 2026 00:00:01 GMT'
	succeeds cs-fetch "$SERVER/x" --records .d --window 10d --since-param body:.q.from --until-param body:.q.to \
		--param-format epoch --start 2026-01-01
	equals "$(sed -n 's/^BODY //p' "$CANNED/log")" '{"q":{"from":1767225600,"to":1768089600}}'
	equals "$(state | jq -r .cursor)" 2026-01-04T00:00:00Z
}

@test "--window: pages in each, cut off in the second and taken up there" {
	local all=("$SERVER/x" "${WINDOW[@]}" --start 2026-01-01 --paginate cursor --cursor-path .n)
	reply 1 '{"d":[{"id":1,"t":"2026-01-09T00:00:00Z"}],"n":"a"}' "$DATE"
	reply 2 '{"d":[{"id":2,"t":"2026-01-02T00:00:00Z"}],"n":null}' "$DATE"
	reply 3 '{"d":[{"id":3,"t":"2026-01-12T00:00:00Z"}],"n":"b"}' "$DATE"
	fails_with 76 cs-fetch "${all[@]}" --max-pages 3
	equals "$(state | jq -c '[.cursor, .resume.since, .resume.until, .resume.next]')" \
		'["2026-01-11T00:00:00Z","2026-01-11T00:00:00Z","2026-01-21T00:00:00Z","b"]'
	reply 4 '{"d":[{"id":4,"t":"2026-01-13T00:00:00Z"}],"n":null}' "$DATE"
	reply 5 '{"d":[],"n":null}' "$DATE"
	succeeds cs-fetch "${all[@]}" --state "$(state)"
	equals "$(values)" '4 '
	equals "$(paths | tail -n 2)" '/x?from=2026-01-11T00:00:00Z&to=2026-01-21T00:00:00Z&cursor=b
/x?from=2026-01-21T00:00:00Z&to=2026-01-25T00:00:00Z'
}

@test "--window of numbers, --end, and several at once" {
	local k all=("$SERVER/x" --since-param from --until-param to --cursor-field .id --cursor-type integer)
	reply 1 '[{"id":1},{"id":10},{"id":11}]'
	reply 2 '[{"id":11},{"id":21}]'
	reply 3 '[{"id":21},{"id":25}]'
	succeeds cs-fetch "${all[@]}" --window 10 --start 1 --end 25
	equals "$(paths | tr '\n' ' ')" '/x?from=1&to=11 /x?from=11&to=21 /x?from=21&to=25 '
	equals "$(values)" '1 10 11 21 '
	equals "$(state | jq -r .cursor)" 25
	fails_with 64 cs-fetch "${all[@]}" --window 10 --start 1
	fails_with 64 cs-fetch "${all[@]}" --window 10 --start 1 --end x
	rm "$CANNED/log"
	reply else '[]' "$DATE"
	succeeds cs-fetch "$SERVER/x" "${WINDOW[@]:2}" --start 2026-01-01 --end 2026-01-15
	equals "$(paths | tr '\n' ' ')" '/x?from=2026-01-01T00:00:00Z&to=2026-01-11T00:00:00Z /x?from=2026-01-11T00:00:00Z&to=2026-01-15T00:00:00Z '
	equals "$(state | jq -r .cursor)" 2026-01-15T00:00:00Z
	for k in 1 4 16; do
		rm "$CANNED/log"
		CS_RUN=r cs-fetch "${all[@]}" --window 10 --start 1 --end 500 --parallel "$k" >"out.$k"
		cmp out.1 "out.$k"
		equals "$(paths | sort -u | wc -l) $(paths | wc -l)" '50 50'
	done
}

@test "--until-param without --window says now" {
	reply else '[]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --since-param from --until-param to --param-format epoch
	local to
	to=$(paths | sed 's/.*to=//')
	[ $(($(date +%s) - to)) -lt 60 ]
}

@test "--state-token: the server's own, as a parameter or a URL" {
	local all=("$SERVER/x" --records .d --paginate cursor --cursor-path .n)
	reply 1 '{"d":[1],"n":"a"}'
	reply 2 '{"d":[2],"sync":"t1"}'
	succeeds cs-fetch "${all[@]}" --state-token .sync --state-token-param syncToken
	equals "$(state | jq -r .token)" t1
	contains "$output" '"mode":"incremental"'
	reply 3 '{"d":[3],"n":"b"}'
	reply 4 '{"d":[4],"sync":17}'
	succeeds cs-fetch "${all[@]}" --state-token .sync --state-token-param syncToken --state "$(state)"
	equals "$(paths | tail -n 2)" '/x?syncToken=t1
/x?syncToken=t1&cursor=b'
	equals "$(state | jq -c .token)" 17
	# Not there at the end: the next run would not know where to begin.
	reply 5 '{"d":[3],"n":"b"}'
	reply 6 '{"d":[4]}'
	fails_with 65 cs-fetch "${all[@]}" --state-token .sync --state-token-param syncToken
	contains "$stderr" 'state-token .sync: is not there'
	# OData's delta link.
	reply 7 '{"value":[1],"@odata.nextLink":"x?p=2"}'
	reply 8 '{"value":[2],"@odata.deltaLink":"x?delta=9"}'
	succeeds cs-fetch "$SERVER/x" --paginate odata
	reply 9 '{"value":[],"@odata.deltaLink":"x?delta=10"}'
	succeeds cs-fetch "$SERVER/x" --paginate odata --state "$(state)"
	equals "$(paths | tail -n 1)" '/x?delta=9'
	equals "$(state | jq -r .token)" 'x?delta=10'
	fails_with 76 cs-fetch "$SERVER/x" --paginate odata --state '{"v":1,"token":"http://127.0.0.2:1/x"}'
	contains "$stderr" 'leads to another host'
	# --full takes all, and the token of that.
	reply 10 '{"value":[5],"@odata.deltaLink":"x?delta=11"}'
	succeeds cs-fetch "$SERVER/x" --paginate odata --state '{"v":1,"token":"x?delta=10"}' --full
	equals "$(paths | tail -n 1)" /x
}

@test "a state that the server or --max-age calls too old is a full fetch, not a loss" {
	answer 1 410 '{"error":"sync token expired"}'
	reply 2 '{"d":[1,2],"sync":"t2"}'
	succeeds cs-fetch "$SERVER/x" --records .d --state-token .sync --state-token-param s --state '{"v":1,"token":"t1"}'
	equals "$(paths | tr '\n' ' ')" '/x?s=t1 /x '
	equals "$(values)" '1 2 '
	contains "$stderr" 'does not keep what the last run left .410.: everything is asked for again'
	equals "$(state | jq -r .token)" t2
	answer 3 410 '{}'
	reply 4 '[{"id":1,"t":"2026-01-09T00:00:00Z"}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --since-param s --state '{"v":1,"cursor":"2025-01-01T00:00:00Z"}'
	equals "$(paths | tail -n 1)" /x
	# A second 410 is the end of it; and so is one where nothing was taken up.
	answer else 410 '{}'
	fails_with 69 cs-fetch "$SERVER/x"
	rm "$CANNED/else"
	reply 6 '[{"id":1,"t":"2026-01-09T00:00:00Z"}]' "$DATE"
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --since-param s --max-age 30d --state '{"v":1,"cursor":"2020-01-01T00:00:00Z"}'
	equals "$(paths | tail -n 1)" /x
	contains "$output" '"mode":"full"'
	contains "$stderr" 'older than --max-age: everything'
	equals "$(state | jq -r .time)" 1769299200
	reply 7 '[]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --since-param s --max-age 9999d --state '{"v":1,"cursor":"2020-01-01T00:00:00Z"}'
	contains "$(paths | tail -n 1)" 's=2020'
}

@test "--client-filter stops early where the feed was descending before, and is" {
	local all=("$SERVER/x" --records .d --paginate page --has-more .m --cursor-field .t --cursor-type integer --client-filter)
	reply 1 '{"d":[{"t":9},{"t":7}],"m":true}'
	reply 2 '{"d":[{"t":6},{"t":2}],"m":false}'
	succeeds cs-fetch "${all[@]}"
	equals "$(state)" '{"v":1,"cursor":"9","ordered":false,"descending":true}'
	CS_STATE=$(state)
	reply 3 '{"d":[{"t":11},{"t":9}],"m":true}'
	reply 4 '{"d":[{"t":8},{"t":7}],"m":true}'
	succeeds cs-fetch "${all[@]}" --state "$CS_STATE"
	equals "$(requests | wc -l)" 4
	equals "$(records <<<"$output" | tr -d '\n')" '{"t":11}{"t":9}'
	equals "$(state | jq -c '[.cursor, .descending]')" '["11",true]'
	# Not so any more: to the end.
	reply 5 '{"d":[{"t":8},{"t":9}],"m":true}'
	reply 6 '{"d":[{"t":3},{"t":12}],"m":false}'
	succeeds cs-fetch "${all[@]}" --state "$CS_STATE"
	equals "$(requests | wc -l)" 6
	equals "$(state | jq -c .descending)" null
}

@test "--max-offset: on from the last value, nothing twice; or an error that says how" {
	local all=("$SERVER/x" --records .d --paginate offset --page-size 3 --max-offset 5 --cursor-field .t --cursor-type integer)
	reply 1 '{"d":[{"id":1,"t":1},{"id":2,"t":2},{"id":3,"t":3}]}'
	reply 2 '{"d":[{"id":3,"t":3},{"id":4,"t":4},{"id":5,"t":5}]}'
	reply 3 '{"d":[{"id":5,"t":5},{"id":6,"t":6},{"id":7,"t":6}]}'
	reply 4 '{"d":[{"id":6,"t":6},{"id":7,"t":6},{"id":8,"t":6}]}'
	reply 5 '{"d":[{"id":8,"t":6},{"id":9,"t":9}]}'
	reply 6 '{"d":[{"id":9,"t":9}]}'
	reply 7 '{"d":[]}'
	succeeds cs-fetch "${all[@]}" --since-param s
	equals "$(values)" '1 2 3 4 5 6 7 8 9 '
	equals "$(paths | tr '\n' ' ')" '/x?limit=3&offset=0 /x?limit=3&offset=2 /x?limit=3&offset=4 /x?limit=3&s=6&offset=0 /x?limit=3&s=6&offset=2 /x?limit=3&s=6&offset=3 /x?limit=3&s=6&offset=4 '
	rm "$CANNED/log"
	reply 8 '{"d":[{"id":1,"t":1},{"id":2,"t":2},{"id":3,"t":3}]}'
	reply 9 '{"d":[{"id":3,"t":3},{"id":4,"t":4},{"id":5,"t":5}]}'
	reply 10 '{"d":[{"id":5,"t":5},{"id":6,"t":2},{"id":7,"t":6}]}'
	fails_with 76 cs-fetch "${all[@]}" --since-param s
	contains "$stderr" 'more after --max-offset 5: with --cursor-field and --since-param, and sorted by it'
	lacks "$output" '"@cs":"end"'
	# A server that refuses says which option is the cure.
	reply 11 "{\"d\":[$(seq -s, 1 1100)]}"
	reply 12 "{\"d\":[$(seq -s, 1100 2000)]}"
	answer else 400 '{"error":"result window is too large"}'
	fails_with 69 cs-fetch "$SERVER/x" --records .d --paginate offset
	contains "$stderr" 'if it is the offset, --max-offset goes on behind it: .*too large'
}
