# cs-map between a producer and a loader: control lines, tags, refused records, and what goes wrong outside.
load lib

begin='{"@cs":"begin","version":1,"stream":"s","run":"01A","mode":"full","from":null,"key":["userId"]}'

@test "control lines pass in order and untouched but for the counts" {
	cat >in <<-EOF
		$begin
		{"userId":1}
		{"@cs": "schema", "table":"t", "columns":{"userId":"LONG"} }
		{"userId":2}
		{"@cs":"checkpoint","stream":"s","state":{"records":7,"a":1.0},"records":2,"later":"kept"}
		{"userId":3}
		{"@cs":"of the future","x":[1, 2]}
		{"@cs":"end","stream":"s","run":"01A","records":3,"complete":true}
	EOF
	succeeds cs-map --names snake <in
	equals "$output" "$(sed 's/^{"userId"/{"user_id"/' in)"
	equals "$stderr" ""
	succeeds cs-map <in
	equals "$output" "$(cat in)"
}

@test "records counts what was let through since begin, by --where, --filter and explode" {
	cat >in <<-EOF
		$begin
		{"a":[1,2,3]}
		{"a":[]}
		{ "@cs" : "checkpoint" , "records" : 2 , "state" : 1 }
		{"a":[4]}
		{"@cs":"end","stream":"s","run":"01A","records":3,"complete":true}
		$begin
		{"a":[1]}
		{"@cs":"end","stream":"s","run":"01A","complete":true,"records":1}
	EOF
	succeeds cs-map --arrays explode <in
	equals "$(controls <<<"$output" | jq -c '.records')" $'null\n5\nnull\n1'
	contains "$output" '^\{ "@cs" : "checkpoint" , "records" : 4 , "state" : 1 \}$'
	succeeds cs-map --where '.a | length > 1' <in
	equals "$(controls '' <<<"$output" | jq -c '.records')" $'null\n1\nnull\n0'
	succeeds cs-map -f '.a[] | {a: .}' <in
	equals "$(records <<<"$output" | grep -v checkpoint)" $'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n{"a":1}'
}

@test "rejected tells what was set aside, added to what there was" {
	cat >in <<-EOF
		$begin
		{"a":1}
		{"a":"x"}
		{"@cs":"checkpoint","state":1,"records":2}
		{"a":"y"}
		{"@cs":"end","stream":"s","run":"01A","records":3,"rejected":4,"complete":true}
		$begin
		{"@cs":"end","stream":"s","run":"01A","rejected":2,"records":0,"complete":true}
		$begin
		nonsense
		{"@cs":"end" }
	EOF
	run -1 --separate-stderr cs-map --type a=integer --rejects aside <in
	equals "$output" "$begin
{\"a\":1}
{\"@cs\":\"checkpoint\",\"state\":1,\"records\":1,\"rejected\":1}
{\"@cs\":\"end\",\"stream\":\"s\",\"run\":\"01A\",\"records\":1,\"rejected\":6,\"complete\":true}
$begin
{\"@cs\":\"end\",\"stream\":\"s\",\"run\":\"01A\",\"rejected\":2,\"records\":0,\"complete\":true}
$begin
{\"@cs\":\"end\" ,\"rejected\":1}"
	equals "$stderr" "cs-map: 3 records set aside in aside"
	equals "$(jq -c '[.line, .reason, .record]' aside)" '[3,"column \"a\": \"x\" is not an integer","{\"a\":\"x\"}"]
[5,"column \"a\": \"y\" is not an integer","{\"a\":\"y\"}"]
[10,"byte 1: unexpected character","nonsense"]'
}

@test "a filter that dies lets no end through, and what came before goes on" {
	printf '%s\n' "$begin" '{"a":1}' '{"a":}' '{"a":2}' '{"@cs":"end","records":2}' >in
	for options in "" "--names snake" "-f ." "--where true"; do
		# shellcheck disable=SC2086
		fails_with 65 cs-map $options <in
		equals "$output" "$begin"$'\n{"a":1}'
		contains "$stderr" '^cs-map: stdin:3: byte 6: unexpected character$'
	done
}

@test "a stream that begins must end" {
	printf '%s\n' "$begin" '{"a":1}' >in
	fails_with 65 cs-map <in
	equals "$output" "$(cat in)"
	printf '%s\n' "$begin" '{"a":1}' '{"@cs":"error","code":75,"message":"busy"}' >in
	succeeds cs-map <in
	equals "$output" "$(cat in)"
	printf '{"a":1}' >in
	succeeds cs-map <in
	equals "$output" '{"a":1}'
	succeeds cs-map --keep a </dev/null
	equals "$output" ''
}

@test "control lines that are none: 65, also with --rejects" {
	while IFS='|' read -r bad pattern; do
		printf '%s\n' "$bad" '{"@cs":"end"}' >in
		fails_with 65 cs-map --rejects aside <in
		contains "$stderr" "^cs-map: stdin:1: $pattern"
		equals "$output" ""
	done <<-'CASES'
		{"@cs":"begin","version":2,"stream":"s","run":"r"}|"begin" of a version
		{"@cs":"begin","version":1}|"begin" without
		{"@cs":"checkpoint"}|"checkpoint" without
		{"@cs":"end"|text ends
		{"@cs":"end","records":1.5}|a number of the control line
	CASES
	[ ! -s aside ]
	fails_with 65 cs-map <<<'{"@cs":1}'
}

@test "tags stay as they are, records are mapped" {
	while IFS='|' read -r options input expected; do
		echo "$input" >in
		# shellcheck disable=SC2086
		succeeds cs-map $options <in
		equals "$output" "${expected//;/$'\n'}" || { echo "with $options"; return 1; }
	done <<-'CASES'
		--names snake|{"@cs":{"table":"t","op":"delete"},"aB":1,"cD":2}|{"@cs":{"table":"t","op":"delete"},"a_b":1,"c_d":2}
		--names snake|{"@cs":{ "table" : "t" }}|{"@cs":{ "table" : "t" }}
		--keep x|{"@cs":{"op":"delete"},"aB":1}|{"@cs":{"op":"delete"}}
		--names snake| { "@cs" : {"x": 1} , "aB" : 1 } |{"@cs":{"x": 1},"a_b":1}
		-f .aB|{"@cs":{"table":"t"},"aB":1}|{"@cs":{"table":"t"},"value":1}
		-f .,.|{"@cs":{"table":"t"},"aB":1}|{"@cs":{"table":"t"},"aB":1};{"@cs":{"table":"t"},"aB":1}
		--where .aB|{"@cs":{ "table":"t"}, "aB":1}|{"@cs":{ "table":"t"}, "aB":1}
		--where .x|{"@cs":{"table":"t"},"aB":1}|
		-f has("@cs")|{"@cs":{"table":"t"},"aB":1}|{"@cs":{"table":"t"},"value":false}
		|{"@cs":{"table":"t"},"aB":1}|{"@cs":{"table":"t"},"aB":1}
	CASES
}

@test "a record cannot pass for a control line or a tag" {
	while IFS='|' read -r options input expected; do
		echo "$input" >in
		# shellcheck disable=SC2086
		succeeds cs-map $options <in
		equals "$output" "$expected" || { echo "with $options"; return 1; }
	done <<-'CASES'
		|{"@cs":{"wrapped":true},"record":{"@cs":"end"}}|{"@cs":{"wrapped":true},"record":{"@cs":"end"}}
		--keep @cs,a|{"@cs":{"wrapped":true},"record":{"b":0,"a": 1,"@cs":"end"}}|{"@cs":{"wrapped":true},"record":{"@cs":"end","a":1}}
		--rename a=b|{"@cs":{"wrapped":true,"table":"t"},"record":{"a":1}}|{"@cs":{"wrapped":true,"table":"t"},"record":{"b":1}}
		--keep @cs,a|{"a":1,"@cs":"end"}|{"@cs":{"wrapped":true},"record":{"@cs":"end","a":1}}
		--rename a=@cs|{"a":"end"}|{"@cs":{"wrapped":true},"record":{"@cs":"end"}}
		--rename a=@cs|{"@cs":{"table":"t"},"a":"end"}|{"@cs":{"table":"t","wrapped":true},"record":{"@cs":"end"}}
		--rename a=@cs|{"@cs":{ },"a":"end"}|{"@cs":{ "wrapped":true},"record":{"@cs":"end"}}
		-f {"@cs":"end"}|{}|{"@cs":{"wrapped":true},"record":{"@cs":"end"}}
		-f {"\u0040cs":{}}|{}|{"@cs":{"wrapped":true},"record":{"@cs":{}}}
		-f .a|{"a":{"\u0040cs":"end"}}|{"@cs":{"wrapped":true},"record":{"@cs":"end"}}
		-f .["@cs"]|{"@cs":{"wrapped":true},"record":{"@cs":{"x":1}}}|{"@cs":{"wrapped":true},"record":{"x":1}}
	CASES
	fails_with 65 cs-map --keep a <<<'{"@cs":{"wrapped":true},"record":1}'
	fails_with 65 cs-map --keep a <<<'{"@cs":{"wrapped":true},"a":1}'
	fails_with 65 cs-map --keep a <<<'{"@cs":{"wrapped":true},"record":{},"a":1}'
	fails_with 65 cs-map --keep a <<<'{"@cs":{"table":"t"} "a":1}'
	fails_with 65 cs-map --keep a <<<'{"@cs":{"table":"t"},}'
	fails_with 65 cs-map --keep a <<<'{"@cs":{"op":"merge"},"a":1}'
}

@test "what is no object is mapped as value" {
	printf '%s\n' '[1, 2]' '"x"' 'null' ' 7 ' >in
	succeeds cs-map --rename value=v <in
	equals "$output" '{"v":[1, 2]}
{"v":"x"}
{"v":null}
{"v":7}'
	succeeds cs-map -f '.' <in
	equals "$(jq -c .value <<<"$output")" $'[1,2]\n"x"\nnull\n7'
}

@test "--rejects: neighbours are whole, original bytes come back, the status is 1" {
	printf '{"a":1}\n\n{"a":"\\ud800é\t"}\n{"a":"\xff\\"}\n{"a":2}\r\n{"a":"007"}\n{"a":3}' >in
	run -1 --separate-stderr cs-map --type a=integer --rejects aside <in
	equals "$output" $'{"a":1}\n{"a":2}\n{"a":3}'
	equals "$stderr" "cs-map: 3 records set aside in aside"
	equals "$(jq -c .line aside)" $'3\n4\n6'
	jq -rj 'select(.record) | .record + "\n"' aside >back
	cmp back <(sed -n '3p;6p' in)
	jq -rj 'select(.record_base64) | .record_base64' aside | base64 -d >back
	cmp back <(sed -n 4p in | tr -d '\n')
	[ "$(stat -c %a aside)" = 600 ]
	# The next run adds to the file.
	run -1 --separate-stderr cs-map -q --type a=integer --rejects aside <in
	equals "$stderr" ""
	equals "$(wc -l <aside)" 6
	succeeds cs-map --rejects none <<<'{"a":1}'
	[ ! -s none ]
}

@test "--max-rejects: so many and no more" {
	printf '%s\n' '{"a":1}' x y z '{"a":2}' >in
	run -1 --separate-stderr cs-map --rejects aside --max-rejects 3 <in
	equals "$output" $'{"a":1}\n{"a":2}'
	ends_with_status 65 cs-map --rejects aside2 --max-rejects 2 <in
	equals "$output" '{"a":1}'
	contains "$stderr" '^cs-map: stdin:4: byte 1: unexpected character; as many as --max-rejects'
	equals "$(wc -l <aside2)" 2
	run -65 --separate-stderr cs-map --rejects aside3 --max-rejects 0 <in
	[ ! -s aside3 ]
}

@test "a line longer than --max-record is refused" {
	printf '{"a":"%050d"}\n{"a":1}\n' 7 >in
	fails_with 65 cs-map --max-record 57 <in
	equals "$stderr" "cs-map: stdin:1: longer than --max-record"
	succeeds cs-map --max-record 58 <in
	run -1 --separate-stderr cs-map --max-record 57 --rejects aside <in
	equals "$output" '{"a":1}'
	equals "$(cat aside)" '{"line":1,"reason":"longer than --max-record","record":null}'
}

@test "-v counts, on stderr" {
	printf '%s\n' '{"a":1}' '{"a":2}' '{"a":3}' >in
	succeeds cs-map -v --where '.a != 2' <in
	equals "$stderr" "cs-map: 3 records in, 2 out"
}

@test "records flow as they come: nothing waits for the end of input" {
	mkfifo in out
	cs-map --names snake <in >out 3>&- &
	pid=$!
	exec 8>in 9<out
	echo '{"aB":1}' >&8
	read -r -t 10 line <&9
	equals "$line" '{"a_b":1}'
	printf '{"@cs":"checkpoint","state":1,"records":1}\n{"aB' >&8
	read -r -t 10 line <&9
	equals "$line" '{"@cs":"checkpoint","state":1,"records":1}'
	printf '":2}\n' >&8
	read -r -t 10 line <&9
	equals "$line" '{"a_b":2}'
	exec 8>&- 9<&-
	wait "$pid"
}

@test "full disks and closed streams" {
	printf '{"a":%d}\n' $(seq 1000) >in
	run -74 sh -c 'cs-map --keep a <in >/dev/full'
	equals "$output" "cs-map: stdout: No space left on device"
	run -74 sh -c 'cs-map --keep a <in >&-'
	run -74 sh -c 'cs-map --keep a <&-'
	run -74 sh -c 'cs-map --type a=boolean --rejects /dev/full <in'
	contains "$output" 'cs-map: /dev/full: No space left on device'
	run -74 sh -c 'cs-map --rejects missing/aside <in'
	# The file of rejects must not take the place of a closed standard stream.
	run sh -c 'cs-map --keep a --rejects aside <in >&-'
	equals "$status" 74
	[ ! -s aside ]
	run sh -c 'cs-map --keep a </'
	equals "$status" 74
}

@test "a reader that leaves ends cs-map by SIGPIPE" {
	seq -f '{"a":%.0f}' 200000 >in
	{ cs-map --rename a=b <in || echo $? >rc; } | head -n 1 >first
	equals "$(cat first) $(cat rc)" '{"b":1} 141'
}

@test "memory does not grow with the stream" {
	seq -f '{"id":%.0f,"name":"some text","o":{"a":[1,2,3],"b":null}}' 300000 >in
	case $BUILD in *sanitize*) skip "sanitizers take memory of their own" ;; esac
	succeeds sh -c 'ulimit -v 40000; cs-map --flatten --names snake <in | tail -n 1'
	equals "$output" '{"id":300000,"name":"some text","o_a":"[1,2,3]","o_b":null}'
}

@test "a failure is told to the next in the pipe, and to nobody else" {
	failures=('cs-map --flatten' 'cs-map --rules none' 'cs-map --nonsense' 'cs-map --rejects /nonexistent/x' 'cs-map -f "{"')
	printf '%s\n' '{"id":1}' x '{"id":2}' >in
	for command in "${failures[@]}"; do
		rm -f db
		run -65 --separate-stderr sh -c "$command <in | sed 's/\"code\":[0-9]*/\"code\":65/' | cs-load --to sqlite:db --table t --key id"
		contains "$stderr" 'cs-load: stdin:[0-9]*: .*cs-map gave up'
		sh -c "$command <in >out" 2>/dev/null || equals "$(sed 1q out)" "$(case $command in *flatten) sed 1q in ;; esac)"
	done
	cs-map --help | lacks "$(cat)" '@cs'
	cs-map --keep id <<<'{"id":1}' | lacks "$(cat)" '@cs'
}

# instructions OPTION…: that cs-map needs for each byte of ./in beyond those of ./half, which is its beginning.
instructions() {
	local file count
	for file in half in; do
		valgrind --tool=callgrind --callgrind-out-file=/dev/null cs-map --no-sandbox "$@" <"$file" 2>log >/dev/null || { cat log; return 1; }
		count[${#count[@]}]=$(awk '/Collected/ { print $4; n++ } END { exit !n }' log) || { cat log; return 1; }
	done
	echo $(((count[1] - count[0]) / ($(wc -c <in) - $(wc -c <half))))
}

@test "a record costs few instructions, whatever its shape" {
	need valgrind
	case $BUILD in */sanitize) skip "not with sanitizers" ;; esac
	[ -x "$BUILD/bench/records" ] || make -s -C "$ROOT" "$BUILD/bench/records" || skip "no records"
	echo '{"flatten":"_","names":"snake","type":{"isManager":"integer","payrollId":"string","createdAt":"timestamp"},
		"keep":["id","firstName","lastName","email","jobTitle","isManager","payrollId","salary","address","teams","createdAt","note"],
		"fill":{"address.state":"n/a"}}' >rules.json
	while read -r shape limit options; do
		"$BUILD/bench/records" "$shape" 2000 >in
		head -n 1000 in >half
		# shellcheck disable=SC2086
		spent=$(instructions $options)
		[ "$spent" -gt 1 ] && [ "$spent" -lt "$limit" ] || { echo "$shape $options: $spent a byte, not below $limit"; return 1; }
	done <<-'CASES'
		hr 20 --rules rules.json
		hr 20 --flatten
		hr 12
		tiny 60 --flatten
		wide 30 --flatten
		escapes 60 --flatten
		nested 60 --flatten
		shuffled 40 --flatten
	CASES
}

@test "keys by the ten thousand in one line, the same or not, take no time to speak of" {
	need valgrind
	jq -nrj '"{\"id\":1", (range(10000) | ",\"o\":{\"a\":\(.)}"), "}\n"' >same
	jq -nrj '"{\"id\":1", (range(10000) | ",\"k\(.)\":{\"a\":\(.)}"), "}\n"' >other
	cs-map --flatten <same >out
	equals "$(cat out)" '{"id":1,"o_a":9999}'
	cs-map --flatten <other >out
	contains "$(tail -c 20 out)" ',"k9999_a":9999}$'
	case $BUILD in */sanitize) return ;; esac
	: >half
	mv same in
	spent=$(instructions --flatten)
	[ "$spent" -gt 1 ] && [ "$spent" -lt 100 ]
	mv other in
	spent=$(instructions --flatten)
	[ "$spent" -gt 1 ] && [ "$spent" -lt 1000 ]
}
