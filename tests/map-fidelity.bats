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

@test "values are their own bytes through rules" {
	{ values && lone; } | sed 's/.*/{"v":&,"n":"x"}/' >in
	for options in '' '--names snake' '--keep v,n' '--drop w' '--rename w=z'; do
		# shellcheck disable=SC2086
		succeeds cs-map $options <in
		equals "$output" "$(cat in)" || { echo "with $options"; return 1; }
	done
	succeeds cs-map --rename v=w <in
	equals "$output" "$(sed 's/"v"/"w"/' in)"
	succeeds cs-map --flatten --arrays keep <in
	equals "$output" "$(sed 's/"v":{},//' in)"
}

@test "values are their own bytes in rows of arrays, under other names and in other places" {
	{ values && lone; } | grep -v '^{}$' | sed 's/.*/{"id":1,"o":{"v":[{"aB":&}]}}/' >in
	succeeds cs-map --flatten --arrays keep --names snake --child o.v=rows <in
	equals "$(grep '"_index":' <<<"$output")" "$({ values && lone; } | grep -v '^{}$' |
		sed 's/.*/{"@cs":{"table":"rows"},"_parent_id":1,"_index":0,"a_b":&}/')"
	{ values && lone; } | sed 's/.*/{"x":0,"id":1,"v":[&]}/' >in
	succeeds cs-map --keep v,id --rename id=no <in
	equals "$output" "$({ values && lone; } | sed 's/.*/{"v":[&],"no":1}/')"
	# As JSON text they say the same, byte by byte.
	succeeds cs-map --arrays json --keep v <in
	equals "$(jq -r .v <<<"$output")" "$({ values && lone; } | sed 's/.*/[&]/')"
	{ values && lone; } | sed 's/.*/{"k":1}/' >in
	while read -r value; do
		succeeds cs-map --set "v=$value" --default "w=$value" <<<'{"v":0}'
		equals "$output" "{\"v\":$value,\"w\":$value}"
	done < <({ values && lone; })
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

# What is compared lies below other keys: it makes no difference, even beside its own double.
@test "a long number is its own bytes, whether a program compares it or not" {
	local record='{"n":7,"id":9007199254740993,"o":{"n":9007199254740992},"l":[9007199254740993]}' program
	for program in 'select(.n > 5)' 'select(.o.n >= 9007199254740992 and (.n == 7 or .x))' 'if .n != 8 and .o.n != null then . else empty end' \
		'select(5 < .n) | select(.o.n != .n)'; do
		equals "$(cs-map -f "$program" <<<"$record")" "$record"
	done
	equals "$(cs-map -f 'select(.n > 5) | .o' <<<"$record")" '{"n":9007199254740992}'
	equals "$(cs-map -f 'if .n == 7 then .o.n else .x end' <<<"$record")" '{"value":9007199254740992}'
	for program in 'select(.id > .o.n)' 'select(.id <= 9007199254740992 | not)' 'select(.l[0] > .o.n)' 'select(.o.n < .l[0])' \
		'select(map(.n? == 9007199254740992) | any)' '.id as $x | select($x > 9007199254740992)' 'select((.l | first) > .o.n)' \
		'select(.["id"] > .o.n)' 'select(."id" > .o.n)' 'select(.n > 5 and ."i\u0064" > .o.n)'; do
		equals "$(cs-map -f "$program" <<<"$record")" "$record"
	done
	for program in '{n: .l} | select(.n == [9007199254740992])' '.n = .id | select(.n <= 9007199254740992)' 'map(select(. == 9007199254740994))[]' \
		'select(.l == [9007199254740992])' 'select(.id < .o.n)'; do
		equals "$(cs-map -f "$program" <<<"$record")" ''
	done
	for program in 'select(.l > [9007199254740992])' 'select([.o.n, .id] | sort | .[1] == 9007199254740992 | not)' 'select([.id, .o.n] | min == 9007199254740992)'; do
		fails_with 65 cs-map -f "$program" <<<"$record"
		contains "$stderr" 'more digits than jq holds'
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
	n=0
	while read -r bad; do
		printf '{"a":1}\n%b\n' "$bad"
		n=$((n + 1))
	done >in <<-'CASES'
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
	for options in '' '--flatten' '-f .' '--where true'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr cs-map $options --rejects aside <in
		equals "$output" "$(yes '{"a":1}' | head -n "$n")" || { echo "with $options"; return 1; }
		equals "$(jq .line aside)" "$(seq 2 2 $((2 * n)))"
		rm aside
	done
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
	# As values and keys of the elements of an array.
	for form in values keys; do
		jq -c '{id: 1, t: [.]}' "$SHARED/as-$form.ndjson" >in
		succeeds cs-map --child t=t <in
		grep '"_index":' <<<"$output" | cs-map --drop _parent_id,_index | jq -c 'del(.["@cs"])' >rows
		equals "$(cat rows)" "$(jq -c . "$SHARED/as-$form.ndjson")"
	done
	# What --hash makes of them is what sha256sum does.
	succeeds cs-map --hash s <"$SHARED/as-values.ndjson"
	equals "$(jq -r .s <<<"$output" | sed -n '10p;100p;400p')" "$(for i in 10 100 400; do
		sed -n "${i}p" "$SHARED/as-values.ndjson" | jq -j .s | sha256sum | cut -d' ' -f1
	done)"
	# By snake_case, each has a name or is refused, and the stream goes on.
	run --separate-stderr cs-map --names snake --rejects aside <"$SHARED/as-keys.ndjson"
	[ "$status" -le 1 ]
	touch aside
	equals "$(($(wc -l <<<"$output") + $(wc -l <aside)))" 510
	equals "$(jq -r 'keys_unsorted[]' <<<"$output" | grep -vE '^[a-z0-9_]+$' || :)" ""
}

# suits FILE STATUS: is that what the suite wants? ./out and ./err are the output.
suits() {
	local name ndjson breaks
	name=${1##*/}
	read -r ndjson breaks <<<"${suite[$name]}"
	if [ "$2" -gt 100 ]; then
		return 1
	elif [[ $name = y_* ]] && [ "$breaks" = 0 ]; then
		[ "$2" -eq 0 ] && [ "$(jq -cS . out)" = "$(jq -cS . "$1")" ]
	elif [[ $name = n_* ]] && [ "$ndjson" = reject ]; then
		[ "$2" -eq 65 ] && [ ! -s out ] && grep -q 'stdin:[0-9]' err
	elif [[ $name = n_* ]]; then
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
	declare -A suite
	while IFS=$'\t' read -r name _ _ _ ndjson breaks _; do suite[$name]="$ndjson $breaks"; done <"$SHARED/parsing.tsv"
	local file status n=0 bad=0
	for file in test_parsing/*.json; do
		status=0
		timeout 5 cs-map <"$file" >out 2>err || status=$?
		suits "$file" "$status" || { echo "$file: $status $(cat err)"; bad=$((bad + 1)); }
		n=$((n + 1))
	done
	equals "$n $bad" "318 0"
}

# refused_lines OPTION…: the numbers of the lines of ./in that are set aside, but for those that only programs refuse.
refused_lines() {
	rm -f aside
	cs-map -q --rejects aside "$@" <in >out || [ $? -eq 1 ]
	jq 'select(.reason | test("surrogate|deeper than jq") | not).line' aside
}

@test "JSONTestSuite: rules and programs refuse the same" {
	need jq xz
	shared corpora/JSONTestSuite
	tar xJf "$SHARED/files.tar.xz"
	for file in test_parsing/*.json; do
		[ "$(head -c 1000000 "$file" | tr -cd '\n' | wc -c)" -gt 1 ] || { tr -d '\n' <"$file" && echo; }
	done >in
	[ "$(wc -l <in)" -gt 300 ]
	refused_lines >want
	[ "$(wc -l <want)" -gt 150 ]
	for options in --flatten '-f .' '--where true'; do
		# shellcheck disable=SC2086
		equals "$(refused_lines $options)" "$(cat want)"
	done
}

@test "JSONTestSuite: what is to be transformed is left alone, or refused" {
	shared corpora/JSONTestSuite
	tar xJf "$SHARED/files.tar.xz"
	for file in test_transform/*.json; do
		for options in '' '--where true'; do
			status=0
			# shellcheck disable=SC2086
			tr -d '\n' <"$file" | cs-map $options >out 2>err || status=$?
			[ "$status" -eq 65 ] || cmp out <(tr -d '\n' <"$file" && echo)
		done
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
