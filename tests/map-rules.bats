# cs-map: the rules, each case a command line, a record and what becomes of it.
load lib

# becomes INPUT EXPECTED [OPTION…]: status 0, nothing on stderr.
becomes() {
	local input=$1 expected=$2
	shift 2
	printf '%s\n' "$input" >in
	succeeds cs-map "$@" <in
	equals "$output" "$expected" || { echo "with: $*"; return 1; }
	equals "$stderr" ""
}

# refused INPUT PATTERN [OPTION…]: 65, nothing on stdout.
refused() {
	local input=$1 pattern=$2
	shift 2
	printf '%s\n' "$input" >in
	fails_with 65 cs-map "$@" <in
	contains "$stderr" "^cs-map: stdin:1: .*$pattern"
	equals "$output" ""
}

@test "without rules a record is its own bytes" {
	becomes '  { "b" : 1.0 , "a":[1, 2],"a":"\u0061\/" } ' '  { "b" : 1.0 , "a":[1, 2],"a":"\u0061\/" } '
	becomes '[1, "x"]' '[1, "x"]'
	becomes '7' '7'
}

@test "flatten" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--flatten|{"a":1,"b":{"c":2,"d":{"e":"x"}},"f":null}|{"a":1,"b_c":2,"b_d_e":"x","f":null}
		--flatten=.|{"b":{"c":2,"d":{"e":"x"}}}|{"b.c":2,"b.d.e":"x"}
		--flatten=__|{"b":{"c":{"d":1}}}|{"b__c__d":1}
		--flatten=|{"b":{"c":{"d":1}}}|{"bcd":1}
		--flatten|{"a":{},"b":1}|{"b":1}
		--flatten|{"a":{"b":{}}}|{}
		--flatten|{}|{}
		--flatten|{"a":null}|{"a":null}
		--flatten --depth 0|{"a":{"b":1},"c":2}|{"a":"{\"b\":1}","c":2}
		--flatten --depth 1|{"a":{"b":{"c": [1, {"d":"\"\\"}]}}}|{"a_b":"{\"c\":[1,{\"d\":\"\\\"\\\\\"}]}"}
		--flatten --depth 1|{"a":{"b":{}}}|{"a_b":"{}"}
		--flatten --depth 2|{"a":{"b":{"c":{"d":1}}}}|{"a_b_c":"{\"d\":1}"}
		--flatten|{ "a" : { "b" : [ 1 , 2 ] , "c" : "x y" } }|{"a_b":"[1,2]","a_c":"x y"}
	CASES
}

@test "flatten leaves nothing behind from one record to the next" {
	printf '%s\n' '{"a":{"b":1,"c":2}}' '{"a":7}' '{"c":3,"a":{"c":4}}' '{}' '{"a":{"b":null}}' >in
	succeeds cs-map --flatten <in
	equals "$output" '{"a_b":1,"a_c":2}
{"a":7}
{"c":3,"a_c":4}
{}
{"a_b":null}'
}

@test "arrays" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "${expected//;/$'\n'}" $options
	done <<-'CASES'
		--flatten|{"a":["C","caf\u00e9", "é\"", {"b" : 1}]}|{"a":"[\"C\",\"caf\\u00e9\",\"é\\\"\",{\"b\":1}]"}
		--flatten|{"a":[]}|{"a":"[]"}
		--arrays json|{"a":[1, 2],"o":{"x":[1]}}|{"a":"[1,2]","o":{"x":[1]}}
		--flatten --arrays keep|{"a":[1, 2],"o":{"x":[]}}|{"a":[1, 2],"o_x":[]}
		--names snake|{"aB":[1, 2]}|{"a_b":[1, 2]}
		--arrays explode|{"id":1,"t":[1,"x",null,[2]],"z":0}|{"id":1,"t":1,"z":0};{"id":1,"t":"x","z":0};{"id":1,"t":null,"z":0};{"id":1,"t":"[2]","z":0}
		--arrays explode|{"id":1,"t":[]}|{"id":1}
		--arrays explode|{"id":1,"t":null}|{"id":1,"t":null}
		--arrays explode|{"id":1,"t":{"a":1}}|{"id":1,"t":{"a":1}}
		--arrays explode|{"id":1,"t":[{"a": 1},{"b":2}]}|{"id":1,"t":{"a": 1}};{"id":1,"t":{"b":2}}
		--flatten --arrays explode|{"o":{"t":[{"a":1},{"b":{"c":[3]}}]},"id":1}|{"o_t_a":1,"id":1};{"o_t_b_c":"[3]","id":1}
		--arrays explode --drop u|{"t":[1],"u":[2]}|{"t":1}
		--arrays explode --type u=json|{"t":[1],"u":[2]}|{"t":1,"u":"[2]"}
		--arrays explode|{"t":[1,2],"t":[3]}|{"t":3}
		--arrays explode|{"t":[1,2],"t":3}|{"t":3}
		--arrays explode --default t=0|{"t":[]}|{"t":0}
	CASES
	refused '{"t":[1],"o":[2]}' 't and o are both arrays' --arrays explode
}

@test "keep chooses and orders, by path or by name" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--keep c,a|{"a":1,"b":2,"c":3}|{"c":3,"a":1}
		--keep c --keep a|{"a":1,"b":2,"c":3}|{"c":3,"a":1}
		--keep a|{"b":2}|{}
		--keep a|{"a":{"b": 1}}|{"a":{"b": 1}}
		--flatten --keep z,a.c|{"a":{"b":1,"c":2},"z":0}|{"z":0,"a_c":2}
		--flatten --keep z,a_c|{"a":{"b":1,"c":2},"z":0}|{"z":0,"a_c":2}
		--flatten --keep z,a|{"a":{"b":1,"c":{"d":2}},"y":1,"z":0}|{"z":0,"a_b":1,"a_c_d":2}
		--flatten --keep a.c,a|{"a":{"b":1,"c":2,"d":3}}|{"a_c":2,"a_b":1,"a_d":3}
		--flatten --keep a.b,a.c.d,id|{"id":1,"a":null}|{"a_b":null,"a_c_d":null,"id":1}
		--flatten --keep a.b,a.c.d|{"a":{"b":1,"c":null}}|{"a_b":1,"a_c_d":null}
		--flatten --keep a.b|{"a":{}}|{}
		--flatten --keep a.b|{"a":7}|{}
		--flatten --keep a.b|{"a":[1]}|{}
		--flatten --keep a|{"a":null}|{"a":null}
		--names snake --keep createdAt|{"createdAt":1,"x":2}|{"created_at":1}
		--names snake --keep created_at|{"createdAt":1,"x":2}|{"created_at":1}
		--keep a\.b,c\,d,e\\f|{"a.b":1,"c,d":2,"e\\f":3}|{"a.b":1,"c,d":2,"e\\f":3}
		--drop a,c|{"a":1,"b":2,"c":3}|{"b":2}
		--drop b|{"a":1}|{"a":1}
		--flatten --drop a.b|{"a":{"b":1,"c":2},"a_b":3}|{"a_c":2,"a_b":3}
		--flatten --drop a|{"a":{"b":1,"c":2},"d":3}|{"d":3}
		--flatten --keep a --drop a.b|{"a":{"b":1,"c":2},"d":3}|{"a_c":2}
		--names snake --drop created_at|{"createdAt":1,"x":2}|{"x":2}
		--keep \u0061|{"a":1}|{}
		--keep a|{"\u0061":1}|{"a":1}
		--keep é|{"\u00e9":1}|{"é":1}
		--flatten --drop a.b --names keep|{"a":{"\u0062":1,"c\n\"":2}}|{"a_c\n\"":2}
	CASES
}

@test "rename" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--rename a=b|{"a":1,"c":2}|{"b":1,"c":2}
		--rename a=b --rename b=a|{"a":1,"b":2}|{"b":1,"a":2}
		--rename a=x"y|{"a":1}|{"x\"y":1}
		--flatten --rename o.a=x|{"o":{"a":1,"b":2}}|{"x":1,"o_b":2}
		--flatten --rename o_a=x|{"o":{"a":1,"b":2}}|{"x":1,"o_b":2}
		--flatten --rename o=p|{"o":{"a":1,"b":2}}|{"p_a":1,"p_b":2}
		--flatten --rename a.b=ab|{"a_b":1,"a":{"b":2}}|{"a_b":1,"ab":2}
		--names snake --rename salaryMin=Low|{"salaryMin":1,"salaryMax":2}|{"Low":1,"salary_max":2}
		--names snake --rename salary_min=low|{"salaryMin":1}|{"low":1}
		--names snake --keep low --rename salaryMin=low|{"salaryMin":1,"x":2}|{"low":1}
		--names snake --keep salaryMin --rename salaryMin=low|{"salaryMin":1,"x":2}|{"low":1}
		--flatten --keep cur --rename pay.currency=cur|{"pay":{"currency":"GBP","min":1}}|{"cur":"GBP"}
		--flatten --keep cur --rename pay.currency=cur|{"pay":null}|{"cur":null}
		--rename a\=b=c|{"a=b":1}|{"c":1}
		--rename a=b=c|{"a":1}|{"b=c":1}
	CASES
}

@test "names: snake, as dlt has it" {
	while IFS='|' read -r key name; do
		becomes "{\"$key\":1}" "{\"$name\":1}" --names snake
	done <<-'CASES'
		event_value|event_value
		event value|event_value
		event-.!:*<>value|event_x_value
		1event_n'|_1event_nx
		123BaNaNa|_123_ba_na_na
		BANANA|banana
		BAN_ANA|ban_ana
		BANaNA|ba_na_na
		 Small Love Potion |small_love_potion
		BANANA_|bananax
		BANANA____|bananaxxxx
		+1|x1
		-1|_1
		updatedAt|updated_at
		userID|user_id
		HTTPStatus|http_status
		postalCode|postal_code
		address_line1|address_line1
		A|a
		a__b|a_b
		_private|_private
		___|xxx
		é|x
		ABcDe|a_bc_de
		a1B2C|a1_b2_c
	CASES
	becomes '{"+-!$*@#=|:":1}' '{"x_xa_lx":1}' --names snake
}

@test "names: fivetran, with the seed's vectors" {
	while IFS='|' read -r key name; do
		becomes "{\"$key\":1}" "{\"$name\":1}" --names fivetran
	done <<-'CASES'
		updatedAt|updated_at
		userID|user_id
		HTTPStatus|httpstatus
		job-roles|job_roles
		user.data|user_data
		userData|user_data
		user data|user_data
		address_line1|address_line_1
		line2b|line_2_b
		2fa|2_fa
		a1b2|a_1_b_2
		_private|_private
		a--b|a_b
	CASES
}

@test "names go by the key, the separator stays; nested values keep theirs" {
	becomes '{"homeAddr":{"postCode":1},"xY":[{"aB":1}]}' '{"home_addr__post_code":1,"x_y":"[{\"aB\":1}]"}' \
		--flatten=__ --names snake
	becomes '{"xY":{"aB":1}}' '{"x_y":{"aB":1}}' --names snake
	refused '{" ":1}' 'nothing is left of the name " "' --names snake
	becomes '{"":1}' '{"":1}' --names keep --drop x
}

@test "two sources of one column are an error that names both" {
	refused '{"a_b":1,"a":{"b":2}}' 'a_b and a\.b give columns of one name' --flatten
	refused '{"a\u0000_b":1,"a\u0000":{"b":2}}' 'a _b and a \.b give columns of one name' --flatten
	refused '{"a":{"b":2},"a_b":1}' 'a\.b and a_b ' --flatten
	refused '{"userData":1,"user data":2}' 'userData and user data' --names snake
	refused '{"a":1,"b":2}' 'a and b ' --rename a=b
	becomes '{"a_b":1,"a":{"c":2}}' '{"a_b":1,"a_c":2}' --flatten
	# Not in one record, no collision.
	printf '%s\n' '{"a_b":1}' '{"a":{"b":2}}' >in
	succeeds cs-map --flatten <in
	equals "$output" '{"a_b":1}
{"a_b":2}'
}

@test "duplicate keys: the last counts, at the first one's place" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--drop x|{"a":1,"b":2,"a":3}|{"a":3,"b":2}
		--drop x|{"a":1,"b":2,"\u0061":3}|{"a":3,"b":2}
		--flatten|{"a":{"b":1,"c":2},"z":0,"a":{"b":3}}|{"a_b":3,"z":0}
		--flatten|{"a":{"b":1},"a":2}|{"a":2}
		--flatten|{"a":2,"a":{"b":1}}|{"a_b":1}
		--flatten|{"a":{"b":{"c":1}},"a":{"b":{"d":1}}}|{"a_b_d":1}
		--flatten|{"a":{"b":2},"a":3,"a_b":4}|{"a_b":4,"a":3}
		--keep a|{"a":1,"a":{"b":2}}|{"a":{"b":2}}
		--default a=9 --flatten|{"a":1,"a":{"b":2}}|{"a":9,"a_b":2}
	CASES
}

@test "defaults: for what is missing, never for null, empty or 0" {
	while IFS='|' read -r options input expected; do
		# shellcheck disable=SC2086
		becomes "$input" "$expected" $options
	done <<-'CASES'
		--default a=0|{"b":1}|{"b":1,"a":0}
		--default a=0|{"a":null}|{"a":null}
		--default a=0|{"a":""}|{"a":""}
		--default a=9|{"a":0}|{"a":0}
		--default a=null|{}|{"a":null}
		--default a="x=y"|{}|{"a":"x=y"}
		--default a={"b":[1,2]}|{}|{"a":{"b":[1,2]}}
		--default a=12345678901234567890.10|{}|{"a":12345678901234567890.10}
		--default b=2 --default a=1|{"c":0}|{"c":0,"b":2,"a":1}
		--keep a,b --default b=2 --default c=3|{"a":1}|{"a":1,"b":2,"c":3}
		--keep b,a --default b=2|{"a":1}|{"b":2,"a":1}
		--flatten --default o.a=5|{"o":{"b":1}}|{"o_b":1,"o_a":5}
		--flatten --keep o.a,o.b --default o.a=5|{"o":null}|{"o_a":null,"o_b":null}
		--names snake --default createdAt=1|{"createdAt":2}|{"created_at":2}
		--names snake --default created_at=1|{}|{"created_at":1}
		--default n="5" --type n=integer|{}|{"n":5}
	CASES
}

@test "a rules file says the same as the options" {
	cat >rules.json <<-'RULES'
		{
		  "flatten": "_", "depth": 3, "arrays": "json", "names": "snake",
		  "keep": ["id", "address.line1", "address.postalCode", "payroll", "createdAt", "a\\.b", "x,y"],
		  "drop": ["payroll.secret"],
		  "rename": {"address.line1": "first_line"},
		  "type": {"created_at": "timestamp", "payroll.number": "string"},
		  "default": {"id": 12345678901234567890.10, "address.postalCode": ""}
		}
	RULES
	printf '%s\n' '{"createdAt":"2026-01-01T02:00:00+02:00","payroll":{"number":7,"secret":1,"m":{"n":[1]}},
		"a.b":1,"x,y":2,"address":{"line1":"1 Dock St"},"z":0}' | tr -d '\n\t' >in
	succeeds cs-map --rules rules.json <in
	equals "$output" "{\"id\":12345678901234567890.10,\"first_line\":\"1 Dock St\",\"address_postal_code\":\"\",$(
		)\"payroll_number\":\"7\",\"payroll_m_n\":\"[1]\",\"created_at\":\"2026-01-01T00:00:00Z\",\"a_b\":1,\"x_y\":2}"
	# Options add to it, and later ones win.
	succeeds cs-map --rules rules.json --rename address.line1=other --keep z <in
	contains "$output" '"other":"1 Dock St".*"z":0}$'
	echo '{"where":".a > 1","filter":"{b: .a}"}' >rules.json
	printf '{"a":1}\n{"a":2}\n' >in
	succeeds cs-map --rules rules.json <in
	equals "$output" '{"b":2}'
	echo '{"flatten":false}' >rules.json
	becomes '{"a":{"b":1}}' '{"a":{"b":1}}' --rules rules.json
	echo '{"flatten":true}' >rules.json
	becomes '{"a":{"b":1}}' '{"a_b":1}' --rules rules.json
}

@test "a rules file with a mistake: 64, with the key" {
	while IFS='|' read -r rules pattern; do
		printf '%s\n' "$rules" >rules.json
		fails_with 64 cs-map --rules rules.json </dev/null
		contains "$stderr" "^cs-map: rules.json:? ?$pattern"
	done <<-'CASES'
		{"flaten":"_"}|"flaten" is no rule
		{"flatten":1}|"flatten" should be
		{"flatten":true,"depth":"1"}|"depth" should be a number
		{"flatten":true,"depth":1.5}|"depth": "1.5" is not a whole number
		{"flatten":true,"depth":1000}|"depth": 1000 is not in
		{"keep":"id"}|"keep" should be an array
		{"keep":[1]}|"keep" should be a string
		{"keep":["a","a"]}|"keep": a is given twice
		{"keep":["a..b"]}|"keep": a name is empty
		{"type":{"a":"int"}}|"type": a: "int" is not
		{"type":["a"]}|"type" should be an object
		{"names":"camel"}|"names": "camel" is not
		{"arrays":"child"}|"arrays": "child" is not
		{"only":1}|"only" should be true or false
		{"hash":"a"}|"hash" should be an array
		{"set":["a"]}|"set" should be an object
		{"child":{"a":1}}|"child" should be a string
		{"salt":1}|"salt" should be a string
		{"rename":{"a":""}}|"rename": a: the new name is empty
		{"names":"keep","names":"snake"}|"names" is given twice
		{"keep":["a"]|2: text ends
		{"keep":["a"]} x|1: something follows
		[]|not a JSON object
	CASES
	printf '{\n "keep": [\n "a",\n]}' >rules.json
	fails_with 64 cs-map --rules rules.json </dev/null
	contains "$stderr" '^cs-map: rules.json:4: '
	fails_with 64 cs-map --rules missing.json </dev/null
	contains "$stderr" 'missing.json: No such file'
}

@test "rules that contradict each other, and other mistakes of use: 64" {
	while IFS='|' read -r options pattern; do
		# shellcheck disable=SC2086
		fails_with 64 cs-map $options </dev/null
		contains "$stderr" "$pattern"
	done <<-'CASES'
		--rename a=x --rename b=x|both a and b would be named x
		--keep a,a|a is given twice
		--keep a,b --drop b|b is in both
		--flatten --keep a.b --drop a|a\.b is in what --drop drops
		--flatten --keep a.b,a_b|a\.b and a_b are both named a_b
		--names snake --keep userData,user_data|both named user_data
		--keep a.b|a\.b is a path, which needs --flatten
		--type a.b=string|a\.b is a path
		--flatten --depth 1 --keep a.b.c|deeper than --depth 1
		--depth 1|--depth needs --flatten
		--keep a --type b=integer|b is not among what --keep keeps
		--keep ,a|a name is empty
		--type a|lacks a =
		--type a=integr|"integr" is not string
		--default a=x|x is not JSON
		--default a=|is not JSON
		--default a="x" --type a=integer|"x" is no integer
		--rename a|lacks a =
		--rename =a|a name is empty
		--names lower|"lower" is not keep
		--arrays child|"child" is not json
		--max-rejects 1|--max-rejects needs --rejects
		--max-record x|is not a size
		--keep é --names snake --flatten --keep ...|a name is empty
		--children a|unrecognized option
		--child a|lacks a =
		--child a=|the table's name is empty
		--child a=b --child a=c|a is given twice
		--child a=b --child c=b|b is given twice
		--child a.b=c|a\.b is a path, which needs --flatten
		--flatten --depth 0 --child a.b=c|deeper than --depth 0
		--child a=b --drop a|a is in what is dropped
		--flatten --child a.b=c --type a=json|a\.b is in what is dropped, or no object
		--child a=b --type a=json|a gives rows by --child: it is no column
		--child a=b --arrays explode|--child and --arrays explode
		--child-key id|--child-key needs --child
		--child a=b --keep c|--child-key: id is not among what --keep keeps
		--child a=b --only --rename c=d|--child-key: id is not among what --keep keeps
		--child a=b --child-key a.c|a\.c is not the parent's
		--child a=b --rename a.c=x --rename a.d=x|both a\.c and a\.d would be named x
		--only|no rule names a column
		--salt env:HOME|--salt needs --hash
		--hash a --salt hunter2|--salt: not env:NAME
		--set a|lacks a =
		--fill a=x|x is not JSON
		--jobs 0|--jobs: 0 is not in 1
		--from meltano|neither singer nor airbyte
		file.ndjson|unexpected argument
	CASES
}

@test "mistakes that would leave something out, or hide nothing: 64, with what to do" {
	local list
	for list in 'id, a' 'id ,a' 'a, id,b'; do
		for option in keep drop hash mask null child-key; do
			fails_with 64 cs-map --$option "$list" --child l=t </dev/null
			contains "$stderr" "^cs-map: --$option: a space beside a comma in \"$list\""
		done
	done
	succeeds cs-map --keep 'id,a b,\ c,d\ ,e f' <<<'{"e f":6,"d ":5," c":4,"a b":2,"id":1}'
	equals "$output" '{"id":1,"a b":2," c":4,"d ":5,"e f":6}'
	fails_with 64 cs-map --flatten __ </dev/null
	contains "$stderr" '^cs-map: __: unexpected argument; a separator is given by --flatten=__$'
	fails_with 64 cs-map --flatten file </dev/null
	contains "$stderr" 'records are read from standard input'
	fails_with 64 cs-map --mask a.b </dev/null
	contains "$stderr" '^cs-map: --hash, --mask or --null: a\.b is a path'
	fails_with 64 cs-map --set a.b=1 </dev/null
	contains "$stderr" '^cs-map: --default, --fill or --set: a\.b is a path'
	for list in '.a = 1' '.a="x"' '.b and .a = "x"' '(.a.b = true)' '.a = null | not'; do
		fails_with 64 cs-map --where "$list" </dev/null
		contains "$stderr" '^cs-map: --where: = assigns'
	done
	succeeds cs-map --where '.a = .b | .a == 1' <<<'{"a":2,"b":1}'
	equals "$output" '{"a":2,"b":1}'
}

@test "the seed's mappings: companies, documents, job roles" {
	cat >companies.json <<-'RULES'
		{"flatten":"_","names":"snake","keep":["id","name","description","website","phone","address.line1",
		 "address.line2","address.city","address.state","address.country","address.postalCode","createdAt","updatedAt"]}
	RULES
	cat >documents.json <<-'RULES'
		{"names":"snake","arrays":"json","keep":["id","name","description","type","filename","url","personId",
		 "fileSize","mimeType","expiryDate","tags","createdAt","updatedAt"]}
	RULES
	cat >roles.json <<-'RULES'
		{"flatten":"_","names":"snake","rename":{"salaryRange.currency":"salary_currency"},
		 "keep":["id","name","description","department","location","employmentType","salaryRange.min",
		 "salaryRange.max","salaryRange.currency","requirements","responsibilities","benefits","isActive",
		 "createdAt","updatedAt"]}
	RULES
	becomes '{"id":"Co1","name":"Alder Ltd","website":"https://alder.example","address":{"line1":"1 Dock St","line2":null,"city":"Hull","state":"","postalCode":"HU1 1AA","country":"GB","geo":{"lat":1}},"createdAt":"2024-01-01T00:00:00.000Z","updatedAt":"2025-06-01T12:00:00.000Z","extra":[1]}' \
		'{"id":"Co1","name":"Alder Ltd","website":"https://alder.example","address_line1":"1 Dock St","address_line2":null,"address_city":"Hull","address_state":"","address_country":"GB","address_postal_code":"HU1 1AA","created_at":"2024-01-01T00:00:00.000Z","updated_at":"2025-06-01T12:00:00.000Z"}' \
		--rules companies.json
	becomes '{"address":null,"id":"Co2","name":null}' \
		'{"id":"Co2","name":null,"address_line1":null,"address_line2":null,"address_city":null,"address_state":null,"address_country":null,"address_postal_code":null}' \
		--rules companies.json
	becomes '{"id":"Co3"}' '{"id":"Co3"}' --rules companies.json
	becomes '{"id":"Do1","personId":"Pe1","name":"Passport","type":"identity","filename":"p.pdf","fileSize":18233,"mimeType":"application/pdf","url":"https://files.example/p.pdf","expiryDate":"2031-05-01","tags":["id", "eu"],"createdAt":"2025-01-05T08:00:00.000Z","updatedAt":"2025-01-05T08:00:00.000Z"}' \
		'{"id":"Do1","name":"Passport","type":"identity","filename":"p.pdf","url":"https://files.example/p.pdf","person_id":"Pe1","file_size":18233,"mime_type":"application/pdf","expiry_date":"2031-05-01","tags":"[\"id\",\"eu\"]","created_at":"2025-01-05T08:00:00.000Z","updated_at":"2025-01-05T08:00:00.000Z"}' \
		--rules documents.json
	becomes '{"id":"Do2","tags":null,"fileSize":0}' '{"id":"Do2","file_size":0,"tags":null}' --rules documents.json
	becomes '{"id":"Jr1","name":"Data engineer","description":"Builds pipelines","department":"Platform","location":"Leeds","employmentType":"full_time","salaryRange":{"min":52000,"max":68000.5,"currency":"GBP"},"requirements":["C","SQL","café rota"],"responsibilities":[],"benefits":null,"isActive":true,"createdAt":"2025-03-02T10:00:00.000Z","updatedAt":"2025-11-20T16:31:09.250Z"}' \
		'{"id":"Jr1","name":"Data engineer","description":"Builds pipelines","department":"Platform","location":"Leeds","employment_type":"full_time","salary_range_min":52000,"salary_range_max":68000.5,"salary_currency":"GBP","requirements":"[\"C\",\"SQL\",\"café rota\"]","responsibilities":"[]","benefits":null,"is_active":true,"created_at":"2025-03-02T10:00:00.000Z","updated_at":"2025-11-20T16:31:09.250Z"}' \
		--rules roles.json
	becomes '{"id":"Jr2","name":"Trainee","salaryRange":null,"requirements":null}' \
		'{"id":"Jr2","name":"Trainee","salary_range_min":null,"salary_range_max":null,"salary_currency":null,"requirements":null}' \
		--rules roles.json
}

@test "many columns, deep paths, long names, and keys that never repeat" {
	jq -nc '[range(3000) | {key: "column \(.)", value: .}] | from_entries' >in
	succeeds cs-map --names snake --drop x <in
	equals "$(jq -c '[keys_unsorted[0,2999], length]' <<<"$output")" '["column_0","column_2999",3000]'
	jq -nc 'reduce range(200) as $i (1; {("k\($i)"): .})' >in
	succeeds cs-map --flatten <in
	equals "$(jq -r 'keys[0] | split("_") | length' <<<"$output")" 200
	jq -nc '{("n" * 70000): {("m" * 70000): 1}}' >in
	succeeds cs-map --flatten <in
	equals "${#output}" 140007
	# More keys than are remembered: the map starts afresh and goes on as before.
	jq -nc 'range(60000) | {"k\(.)": ., o: {"p\(. % 7)": 1}, aB: 2}' >in
	succeeds cs-map --flatten --names snake --rename o.p3=three --default d=0 <in
	equals "$(tail -n 1 <<<"$output")" '{"k59999":59999,"o_p2":1,"a_b":2,"d":0}'
	equals "$(grep -c '"three":1' <<<"$output")" "$(jq -n '[range(60000) | select(. % 7 == 3)] | length')"
	equals "$(wc -l <<<"$output")" 60000
}
