# Singer's and Airbyte's messages in and out.
load lib

# What the database should hold after the messages on stdin: {stream: {key: [names], rows: {KEY: record}}}. A record of a known
# key is laid over the row that is there; rows without a key are all kept.
expected='reduce inputs as $m ({}; if $m.type == "SCHEMA" then .[$m.stream] |= {key: ($m.key_properties // []), rows: (.rows // {})}
	elif $m.type == "RECORD" then .[$m.stream] as $t
		| ($t.key | map($m.record[.] | tostring) | tojson) as $k
		| (if $t.key == [] then "\($t.rows | length)" else $k end) as $k
		| .[$m.stream].rows[$k] += $m.record
	else . end)'

# same RECORD ROW: nulls and missing columns are one, true is 1, what is no scalar is JSON text.
same='def same($r; $row): all($r | keys_unsorted[]; . as $c | $r[$c] as $e | $row[$c] as $v
		| if $e == null then $v == null
		elif $e == true then $v == 1 or $v == "true" elif $e == false then $v == 0 or $v == "false"
		elif ($e | type) == "object" or ($e | type) == "array" then ($v | fromjson) == $e
		else ($e | tostring) == ($v | tostring) end)
	and all($row | keys_unsorted[]; . as $c | $row[$c] == null or ($r | has($c)));'

# holds FILE DB: the database holds what the messages say, no more and no less.
holds() {
	local stream db=$2
	jq -n "$expected" "$1" >want
	jq -r 'keys_unsorted[]' want >streams
	while IFS= read -r stream; do
		if [ "$(jq --arg s "$stream" '.[$s].rows | length' want)" = 0 ] &&
			[ "$(sql "$db" "SELECT count(*) FROM sqlite_schema WHERE name = '${stream//\'/\'\'}'")" = 0 ]; then
			continue # a schema without properties makes no table
		fi
		sqlite3 -readonly -json "$db" "SELECT * FROM \"${stream//\"/\"\"}\" ORDER BY rowid" >rows
		[ -s rows ] || echo '[]' >rows
		jq -e -n --arg s "$stream" --slurpfile want want --slurpfile rows rows "$same"'
			$want[0][$s] as $t | $rows[0] as $rows
			| ($rows | length) == ($t.rows | length)
			and all(range($rows | length); . as $i | $rows[$i] as $row
				| (if $t.key == [] then "\($i)" else $t.key | map($row[.] | tostring) | tojson end) as $k
				| $t.rows[$k] != null and same($t.rows[$k]; $row))' >/dev/null ||
			{ echo "$1: table $stream"; cat rows; return 1; }
	done <streams
}

# state_is FILE: the acknowledged states are those of the messages, in order.
states_are() {
	equals "$(jq -c .state acks)" "$(jq -c 'select(.type == "STATE").value' "$1")"
}

# loads FILE: into x.db, as its messages say.
loads() {
	cs-map --from singer <"$1" >lines || { echo "cs-map: $1"; return 1; }
	cs-load --to sqlite:x.db <lines >acks || { echo "cs-load: $1"; return 1; }
	holds "$1" x.db && states_are "$1"
}

# refused FILE PATTERN: by either stage, and with it by the pipe.
refused() {
	run bash -c "cs-map --from singer <'$1' | cs-load --to sqlite:bad.db >acks"
	[ "$status" -eq 65 ] || { echo "status $status for $1"; return 1; }
	contains "$output" "$2"
}

@test "messages become records of their tables, schemas and checkpoints" {
	cs-map --from singer <"$ROOT/tests/data/singer/good-two-streams.singer" >lines
	equals "$(sed -n '1,3p;5,6p' lines)" '{"@cs":"checkpoint","stream":"singer","state":{"currently_syncing":"users"},"records":0}
{"@cs":"schema","table":"users","key":["id"],"columns":{"id":null,"name":"STRING","on":"BOOLEAN","tags":null}}
{"@cs":{"table":"users","version":3},"id": 1, "name": "Jo\u00e3o", "on": true, "tags": ["a", {"b": 1}]}
{"@cs":"schema","table":"the \"order\" lines","key":["order","line"],"columns":{"order":null,"line":null,"price":null}}
{"@cs":{"table":"the \"order\" lines"},"order": 7, "line": 1, "price": 1.50}'
	equals "$(controls checkpoint <lines | tail -n 1)" \
		'{"@cs":"checkpoint","stream":"singer","state":{"bookmarks":{"users":{"id":2}}},"records":4}'
	CS_STREAM=hr/tap cs-map --from singer <"$ROOT/tests/data/singer/good-two-streams.singer" | controls checkpoint >lines
	equals "$(jq -r .stream lines | uniq)" hr/tap
	cs-map --from singer --stream mine <<<'{"type":"STATE","value":{}}' >lines
	equals "$(cat lines)" '{"@cs":"checkpoint","stream":"mine","state":{},"records":0}'
}

@test "the tables hold what the messages say, the acknowledged states are theirs" {
	for file in "$ROOT"/tests/data/singer/good-*; do
		rm -f x.db
		loads "$file"
	done
}

@test "what Singer's own suites load is loaded" {
	shared corpora/singer
	for file in "$SHARED"/*/*.singer; do
		case $file in
		*/invalid-*.singer | */record_before_schema* | */record_missing_key_property* | */encoded_string_data*) continue ;;
		esac
		rm -f x.db
		loads "$file"
	done
	# A schema without properties makes no table.
	loads "$SHARED/sdk/invalid_schema.singer"
}

@test "runs add up in one database" {
	shared corpora/singer
	for name in user_location_data user_location_upsert_data; do
		cs-map --from singer <"$SHARED/sdk/$name.singer" | cs-load --to sqlite:x.db >/dev/null
	done
	cat "$SHARED"/sdk/user_location_{data,upsert_data}.singer >both
	holds both x.db
	for name in no_primary_keys no_primary_keys_append; do
		cs-map --from singer <"$SHARED/sdk/$name.singer" | cs-load --to sqlite:x.db >/dev/null
	done
	equals "$(sql x.db 'SELECT count(*) FROM test_no_pk')" 8
	for name in streams streams-modified-column; do
		cs-map --from singer <"$SHARED/pipelinewise/messages-with-multiple-$name.singer" | cs-load --to sqlite:y.db >/dev/null
	done
	cat "$SHARED"/pipelinewise/messages-with-multiple-streams{,-modified-column}.singer >both
	holds both y.db
}

@test "what they refuse is refused, with the line" {
	for file in "$ROOT"/tests/data/singer/bad-*; do
		refused "$file" 'stdin:[0-9]+: '
	done
	fails_with 65 cs-map --from singer <"$ROOT/tests/data/singer/bad-batch.singer"
	contains "$stderr" 'stdin:2: a BATCH, .*turn batches off'
	shared corpora/singer
	refused "$SHARED/pipelinewise/invalid-json.singer" 'stdin:3: byte 1'
	refused "$SHARED/pipelinewise/invalid-message-order.singer" 'stdin:3: a RECORD of stream .* before its SCHEMA'
	equals "$(controls checkpoint <acks)" ''
	refused "$SHARED/sdk/record_before_schema.singer" 'stdin:1: '
	refused "$SHARED/sdk/record_missing_key_property.singer" 'no key column "id"'
	# SQLite's text ends at U+0000: the record is refused, or set aside.
	refused "$SHARED/sdk/encoded_string_data.singer" 'U\+0000 has no place in text'
	cs-map --from singer <"$SHARED/sdk/encoded_string_data.singer" >lines
	run -1 cs-load --to sqlite:x.db --rejects aside <lines
	equals "$(jq -r .reason aside | sort -u)" 'column "info": U+0000 has no place in text'
}

@test "a bad message is set aside like a bad record" {
	printf '%s\n' '{"type":"SCHEMA","stream":"a","schema":{}}' '{"type":"RECORD","stream":"b","record":{}}' \
		'{"type":"RECORD","stream":"a","record":{"id":1}}' '{"type":"RECORD","stream":"a"' >in
	run -1 --separate-stderr cs-map --from singer --rejects aside <in
	equals "$output" $'{"@cs":"schema","table":"a","columns":{}}\n{"@cs":{"table":"a"},"id":1}'
	equals "$(jq -c '[.line, .reason]' aside)" '[2,"a RECORD of stream \"b\" before its SCHEMA"]
[4,"byte 30: text ends too early"]'
}

@test "numbers and strings keep their bytes; a record that looks like a control line is wrapped" {
	printf '%s\n' '{"type":"SCHEMA","stream":"a","schema":{}}' \
		'{"type":"RECORD","stream":"a","record":{"n":123456789012345678901234567890.10,"s":"\u00e9\/é"}}' \
		'{"type":"RECORD","stream":"a","record":{"@cs":"end"}}' >in
	succeeds cs-map --from singer <in
	equals "${lines[1]}" '{"@cs":{"table":"a"},"n":123456789012345678901234567890.10,"s":"\u00e9\/é"}'
	equals "${lines[2]}" '{"@cs":{"table":"a","wrapped":true},"record":{"@cs":"end"}}'
}

@test "rules and programs work on bridged records; then the schema names the key alone" {
	succeeds cs-map --from singer --names snake --type at=timestamp <<-'LINES'
		{"type":"SCHEMA","stream":"log","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"},"At":{"type":"string"}}}}
		{"type":"RECORD","stream":"log","record":{"id":1,"At":"2026-01-04T09:12:30+02:00"}}
	LINES
	equals "$output" '{"@cs":"schema","table":"log","key":["id"]}
{"@cs":{"table":"log"},"id":1,"at":"2026-01-04T07:12:30Z"}'
}

@test "keys are called what the rules call their columns" {
	schema='{"type":"SCHEMA","stream":"t","key_properties":["userId","Line No"],"schema":{"properties":{"userId":{}}}}'
	succeeds cs-map --from singer --names snake --rename 'Line No=line' --set 'source="x"' --where '.a == 1' <<<"$schema"
	equals "$output" '{"@cs":"schema","table":"t","key":["user_id","line"]}'
	# A key that is dropped, or that a filter may have renamed, stays: the loader will miss it.
	succeeds cs-map --from singer --drop userId <<<"$schema"
	equals "$output" '{"@cs":"schema","table":"t","key":["userId","Line No"]}'
	succeeds cs-map --from singer -f '{id: .userId}' --names snake <<<"$schema"
	equals "$output" '{"@cs":"schema","table":"t","key":["userId","Line No"]}'
	printf '%s\n' "$schema" '{"type":"RECORD","stream":"t","record":{"userId":1,"Line No":2}}' >messages
	echo '{"names":"snake"}' >rules.json
	printf '#!/bin/sh\ncat messages\n' >tap
	chmod +x tap
	cs-singer --rules rules.json ./tap | cs-load --to sqlite:x.db >/dev/null
	equals "$(sql x.db 'SELECT user_id, line_no FROM t')" '1|2'
	fails_with 64 cs-singer --rules missing.json ./tap
}

@test "versions that are whole numbers go in and out, others nowhere" {
	printf '%s\n' '{"@cs":"begin"}' '{"type":"SCHEMA","stream":"t","key_properties":["id"],"schema":{}}' \
		'{"type":"RECORD","stream":"t","record":{"id":1},"version":1576670613163}' \
		'{"type":"RECORD","stream":"t","record":{"id":2},"version":1.5}' \
		'{"type":"ACTIVATE_VERSION","stream":"t","version":1576670613163}' '{"@cs":"end"}' >in
	cs-map --from singer <in | cs-map --to singer >out
	equals "$(cat out)" '{"type":"SCHEMA","stream":"t","schema":{"type":"object","properties":{"id":{"type":["null","integer"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"t","record":{"id":1},"version":1576670613163}
{"type":"RECORD","stream":"t","record":{"id":2}}
{"type":"ACTIVATE_VERSION","stream":"t","version":1576670613163}'
	fails_with 65 cs-map --from singer <<<'{"type":"ACTIVATE_VERSION","stream":"t","version":-1}'
}

@test "begin, end and error lines of whoever started the tap are filled in" {
	tap='{"type":"SCHEMA","stream":"a","schema":{}}
{"type":"RECORD","stream":"a","record":{"id":1}}'
	export CS_RUN=run7 CS_STREAM=s CS_STATE='{"a":1}'
	succeeds cs-map --from singer <<<"{\"@cs\":\"begin\"}
$tap
{\"@cs\":\"end\"}"
	equals "${lines[0]}" '{"@cs":"begin","version":1,"stream":"s","run":"run7","mode":"incremental","from":{"a":1}}'
	equals "${lines[3]}" '{"@cs":"end","stream":"s","run":"run7","records":1,"complete":true}'
	succeeds cs-map --from singer <<<"{\"@cs\":\"begin\"}
$tap
{\"@cs\":\"error\",\"code\":75,\"message\":\"no\"}"
	equals "${lines[3]}" '{"@cs":"error","stream":"s","code":75,"message":"no"}'
	fails_with 65 cs-map --from singer <<<"{\"@cs\":\"begin\"}
$tap"
	contains "$stderr" 'the stream breaks off'
	fails_with 65 cs-map --from singer <<<"{\"@cs\":\"end\"}
$tap"
	fails_with 65 cs-map --from singer <<<'{"@cs":"checkpoint","state":1}'
	fails_with 65 cs-map --from singer <<<'{"@cs":"checkpoint","stream":"s","state":1,"records":1}'
	contains "$stderr" 'not begin, end or error: was this mapped already'
}

@test "Airbyte: records, states of streams as one list, logs, and the end that the statuses tell" {
	cat >in <<-'LINES'
		{"type":"LOG","log":{"level":"INFO","message":"one\ntwo"}}
		{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users","namespace":"hr"},"status":"STARTED"}}}
		{"type":"RECORD","record":{"stream":"users","namespace":"hr","data":{"id": 12345678901234567890123},"emitted_at":1}}
		{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":"hr"},"stream_state":{"at": 1}},"sourceStats":{"recordCount":1.0}}}
		{"type":"RECORD","record":{"stream":"teams","data":{},"emitted_at":1}}
		{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"teams"},"stream_state":{"n":9}}}}
		{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":"hr"},"stream_state":{"at":2}}}}
		{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1}}
		{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users","namespace":"hr"},"status":"COMPLETE"}}}
	LINES
	export CS_RUN=r CS_STATE='[{"type":"STREAM","stream":{"stream_descriptor":{"name":"old"},"stream_state":{"x":1}}}]'
	succeeds cs-map --from airbyte <in
	equals "$stderr" 'INFO: one two'
	old='{"type":"STREAM","stream":{"stream_descriptor":{"name":"old"},"stream_state":{"x":1}}}'
	teams='{"type":"STREAM","stream":{"stream_descriptor":{"name":"teams"},"stream_state":{"n":9}}}'
	equals "$output" '{"@cs":"begin","version":1,"stream":"airbyte","run":"r","mode":"incremental","from":['"$old"']}
{"@cs":{"table":"hr.users"},"id": 12345678901234567890123}
{"@cs":"checkpoint","stream":"airbyte","state":['"$old"',{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":"hr"},"stream_state":{"at":1}},"sourceStats":{"recordCount":1.0}}],"records":1}
{"@cs":{"table":"teams"}}
{"@cs":"checkpoint","stream":"airbyte","state":['"$old"',{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":"hr"},"stream_state":{"at":1}},"sourceStats":{"recordCount":1.0}},'"$teams"'],"records":2}
{"@cs":"checkpoint","stream":"airbyte","state":['"$old"',{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":"hr"},"stream_state":{"at":2}}},'"$teams"'],"records":2}
{"@cs":"end","stream":"airbyte","run":"r","records":2,"complete":true}'
	succeeds cs-map -q --from airbyte <in
	equals "$stderr" ''
}

@test "Airbyte: a source that fails, or does not complete, leads to an error; global and legacy states" {
	status() {
		echo '{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"a"},"status":"'"$1"'"}}}'
	}
	succeeds cs-map --from airbyte < <(status STARTED; status RUNNING)
	contains "${lines[1]}" '"@cs":"error","stream":"airbyte","code":69,"message":"the source did not complete its stream \\"a\\""'
	for kind in transient_error:75 config_error:64 system_error:69; do
		succeeds cs-map --from airbyte <<<'{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"no\"","failure_type":"'"${kind%:*}"'"}}}'
		equals "$output" '{"@cs":"error","stream":"airbyte","code":'"${kind#*:}"',"message":"no\""}'
	done
	succeeds cs-map --from airbyte <<-'LINES'
		{"type":"STATE","state":{"data":{"a": 1}}}
		{"type":"STATE","state":{"type":"LEGACY","data":{"a":2}}}
		{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"lsn":1},"stream_states":[]}}}
	LINES
	equals "$(jq -c .state <<<"$output")" '{"a":1}
{"a":2}
[{"type":"GLOBAL","global":{"shared_state":{"lsn":1},"stream_states":[]}}]'
	fails_with 65 cs-map --from airbyte <<<'{"type":"STATE","state":{"type":"STREAM"}}'
	fails_with 65 cs-map --from airbyte <<<'not json'
}

@test "Airbyte: a record before the first status: the stream does not begin in its middle" {
	cat >in <<-'LINES'
		{"type":"RECORD","record":{"stream":"u","data":{"id":1},"emitted_at":1}}
		{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"u"},"status":"STARTED"}}}
		{"type":"RECORD","record":{"stream":"u","data":{"id":2},"emitted_at":1}}
		{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"u"},"status":"COMPLETE"}}}
	LINES
	succeeds cs-map --from airbyte <in
	equals "$output" $'{"@cs":{"table":"u"},"id":1}\n{"@cs":{"table":"u"},"id":2}'
	cs-map --from airbyte <in | cs-load --to sqlite:x.db
	equals "$(sqlite3 x.db 'SELECT id FROM u')" $'1\n2'
	sed '$d' in | cs-map --from airbyte >out
	contains "$(tail -n 1 out)" '"@cs":"error".*"code":69'
}

@test "Airbyte: a catalog declares tables and keys" {
	printf '%s\n' '{"type":"CATALOG","catalog":{"streams":[{"name":"a","json_schema":{"properties":{"id":{"type":"integer"},"n":{"type":["null","string"]}}},"source_defined_primary_key":[["id"],["n"]]}]}}' \
		'{"streams":[{"stream":{"name":"b","namespace":"x","json_schema":{"properties":{}},"source_defined_primary_key":[["id"]]},"primary_key":[["k"]],"sync_mode":"full_refresh"}]}' >in
	succeeds cs-map --from airbyte <in
	equals "$output" '{"@cs":"schema","table":"a","key":["id","n"],"columns":{"id":null,"n":"STRING"}}
{"@cs":"schema","table":"x.b","key":["k"],"columns":{}}'
	fails_with 65 cs-map --from airbyte <<<'{"streams":[{"stream":{"name":"b"},"primary_key":[["a","b"]]}]}'
	contains "$stderr" 'a primary key below the top'
}

@test "a schema that has its properties twice: the last count" {
	succeeds cs-map --from singer <<<'{"type":"SCHEMA","stream":"t","key_properties":["a"],"schema":{"properties":{"a":{"type":"integer"}},"properties":{"b":{"type":"string"}}}}'
	equals "$(jq -c 'select(.["@cs"] == "schema").columns' <<<"$output")" '{"b":"STRING"}'
}

@test "Airbyte: a name that no table can have is refused" {
	local line
	for line in '{"type":"RECORD","record":{"stream":"a\u0000b","data":{"a":1}}}' \
		'{"type":"CATALOG","catalog":{"streams":[{"name":"a\u0000b","json_schema":{"properties":{}}}]}}'; do
		fails_with 65 cs-map --from airbyte <<<"$line"
		contains "$stderr" '^cs-map: stdin:1: the name of a stream holds U\+0000 or a lone surrogate$'
	done
}

@test "to singer: a schema before the first record and whenever it grows; deletes; states" {
	cat >in <<-'LINES'
		{"@cs":"begin","version":1,"stream":"s/x","run":"r","key":["id"]}
		{"id":9007199254740993,"a":null,"b":1.50}
		{"id":2,"a":"x"}
		{"@cs":{"table":"t"},"id":1}
		{"@cs":{"wrapped":true},"record":{"@cs":"end"}}
		{"@cs":"schema","table":"u","key":["k"],"columns":{"k":"LONG","at":"UTC_DATETIME","x":null,"d":{"type":"DECIMAL","precision":9,"scale":2}}}
		{"@cs":{"table":"u"},"k":1}
		{"@cs":"checkpoint","stream":"s/x","state":{"a": 1.0}}
		{"@cs":"end","stream":"s/x","run":"r","complete":true}
	LINES
	succeeds cs-map --to singer <in
	equals "$output" '{"type":"SCHEMA","stream":"s/x","schema":{"type":"object","properties":{"id":{"type":["null","integer"]},"b":{"type":["null","number"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"s/x","record":{"id":9007199254740993,"a":null,"b":1.50}}
{"type":"SCHEMA","stream":"s/x","schema":{"type":"object","properties":{"id":{"type":["null","integer"]},"a":{"type":["null","string"]},"b":{"type":["null","number"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"s/x","record":{"id":2,"a":"x"}}
{"type":"SCHEMA","stream":"t","schema":{"type":"object","properties":{"id":{"type":["null","integer"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"t","record":{"id":1}}
{"type":"SCHEMA","stream":"s/x","schema":{"type":"object","properties":{"id":{"type":["null","integer"]},"a":{"type":["null","string"]},"b":{"type":["null","number"]},"@cs":{"type":["null","string"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"s/x","record":{"@cs":"end"}}
{"type":"SCHEMA","stream":"u","schema":{"type":"object","properties":{"k":{"type":["null","integer"]},"at":{"type":["null","string"],"format":"date-time"},"d":{"type":["null","number"]}}},"key_properties":["k"]}
{"type":"RECORD","stream":"u","record":{"k":1}}
{"type":"STATE","value":{"a":1.0}}'
	succeeds cs-map --to singer --stream mine <<<'{"@cs":{"op":"delete"},"id":1}'
	contains "${lines[1]}" '^\{"type":"RECORD","stream":"mine","record":\{"id":1,"_sdc_deleted_at":"20[^"]*Z"\}\}$'
	contains "${lines[0]}" '_sdc_deleted_at'
	fails_with 65 cs-map --to singer <<<'{"@cs":{"op":"update"},"id":1}'
	fails_with 64 cs-map --to nobody
}

@test "to singer and airbyte: what is no object, or has space before it, is a record all the same; what cannot be is refused" {
	local to line
	for to in singer airbyte; do
		for line in '[1]' '5' ' "x"' 'null' $'\t{"a":1} ' ' { "@cs" : {"op":"upsert"} , "a" : 1 }'; do
			succeeds cs-map --to $to --stream s <<<"$line"
			equals "$(jq -c 'select(.type == "RECORD") | .record.data // .record' <<<"$output")" \
				"$(jq -c 'if type == "object" then {a} else {value: .} end' <<<"$line")"
		done
		printf '%s\n' '{"a":1}' '{"a":2,"b":1,"i\udaffj":[],"c":3}' '{"b":2}' >in
		fails_with 65 cs-map --to $to --stream s <in
		contains "$stderr" '^cs-map: stdin:2: a lone surrogate in a key$'
		fails_with 1 cs-map --to $to --stream s --rejects "rejects.$to" <in
		equals "$(jq -c 'select(.type == "RECORD") | .record.data // .record' <<<"$output")" $'{"a":1}\n{"b":2}'
		equals "$(wc -l <"rejects.$to")" 1
	done
	# The column that only the refused record had so far is told with the next that has it.
	equals "$(cs-map --to singer --stream s --rejects rejects <in | jq -c 'select(.type == "SCHEMA").schema.properties | keys')" \
		$'["a"]\n["a","b"]'
}

@test "to singer: a SCHEMA has its key among its properties, and waits for the record that tells their types" {
	cat >in <<-'LINES'
		{"type": "SCHEMA", "stream": "u", "schema": {"properties": {"id": {"type": "integer"}, "b": {"type": "boolean"}}}, "key_properties": ["id"]}
		{"type": "SCHEMA", "stream": "v", "schema": {"properties": {"k\u0041": {"type": "string"}}}, "key_properties": ["kA"]}
		{"type": "RECORD", "stream": "u", "record": {"id": 1}}
	LINES
	cs-map --from singer <in | cs-map --to singer >out
	equals "$(cat out)" '{"type":"SCHEMA","stream":"v","schema":{"type":"object","properties":{"kA":{"type":["null","string"]}}},"key_properties":["kA"]}
{"type":"SCHEMA","stream":"u","schema":{"type":"object","properties":{"id":{"type":["null","integer"]},"b":{"type":["null","boolean"]}}},"key_properties":["id"]}
{"type":"RECORD","stream":"u","record":{"id": 1}}'
}

@test "to singer: a stream that failed or broke off is an exit status, as there is no message for it" {
	fails_with 75 cs-map --to singer <<<'{"@cs":"error","code":75,"message":"later"}'
	contains "$stderr" 'failed upstream: later'
	equals "$output" ''
	run -65 --separate-stderr bash -c 'cs-map --to singer <<<"{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"r\"}" | cat; exit ${PIPESTATUS[0]}'
	equals "$output" ''
}

@test "there and back again" {
	sed 's/, "version": 3//' "$ROOT/tests/data/singer/good-two-streams.singer" | grep -v ACTIVATE >in
	cs-map --from singer <in | cs-map --to singer >out
	equals "$(jq -cS 'select(.type == "RECORD") | del(.time_extracted)' out)" "$(jq -cS 'select(.type == "RECORD") | del(.time_extracted)' in)"
	equals "$(jq -c 'select(.type == "STATE")' out)" "$(jq -c 'select(.type == "STATE")' in)"
	loads out
	for dialect in singer airbyte; do
		printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"r"}' '{"@cs":{"table":"t"},"id":1.0}' \
			'{"@cs":"checkpoint","stream":"s","state":[{"type":"STREAM","stream":{"stream_descriptor":{"name":"t"}}}],"records":1}' \
			'{"@cs":"end","stream":"s","run":"r","records":1,"complete":true}' >in
		CS_RUN=r cs-map --to "$dialect" <in | CS_RUN=r cs-map --from "$dialect" --stream s >out
		equals "$(grep -v -e begin -e schema -e '"end"' out)" "$(sed -n 2,3p in)"
	done
	equals "$(tail -n 1 out)" "$(tail -n 1 in)"
	CS_RUN=r cs-map --to airbyte <<<'{"@cs":"error","code":75,"message":"later"}' >out || :
	equals "$(jq -r .trace.error.failure_type out)" transient_error
}

# A tap that counts up to LAST from the number its state has, and ends with STATUS.
make_tap() {
	cat >tap <<-'TAP'
		#!/bin/sh
		echo "$*" >>arguments
		id=0
		while [ $# -gt 0 ]; do
			[ "$1" != --state ] || id=$(sed 's/[^0-9]//g' "$2")
			shift
		done
		echo '{"type": "SCHEMA", "stream": "n", "schema": {"properties": {"id": {"type": "integer"}}}, "key_properties": ["id"]}'
		while [ "$id" -lt "${LAST:-3}" ]; do
			id=$((id + 1))
			echo "{\"type\": \"RECORD\", \"stream\": \"n\", \"record\": {\"id\": $id}}"
			[ "$id" = "${NO_STATE:-}" ] || echo "{\"type\": \"STATE\", \"value\": {\"id\": $id}}"
		done
		exit "${STATUS:-0}"
	TAP
	chmod +x tap
}

@test "cs-singer: the stream ends if the tap exits 0, and only then" {
	make_tap
	succeeds cs-singer ./tap --config c.json
	contains "${lines[0]}" '^\{"@cs":"begin","version":1,"stream":"tap",.*"from":null\}$'
	contains "${lines[-1]}" '^\{"@cs":"end","stream":"tap",.*"records":3,"complete":true\}$'
	equals "$(cat arguments)" '--config c.json'
	STATUS=3 fails_with 69 cs-singer --stream s ./tap
	contains "${lines[-1]}" '^\{"@cs":"error","stream":"s","code":69,"message":"the tap ended with status 3"\}$'
	lacks "$output" '"@cs":"end"'
	# Those of cs(7) are passed on; but 1 is a Python program's for all that goes wrong, and 70 and 78 are no driver's.
	for status in 64 65 69 74 75 76 77 80; do STATUS=$status fails_with "$status" cs-singer ./tap; done
	for status in 1 2 66 70 78 79 100; do STATUS=$status fails_with 69 cs-singer ./tap; done
	run -64 cs-singer ./missing
	run -64 cs-singer
	run -64 cs-singer --nonsense ./tap
	run -0 cs-singer --help
	contains "$output" '--stream NAME'
}

@test "cs-singer: its options, the names in its lines, and no state left in a file by TERM" {
	make_tap
	equals "$(sed -n 's/^\.It \(Fl [a-z] , \)\{0,1\}Fl Fl \([a-z]*\).*/--\2/p' "$ROOT/man/cs-singer.1" | sort)" \
		"$(cs-singer --help | grep -o -e '^  .*--[a-z]*' | grep -o -e '--[a-z]*' | sort)"
	echo '{"rename":{"id":"number"}}' >rules.json
	for rules in '--rules rules.json' --rules=rules.json; do
		# shellcheck disable=SC2086 # two words
		CS_RUN=R7 CS_STREAM=one succeeds cs-singer $rules --stream=two -- ./tap
		equals "$(controls schema <<<"$output" | jq -c .key)" '["number"]'
		equals "$(records <<<"$output" | jq -c 'del(.["@cs"])' | head -n 1)" '{"number":1}'
		equals "$(controls begin <<<"$output" | jq -r '.stream + " " + .run')" 'two R7'
	done
	CS_STREAM=one succeeds cs-singer ./tap
	contains "${lines[0]}" '"stream":"one"'

	mkdir tmp
	printf '#!/bin/sh\ntouch up\nsleep 20\n' >slow
	chmod +x slow
	TMPDIR=$PWD/tmp CS_STATE='{"id":7}' setsid cs-singer ./slow >out 3>&- &
	for ((i = 0; i < 200; i++)); do [ -e up ] && break; sleep 0.05; done
	equals "$(stat -c %a tmp/*)" 700
	kill -TERM -- -$!
	wait $! || :
	equals "$(ls tmp)" ''
}

@test "cs-singer: what a failed tap sent after its last state is not kept; the next run goes on from there" {
	make_tap
	pipe='cs-singer ./tap --config c.json | cs-load --to sqlite:x.db'
	export CS_STATE_STORE=sqlite:x.db
	STATUS=1 LAST=5 NO_STATE=5 run cs-state run s -- sh -c "$pipe"
	[ "$status" -eq 69 ]
	equals "$(sql x.db 'SELECT group_concat(id) FROM n')" 1,2,3,4
	equals "$(cs-state get s)" '{"id":4}'
	LAST=7 succeeds cs-state run s -- sh -c "$pipe"
	equals "$(sql x.db 'SELECT group_concat(id) FROM n')" 1,2,3,4,5,6,7
	contains "$(tail -n 1 arguments)" '^--config c.json --state /.*/state.json$'
	equals "$(cs-state get s)" '{"id":7}'
	# A state of the user's own comes first.
	echo '{"id": 9}' >state.json
	CS_STATE='{"id":7}' LAST=10 succeeds cs-singer ./tap --state state.json
	contains "${lines[2]}" '"id": 10'
	CS_STATE=@state.json LAST=10 succeeds cs-singer ./tap
	contains "${lines[2]}" '"id": 10'
	equals "$(find . "${TMPDIR:-/tmp}" -maxdepth 2 -name state.json 2>/dev/null)" ./state.json
}
