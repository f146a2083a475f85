#!/usr/bin/env bats
# cs-fetch: only what changed, and on from where a run was cut off.

load lib
load canned

setup_file() {
	start_playground --users 200 --documents 120
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
	HUMAANS=(--auth bearer --token env:TOKEN --records .data --paginate offset --limit-param '$limit'
		--offset-param '$skip' --total .total --cursor-field .updatedAt)
	DOCUMENTS=("$PLAYGROUND/api/documents" "${HUMAANS[@]}" --page-size 50
		--since-param 'updatedAt[$gte]' --query '$sort[updatedAt]=1')
	unset CS_STATE
}

teardown() {
	stop_canned
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

forget() {
	curl -fsS -X DELETE "$PLAYGROUND/_log" >/dev/null
}

# The last checkpoint's state, of $output.
state() {
	controls checkpoint <<<"$output" | tail -n 1 | jq -c .state
}

ids() {
	jq -r 'select(.["@cs"] | type != "string") | .id' <<<"$output" | sort
}

all_ids() {
	local at
	for at in 0 100; do
		curl -fsS -H "Authorization: Bearer $TOKEN" "$PLAYGROUND/api/documents?\$limit=100&\$skip=$at" |
			jq -r '.data[].id'
	done | sort
}

@test "the second run asks for what changed and gets no more" {
	succeeds cs-fetch "${DOCUMENTS[@]}"
	equals "$(ids | wc -l)" 120
	equals "$(log | jq -c '.query | has("updatedAt[$gte]")' | sort -u)" false
	contains "$output" '^\{"@cs":"begin".*"mode":"incremental","from":null,"cursor":"\.updatedAt"\}$'
	export CS_STATE
	CS_STATE=$(state)
	equals "$(jq -r .cursor <<<"$CS_STATE")" \
		"$(jq -r 'select(.updatedAt) | .updatedAt' <<<"$output" | sort | tail -n 1)"
	curl -fsS -X POST "$PLAYGROUND/_change?resource=documents&count=7" | jq -r '.ids[]' | sort >changed
	forget
	succeeds cs-fetch "${DOCUMENTS[@]}"
	equals "$(log | jq -r '.query["updatedAt[$gte]"]')" "$(jq -r .cursor <<<"$CS_STATE")"
	equals "$(comm -13 <(ids) changed)" ''
	[ "$(ids | wc -l)" -le 20 ] # ties at the boundary come again
	contains "$output" "\"from\":$(sed 's/[]{}.[]/\\&/g' <<<"$CS_STATE"),"
	# Nothing new: the boundary only, and the cursor stays.
	CS_STATE=$(state)
	succeeds cs-fetch "${DOCUMENTS[@]}"
	equals "$(state | jq -r .cursor)" "$(jq -r .cursor <<<"$CS_STATE")"
	[ "$(ids | wc -l)" -ge 1 ]
}

@test "records that share the newest time with one already seen are not lost" {
	succeeds cs-fetch "${DOCUMENTS[@]}"
	CS_STATE=$(state)
	curl -fsS -X POST "$PLAYGROUND/_change?resource=documents&count=3&same=1" | jq -r '.ids[]' | sort >changed
	succeeds cs-fetch "${DOCUMENTS[@]}" --state "$CS_STATE"
	equals "$(comm -13 <(ids) changed)" ''
}

@test "state comes by option or environment, as text or file" {
	local with='{"v":1,"cursor":"2026-01-31T00:00:00Z","ordered":false}'
	printf '%s\n' "$with" >state.json
	succeeds cs-fetch "${DOCUMENTS[@]}" --state "$with"
	local want
	want=$(ids)
	succeeds cs-fetch "${DOCUMENTS[@]}" --state @state.json && equals "$(ids)" "$want"
	CS_STATE=$with succeeds cs-fetch "${DOCUMENTS[@]}" && equals "$(ids)" "$want"
	CS_STATE=@state.json succeeds cs-fetch "${DOCUMENTS[@]}" && equals "$(ids)" "$want"
	CS_STATE=@state.json succeeds cs-fetch "${DOCUMENTS[@]}" --state '{}' && equals "$(ids | wc -l)" 120
	CS_STATE=@state.json succeeds cs-fetch "${DOCUMENTS[@]}" --full && equals "$(ids | wc -l)" 120
	contains "$output" '"mode":"full"'
	CS_STATE=@state.json succeeds cs-fetch "${DOCUMENTS[@]}" --incremental no && equals "$(ids | wc -l)" 120
	fails_with 74 cs-fetch "${DOCUMENTS[@]}" --state @none.json
	fails_with 65 cs-fetch "${DOCUMENTS[@]}" --state '{"v":2}'
	fails_with 65 cs-fetch "${DOCUMENTS[@]}" --state '{"last_sync_time":"2026-01-31T00:00:00Z"}'
	fails_with 65 cs-fetch "${DOCUMENTS[@]}" --state '{"v":1,"cursor":"yesterday"}'
	fails_with 65 cs-fetch "${DOCUMENTS[@]}" --state '{"v":1'
	equals "$output" ''
}

@test "--start, --lookback and the parameter's format" {
	reply_log() { # OPTION…: what the parameter was
		forget
		run cs-fetch "$PLAYGROUND/array?_fault=status:404" --cursor-field .updatedAt --since-param since "$@"
		log | jq -r '.query.since'
	}
	equals "$(reply_log --start 2026-01-02)" 2026-01-02T00:00:00Z
	equals "$(reply_log --start 2026-01-02T03:04:05.678+01:00)" 2026-01-02T02:04:05.678Z
	equals "$(reply_log --start 2026-01-02T03:04:05Z --param-format date)" 2026-01-02
	equals "$(reply_log --start 2026-01-02T03:04:05Z --param-format epoch)" 1767323045
	equals "$(reply_log --start 2026-01-02T03:04:05.678Z --param-format epoch-ms)" 1767323045678
	equals "$(reply_log --start 2026-01-02T03:04:05Z --param-format '%d.%m.%Y %H')" '02.01.2026 03'
	equals "$(TZ=Asia/Tokyo reply_log --start 2026-01-02T03:04:05Z --param-format '%%s %s,%-s')" '%s 1767323045,1767323045'
	equals "$(reply_log --start 17 --cursor-type integer)" 17
	equals "$(reply_log --start 'a b&c' --cursor-type text)" 'a b&c'
	equals "$(reply_log --state '{"v":1,"cursor":"2026-01-02T03:04:05.5Z"}' --lookback 2h)" 2026-01-02T01:04:05.5Z
	equals "$(reply_log --state '{"v":1,"cursor":"2026-01-02T03:04:05Z"}' --start 2020-01-01)" 2026-01-02T03:04:05Z
	local since now
	since=$(reply_log --start -90d)
	now=$(date +%s)
	[ $((now - $(date -d "$since" +%s) - 90 * 86400)) -le 5 ]
	fails_with 64 cs-fetch "${DOCUMENTS[@]}" --start yesterday
	fails_with 64 cs-fetch "${DOCUMENTS[@]}" --start -9x
	fails_with 64 cs-fetch "${DOCUMENTS[@]}" --param-format rfc
	fails_with 64 cs-fetch "${DOCUMENTS[@]}" --cursor-type integer --lookback 1h
}

@test "--client-filter drops what is old and still counts it" {
	local all=("$PLAYGROUND/api/documents" "${HUMAANS[@]}" --page-size 50 --client-filter)
	succeeds cs-fetch "${all[@]}"
	equals "$(ids | wc -l)" 120
	local newest
	newest=$(jq -r 'select(.updatedAt) | .updatedAt' <<<"$output" | sort | tail -n 1)
	CS_STATE=$(state)
	curl -fsS -X POST "$PLAYGROUND/_change?resource=documents&count=5" | jq -r '.ids[]' | sort >changed
	succeeds cs-fetch "${all[@]}" --state "$CS_STATE"
	equals "$(comm -13 <(ids) changed)" ''
	jq -r 'select(.updatedAt) | .updatedAt' <<<"$output" | sort | head -n 1 >oldest
	[[ $(cat oldest) > $newest || $(cat oldest) == "$newest" ]]
	contains "$(tail -n 1 <<<"$output")" "\"records\":$(ids | wc -l),\"complete\":true"
}

@test "cut off at a page, the next run goes on behind it" {
	all_ids >all
	run --separate-stderr cs-fetch "${DOCUMENTS[@]}" --page-size 10 --max-pages 7
	equals "$status" 76
	ids >first
	equals "$(wc -l <first)" 64
	CS_STATE=$(state)
	forget
	succeeds cs-fetch "${DOCUMENTS[@]}" --page-size 10 --state "$CS_STATE"
	ids >second
	equals "$(comm -12 first second)" ''
	equals "$(sort first second)" "$(cat all)"
	equals "$(log | jq -r '.query["$skip"]' | tr '\n' ,)" 54,63,72,81,90,99,108,117,
	equals "$(log | jq -c '.query | has("updatedAt[$gte]")' | sort -u)" false
	contains "$(tail -n 1 <<<"$output")" '"records":56,"complete":true'
	equals "$(state | jq -c '[has("resume"), .ordered]')" '[false,true]'
}

@test "the same by page number, cursor, next URL and Link" {
	local -A how=(
		[page_number]='--paginate page --limit-param per_page --page-size 20 --records .data'
		[cursor]='--paginate cursor --cursor-path .meta.next_cursor --page-size 20 --records .data'
		[next_page_url]='--paginate next-url --next .next_page_url --limit-param per_page --page-size 20 --records .data'
		[link]='--paginate link --limit-param per_page --page-size 20'
	)
	local path options
	for path in "${!how[@]}"; do
		read -ra options <<<"${how[$path]}"
		run --separate-stderr cs-fetch "$PLAYGROUND/pagination/$path" "${options[@]}" --max-pages 4
		equals "$status" 76
		ids >first
		forget
		succeeds cs-fetch "$PLAYGROUND/pagination/$path" "${options[@]}" --state "$(state)"
		ids >second
		equals "$(sort -u first second | wc -l) $(cat first second | wc -l)" '200 200' || { echo "$path"; return 1; }
		[ "$(log | wc -l)" -le 8 ] || { log; return 1; }
		# A run that sends the rest says nothing of what was deleted.
		contains "$output" '"mode":"incremental"'
	done
}

@test "when the list has moved, the run begins again rather than lose a row" {
	run --separate-stderr cs-fetch "${DOCUMENTS[@]}" --page-size 10 --max-pages 7
	CS_STATE=$(state)
	curl -fsS -X POST "$PLAYGROUND/_delete?resource=documents&count=2" >/dev/null
	all_ids >all
	run --separate-stderr cs-fetch "${DOCUMENTS[@]}" --page-size 10 --state "$CS_STATE" -v
	equals "$status" 0
	contains "$stderr" 'from its beginning'
	equals "$(comm -13 <(ids) all)" ''
	# A cursor that the server has forgotten.
	run --separate-stderr cs-fetch "$PLAYGROUND/pagination/cursor" --paginate cursor --page-size 50 \
		--cursor-path .meta.next_cursor --records .data --max-pages 1
	CS_STATE=$(state | jq -c '.resume.next = "gone"')
	succeeds cs-fetch "$PLAYGROUND/pagination/cursor" --paginate cursor --page-size 50 \
		--cursor-path .meta.next_cursor --records .data --state "$CS_STATE"
	equals "$(ids | wc -l)" 200
	# Another question.
	run --separate-stderr cs-fetch "${DOCUMENTS[@]}" --page-size 10 --max-pages 7
	forget
	succeeds cs-fetch "${DOCUMENTS[@]}" --page-size 20 --state "$(state)"
	equals "$(ids)" "$(all_ids)"
}

@test "a run that cannot be taken up begins where it began, not where its cursor had come" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --total .t --paginate offset --cursor-field .u --since-param since)
	local with='{"v":1,"cursor":"2026-01-01T00:00:00Z","ordered":true}'
	# Ordered last time, not this time, which shows only on the second page.
	reply 1 '{"d":[{"u":"2026-01-02T00:00:00Z"},{"u":"2026-01-03T00:00:00Z"}],"t":4}'
	reply 2 '{"d":[{"u":"2026-01-02T01:00:00Z"}],"t":3}'
	reply 3 '{"d":[{"u":"2026-01-02T01:00:00Z"},{"u":"2026-01-05T00:00:00Z"}],"t":2}'
	run --separate-stderr cs-fetch "${all[@]}" --max-pages 1 --state "$with"
	equals "$(state | jq -r '.cursor, .resume.since' | tr '\n' ' ')" '2026-01-03T00:00:00Z 2026-01-01T00:00:00Z '
	succeeds cs-fetch "${all[@]}" --state "$(state)"
	contains "$(requests | tail -n 1)" 'since=2026-01-01T00%3A00%3A00Z'
	equals "$(records <<<"$output" | wc -l)" 2
	# The same when the run that takes it up finds that the scan cannot be trusted.
	reply 4 "$(sed -n '$p' "$CANNED/1")"
	reply 5 "$(sed -n '$p' "$CANNED/1")"
	reply 6 '{"d":[],"t":4}'
	reply 7 '{"d":[],"t":4}'
	reply 8 '{"d":[],"t":4}'
	run --separate-stderr cs-fetch "${all[@]}" --max-pages 1 --state "$with"
	fails_with 76 cs-fetch "${all[@]}" --state "$(state)" -q --stop-on empty
	equals "$(state | jq -c .)" '{"v":1,"cursor":"2026-01-01T00:00:00Z","ordered":true}'
}

@test "the cursor advances on the way only where the feed was seen in order before" {
	cursors() {
		controls checkpoint <<<"$output" | jq -r '.state.cursor // "none"'
	}
	# First run: order unknown, so only the last checkpoint has a cursor.
	succeeds cs-fetch "${DOCUMENTS[@]}"
	equals "$(cursors | head -n -1 | sort -u)" none
	equals "$(state | jq .ordered)" true
	# From the beginning, knowing that the feed is ordered.
	succeeds cs-fetch "${DOCUMENTS[@]}" --state '{"v":1,"cursor":null,"ordered":true}'
	equals "$(cursors | sort -u | wc -l)" 3
	equals "$(cursors)" "$(cursors | sort)"
	# A feed that is not: said to be, found not to be.
	succeeds cs-fetch "$PLAYGROUND/api/documents" "${HUMAANS[@]}" --page-size 50 --since-param 'updatedAt[$gte]' \
		--query '$sort[updatedAt]=-1' --state '{"v":1,"cursor":null,"ordered":true}'
	equals "$(cursors | head -n -1 | sort -u)" none
	equals "$(state | jq .ordered)" false
}

@test "in a feed without order the cursor stops where the run began" {
	need perl
	start_canned
	reply 1 '{"d":[{"t":"2026-01-05T00:00:00Z"},{"t":"2026-01-03T00:00:00Z"}],"n":"a"}' 'Date: Sun, 04 Jan 2026 00:00:00 GMT'
	reply 2 '{"d":[{"t":"2026-01-02T00:00:00Z"}],"n":null}' 'Date: Tue, 06 Jan 2026 00:00:00 GMT'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --cursor-field .t --client-filter
	# A second less, for the time the answer took.
	equals "$(state | jq -r .cursor)" 2026-01-03T23:59:59Z
	# A record dated in the future, in order or not, and none.
	reply 3 '[{"t":"2026-01-03T00:00:00Z"},{"t":"2026-01-05T00:00:00Z"}]' 'Date: Sun, 04 Jan 2026 00:00:00 GMT'
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --client-filter
	equals "$(state | jq -r .cursor)" 2026-01-03T23:59:59Z
	reply 4 '[{"t":"2026-01-02T00:00:00Z"},{"t":"2026-01-03T00:00:00Z"}]' 'Date: Sun, 04 Jan 2026 00:00:00 GMT'
	succeeds cs-fetch "$SERVER/x" --cursor-field .t --client-filter
	equals "$(state | jq -r .cursor)" 2026-01-03T00:00:00Z
}

@test "without order and clock the cursor stops at the first page's largest" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --paginate cursor --cursor-path .n --cursor-type integer --cursor-field .c
		--client-filter)
	reply 1 '{"d":[{"c":5},{"c":3}],"n":"a"}'
	reply 2 '{"d":[{"c":9}],"n":"b"}'
	reply 3 '{"d":[{"c":4}]}'
	succeeds cs-fetch "${all[@]}"
	equals "$(state | jq -r .cursor)" 5
	# Never back behind where it was; and not on at all when the first page is not this run's.
	reply 4 '{"d":[{"c":5},{"c":3}],"n":"a"}'
	reply 5 '{"d":[{"c":9}],"n":"b"}'
	reply 6 '{"d":[{"c":4}]}'
	succeeds cs-fetch "${all[@]}" --state '{"v":1,"cursor":"7"}'
	equals "$(state | jq -r .cursor)" 7
	reply 7 '{"d":[{"c":9}],"n":"a"}'
	reply 8 '{"d":[{"c":8}]}'
	run --separate-stderr cs-fetch "${all[@]}" --state '{"v":1,"cursor":"7"}' --max-pages 1
	equals "$status" 76
	# The first record is compared with the last of the run before.
	succeeds cs-fetch "${all[@]}" --state "$(state)"
	equals "$(state | jq -c '[.cursor, .ordered]')" '["7",false]'
}

@test "cursors are compared as what they are" {
	need perl
	start_canned
	reply 1 '[{"c":9},{"c":10},{"c":123456789012345678901234567890},{"c":-5}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .c --cursor-type integer --client-filter
	equals "$(state | jq -r .cursor)" 123456789012345678901234567890
	reply 2 '[{"c":"2026-01-01T00:30:00+01:00"},{"c":"2025-12-31T23:45:00.000Z"},{"c":"2026-01-01T00:00:00+02:00"}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .c --client-filter
	equals "$(state | jq -r .cursor)" 2025-12-31T23:45:00.000Z
	reply 3 '[{"c":"b"},{"c":"caf\u00e9"},{"c":"a"}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .c --cursor-type text --client-filter
	equals "$(state | jq -r .cursor)" café
	reply 4 '[{"c":1767323045},{"c":1767323046.5}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .c --client-filter --param-format epoch
	equals "$(state | jq -r .cursor)" 1767323046.5
	reply 5 '[{"x":{"c":7},"@cs":1}]'
	succeeds cs-fetch "$SERVER/x" --cursor-field .x.c --cursor-type integer --client-filter
	equals "$(state | jq -r .cursor)" 7
	local -A bad=([6]='[{"c":"2026-01-01"},{}]' [7]='[{"c":null}]' [8]='[{"c":"soon"}]' [9]='[{"c":5}]' [10]='[{"c":"x\u0000"}]')
	for n in 6 7 8 9 10; do
		reply "$n" "${bad[$n]}"
		fails_with 65 cs-fetch "$SERVER/x" --cursor-field .c --client-filter
		contains "$stderr" 'page 1, record [12]: --cursor-field \.c: '
		equals "$(records <<<"$output")" ''
	done
}

@test "no token gets into a state" {
	need perl
	start_canned
	export KEY=very-secret-4711
	reply 1 '{"d":[1],"n":"/x?page=2&api_key=very-secret-4711"}'
	reply 2 '{"d":[2],"n":null}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate next-url --next .n --auth query --token env:KEY
	contains "$(requests | tail -n 1)" '^GET /x\?page=2&api_key=very-secret-4711 '
	lacks "$output$stderr" very-secret
	contains "$output" '"next":"http://127\.0\.0\.1:[0-9]+/x\?page=2"'
	reply 3 '{"d":[1],"n":"/x?page=2&key=very-secret-4711"}'
	reply 4 '{"d":[2],"n":null}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate next-url --next .n --auth query --token env:KEY
	lacks "$output$stderr" very-secret
	lacks "$output" '"resume"'
}

@test "a count that does not match is not taken up again, it begins anew" {
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/api/documents&fault=total:500&times=0" >/dev/null
	fails_with 76 cs-fetch "${DOCUMENTS[@]}"
	equals "$(state | jq -c 'has("resume")')" false
	contains "$output" '"records":99,"total":500'
}

@test "options that do not fit each other are refused" {
	fails_with 64 cs-fetch "$PLAYGROUND/array" --cursor-field .updatedAt
	contains "$stderr" 'needs --since-param NAME'
	fails_with 64 cs-fetch "$PLAYGROUND/array" --since-param since
	fails_with 64 cs-fetch "$PLAYGROUND/array" --start -3d
	fails_with 64 cs-fetch "$PLAYGROUND/array" --cursor-field '.[]' --client-filter
	fails_with 64 cs-fetch "$PLAYGROUND/array" --cursor-field header:X --client-filter
	equals "$(log)" ''
}
