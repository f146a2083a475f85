#!/usr/bin/env bats
# cs-fetch --each: the children of the parents on stdin; and what load and state make of it.

load lib
load canned

setup_file() {
	need perl jq sqlite3
}

setup() {
	start_in_tmpdir
	start_canned
	unset CS_STATE CS_PARTS CS_STREAM
}

teardown() {
	stop_canned
}

paths() {
	requests | cut -d' ' -f2 | tr '\n' ' '
}

state() {
	controls checkpoint <<<"$output" | tail -n 1 | jq -c .state
}

# parents LINE…: as a stream of the stage before.
parents() {
	echo '{"@cs":"begin","version":1,"stream":"users","run":"r","mode":"full","from":null}'
	printf '%s\n' "$@"
	echo '{"@cs":"checkpoint","stream":"users","state":{"v":1,"cursor":"x"},"records":2}'
	echo "{\"@cs\":\"end\",\"stream\":\"users\",\"run\":\"r\",\"records\":$#,\"complete\":true}"
}

orders() {
	cs-fetch --each "$SERVER/users/{id}/orders" --records .d --paginate cursor --cursor-path .n --stream orders "$@"
}

@test "each: a chain of requests for each parent, one stream of children, a checkpoint for each" {
	reply 1 '{"d":[{"o":1},{"o":2}],"n":"a"}'
	reply 2 '{"d":[{"o":3}],"n":null}'
	reply 3 '{"d":[],"n":null}'
	reply 4 '{"d":[{}],"n":null}'
	parents '{"id":7}' '{"id":"a/b c","x":1}' '{"id":9}' >in
	run --separate-stderr orders --parent-key user=.id --parent-key x=.x <in
	equals "$status" 65 # 7 has no x
	contains "$stderr" 'stdin:2: x=.x: is not there'
	rm "$CANNED/log"
	reply 3 '{"d":[{"o":1},{"o":2}],"n":"a"}'
	reply 4 '{"d":[{"o":3}],"n":null}'
	reply 5 '{"d":[],"n":null}'
	reply 6 '{"d":[{}],"n":null}'
	run --separate-stderr orders --parent-key user=.id <in
	equals "$status" 0
	equals "$stderr" ''
	equals "$(requests | cut -d' ' -f2 | tail -n 4 | tr '\n' ' ')" \
		'/users/7/orders /users/7/orders?cursor=a /users/a%2Fb%20c/orders /users/9/orders '
	equals "$(records <<<"$output")" '{"o":1,"user":7}
{"o":2,"user":7}
{"o":3,"user":7}
{"user":9}'
	equals "$(controls checkpoint <<<"$output" | jq -r '.stream + " " + (.records|tostring)' | tr '\n' ,)" \
		'orders 0,orders/7 2,orders/7 3,orders/a%2Fb%20c 3,orders/9 4,orders 4,'
	contains "$output" '^\{"@cs":"begin",.*"stream":"orders",.*"mode":"full"'
	contains "$(tail -n 1 <<<"$output")" '"@cs":"end","stream":"orders",.*"records":4,"complete":true'
	lacks "$output" '"stream":"users"'
}

@test "each: fields in query, header and body; numbers stay numbers in a body" {
	reply else '[]'
	succeeds cs-fetch --each "$SERVER/x" --query 'for={id}' -H 'X-For: u-{id}' \
		--json '{"ids":["{id}"],"key {id}":"{name}","q":"a {id} {"}' <<<'{"id":12345678901234567890,"name":"é\"","id2":1}'
	contains "$(cat "$CANNED/log")" '^POST /x\?for=12345678901234567890 '
	contains "$(cat "$CANNED/log")" '^X-For: u-12345678901234567890$'
	equals "$(sed -n 's/^BODY //p' "$CANNED/log")" '{"ids":[12345678901234567890],"key {id}":"é\"","q":"a {id} {"}'
	succeeds cs-fetch --each "$SERVER/{owner.id}/x" <<<'{"owner":{"id":"q"}}'
	contains "$(requests | tail -n 1)" '^GET /q/x '
	succeeds cs-fetch --each --url "$SERVER/v1/" '/users/{id}/orders' <<<'{"id":3}'
	contains "$(requests | tail -n 1)" '^GET /v1/users/3/orders '
	contains "$output" '"stream":"orders/3"'
	succeeds cs-fetch -n --each "$SERVER/users/{id}" <<<'{"id":3}'
	contains "$output" '/users/3'
	fails_with 64 cs-fetch --each "$SERVER/x" <<<'{"id":3}'
	contains "$stderr" 'no {field} of a parent'
	fails_with 64 cs-fetch --each 'http://{host}/x' <<<'{"host":"127.0.0.1"}'
	fails_with 64 cs-fetch "$SERVER/x" --parent-key a=.b
	fails_with 64 cs-fetch --each "$SERVER/{a}" --parent-key '@cs=.b' <<<'{}'
}

@test "each: a parent that cannot be asked for is said, the others come, and it is no success" {
	reply else '[{"o":1}]'
	local bad
	for bad in '{}' '{"id":null}' '{"id":[1]}' '{"id":""}' '{"id":".."}' '{"id":"a\nb"}' '17' '{"id":'; do
		rm -f "$CANNED/log"
		run --separate-stderr cs-fetch --each "$SERVER/users/{id}/orders" <<<"$bad"$'\n{"id":5}'
		equals "$status $(paths)" '65 /users/5/orders ' || { echo "$bad"; return 1; }
		contains "$stderr" '^cs-fetch: stdin:1: '
		contains "$stderr" '1 of the parents on stdin cannot be asked for'
		contains "$output" '"stream":"orders/5"'
		lacks "$output" '"@cs":"end"'
	done
	fails_with 65 cs-fetch --each "$SERVER/users/{id}" --parent-key o=.id <<<'{"id":1}'
	contains "$stderr" 'the record has a member of that name'
	rm -f "$CANNED/log"
	# One twice is asked for once; one that is gone, not at all.
	succeeds cs-fetch --each "$SERVER/users/{id}" <<<$'{"id":1}\n{"id":1,"x":2}\n{"@cs":{"op":"delete"},"id":2}\n{"@cs":{"op":"update"},"id":3}'
	equals "$(paths)" '/users/1 /users/3 '
}

@test "each: several parents at once, the same bytes for each number of them" {
	local k
	reply else '{"d":[{"o":1}],"n":null}'
	seq 1 50 | sed 's/.*/{"id":&}/' >in
	for k in 1 4 16; do
		rm -f "$CANNED/log"
		CS_RUN=r cs-fetch --each "$SERVER/users/{id}/orders" --records .d --paginate cursor --cursor-path .n \
			--parent-key user=.id --parallel "$k" <in >"out.$k"
		cmp out.1 "out.$k"
		equals "$(requests | sort -u | wc -l) $(requests | wc -l)" '50 50'
	done
	equals "$(records <out.16 | jq .user | tr '\n' ' ')" "$(seq 1 50 | tr '\n' ' ')"
	# A header of each parent's own: one after the other.
	rm "$CANNED/log"
	succeeds cs-fetch --each "$SERVER/x" -H 'X-User: {id}' --parallel 16 --records .d <in
	equals "$(sed -n 's/^X-User: //p' "$CANNED/log")" "$(seq 1 50)"
	# What fails is met when it is its turn.
	answer 221 500 '{}' # after 200 of the runs above
	run --separate-stderr cs-fetch --each "$SERVER/users/{id}/orders" --records .d --parallel 4 --retries 0 <in
	[ "$status" -eq 75 ]
	records <<<"$output" | wc -l >n
	[ "$(cat n)" -ge 16 ] && [ "$(cat n)" -le 24 ]
}

@test "each: the stage before fails, so this one fails" {
	reply else '[{"o":1}]'
	local all=(cs-fetch --each "$SERVER/users/{id}/orders")
	parents '{"id":1}' '{"id":2}' >in
	fails_with 65 "${all[@]}" < <(grep -v '"end"' in)
	contains "$stderr" 'the stream of parents stopped without an end line'
	contains "$(tail -n 1 <<<"$output")" '"@cs":"error","stream":"orders","code":65'
	contains "$output" '"stream":"orders/2"'
	fails_with 75 "${all[@]}" < <(
		head -n 2 in
		echo '{"@cs":"error","stream":"users","code":75,"message":"429"}'
	)
	contains "$stderr" 'the stream of parents failed: 429'
	# Not all of them, or only what changed: nobody may infer deletions.
	succeeds "${all[@]}" < <(sed 's/"mode":"full"/"mode":"incremental"/' in)
	contains "$output" '"mode":"incremental"'
	succeeds "${all[@]}" < <(sed 's/"complete":true/"complete":false/' in)
	contains "$output" '"@cs":"end".*"complete":false'
	answer else 404 '{}'
	fails_with 69 "${all[@]}" <in
	succeeds "${all[@]}" --ignore-status 404 <in
	equals "$(controls checkpoint <<<"$output" | wc -l)" 4
}

# load_orders: one run of the pipeline as cs-state drives it.
load_orders() {
	cs-state --store "$1" run orders -- sh -c '
		cs-fetch --each "$0/users/{id}/orders" --records .d --stream orders --parent-key user=.id --retries 0 <in |
		cs-load --to "$1" --table orders --mode append' "$SERVER" "$2"
}

@test "each: cut off in the middle, only parents that are not done are asked for again, exactly once in an append" {
	local store target
	for store in sqlite:x.db dir:states; do
		target=sqlite:x.db
		stop_canned
		rm -rf x.db* states "$CANNED"
		start_canned
		parents '{"id":1}' '{"id":2}' '{"id":3}' '{"id":4}' >in
		reply 1 '{"d":[{"o":11},{"o":12}]}'
		reply 2 '{"d":[{"o":21}]}'
		answer 3 500 '{}'
		run --separate-stderr load_orders "$store" "$target"
		equals "$status" 75 || { echo "$store: $stderr"; return 1; }
		equals "$(sql x.db 'SELECT count(*) FROM orders')" 3
		equals "$(cs-state --store "$store" get --parts orders | jq -r .stream | tr '\n' ' ')" 'orders/1 orders/2 '
		rm "$CANNED/log"
		reply else '{"d":[{"o":31}]}'
		run --separate-stderr load_orders "$store" "$target"
		equals "$status" 0 || { echo "$store: $stderr"; return 1; }
		equals "$(paths)" '/users/3/orders /users/4/orders '
		equals "$(sql x.db 'SELECT user, o FROM orders ORDER BY user, o' | tr '\n' ' ')" '1|11 1|12 2|21 3|31 4|31 '
		# The round is done: all of them again, which is no appending.
		run --separate-stderr load_orders "$store" "$target"
		equals "$status" 65
		contains "$stderr" 'appending would lose or double records'
		# Of them the state is not listed beside that of the stream.
		equals "$(cs-state --store "$store" status --json | jq -r .stream | tr '\n' ' ')" 'orders '
		cs-state --store "$store" rm --parts orders
		equals "$(cs-state --store "$store" list)" ''
	done
}

@test "each: into a file, which stands where the whole stream does" {
	parents '{"id":1}' '{"id":2}' '{"id":3}' >in
	reply else '{"d":[{"o":1}]}'
	answer 2 500 '{}'
	run --separate-stderr load_orders dir:states ndjson:x.ndjson
	equals "$status" 75
	run --separate-stderr load_orders dir:states ndjson:x.ndjson
	equals "$status" 0
	equals "$(jq .user x.ndjson | tr '\n' ' ')" '1 2 3 '
}

@test "each: a cursor for each parent" {
	local all=(--cursor-field .u --cursor-type integer --since-param since --retries 0)
	each_users() {
		cs-state --store dir:states run orders -- sh -c '
			cs-fetch --each "$0/users/{id}/orders" --stream orders "$@" <in | cs-load --to sqlite:x.db --table orders --key o' \
			"$SERVER" "${all[@]}"
	}
	parents '{"id":1}' '{"id":2}' >in
	reply 1 '[{"o":1,"u":5},{"o":2,"u":9}]'
	reply 2 '[{"o":3,"u":3}]'
	each_users
	parents '{"id":1}' '{"id":2}' '{"id":3}' >in
	rm "$CANNED/log"
	reply else '[]'
	each_users
	equals "$(paths)" '/users/1/orders?since=9 /users/2/orders?since=3 /users/3/orders '
	equals "$(cs-state --store dir:states get --parts orders | jq -r '.state.cursor // "none"' | tr '\n' ' ')" '9 3 none '
}

@test "each: kill -9 at any moment, and in the end every child is there once" {
	local n i
	for ((i = 1; i <= 40; i++)); do echo "{\"id\":$i}"; done >list
	# shellcheck disable=SC2046
	mapfile -t lines <list
	parents "${lines[@]}" >in
	reply else '{"d":[{"o":1},{"o":2}]}'
	for ((n = 0; n < 8; n++)); do
		load_orders sqlite:x.db sqlite:x.db >/dev/null 2>&1 3>&- &
		local pid=$!
		sleep "0.0$((RANDOM % 10))"
		pkill -KILL -P "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	# To the end of the round, unless one of those came to it.
	if ! cs-state --store sqlite:x.db get orders | grep -v round; then
		load_orders sqlite:x.db sqlite:x.db
	fi
	lacks "$(cs-state --store sqlite:x.db get orders)" round
	equals "$(sql x.db 'SELECT count(*), count(DISTINCT user) FROM orders')" '80|40'
}
