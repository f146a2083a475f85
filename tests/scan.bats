#!/usr/bin/env bats
# lib/: the scanner, its scalar twin, line kinds and times, through build/unit/lib.
load lib

setup() {
	start_in_tmpdir
	lib=$BUILD/unit/lib
	scalar=$BUILD/unit/lib-scalar
}

# Both builds, whole and by walking; they must say the same. Sets $output and $status.
both() {
	run "$scalar" "$@" <in
	local other="$status $output"
	run "$lib" "$@" <in
	equals "$other" "$status $output"
}

@test "values: type and flags" {
	while IFS='|' read -r text want; do
		printf '%s' "$text" >in
		both text
		equals "$status $output" "0 $want"
	done <<'CASES'
null|null
true|true
 false |false
0|number
-0|number
123456789012345678901234567890|number
1.10|number real
1e400|number real
1E+2|number real
""|string
"a\u00e9\n"|string esc
"é€😀"|string
[]|array
[ ]|array ws
{"a":[1,{"b":null}]}|object
{"a" :1}|object ws
CASES
}

@test "what is no JSON is refused, with the reason" {
	while IFS='|' read -r text want; do
		printf "$text" >in
		both text
		equals "$status $output" "65 $want"
		both walk
		equals "$status" 65
	done <<'CASES'
|text ends too early
 |text ends too early
01|invalid number
+1|unexpected character
1.|invalid number
.5|unexpected character
-|invalid number
1e|invalid number
NaN|unexpected character
tru|unexpected character
truex|something follows the value
'a'|unexpected character
[1,]|unexpected character
[1 2]|expected ',' or ']'
{"a":1,}|expected a key
{a:1}|expected a key
{"a" 1}|expected ':'
{"a":1 "b":2}|expected ',' or '}'
[1}|expected ',' or ']'
{"a":1} x|something follows the value
{"a":1}{"a":2}|something follows the value
"a|string without an end
"a\tb"|raw control character in a string
"\\x"|invalid escape
"\\u12g4"|invalid \u escape
"\xff"|invalid UTF-8
"\xc0\xaf"|invalid UTF-8
"\xed\xa0\x80"|invalid UTF-8
"\xf4\x90\x80\x80"|invalid UTF-8
"\xe2\x82"|invalid UTF-8
\xef\xbb\xbf1|unexpected character
CASES
}

@test "512 levels are read, 513 refused, 100000 too" {
	for n in 512 513 100000; do
		for pair in '[ ]' '{"a": }'; do
			read -r open close <<<"$pair"
			{
				printf "$open%.0s" $(seq $n)
				printf 1
				printf "$close%.0s" $(seq $n)
			} >in
			both text
			if [ $n = 512 ]; then equals "$status" 0; else equals "$status $output" "65 nested too deeply (limit 512)"; fi
		done
	done
}

@test "escaped keys are decoded, a lone surrogate in one is refused" {
	printf '%s' '{"\u0061\"\\\ud83d\ude00":"\ud800"}' >in
	both walk
	equals "$output" $'object\nkey a"\\😀\nstring "\\ud800"\nend'
	printf '%s' '{"\ud800":1}' >in
	both walk
	equals "$status" 65
	contains "$output" 'lone surrogate'
}

@test "JSONTestSuite: 95 y accepted, 188 n refused, by both twins and both ways" {
	shared corpora/JSONTestSuite/files.tar.xz
	need xz
	tar xJf "$SHARED"
	y=0 n=0
	for f in test_parsing/*; do
		cp "$f" in
		both text
		case ${f##*/} in
		y_*) equals "$f $status" "$f 0" && y=$((y + 1)) ;;
		n_*) equals "$f $status" "$f 65" && n=$((n + 1)) ;;
		*) [ "$status" -eq 0 ] || [ "$status" -eq 65 ] ;;
		esac
		want=$status
		case $f in *i_object_key_lone_2nd_surrogate*) want=65 ;; esac # decoded by the walk alone
		both walk
		equals "$f $status" "$f $want"
	done
	equals "$y $n" "95 188"
}

@test "a value's end is found whatever the pieces it comes in" {
	cat >in <<-'EOT'
		{"a":"x\"]}\\","b":[1,[2,{"c":"{[\u005d"}],true],"n":-1.5e3,"é":"ö\\\""} , {"next":1}
	EOT
	want="$(($(sed 's/ , .*//' in | wc -c) - 1)) done"
	for n in $(seq 1 99) 1000; do
		both find "$n"
		equals "$n: $output" "$n: $want"
	done
	for text in 12,3 'true]' '"a\"b",' '[]x'; do
		printf '%s' "$text" >in
		both find 1
		one=$output
		both find 100
		equals "$one" "$output"
		contains "$output" '[2-6] done'
	done
}

@test "lines of a stream are told apart, with white space and escapes too" {
	"$lib" kind <<-'EOT' >out
		{"id":1}
		{"id":1,"@cs":"end"}
		{"@cs":"end"}
		{ "@cs" : "end" }
		{"\u0040cs":"end"}
		{"@cs":{"op":"delete"},"id":1}
		{"@cs":1}
		{"@csx":"end"}
		{"@cs
		[1]
		7
	EOT
	equals "$(tr '\n' ' ' <out)" "record record control control control tagged bad record record record record "
}

@test "blank lines, CR LF, a byte order mark and a missing last newline are read through" {
	printf '\357\273\277{"@cs":"end"}\r\n\n \t\n{"a":1}\n{"@cs":{}}' | "$lib" kind >out
	equals "$(tr '\n' ' ' <out)" "control record tagged "
}

@test "times come out as RFC 3339 in UTC with their own digits" {
	while IFS='|' read -r scale text want; do
		# shellcheck disable=SC2086 # no scale, no argument
		equals "$text: $(echo "$text" | "$lib" instant $scale)" "$text: $want"
	done <<'CASES'
|2026-01-04T09:12:30Z|2026-01-04T09:12:30Z
|2026-01-04T09:12:30.250+02:00|2026-01-04T07:12:30.250Z
|2026-01-04t09:12:30.123456789012345678-0330|2026-01-04T12:42:30.123456789012345678Z
|2026-01-04 09:12|2026-01-04T09:12:00Z
|2024-02-29T23:59:60Z|2024-03-01T00:00:00Z
|2023-02-29|refused
|2026-01-04|2026-01-04T00:00:00Z date
|1969-12-31T23:00:00-05:00|1970-01-01T04:00:00Z
|0001-01-01T00:00:00Z|0001-01-01T00:00:00Z
|0001-01-01T00:00:00+00:01|refused
|9999-12-31T23:59:59.999Z|9999-12-31T23:59:59.999Z
|9999-12-31T23:59:59-00:01|refused
|2026-13-01|refused
|2026-1-4|refused
|2026-01-04T24:00:00Z|refused
|2026-01-04T09:12:30.Z|refused
|2026-01-04T09:12:30+25:00|refused
|2026-01-04T09:12:30Zx|refused
|yesterday|refused
0|0|1970-01-01T00:00:00Z
0|1767518350.25|2026-01-04T09:19:10.25Z
0|-1|1969-12-31T23:59:59Z
3|1767518350250|2026-01-04T09:19:10.250Z
3|1767518350000|2026-01-04T09:19:10Z
3|-1|1969-12-31T23:59:59.999Z
6|1767518350000001|2026-01-04T09:19:10.000001Z
0|253402300800|refused
0|12a|refused
0|99999999999999999999|refused
CASES
}
