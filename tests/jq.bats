# jq programs in cs-map: jq's language, without its losses.
# shellcheck disable=SC2016 # jq's variables, not the shell's
load lib

# gives PROGRAM INPUT EXPECTED [OPTION…]
gives() {
	local program=$1 input=$2 expected=$3
	shift 3
	printf '%s\n' "$input" >in
	succeeds cs-map -f "$program" "$@" <in
	equals "$output" "${expected//;;/$'\n'}" || { echo "for $program"; return 1; }
}

# fails_on PROGRAM INPUT PATTERN: the record is refused.
fails_on() {
	printf '%s\n' "$2" >in
	fails_with 65 cs-map -f "$1" "${@:4}" <in
	contains "$stderr" "^cs-map: stdin:1: .*$3" || { echo "for $1"; return 1; }
	equals "$output" ""
}

@test "where keeps records whose first result is neither false nor null" {
	printf '%s\n' '{"a":1}' '{"a":null}' '{"a":false}' '{"a":0}' '{}' '{"a":""}' >in
	succeeds cs-map --where .a <in
	equals "$output" $'{"a":1}\n{"a":0}\n{"a":""}'
	succeeds cs-map --where 'false, true' <in
	equals "$output" ''
	succeeds cs-map --where 'empty' <in
	equals "$output" ''
	succeeds cs-map --where 'true, error("not reached")' <in
	equals "$output" "$(cat in)"
}

@test "a filter gives none, one or more records; the rules come after it" {
	printf '%s\n' '{"aB":[1,2]}' '{"aB":[]}' '{"aB":[3]}' >in
	succeeds cs-map -f '.aB[] | {theNumber: .}' --names snake --type the_number=string <in
	equals "$output" '{"the_number":"1"}
{"the_number":"2"}
{"the_number":"3"}'
	succeeds cs-map --where '.aB != []' -f '{n: .aB[-1]}' <in
	equals "$output" $'{"n":2}\n{"n":3}'
	gives .a '{"a":7}' '{"value":7}'
	gives '.a, .b' '{"a":[1],"b":{"c":2}}' '{"value":[1]};;{"c":2}'
}

@test "all results of a line, or none of them" {
	printf '%s\n' '{"a":1}' '{"a":2}' >in
	run -1 --separate-stderr cs-map -f '{b: 1}, if .a == 1 then error("no") else {b: 2} end' --rejects aside <in
	equals "$output" $'{"b":1}\n{"b":2}'
	equals "$(cat aside)" '{"line":1,"reason":"no","record":"{\"a\":1}"}'
	run -1 --separate-stderr cs-map -f '{b: 1}, {b: .a}' --type b=boolean --rejects aside2 <in
	equals "$output" $'{"b":true}\n{"b":true}'
	equals "$(jq -r .line aside2)" 2
}

@test "variables" {
	gives '{a: $a, b: $b.c}' '{}' '{"a":"x\"y","b":2.5}' --arg a 'x"y' --argjson b '{"c": 2.50}'
	gives '{a: $a}' '{}' '{"a":"-5"}' --arg a -5
	gives '$ARGS' '{}' '{"positional":[],"named":{"a":"x","b":2.5}}' --arg a x --argjson b 2.50
	gives '$ARGS.named.nope' '{}' '{"value":null}'
	fails_with 64 cs-map -f '$a' --arg a </dev/null
	fails_with 64 cs-map -f '$a' --argjson a x </dev/null
	contains "$stderr" 'a: not JSON'
	fails_with 64 cs-map -f '$nope' </dev/null
	contains "$stderr" 'nope is not defined'
	fails_with 64 cs-map -f '$a' --argjson a 9007199254740993 </dev/null
	contains "$stderr" 'pass it as text'
}

@test "a program from a file" {
	printf '# a comment\n.a\n| {b: .} # and one more' >program
	succeeds cs-map --filter-file program <<<'{"a":1}'
	equals "$output" '{"b":1}'
	fails_with 64 cs-map --filter-file missing </dev/null
	contains "$stderr" 'missing: No such file'
}

@test "programs that are none: 64, one line" {
	while IFS='|' read -r program pattern; do
		fails_with 64 cs-map -f "${program//_/ }" </dev/null
		contains "$stderr" "^cs-map: --filter: .*$pattern"
		fails_with 64 cs-map --where "${program//_/ }" </dev/null
		contains "$stderr" "^cs-map: --where: .*$pattern"
	done <<-'CASES'
		.a_+|syntax error.*line 1$
		{(1)}|syntax error
		nosuch|nosuch/0 is not defined
		nosuch(1)|nosuch/1 is not defined
		input|input is not available
		[inputs]|input is not available
		.a,(def_f:_input;_f)|input is not available
		env.HOME|env is not available
		$ENV.HOME|\$ENV is not available
		halt|halt is not available
		import_"a"_as_a;_.|modules are not available
		include_"a";_.|modules are not available
		modulemeta|modules are not available
		.a_+_0_==_9007199254740993|has more digits than jq holds
	CASES
}

@test "nor may programs end the process" {
	for program in halt halt_error 'halt_error(1)' '"x" | halt_error'; do
		fails_with 64 cs-map -f "$program" </dev/null
		contains "$stderr" 'halt is not available'
	done
}

@test "the caller's environment and ~/.jq are out of reach" {
	echo 'def mine: 1;' >.jq
	HOME=$PWD fails_with 64 cs-map -f mine </dev/null
	printf '.a' >program
	SECRET=x succeeds cs-map --filter-file program <<<'{"a":1}'
}

@test "errors of a program are the record's, on one line" {
	while IFS='|' read -r program pattern; do
		fails_on "$program" '{"a":"x","b":[1]}' "$pattern"
	done <<-'CASES'
		.a.b|Cannot index string with
		error("one\ntwo")|one two
		error({x: 1})|\{"x":1\}
		.a + 1|cannot be added
		reduce range(600) as $i (1; [.])|nested too deeply
	CASES
	printf '%s\n' '{"a":1}' '{"a":"x"}' '{"a":3}' >in
	run -1 --separate-stderr cs-map -f '{n: (.a + 1)}' --rejects aside <in
	equals "$output" $'{"n":2}\n{"n":4}'
}

big='{"id":9007199254740993,"n":2,"s":"x"}'

@test "numbers that jq cannot hold pass exactly through programs that only pass them on" {
	gives '{id}' "$big" '{"id":9007199254740993}'
	gives '.t = .s + "y"' "$big" '{"id":9007199254740993,"n":2,"s":"x","t":"xy"}'
	gives 'del(.s) | {a: .}' "$big" '{"a":{"id":9007199254740993,"n":2}}'
	gives 'select(.s == "x") | {id, k: (.s | ascii_upcase)}' "$big" '{"id":9007199254740993,"k":"X"}'
	gives '[.[]] | {v: .}' '{"a":1e400,"b":1e-400,"c":0.1234567890123456789,"d":-1e400}' \
		'{"v":[1e400,1e-400,0.1234567890123456789,-1e400]}'
	# Neighbours that one double would stand for.
	gives '{a, b, c}' '{"a":9007199254740993,"b":9007199254740992,"c":9007199254740994}' \
		'{"a":9007199254740993,"b":9007199254740992,"c":9007199254740994}'
	gives '{b: .a, a: .b}' '{"a":1000000000000000001,"b":1000000000000000002}' \
		'{"b":1000000000000000001,"a":1000000000000000002}'
	gives '{a, five: 5}' '{"a":5.00000000000000000001}' '{"a":5.00000000000000000001,"five":5}'
}

@test "and through those that look at values, where nothing comes of the digits" {
	gives 'select(.id > 10) | .n += 1' "$big" '{"id":9007199254740993,"n":3,"s":"x"}'
	gives '{id, t: (.n | tostring)}' "$big" '{"id":9007199254740993,"t":"2"}'
	gives '.n = (.s | length)' "$big" '{"id":9007199254740993,"n":1,"s":"x"}'
	gives 'if .n % 2 == 0 then {id} else empty end' "$big" '{"id":9007199254740993}'
}

@test "what would change or depend on such digits is refused with advice" {
	while read -r program; do
		fails_on "$program" "$big" '9007199254740993 has more digits than jq holds; make it text first'
	done <<-'PROGRAMS'
		{id: (.id / 7 | tostring)}
		{id: @sh "x\(.id)"}
		{id: ([.id] | @csv)}
		{id: [.id, .n] | @tsv}
		{id: (.id / 7)}
		{id: pow(.id; 1)}
		{id: fma(.id; 1; 1)}
		{id: fdim(.id; 1)}
		{c: ([.id] < [9007199254740992])}
		{c: ({a: .id} >= {a: 9007199254740994})}
		{v: [.id, 9007199254740992] | unique}
	PROGRAMS
	fails_on '{m: ([.a, .b] | max)}' '{"a":9007199254740993,"b":9007199254740992}' 'has more digits'
	# Not right by chance, as where a result is the same backwards.
	fails_on '[.ids[] + 1] | group_by(.) | map(length)' '{"ids":[1700000000000000003,1700000000000000001,1700000000000000002,1700000000000000003,1700000000000000001]}' \
		'has more digits'
	fails_on '.ids | unique | [min, max] | map(. == 9007199254740992) | any' '{"ids":[9007199254740993,9007199254740992,9007199254740994]}' 'has more digits'
	gives '{c: (.a | tostring)}' '{"a":-3.265522e321}' '{"c":"-3.265522e+321"}'
	# The advice works.
	cs-map --type id=string <<<"$big" >in
	succeeds cs-map -f '{id: (.id + "!")}' <in
	equals "$output" '{"id":"9007199254740993!"}'
}

@test "numbers of many digits are compared exactly" {
	local pair r
	for pair in 9007199254740992,9007199254740993 9007199254740993,9007199254740994 12040113001245451578,12040113001245451579 1e400,1e500 \
		-1e500,-1e400 0.1234567890123456789,0.12345678901234568 -1e-400,0 4.99999999999999999999,5 1e400,1e401 -9007199254740993,9007199254740993; do
		r="{\"a\":${pair%,*},\"b\":${pair#*,}}"
		gives '[.a == .b, .a != .b, .a < .b, .a <= .b, .a > .b, .a >= .b]' "$r" '{"value":[false,true,true,true,false,false]}'
		gives '[.b == .a, .b != .a, .b < .a, .b <= .a, .b > .a, .b >= .a]' "$r" '{"value":[false,true,false,false,true,true]}'
		gives '[.a == .a, .a != .a, .a < .a, .a <= .a, .a > .a, .a >= .a]' "$r" '{"value":[true,false,false,true,false,true]}'
		gives '[[.a] == [.b], [.a] == [.a], {x: .a} != {x: .b}, ([.a] - [.b] | length), ([.a] - [.a] | length)]' "$r" '{"value":[false,true,true,1,0]}'
		gives '.b as $b | {i: ([.b] | index($b)), j: ([.a] | index($b))}' "$r" '{"i":0,"j":null}'
	done
	gives '{c: (.a == .b)}' '{"a":12040113001245451578,"b":12040113001245451578.0}' '{"c":true}'
	gives 'select(.id >= 9007199254740994 or .id <= 9007199254740992)' "$big" ''
	gives 'select(.id == 9007199254740992 | not)' "$big" "$big"
	gives 'select(.id == 9007199254740992)' "$big" ''
	gives 'if .id > 9007199254740992 and .id < 9007199254740994 and .s > "w" then .n else 0 end' "$big" '{"value":2}'
	gives '[.[] | . < 3, . == "x"]' "$big" '{"value":[false,false,true,false,false,true]}'
	gives '[(.id, .n) < (3, 9007199254740994)]' "$big" '{"value":[false,true,true,true]}'
	gives '.id as $id | [.id, null, "a", [1], {}] | map($id < .)' "$big" '{"value":[false,false,true,true,true]}'
}

@test "sums, products, quotients and remainders of numbers of many digits are exact" {
	local record program want
	record='{"a":325188037976677361,"b":7,"c":325188037976677361.5,"d":-1234567890123456789012,"e":0.1234567890123456789,"f":18014398509481984,"l":[1,2]}'
	while IFS='|' read -r program want; do
		gives "[${program//!/|}]" "$record" "{\"value\":[$want]}"
	done <<-'CASES'
		.a + 1, 1 + .a, .a - 1, 1 - .a, -.a, -(-.a)|325188037976677362,325188037976677362,325188037976677360,-325188037976677360,-325188037976677361,325188037976677361
		.c + 1, .c - 0.5, .c * 2, .c / 2|325188037976677362.5,325188037976677361,650376075953354723,162594018988338680.75
		.d - 1, .d * 3, .d / 4, .d + .a|-1234567890123456789013,-3703703670370370367036,-308641972530864197253,-1234242702085480111651
		.e + 1, .e * 10, 1 - .e|1.1234567890123456789,1.234567890123456789,0.8765432109876543211
		.f + 1, .f - 1, -.f - 1, .f * .f|18014398509481985,18014398509481983,-18014398509481985,324518553658426726783156020576256
		.a % 10, .a % 7, .a % -7, .d % 1000, .c % 10, .b % .a, .f % 1000|1,3,3,-12,1,7,984
		.a / 1000000000, .a / 1e9, .a * 1e3|325188037.976677361,325188037.976677361,325188037976677361000
		.a - .c, .c - .a, .a - .a, .a / .a|-0.5,0.5,0,1
		([.a, 3, .c] ! add), ([] ! add), ([null, .a] ! add)|650376075953354725.5,null,325188037976677361
		reduce range(4) as $i (.a; . + $i)|325188037976677367
		foreach .l[] as $i (.a; . + $i)|325188037976677362,325188037976677364
		.a as $x ! .l[] ! . + $x|325188037976677362,325188037976677363
		def f($x): . + $x; .a ! f(1), f(.)|325188037976677362,650376075953354722
		.l ! map(. * 2), (.[0] - 1), .[.[0]]|[2,4],0,2
		.a + .l[]|325188037976677362,325188037976677363
		(.a, .c) + (1, 2)|325188037976677362,325188037976677362.5,325188037976677363,325188037976677363.5
		.b + 9007199254740992, 9007199254740992 + .b|9007199254740999,9007199254740999
		1e20 + .b, 9007199254740991 + 2, 4503599627370497 * 2 + 1 == 9007199254740994|100000000000000000007,9007199254740993,false
		0.1 + 0.2, 1 / 3, .b / 2, .b % 4, -.b, .b - 9, .b * 1.5|0.30000000000000004,0.3333333333333333,3.5,3,-7,-2,10.5
		.a < 1 / 3, 1 / 3 < .a|false,true
	CASES
	gives '[.a + .b, .a + .b == .c + .b]' '{"a":9007199254740991,"b":2,"c":9007199254740990}' '{"value":[9007199254740993,false]}'
	# Sums of other fields, beside long numbers that are beyond them or not.
	gives '.n += 1' '{"n":9007199254740991,"id":90071992547040993}' '{"n":9007199254740992,"id":90071992547040993}'
	gives '.n = .n * 3 | .m -= .n' '{"n":0.1,"m":1,"id":90071992547040993}' '{"n":0.30000000000000004,"m":0.7,"id":90071992547040993}'
	gives '.n += 0.2' '{"n":0.1,"id":0.30000000000000004123}' '{"n":0.30000000000000004,"id":0.30000000000000004123}'
	gives '.n *= 2 | select(.n > 5)' '{"n":4503599627370497,"id":9007199254740993}' '{"n":9007199254740994,"id":9007199254740993}'
	gives '.n *= 3002399751580331' '{"n":3,"id":90071992547040993}' '{"n":9007199254740993,"id":90071992547040993}'
	gives '.id += .n' '{"n":3,"id":90071992547040993}' '{"n":3,"id":90071992547040996}'
	gives '.n = .id | .n += 1' '{"n":3,"id":90071992547040993}' '{"n":90071992547040994,"id":90071992547040993}'
	gives '.a += 1 | .b -= .a | .c *= 2 | del(.d, .e, .f, .l)' "$record" '{"a":325188037976677362,"b":-325188037976677355,"c":650376075953354723}'
	gives 'walk(if type == "number" then . + 1 else . end) | {a, b, l}' "$record" '{"a":325188037976677362,"b":8,"l":[2,3]}'
	gives '{s: (.a + .b), c}' '{"a":9007199254740990,"b":2,"c":9007199254740993}' '{"s":9007199254740992,"c":9007199254740993}'
	gives '{a, x: (.b + 1)}' '{"a":18014398509481984,"b":1e20}' '{"a":18014398509481984,"x":100000000000000000001}'
	gives '{a: (.a + 1), b: (.b * 2)}' '{"a":1700000000000000255,"b":850000000000000150}' '{"a":1700000000000000256,"b":1700000000000000300}'
	# A result and a number of the record that one double would stand for.
	gives '{a: (.n + 1700000000000000000), b, c: (.b + 1), d: (.c * 2)}' '{"n":0,"b":1700000000000000001,"c":850000000000000000}' \
		'{"a":1.7e+18,"b":1700000000000000001,"c":1700000000000000002,"d":1.7e+18}'
	while read -r n want; do
		gives '.n | [floor, ceil, trunc, round, rint, fabs]' "{\"n\":$n}" "{\"value\":[$want]}"
	done <<-'CASES'
		325188037976677361.5 325188037976677361,325188037976677362,325188037976677361,325188037976677362,325188037976677362,325188037976677361.5
		-325188037976677360.5 -325188037976677361,-325188037976677360,-325188037976677360,-325188037976677361,-325188037976677360,325188037976677360.5
		1.49999999999999999999 1,2,1,1,1,1.49999999999999999999
		4.99999999999999999999 4,5,4,5,5,4.99999999999999999999
		-0.00000000000000000000000000000000000000000000000012345678901234567890 -1,0,0,0,0,1.234567890123456789e-49
		12345678901234567890 12345678901234567890,12345678901234567890,12345678901234567890,12345678901234567890,12345678901234567890,12345678901234567890
	CASES
	gives '.a / 3 | [floor, . > 5]' '{"a":1700037456602840000}' '{"value":[566679152200946666,true]}'
	gives '[.a, .b, -.a | . / 3 | floor, ceil, round]' '{"a":325188037976677361,"b":325188037976677363}' \
		'{"value":[108396012658892453,108396012658892454,108396012658892454,108396012658892454,108396012658892455,108396012658892454,-108396012658892454,-108396012658892453,-108396012658892454]}'
	gives '{m: ([.a, .b] | max), b}' '{"a":325188037976677361,"b":1e17}' '{"m":325188037976677361,"b":1e17}'
	gives '.l |= sort' '{"l":[325188037976677361,5,-325188037976677361,1e300,0.5]}' \
		'{"l":[-325188037976677361,0.5,5,325188037976677361,1e300]}'
	# Nor does another number of many digits in the record excuse one that was computed.
	fails_on '{n: (.s | tonumber), a}' '{"s":"9007199254740993","a":9007199254740995}' 'has more digits'
}

@test "numbers of many digits are sorted exactly where jq has doubles between their neighbours" {
	local ids=12040113001245451579,12040113001245451578,-5,12040113001245451580,12040113001245451578
	gives '.ids | sort, unique, max, min, (group_by(.) | map(length))' "{\"ids\":[$ids]}" \
		'{"value":[-5,12040113001245451578,12040113001245451578,12040113001245451579,12040113001245451580]};;{"value":[-5,12040113001245451578,12040113001245451579,12040113001245451580]};;{"value":12040113001245451580};;{"value":-5};;{"value":[1,2,1,1]}'
	gives '.ids | group_by(.) | map(length)' '{"ids":[0.5000000000000000000011,0.50000000000000000001010,0.5000000000000000000001,0.5000000000000000000301,0.5000000000000000000003,0.5000000000000000000001]}' \
		'{"value":[2,1,1,1,1]}'
	gives '.ids | sort' '{"ids":[1e400,1e300,-1e401,1e500,-1e400]}' '{"value":[-1e401,-1e400,1e300,1e400,1e500]}'
	gives '.l | sort_by(.id) | map(.n)' '{"l":[{"id":-9007199254740995,"n":1},{"id":-9007199254740997,"n":2},{"id":1.5,"n":3}]}' '{"value":[2,1,3]}'
	gives '[limit(.i; .a[])]' '{"a":[0,1,2,3],"i":1.99999999999999999999}' '{"value":[0,1]}'
}

@test "products and sums of small numbers that come to more than 2^53 are exact, too" {
	gives '{s: (.sec * 1000000000 + .nsec), t: (.sec * 1000000000 + .nsec | tostring)}' '{"sec":1700000000,"nsec":123456789}' \
		'{"s":1700000000123456789,"t":"1700000000123456789"}'
	gives '[.a * .b == .c * .d, .a * .b - .c * .d, (.a * .b | . % 10)]' '{"a":94906267,"b":94906267,"c":94906266,"d":94906268}' '{"value":[false,1,9]}'
	gives '.a *= 3000000001' '{"a":3000000001}' '{"a":9000000006000000001}'
	gives '1e15 * 1e3 + 1' '{}' '{"value":1000000000000000001}'
	gives '.t | add | tostring' '{"t":[1700000000000001,1700000000000003,1700000000000005,1700000000000007,1700000000000009,1700000000000000]}' \
		'{"value":"10200000000000025"}'
	gives '[pow(.n; 2), pow(10; 18), (.n * "x"), ({a: .n} * {b: 1}), .n * 1.5]' '{"n":3}' '{"value":[9,1e+18,"xxx",{"a":3,"b":1},4.5]}'
	gives '[.n * infinite, .n * -infinite, (.n * infinite == infinite)]' '{"n":3}' '{"value":[1.7976931348623157e+308,-1.7976931348623157e+308,true]}'
	gives '[.b * infinite, .b < infinite, .b > -infinite, .c < infinite, .b / infinite, nan < .b], ([limit(2; range(1; infinite))])' \
		'{"b":9007199254740993,"c":1e400}' '{"value":[1.7976931348623157e+308,true,true,true,0,true]};;{"value":[1,2]}'
	for program in 'pow(.n; 34) == 16677181699666568' 'pow(.n; 34) | tostring' '.e | modf'; do
		fails_on "$program" '{"n":3,"e":4611686018427387904.00000000000000000256}' '2\^53|digits'
	done
	gives '{s: (.sec * 1000000000 + .nsec | tostring)}' '{"sec":1700000000,"nsec":123456789}' '{"s":"1700000000123456800"}' --numbers lossy
	cs-map -f '.n * .n | debug | empty' <<<'{"n":3000000001}' 2>errors
	equals "$(grep -c DEBUG errors)" 1
}

@test "a program beside a long number means what it says, whatever names it has" {
	local nested='"x\(.id) 1 y"' i
	gives 'def _same: . + 5; .id + 1' "$big" '{"value":9007199254740994}'
	gives 'def _short: 1; def _number: false; def _null: 3; def _ask: 3; def _input: 2; [.id - 1, .n == 2]' "$big" '{"value":[9007199254740992,true]}'
	gives 'def type: "string"; def debug: 1; def add: 5; def floor: 7; .id + 1 | [., [.], add, floor]' "$big" \
		'{"value":[9007199254740994,[9007199254740994],5,7]}'
	gives 'if .id+1 then 1else 2end | [., .5, 5., 1e1, 1E+2, (.5 as $x | $x)] # 7' "$big" '{"value":[1,0.5,5,10,100,0.5]}'
	for ((i = 0; i < 70; i++)); do nested="($nested)"; done
	gives "$nested" "$big" '{"value":"x9007199254740993 1 y"}'
}

@test "what has no end, or more than 37 digits, is not computed" {
	local program
	while IFS= read -r program; do
		fails_on "$program" '{"a":325188037976677361,"b":3,"c":1e400,"p":3.14159265358979323846264338327950288419}' 'has more digits'
	done <<-'PROGRAMS'
		.a / .b
		1 / 3 + .a
		{x: (.a / .b + 1)}
		.c + 1
		.c % 7
		.p + 1
		.a * .a * .a
		try (.p + 1) catch 0
		(.p + 1)? // 0
		pow(.a; 2)
		[range(.a; .a + 3)]
		[range(.a; .a + 9; 3)]
		hypot(.a; 1)
		fmod(.a; 256)
		ldexp(.a; 1)
		nextafter(.a; 0)
	PROGRAMS
	fails_on '.a + 0' '{"a":9e-434567890123185425}' 'has more digits'
	gives '[.a == .a, .a < .b]' '{"a":9e-434567890123185425,"b":9e-434567890123185424}' '{"value":[true,true]}'
	gives '[.c * 2, .c - .c, .c / .c, .p - 0, .p * 1]' '{"c":1e400,"p":3.14159265358979323846}' '{"value":[2e+400,0,1,3.14159265358979323846,3.14159265358979323846]}'
	gives '[.a / .b > .c, .a / .b < .c + 1, .a / .b == .c, .c <= .a / .b, .c + 1 > .a / .b, -.a / .b < -.c]' \
		'{"a":325188037976677361,"b":3,"c":108396012658892453}' '{"value":[true,true,false,true,true,true]}'
	fails_on 'select(.a / .b * .b == .a)' '{"a":325188037976677361,"b":3}' 'has more digits'
	fails_on 'select(.a / .b == .a / .b)' '{"a":325188037976677361,"b":3}' 'has more digits'
	gives '[.n / 0.5, (try (.n / 0) catch "zero"), (try (.a % 0) catch "zero"), .n * "x"]' '{"a":325188037976677361,"n":2}' '{"value":[4,"zero","zero","xx"]}'
	fails_on '.a / 0' '{"a":325188037976677361}' 'cannot be divided because the divisor is zero'
	fails_on '.a + "x"' '{"a":325188037976677361}' 'and string .* cannot be added'
}

@test "differences of numbers that jq cannot hold" {
	local d p
	for d in 1001 1100 300 1 256 -700 100000; do
		for p in '(.e - .s)' '([.e, -.s] | add)' '(-(.s) + .e)' '((.e - .s) * 1000 / 1000)' '(.e -= .s | .e)'; do
			gives "{d: $p}" "{\"s\":1700000000000000100,\"e\":$((1700000000000000100 + d))}" "{\"d\":$d}"
		done
		for p in "== $d" "<= $d" ">= $d" "> $((d - 1))" "< $((d + 1))"; do
			gives "select(.e - .s $p) | .s" "{\"s\":1700000000000000100,\"e\":$((1700000000000000100 + d))}" '{"value":1700000000000000100}'
		done
		for p in "!= $d" "< $d" "> $d" "<= $((d - 1))" ">= $((d + 1))" "== $((d + 1))"; do
			gives "select(.e - .s $p) | .s" "{\"s\":1700000000000000100,\"e\":$((1700000000000000100 + d))}" ''
		done
		gives "select(.e - $d == .s and .s + $d == .e) | .s" "{\"s\":1700000000000000100,\"e\":$((1700000000000000100 + d))}" '{"value":1700000000000000100}'
	done
	gives 'select(.e / 1e9 - .s / 1e9 == 0.0000003) | 1' '{"s":1700000000000000100,"e":1700000000000000400}' '{"value":1}'
	# Numbers beside one another are told from one another all the same.
	for d in 156 256 300 700; do
		gives '.n += 1' "{\"s\":1700000000000000100,\"e\":$((1700000000000000200 + d)),\"n\":1}" \
			"{\"s\":1700000000000000100,\"e\":$((1700000000000000200 + d)),\"n\":2}"
	done
	gives '{t: (.s / 1000000000 | floor | todate), e}' '{"s":1700000000500000100,"e":1700000000500000356}' \
		'{"t":"2023-11-14T22:13:20Z","e":1700000000500000356}'
	gives 'select(.e > .s) | {e, n: (.n - 1)}' '{"s":1700000000000000100,"e":1700000000000001101,"n":2}' '{"e":1700000000000001101,"n":1}'
}

@test "text of numbers of many digits has them" {
	local record='{"a":9007199254740993,"b":0.1234567890123456789,"c":1.10,"d":9007199254740993.0,"n":2,"s":"x\u007f\u00e9"}'
	while IFS='|' read -r program want; do
		gives "[${program//!/|}]" "$record" "{\"value\":[$want]}"
	done <<-'CASES'
		(.a, .b, .c, .d, -.a, .a + 1, .n) ! tostring|"9007199254740993","0.1234567890123456789","1.1","9007199254740993","-9007199254740993","9007199254740994","2"
		"\(.a)-\(.n)", @text "\(.b)", @html "<\(.a)>", @uri "?\(.a)", @base64 "\(.a)"|"9007199254740993-2","0.1234567890123456789","<9007199254740993>","?9007199254740993","OTAwNzE5OTI1NDc0MDk5Mw=="
		[.c, .n, {a, c}, .s] ! tojson, @json|"[1.1,2,{\"a\":9007199254740993,\"c\":1.1},\"x\\u007fé\"]","[1.1,2,{\"a\":9007199254740993,\"c\":1.1},\"x\\u007fé\"]"
		[.a, "x", null, true, .n] ! join("-"), join(", ")|"9007199254740993-x--true-2","9007199254740993, x, , true, 2"
		{("\(.a)"): 1}, {"\(.a)": 2}|{"9007199254740993":1},{"9007199254740993":2}
		[.] ! INDEX(.a) ! keys|["9007199254740993"]
		(.a ! tostring) == "9007199254740993", "\(.a)" == "9007199254740992", (@text "\(.a)" ! test("993"))|true,false,true
		if ([.a, "x"] ! join("-")) == "9007199254740993-x" then 1 else 2 end|1
		(.a ! tostring ! length), (.a ! tojson ! fromjson ! . + 1), ([.n, .c] ! @csv)|16,9007199254740994,"2,1.1"
	CASES
	gives 'select("\(.n)" == "2") | {id, v: [.id, "9007199254740993"]}' "$big" '{"id":9007199254740993,"v":[9007199254740993,"9007199254740993"]}'
	gives 'select(.id > 10 and (.n | tostring) == "2") | {id}' "$big" '{"id":9007199254740993}'
	gives 'select((.id | tostring) == "9007199254740993" and .id + 1 == 9007199254740994)' "$big" "$big"
	fails_on '[{a: .id}] | join(",")' "$big" 'string .* and object .* cannot be added'
}

@test "such numbers as text, or as jq has them, if asked" {
	gives '{id, n, same: (.id == "9007199254740993")}' "$big" '{"id":"9007199254740993","n":2,"same":true}' --numbers text
	gives 'select(.id == "9007199254740993")' "$big" "$big" --numbers text
	gives '{c: (.a < .b)}' '{"a":9007199254740993,"b":9007199254740995}' '{"c":true}' --numbers text
	gives '{id, t: "\(.id)", m: (.id + 1)}' "$big" '{"id":9007199254740992,"t":"9007199254740992","m":9007199254740992}' --numbers lossy
	gives 'select(.id == 9007199254740993)' "$big" "$big" --numbers lossy
	gives '{a, n: (.b | tonumber)}' '{"a":1e400,"b":"9007199254740993"}' '{"a":1.7976931348623157e+308,"n":9007199254740992}' --numbers lossy
	gives '{id}' "$big" '{"id":9007199254740993}' --numbers exact
	fails_with 64 cs-map -f . --numbers some </dev/null
}

@test "thousands of numbers that share one double" {
	seq 10000 19999 | sed 's/^/0.1000000000000000000000000/' | paste -sd, | sed 's/.*/{"a":[&],"b":1.50}/' >in
	succeeds timeout 20 cs-map -f '.c = .a' <in
	equals "$output" "$(sed -E 's/(.*"a":)(.*)(,"b".*)\}/\1\2\3,"c":\2}/' in)"
	succeeds timeout 20 cs-map --where '.b > 1' <in
	equals "$output" "$(cat in)"
}

@test "computed numbers are written as jq writes them" {
	jq -nc '[1, 0.1 + 0.2, 1/3, 2/3, 1e17, 123456789 * 1000000000, 1e15, 1e16, 12e15, 0.0001, 0.00001, 1.5e300, 5e-324,
		1.7976931348623157e308, -0, -1.5, 100 * 1.1, 3.0, 1e22, 2251799813685249.5, 0.001, 0.012, 1234.5678, 99.995,
		-0.05, 1e-7, 123456.7, 2147483648, 9007199254740991, nan, infinite, -infinite][] | {v: .}' >want
	echo '{}' >in
	succeeds cs-map -f '[1, 0.1 + 0.2, 1/3, 2/3, 1e17, 123456789 * 1000000000, 1e15, 1e16, 12e15, 0.0001, 0.00001, 1.5e300, 5e-324,
		1.7976931348623157e308, -0, -1.5, 100 * 1.1, 3.0, 1e22, 2251799813685249.5, 0.001, 0.012, 1234.5678, 99.995,
		-0.05, 1e-7, 123456.7, 2147483648, 9007199254740991, nan, infinite, -infinite][] | {v: .}' <in
	equals "$output" "$(cat want)"
}

@test "what jq may have rounded while computing is refused" {
	fails_on '{n: pow(.n; 34)}' '{"n":3}' 'a number beyond 2\^53 was computed'
	gives '[9007199254740992 + 1, 1000000000000000000 - 1, 1 + 1]' '{}' '{"value":[9007199254740993,999999999999999999,2]}'
	# Text of a number is that number or no number.
	for n in 9007199254740993 -9007199254740993 0.123456789012345678 ' 0009007199254740993 ' +9007199254740993 12345678901234567890; do
		for program in '.id |= tonumber' 'select((.id | tonumber) > 5)' '{t: (.id | tonumber | tostring)}'; do
			fails_on "$program" "{\"id\":\"$n\",\"n\":3}" "${n/+/.} has more digits than jq holds: leave it text"
		done
		gives '.id |= (tonumber? // .)' "{\"id\":\"$n\"}" "{\"id\":\"$n\"}"
		case $n in
		[1-9-]* | 0.*) gives '.id | fromjson | [., . + 1 == ., . * 1]' "{\"id\":\"$n\"}" "{\"value\":[$n,false,$n]}" ;;
		*) fails_on '{n: (.id | fromjson)}' "{\"id\":\"$n\"}" 'beyond 2\^53' ;;
		esac
	done
	gives 'map_values(tonumber)' '{"a":"0.30000000000000004","b":"1.500000000000000000000","c":"0000000000000000000012","d":5}' \
		'{"a":0.30000000000000004,"b":1.5,"c":12,"d":5}'
	for n in 1e400 -1E309 1e-400 1.2345e-320; do
		fails_on '.id |= tonumber' "{\"id\":\"$n\"}" "$n has more digits than jq holds: leave it text"
		gives '.id | fromjson' "{\"id\":\"[$n]\"}" "{\"value\":[$n]}"
	done
	gives 'map(tonumber)' '{"a":"0","b":"-0.0","c":"0e9","d":"5e-324"}' '{"value":[0,-0,0,5e-324]}'
	# What is no JSON is an error of the program's, whatever digits are in it.
	gives '.n | fromjson? // .' '{"n":"order 12345678901234567890"}' '{"value":"order 12345678901234567890"}'
	gives '.n | try fromjson catch "none"' '{"n":"[12345678901234567890"}' '{"value":"none"}'
	gives '.id | tonumber | {n: .}' '{"id":"9007199254740993"}' '{"n":9007199254740992}' --numbers lossy
	gives '[.a, .b | tonumber? // "none"]' '{"a":"no number at all","b":"                  "}' '{"value":["none","none"]}'
	gives '.p | fromjson | {name, ok}' '{"p":"{\"id\":9007199254740993,\"name\":\"9007199254740993 \\\" 1\",\"ok\":0.1}"}' \
		'{"name":"9007199254740993 \" 1","ok":0.1}'
	gives '.p | fromjson | .x[0], (.x[0] * 10 | floor), .x == [0.12345678901234568]' '{"p":"{\"x\":[0.12345678901234567891]}"}' \
		$'{"value":0.12345678901234567891}\n{"value":1}\n{"value":false}'
	gives '.p | fromjson | select(.id == 9007199254740992), .id % 10' '{"p":"{\"id\":9007199254740993}"}' '{"value":3}'
	gives '[.p | fromjson | .[]] | add' '{"p":"[9007199254740993,9007199254740993,1]"}' '{"value":18014398509481987}'
	gives '[(.p | fromjson), .n]' '{"p":"9007199254740992","n":9007199254740993}' '{"value":[9007199254740992,9007199254740993]}'
	gives '(.p | fromjson), (.q | fromjson | .a)' '{"p":"[9007199254740995.0, 1]","q":"{\"a\":{\"b\":9007199254740997}}"}' \
		$'{"value":[9007199254740995.0,1]}\n{"b":9007199254740997}'
	gives '.p | fromjson | tostring' '{"p":"9007199254740993"}' '{"value":"9007199254740993"}'
	fails_on '.p | fromjson' '{"p":"[9007199254740993,nan]"}' 'beyond 2\^53'
	gives '.p | fromjson' '{"p":"{\"id\":9007199254740993}"}' '{"id":9007199254740992}' --numbers lossy
	succeeds cs-map -f '.n += 1' <<<'{"id":"9007199254740993","n":3,"m":9007199254740993}'
	equals "$output" '{"id":"9007199254740993","n":4,"m":9007199254740993}'
	# An error of null is one too.
	for program in '.id, error(.nothing), 5' '.nothing | error'; do
		fails_with 65 cs-map -f "$program" <<<'{"id":1}'
	done
}

@test "what jq does, on the same records" {
	need jq
	jq -nc 'range(50) | {id: ., name: "Name \(.) é\u0001\"", tags: ["a", "b\(.)"], o: {x: (. / 8), y: null, z: [{k: .}]},
		on: (. % 3 == 0), at: "2026-01-04T09:12:30Z"}' >in
	while read -r program; do
		jq -c "$program | if type == \"object\" then . else {value: .} end" in >want
		succeeds cs-map -f "$program" <in
		equals "$output" "$(cat want)" || { echo "for $program"; return 1; }
	done <<-'PROGRAMS'
		.
		.name
		.o.z[0].k
		{id, name}
		{(.name): .id, "x y": .tags[1]}
		.tags[]
		.tags[] as $t | {id, $t}
		select(.on)
		select(.id % 7 == 3 and (.on | not))
		.o |= with_entries(.value |= tostring)
		.o.x *= 2
		del(.o, .tags)
		to_entries | map(select(.value != null)) | from_entries
		[paths(scalars)] | length
		[leaf_paths as $p | {key: ($p | map(tostring) | join("_")), value: getpath($p)}] | from_entries
		. + {full: "\(.name)-\(.id)"}
		.at | fromdateiso8601
		.at | fromdate | . + 3600 | todate
		.name | test("\\d+"; "x")
		.name | capture("(?<n>\\d+)").n | tonumber
		.name | [splits(" ")]
		.name | sub("(?<d>\\d)"; "<\(.d)>")
		.name | @base64, @uri, @html, @json, @sh
		.name | explode | implode
		.name | ascii_downcase | ltrimstr("name ")
		[.tags[] | length] | add
		reduce .tags[] as $t (""; . + $t)
		[foreach range(3) as $i (0; . + $i)]
		[limit(2; .tags[], 1, 2)]
		[.id, .o.x] | sort | min, max
		if .id > 40 then "big" elif .id > 20 then "mid" else "small" end
		try error("x") catch .
		(.nothing // "none")
		.o.z | map(.k) | tojson
		.tags - ["a"]
		[.. | numbers]
		label $out | foreach .tags[] as $t (0; . + 1; if . > 1 then ., break $out else . end)
		def f(x): x * 2; f(.id)
		[range(.id % 4)] | map(select(. % 2 == 0))
		.id as $i | [1,2,3] | .[$i % 3:]
		{a: {b: .id}} | .a.b += 1 | .a
		walk(if type == "number" then . + 1 else . end)
		[.name, .id, .on] | @csv, @tsv
		tojson | fromjson
		[splits("a")]? // "no"
		.o | keys, length, has("x")
		(.tags | first), (.tags | last)
		any(.tags[]; . == "a"), all(.tags[]; . == "a")
		[.tags | combinations(1)]
		group_by(.)? // 0
		[.id, 1.50, 100.00, 1e3]
		.name | length, utf8bytelength
		.id | [., floor, sqrt] | map(. * 100 | floor)
	PROGRAMS
}

@test "debug goes to stderr" {
	succeeds cs-map -f 'debug | .a' <<<'{"a":1.50}'
	equals "$output" '{"value":1.50}'
	equals "$stderr" '["DEBUG:",{"a":1.50}]'
}

@test "without a program libjq does not start" {
	# Compiling jq's own definitions takes some 170 million instructions; the start of cs-map a few at most.
	need valgrind
	case $BUILD in *sanitize*) skip "valgrind and sanitizers exclude each other" ;; esac
	echo '{"aB":1}' >in
	valgrind --tool=callgrind --callgrind-out-file=calls cs-map --no-sandbox --names snake <in >/dev/null 2>&1
	[ "$(sed -n 's/^summary: //p; s/^totals: //p' calls | head -n 1)" -lt 5000000 ]
}

@test "many ids that crowd around the same doubles stay apart, and the same stay the same" {
	need seq
	# Twenty thousand ids, some eighty doubles.
	seq 1234567890123456000 1234567890123475999 | paste -sd, | sed 's/.*/{"a":[&,1234567890123456001,-1234567890123456001]}/' >in
	succeeds timeout 60 cs-map -f '.a | {a:.}' <in
	cmp <(echo "$output") in
}

# agree FROM TO: the programs of these numbers give what the jq program makes of them, taken together. Where jq does not compile
# them, or they disagree, each half is looked at alone.
agree() {
	local from=$1 to=$2 i program='{' input='[' status=0
	for ((i = from; i < to; i++)); do
		program+="\"$i\": (.[$((i - from))] | try [${programs[i]}
			] catch [\"error\", .]),"
		input+=${inputs[i]},
	done
	program=${program%,}'}'
	input=${input%,}$beside']'
	if jq -c "$program" <<<"$input" >want 2>/dev/null; then
		cs-map -f "$before $program" <<<"$input" 2>errors | jq -c . >got
		cmp -s want got && return
		if [ $((to - from)) -eq 1 ] && grep -q -e '2^53' -e 'more digits' errors; then
			cs-map --numbers lossy -f "$before $program" <<<"$input" | jq -c . >got
			cmp -s want got && return
		fi
	elif [ $((to - from)) -eq 1 ]; then
		run cs-map -f "$before $program" <<<"$input"
		[ "$status" -eq 64 ] && return
	fi
	if [ $((to - from)) -gt 1 ]; then
		agree "$from" $(((from + to) / 2)) || status=1
		agree $(((from + to) / 2)) "$to" || status=1
		return "$status"
	fi
	printf 'for %s\njq:     %s\ncs-map: %s\n' "${programs[from]}" "$(cat want)" "$(cat got errors)"
	return 1
}

# With these, the records have a long number, for which jq's operators are others.
before='' beside=''

# agree_on NAME: the programs of tests/data/jq/NAME.test.
agree_on() {
	local line i status=0
	need jq
	programs=() inputs=()
	while IFS= read -r line; do
		case $line in '#'* | '') continue ;; esac
		programs+=("${line%$'\t'*}")
		inputs+=("${line##*$'\t'}")
	done <"$ROOT/tests/data/jq/$1.test"
	[ "${#programs[@]}" -gt 10 ]
	for ((i = 0; i < ${#programs[@]}; i += 20)); do
		agree "$i" $((i + 20 < ${#programs[@]} ? i + 20 : ${#programs[@]})) || status=1
	done
	return "$status"
}

@test "the language: basics" { agree_on basic; }
@test "the language: arrays" { agree_on arrays; }
@test "the language: strings" { agree_on strings; }
@test "the language: numbers" { agree_on numbers; }
@test "the language: control" { agree_on control; }
@test "the language: dates" { agree_on dates; }
@test "the language: paths" { agree_on paths; }
@test "the language: syntax" { agree_on syntax; }

@test "the language: beside a long number" {
	before='(.[-1] + 1) as $long |' beside=,9007199254740993
	for name in basic control paths strings; do
		agree_on $name
	done
	gives '[0/0, (try (.n / 0) catch "zero")], .a + 1' '{"n":2,"a":9007199254740993}' $'{"value":[null,"zero"]}\n{"value":9007199254740994}'
	case $BUILD in *sanitize*) return ;; esac # they need address space without end
	fails_on '(.a + 1) as $x | (null | .[99999999] = 0) | length' '{"a":9007199254740993}' 'needs more than 300M of memory' --program-memory 300M
}

@test "the language: no file of programs is left out" {
	local file
	for file in "$ROOT"/tests/data/jq/*.test; do
		file=${file##*/}
		grep -q "agree_on ${file%.test};" "$ROOT/tests/jq.bats" || { echo "$file"; return 1; }
	done
}
