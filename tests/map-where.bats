# cs-map --where: conditions that take no jq mean what jq means by them.
load lib

# The values that conditions are tried on, as member a of a record.
records_of_all_kinds() {
	cat <<-'RECORDS'
		{}
		{"a":null}
		{"a":false}
		{"a":true}
		{"a":0}
		{"a":-0}
		{"a":1}
		{"a":1.0}
		{"a":10e-1}
		{"a":-1}
		{"a":2.5}
		{"a":1e3}
		{"a":""}
		{"a":"x"}
		{"a":"\u0078"}
		{"a":"xy"}
		{"a":"é"}
		{"a":"\u00e9"}
		{"a":"1"}
		{"a":"2026-01-04"}
		{"a":[]}
		{"a":[1]}
		{"a":{}}
		{"a":{"b":1}}
		{"a":{"b":null}}
		{"a":{"b":{"c":"x"}}}
		{"b":1,"a":1,"c d":1}
		{"a":1,"a":"x"}
		{"a":{"b":1},"a":{"c":1}}
		{"a":{"b":1},"a":null}
		{"a":{"b":1,"b":2}}
		{"\u0061":"x","n":{"a":1}}
	RECORDS
}

conditions() {
	cat <<-'CONDITIONS'
		.a
		.a == 1
		.a==1.00
		.a != 1
		.a < 1
		.a <= 1
		.a > 1
		.a >= 1
		1 < .a
		1 >= .a
		-1 == .a
		.a == 0
		.a == -0.0
		.a > -1e2
		.a == 1000
		.a == "x"
		.a == "\u00e9"
		"x" <= .a
		.a > ""
		.a < "2026-02"
		.a == null
		.a != null
		.a == true
		.a > false
		.a < true
		.a > null
		(.a | not)
		.a | not
		.a == 1 | not
		.a | not | not
		has("a")
		has("c d") and .a
		has("a") and .a == null
		.a and .b
		.a or .b
		.a == 1 or .a == "x" and .b
		(.a == 1 or .a == "x") and (.b | not)
		."a" == 1
		.["a"] == 1
		.["c d"] == 1
		.n.a == 1
		.n["a"] == 1
		."n"."a" == 1
		. == null
		. != 1
		((.a))
		has("n") | not
	CONDITIONS
}

@test "every condition chooses what jq chooses" {
	need jq
	records_of_all_kinds >in
	while read -r condition; do
		succeeds cs-map --where "$condition" <in
		want=$(jq -R "fromjson | first($condition) | if . then 1 else 0 end" in | paste -d ' ' - in | sed -n 's/^1 //p')
		equals "$output" "$want" || { echo "for $condition"; return 1; }
	done < <(conditions)
}

@test "they need no jq, and the rest has it" {
	records_of_all_kinds >in
	while read -r condition; do
		LD_DEBUG=files cs-map --where "$condition" <in >/dev/null 2>log
		lacks "$(cat log)" 'libjq' || { echo "for $condition"; return 1; }
	done < <(conditions)
	while read -r condition; do
		succeeds cs-map --where "$condition" <<<'{"a":1,"b":1,"c":[{}]}'
		equals "$output" '{"a":1,"b":1,"c":[{}]}' || { echo "for $condition"; return 1; }
	done <<-'CONDITIONS'
		.a == .b
		.a + 1 == 2
		.c | length == 1
		.c[0] == {}
		.c == [{}]
		.x? == null
		.a as $x | $x == 1
		.a == 1 # or so
		"a\(.a)" == "a1"
		1 == 1
		.a == (1)
		.a - 1 == 0
		if .a == 1 then true else false end
		.a == 1 and (.b | . == 1)
		not | not
		[.a] == [1]
	CONDITIONS
	fails_with 64 cs-map --where '.a == ' <in
	fails_with 64 cs-map --where '(.a' <in
}

@test "numbers are compared by all of their digits" {
	while IFS='|' read -r value condition holds; do
		echo "{\"a\":$value}" >in
		succeeds cs-map --where "$condition" <in
		equals "${output:+yes}" "${holds/no/}" || { echo "$value $condition"; return 1; }
	done <<-'CASES'
		9007199254740993|.a == 9007199254740993|yes
		9007199254740993|.a == 9007199254740992|no
		9007199254740993|.a > 9007199254740992|yes
		123456789012345678901234567890|.a == 123456789012345678901234567890.0|yes
		123456789012345678901234567890|.a < 123456789012345678901234567891|yes
		0.1234567890123456789|.a == 0.1234567890123456788|no
		1e400|.a > 1e399|yes
		1e400|.a == 10e399|yes
		-1e400|.a < -1e399|yes
		1e-400|.a > 0|yes
		-1e-400|.a < 0|yes
		0e999999999999999999999|.a == 0|yes
		1e999999999999999999999|.a > 1e99|yes
		100|.a == 1E+2|yes
		0.050|.a == 5e-2|yes
		0.05|.a < 0.5|yes
	CASES
}

@test "where jq fails, so does it, and says why" {
	while IFS='|' read -r record condition; do
		fails_with 65 cs-map --where "$condition" <<<"$record"
		contains "$stderr" 'stdin:1: (Cannot (index|check)|a string with a lone)'
		equals "$output" ""
	done <<-'CASES'
		{"a":1}|.a.b == 1
		{"a":"x"}|.a.b
		{"a":[]}|.a.b.c == null
		{"a":true}|.b == null and .a.b
		7|.a
		[1]|.a == 1
		"x"|has("a")
		{"a":"\ud800"}|.a == "x"
	CASES
	# What is not asked for is not looked at.
	succeeds cs-map --where '.b and .a.c' <<<'{"a":1}'
	equals "$output" ''
	succeeds cs-map --where '.a == 1 or .a.c' <<<'{"a":1}'
	equals "$output" '{"a":1}'
	succeeds cs-map --where '.a == 1' <<<'{"a":"\ud800"}'
	succeeds cs-map --where '.a.b == null' <<<'{"a":null}'
	equals "$output" '{"a":null}'
	succeeds cs-map --where '.a == null' <<<'null'
	equals "$output" 'null'
	succeeds cs-map --where 'has("a") | not' <<<'null'
	equals "$output" 'null'
}

@test "with rules, filters and tags" {
	succeeds cs-map --where '.n > 1' --rename n=m <<<'{"n":1}
{"n":2}
{"@cs":{"table":"t"},"n":3}'
	equals "$output" '{"m":2}
{"@cs":{"table":"t"},"m":3}'
	succeeds cs-map --where '.n > 1' -f '{m: .n}' <<<'{"n":1}
{"n":2}'
	equals "$output" '{"m":2}'
	run -1 --separate-stderr cs-map --where '.n > 1' --rejects aside <<<'{"n":2}
{"n":01}
{"n":3} x
{"n":4}'
	equals "$output" '{"n":2}
{"n":4}'
	equals "$(jq -c .line aside)" $'2\n3'
}
