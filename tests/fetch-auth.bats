#!/usr/bin/env bats
# cs-fetch: saying who one is with what one has: digest, cookies, signatures, web tokens, several tokens, .netrc.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl openssl
	export SECRET=$TOKEN_MARK-0123456789abcdef0123456789
}

teardown() {
	stop_canned
	rm -f "${CANNED:-.}/log" .netrc # they are to hold tokens
	[ -z "${DIGEST_PID:-}" ] || kill "$DIGEST_PID" 2>/dev/null || :
}

# sent OPTION…: run cs-fetch against the canned server's /x, or TARGET; what was sent is in $sent.
sent() {
	rm -f "$CANNED/log"
	succeeds cs-fetch "$SERVER${TARGET:-/x}" "$@" || return 1
	lacks "$output$stderr" "$TOKEN_MARK"
	sent=$(cat "$CANNED/log")
	rm -f "$CANNED/log"
}

# start_digest ALGORITHM: sets DIGEST to the server's URL.
start_digest() {
	local i
	mkdir digest
	DIGEST_PASSWORD='pass: "w"' perl "$ROOT/tests/digest.pl" digest me 'a realm' "$1" </dev/null >digest/output 2>&1 3>&- &
	DIGEST_PID=$!
	for ((i = 0; i < 200; i++)); do
		[ -s digest/port ] && break
		sleep 0.02
	done
	DIGEST=http://127.0.0.1:$(cat digest/port)
}

@test "a cookie" {
	start_canned
	reply else '[1]'
	sent --auth cookie --auth-name sid --token env:SECRET
	contains "$sent" "^Cookie: sid=$SECRET$"
	fails_with 64 cs-fetch "$SERVER/x" --auth cookie --token env:SECRET
	fails_with 64 cs-fetch "$SERVER/x" --auth cookie --auth-name 'a=b' --token env:SECRET
	fails_with 64 cs-fetch "$SERVER/x" --auth cookie --auth-name sid --token env:SECRET -H 'Cookie: a=b'
	contains "$stderr" '--header: Cookie is what --auth cookie sends'
}

@test "digest, with MD5 and SHA-256: paging, a nonce that becomes stale, and a body" {
	local algorithm
	export PW='pass: "w"'
	for algorithm in MD5 SHA-256; do
		start_digest "$algorithm"
		succeeds cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW --records .data --total .total \
			--paginate offset --page-size 5
		equals "$(records <<<"$output" | jq -c .id | tr '\n' ' ')" "$(seq 0 24 | tr '\n' ' ')"
		succeeds cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW --records .data --json '{"q":"all of it"}'
		equals "$(records <<<"$output" | jq -c .sent | sort -u)" 17
		PW=wrong fails_with 77 cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW --records .data
		contains "$stderr" 'status 401.*the credentials were refused'
		lacks "$(cat digest/log)" 'pass: |Authorization: Basic'
		succeeds cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW --dry-run
		contains "$output" '^curl --compressed --digest -u .me:.*\$PW.* ' 
		kill "$DIGEST_PID"
		rm -r digest
	done
	fails_with 64 cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW --auth-name X
	fails_with 64 cs-fetch "$DIGEST/x" --auth digest --user me --password env:PW -H 'authorization: x'
}

# The parts of the token in $sent, decoded, to h, c, s and what is signed to text.
take_apart() {
	local jwt
	jwt=$(sed -n 's/^Authorization: Bearer //p' <<<"$sent")
	decode() { perl -MMIME::Base64 -e '$_ = shift; tr{-_}{+/}; print decode_base64($_)' -- "$1"; }
	decode "${jwt%%.*}" >h
	decode "$(cut -d. -f2 <<<"$jwt")" >c
	decode "${jwt##*.}" >s
	printf %s "${jwt%.*}" >text
	lacks "$jwt" '[=+/]'
}

@test "JSON web tokens: HS256, RS256 and ES256, verified by openssl and perl" {
	start_canned
	reply else '[1]'
	openssl genrsa -out rsa.pem 2048 2>/dev/null
	openssl rsa -in rsa.pem -pubout -out rsa.pub 2>/dev/null
	openssl ecparam -name prime256v1 -genkey -noout -out ec.pem 2>/dev/null
	openssl ec -in ec.pem -pubout -out ec.pub 2>/dev/null
	openssl genrsa -out weak.pem 1024 2>/dev/null
	openssl ecparam -name secp384r1 -genkey -noout -out p384.pem 2>/dev/null
	chmod 600 ./*.pem
	local before
	before=$(date +%s)

	sent --auth jwt --jwt-key env:SECRET --jwt-claims '{ "iss": "me", "n": 12345678901234567890 }' --jwt-header '{"kid":"k1"}'
	take_apart
	equals "$(jq -cS . h)" '{"alg":"HS256","kid":"k1","typ":"JWT"}'
	contains "$(cat c)" '"n":12345678901234567890'
	equals "$(jq '.exp - .iat' c)" 300
	[ "$(jq .iat c)" -ge $((before - 1)) ] && [ "$(jq .iat c)" -le $((before + 100)) ]
	equals "$(perl -MDigest::SHA=hmac_sha256_hex -e 'local $/; open F, "text"; print hmac_sha256_hex(<F>, $ENV{SECRET})')" \
		"$(od -An -tx1 s | tr -d ' \n')"

	sent --auth jwt --jwt-alg RS256 --jwt-key file:rsa.pem --jwt-claims '{"aud":"x","exp":99999999999}' --jwt-expires 1h
	take_apart
	equals "$(jq -c '[.aud, .exp]' c)" '["x",99999999999]'
	openssl dgst -sha256 -verify rsa.pub -signature s text

	# The signature is R and S, 32 bytes each; openssl wants them in DER. Some begin with zeros.
	local i
	for i in 1 2 3 4 5; do
		sent --auth jwt --jwt-alg ES256 --jwt-key file:ec.pem --jwt-claims "{\"sub\":\"$i\"}"
		take_apart
		equals "$(wc -c <s)" 64
		perl -e 'local $/; for my $n (unpack "(a32)2", <STDIN>) {
			$n =~ s/^\0+//; $n = "\0$n" if ord $n >= 128; $out .= pack "CCa*", 2, length $n, $n }
			print pack "CCa*", 48, length $out, $out' <s >der
		openssl dgst -sha256 -verify ec.pub -signature der text
	done

	fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-alg RS256 --jwt-key file:ec.pem
	contains "$stderr" 'RS256 needs an RSA key of 2048 bits or more$'
	fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-alg RS256 --jwt-key file:weak.pem
	fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-alg ES256 --jwt-key file:p384.pem
	contains "$stderr" 'ES256 needs a key on the curve P-256$'
	fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-alg ES256 --jwt-key env:SECRET
	contains "$stderr" 'no private key in PEM'
	SHORT=0123456789 fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SHORT
	contains "$stderr" '32 bytes or more$'
	fails_with 77 cs-fetch "$SERVER/x" --auth jwt
	fails_with 64 cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SECRET --jwt-claims '[]'
	fails_with 64 cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SECRET --jwt-header '{"alg":"none"}'
	equals "$(requests)" ''
}

@test "a JSON web token is made by the server's clock once that is known" {
	start_canned
	answer 1 401 '{}' 'Date: Sun, 06 Nov 2044 08:49:37 GMT'
	reply 2 '[1]'
	succeeds cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SECRET
	sent=$(tail -n 6 "$CANNED/log")
	take_apart
	[ "$(jq .iat c)" -ge 2362034977 ]
	answer else 401 '{}'
	fails_with 77 cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SECRET
	equals "$(requests | wc -l)" 4
}

# signed SERVICE OPTION…: what was sent has the signature that tests/sigv4.pl computes.
signed() {
	local service=$1
	shift
	sent --auth sigv4 --user AKIDEXAMPLE --password env:SECRET_KEY --sigv4-region us-east-1 --sigv4-service "$service" "$@"
	equals "$(sed -n 's/^Authorization: //p' <<<"$sent")" \
		"$(tail -n +2 <<<"$sent" | perl "$ROOT/tests/sigv4.pl" "$service" us-east-1 AKIDEXAMPLE)"
}

@test "SigV4: every part of a request, against another implementation" {
	start_canned
	reply else '[1]'
	export SECRET_KEY='wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' SESSION=$TOKEN_MARK-session
	signed service
	contains "$sent" 'SignedHeaders=host;x-amz-date,'
	signed service --query b=2 --query a=1 --query 'a=0' --query 'c d=ü &=+/~' --query empty=
	TARGET='/a%20b/ü//c%2Fd/./x*y/../z?x&y=%7e&y=%7E&Z=1&z' signed service
	contains "$sent" '^GET /a%20b/%c3%bc//c%2Fd/z\?x'
	TARGET='/a%20b/ü//c/x*y(1)?list-type=2&prefix=a%2Fb#f' signed s3
	contains "$sent" 'SignedHeaders=host;x-amz-content-sha256;x-amz-date,'
	signed service --token env:SESSION -H 'X-Amz-Target:   Some.Thing   else ' -H 'Other: x'
	contains "$sent" 'SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target,'
	signed execute-api --json '{"q": "ü"}'
	contains "$sent" 'SignedHeaders=content-type;host;x-amz-date,'
	signed service --form 'a=b c' -H 'Content-Type: application/x-www-form-urlencoded; charset=utf-8'
	succeeds cs-fetch "$SERVER/x" --auth sigv4 --user A --password env:SECRET_KEY --sigv4-region r --sigv4-service s --dry-run
	contains "$output" 'Signature=\*\*\*'
}

@test "SigV4: the published examples" {
	need faketime
	start_canned
	reply else '[1]'
	export SECRET_KEY='wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' FAKETIME_DONT_FAKE_MONOTONIC=1 NO_PROXY='' no_proxy=''
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 # faketime comes first
	example() {
		local signature=$1
		shift
		rm -f "$CANNED/log"
		succeeds faketime -f '2015-08-30 12:36:00' cs-fetch --proxy "$SERVER" "$@" --auth sigv4 --user AKIDEXAMPLE \
			--password env:SECRET_KEY --sigv4-region us-east-1 --sigv4-service service
		equals "$(sed -n 's/^Authorization: .*Signature=//p' "$CANNED/log")" "$signature"
	}
	example 5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31 http://example.amazonaws.com/
	example b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500 'http://example.amazonaws.com/?Param2=value2&Param1=value1'
	example a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb 'http://example.amazonaws.com/?Param1=value1'
	example 5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b -X POST http://example.amazonaws.com/
}

@test "SigV4: a clock that is wrong is corrected once by the server's" {
	start_canned
	answer 1 403 '<Code>RequestTimeTooSkewed</Code>' 'Date: Sun, 06 Nov 2044 08:49:37 GMT'
	reply 2 '[1]'
	answer else 403 '{}' 'Date: Sun, 06 Nov 2044 08:49:37 GMT'
	succeeds cs-fetch "$SERVER/x" --auth sigv4 --user A --password env:SECRET --sigv4-region r --sigv4-service s
	contains "$(cat "$CANNED/log")" '^X-Amz-Date: 20441106T08'
	fails_with 77 cs-fetch "$SERVER/x" --auth sigv4 --user A --password env:SECRET --sigv4-region r --sigv4-service s
	equals "$(requests | wc -l)" 4
}

@test "several tokens: the next when one's quota is spent, refused ones left out" {
	start_canned
	export A=$TOKEN_MARK-aaaa B=$TOKEN_MARK-bbbb C=$TOKEN_MARK-cccc
	used() { sed -n "s/^Authorization: Bearer $TOKEN_MARK-\(.\).*/\1/p" "$CANNED/log" | tr -d '\n'; }
	local pages=(--paginate page --page-size 2 --auth bearer)
	reply 1 '[1,2]' 'X-RateLimit-Remaining: 5'
	answer 2 429 '{}' 'Retry-After: 600'
	reply 3 '[3,4]' 'X-RateLimit-Remaining: 0' 'X-RateLimit-Reset: 600'
	answer 4 403 '{}' 'Retry-After: 500'
	answer else 429 '{}' 'Retry-After: 400'
	run cs-fetch "$SERVER/x" "${pages[@]}" --token env:A --token env:B --token env:C -q --max-wait 300s
	equals "$status" 75
	equals "$(used)" aabc
	lacks "$output$stderr" "$TOKEN_MARK"
	equals "$(records <<<"$output" | jq -c .value | tr -d '\n')" 1234

	rm -f "$CANNED"/[0-9]* "$CANNED/log"
	stop_canned
	rm -f "$CANNED/port"
	start_canned
	answer 1 401 '{}'
	reply 2 '[1,2]'
	answer 3 401 '{}'
	reply 4 '[]'
	printf '%s\n' '# ours' "$A" '' "$B" "$C" >token
	chmod 600 token
	succeeds cs-fetch "$SERVER/x" "${pages[@]}" --tokens file:token
	equals "$(used)" abbc
	contains "$stderr" 'the server refuses token 1 of 3: going on with the others'
	answer else 401 '{}'
	fails_with 64 cs-fetch "$SERVER/x" --auth basic --tokens file:token
	run cs-fetch "$SERVER/x" "${pages[@]}" --tokens file:token -q
	equals "$status" 77
	equals "$(used)" abbcabc
}

@test "a short wait for the only token, or for the first of several that is good again" {
	start_canned
	export A=$TOKEN_MARK-aaaa B=$TOKEN_MARK-bbbb
	answer 1 429 '{}' 'Retry-After: 600'
	answer 2 429 '{}' 'Retry-After: 1'
	reply 3 '[1]'
	succeeds cs-fetch "$SERVER/x" --auth bearer --token env:A --token env:B -q
	equals "$(sed -n "s/^Authorization: Bearer $TOKEN_MARK-\(.\).*/\1/p" "$CANNED/log" | tr -d '\n')" abb
}

@test ".netrc: when asked, for its host alone" {
	start_canned
	reply else '[1]'
	export HOME=$PWD
	cat >.netrc <<-END
		# comment
		machine example.org login them password no
		macdef x
		machine 127.0.0.1 login trap password trap

		machine 127.0.0.1
		  account a login "me too" password "$SECRET \"q\""
		default login other password other
	END
	chmod 600 .netrc
	sent
	lacks "$sent" '^Authorization:'
	sent --netrc
	contains "$sent" "^Authorization: Basic $(printf 'me too:%s' "$SECRET \"q\"" | base64 -w0)$"
	equals "$stderr" ''
	chmod 644 .netrc
	sent --auth basic --netrc
	contains "$stderr" '\.netrc can be read by others: chmod 600'
	echo 'default login other password else' >n
	chmod 600 n
	NETRC=n sent --netrc
	contains "$sent" "^Authorization: Basic $(printf other:else | base64)$"
	echo "machine example.org login a password b" >n
	NETRC=n fails_with 77 cs-fetch "$SERVER/x" --netrc
	contains "$stderr" 'has no login and password for 127.0.0.1$'
	echo 'what is this' >n
	NETRC=n fails_with 64 cs-fetch "$SERVER/x" --netrc
	NETRC=none fails_with 77 cs-fetch "$SERVER/x" --netrc
	fails_with 64 cs-fetch "$SERVER/x" --netrc --auth basic --user me
}

@test "a credential of any kind does not go to another host" {
	start_canned
	local port=${SERVER##*:}
	export A=$TOKEN_MARK-aaaa B=$TOKEN_MARK-bbbb
	leaks() {
		rm -f "$CANNED/log"
		reply else '[1]'
		printf 'HTTP/1.1 302 Found\r\nLocation: http://localhost:%s/y\r\nContent-Length: 0\r\n\r\n' "$port" >"$CANNED/1"
		stop_canned
		rm -f "$CANNED/port"
		start_canned
		printf 'HTTP/1.1 302 Found\r\nLocation: http://localhost:%s/y\r\nContent-Length: 0\r\n\r\n' "${SERVER##*:}" >"$CANNED/1"
		succeeds cs-fetch "$SERVER/x" --allow-host localhost "$@" || return 1
		contains "$(sed -n '/^GET .*y/,$p' "$CANNED/log")" '^Host: localhost'
		lacks "$(sed -n '/^GET .*y/,$p' "$CANNED/log")" "$TOKEN_MARK|^Authorization|^X-Amz|^Cookie"
	}
	leaks --auth cookie --auth-name sid --token env:A
	leaks --auth bearer --token env:A --token env:B
	leaks --auth sigv4 --user A --password env:SECRET --sigv4-region r --sigv4-service s --token env:A
	leaks --auth jwt --jwt-key env:SECRET
	leaks --auth jwt --jwt-key env:SECRET --auth-in query --auth-name t
}
