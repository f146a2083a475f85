# cs-map: values that are given, hidden or only looked at.
load lib

setup() {
	start_in_tmpdir
	export SALT=salt-of-this-test
}

# becomes INPUT EXPECTED [OPTION…]: status 0, nothing on stderr.
becomes() {
	local input=$1 expected=$2
	shift 2
	printf '%s\n' "$input" >in
	succeeds cs-map "$@" <in
	equals "$output" "$expected" || { echo "with: $*"; return 1; }
	equals "$stderr" ""
}

@test "--fill: for what is missing or null; --set: always" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--fill a=0|{"a":null,"b":1}|{"a":0,"b":1}
		--fill a=0|{"b":1}|{"b":1,"a":0}
		--fill a=0|{"a":"","b":1}|{"a":"","b":1}
		--fill a=0|{"a":false}|{"a":false}
		--flatten --keep o.a,o.b --fill o.a="-"|{"o":null}|{"o_a":"-","o_b":null}
		--fill a="7" --type a=integer|{"a":null}|{"a":7}
		--fill a=0|{"a":1,"a":null}|{"a":0}
		--set a=1.10|{"a":null,"b":2}|{"a":1.10,"b":2}
		--set a={"x":[1]}|{"b":2}|{"b":2,"a":{"x":[1]}}
		--set a="s" --keep b,a|{"a":7,"b":2}|{"b":2,"a":"s"}
		--set a="s" --keep a,b|{"b":2}|{"a":"s","b":2}
		--set a=1 --default a=2|{}|{"a":2}
		--set src="x" --rename a=b|{"a":1}|{"b":1,"src":"x"}
		--fill a=0 --drop x|{"@cs":{"op":"update"},"b":1}|{"@cs":{"op":"update"},"b":1}
		--fill a=0 --drop x|{"@cs":{"op":"update"},"a":null}|{"@cs":{"op":"update"},"a":0}
	CASES
}

@test "--only: the columns that rules name, in that order" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--only --rename b=B --type a=string|{"a":1,"b":2,"c":3}|{"B":2,"a":"1"}
		--only --keep c --rename b=B|{"a":1,"b":2,"c":3}|{"c":3,"B":2}
		--only --rename b=B --type B=string|{"a":1,"b":2}|{"B":"2"}
		--only --set z=0 --type a=string|{"a":1,"b":2}|{"z":0,"a":"1"}
		--only --names snake --type createdAt=string --default created_at="-"|{"createdAt":1,"x":2}|{"created_at":"1"}
		--only --flatten --rename o.a=A|{"o":{"a":1,"b":2},"c":3}|{"A":1}
		--only --hash h|{"a":1,"h":null}|{"h":null}
	CASES
	echo '{"only":true,"rename":{"b":"B"},"set":{"s":1},"fill":{"f":2}}' >rules.json
	becomes '{"a":1,"f":null,"b":2}' '{"B":2,"s":1,"f":2}' --rules rules.json
}

sha() { printf '%b' "$1" | sha256sum | cut -d' ' -f1; }

@test "--hash: SHA-256 of a string's text, or of JSON; null stays null" {
	while IFS='|' read -r value text; do
		becomes "{\"a\":$value,\"b\":1}" "{\"a\":\"$(sha "$text")\",\"b\":1}" --hash a
	done <<-'CASES'
		"x@y.example"|x@y.example
		"\u00e9"|é
		""|
		"a\u0000b"|a\000b
		1.10|1.10
		true|true
		[1, "x"]|[1,"x"]
		{"a" : 1}|{"a":1}
	CASES
	becomes '{"a":null}' '{"a":null}' --hash a
	becomes '{"o":{"a":1}}' "{\"o\":\"$(sha '{"a":1}')\"}" --flatten --hash o
	becomes '{"t":"2026-01-01T01:00:00+01:00"}' "{\"t\":\"$(sha '2026-01-01T00:00:00Z')\"}" --hash t --type t=timestamp
	becomes '{"a":"x","b":"x"}' "{\"a\":\"$(sha x)\",\"b\":\"$(sha x)\"}" --hash a,b
	fails_with 65 cs-map --hash a <<<'{"a":"\ud800"}'
	contains "$stderr" 'column "a": its value has a lone surrogate'
}

@test "--salt: a key for the hash, from where no one sees it" {
	local want
	want=$(printf x | perl -MDigest::SHA=hmac_sha256_hex -e 'print hmac_sha256_hex(<STDIN>, $ENV{SALT})') || skip "no perl with Digest::SHA"
	becomes '{"a":"x"}' "{\"a\":\"$want\"}" --hash a --salt env:SALT
	(umask 077 && printf '%s\n' "$SALT" >salt)
	becomes '{"a":"x"}' "{\"a\":\"$want\"}" --hash a --salt file:salt
	becomes '{"a":"x"}' "{\"a\":\"$want\"}" --hash a --salt "cmd:echo \$SALT"
	succeeds cs-map --hash a --salt fd:5 5<salt <in
	equals "$output" "{\"a\":\"$want\"}"
	echo '{"hash":["a"],"salt":"env:SALT"}' >rules.json
	becomes '{"a":"x"}' "{\"a\":\"$want\"}" --rules rules.json
	# Longer than a block of the hash.
	SALT=$(printf 'k%.0s' $(seq 100))
	becomes '{"a":"x"}' "{\"a\":\"$(printf x | perl -MDigest::SHA=hmac_sha256_hex -e 'print hmac_sha256_hex(<STDIN>, $ENV{SALT})')\"}" --hash a --salt env:SALT
	for ref in env:NONE file:none fd:99 cmd:false; do
		fails_with 77 cs-map --hash a --salt "$ref" <in
		contains "$stderr" '^cs-map: --salt: '
	done
	SALT='' fails_with 77 cs-map --hash a --salt env:SALT <in
	contains "$stderr" 'is empty'
}

@test "a column to hide that no record has is told of" {
	while IFS='|' read -r want options; do
		succeeds cs-map $options <<<'{"email":"x","o":{"a":1},"l":[{"s":1}]}'
		equals "$stderr" "${want:+cs-map: no record had a column $want to hide}" || { echo "for $options"; return 1; }
	done <<-'CASES'
		emial|--mask emial
		x|--null email,x
		|--hash o.b --flatten
		s|--mask s --child l=t --child-key email
		|--mask email
		|--mask o.a --flatten
		|--null o_a --flatten
		|--hash l.s --child l=t --child-key email
		|--mask emial --quiet
		|--mask email --default email="y"
	CASES
	succeeds cs-map --mask email <<<$'{"a":1}\n{"email":"x"}\n{"b":1}'
	equals "$stderr" ''
	succeeds cs-map --mask emial </dev/null
	equals "$stderr" ''
}

@test "--mask and --null, and no value that is hidden in a message" {
	becomes '{"a":"x","b":7,"c":[1],"d":null}' '{"a":"***","b":"***","c":"***","d":null}' --mask a,b,c,d
	becomes '{"a":"x","b":{"c":1}}' '{"a":null,"b":null}' --flatten --null a,b
	becomes '{"b":1}' '{"b":1}' --mask a -q
	fails_with 65 cs-map --hash a --type a=integer <<<'{"a":"hunter2"}'
	equals "$stderr" 'cs-map: stdin:1: column "a": its value is not an integer'
}

@test "nothing is hidden in a column that goes through as a whole" {
	for options in '--hash o.a' '--mask o_a' '--null o.b,o.a.x'; do
		# shellcheck disable=SC2086
		fails_with 65 cs-map --flatten $options <<<'{"o":[{"a":"secret","b":1}]}'
		equals "$stderr" 'cs-map: stdin:1: o is an array that is not taken apart: what is to be hidden in it would show'
	done
	fails_with 65 cs-map --flatten --hash o.a --type o=json <<<'{"o":{"a":"secret"}}'
	contains "$stderr" 'o is an object that is not taken apart'
	# Where nothing of it goes through, or it is hidden itself, or it is no such thing.
	becomes '{"id":1,"o":[{"a":1}]}' '{"id":1}' --flatten --mask o.a --drop o
	becomes '{"o":[{"a":1}]}' '{"o":"***"}' --flatten --mask o,o.a
	becomes '{"o":null}' '{"o":null}' --flatten --mask o.a
	becomes '{"o":7,"p":[1]}' '{"o":7,"p":"[1]"}' --flatten --mask o.a
	becomes '{"id":1,"o":[{"a":"x"}]}' '{"id":1}
{"@cs":"schema","table":"t","key":["_parent_id","_index"]}
{"@cs":{"table":"t"},"_parent_id":1,"_index":0,"a":"***"}' --child o=t --mask o.a
	fails_with 65 cs-map --child o=t --flatten --mask o.a.b <<<'{"id":1,"o":[{"a":[{"b":1}]}]}'
}

@test "--seed-json: JSON text as Python's json.dumps writes it" {
	while IFS='|' read -r value text; do
		becomes "{\"a\":$value}" "{\"a\":$text}" --seed-json --arrays json
	done <<-'CASES'
		["caf\u00e9","b"]|"[\"caf\\u00e9\", \"b\"]"
		["café","é😀"]|"[\"caf\\u00e9\", \"\\u00e9\\ud83d\\ude00\"]"
		[]|"[]"
		[ 1 , 2.50,{"a":[ ],"b" :null} ]|"[1, 2.50, {\"a\": [], \"b\": null}]"
		["\/\u0041\u001f\u007f\"\\\b\f\n\r\t\ud800"]|"[\"/A\\u001f\\u007f\\\"\\\\\\b\\f\\n\\r\\t\\ud800\"]"
		"é"|"é"
	CASES
	becomes '{"a":{"b":[1,2]}}' '{"a_b":"[1, 2]"}' --flatten --seed-json
	becomes '{"a":{"b":["é"]}}' '{"a":"{\"b\": [\"\\u00e9\"]}"}' --type a=json --seed-json
	echo '{"seed-json":true,"arrays":"json"}' >rules.json
	becomes '{"a":[1,2]}' '{"a":"[1, 2]"}' --rules rules.json
	command -v python3 >/dev/null || return 0
	jq -nc '{a: ["\u0001\u007f\u0080\uffff 😀\"\\/", {"é": [true, false, null, 12345678901234567890]}]}' >in
	succeeds cs-map --seed-json --arrays json <in
	equals "$(jq -r .a <<<"$output")" "$(python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["a"]))' <in)"
}

@test "--schema-out: what the columns held that went through" {
	printf '%s\n' '{"id":1,"aB":"é\"","t":[{"n":1},{"n":2.50}]}' '{"id":20,"aB":null,"o":{"c":true}}' \
		'{"id":"x","o":{"c":1},"t":[[1]]}' '{"id":3000,"bad":1,"d":"no"}' >in
	run -1 --separate-stderr cs-map --flatten --names snake --child t=t --type d=integer --schema-out schema.json --rejects aside <in
	jq -c '.[] | [.table, .rows], (.columns | to_entries[] | [.key, .value.types, .value.nullable, .value.longest])' schema.json >got
	equals "$(cat got)" '[null,3]
["id",["integer","string"],false,2]
["a_b",["string"],true,3]
["o_c",["boolean","integer"],true,4]
["t",3]
["_parent_id",["integer","string"],false,1]
["_index",["integer"],false,1]
["n",["integer","decimal"],true,4]
["value",["string"],true,3]'
}

@test "--schema-out: whatever the rules, never half a file, and none after a failure" {
	for options in '' '--arrays explode' '-f .' '--where true'; do
		# shellcheck disable=SC2086
		succeeds cs-map $options --schema-out schema.json <<<'{"a":[1,2],"b":null}'
		jq -e '.[0].rows >= 1 and .[0].columns.a and .[0].columns.b.types == []' schema.json
	done
	succeeds cs-map --arrays explode --schema-out schema.json <<<'{"a":[1,"x",3]}'
	equals "$(jq -c '.[0] | [.rows, .columns.a.types]' schema.json)" '[3,["integer","string"]]'
	echo old >schema.json
	fails_with 65 cs-map --schema-out schema.json <<<'{"a":'
	equals "$(cat schema.json)" old
	fails_with 74 cs-map --schema-out missing/schema.json <<<'{"a":1}'
	contains "$stderr" 'missing/schema.json'
	# More columns than the map remembers.
	jq -nc 'range(40000) | {"k\(.)": .}' | cs-map --drop x --schema-out schema.json >/dev/null
	equals "$(jq '.[0].columns | length' schema.json)" 40000
}
