#!/usr/bin/env bats
# cs-load into NDJSON and CSV files.
load lib

begin() { # [mode [from [stream]]]
	printf '{"@cs":"begin","version":1,"stream":"%s","run":"R1","mode":"%s","from":%s}\n' "${3:-s}" "${1:-incremental}" "${2:-null}"
}

checkpoint() { # STATE RECORDS
	printf '{"@cs":"checkpoint","stream":"s","state":%s,"records":%s}\n' "$1" "$2"
}

end() { # RECORDS
	printf '{"@cs":"end","stream":"s","run":"R1","records":%s,"complete":true}\n' "$1"
}

@test "NDJSON: records as they came, without tags and control lines" {
	printf '%s\n' '{"id":1, "n":1.10}' '' '{"@cs":{"op":"upsert"} , "id":2}' '{"@cs":{"wrapped":true},"record":{"@cs":"x","id":3}}' '{"@cs":{}}' '{"id":12345678901234567890123}' |
		cs-load --to ndjson:out --stats stats
	equals "$(cat out)" $'{"id":1, "n":1.10}\n{"id":2}\n{"@cs":"x","id":3}\n{}\n{"id":12345678901234567890123}'
	equals "$(jq .inserted stats)" 5
	equals "$(find . -type f | sort)" $'./out\n./stats'
}

@test "CSV: quoted where needed, null is not empty text" {
	printf '%s\n' '{"id":1,"s":"a,b","n":null}' '{"id":2,"s":"","late":"x\"y"}' '{"s":" x","id":3.10,"late":[1, 2]}' '{"id":true,"n":"l1\nl2"}' |
		cs-load --to csv:out
	equals "$(cat out)" $'id,s,n,late\n1,"a,b",,\n2,"",,"x""y"\n3.10," x",,"[1,2]"\ntrue,,"l1\nl2",'
	sqlite3 :memory: '.mode csv' '.import out t' '.mode list' "SELECT n = 'l1' || char(10) || 'l2' FROM t" >answer
	equals "$(tail -n 1 answer)" 1
}

@test "CSV: the Big List of Naughty Strings comes back" {
	shared corpora/blns/as-values.ndjson
	cs-load --to csv:out <"$SHARED"
	sqlite3 :memory: '.mode csv' '.import out t' '.mode list' '.output sums' \
		"SELECT group_concat(hex(s || char(0)), '') FROM (SELECT s FROM t ORDER BY CAST(id AS INTEGER))"
	equals "$(xxd -r -p <sums | sha256sum | cut -c1-64)" 37e45969f01261c49a776c00b62cb145a2b818f6b19b4729f519af250b8ce93f
}

@test "the old file stays until the new one is whole" {
	echo '{"old":1}' >out
	chmod 640 out
	{ begin full; echo '{"id":1}'; checkpoint 1 1; } >in
	fails_with 65 cs-load --to ndjson:out <in
	equals "$output$(cat out)" '{"old":1}'
	printf '{"id":1}\n{"id":\n' >bad
	fails_with 65 cs-load --to ndjson:out <bad
	equals "$(cat out)" '{"old":1}'
	end 1 >>in
	equals "$(cs-load --to ndjson:out <in | grep -c checkpoint)" 1
	equals "$(cat out)" '{"id":1}'
	equals "$(stat -c %a out)" 640
	equals "$(find . -name 'out?*')" ./out.cs-state
}

@test "a link's target is replaced, a new file heeds the umask" {
	mkdir d
	echo old >d/real
	ln -s d/real out
	(umask 027 && echo '{"a":1}' | cs-load --to ndjson:new)
	echo '{"a":1}' | cs-load --to ndjson:out
	[ -L out ]
	equals "$(cat d/real)" '{"a":1}'
	equals "$(stat -c %a new)" 640
}

@test "incremental streams are appended, exactly once" {
	{ begin; echo '{"id":1}'; checkpoint '{"c":1}' 1; end 1; } >in
	for kind in ndjson csv; do
		cs-load --to $kind:out.$kind <in >/dev/null
		{ begin incremental '{"c": 1}'; echo '{"id":2}'; checkpoint '{"c":2}' 1; end 1; } >in2
		cs-load --to $kind:out.$kind <in2 >/dev/null
		want=$(cat out.$kind)
		equals "$(grep -c '[12]' out.$kind)" 2
		# the same again would double
		fails_with 65 cs-load --to $kind:out.$kind <in2
		contains "$stderr" 'resumes from \{"c":1\}, but the file stands at \{"c":2\}'
		fails_with 65 cs-load --to $kind:out.$kind <in
		equals "$(cat out.$kind)" "$want"
		# a stream that breaks off keeps what its checkpoint covers
		{ begin incremental '{"c":2}'; echo '{"id":3}'; checkpoint '{"c":3}' 1; echo '{"id":4,"x":1}'; } >in3
		ends_with_status 65 cs-load --to $kind:out.$kind <in3
		equals "$output" "$(checkpoint '{"c":3}' 1)"
		equals "$(grep -c '[0-9]' out.$kind)" 3
	done
	equals "$(cat out.csv)" $'id\n1\n2\n3'
	echo '{"id":9}' >>out.ndjson
	{ begin incremental '{"c":3}'; end 0; } >in4
	fails_with 65 cs-load --to ndjson:out.ndjson <in4
	contains "$stderr" 'changed by something else'
	{ begin incremental '{"c":3}' other; end 0; } >in4
	fails_with 65 cs-load --to csv:out.csv <in4
}

@test "whichever rename a crash comes between, file and checkpoint agree" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	{ begin; echo '{"id":1}'; checkpoint 1 1; end 1; } | cs-load --to ndjson:out >/dev/null
	{ begin incremental 1; echo '{"id":2}'; checkpoint 2 1; end 1; } >in
	mkdir keep
	cp -p out out.cs-state keep
	for call in rename fsync; do
		for n in 1 2 3 4; do
			cp -p keep/* .
			run strace -qq -o trace -e trace=$call -e inject=$call:signal=SIGKILL:when=$n cs-load --to ndjson:out <in
			# what was acknowledged is in; if it was not, the same stream goes on from the old checkpoint or is told the new one
			if grep -q 2 out; then
				{ begin incremental 2; end 0; } | cs-load --to ndjson:out >/dev/null
			else
				cs-load --to ndjson:out <in >/dev/null
			fi
			equals "$(cat out)" $'{"id":1}\n{"id":2}' || return 1
		done
	done
}

@test "CSV: new columns of an appended stream widen the old rows" {
	printf 'id,"a ""q"""\r\n1,"x\r\ny"\r\n2,z\r\n' >out.csv
	echo '{"new":"n","id":3}' | cs-load --to csv:out.csv --mode append
	equals "$(od -c <out.csv)" "$(printf 'id,"a ""q""",new\r\n1,"x\r\ny",\r\n2,z,\r\n3,,n\r\n' | od -c)"
	echo '{"id":4,"more":1}' >in
	fails_with 65 cs-load --to csv:out.csv --mode append --columns freeze <in
	cs-load --to csv:out.csv --mode append --columns discard <in
	equals "$(tail -n 1 out.csv)" $'4,,\r'
}

@test "CSV: a header of declared columns, also without records" {
	echo '{"table":"t","columns":{"b":"INT","a":"STRING"}}' >schema.json
	cs-load --to csv:out --schema schema.json </dev/null
	equals "$(cat out)" b,a
	echo '{"a":1,"b":2}' | cs-load --to csv:out --schema schema.json
	equals "$(cat out)" $'b,a\n2,1'
}

@test "what a file cannot do is refused" {
	fails_with 64 cs-load --to ndjson:out --key id </dev/null
	fails_with 64 cs-load --to csv:out --mode upsert </dev/null
	fails_with 64 cs-load --to csv:out --synced-at x </dev/null
	fails_with 64 cs-load --to ndjson:out --columns freeze </dev/null
	fails_with 64 cs-load --to ndjson: </dev/null
	echo '{"@cs":{"op":"delete"},"id":1}' >in
	fails_with 65 cs-load --to ndjson:out <in
	echo '{"@cs":{"table":"u"},"id":1}' >in
	fails_with 65 cs-load --to ndjson:out --table t <in
	cs-load --to ndjson:out --table u <in
	equals "$(cat out)" '{"id":1}'
	printf '%s\n' '{"s":"\ud800"}' >in
	fails_with 65 cs-load --to csv:c <in
	[ ! -e c ]
}

@test "bad records are set aside here too; --dry-run writes nothing" {
	printf '%s\n' '{"a":1}' '{"a":' '[1]' '{"b":2}' >in
	ends_with_status 1 cs-load --to csv:out --rejects bad <in
	equals "$(cat out)" $'a,b\n1,\n,2'
	equals "$(jq -c .line bad)" $'2\n3'
	echo '{"a":5}' | cs-load --to csv:out -n -q
	equals "$(cat out)" $'a,b\n1,\n,2'
}

@test "a full disk leaves the old file: 74" {
	echo '{"old":1}' >out
	yes '{"id":1,"text":"some text to fill the file"}' | head -n 20000 >in
	run --separate-stderr bash -c "trap '' XFSZ; ulimit -f 100; exec cs-load --to ndjson:out <in"
	equals "$status" 74
	contains "$stderr" '^cs-load: .*File too large'
	equals "$(cat out)" '{"old":1}'
	fails_with 74 cs-load --to ndjson:/nonexistent/out <in
	printf '{"id":1}\n' >in
	fails_with 74 cs-load --to ndjson:/dev/full <in
	[ -c /dev/full ]
}
