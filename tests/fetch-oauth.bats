#!/usr/bin/env bats
# cs-fetch: tokens that a server hands out, by OAuth 2.0 and by logins.

load lib
load canned

setup_file() {
	start_playground --users 60
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
	export CLIENT_SECRET='s3cr&t: +%é' PW='pass word+&"' REFRESH=$TOKEN
	oauth=(--auth oauth2 --token-url "$PLAYGROUND/oauth/token" --client-id 'the client/1'
		--client-secret env:CLIENT_SECRET)
	pages=(--records .data --total .total --paginate offset --page-size 10)
}

teardown() {
	stop_canned
}

# set_oauth NAME=VALUE…: how the token endpoint behaves from now on.
set_oauth() {
	local IFS='&'
	curl -fsS -X POST "$PLAYGROUND/_oauth?$*" >/dev/null
}

# counted NAME: how often the playground was asked for that.
counted() {
	curl -fsS "$PLAYGROUND/_oauth" | jq ".$1"
}

# gets COUNT OPTION…: so many records, and no word about secrets.
gets() {
	local want=$1
	shift
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "$@" || return 1
	lacks "$output$stderr" "$TOKEN|pass word|s3cr"
	equals "$(records <<<"$output" | jq -r .id | sort -u | wc -l)" "$want"
	equals "$(records <<<"$output" | wc -l)" "$want"
}

@test "client credentials, in the header and in the body, as a form and as JSON" {
	gets 60 "${oauth[@]}" "${pages[@]}"
	equals "$(counted asked)" 1
	gets 60 "${oauth[@]}" "${pages[@]}" --client-auth post
	gets 60 "${oauth[@]}" "${pages[@]}" --client-auth post --token-body json
	gets 60 "${oauth[@]}" "${pages[@]}" --token-body json --scope 'read:a write' --token-param 'audience=https://x/?a&b'
	equals "$(counted asked)" 4
	equals "$(counted refused)" 0
	CLIENT_SECRET=wrong fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}"
	contains "$stderr" 'token endpoint .*/oauth/token: status 401: invalid_client$'
	lacks "$stderr" 'secret words'
}

@test "a client that signs instead of a secret: private_key_jwt" {
	need openssl perl
	start_canned
	openssl genrsa -out rsa.pem 2048 2>/dev/null
	openssl rsa -in rsa.pem -pubout -out rsa.pub 2>/dev/null
	chmod 600 rsa.pem
	export KEY=0123456789abcdef0123456789abcdef
	local jwt=(--auth oauth2 --token-url "$SERVER/token" --client-id 'the client' --client-auth jwt --jwt-key)
	reply else '[1]'
	reply 1 '{"access_token":"new-one","token_type":"Bearer"}'
	succeeds cs-fetch "$SERVER/x" "${jwt[@]}" file:rsa.pem --jwt-alg RS256 --scope read -v
	lacks "$stderr" 'eyJ'
	sed -n 's/^BODY //p' "$CANNED/log" | tr '&' '\n' >form
	equals "$(sed 's/\(client_assertion=\).*/\1/' form | tr '\n' ' ')" 'grant_type=client_credentials scope=read client_id=the%20client '\
'client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer client_assertion= '
	perl -MMIME::Base64=decode_base64url -ne 'next unless s/^client_assertion=//; chomp; @p = split /\./;
		for (["h", $p[0]], ["c", $p[1]], ["s", $p[2]]) { open F, ">", $_->[0]; print F decode_base64url $_->[1] }
		open F, ">", "text"; print F "$p[0].$p[1]"' form
	openssl dgst -sha256 -verify rsa.pub -signature s text
	equals "$(jq -c '[.iss, .sub, .aud, .exp - .iat]' c)" "[\"the client\",\"the client\",\"$SERVER/token\",300]"
	contains "$(jq -r .jti c)" '^[0-9A-Z]{26}$'
	# Another time it is another; claims of one's own stay.
	reply 3 '{"access_token":"new-two","token_type":"Bearer","refresh_token":"next"}'
	REFRESH=first succeeds cs-fetch "$SERVER/x" "${jwt[@]}" env:KEY --grant refresh_token --refresh-token env:REFRESH \
		--credentials c.json --jwt-claims '{"aud":"them","jti":"mine"}'
	equals "$(sed -n 's/^BODY //p' "$CANNED/log" | tail -n 1 | tr '&' '\n' | perl -MMIME::Base64=decode_base64url -ne \
		'print decode_base64url((split /[.=]/)[2]) if /^client_assertion=/' | jq -c '[.aud, .jti, .sub]')" '["them","mine","the client"]'
	run cs-fetch -n "$SERVER/x" "${jwt[@]}" env:KEY
	lacks "$output" 'eyJ'
	fails_with 77 cs-fetch "$SERVER/x" "${jwt[@]:0:8}"
	fails_with 64 cs-fetch "$SERVER/x" "${jwt[@]}" env:KEY --client-secret env:KEY
	fails_with 64 cs-fetch "$SERVER/x" "${jwt[@]}" env:KEY --grant jwt-bearer
}

@test "password and assertion grants" {
	gets 60 "${oauth[@]}" "${pages[@]}" --grant password --user someone --password env:PW
	PW=wrong fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" \
		--grant password --user someone --password env:PW
	contains "$stderr" 'status 400: invalid_grant$'
	JWT_KEY=0123456789abcdef0123456789abcdef gets 60 "${oauth[@]}" "${pages[@]}" --grant jwt-bearer --jwt-key env:JWT_KEY \
		--jwt-claims '{"iss":"me"}'
	fails_with 69 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" --token-param grant_type=x --token-url "$PLAYGROUND/nowhere"
	contains "$stderr" 'status 404$'
}

@test "a token goes wherever it belongs" {
	gets 60 "${oauth[@]}" "${pages[@]}" --auth-prefix Custom
	gets 60 "${oauth[@]}" "${pages[@]}" --auth-name X-Session --auth-prefix ''
	gets 60 "${oauth[@]}" "${pages[@]}" --auth-in query --auth-name access_token
	gets 60 "${oauth[@]}" "${pages[@]}" --auth-in cookie --auth-name sid
	equals "$(counted refused)" 0
}

@test "401: one new token, one more try, then 77" {
	set_oauth uses=2
	gets 60 "${oauth[@]}" "${pages[@]}"
	[ "$(counted asked)" -ge 3 ]
	equals "$(counted refused)" "$(($(counted asked) - 1))"
	set_oauth reset=1 uses=0
	fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}"
	contains "$stderr" 'status 401.*the credentials were refused'
	lacks "$stderr" "$TOKEN"
	equals "$(counted asked)" 2
	equals "$(counted refused)" 2
}

@test "requests in flight share one new token" {
	# sixty pages, forty a token, none asked for twice
	local each=(--records .data --total .total --paginate offset --page-size 1 --parallel 6)
	set_oauth uses=40
	gets 60 "${oauth[@]}" "${each[@]}"
	equals "$(counted asked)" 2
	[ "$(counted refused)" -ge 1 ] && [ "$(counted refused)" -le 6 ]
	set_oauth reset=1 uses=40
	each+=(--grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	gets 60 "${oauth[@]}" "${each[@]}"
	equals "$(counted refreshed)" 2
	curl -fsS -X POST "$PLAYGROUND/_oauth/revoke" >/dev/null
	set_oauth uses=-1
	gets 60 "${oauth[@]}" "${each[@]}"
	equals "$(counted refreshed)" 3
}

@test "a token is replaced before it ends" {
	# 5 s: due after 4, which the pages' delays exceed
	set_oauth expires=1 life=60000
	gets 60 "${oauth[@]}" "${pages[@]}" --query _fault=delay:400
	[ "$(counted asked)" -ge 2 ]
	equals "$(counted refused)" 0
}

@test "a token endpoint that fails for a while is asked again; when it goes on, 75" {
	set_oauth fail=503 times=2
	gets 60 "${oauth[@]}" "${pages[@]}" -q
	equals "$(counted asked)" 3
	set_oauth reset=1 fail=500
	fails_with 75 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" -q --tries 2
	contains "$stderr" 'token endpoint .*: status 500: given up after 2 tries$'
	set_oauth reset=1 fail=200
	fails_with 65 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}"
	contains "$stderr" 'status 200: the answer is no JSON object$'
	set_oauth reset=1 delay=3000
	fails_with 75 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" --retries 0 \
		--connect-timeout 500ms --stall-timeout 250ms
}

@test "no token is asked for twice behind our back: a kept connection that closes" {
	need perl
	start_canned
	answer 1 503 ''
	sed -i '/^Connection: close/d; 1s/^/KEEP\n/' "$CANNED/1"
	: >"$CANNED/2" # it reads, and closes without a word: it may have taken the refresh token
	reply 3 '{"access_token":"new-one","token_type":"Bearer","expires_in":300,"refresh_token":"next"}'
	reply else '[{"id":1}]'
	export FIRST=refresh-1
	run --separate-stderr cs-fetch "$SERVER/x" --auth oauth2 --token-url "$SERVER/token" --client-id me --grant refresh_token \
		--refresh-token env:FIRST --credentials c.json
	equals "$status" 0
	equals "$(grep -c 'trying again' <<<"$stderr")" 2
	equals "$(requests | cut -d ' ' -f 1,2 | tr '\n' ' ')" 'POST /token POST /token POST /token GET /x '
}

@test "an early renewal that fails lets the run go on with the token it has" {
	set_oauth expires=2 life=60000
	gets 10 "${oauth[@]}" --records .data --credentials credentials.json
	# due, and not over
	jq '.[].obtained -= 90 | .[].expires = .[].obtained + 100' credentials.json >credentials.new && cat credentials.new >credentials.json
	set_oauth fail=503
	gets 10 "${oauth[@]}" --records .data --credentials credentials.json
	contains "$stderr" 'status 503: going on with the token that there is$'
}

@test "the refresh token is rotated, and on the disk before the new one is used" {
	local auth=("${oauth[@]}" --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	gets 60 "${auth[@]}" "${pages[@]}"
	equals "$(stat -c %a credentials.json)" 600
	equals "$(jq -r 'length' credentials.json)" 1
	gets 60 "${auth[@]}" "${pages[@]}"
	equals "$(counted refreshed)" 1
	# the access token is forgotten by the server: the kept refresh token gets another, the first is worth nothing by now
	curl -fsS -X POST "$PLAYGROUND/_oauth/revoke" >/dev/null
	gets 60 "${auth[@]}" "${pages[@]}"
	equals "$(counted refreshed)" 2
	equals "$(counted refused)" 1
	# every page its own token
	set_oauth uses=1
	curl -fsS -X POST "$PLAYGROUND/_oauth/revoke" >/dev/null
	gets 60 "${auth[@]}" "${pages[@]}"
	[ "$(counted refreshed)" -ge 8 ]
	equals "$(counted refused)" "$(($(counted refreshed) - 1))"
	# all gone
	curl -fsS -X POST "$PLAYGROUND/_oauth/revoke?all=1" >/dev/null
	fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" "${pages[@]}"
	contains "$stderr" 'status 400: invalid_grant$'
	lacks "$stderr" "secret words|$TOKEN"
}

@test "a rotated refresh token that cannot be kept is told of; a file that cannot be written stops before it is asked for" {
	gets 60 "${oauth[@]}" "${pages[@]}" --grant refresh_token --refresh-token env:REFRESH
	contains "$stderr" 'no --credentials FILE to keep it'
	set_oauth reset=1
	fails_with 74 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" --grant refresh_token \
		--refresh-token env:REFRESH --credentials nowhere/credentials.json
	mkdir credentials.json
	fails_with 64 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" --grant refresh_token \
		--refresh-token env:REFRESH --credentials credentials.json
	rmdir credentials.json
	echo 'no json' >credentials.json
	fails_with 64 cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" "${pages[@]}" --grant refresh_token \
		--refresh-token env:REFRESH --credentials credentials.json
	contains "$stderr" 'is no credentials file: nothing is written$'
	equals "$(cat credentials.json)" 'no json'
	equals "$(counted asked)" 0
}

@test "processes that share the file get one token between them" {
	local i pids=()
	set_oauth delay=300
	for i in 1 2 3 4 5; do
		cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" --records .data --grant refresh_token \
			--refresh-token env:REFRESH --credentials credentials.json >out.$i 2>err.$i &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	equals "$(cat out.? | records | wc -l)" 50
	equals "$(counted refreshed)" 1
	equals "$(counted refused)" 0
	# and all of them one when the server forgets it
	curl -fsS -X POST "$PLAYGROUND/_oauth/revoke" >/dev/null
	pids=()
	for i in 1 2 3 4 5; do
		cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" --records .data --grant refresh_token \
			--refresh-token env:REFRESH --credentials credentials.json >out.$i 2>err.$i &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	equals "$(cat out.? | records | wc -l)" 50
	equals "$(counted refreshed)" 2
}

@test "clients, users and scopes do not mix in one file" {
	local file=(--records .data --credentials credentials.json)
	gets 10 "${oauth[@]}" "${file[@]}"
	gets 10 "${oauth[@]}" "${file[@]}" --scope other
	gets 10 "${oauth[@]}" "${file[@]}" --grant password --user someone --password env:PW
	equals "$(jq length credentials.json)" 3
	equals "$(jq '[.[].access_token] | unique | length' credentials.json)" 3
	gets 10 "${oauth[@]}" "${file[@]}" --scope other
	gets 10 "${oauth[@]}" "${file[@]}"
	equals "$(counted asked)" 3
	chmod 644 credentials.json
	set_oauth uses=1
	gets 10 "${oauth[@]}" "${file[@]}" --scope third
	contains "$stderr" 'credentials.json could be read by others'
	equals "$(stat -c %a credentials.json)" 600
}

@test "kill -9 while tokens rotate loses none that was in the file" {
	local auth=("${oauth[@]}" "${pages[@]}" --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	local i pid
	set_oauth uses=1
	for i in 1 2 3 4 5 6 7 8 9 10; do
		cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" >out 2>err &
		pid=$!
		sleep "0.0$((i * 7 % 10))"
		kill -9 "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
		# whole and readable at any moment; nothing left behind but the lock
		[ ! -s credentials.json ] || jq -e 'length == 1' credentials.json >/dev/null
	done
	run cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}"
	# Only a token that was on the wire when we died can be lost.
	[ "$status" -eq 0 ] || contains "$output" 'invalid_grant'
}

@test "the new refresh token is on the disk, and named, before the new access token is sent" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # not under strace
	local auth=("${oauth[@]}" --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	strace -o calls -e trace=fsync,rename,sendto,openat -s 60 cs-fetch "$PLAYGROUND/oauth/users" --records .data "${auth[@]}" >out
	equals "$(sed -n 's/^sendto([0-9]*, "\(GET\|POST\).*/\1/p; s/^fsync.*/fsync/p; s/^rename(.*/rename/p' calls | tr '\n' ' ')" \
		'POST fsync rename fsync GET '
	contains "$(cat calls)" 'rename\(".*credentials.json.new", ".*credentials.json"\)'
	rm calls # the token may be in it
}

@test "killed between writing the new refresh token and naming it, the next run finds it" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # not under strace
	local auth=("${oauth[@]}" --records .data --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	local at
	for at in fsync:when=1 rename:when=1 ftruncate:when=1; do
		set_oauth reset=1
		rm -f credentials.*
		run strace -o /dev/null -e "inject=$at:signal=KILL" cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}"
		[ "$status" -eq 137 ]
		[ -s credentials.json.new ] && [ ! -e credentials.json ]
		gets 10 "${auth[@]}"
		equals "$(counted refreshed)" 1
		curl -fsS -X POST "$PLAYGROUND/_oauth/revoke" >/dev/null
		gets 10 "${auth[@]}"
		equals "$(counted refreshed)" 2
		[ ! -e credentials.json.new ]
	done
}

@test "a signal waits for the answer to a refresh, and keeps it" {
	local auth=("${oauth[@]}" "${pages[@]}" --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	set_oauth delay=1000
	cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" >out 2>err &
	local pid=$! i
	for i in {1..100}; do
		[ "$(counted asked)" = 0 ] || break
		sleep 0.02
	done
	kill -TERM "$pid"
	wait "$pid" || status=$?
	equals "$status" 143
	equals "$(jq '.[] | has("refresh_token")' credentials.json)" true
	set_oauth delay=0
	gets 60 "${auth[@]}"
	equals "$(counted refreshed)" 1
}

@test "a login: token from the body, a header or a cookie, sent where it belongs" {
	local login=(--auth login --login-url "$PLAYGROUND/oauth/login" --login-json '{"user":"someone","password":"env:PW"}')
	gets 60 "${login[@]}" "${pages[@]}" --login-token .data.session.token
	gets 60 "${login[@]}" "${pages[@]}" --login-token header:X-Session --auth-name X-Session --auth-prefix ''
	gets 60 "${login[@]}" "${pages[@]}" --login-token cookie:sid
	gets 60 "${login[@]}" "${pages[@]}" --login-token '.data | .session.token'
	equals "$(counted logins)" 4
	set_oauth uses=4
	gets 60 "${login[@]}" "${pages[@]}" --login-token .data.session.token
	[ "$(counted logins)" -ge 6 ]
	PW=wrong fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" "${login[@]}" --login-token .data.session.token
	contains "$stderr" '/oauth/login: status 401$'
	fails_with 65 cs-fetch "$PLAYGROUND/oauth/users" "${login[@]}" --login-token .data.token
	contains "$stderr" 'has no token at .data.token$'
	fails_with 65 cs-fetch "$PLAYGROUND/oauth/users" "${login[@]}" --login-token cookie:other
	fails_with 77 cs-fetch "$PLAYGROUND/oauth/users" --auth login --login-url "$PLAYGROUND/oauth/login" \
		--login-json '{"password":"env:NOT_THERE"}' --login-token .x
}

@test "a session is kept in the credentials file, until --login-expires" {
	local login=(--auth login --login-url "$PLAYGROUND/oauth/login" --login-json '{"user":"someone","password":"env:PW"}'
		--login-token .data.session.token --records .data --credentials credentials.json --login-expires 1h)
	gets 10 "${login[@]}"
	gets 10 "${login[@]}"
	equals "$(counted logins)" 1
	jq '.[].obtained -= 3500 | .[].expires -= 3500' credentials.json >credentials.new && cat credentials.new >credentials.json
	gets 10 "${login[@]}"
	equals "$(counted logins)" 2
}

@test "all of it in a connector file; a parameter is never taken for a reference" {
	cat >connector.json <<-'END'
		{
		  "parameters": {"required": ["url", "password"], "properties": {
		    "url": {}, "user": {"default": "someone"}, "password": {"writeOnly": true}, "secret": {"writeOnly": true}}},
		  "url": "${url}", "records": ".data",
		  "streams": {
		    "session": {"path": "/oauth/users", "auth": "login", "login-url": "${url}/oauth/login",
		      "login-json": {"user": "${user}", "password": "${password}"}, "login-token": ".data.session.token"},
		    "oauth": {"path": "/oauth/users", "auth": "oauth2", "token-url": "${url}/oauth/token", "client-id": "the client/1",
		      "client-secret": "${secret}", "token-param": {"audience": "x"}, "scope": "all"}
		  }
		}
	END
	echo '{"password": "env:PW", "secret": "env:CLIENT_SECRET"}' >configuration.json
	local how=(--connector connector.json --config configuration.json --set "url=$PLAYGROUND")
	succeeds cs-fetch "${how[@]}" session
	equals "$(records <<<"$output" | wc -l)" 10
	succeeds cs-fetch "${how[@]}" oauth
	equals "$(records <<<"$output" | wc -l)" 10
	PW=env:CLIENT_SECRET fails_with 77 cs-fetch "${how[@]}" session
	contains "$stderr" 'oauth/login: status 401$'
	succeeds cs-fetch "${how[@]}" session --dry-run
	contains "$output" "Authorization: Bearer \*\*\*"
	lacks "$output" 'pass word'
}

@test "a replay asks for no token, reads none and writes none" {
	local auth=("${oauth[@]}" "${pages[@]}" --grant refresh_token --refresh-token env:REFRESH --credentials credentials.json)
	set_oauth uses=3
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" --record tape
	equals "$(records <<<"$output" | wc -l)" 60
	lacks "$(cat tape/*)" "$TOKEN|s3cr"
	local before recorded
	recorded=$(records <<<"$output" | md5sum)
	before=$(md5sum <credentials.json)
	REFRESH='' CLIENT_SECRET='' succeeds cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" --replay tape
	equals "$(records <<<"$output" | md5sum)" "$recorded"
	equals "$(md5sum <credentials.json)" "$before"
	rm credentials.*
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" --replay tape --cert none.pem
	[ ! -e credentials.json ]
	rm -r tape
	set_oauth reset=1
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "${auth[@]}" --record tape
	for how in '--auth jwt --jwt-key env:X' '--netrc' '--auth basic --netrc' '--auth bearer --tokens env:X'; do
		REFRESH='' CLIENT_SECRET='' succeeds cs-fetch "$PLAYGROUND/oauth/users" "${pages[@]}" $how --replay tape
	done
}

@test "--dry-run shows the request for a token too, without asking" {
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" --scope 'a b' --dry-run
	equals "$output" "curl -X POST -H 'Content-Type: application/x-www-form-urlencoded' -H 'Authorization: Basic ***' \
--data-binary 'grant_type=client_credentials&scope=a%20b' '$PLAYGROUND/oauth/token'
curl --compressed -H 'Accept: application/json, */*;q=0.1' -H 'User-Agent: cs-fetch/0.1.0' -H 'Authorization: Bearer ***' \
'$PLAYGROUND/oauth/users'"
	succeeds cs-fetch "$PLAYGROUND/oauth/users" "${oauth[@]}" --client-auth post --grant password --user me --password env:PW -n
	contains "$output" "'grant_type=password&username=me&password=\*\*\*&client_id=the%20client%2F1&client_secret=\*\*\*'"
	succeeds cs-fetch "$PLAYGROUND/oauth/users" --auth login --login-url "$PLAYGROUND/oauth/login" --login-token .t \
		--login-json '{"user":"x","password":"env:PW"}' -n
	contains "$output" "^curl -X POST .*--data-binary '\{\"user\":\"x\",\"password\":\"\*\*\*\"\}' '$PLAYGROUND/oauth/login'$"
	equals "$(counted asked)" 0
	equals "$(counted logins)" 0
	cs-fetch --check "$PLAYGROUND/oauth/users" "${oauth[@]}" --records .data >checked
	contains "$(cat checked)" 'records  10 on this page'
}

@test "what does not go together is refused before anything is asked" {
	bad() {
		local code=$1 want=$2
		shift 2
		fails_with "$code" cs-fetch "$PLAYGROUND/oauth/users" "$@" || return 1
		contains "$stderr" "$want"
	}
	bad 64 '^cs-fetch: --auth oauth2: needs --token-url URL$' --auth oauth2
	bad 64 '^cs-fetch: --auth oauth2: needs --client-id ID$' --auth oauth2 --token-url "$PLAYGROUND/t"
	bad 77 "client's secret is missing" --auth oauth2 --token-url "$PLAYGROUND/t" --client-id x
	bad 77 'refresh token is missing' --auth oauth2 --token-url "$PLAYGROUND/t" --client-id x --grant refresh_token
	bad 64 'is for --grant refresh_token' "${oauth[@]}" --refresh-token env:REFRESH
	bad 64 '^cs-fetch: --token-url: "ftp://x/" is no URL$' --auth oauth2 --token-url ftp://x/
	bad 64 '^cs-fetch: --token-url: is for --auth oauth2, not for bearer$' --auth bearer --token env:TOKEN --token-url "$PLAYGROUND/t"
	bad 64 '^cs-fetch: --token: is for --auth bearer, header, query, cookie, sigv4, not for basic$' --auth basic --token env:TOKEN
	bad 64 '^cs-fetch: --scope: say how to send it: --auth oauth2$' --scope x
	bad 64 '^cs-fetch: --auth login: needs --login-url' --auth login
	bad 64 '^cs-fetch: --header: Authorization is what|credentials do not belong' "${oauth[@]}" -H 'authorization: x'
	bad 64 '^cs-fetch: --header: X-Key is what --auth oauth2 sends' "${oauth[@]}" --auth-name X-Key -H 'x-key: 1'
	bad 64 '^cs-fetch: --auth-in: needs --auth-name' "${oauth[@]}" --auth-in query
	bad 64 '^cs-fetch: --auth-name: "a b" cannot be' "${oauth[@]}" --auth-name 'a b'
	bad 64 '^cs-fetch: --grant: "x" is not one of' --grant x
	bad 64 '^cs-fetch: --login-json: is no JSON object$' --login-json '[1]'
	fails_with 64 cs-fetch https://127.0.0.1:1/ "${oauth[@]}"
	contains "$stderr" 'the API is https'
	equals "$(counted asked)" 0
}
