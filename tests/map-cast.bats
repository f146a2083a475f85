# cs-map --type: every value becomes the type by its text, or is refused.
load lib

# cast TYPE: lines VALUE|EXPECTED on stdin; an empty EXPECTED is a refusal.
cast() {
	local value expected
	while IFS='|' read -r value expected; do
		printf '{"c":%s}\n' "$value" >in
		if [ -n "$expected" ]; then
			succeeds cs-map --type "c=$1" <in
			equals "$output" "{\"c\":$expected}" || { echo "for $value as $1"; return 1; }
		else
			ends_with_status 65 cs-map --type "c=$1" <in
			equals "$stderr" "cs-map: stdin:1: column \"c\": $value is not $(
				[ "$1" = integer ] && echo an || echo a) $1"
			equals "$output" ""
		fi
	done
}

@test "string" {
	cast string <<-'CASES'
		null|null
		""|""
		"a\u00e9\/\ud800"|"a\u00e9\/\ud800"
		0|"0"
		-0|"-0"
		1.10|"1.10"
		1e400|"1e400"
		9007199254740993|"9007199254740993"
		true|"true"
		false|"false"
		[1, "a\"b\\"]|"[1,\"a\\\"b\\\\\"]"
		{ "a" : null }|"{\"a\":null}"
	CASES
}

@test "integer" {
	cast integer <<-'CASES'
		null|null
		7|7
		-7|-7
		123456789012345678901234567890|123456789012345678901234567890
		"42"|42
		"-42"|-42
		"\u0034\u0032"|42
		1.0|1
		"1.0"|1
		100.00|100
		1e3|1000
		1.5e1|15
		12E+2|1200
		1200e-2|12
		120.50e2|12050
		0.0|0
		-0.0|0
		0e5|0
		0.001e3|1
		-2.50e1|-25
		true|1
		false|0
		1.5|
		"1.5"|
		1e-1|
		125e-2|
		1e1001|
		1e99999999999999999999|
		"007"|
		"+5"|
		" 5"|
		"5 "|
		"1,000"|
		"0x10"|
		""|
		"abc"|
		"NaN"|
		[1]|
		{}|
	CASES
}

@test "decimal" {
	cast decimal <<-'CASES'
		null|null
		7|7
		1.10|1.10
		1E5|1E5
		0.1234567890123456789012345|0.1234567890123456789012345
		"70000"|70000
		"12.50"|12.50
		"-0.00"|-0.00
		"1e5"|1e5
		"12,50"|
		".5"|
		"1."|
		"007"|
		""|
		true|
		"Infinity"|
		[]|
	CASES
}

@test "boolean" {
	cast boolean <<-'CASES'
		null|null
		true|true
		false|false
		1|true
		0|false
		"true"|true
		"False"|false
		"TRUE"|true
		"1"|true
		"0"|false
		"yes"|
		""|
		2|
		1.0|
		[]|
	CASES
}

@test "json" {
	cast json <<-'CASES'
		null|null
		1.10|"1.10"
		true|"true"
		"a \"b\""|"\"a \\\"b\\\"\""
		[1, 2, {"a" : "x  y"}]|"[1,2,{\"a\":\"x  y\"}]"
		{}|"{}"
	CASES
	# Such a column is not flattened.
	echo '{"o":{"a":{"b": 1}},"p":{"a":2}}' >in
	succeeds cs-map --flatten --type o=json <in
	equals "$output" '{"o":"{\"a\":{\"b\":1}}","p_a":2}'
	succeeds cs-map --flatten --type o.a=json <in
	equals "$output" '{"o_a":"{\"b\":1}","p_a":2}'
}

@test "timestamp" {
	cast timestamp <<-'CASES'
		null|null
		"2026-01-04T09:12:30Z"|"2026-01-04T09:12:30Z"
		"2026-01-04T09:12:30.250Z"|"2026-01-04T09:12:30.250Z"
		"2026-01-04T09:12:30.250+02:00"|"2026-01-04T07:12:30.250Z"
		"2026-01-04 09:12:30.1234567890123456789-0530"|"2026-01-04T14:42:30.1234567890123456789Z"
		"2026-01-01T00:30:00+01"|"2025-12-31T23:30:00Z"
		"2024-02-29T23:59:60Z"|"2024-03-01T00:00:00Z"
		"2026-01-04T09:12"|"2026-01-04T09:12:00Z"
		"2026-01-04t09:12:30z"|"2026-01-04T09:12:30Z"
		"2026-01-04T09:12:30"|"2026-01-04T09:12:30Z"
		"2026-01-04T09:12:30\u002b02:00"|"2026-01-04T07:12:30Z"
		"2026-01-04"|"2026-01-04"
		"2025-02-29"|
		"2026-13-01T00:00:00Z"|
		"2026-01-04T25:00:00Z"|
		"2026-01-04T09:12:30 UTC"|
		"04/01/2026"|
		"0001-01-01T00:00:00+01:00"|
		"now"|
		""|
		1767517950|
		true|
		[]|
	CASES
}

@test "timestamp:s, :ms, :us" {
	cast timestamp:s <<-'CASES'
		null|null
		0|"1970-01-01T00:00:00Z"
		1767517950|"2026-01-04T09:12:30Z"
		"1767517950"|"2026-01-04T09:12:30Z"
		1767517950.250|"2026-01-04T09:12:30.250Z"
		-1|"1969-12-31T23:59:59Z"
		-86400.0|"1969-12-31T00:00:00.0Z"
		-1.250|"1969-12-31T23:59:58.750Z"
		-0.5|"1969-12-31T23:59:59.5Z"
		-1.001|"1969-12-31T23:59:58.999Z"
		"1."|
		"-.5"|
		1e9|
		"2026-01-04T09:12:30Z"|
		99999999999999|
		true|
	CASES
	cast timestamp:ms <<-'CASES'
		1767517950250|"2026-01-04T09:12:30.250Z"
		1767517950007|"2026-01-04T09:12:30.007Z"
		-1|"1969-12-31T23:59:59.999Z"
		1.5|"1970-01-01T00:00:00.0015Z"
		1767517950250.4567|"2026-01-04T09:12:30.2504567Z"
		1767517950000.0|"2026-01-04T09:12:30.0000Z"
		1767517950000|"2026-01-04T09:12:30Z"
		-1000.0|"1969-12-31T23:59:59.0000Z"
		-1000.5|"1969-12-31T23:59:58.9995Z"
	CASES
	cast timestamp:us <<-'CASES'
		1767517950250001|"2026-01-04T09:12:30.250001Z"
		"x"|
	CASES
}

@test "date" {
	cast date <<-'CASES'
		null|null
		"2026-01-04"|"2026-01-04"
		"2026-01-04T00:00:00.000Z"|"2026-01-04"
		"2026-01-04T00:00:00+02:00"|"2026-01-04"
		"2026-01-04T00:00"|"2026-01-04"
		"2026-01-04T00:00:01Z"|
		"2026-01-04T23:30:00Z"|
		"2026-02-30"|
		"04.01.2026"|
		20260104|
		""|
	CASES
}

@test "columns are named as in the output or by their path, and messages show no more than is useful" {
	echo '{"userAge":"7","o":{"n":"1"}}' >in
	for name in userAge user_age; do
		succeeds cs-map --names snake --type "$name=integer" <in
		equals "$output" '{"user_age":7,"o":{"n":"1"}}'
	done
	for name in o.n o_n; do
		succeeds cs-map --flatten --type "$name=integer" <in
		equals "$output" '{"userAge":"7","o_n":1}'
	done
	succeeds cs-map --rename userAge=age --type age=integer --drop o <in
	equals "$output" '{"age":7}'
	succeeds cs-map --rename userAge=age --type userAge=integer --drop o <in
	equals "$output" '{"age":7}'
	jq -nc '{a: ("é" * 100000)}' >in
	fails_with 65 cs-map --type a=integer <in
	[ "${#stderr}" -lt 120 ]
	contains "$stderr" 'column "a": "é+\.\.\. is not an integer$'
}
