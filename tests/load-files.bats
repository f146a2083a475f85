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

@test "what is acknowledged is synced before, under its name" {
	need strace
	{ begin; echo '{"id":1}'; checkpoint 1 1; end 1; } >in
	equals "$(synced cs-load --to ndjson:out)" 'sync:out.cs-state.? out.cs-state sync: sync:out.? out sync: told'
	{ begin full; echo '{"id":1}'; checkpoint 1 1; end 1; } >in
	equals "$(synced cs-load --to csv:table --key id)" 'sync:table.cs-state.? table.cs-state sync: sync:table.? table sync: told'
	export CS_STREAM=s CS_FENCE=7
	equals "$(synced cs-load --to ndjson:part --parts)" 'sync:part.s.7.1.? part.s.7.1 sync: told'
	# of several files the list of what is to be renamed comes first
	equals "$(synced cs-load --to ndjson:p --partition-by id)" 'sync:id=1/p.cs-new sync:id=1 sync: sync:p.cs-commit.? p.cs-commit sync: ./id=1/p sync:id=1 sync:p.cs-state.? p.cs-state sync: told'
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
	fails_with 64 cs-load --to ndjson:out --key id --mode append </dev/null
	fails_with 64 cs-load --to ndjson:out --missing null </dev/null
	fails_with 64 cs-load --to sqlite:out --table t --partition-by id </dev/null
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
	run --separate-stderr bash -c "ulimit -f 100; exec cs-load --to ndjson:out <in"
	equals "$status" 74
	contains "$stderr" '^cs-load: .*File too large'
	equals "$(cat out)" '{"old":1}'
	fails_with 74 cs-load --to ndjson:/nonexistent/out <in
	printf '{"id":1}\n' >in
	fails_with 74 cs-load --to ndjson:/dev/full <in
	[ -c /dev/full ]
}

@test "loaders that append to one file at once lose nothing that was acknowledged" {
	local w pids
	for _ in $(seq 5); do
		for kind in ndjson csv; do
			rm -f out
			pids=
			for w in 1 2 3 4; do
				{ echo "{\"w$w\":$w}" | cs-load --to $kind:out --mode append; echo $? >status.$w; } 3>&- &
				pids+=" $!"
			done
			wait $pids
			equals "$(cat status.?)" $'0\n0\n0\n0' || return 1
			for w in 1 2 3 4; do grep -Eq "(^|[:,])${w}[,}]*\$" out || { cat out; return 1; }; done
		done
	done
	equals "$(find . -name 'out?*')" ''
}

@test "no lock while waiting for input, and a wait of --busy-timeout for another's" {
	need flock
	{ echo '{"a":1}'; sleep 1; echo '{"a":2}'; } | cs-load --to ndjson:out --mode append 3>&- &
	sleep 0.2
	echo '{"a":3}' | cs-load --to ndjson:out --mode append --busy-timeout 0s
	wait $!
	equals "$(sort out)" $'{"a":1}\n{"a":2}\n{"a":3}'
	echo '{"a":4}' >in
	fails_with 75 flock . cs-load --to ndjson:out --busy-timeout 50ms <in
	contains "$stderr" 'run again'
	fails_with 75 flock . cs-load --to csv:new --busy-timeout 0s <in
	[ ! -e new ]
	flock . sleep 0.3 3>&- &
	cs-load --to ndjson:out <in
	equals "$(cat out)" '{"a":4}'
	wait $!
}

@test "an incremental stream that another loader overtook is refused, also at its end" {
	{ begin; echo '{"id":1}'; checkpoint 1 1; end 1; } | cs-load --to ndjson:out >/dev/null
	{ begin incremental 1; echo '{"id":2}'; checkpoint 2 1; end 1; } >in
	{ head -n 2 in; sleep 1; tail -n +3 in; } | cs-load --to ndjson:out >acks 2>errors 3>&- &
	sleep 0.3
	cs-load --to ndjson:out <in >/dev/null
	local status=0
	wait $! || status=$?
	equals "$status" 65
	equals "$(cat out)" $'{"id":1}\n{"id":2}'
	equals "$(cat acks)" ''
	contains "$(cat errors)" 'stands at 2'
}

@test "CSV: blank lines and a byte order mark before the header, blank lines between rows" {
	echo '{"id":1,"c":2}' >in
	local old
	for old in '\n' '\r\n' '\n\n'; do
		printf "$old" >out.csv
		cs-load --to csv:out.csv --mode append <in
		equals "$(cat out.csv)" $'id,c\n1,2' || return 1
	done
	printf '\xef\xbb\xbfid\r\n7\r\n\r\n8\r\n' >out.csv
	cs-load --to csv:out.csv --mode append <in
	equals "$(od -c <out.csv)" "$(printf '\xef\xbb\xbfid,c\r\n7,\r\n\r\n8,\r\n1,2\r\n' | od -c)"
}

@test "a run without news moves the checkpoint, and the next one goes on from it" {
	for kind in ndjson csv; do
		{ begin; echo '{"id":1}'; checkpoint 1 1; end 1; } | cs-load --to $kind:out.$kind >/dev/null
		{ begin incremental 1; checkpoint 2 0; end 0; } | cs-load --to $kind:out.$kind >/dev/null
		{ begin incremental 2; echo '{"id":2}'; checkpoint 3 1; end 1; } | cs-load --to $kind:out.$kind >/dev/null
		equals "$(grep -c '[12]' out.$kind)" 2
	done
}

@test "empty input replaces no file that holds something; an empty stream does" {
	for kind in ndjson csv; do
		echo old >out
		for mode in '' '--mode replace'; do
			for input in '' '\n \n'; do
				# shellcheck disable=SC2086,SC2059 # options; escapes
				printf "$input" >in
				fails_with 65 cs-load --to $kind:out $mode <in
				contains "$stderr" 'left as it is: the input is empty'
				equals "$(cat out)" old
			done
		done
		cs-load --to $kind:out --mode append </dev/null
		equals "$(cat out)" old
		{ begin full; end 0; } | cs-load --to $kind:out >/dev/null
		equals "$(cat out)" ''
		cs-load --to $kind:out </dev/null
		cs-load --to $kind:new.$kind </dev/null
		[ -e new.$kind ]
	done
}

@test "/dev/stdout and /dev/fd are written to, not replaced" {
	echo '{"id":1}' >in
	echo old >out
	ln out link
	for mode in '' '--mode append'; do
		# shellcheck disable=SC2086 # options
		cs-load --to ndjson:/dev/stdout $mode <in >>out
		cs-load --to csv:/dev/fd/7 --quiet $mode <in 7>>out
	done
	equals "$(cat link)" $'old\n{"id":1}\nid\n1\n{"id":1}\nid\n1'
	equals "$(cs-load --to ndjson:/dev/stdout <in | cat)" '{"id":1}'
	fails_with 74 cs-load --to ndjson:/dev/fd/99 <in
}

@test "CSV: a hundred thousand columns, and a bad record's are forgotten" {
	seq 100000 | jq -nc '[inputs | {"k\(.)": .}] | add' >in
	{ jq -c . in | sed 's/}$/,"bad":tru}/'; echo '{"k7":7,"x":8}'; cat in; } >in2
	ends_with_status 1 timeout 15 cs-load --to csv:out --rejects bad <in2
	equals "$(head -n 1 out | cut -d, -f1-4)" k7,x,k1,k2
	equals "$(tail -n 1 out | tr , '\n' | wc -l)" 100001
	equals "$(tail -n 1 out | cut -d, -f1-4)" 7,,1,2
}
