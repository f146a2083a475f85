#!/usr/bin/env bats
# cs-fetch: the command line, credentials, and what people see.

load lib
load canned

setup_file() {
	start_playground --users 200
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
}

teardown() {
	stop_canned
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

@test "--help and --version" {
	succeeds cs-fetch --help
	[ "${#lines[@]}" -le 45 ]
	equals "$(awk 'length > 80' <<<"$output")" ''
	equals "$stderr" ''
	succeeds cs-fetch -V
	contains "$output" '^cs-fetch [0-9.]+$'
	contains "$output" '^libcurl/[0-9.]+'
	contains "$output" '^libjq '
	[ ! -e /dev/full ] || { run bash -c 'cs-fetch --help >/dev/full' && equals "$status" 74; }
}

@test "--help=TOPIC tells of one topic, --help=all of all" {
	succeeds cs-fetch --help=paging
	contains "$output" '--cursor-path PATH'
	lacks "$output" '--token'
	succeeds cs-fetch --help=all
	contains "$output" '--cursor-path PATH'
	contains "$output" '--token SECRET'
	fails_with 64 cs-fetch --help=nonsense
}

@test "an unknown option, and an abbreviated one, is refused" {
	local option
	for option in --reco --nonsense --pag; do
		fails_with 64 cs-fetch "$PLAYGROUND/array" "$option" x
		contains "$stderr" "^cs-fetch: unknown option $option \(cs-fetch --help lists them\)$"
	done
	fails_with 64 cs-fetch --recor=x "$PLAYGROUND/array"
	fails_with 64 cs-fetch -Z
	fails_with 64 cs-fetch --page-size
	contains "$stderr" '^cs-fetch: option --page-size needs a value$'
	equals "$(log)" ''
}

@test "bad values name the option, the value and what is allowed" {
	local o
	bad() {
		local want=$1
		shift
		fails_with 64 cs-fetch "$PLAYGROUND/array" "$@" || return 1
		contains "$stderr" "$want"
	}
	bad '^cs-fetch: --page-size: 0 is not in 1\.\.1000000$' --page-size 0
	bad '^cs-fetch: --page-size: "abc" is not a whole number$' --page-size abc
	for o in --limit-param --offset-param --page-param --cursor-param --keyset-param; do
		bad "^cs-fetch: $o: needs --paginate, which says how to get the next page, or none to take one\$" $o x
	done
	bad '^cs-fetch: --page-size: needs --paginate, ' --page-size 10
	bad '^cs-fetch: --paginate: "pages" is not one of none, offset, page, cursor, next-url, link, keyset, graphql, odata$' --paginate pages
	bad '^cs-fetch: --auth: "oauth9" is not one of' --auth oauth9
	bad '^cs-fetch: --stall-timeout: "soon" is not' --stall-timeout soon
	bad '^cs-fetch: --max-record: ' --max-record 1
	bad '^cs-fetch: --records: "data" is no path' --records 'data'
	bad '^cs-fetch: --records: ".a\[" is no path' --records '.a['
	bad '^cs-fetch: --stop-on: ' --stop-on never
	bad '^cs-fetch: --stop-on: ' --stop-on status:999
	bad '^cs-fetch: --stop-on: status:200: a reply of that status holds records' --stop-on status:200
	bad '^cs-fetch: --query: "x" is not NAME=VALUE$' --query x
	bad '^cs-fetch: --header: a header is' -H 'no header'
	bad '^cs-fetch: --header: control characters' -H $'X-A: a\r\nX-Injected: yes'
	bad '^cs-fetch: --header: credentials do not belong' -H 'Authorization: Bearer x'
	bad '^cs-fetch: --header: Content-Length says what the body says itself$' -H 'Content-Length: 0'
	bad '^cs-fetch: --header: transfer-encoding says' -H 'transfer-encoding: chunked'
	bad '^cs-fetch: --primary-key: must not be empty$' --primary-key ''
	bad '^cs-fetch: --primary-key: is not UTF-8$' --primary-key $'caf\xe9'
	bad '^cs-fetch: --offset-param: must not be empty$' --offset-param ''
	bad '^cs-fetch: --since-param: must not be empty$' --since-param ''
	bad '^cs-fetch: --json: is no valid JSON' --json '{'
	bad '^cs-fetch: --data: none: No such file' --data @none
	bad '^cs-fetch: --method: ' -X 'G T'
	bad '^cs-fetch: --allow-host: ' --allow-host http://x/
	bad '^cs-fetch: --incremental: ' --incremental maybe
	bad '^cs-fetch: --paginate cursor: needs --cursor-path' --paginate cursor
	bad '^cs-fetch: --paginate next-url: needs --next' --paginate next-url
	bad '^cs-fetch: --next: needs --paginate next-url' --next .n
	bad '^cs-fetch: one URL or stream' "$PLAYGROUND/b"
	bad '^cs-fetch: --config: needs --connector' --config x.json
	fails_with 64 cs-fetch
	contains "$stderr" 'no URL'
	fails_with 64 cs-fetch ftp://127.0.0.1/
	fails_with 64 cs-fetch 'http://127.0.0.1/a b'
	fails_with 64 cs-fetch http://127.0.0.1:port/
	fails_with 64 cs-fetch "http://user:hidden-pass@127.0.0.1/"
	lacks "$stderr" hidden
	equals "$(log)" ''
}

@test "each way to authenticate" {
	succeeds cs-fetch "$PLAYGROUND/auth/http_bearer" --records .data --auth bearer --token env:TOKEN
	equals "$(records <<<"$output" | wc -l)" 20
	need perl
	start_canned
	reply else '[1]'
	export SECRET='s3cret/+ é"'
	sent() {
		rm -f "$CANNED/log"
		succeeds cs-fetch "$SERVER/x?a=1" "$@" || return 1
		lacks "$output$stderr" s3cret
		sent=$(cat "$CANNED/log")
	}
	sent --auth basic --user me --password env:SECRET
	contains "$sent" "^Authorization: Basic $(printf 'me:%s' "$SECRET" | base64)$"
	sent --auth header --token env:SECRET
	contains "$sent" '^X-API-Key: s3cret/\+ é"$'
	sent --auth header --token env:SECRET --auth-name Authorization --auth-prefix apiKey
	contains "$sent" '^Authorization: apiKey s3cret'
	sent --auth bearer --token env:SECRET --auth-prefix 'Token token='
	contains "$sent" '^Authorization: Token token=s3cret'
	sent --auth query --token env:SECRET
	contains "$sent" '^GET /x\?a=1&api_key=s3cret%2F%2B%20%C3%A9%22 HTTP'
	sent --auth query --token env:SECRET --auth-name a
	contains "$sent" '^GET /x\?a=s3cret%2F%2B%20%C3%A9%22 HTTP'
}

@test "secrets come by reference, and only so" {
	printf 'from-a-file\n' >secret
	chmod 600 secret
	need perl
	start_canned
	reply else '[1]'
	succeeds cs-fetch "$SERVER/x" --auth bearer --token file:secret
	equals "$stderr" ''
	contains "$(cat "$CANNED/log")" '^Authorization: Bearer from-a-file$'
	chmod 644 secret
	succeeds cs-fetch "$SERVER/x" --auth bearer --token file:secret
	contains "$stderr" 'can be read by others: chmod 600 secret'
	run cs-fetch "$SERVER/x" --auth bearer --token fd:7 7<<<from-a-descriptor
	equals "$status" 0
	contains "$(cat "$CANNED/log")" 'Bearer from-a-descriptor$'
	succeeds cs-fetch "$SERVER/x" --auth bearer --token 'cmd:printf "from-a-%s" command'
	contains "$(cat "$CANNED/log")" 'Bearer from-a-command$'
	rm "$CANNED/log"
	local nothing=
	export EMPTY=$nothing PLACEHOLDER='<token>' YOURS=YOUR_API_TOKEN TWO=$'two\nlines'
	fails_with 64 cs-fetch "$SERVER/x" --auth bearer --token hunter2-literal
	contains "$stderr" '^cs-fetch: --token: give env:NAME, file:PATH'
	lacks "$stderr" hunter2
	fails_with 77 cs-fetch "$SERVER/x" --auth bearer --token env:NOT_THERE
	contains "$stderr" '^cs-fetch: --token: the environment has no NOT_THERE$'
	fails_with 77 cs-fetch "$SERVER/x" --auth bearer --token env:EMPTY
	fails_with 77 cs-fetch "$SERVER/x" --auth bearer --token file:none
	fails_with 77 cs-fetch "$SERVER/x" --auth bearer --token 'cmd:exit 3'
	contains "$stderr" 'failed with status 3'
	fails_with 77 cs-fetch "$SERVER/x" --auth bearer
	fails_with 77 cs-fetch "$SERVER/x" --auth basic --user me
	fails_with 64 cs-fetch "$SERVER/x" --auth basic --password env:TOKEN
	fails_with 64 cs-fetch "$SERVER/x" --token env:TOKEN
	fails_with 64 cs-fetch "$SERVER/x" --auth bearer --token env:PLACEHOLDER
	contains "$stderr" '^cs-fetch: --token: still holds the placeholder'
	fails_with 64 cs-fetch "$SERVER/x" --auth bearer --token env:YOURS
	fails_with 64 cs-fetch "$SERVER/x" --auth bearer --token env:TWO
	equals "$(requests)" ''
}

@test "a server that says the token back does not get it into our messages" {
	need perl
	start_canned
	export SECRET='abc/def+ghi jkl'
	answer else 403 '{"e":"abc/def+ghi jkl abc\/def+ghi jkl abc%2Fdef%2Bghi%20jkl abc%2fdef%2bghi%20jkl YWJjL2RlZitnaGkgamts abc%2Fdef%2Bghi+jkl"}'
	for auth in bearer header query; do
		fails_with 77 cs-fetch "$SERVER/x" --auth "$auth" --token env:SECRET -q
		contains "$stderr" '\*\*\* \*\*\* \*\*\* \*\*\* \*\*\* \*\*\*'
		lacks "$stderr$output" 'abc|YWJj'
	done
	fails_with 77 cs-fetch "$SERVER/x" --auth basic --user me --password env:SECRET
	lacks "$stderr$output" 'abc|YWJj'
	run cs-fetch "$SERVER/abc/def+ghi?api_key=abc%2Fdef%2Bghi%20jkl" --auth query --token env:SECRET -v
	lacks "$output" 'abc%2F'
	succeeds cs-fetch "$SERVER/x" --auth query --token env:SECRET --dry-run
	lacks "$output" abc
}

@test "requests are what was asked for" {
	need perl
	start_canned
	reply else '[1]'
	sent() {
		rm -f "$CANNED/log"
		succeeds cs-fetch "$@" || return 1
		sent=$(cat "$CANNED/log")
	}
	sent "$SERVER/x?a=1&b=2#top" --query 'b=x y&z' --query '$sort[a]=ü'
	contains "$sent" '^GET /x\?a=1&b=x%20y%26z&%24sort%5Ba%5D=%C3%BC HTTP/1.1$'
	sent "$SERVER/x?id=9" --query id=1 --query id=2 --paginate page --page-size 5 --stop-on empty --max-records 1
	contains "$sent" '^GET /x\?id=1&id=2&limit=5&page=1 '
	sent "$SERVER/x" -H 'Accept: text/x' -H 'X-Empty:' -X PUT --data 'a=b'
	contains "$sent" '^PUT /x '
	contains "$sent" '^Accept: text/x$'
	contains "$sent" '^X-Empty:'
	contains "$sent" '^BODY a=b$'
	equals "$(grep -ci '^accept:' <<<"$sent")" 1
	sent "$SERVER/x" --form 'a=1 2' --form b=ü
	contains "$sent" '^POST /x '
	contains "$sent" '^BODY a=1%202&b=%C3%BC$'
	printf '{"q":1}' >body.json
	sent "$SERVER/x" --json @body.json
	contains "$sent" '^BODY \{"q":1\}$'
	contains "$sent" '^User-Agent: cs-fetch/'
}

@test "--dry-run asks nothing and prints a command that asks the same" {
	succeeds cs-fetch -n "$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 3 \
		--query "order_type=desc" -H "X-It's: me"
	equals "$(log)" ''
	contains "$output" '^curl .*limit=3&offset=0'
	equals "$(bash -c "$output" 2>/dev/null | jq '.data | length')" 3
	# A secret that is in the environment is there for the command, too.
	succeeds cs-fetch -n "$PLAYGROUND/auth/http_bearer" --auth bearer --token env:TOKEN
	contains "$output" 'Authorization: Bearer .*\$TOKEN'
	equals "$(bash -c "$output" 2>/dev/null | jq '.data | length')" 20
	export PASSWORD="it's \"a\" \$x"
	succeeds cs-fetch -n "$PLAYGROUND/x" --auth basic --user 'me & you' --password env:PASSWORD
	lacks "$output" 'Authorization|it.s'
	equals "$(bash -c "${output/curl --compressed/printf '%s\\n'}" | sed -n 2p)" "me & you:$PASSWORD"
	printf %s "$TOKEN" >token
	succeeds cs-fetch -n "$PLAYGROUND/array" --auth bearer --token file:token -q
	contains "$output" "Authorization: Bearer \\*\\*\\*'"
}

@test "--check asks once and says what it found" {
	succeeds cs-fetch --check "$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 7 \
		--total .total --cursor-field .updatedAt --since-param updated_since
	equals "$(log | wc -l)" 1
	contains "$output" 'status   200, application/json'
	contains "$output" 'records  7 on this page, 200 in all, more pages follow'
	contains "$output" 'fields   id name email'
	contains "$output" 'cursor   \.updatedAt up to 2026-'
	lacks "$output" '@cs'
	fails_with 77 cs-fetch --check "$PLAYGROUND/auth/http_bearer" --records .data
	fails_with 65 cs-fetch --check "$PLAYGROUND/pagination/offset"
	fails_with 76 cs-fetch --check "$PLAYGROUND/pagination/offset" --records .data --total .total
}

@test "-v shows requests, -q nothing, and progress is for terminals" {
	succeeds cs-fetch -v "$PLAYGROUND/array"
	contains "$stderr" "^cs-fetch: GET $PLAYGROUND/array: 200, 200 records, [0-9]+ bytes, [0-9]+ ms$"
	succeeds cs-fetch "$PLAYGROUND/array"
	equals "$stderr" ''
	succeeds cs-fetch --progress always "$PLAYGROUND/pagination/offset?_fault=delay:250" --records .data \
		--paginate offset --page-size 50 --total .total
	contains "$stderr" '[23] pages, (99|148) records, [0-9]+/s'
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/array&fault=status:500&times=1" >/dev/null
	succeeds cs-fetch -q --progress always "$PLAYGROUND/array"
	equals "$stderr" ''
}

@test "TLS: certificates are checked, and https never becomes http" {
	need openssl perl
	start_canned
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 \
		-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null
	mkdir www
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]' >www/ok
	printf 'HTTP/1.1 302 Found\r\nLocation: %s/x\r\nContent-Length: 0\r\n\r\n' "$SERVER" >www/down
	local port i
	for ((i = 0; i < 20; i++)); do
		port=$((20000 + RANDOM % 20000))
		(cd www && exec openssl s_server -accept "127.0.0.1:$port" -cert ../cert.pem -key ../key.pem -HTTP -quiet \
			</dev/null >/dev/null 2>&1 3>&-) &
		local pid=$!
		sleep 0.3
		kill -0 "$pid" 2>/dev/null && break
	done
	succeeds cs-fetch "https://127.0.0.1:$port/ok" --cacert cert.pem
	contains "$output" '^\{"value":1\}$'
	fails_with 69 cs-fetch "https://127.0.0.1:$port/ok"
	contains "$stderr" 'certificate'
	fails_with 76 cs-fetch "https://127.0.0.1:$port/down" --cacert cert.pem --allow-host 127.0.0.1
	contains "$stderr" 'from https to http://127.0.0.1:[0-9]+: refused'
	kill "$pid"
	equals "$(requests)" ''
}

@test "a URL is UTF-8" {
	fails_with 64 cs-fetch "$PLAYGROUND"/array/$'caf\xe9'
	contains "$stderr" 'is not UTF-8$'
	equals "$(log)" ''
}

@test "--dry-run hides what looks like a credential" {
	succeeds cs-fetch -n "$PLAYGROUND/array" -H 'X-Api-Key: abc1' -H 'Cookie: abc2' -H 'X-Auth-Token: abc3' \
		-H 'Client-Secret: abc4' -H 'Proxy-Authorization: abc5' -H 'X-Trace: abc6'
	equals "$(grep -o 'abc.' <<<"$output")" abc6
	contains "$output" "-H 'X-Api-Key: \*\*\*'"
}

@test "nothing that a server says moves the cursor of a terminal" {
	need perl
	start_canned
	local esc=$'\e[31m' csi=$'\u009b31m' rlo=$'\u202e' iso=$'\u2066' odd=$'[\e\u009b\u202e\u2066]'
	reply else "[{\"a$csi\":1,\"b$rlo$iso\":2}]"
	sed -i "s|^Content-Type: .*|Content-Type: x/y$esc$csi$rlo\r|" "$CANNED/else"
	succeeds cs-fetch --check "$SERVER/x"
	contains "$output" '  fields   a\?\?31m b\?\?\?\?\?\?$'
	[[ $output$stderr != *$odd* ]]
	answer else 404 "no $esc$csi$rlo$iso" "Link: $csi"
	sed -i "s|^Content-Type: .*|Content-Type: x/y$esc$csi$rlo\r|" "$CANNED/else"
	fails_with 69 cs-fetch "$SERVER/x"
	contains "$stderr" 'status 404, x/y \[31m\?\?31m\?\?\?: no \[31m'
	[[ $stderr != *$odd* ]]
}

@test "another host gets no body" {
	need perl
	start_canned
	reply else "{\"data\":[1],\"next\":\"http://localhost:${SERVER##*:}/y\"}"
	fails_with 76 cs-fetch "$SERVER/x" --records .data --paginate next-url --next .next --allow-host localhost --json '{"q":1}'
	contains "$stderr" 'localhost:[0-9]+/y: another host, which gets no body'
	equals "$(requests)" 'POST /x HTTP/1.1'
	rm "$CANNED/log"
	fails_with 76 cs-fetch "$SERVER/x" --records .data --paginate next-url --next .next --allow-host localhost -X PUT
	equals "$(requests)" 'PUT /x HTTP/1.1'
}
