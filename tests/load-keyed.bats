#!/usr/bin/env bats
# cs-load into NDJSON and CSV files by key, compressed files, and one file for each value of a column.
load lib

begin() { # [mode [from]]
	printf '{"@cs":"begin","version":1,"stream":"s","run":"R1","mode":"%s","from":%s}\n' "${1:-incremental}" "${2:-null}"
}

checkpoint() { # STATE RECORDS
	printf '{"@cs":"checkpoint","stream":"s","state":%s,"records":%s}\n' "$1" "$2"
}

end() { # RECORDS
	printf '{"@cs":"end","stream":"s","run":"R1","records":%s,"complete":true}\n' "$1"
}

# counts FILE: inserted updated unchanged deleted ignored
counts() {
	jq -r '"\(.inserted) \(.updated) \(.unchanged) \(.deleted) \(.ignored)"' "$1"
}

@test "NDJSON: changed rows change where they are, new ones go to the end, others keep their bytes" {
	printf '%s\n' '{"id": 1, "n": 1.10}' '' '{"id":"b","s":"\u0061","more":[1, 2]}' '{"id":12345678901234567890123}' >out
	printf '%s\n' '{"id":"b","s":"a"}' '{"id":7,"x":1}' '{"id":1,"n":1.1,"late":true}' '{"id":7,"y":2}' >in
	cs-load --to ndjson:out --key id --stats stats <in
	equals "$(cat out)" $'{"id":1,"n":1.1,"late":true}\n\n{"id":"b","s":"\\u0061","more":[1, 2]}\n{"id":12345678901234567890123}\n{"id":7,"x":1,"y":2}'
	equals "$(counts stats)" '1 2 1 0 0'
	cp -p out before
	touch -d '2020-01-01' out
	cs-load --to ndjson:out --key id --stats stats <in
	equals "$(counts stats)" '0 0 4 0 0'
	equals "$(stat -c %y out | cut -c1-4)" 2020
	cmp out before
}

@test "CSV: by a key of two columns, with quoted text, null and empty text, and a new column" {
	printf 'a,b,t\r\n1,x,"l1\r\nl2"\r\n1,y,\r\n2,x,""\r\n' >out
	printf '%s\n' '{"a":1,"b":"y","t":null}' '{"a":"2","b":"x","t":"q\"u"}' '{"a":1,"b":"x","t":"l1\r\nl2","new":3.10}' '{"b":"z","a":9}' >in
	cs-load --to csv:out --key a,b --stats stats <in
	equals "$(od -c <out)" "$(printf 'a,b,t,new\r\n1,x,"l1\r\nl2",3.10\r\n1,y,,\r\n2,x,"q""u",\r\n9,z,,\r\n' | od -c)"
	equals "$(counts stats)" '1 2 1 0 0'
	cs-load --to csv:out --key a,b --stats stats <in
	equals "$(counts stats)" '0 0 4 0 0'
}

@test "update, delete and upsert in the order in which they come" {
	for kind in ndjson csv; do
		printf '%s\n' '{"id":1,"v":"a"}' '{"id":2,"v":"b"}' '{"id":3,"v":"c"}' | cs-load --to $kind:out.$kind --key id
		printf '%s\n' '{"@cs":{"op":"delete"},"id":1}' '{"@cs":{"op":"update"},"id":2,"v":"B"}' '{"@cs":{"op":"update"},"id":9,"v":"x"}' \
			'{"@cs":{"op":"delete"},"id":8}' '{"@cs":{"op":"delete"},"id":3}' '{"id":3,"w":"new"}' '{"id":4}' '{"@cs":{"op":"delete"},"id":4}' |
			cs-load --to $kind:out.$kind --key id --stats stats
		equals "$(counts stats)" '2 1 0 3 2'
	done
	equals "$(cat out.ndjson)" $'{"id":2,"v":"B"}\n{"id":3,"w":"new"}'
	equals "$(cat out.csv)" $'id,v,w\n2,B,\n3,,new'
}

@test "--missing null: a record is the whole row" {
	for kind in ndjson csv; do
		echo '{"id":1,"a":1,"b":2}' | cs-load --to $kind:out.$kind --key id
		echo '{"id":1,"b":2}' | cs-load --to $kind:out.$kind --key id --missing null --stats stats
		equals "$(counts stats)" '0 1 0 0 0'
		echo '{"b":2,"id":1}' | cs-load --to $kind:out.$kind --key id --missing null --stats stats
		equals "$(counts stats)" '0 0 1 0 0'
	done
	equals "$(cat out.ndjson)" '{"id":1,"b":2}'
	equals "$(cat out.csv)" $'id,a,b\n1,,2'
}

@test "records of many members, with names that are written in different ways" {
	jq -nc '[range(100) | {"k\(.)": .}] | add' >out
	jq -nc '[range(100) | {"k\(.)": .}] | add | .k50 = "x"' | sed 's/"k99"/"\\u006b99"/; s/^{/{"k3":0,/' >in
	cs-load --to ndjson:out --key k0 --stats stats <in
	equals "$(counts stats)" '0 1 0 0 0'
	equals "$(jq -c '[.k3, .k50, .k99, length]' out)" '[3,"x",99,100]'
}

@test "rows without a key are refused, and a file that has none or the same twice" {
	for record in '{"v":1}' '{"id":null}' '{"id":[1]}' '{"id":{}}'; do
		echo "$record" >in
		fails_with 65 cs-load --to ndjson:new --key id <in
		contains "$stderr" 'stdin:1: key column "id" is'
		[ ! -e new ]
	done
	ends_with_status 1 cs-load --to ndjson:new --key id --rejects bad <in
	echo '{"id":1}' >in
	for old in '{"v":1}' '{"id":' '[]' '{"id":null}'; do
		echo "$old" >out
		fails_with 65 cs-load --to ndjson:out --key id <in
		contains "$stderr" 'out:1: '
		equals "$(cat out)" "$old"
	done
	for old in 'v\n1' 'id,v\n,1' 'id,v\n1' 'id\n"1'; do
		# shellcheck disable=SC2059 # escapes
		printf "$old\n" >out
		fails_with 65 cs-load --to csv:out --key id <in
	done
	printf '{"id":1}\n{"id":1}\n' >out
	fails_with 65 cs-load --to ndjson:out --key id <in
	contains "$stderr" 'two rows have the key "1"'
}

@test "a stream keeps what its checkpoints cover; the same again changes nothing" {
	{ begin; echo '{"id":1}'; checkpoint '{"c":1}' 1; echo '{"id":2}'; checkpoint '{"c":2}' 2; echo '{"id":3}'; } >in
	for kind in ndjson csv; do
		ends_with_status 65 cs-load --to $kind:out.$kind --key id <in
		equals "$(grep -c checkpoint <<<"$output")" 2
		{ cat in; end 3; } | cs-load --to $kind:out.$kind --key id --stats stats >/dev/null
		equals "$(counts stats)" '1 0 2 0 0'
		equals "$(grep -c '[123]' out.$kind)" 3
	done
}

@test "whichever rename a crash comes between, file and checkpoint agree, also where the size stays" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	{ begin; echo '{"id":1,"v":1}'; checkpoint 1 1; end 1; } | cs-load --to ndjson:out --key id >/dev/null
	{ begin incremental 1; echo '{"id":1,"v":2}'; checkpoint 2 1; end 1; } >in
	mkdir keep
	cp -p out out.cs-state keep
	for call in rename fsync; do
		for n in 1 2 3 4; do
			cp -p keep/* .
			run strace -qq -o trace -e trace=$call -e inject=$call:signal=SIGKILL:when=$n cs-load --to ndjson:out --key id <in
			# the line for the file as it is now, by its size and sum
			crc=$(gzip -c out | tail -c 8 | od -An -N4 -tu4 | tr -d ' ')
			state=$(grep "\"crc\":$crc," out.cs-state | tail -n 1 | jq -c .state)
			equals "$state" "$(jq .v out)" || return 1
		done
	done
}

@test "gzip and zstd: written, appended to, merged with, and read by others" {
	need gzip zstd
	for end in gz zst; do
		unpack=$([ $end = gz ] && echo 'gzip -dc' || echo 'zstd -dcq')
		for kind in ndjson csv; do
			f=out.$kind.$end
			seq 1000 | jq -c '{id:.,s:"some text \(.)"}' | cs-load --to $kind:$f
			[ "$(stat -c %s "$f")" -lt 9000 ]
			before=$(sha256sum <"$f")
			size=$(stat -c %s "$f")
			echo '{"id":1001,"s":"x"}' | cs-load --to $kind:$f --mode append
			equals "$(head -c "$size" "$f" | sha256sum)" "$before" # a member more
			echo '{"id":7,"s":"seven"}' | cs-load --to $kind:$f --key id --stats stats
			equals "$(counts stats)" '0 1 0 0 0'
			$unpack "$f" >plain
			equals "$(grep -c '[0-9]' plain)" 1001
			contains "$(cat plain)" '^(7,seven|\{"id":7,"s":"seven"\})$'
		done
	done
	truncate -s -5 out.ndjson.gz
	echo '{"id":1}' >in
	cp out.ndjson.gz cut
	fails_with 65 cs-load --to ndjson:out.ndjson.gz --mode append <in
	cmp cut out.ndjson.gz
	# packed or not is what the name says
	echo '{"id":5}' >plain.gz
	cs-load --to ndjson:plain.gz --key id <in
	equals "$(gzip -dc plain.gz)" $'{"id":5}\n{"id":1}'
}

@test "--partition-by: a file for each value; rows move with their value" {
	printf '%s\n' '{"id":1,"c":"de"}' '{"id":2,"c":"fr"}' '{"id":3,"c":"de"}' '{"id":4}' '{"id":5,"c":"a/b %"}' '{"id":6,"c":7}' |
		cs-load --to ndjson:p.ndjson --partition-by c --key id --stats stats
	equals "$(counts stats)" '6 0 0 0 0'
	equals "$(find . -name p.ndjson | sort)" $'./c=7/p.ndjson\n./c=__HIVE_DEFAULT_PARTITION__/p.ndjson\n./c=a%2Fb%20%25/p.ndjson\n./c=de/p.ndjson\n./c=fr/p.ndjson'
	touch -d '2020-01-01' c=*/p.ndjson
	printf '%s\n' '{"id":1,"c":"fr","v":1}' '{"id":4,"c":"de"}' '{"@cs":{"op":"delete"},"id":5}' |
		cs-load --to ndjson:p.ndjson --partition-by c --key id --stats stats
	equals "$(counts stats)" '0 2 0 1 0'
	equals "$(cat c=de/p.ndjson)" $'{"id":3,"c":"de"}\n{"id":4,"c":"de"}'
	equals "$(cat c=fr/p.ndjson)" $'{"id":2,"c":"fr"}\n{"id":1,"c":"fr","v":1}'
	equals "$(cat c=a*/p.ndjson)" ''
	equals "$(stat -c %y c=7/p.ndjson | cut -c1-4)" 2020
	equals "$(find . -name '*.cs-*')" ''
}

@test "--partition-by: append and replace, CSV and gzip" {
	printf '%s\n' '{"y":2024,"v":1}' '{"y":2025,"v":2}' | cs-load --to csv:d.csv.gz --partition-by y
	printf '%s\n' '{"y":2025,"v":3,"w":4}' | cs-load --to csv:d.csv.gz --partition-by y --mode append
	equals "$(gzip -dc y=2024/d.csv.gz)" $'y,v\n2024,1'
	equals "$(gzip -dc y=2025/d.csv.gz)" $'y,v,w\n2025,2,\n2025,3,4'
	printf '%s\n' '{"y":2026,"v":1}' | cs-load --to csv:d.csv.gz --partition-by y
	equals "$(find . -name 'd.csv*')" './y=2026/d.csv.gz'
	equals "$(find . -mindepth 1 -type d | sort)" './y=2026'
	echo '{"y":[1]}' >in
	fails_with 65 cs-load --to csv:d.csv.gz --partition-by y <in
	equals "$(find . -name 'd.csv*')" './y=2026/d.csv.gz'
	# an exact append: the checkpoint of all files together
	{ begin; echo '{"y":1}'; checkpoint '{"c":1}' 1; end 1; } >in
	cs-load --to ndjson:e --partition-by y <in >/dev/null
	fails_with 65 cs-load --to ndjson:e --partition-by y <in
	contains "$stderr" 'stands at \{"c":1\}'
	equals "$(cat y=1/e)" '{"y":1}'
}

@test "--partition-by: killed at any step, the next run does the rest, and nothing is doubled" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
	{ begin; printf '%s\n' '{"y":1}' '{"y":2}'; checkpoint 1 2; end 2; } >in
	{ begin incremental 1; printf '%s\n' '{"y":1,"b":1}' '{"y":3}' '{"y":2,"b":1}'; checkpoint 2 3; end 3; } >in2
	{ begin incremental 2; end 0; } >none
	mkdir base
	(cd base && cs-load --to ndjson:e --partition-by y <../in >/dev/null)
	for call in rename fsync unlink openat; do
		for n in $(seq 1 40); do
			rm -rf work
			cp -a base work
			cd work
			run strace -qq -o ../trace -e trace=$call -e inject=$call:signal=SIGKILL:when=$n cs-load --to ndjson:e --partition-by y <../in2
			ended=$status
			# from the old checkpoint, or, where that is refused, from the new one
			cs-load --to ndjson:e --partition-by y <../in2 >/dev/null 2>../errors || cs-load --to ndjson:e --partition-by y <../none >/dev/null
			equals "$(cat y=*/e | sort)" $'{"y":1,"b":1}\n{"y":1}\n{"y":2,"b":1}\n{"y":2}\n{"y":3}' || { echo "$call $n"; return 1; }
			equals "$(find . -name '*.cs-new' -o -name '*.cs-commit')" ''
			cd ..
			[ "$ended" -eq 0 ] && break
		done
	done
}

@test "a change set larger than memory spills, and a full disk leaves the file as it was" {
	seq 20000 | jq -c '{id:.,s:"some text to fill the file \(.)"}' >in
	cs-load --to ndjson:out --key id --stats stats <in
	equals "$(counts stats)" '20000 0 0 0 0'
	cmp in out
	jq -c '.s = "x"' in >in2
	run --separate-stderr bash -c "ulimit -f 100; exec cs-load --to ndjson:out --key id <in2"
	equals "$status" 74
	cmp in out
	equals "$(find . -name 'out?*')" ''
	cs-load --to ndjson:out --key id -n <in2 2>said
	contains "$(cat said)" '20000 updated'
	cmp in out
}
