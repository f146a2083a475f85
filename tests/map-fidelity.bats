# Nothing is changed that no rule changes: numbers, strings, keys, through every path of cs-map.
load lib

# Values that JSON programs are known to spoil, one a line.
values() {
	cat <<-'VALUES'
		9007199254740991
		9007199254740993
		-9223372036854775808
		9223372036854775807
		18446744073709551615
		123456789012345678901234567890
		1.0
		1.10
		100.00
		1e2
		1E+2
		0.1
		40552.59
		0.30000000000000004
		0.1234567890123456789012345
		12345678901234567.89
		1e400
		-1e400
		1e-400
		-0
		-0.0
		0e0
		"\u0000"
		"a\u0000b"
		"\ud83d\ude00"
		"\u00e9\/\b\f\n\r\t\"\\"
		"é€😀"
		""
		[]
		{}
		[1.0,{"a":1.10,"b":[9007199254740993]}]
		null
		true
		false
	VALUES
}

lone() {
	printf '%s\n' '"\ud800"' '"\udc00"' '"\udc00\ud800"' '"x\ud83d"'
}

# same VALUE OPTIONS…: the record {"v":VALUE,"n":"x"} comes out with these bytes, under the name in $name.
same() {
	local value=$1
	shift
	printf '{"v":%s,"n":"x"}\n' "$value" >in
	succeeds cs-map "$@" <in
	equals "$output" "{\"${name:-v}\":$value,\"n\":\"x\"}" || { echo "with $*"; return 1; }
}

@test "values are their own bytes through rules" {
	while read -r value; do
		same "$value"
		same "$value" --names snake
		same "$value" --keep v,n
		name=w same "$value" --rename v=w
		case $value in
		'[]' | '{}' | '['*) ;;
		*) same "$value" --flatten ;;
		esac
	done < <(values && lone)
}

@test "values are their own bytes through programs" {
	values | sed 's/.*/{"v":&,"n":"x"}/' >in
	for program in . 'select(.n == "x")' 'select(.n)' 'if .n == "x" then . else empty end'; do
		succeeds cs-map -f "$program" <in
		equals "$output" "$(cat in)"
	done
	succeeds cs-map --where '.n == "x"' <in
	equals "$output" "$(cat in)"
	succeeds cs-map --where '.n != "x"' <in
	equals "$output" ""
}

@test "a changed record keeps the digits of its numbers and the values of its strings" {
	values | grep -v '^-0.0$' | sed 's/.*/{"v":&,"n":"x"}/' >in
	for program in 'del(.n)' '{v}' '{v: .v}' 'with_entries(select(.key == "v"))' '{w: .v} | {v: .w}' \
		'if .n == "x" then {v} else empty end' '[.v] | {v: .[]}'; do
		succeeds cs-map -f "$program" <in
		equals "$output" "$(sed 's/,"n":"x"//; s/\\u00e9\\\//é\//; s/\\ud83d\\ude00/😀/' in)" || {
			echo "$program"
			return 1
		}
	done
}

@test "one value written in two ways is written as jq does" {
	succeeds cs-map -f 'del(.x)' <<<'{"a":1.0,"b":1,"c":1.50,"d":1.5,"e":2.50}'
	equals "$output" '{"a":1,"b":1,"c":1.5,"d":1.5,"e":2.50}'
}

@test "lone surrogates: as they are through rules, refused by programs" {
	while read -r value; do
		fails_with 65 cs-map -f . <<<"{\"v\":$value}"
		contains "$stderr" 'a lone surrogate'
		fails_with 65 cs-map --names snake <<<"{$value:1}"
		contains "$stderr" 'a lone surrogate'
	done < <(lone)
}

@test "what is no JSON is refused by every path, and its neighbours are not" {
	while read -r bad; do
		printf '{"a":1}\n%b\n{"a":2}\n' "$bad" >in
		for options in '' '--flatten' '-f .' '--where true'; do
			# shellcheck disable=SC2086
			run -1 --separate-stderr cs-map $options --rejects aside <in
			equals "$output" $'{"a":1}\n{"a":2}' || { echo "$bad with $options"; return 1; }
		done
	done <<-'CASES'
		{"a":01}
		{"a":+1}
		{"a":1.}
		{"a":.5}
		{"a":NaN}
		{"a":Infinity}
		{"a":1,}
		{"a":[1,]}
		{'a':1}
		{a:1}
		{"a":1}/*c*/
		{"a":1} x
		{"a":1}{"a":2}
		{"a":"\t"}
		{"a":"\xff"}
		{"a":"\xc0\xaf"}
		{"a":"\xed\xa0\x80"}
		{"a":"\xf4\x90\x80\x80"}
		{"a":"\x00"}
		{"\xff":1}
		{"a":tru}
		{"a"}
		{"a":1
		{
		]
		\xef\xbb\xbf{"a":1}
	CASES
}

@test "a byte order mark at the start of input is left out, and CR before the newline" {
	printf '\xef\xbb\xbf{"a":1}\r\n\r\n{"a":2}' >in
	for options in '' '--names snake' '-f .'; do
		# shellcheck disable=SC2086
		succeeds cs-map $options <in
		equals "$output" $'{"a":1}\n{"a":2}'
	done
}

# nested N: an object with N levels in all.
nested() {
	jq -nc --argjson n "$1" '{a: ([range($n - 1) | "["] | add)}' | sed 's/"\(\[*\)"/\1/; s/}$//' | tr -d '\n'
	printf ']%.0s' $(seq "$(($1 - 1))")
	echo '}'
}

@test "512 levels and no more; 256 for programs" {
	nested 512 >in
	for options in '' '--rename b=c' '--flatten'; do
		# shellcheck disable=SC2086
		succeeds cs-map $options <in
		[ "${#output}" -ge 1024 ]
	done
	nested 513 >in
	for options in '' '--rename b=c' '--flatten'; do
		# shellcheck disable=SC2086
		fails_with 65 cs-map $options <in
		contains "$stderr" 'nested too deeply'
	done
	nested 256 >in
	succeeds cs-map -f .a <in
	nested 257 >in
	fails_with 65 cs-map -f .a <in
	contains "$stderr" 'nested deeper than jq can'
	yes '{"a":' | head -n 600 | tr -d '\n' >in
	echo >>in
	fails_with 65 cs-map --flatten <in
	contains "$stderr" 'nested too deeply'
}

@test "naughty strings as values and as keys" {
	shared corpora/blns
	for options in '' '--rename no=yes' '--flatten' '-f .' '-f .x=1|del(.x)'; do
		# shellcheck disable=SC2086
		succeeds cs-map $options <"$SHARED/as-values.ndjson"
		equals "$(jq -j '.s + "\u0000"' <<<"$output" | sha256sum)" \
			'37e45969f01261c49a776c00b62cb145a2b818f6b19b4729f519af250b8ce93f  -'
		# shellcheck disable=SC2086
		succeeds cs-map $options <"$SHARED/as-keys.ndjson"
		equals "$(jq -c . <<<"$output")" "$(jq -c . "$SHARED/as-keys.ndjson")"
	done
	# By snake_case, each has a name or is refused, and the stream goes on.
	run --separate-stderr cs-map --names snake --rejects aside <"$SHARED/as-keys.ndjson"
	[ "$status" -le 1 ]
	touch aside
	equals "$(($(wc -l <<<"$output") + $(wc -l <aside)))" 510
	equals "$(jq -r 'keys_unsorted[]' <<<"$output" | grep -vE '^[a-z0-9_]+$' || :)" ""
}

# outcome FILE STATUS: does that suit the suite's class?
suits() {
	local name class breaks ndjson
	name=$(basename "$1")
	class=${name%%_*}
	IFS=$'\t' read -r ndjson breaks < <(awk -F'\t' -v n="$name" '$1 == n { print $5 "\t" $6 }' "$SHARED/parsing.tsv")
	if [ "$2" -gt 100 ]; then
		return 1
	elif [ "$class" = y ] && [ "$breaks" = 0 ]; then
		[ "$2" -eq 0 ] && [ "$(jq -cS . out)" = "$(jq -cS . "$1")" ]
	elif [ "$class" = n ] && [ "$ndjson" = reject ]; then
		[ "$2" -eq 65 ] && [ ! -s out ] && grep -q 'stdin:[0-9]' err
	elif [ "$class" = n ]; then
		[ "$2" -eq 0 ] && [ ! -s out ]
	elif [ "$2" -eq 0 ]; then
		iconv -f UTF-8 -t UTF-8 out >/dev/null
	else
		[ "$2" -eq 65 ]
	fi
}

@test "JSONTestSuite: what must be taken is, what must be refused is" {
	need jq iconv xz
	shared corpora/JSONTestSuite
	tar xJf "$SHARED/files.tar.xz"
	local file status n=0 bad=0
	for file in test_parsing/*.json; do
		status=0
		timeout 5 cs-map <"$file" >out 2>err || status=$?
		suits "$file" "$status" || { echo "$file: $status $(cat err)"; bad=$((bad + 1)); }
		n=$((n + 1))
	done
	equals "$n $bad" "318 0"
}

@test "JSONTestSuite: the same through rules and programs" {
	need jq
	shared corpora/JSONTestSuite
	tar xJf "$SHARED/files.tar.xz"
	local file plain status bad=0
	for file in test_parsing/*.json; do
		plain=0
		cs-map <"$file" >/dev/null 2>&1 || plain=$?
		for options in '--flatten' '-f .'; do
			status=0
			# shellcheck disable=SC2086
			timeout 5 cs-map $options <"$file" >out 2>err || status=$?
			# A program may refuse what rules take (a lone surrogate), never the reverse.
			[ "$status" = "$plain" ] || grep -qE 'surrogate|deeper' err || {
				echo "$file $options: $plain $status $(cat err)"
				bad=$((bad + 1))
			}
		done
	done
	equals "$bad" 0
	for file in test_transform/*.json; do
		status=0
		tr -d '\n' <"$file" | cs-map --where true >out 2>err || status=$?
		[ "$status" -eq 65 ] || cmp out <(tr -d '\n' <"$file" && echo)
		status=0
		tr -d '\n' <"$file" | cs-map >out 2>err || status=$?
		[ "$status" -eq 65 ] || cmp out <(tr -d '\n' <"$file" && echo)
	done
}

@test "records of all sizes across the edges of reads" {
	jq -nc 'range(1200) | {i: ., s: ("xé\"" * (. * . % 997)), t: [., {a: null}]}' >in
	succeeds cs-map --keep i,s,t --arrays keep <in
	equals "$(md5sum <<<"$output")" "$(md5sum <in)"
	for chunk in 1 7 4096 65536 262143; do
		equals "$(tail -n 40 in | dd obs="$chunk" status=none | cs-map --flatten --arrays keep | md5sum)" \
			"$(tail -n 40 in | md5sum)"
	done
}
