#!/usr/bin/env bats
# cs-load into SQLite: rows, types, names, operations. The sqlite3 shell is the independent reader.
load lib

teardown() {
	[ ! -e x.db ] || equals "$(sql x.db 'PRAGMA integrity_check')" ok
}

# to OPTION…: stdin into table t of x.db
to() {
	cs-load --to sqlite:x.db --table t "$@"
}

to_fails() {
	local status=$1
	shift
	fails_with "$status" cs-load --to sqlite:x.db --table t "$@"
}

# loads OPTIONS INPUT QUERY EXPECTED: into a new database; both texts are lines.
loads() {
	rm -f x.db*
	# shellcheck disable=SC2086 # options are words
	to $1 <<<"$2" || return 1
	equals "$(sql x.db "$3")" "$4"
}

# refuses MESSAGE INPUT [OPTION…]: exit 65, one line, nothing loaded.
refuses() {
	local message=$1 input=$2
	shift 2
	printf '%s\n' "$input" >in
	to_fails 65 "$@" <in || return 1
	contains "$stderr" "$message" || return 1
	if sql x.db 'SELECT 1 FROM t' 2>/dev/null | grep -q .; then
		echo "rows were loaded from: $input"
		return 1
	fi
}

counts() {
	jq -r '[.inserted, .updated, .unchanged, .deleted, .ignored, .rejected] | join(" ")' stats
}

@test "rows are inserted, updated and left alone, and the counts say so" {
	printf '{"id":%d,"v":"a"}\n' 1 2 3 | to --key id --stats stats
	equals "$(counts)" "3 0 0 0 0 0"
	printf '{"id":%d,"v":"a"}\n' 1 2 3 | to --key id --stats stats
	equals "$(counts)" "0 0 3 0 0 0"
	printf '{"id":%d,"v":"%s"}\n' 2 b 3 a 4 a | to --key id --stats stats
	equals "$(counts)" "1 1 1 0 0 0"
	equals "$(sql x.db 'SELECT * FROM t')" $'1|a\n2|b\n3|a\n4|a'
	equals "$(jq -c '[.checkpoints, .columns_added, .complete]' stats)" '[0,[],true]'
}

@test "unchanged rows write not one page" {
	seq 2000 | jq -c '{id:("k" + tostring), v:., w:"text", x:(. / 2), y:null, z:[.]}' >in
	to --key id <in
	before=$(sha256sum <x.db)
	to --key id <in
	equals "$(sha256sum <x.db)" "$before"
}

@test "counts are right for keys that are -1, for rowid tables and for others" {
	printf '{"id":%d,"v":1}\n' -1 0 -2 -1 | to --key id --stats stats
	equals "$(counts)" "3 0 1 0 0 0"
	sqlite3 y.db 'CREATE TABLE t(id TEXT PRIMARY KEY, v) WITHOUT ROWID'
	printf '{"id":"%s","v":%d}\n' a 1 b 1 a 2 a 2 | cs-load --to sqlite:y.db --table t --key id --stats stats
	equals "$(counts)" "2 1 1 0 0 0"
}

@test "types are those of the values" {
	loads "--key id" '{"id":1,"i":7,"r":1.5,"b":true,"s":"x","o":{"a": [1, 2]},"n":null}' \
		"SELECT name, type FROM pragma_table_info('t')" \
		$'id|INTEGER\ni|INTEGER\nr|REAL\nb|BOOLEAN\ns|TEXT\no|JSON\nn|'
	equals "$(sql x.db "SELECT i, r, b, s, o, n IS NULL, json_valid(o) FROM t")" '7|1.5|1|x|{"a":[1,2]}|1|1'
}

@test "a column gets wider where a value needs it, and no value changes" {
	q='SELECT typeof(v), v FROM t ORDER BY id'
	loads "--key id" $'{"id":1,"v":7}\n{"id":2,"v":"007"}' "$q" $'text|7\ntext|007'
	loads "--key id" $'{"id":1,"v":7}\n{"id":2,"v":"abc"}' "$q" $'text|7\ntext|abc'
	loads "--key id" $'{"id":1,"v":7}\n{"id":2,"v":7.5}' "$q" $'real|7.0\nreal|7.5'
	loads "--key id" $'{"id":1,"v":7}\n{"id":2,"v":7.0}' "$q" $'integer|7\ninteger|7'
	loads "--key id" $'{"id":1,"v":9007199254740993}\n{"id":2,"v":7.5}' "$q" $'text|9007199254740993\ntext|7.5'
	loads "--key id" $'{"id":1,"v":7.5}\n{"id":2,"v":9007199254740993}' "$q" $'text|7.5\ntext|9007199254740993'
	loads "--key id" $'{"id":1,"v":true}\n{"id":2,"v":5}' "$q" $'text|true\ntext|5'
	loads "--key id" $'{"id":1,"v":true}\n{"id":2,"v":"x"}' "$q" $'text|true\ntext|x'
	loads "--key id" $'{"id":1,"v":"x"}\n{"id":2,"v":false}' "$q" $'text|x\ntext|false'
	loads "--key id" $'{"id":1,"v":[1]}\n{"id":2,"v":"1"}' "$q" $'text|[1]\ntext|1'
	loads "--key id" $'{"id":1,"v":1}\n{"id":2,"v":{"a":1}}' "$q" $'text|1\ntext|{"a":1}'
	loads "--key id" $'{"id":1,"v":"1e5"}\n{"id":2,"v":1e5}' "$q" $'text|1e5\ntext|1e5'
}

@test "what was widened is the same for the next load" {
	q='SELECT group_concat(v) FROM t'
	twice() { # INPUT EXPECTED
		loads "--key id" "$1" "$q" "$2" || return 1
		to --key id --stats stats <<<"$1"
		equals "$(jq '.updated' stats)" 0 || return 1
		equals "$(sql x.db "$q")" "$2"
	}
	twice $'{"id":1,"v":1.10}\n{"id":2,"v":1e3}\n{"id":3,"v":"x"}\n{"id":4,"v":1.10}' 1.1,1000,x,1.10
	twice $'{"id":1,"v":false}\n{"id":2,"v":1.5}\n{"id":3,"v":"x"}\n{"id":4,"v":true}' false,1.5,x,true
	twice $'{"id":1,"v":false}\n{"id":2,"v":5}\n{"id":3,"v":"x"}' false,5,x
	twice $'{"id":1,"v":-0.0}\n{"id":2,"v":1E-7}\n{"id":3,"v":"x"}\n{"id":4,"v":-0}' 0,1e-07,x,-0
	# Another number is a change, and so is a string for a number.
	to --key id --stats stats <<<$'{"id":2,"v":1.0001e-7}\n{"id":4,"v":"0.0"}'
	equals "$(counts)" "0 2 0 0 0 0"
	to --key id --stats stats <<<$'{"id":2,"v":0.00000010001}\n{"id":4,"v":0}'
	equals "$(counts)" "0 0 2 0 0 0"
	to --key id --stats stats <<<'{"@cs":{"op":"update"},"id":4,"v":-0e5}'
	equals "$(counts)" "0 0 1 0 0 0"
}

@test "numbers keep their value: INTEGER where it fits, REAL where it is exact, else text" {
	local n want
	while read -r n want; do
		loads "--key id" "{\"id\":1,\"v\":$n}" 'SELECT typeof(v), v FROM t' "$want" || return 1
	done <<'EOF'
9007199254740991 integer|9007199254740991
9007199254740993 integer|9007199254740993
-9223372036854775808 integer|-9223372036854775808
9223372036854775807 integer|9223372036854775807
9223372036854775808 text|9223372036854775808
18446744073709551615 text|18446744073709551615
123456789012345678901234567890 text|123456789012345678901234567890
0.1 real|0.1
40552.59 real|40552.59
1.10 real|1.1
1e2 real|100.0
0.30000000000000004 text|0.30000000000000004
3.1415926535897932384626433 text|3.1415926535897932384626433
1e400 text|1e400
1e-400 text|1e-400
123456789012345e-300 real|1.23456789012345e-286
1.000000000000000000000 real|1.0
0.000 real|0.0
EOF
	# In a column of text, as it was written.
	loads "--key id" $'{"id":0,"v":"x"}\n{"id":1,"v":1.10}\n{"id":2,"v":1E+2}\n{"id":3,"v":-0}' \
		'SELECT v FROM t ORDER BY id' $'x\n1.10\n1E+2\n-0'
}

@test "integer keys that meet a text become text, and stay the same keys" {
	printf '%s\n' '{"id":1,"v":1}' '{"id":22,"v":1}' | to --key id
	sqlite3 x.db "CREATE INDEX by_v ON t(v); CREATE VIEW w AS SELECT id FROM t;
		CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END"
	printf '%s\n' '{"id":"A-1","v":1}' '{"id":22,"v":2}' '{"id":"022","v":3}' | to --key id --stats stats
	equals "$(counts)" "2 1 0 0 0 0"
	equals "$(sql x.db 'SELECT typeof(id), id, v FROM t ORDER BY rowid')" $'text|1|1\ntext|22|2\ntext|A-1|1\ntext|022|3'
	equals "$(sql x.db "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE sql NOT NULL ORDER BY 1)")" by_v,t,tr,w
	equals "$(sql x.db 'SELECT count(*) FROM w')" 4
}

@test "composite keys" {
	printf '{"a":%d,"b":"%s","v":%d}\n' 1 x 1 1 y 2 2 x 3 1 x 4 | to --key b,a --stats stats
	equals "$(counts)" "3 1 0 0 0 0"
	equals "$(sql x.db 'SELECT a, b, v FROM t ORDER BY a, b')" $'1|x|4\n1|y|2\n2|x|3'
	equals "$(sql x.db "SELECT name FROM pragma_table_info('t') WHERE pk ORDER BY pk")" $'b\na'
}

@test "a record without its key, or with a null one, is refused and nothing is loaded" {
	refuses '^cs-load: stdin:2: no key column "id"' $'{"id":1}\n{"v":1}' --key id
	refuses '^cs-load: stdin:2: key column "id" is null' $'{"id":1}\n{"id":null}' --key id
	refuses '^cs-load: stdin:1: key column "id" is an array' '{"id":[1]}' --key id
	refuses '^cs-load: stdin:1: no key column "b"' '{"a":1}' --key a,b
}

@test "what is no record is refused with its line" {
	refuses '^cs-load: stdin:3: ' $'{"id":1}\n\n[1]' --key id
	refuses '^cs-load: stdin:1: .* at byte 8' '{"id":1' --key id
	refuses '^cs-load: stdin:1: something follows' '{"id":1} {"id":2}' --key id
	refuses '^cs-load: stdin:1: column "s": U\+0000' '{"id":1,"s":"a\u0000b"}' --key id
	refuses '^cs-load: stdin:1: column "s": a lone surrogate' '{"id":1,"s":"\ud800"}' --key id
	refuses '^cs-load: stdin:1: invalid UTF-8' $'{"id":1,"s":"\xff"}' --key id
	refuses '^cs-load: stdin:1: "@cs" is neither' '{"@cs":1,"id":1}' --key id
}

@test "columns appear in the middle of a stream" {
	{ seq 100 | jq -c '{id:.}'; echo '{"id":101,"late":"x"}'; } | to --key id --stats stats
	equals "$(sql x.db 'SELECT count(*), count(late) FROM t')" "101|1"
	equals "$(jq -c .columns_added stats)" '["late"]'
	# null alone makes a column without a type, at the end; the first value gives it one
	echo '{"id":1,"empty":null}' | to --key id
	equals "$(sql x.db "SELECT type FROM pragma_table_info('t') WHERE name = 'empty'")" ""
	printf '%s\n' '{"id":1,"empty":"007"}' | to --key id
	equals "$(sql x.db "SELECT typeof(empty), empty FROM t WHERE id = 1")" "text|007"
}

@test "a missing column is left alone, or with --missing null emptied; null is null" {
	echo '{"id":1,"a":1,"b":"x"}' | to --key id
	echo '{"id":1,"a":2}' | to --key id
	equals "$(sql x.db 'SELECT * FROM t')" "1|2|x"
	echo '{"id":1,"b":null}' | to --key id
	equals "$(sql x.db 'SELECT id, a, b IS NULL FROM t')" "1|2|1"
	echo '{"id":1,"b":""}' | to --key id --missing null
	equals "$(sql x.db 'SELECT id, a IS NULL, b = char() FROM t')" "1|1|1"
}

@test "duplicate members: the last one wins; the last record of a key too" {
	loads "--key id" $'{"id":1,"v":1,"v":"x"}\n{"id":1,"v":2}\n{"id":1,"v":3}' 'SELECT * FROM t' '1|3'
}

@test "any name is a column, or is refused and nothing is loaded" {
	printf '%s\n' '{"id":1,"a\"b":1,"sel]ect":2,"x y":3,"é":4,"rowid":5,"--":6,"'"'"'":7,"?1":8,"\n":9,"a.b":10,"False":11,"excluded":12}' >in
	to --key id <in
	equals "$(sqlite3 -readonly -json x.db 'SELECT * FROM t' | jq -c '.[] | map_values(tostring)')" \
		'{"id":"1","a\"b":"1","sel]ect":"2","x y":"3","é":"4","rowid":"5","--":"6","'"'"'":"7","?1":"8","\n":"9","a.b":"10","False":"11","excluded":"12"}'
	to --key id --stats stats <in
	equals "$(counts)" "0 0 1 0 0 0"
	rm x.db*
	refuses 'stdin:2: column "ID" differs from column "id" only in case' $'{"id":1}\n{"id":2,"ID":3}' --key id
	refuses 'stdin:1: a column without a name' '{"id":1,"":3}' --key id
	refuses 'stdin:1: a column name that holds U\+0000' '{"id":1,"a\u0000":3}' --key id
	refuses 'stdin:1: .*at most 2000 columns' "$(jq -nc '[range(2001) | {"k\(.)": 1}] | add')"
	loads "" "$(jq -nc '[range(2000) | {"k\(.)": 1}] | add')" "SELECT count(*) FROM pragma_table_info('t')" 2000
	rm x.db*
	for v in 1 2; do
		jq -nc --argjson v $v '[range(2000) | {"k\(.)": (if . == 1999 then $v else 1 end)}] | add' | to --key k0,k7 --stats stats || return 1
	done
	equals "$(counts)" "0 1 0 0 0 0"
}

@test "odd table names work, taken ones are refused" {
	echo '{"a":1}' | cs-load --to sqlite:x.db --table 'my "table"; drop'
	echo '{"a":2}' | cs-load --to sqlite:x.db --table 'my "table"; drop'
	equals "$(sql x.db 'SELECT sum(a) FROM "my ""table""; drop"')" 3
	echo '{"a":1}' >in
	fails_with 65 cs-load --to sqlite:x.db --table _cs_state <in
	fails_with 65 cs-load --to sqlite:x.db --table sqlite_x <in
}

@test "without a key, rows are appended" {
	printf '{"a":%d}\n' 1 1 | to
	printf '{"a":%d}\n' 1 2 | to --mode append --stats stats
	equals "$(counts)" "2 0 0 0 0 0"
	equals "$(sql x.db 'SELECT a FROM t')" $'1\n1\n1\n2'
}

# stream RUN FROM LINE…: one that begins and ends.
stream() {
	printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"full","from":%s}\n' "$1" "$2"
	printf '%s\n' "${@:3}"
	printf '{"@cs":"end","stream":"s","run":"%s","complete":true}\n' "$1"
}

checkpoint() {
	printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$1"
}

@test "without a key, a stream goes on from what is stored, whatever comes before its rows" {
	stream r1 null '{"e":1}' "$(checkpoint 2)" | to
	stream r2 null "$(checkpoint 0)" '{"e":1}' "$(checkpoint 2)" >in
	to_fails 65 <in
	contains "$stderr" 'resumes from null, but 2 is the checkpoint'
	stream r2 null "$(checkpoint 0)" >in # no rows at all: the checkpoint must not go back
	to_fails 65 <in
	equals "$(sql x.db 'SELECT count(*), (SELECT state FROM _cs_state) FROM t')" '1|2'
	stream r3 2 "$(checkpoint 3)" '{"e":2}' "$(checkpoint 4)" '{"e":3}' "$(checkpoint 5)" | to
	equals "$(sql x.db 'SELECT group_concat(e), (SELECT state FROM _cs_state) FROM t')" '1,2,3|5'

	rm x.db*
	stream r1 7 "$(checkpoint 7)" '{"e":8}' "$(checkpoint 8)" >in # a gap
	to_fails 65 <in
	contains "$stderr" 'resumes from 7, but null'
	equals "$(sql x.db "SELECT count(*) FROM sqlite_schema WHERE name = 't'")" 0
}

@test "rows without a key after a table with one are not doubled either" {
	lines=('{"@cs":"schema","table":"k","key":["id"],"columns":{"id":"INT"}}' '{"@cs":{"table":"k"},"id":1}'
		"$(checkpoint 1)" '{"e":1}' "$(checkpoint 2)")
	stream r1 null "${lines[@]}" | to
	stream r2 null "${lines[@]}" >in
	to_fails 65 <in
	stream r3 1 "${lines[@]:3}" >in
	to_fails 65 <in
	equals "$(sql x.db 'SELECT count(*), (SELECT state FROM _cs_state) FROM t')" '1|2'
}

@test "without key and checkpoints, the same run is not appended twice" {
	stream r1 null '{"e":1}' >in
	to <in
	to_fails 65 <in
	contains "$stderr" 'run "r1" is in x.db already'
	stream r2 null '{"e":2}' | to
	equals "$(sql x.db 'SELECT group_concat(e) FROM t')" 1,2
}

@test "operations: upsert, update and delete by tag, also for other tables" {
	printf '%s\n' '{"id":1,"v":1}' '{"id":2,"v":1}' \
		'{"@cs":{"op":"update"},"id":1,"v":2}' '{"@cs":{"op":"update"},"id":9,"v":2}' \
		'{"@cs":{"op":"update"},"id":2,"v":1}' '{"@cs":{"op":"update"},"id":2}' \
		'{"@cs":{"op":"delete"},"id":2,"unknown":{"x":1}}' '{"@cs":{"op":"delete"},"id":2}' \
		'{"@cs":{"table":"u","op":"upsert"},"id":"k"}' '{"@cs":{"op":"delete","table":"none"},"id":1}' |
		to --key id --stats stats
	equals "$(counts)" "3 1 2 1 3 0"
	equals "$(sql x.db 'SELECT * FROM t')" "1|2"
	equals "$(sql x.db 'SELECT * FROM u')" "k"
	equals "$(sql x.db "SELECT count(*) FROM sqlite_schema WHERE name = 'none'")" 0
	# "007" is not the row 7
	echo '{"id":7}' | to --key id
	echo '{"@cs":{"op":"delete"},"id":"007"}' | to --key id --stats stats
	equals "$(counts)" "0 0 0 0 1 0"
}

@test "operations need a key, and a wrapped record stays data" {
	refuses 'stdin:1: table "t" has no key' '{"@cs":{"op":"delete"},"id":2}'
	refuses "stdin:1: the tag's" '{"@cs":{"op":"burn"},"id":2}' --key id
	loads "--key id" '{"@cs":{"wrapped":true},"record":{"@cs":"end","id":1}}' 'SELECT "@cs", id FROM t' 'end|1'
}

@test "declared tables: the seed's form, all types, also without records" {
	cat >schema.json <<'EOF'
[{"table":"t","primary_key":["id"],"columns":{"id":"STRING","b":"BOOLEAN","s":"SHORT","i":"INT","l":"LONG",
 "d":{"type":"DECIMAL","precision":10,"scale":2},"e":{"type":"DECIMAL","precision":30,"scale":4},"f":"FLOAT","g":"DOUBLE",
 "nd":"NAIVE_DATE","nt":"NAIVE_DATETIME","ut":"UTC_DATETIME","bin":"BINARY","x":"XML","j":"JSON"}},
 {"table":"u","columns":{"a":"INT"}}]
EOF
	echo '{"id":7,"b":"1","s":-32768,"i":5.0,"l":9223372036854775807,"d":"0.50","e":"12345678901234567890.1230","f":1,"g":0.30000000000000004,"nd":"2024-02-29","nt":"2024-02-29 01:02","ut":"2024-02-29T01:02:03.4567+05:30","bin":"AP/+","x":"<a/>","j":"s"}' |
		to --schema schema.json
	equals "$(sql x.db "SELECT group_concat(type) FROM pragma_table_info('t')")" \
		"TEXT,BOOLEAN,INTEGER,INTEGER,INTEGER,DECIMAL(10,2),TEXT,REAL,REAL,DATE,DATETIME,TIMESTAMP,BLOB,TEXT,JSON"
	equals "$(sql x.db "SELECT id, typeof(id), b, s, i, l, d, e, f, printf('%!.17g', g), nd, nt, ut, hex(bin), x, j FROM t")" \
		'7|text|1|-32768|5|9223372036854775807|0.5|12345678901234567890.1230|1.0|0.30000000000000004|2024-02-29|2024-02-29 01:02|2024-02-29T01:02:03.4567+05:30|00FFFE|<a/>|"s"'
}

@test "declared types refuse what they do not accept" {
	echo '{"table":"t","primary_key":["id"],"columns":{"id":"INT","b":"BOOLEAN","s":"SHORT","i":"INT","l":"LONG","d":{"type":"DECIMAL","precision":10,"scale":2},"f":"FLOAT","nd":"NAIVE_DATE","nt":"NAIVE_DATETIME","ut":"UTC_DATETIME","bin":"BINARY","x":"XML"}}' >schema.json
	local member message
	while IFS='~' read -r member message; do
		refuses "stdin:1: column $message" "{\"id\":1,$member}" --schema schema.json || return 1
	done <<'EOF'
"b":"yes"~"b": "yes" is not a BOOLEAN
"b":2~"b": 2 is not a BOOLEAN
"s":32768~"s": 32768 is not a SHORT
"i":1.5~"i": 1.5 is not an INT
"i":"5"~"i": "5" is not an INT
"l":9223372036854775808~"l": 9223372036854775808 is not a LONG
"d":1.234~"d": 1.234 is not a DECIMAL\(10,2\)
"d":"1e5"~"d": "1e5" is not a DECIMAL
"d":123456789~"d": 123456789 is not a DECIMAL
"f":"x"~"f": "x" is not a FLOAT
"f":1e999~"f": 1e999 is not a FLOAT
"nd":"2023-02-29"~"nd": "2023-02-29" is not a NAIVE_DATE
"nd":"2023-02-28T00:00:00"~"nd": .* is not a NAIVE_DATE
"nt":"2023-02-28T00:00:00Z"~"nt": .* is not a NAIVE_DATETIME
"ut":"2023-02-28T00:00:00"~"ut": .* is not a UTC_DATETIME
"ut":"2023-02-28T12:00:60Z"~"ut": .* is not a UTC_DATETIME
"ut":"2016-12-31T23:59:60+01:00"~"ut": .* is not a UTC_DATETIME
"bin":"###="~"bin": .* is not a BINARY
"bin":"/x=="~"bin": .* is not a BINARY
"bin":"AAB="~"bin": .* is not a BINARY
"x":1~"x": 1 is not a XML
EOF
	to --schema schema.json <<<'{"id":1,"ut":"2017-01-01T00:59:60.5+01:00","nt":"2016-12-31T23:59:60","bin":"/w=="}'
	equals "$(sql x.db 'SELECT ut, hex(bin) FROM t')" '2017-01-01T00:59:60.5+01:00|FF'
}

@test "a schema that says nothing sensible is refused before anything is read" {
	local schema
	while read -r schema; do
		echo "$schema" >schema.json
		to_fails 64 --schema schema.json </dev/null || return 1
	done <<'EOF'
{"table":"t","columns":{"a":"TEXT"}}
{"table":"t","columns":{"a":"DECIMAL"}}
{"table":"t","columns":{"a":{"type":"DECIMAL","precision":2,"scale":3}}}
{"table":"t","columns":{"a":{"type":"DECIMAL","precision":5.7,"scale":2}}}
{"table":"t","columns":{"a":{"type":"DECIMAL","precision":5,"scale":0.5}}}
{"table":"t","keys":["a"]}
{"columns":{}}
[1]
{"table"
EOF
	to_fails 64 --schema absent.json </dev/null
}

@test "schema lines declare tables in the stream" {
	printf '%s\n' '{"@cs":"schema","table":"e","key":["k"],"columns":{"k":"STRING","n":"LONG"}}' \
		'{"@cs":{"table":"e"},"k":"007","n":1}' '{"@cs":{"table":"e"},"k":"007","n":2}' '{"a":1}' |
		to
	equals "$(sql x.db 'SELECT * FROM e')" "007|2"
	echo '{"@cs":"schema","table":"empty","key":["k"],"columns":{"k":"STRING"}}' | to
	equals "$(sql x.db "SELECT name, pk FROM pragma_table_info('empty')")" "k|1"
	echo '{"@cs":"schema","table":"bad","columns":{"k":"NUMBER"}}' >in
	to_fails 65 <in
	contains "$stderr" 'stdin:1: column "k": "NUMBER" is no type'
}

@test "--columns freeze refuses new columns, discard leaves them out" {
	echo '{"id":1,"a":1}' | to --key id
	echo '{"id":2,"a":1,"new":2}' >in
	to_fails 65 --key id --columns freeze <in
	contains "$stderr" 'stdin:1: column "new" is not in table "t"'
	echo '{"id":2,"a":"x"}' >wide
	to_fails 65 --key id --columns freeze <wide
	contains "$stderr" 'column "a": "x" is not an INTEGER'
	to --key id --columns discard <in
	equals "$(sql x.db 'SELECT * FROM t')" $'1|1\n2|1'
	fails_with 64 cs-load --to sqlite:x.db --table other --columns freeze <in
}

@test "--synced-at tells when a row was written, and is not compared" {
	echo '{"id":1,"a":1}' | to --key id --synced-at synced
	first=$(sql x.db 'SELECT synced FROM t')
	contains "$first" '^20[0-9-]+T[0-9:.]+Z$'
	sleep 0.01
	echo '{"id":1,"a":1}' | to --key id --synced-at synced --stats stats
	equals "$(counts)" "0 0 1 0 0 0"
	equals "$(sql x.db 'SELECT synced FROM t')" "$first"
	echo '{"id":1,"a":2}' | to --key id --synced-at synced
	[ "$(sql x.db 'SELECT synced FROM t')" != "$first" ]
	echo '{"id":1,"synced":"x"}' >in
	to_fails 65 --key id --synced-at synced <in
}

@test "--dry-run does everything and keeps nothing" {
	echo '{"id":1,"a":1}' | to --key id
	before=$(sha256sum <x.db)
	printf '{"id":%d,"a":"x"}\n' 1 2 >in
	succeeds cs-load --to sqlite:x.db --table t --key id --dry-run --stats stats <in
	contains "$stderr" "dry run: 1 inserted, 1 updated"
	equals "$(sha256sum <x.db)" "$before"
	equals "$(counts)" "1 1 0 0 0 0"
	cs-load --to sqlite:none.db --table t --dry-run -q <in
	[ ! -e none.db ]
	printf '%s\n' '{"id":1}' 'x' >in
	to_fails 65 --key id -n <in
}

@test "--rejects sets bad records aside, and the rest is loaded" {
	printf '%s\n' '{"id":1,"v":1}' '{"id":' '{"v":2}' $'{"id":\xff}' '{"id":4,"late":"\ud800"}' '{"id":5}' >in
	ends_with_status 1 cs-load --to sqlite:x.db --table t --key id --rejects bad --stats stats <in
	equals "$(sql x.db 'SELECT id FROM t')" $'1\n5'
	equals "$(counts)" "2 0 0 0 0 4"
	equals "$(jq -c .line bad)" $'2\n3\n4\n5'
	equals "$(stat -c %a bad)" 600
	equals "$(jq -r 'select(.line == 2).record' bad)" '{"id":'
	equals "$(jq -r 'select(.line == 4).record_base64' bad | base64 -d)" $'{"id":\xff}'
	# a column that only a bad record had does not come to be
	equals "$(sql x.db "SELECT group_concat(name) FROM pragma_table_info('t')")" id,v
	to_fails 65 --key id --rejects bad --max-rejects 3 <in
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
	equals "$(jq -c .line bad)" $'2\n3\n4\n5\n2\n3\n4' # appended
}

@test "a record that is not stored leaves no trace in the schema" {
	columns="SELECT group_concat(name || ' ' || type) FROM pragma_table_info('t')"
	sets_aside() { # N INPUT
		run -1 to --key id --rejects rejects --stats stats <<<"$2"
		equals "$(jq .rejected stats)" "$1"
	}
	to --key id <<<'{"id":1,"a":1}'
	sqlite3 x.db 'CREATE UNIQUE INDEX u ON t(a)'
	sets_aside 1 '{"zzz":null,"id":null}'
	sets_aside 1 $'{"id":2,"a":1,"new":5,"null":null}\n{"id":3,"a":3}'
	sets_aside 1 $'{"id":"x","a":1}\n{"id":4,"a":4}'
	equals "$(sql x.db "$columns")" 'id INTEGER,a INTEGER'
	to --key id <<<$'{"@cs":{"op":"update"},"id":"007","b":1}\n{"@cs":{"op":"update"},"id":9,"b":[],"n":null}\n{"@cs":{"op":"delete"},"id":1.5}'
	equals "$(sql x.db "$columns")" 'id INTEGER,a INTEGER'
	sets_aside 1 $'{"Name":1,"id":null}\n{"id":5,"name":"x"}'
	{
		jq -nc '[range(1997) | {key: "junk\(.)", value: .}] | from_entries'
		jq -nc '[range(5) | {key: "good\(.)", value: .}] | from_entries | .id = 6'
	} >in
	sets_aside 1 "$(cat in)"
	# A column of nulls is still added at the end, though a record after it is not stored.
	sets_aside 1 $'{"id":7,"empty":null}\n{"id":8,"a":4,"new":5}'
	equals "$(sql x.db "$columns")" \
		'id INTEGER,a INTEGER,name TEXT,good0 INTEGER,good1 INTEGER,good2 INTEGER,good3 INTEGER,good4 INTEGER,empty '
	# Nor does one make a table.
	rm x.db
	sqlite3 x.db 'CREATE TABLE u(id INTEGER PRIMARY KEY, v CHECK (v > 0))'
	run -1 cs-load --to sqlite:x.db --table u --key id --rejects rejects <<<$'{"id":1,"v":-1,"w":1}\n{"id":2,"v":1}'
	equals "$(sql x.db 'SELECT * FROM u')" '2|1'
}

@test "tables of the user's own just work" {
	sqlite3 x.db 'CREATE TABLE t(pk INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT COLLATE NOCASE UNIQUE,
			n INT DEFAULT 5, r DOUBLE, any, up AS (upper(code)));
		INSERT INTO t(code, n) VALUES (char(65), 1);
		CREATE TABLE log(x); CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.code); END'
	printf '%s\n' '{"code":"a","n":2,"r":3,"any":"007"}' '{"code":"b","any":7}' '{"code":"c","any":[1]}' |
		to --key code --stats stats
	equals "$(counts)" "2 1 0 0 0 0"
	equals "$(sql x.db 'SELECT code, n, r, typeof(any), any FROM t')" $'A|2|3.0|text|007\nb|5||integer|7\nc|5||text|[1]'
	equals "$(sql x.db 'SELECT count(*) FROM log')" 1
	echo '{"code":"d","n":"abc"}' >in
	to_fails 65 --key code <in
	contains "$stderr" 'stdin:1: column "n": "abc" is not an INT'
	echo '{"code":"d","up":"abc"}' >in
	to_fails 65 --key code <in
	equals "$(sql x.db "SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE name = 't'")" 1
}

@test "a change of case is a change, whatever the collation" {
	sqlite3 x.db 'CREATE TABLE t(id PRIMARY KEY, v TEXT COLLATE NOCASE)'
	echo '{"id":1,"v":"ann"}' | to --key id
	echo '{"id":1,"v":"Ann"}' | to --key id --stats stats
	equals "$(counts)" "0 1 0 0 0 0"
}

@test "columns with other affinities are not given what they would change" {
	sqlite3 x.db 'CREATE TABLE t(id TEXT PRIMARY KEY, d DECIMAL(10,2), r REAL, b BOOLEAN, j JSON)'
	printf '%s\n' '{"id":1,"d":"abc","r":1,"b":true,"j":"text"}' '{"id":2,"d":1.5,"b":1,"j":5}' | to --key id
	equals "$(sql x.db 'SELECT * FROM t')" $'1|abc|1.0|1|"text"\n2|1.5||1|5'
	local v
	for v in '"d":"007"' '"d":12345678901234567890' '"r":9007199254740993' '"r":"x"' '"b":2' '"b":"true"' '"j":12345678901234567890'; do
		echo "{\"id\":3,$v}" >in
		to_fails 65 --key id <in || return 1
	done
	equals "$(sql x.db 'SELECT count(*) FROM t')" 2
}

@test "an existing table without a unique key gets an index, unless its rows forbid it" {
	sqlite3 x.db 'CREATE TABLE t(id, v); INSERT INTO t VALUES (1, 1)'
	echo '{"id":1,"v":2}' | to --key id
	equals "$(sql x.db 'SELECT * FROM t')" "1|2"
	sqlite3 x.db 'CREATE TABLE u(id, v); INSERT INTO u VALUES (1, 1), (1, 2)'
	echo '{"id":1,"v":2}' >in
	fails_with 65 cs-load --to sqlite:x.db --table u --key id <in
	contains "$stderr" "equal keys"
	to_fails 64 --key nope <in
	sqlite3 x.db 'CREATE VIEW w AS SELECT * FROM t'
	fails_with 64 cs-load --to sqlite:x.db --table w --key id <in
	contains "$stderr" "is a view"
}

@test "constraints of the table refuse a record, not the run" {
	sqlite3 x.db 'CREATE TABLE t(id PRIMARY KEY, v CHECK (v < 10))'
	printf '{"id":%d,"v":%d}\n' 1 1 2 20 3 3 >in
	to_fails 65 --key id <in
	contains "$stderr" "stdin:2: CHECK constraint failed"
	ends_with_status 1 cs-load --to sqlite:x.db --table t --key id --rejects bad <in
	equals "$(sql x.db 'SELECT * FROM t')" $'1|1\n3|3'
}

@test "a part of a row updates it, though it could not be inserted" {
	sqlite3 x.db 'CREATE TABLE t(id INTEGER PRIMARY KEY, v INT NOT NULL, w INT, CHECK (w < 9 AND v > 0))'
	sqlite3 x.db 'INSERT INTO t VALUES (1,1,1), (2,2,2)'
	to --key id --stats stats <<<$'{"id":1,"w":2}\n{"id":2,"w":2}'
	equals "$(counts)" "0 1 1 0 0 0"
	run -1 to --key id --stats stats --rejects rejects <<<$'{"id":3,"w":3}\n{"id":1,"w":10}\n{"id":1,"v":null}'
	equals "$(counts)" "0 0 0 0 0 3"
	contains "$(head -n 1 rejects)" 'NOT NULL constraint failed: t.v'
	equals "$(sql x.db 'SELECT * FROM t')" $'1|1|2\n2|2|2'
}

@test "text from elsewhere does nothing to the terminal, and is cut" {
	refuses 'key column "a.x1b\[2J.x7f.xc2.x9bm" is null' \
		'{"a\u001b[2J\u007f\u009bm":null}' --key $'a\e[2J\x7f\xc2\x9bm'
	echo '{"table":"t","columns":{"id":"INT","v":"INT"}}' >schema.json
	refuses 'column "v": ".u001b.xc2.x9bm.x7f" is not an INT' '{"id":1,"v":"\u001b\u009bm\u007f"}' --schema schema.json
	refuses 'table "_cs_.x1b"' '{"@cs":{"table":"_cs_\u001b"},"id":1}'
	long=$(printf 'x%.0s' {1..300})
	refuses '"Xx{59}[.]{3}" differs from column "x{60}[.]{3}"' "{\"$long\":1,\"X${long:1}\":1}"
}

@test "a declared type that the table's own column cannot hold is named" {
	sqlite3 x.db 'CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER)'
	echo '{"table":"t","primary_key":["id"],"columns":{"id":"INT","a":"STRING"}}' >schema.json
	to_fails 65 --schema schema.json <<<'{"id":1,"a":"007"}'
	contains "$stderr" 'column "a": "007" is a STRING, but would be changed by the column.s type INTEGER'
}

@test "records of many shapes: more sets of columns than statements are kept" {
	for _ in 1 2; do
		jq -nc 'range(300) | {id: ., "c\(. % 100)": ., "d\(. % 7)": "x"}' | to --key id --stats stats
	done
	equals "$(counts)" "0 0 300 0 0 0"
	equals "$(sql x.db 'SELECT count(*), sum(c3), count(d6) FROM t')" "300|309|42"
}

@test "mistakes on the command line: one line, exit 64" {
	fails_with 64 cs-load </dev/null
	fails_with 64 cs-load --to sqlite:x.db --key id </dev/null
	fails_with 64 cs-load --to oracle:x --table t </dev/null
	to_fails 64 --mode sideways </dev/null
	to_fails 64 --mode append --key id </dev/null
	to_fails 64 --key a,,b </dev/null
	to_fails 64 --key a,b,a </dev/null
	to_fails 64 --max-rejects 3 </dev/null
	to_fails 64 --max-record 5Q </dev/null
	to_fails 64 extra </dev/null
	[ ! -e x.db ]
	echo '{"a":1}' >in
	to_fails 64 --delete-missing hard <in
	to_fails 64 --mode upsert <in
}

@test "--help and --version" {
	succeeds cs-load --help
	[ "${#lines[@]}" -le 40 ]
	[ "$(awk 'length > 80' <<<"$output" | wc -l)" -eq 0 ]
	succeeds cs-load --version
	contains "$output" '^cs-load [0-9.]+ \(sqlite 3\.[0-9.]+\)$'
	run bash -c 'cs-load --help >/dev/full'
	[ "$status" -eq 74 ]
}
