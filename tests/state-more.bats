#!/usr/bin/env bats
# cs-state: setting cursors back, states of others, and what people and monitoring get to see.
load lib
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

setup() {
	start_in_tmpdir
	export CS_STATE_STORE=sqlite:s.db
}

# one_run STREAM RECORDS [STATUS [OPTION…]]: a run of a stream with so many records.
one_run() {
	local stream=$1 records=$2 status=${3:-0}
	shift "$(($# < 3 ? $# : 3))"
	run -"$status" cs-state run "$@" "$stream" -- sh -c '
		CS_STREAM=$(printf %s "$CS_STREAM" | sed "s/[\"\\\\]/\\\\&/g")
		printf "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"%s\",\"run\":\"%s\",\"mode\":\"full\",\"from\":null}\n" "$CS_STREAM" "$CS_RUN"
		printf "{\"@cs\":\"checkpoint\",\"stream\":\"%s\",\"state\":{\"v\":1,\"cursor\":\"%s\"},\"records\":%s}\n" "$CS_STREAM" "$1" "$1"
		[ "$2" -eq 0 ] || { echo "a <b>bad</b> \"day\"" >&2; exit "$2"; }
		printf "{\"@cs\":\"end\",\"stream\":\"%s\",\"records\":%s,\"complete\":true,\"counts\":{\"inserted\":%s,\"updated\":0}}\n" "$CS_STREAM" "$1" "$1"
	' sh "$records" "$status"
}

# rewound STATE OPTION…: the cursor after rewind with the options.
rewound() {
	cs-state set -f s "$1"
	shift
	cs-state rewind "$@" s
	cs-state get s | jq -r .cursor
}

@test "rewind: times by a duration, rounded down; dates by days; integers by a number" {
	each_store eval '
		equals "$(rewound "{\"v\":1,\"cursor\":\"2026-03-01T00:00:30.123456Z\",\"ordered\":true}" --by 1m)" 2026-02-28T23:59:30.123456Z
		equals "$(rewound "{\"cursor\":\"2026-03-01T02:00:00+02:00\"}" --by 1500ms)" 2026-02-28T23:59:58Z
		equals "$(rewound "{\"cursor\":\"2026-03-02\"}" --by 2d)" 2026-02-28
		equals "$(rewound "{\"cursor\":\"2026-03-02\"}" --by 1h)" 2026-03-01
		equals "$(rewound "{\"cursor\":\"1000\"}" --by 10)" 990
		equals "$(rewound "{\"cursor\":1000}" --to 7)" 7
		equals "$(rewound "{\"cursor\":\"abc\"}" --to abb)" abb
		equals "$(rewound "{\"cursor\":\"123456789012345678901234567890\"}" --to 99999999999999999999)" 99999999999999999999
	'
}

@test "rewind: an unfinished run is given up, the rest of the state stays, and undo takes it back" {
	cs-state set s '{"v":1,"cursor":"5","ordered":true,"resume":{"plan":"1","at":7},"more":[1, 2.50]}'
	succeeds cs-state rewind --by 2 -v s
	equals "$stderr" 'cs-state: stream "s": from 5 back to 3'
	equals "$(cs-state get s)" '{"v":1,"ordered":true,"more":[1,2.50],"cursor":"3"}'
	cs-state undo s
	equals "$(cs-state get s | jq -r .cursor)" 5
}

@test "rewind: what would skip records or makes no sense is refused" {
	cs-state set s '{"v":1,"cursor":"2026-01-02T00:00:00Z"}'
	fails_with 64 cs-state rewind --to 2026-01-03T00:00:00Z s
	contains "$stderr" 'would be skipped'
	fails_with 64 cs-state rewind --to 7 s
	fails_with 64 cs-state rewind s
	fails_with 64 cs-state rewind --by 1h --to x s
	fails_with 64 cs-state rewind --by soon s
	cs-state rewind -f --to 2026-01-03T00:00:00Z s
	equals "$(cs-state get s | jq -r .cursor)" 2026-01-03T00:00:00Z
	cs-state set s '{"v":1,"cursor":"5"}'
	fails_with 64 cs-state rewind --by 1h s
	cs-state set s '{"bookmarks":{}}'
	fails_with 65 cs-state rewind --by 1h s
	fails_with 1 cs-state rewind --by 1h nobody
}

@test "export and import: states of Singer, Airbyte and dlt, there and back" {
	cs-state set shop/orders '{"v":1,"cursor":"2026-03-04T05:06:07Z","ordered":true}'
	cs-state set shop/items '{"v":1,"cursor":"12345678901234567890","ordered":true}'
	equals "$(cs-state export singer --cursor-field updated_at shop/orders)" \
		'{"bookmarks":{"orders":{"replication_key":"updated_at","replication_key_value":"2026-03-04T05:06:07Z"}}}'
	equals "$(cs-state export airbyte --cursor-field id shop/items)" \
		'[{"type":"STREAM","stream":{"stream_descriptor":{"name":"items"},"stream_state":{"id":12345678901234567890}}}]'
	for form in singer airbyte dlt; do
		for stream in orders items; do
			cs-state export $form shop/$stream | cs-state import $form $form/$stream
			equals "$(cs-state get $form/$stream | jq -r .cursor)" "$(cs-state get shop/$stream | jq -r .cursor)"
		done
	done
}

@test "import: what is found out there" {
	i() { # FORM DOCUMENT [OPTION…]: the cursor that it gives
		local form=$1 document=$2
		shift 2
		cs-state import -f "$form" "$@" users <<<"$document" && cs-state get users | jq -r .cursor
	}
	equals "$(i singer '{"bookmarks":{"users":{"updated_at":"2026-01-01"}}}')" 2026-01-01
	equals "$(i singer '{"type":"STATE","value":{"bookmarks":{"users":{"replication_key_value":7}}}}')" 7
	equals "$(i singer '{"bookmarks":{"users":{"a":1,"b":"2"}}}' --cursor-field b)" 2
	equals "$(i airbyte '{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users"},"stream_state":{"updated":"x"}}}}')" x
	equals "$(i dlt '{"sources":{"github":{"resources":{"users":{"incremental":{"updated_at":{"initial_value":null,"last_value":"2026","unique_hashes":["a"]}}}}}}}')" 2026
	for bad in '{"bookmarks":{"users":{"a":1,"b":2}}}' '{"bookmarks":{"others":{"a":1}}}' '{"bookmarks":{"users":{"a":null}}}' '[]' 'null'; do
		echo "$bad" >in
		fails_with 65 cs-state import -f singer users <in
		contains "$stderr" 'no one cursor of stream "users"'
	done
	echo '{"a":' >in
	fails_with 65 cs-state import dlt users <in
	fails_with 64 cs-state import stitch users <in
	# what is there stays, unless it is said otherwise
	echo '{"bookmarks":{"users":{"a":1}}}' >in
	fails_with 80 cs-state import singer users <in
	equals "$(cs-state get users | jq -r .cursor)" 2026
}

@test "status: rates and trends; columns that say nothing are left out" {
	one_run a 10
	cs-state set b '{"x":1}'
	equals "$(cs-state status | head -n 1 | tr -s ' ')" 'STREAM SUCCESS STATE LAST RUN RECORDS RATE TREND'
	for n in 0 50 100; do one_run a $n; done
	one_run a 20 75
	one_run a 80
	export LC_ALL=C.UTF-8
	contains "$(cs-state status a)" '^a .* 80 +[0-9.]+k?/s  ▂▁▅█×▇$'
	LC_ALL=C cs-state status a >plain
	lacks "$(cat plain)" '[^ -~]'
	contains "$(cat plain)" '\._-#x='
}

@test "status --prometheus: metrics with escaped labels, into a file by rename" {
	one_run 'a "b\' 7 0 --every 1h
	one_run c 3 69
	cs-state status --prometheus >metrics
	contains "$(cat metrics)" '^cs_stream_last_run_records\{stream="a \\"b\\\\"\} 7$'
	contains "$(cat metrics)" '^cs_stream_last_run_status\{stream="c"\} 69$'
	contains "$(cat metrics)" '^cs_stream_last_run_rows\{stream="a \\"b\\\\",kind="inserted"\} 7$'
	lacks "$(cat metrics)" '^cs_stream_last_success_timestamp_seconds\{stream="c"\}'
	# every sample's metric has its help and type in front of it, once
	awk '/^# (HELP|TYPE) / { if (seen[$2 " " $3]++) exit 1; next } { sub(/[{ ].*/, ""); if (!seen["TYPE " $0] || !seen["HELP " $0]) exit 1 }' metrics
	lacks "$(sed -E '/^# (HELP|TYPE) /d; /^[a-z_]+\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="[^"]*")*\} [0-9.e+]+$/d' metrics)" .
	ln metrics link
	cs-state status --prometheus -o metrics
	[ "$(stat -c %i metrics)" != "$(stat -c %i link)" ]
	grep -q cs_stream_running metrics
	fails_with 74 cs-state status --prometheus -o /nonexistent/x
	fails_with 64 cs-state status --prometheus --json
}

@test "report: one page without anything from elsewhere, and text in it stays text" {
	one_run '<script>alert(1)</script>' 10
	one_run bad 5 75
	for n in 1 2 3; do one_run good $n; done
	cs-state report -o page.html
	page=$(cat page.html)
	lacks "$page" '<script|https?://|src=|@import|url\('
	contains "$page" '&lt;script&gt;alert\(1\)&lt;/script&gt;'
	contains "$page" '<b>3</b>streams'
	contains "$page" '<b>2</b>fresh'
	contains "$page" '<b>1</b>need a look'
	# what is in trouble comes first
	equals "$(grep -o '<h2>[a-z]*' page.html | head -n 1)" '<h2>bad'
	equals "$(grep -o '<rect' page.html | wc -l)" 10
	cs-state --store dir:none report | grep -q '<b>0</b>streams'
}

@test "report: looked at in a browser, on a phone and on a desk" {
	need chromium
	for n in $(seq 30); do one_run good "$n"; done
	one_run 'a/very/long/name/of/a/stream/that/does/not/fit/on/a/small/screen/at/all' 5 75
	cs-state report -o page.html
	cat >probe.html <<-END
		<!DOCTYPE html><iframe id=f width=390 height=800 src=page.html></iframe><pre id=o></pre><script>
		f.onload = () => { let d = f.contentDocument.documentElement
			o.textContent = 'wide=' + d.scrollWidth + ' articles=' + d.querySelectorAll('article').length + ' bars=' + d.querySelectorAll('rect').length }
		</script>
	END
	XDG_CONFIG_HOME=$PWD XDG_CACHE_HOME=$PWD timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
		--disable-sync --user-data-dir="$PWD/profile" --allow-file-access-from-files --virtual-time-budget=3000 --dump-dom "file://$PWD/probe.html" >dom 2>/dev/null
	contains "$(cat dom)" 'wide=3[0-9][0-9] articles=2 bars=62'
}

@test "systemd units are what systemd takes, and leave little to attack" {
	need systemd-analyze
	for kind in service timer; do cp "$ROOT/pipelines/systemd/cs-sync@.$kind" "cs-sync@humaans.$kind"; done
	run systemd-analyze verify --man=no ./cs-sync@humaans.service ./cs-sync@humaans.timer
	equals "$output" ''
	equals "$status" 0
	run systemd-analyze security --offline=true --threshold=20 ./cs-sync@humaans.service
	equals "$status" 0
	contains "$output" 'Overall exposure level .*: [01]\.[0-9]'
}

@test "a run that was taken over writes nothing more: 80" {
	local pid i
	cat >zombie.sh <<-'END'
		trap '' TERM
		{
			printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"full","from":null}\n' "$CS_RUN"
			echo '{"id":1,"v":"old"}'
			until [ -e go ]; do sleep 0.05; done
			echo '{"id":2,"v":"old"}'
			echo '{"@cs":"checkpoint","stream":"s","state":{"n":2},"records":2}'
			echo '{"@cs":"end","stream":"s","records":2,"complete":true}'
		} | cs-load --to sqlite:s.db --table t --key id 2>said
		echo $? >status
	END
	touch said
	cs-state run s -- sh zombie.sh 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do [ -e s.db ] && [ -n "$(sql s.db 'SELECT 1 FROM _cs_run' 2>/dev/null)" ] && break; sleep 0.05; done
	kill -9 $pid
	wait $pid || :
	# the store may be another: what is written to holds the number
	for ((i = 0; i < 100; i++)); do cs-state run s -- true 2>/dev/null && break; sleep 0.05; done
	touch go
	for ((i = 0; i < 200; i++)); do [ -s status ] && break; sleep 0.05; done
	equals "$(cat status)" 80
	contains "$(cat said)" 'a newer run of stream "s" has taken over'
	equals "$(sql s.db "SELECT count(*) FROM sqlite_master WHERE name = 't'")" 0
}

@test "the number of a run is kept where the rows are, whatever the store is" {
	for n in 5 7; do
		echo '{"id":1}' | CS_STREAM=s CS_FENCE=$n cs-load --to sqlite:t.db --table t --key id
	done
	echo '{"id":2}' >in
	CS_STREAM=s CS_FENCE=6 fails_with 80 cs-load --to sqlite:t.db --table t --key id <in
	CS_STREAM=other CS_FENCE=6 cs-load --to sqlite:t.db --table t --key id <in
	equals "$(sql t.db 'SELECT id FROM t')" $'1\n2'
}

@test "a store of an older version is read as it is, and brought up to date by the first who writes" {
	one_run a 10
	sqlite3 s.db "ALTER TABLE _cs_run DROP COLUMN fetch; DROP TABLE _cs_fence; UPDATE _cs_meta SET value = 1 WHERE name = 'schema'"
	cp s.db before
	contains "$(cs-state status)" '^a '
	cmp s.db before
	one_run a 20
	equals "$(sql s.db "SELECT value FROM _cs_meta WHERE name = 'schema'")" 2
	equals "$(cs-state status --json | jq -c '[.last_run.records, .last_run.fetch]')" '[20,null]'
}

@test "a run keeps what fetching took" {
	start_playground
	cs-state run users -- sh -c 'cs-fetch --auth bearer --token env:TOKEN --records .data "$PLAYGROUND/auth/http_bearer" --stream users |
		cs-map --names snake | cs-load --to sqlite:s.db --table t --key id'
	stop_playground
	equals "$(cs-state status --json | jq -c '.last_run.fetch | [.requests, .retries, .pages, .bytes > 1000]')" '[1,0,1,true]'
	contains "$(cs-state status --prometheus)" '^cs_stream_last_run_fetch\{stream="users",kind="requests"\} 1$'
	contains "$(cs-state report)" '<dt>Requests</dt><dd>1<'
}
