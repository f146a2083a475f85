#!/usr/bin/env bats
# cs-fetch: TLS, client certificates, pins and proxies, against openssl s_server and a small proxy.

load lib
load canned

setup_file() {
	need openssl perl
	cd "$BATS_FILE_TMPDIR" || return 1
	# an authority, a server's certificate, one that is not for here, one that has ended, and a client's
	sign() { # sign NAME SUBJECT DAYS EXTENSION
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2"
		printf '%s\n' "$4" >ext
		openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$1.pem" -days "$3" -extfile ext
	}
	{
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout other.key -out other.pem -subj /CN=other -days 2
		sign server /CN=localhost 2 'subjectAltName=DNS:localhost,IP:127.0.0.1'
		sign elsewhere /CN=example.org 2 'subjectAltName=DNS:example.org'
		sign ended /CN=localhost 0 'subjectAltName=DNS:localhost'
		sign client /CN=client 2 'extendedKeyUsage=clientAuth'
		openssl ec -in client.key -aes128 -passout pass:open-sesame -out locked.key
		cat client.key client.pem >both.pem
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout stranger.key -out stranger.pem -subj /CN=x -days 2
	} >openssl.log 2>&1
	export CERTS=$BATS_FILE_TMPDIR
}

setup() {
	start_in_tmpdir
	TLS_PIDS=()
	printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\nConnection: close\r\n\r\n[{"a":1}]' >x
}

teardown() {
	local pid
	stop_canned
	for pid in "${TLS_PIDS[@]}" ${PROXY_PID:-}; do
		kill "$pid" 2>/dev/null || :
	done
}

# start_tls CERTIFICATE OPTION…: TLS is the URL of the file x, served by openssl.
start_tls() {
	local i name=$1
	shift
	: >tls.out
	timeout 100 openssl s_server -accept 127.0.0.1:0 -cert "$CERTS/$name.pem" -key "$CERTS/$name.key" -HTTP "$@" \
		</dev/null >tls.out 2>tls.err 3>&- &
	TLS_PIDS+=($!)
	for ((i = 0; i < 200; i++)); do
		port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' tls.out)
		[ -z "$port" ] || break
		sleep 0.02
	done
	TLS=https://localhost:$port/x
}

# start_proxy [BASE64]: PROXY is its URL, its log proxy/proxy.log.
start_proxy() {
	local i
	rm -rf proxy
	mkdir proxy
	perl "$ROOT/tests/proxy.pl" proxy "$@" </dev/null >proxy/output 2>&1 3>&- &
	PROXY_PID=$!
	for ((i = 0; i < 200; i++)); do
		[ -s proxy/port ] && break
		sleep 0.02
	done
	PROXY=http://127.0.0.1:$(cat proxy/port)
	export no_proxy='' NO_PROXY=''
}

# trusts URL OPTION…: one record comes.
trusts() {
	succeeds cs-fetch "$@" || return 1
	equals "$(records <<<"$output")" '{"a":1}'
}

@test "a server's certificate is trusted by --cacert alone, and an untrusted one is not asked again" {
	start_tls server
	trusts "$TLS" --cacert "$CERTS/ca.pem"
	fails_with 69 cs-fetch "$TLS"
	contains "$stderr" 'SSL certificate problem'
	lacks "$stderr" 'trying again|tries'
	fails_with 69 cs-fetch "$TLS" --cacert "$CERTS/other.pem"
	fails_with 64 cs-fetch "$TLS" --cacert none.pem
	echo rubbish >rubbish.pem
	fails_with 64 cs-fetch "$TLS" --cacert rubbish.pem
	fails_with 69 cs-fetch "${TLS/localhost/127.0.0.2}" --cacert "$CERTS/ca.pem" --connect-timeout 1s --retries 0 ||
		equals "$status" 75 # nobody listens there
}

@test "a certificate for another name, and one that has ended" {
	start_tls elsewhere
	fails_with 69 cs-fetch "$TLS" --cacert "$CERTS/ca.pem"
	contains "$stderr" 'no alternative certificate subject name matches'
	start_tls ended
	sleep 1 # it lives for a moment
	fails_with 69 cs-fetch "$TLS" --cacert "$CERTS/ca.pem"
	contains "$stderr" 'certificate has expired'
}

@test "TLS 1.1 is not spoken" {
	openssl s_server -help 2>&1 | grep -q -e -tls1_1 || skip "openssl has no TLS 1.1"
	start_tls server -tls1_1 -cipher 'DEFAULT@SECLEVEL=0'
	fails_with 69 cs-fetch "$TLS" --cacert "$CERTS/ca.pem"
	lacks "$stderr" 'trying again'
	start_tls server -tls1_2
	trusts "$TLS" --cacert "$CERTS/ca.pem"
}

@test "a client certificate: PEM, the key apart or with it, with a passphrase" {
	start_tls server -Verify 1 -verify_return_error -CAfile "$CERTS/ca.pem"
	export PASS=open-sesame
	local ca=(--cacert "$CERTS/ca.pem")
	trusts "$TLS" "${ca[@]}" --cert "$CERTS/client.pem" --key "$CERTS/client.key"
	trusts "$TLS" "${ca[@]}" --cert "$CERTS/both.pem"
	trusts "$TLS" "${ca[@]}" --cert "$CERTS/client.pem" --key "$CERTS/locked.key" --key-password env:PASS
	# not asked again, whatever is wrong
	fails_with 77 cs-fetch "$TLS" "${ca[@]}"
	contains "$stderr" 'certificate required'
	lacks "$stderr" 'trying again'
	fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert "$CERTS/stranger.pem" --key "$CERTS/stranger.key"
	PASS=wrong fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert "$CERTS/client.pem" --key "$CERTS/locked.key" --key-password env:PASS
	fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert "$CERTS/client.pem" --key "$CERTS/stranger.key"
	fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert none.pem
	fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert "$CERTS/client.pem" --key none.key
	fails_with 64 cs-fetch "$TLS" "${ca[@]}" --key "$CERTS/client.key"
	fails_with 64 cs-fetch "$TLS" "${ca[@]}" --key-password env:PASS
	start_tls server -Verify 1 -verify_return_error -CAfile "$CERTS/ca.pem" -tls1_2
	fails_with 77 cs-fetch "$TLS" "${ca[@]}" --cert "$CERTS/stranger.pem" --key "$CERTS/stranger.key"
	lacks "$stderr" 'trying again'
}

@test "a pin on the server's public key" {
	start_tls server
	local pin
	pin=sha256//$(openssl x509 -in "$CERTS/server.pem" -pubkey -noout | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64)
	local other=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	trusts "$TLS" --cacert "$CERTS/ca.pem" --pin "$pin"
	trusts "$TLS" --cacert "$CERTS/ca.pem" --pin "$other;$pin"
	fails_with 69 cs-fetch "$TLS" --cacert "$CERTS/ca.pem" --pin "$other"
	lacks "$stderr" 'trying again'
	fails_with 69 cs-fetch "$TLS" --pin "$pin" # and the authority counts all the same
	fails_with 64 cs-fetch "$TLS" --pin "${pin#sha256//}"
	fails_with 64 cs-fetch "$TLS" --pin "$pin;"
}

@test "from https to http: not by a redirect, not by a link, not for a token" {
	start_canned
	reply else '[1]'
	printf 'HTTP/1.1 302 Found\r\nLocation: %s/y\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$SERVER" >x
	start_tls server
	fails_with 76 cs-fetch "$TLS" --cacert "$CERTS/ca.pem" --allow-host 127.0.0.1
	contains "$stderr" 'leads from https to http://127.0.0.1:.* refused'
	printf 'HTTP/1.1 200 OK\r\nLink: <%s/y>; rel=next\r\nContent-Length: 9\r\nConnection: close\r\n\r\n[{"a":1}]' "$SERVER" >x
	ends_with_status 76 cs-fetch "$TLS" --cacert "$CERTS/ca.pem" --allow-host 127.0.0.1 --paginate link
	contains "$stderr" 'leads from https to http://127.0.0.1:.* refused'
	equals "$(requests)" ''
}

@test "a proxy: http by absolute URL, https by CONNECT, our own headers not for it" {
	start_canned
	reply else '[{"a":1}]'
	start_proxy
	export SECRET=$TOKEN_MARK-in-a-header
	trusts "$SERVER/x" --proxy "$PROXY"
	contains "$(cat proxy/proxy.log)" "^GET $SERVER/x HTTP/1.1$"
	rm proxy/proxy.log
	start_tls server
	trusts "$TLS" --cacert "$CERTS/ca.pem" --proxy "$PROXY" --auth header --token env:SECRET -H 'X-Mine: 1'
	contains "$(cat proxy/proxy.log)" "^CONNECT localhost:$port HTTP/1.1$"
	lacks "$(cat proxy/proxy.log)" "$TOKEN_MARK|X-API-Key|X-Mine"
	# the environment's, and not
	rm proxy/proxy.log
	http_proxy=$PROXY trusts "$SERVER/x"
	[ -s proxy/proxy.log ]
	rm proxy/proxy.log
	http_proxy=$PROXY trusts "$SERVER/x" --proxy ''
	trusts "$SERVER/x" --proxy "$PROXY" --no-proxy example.org,127.0.0.1
	http_proxy=$PROXY trusts "$SERVER/x" --no-proxy '*'
	[ ! -e proxy/proxy.log ]
	fails_with 64 cs-fetch "$SERVER/x" --proxy ftp://x
	# A name that only we should not follow to where it leads: the proxy looks it up for itself.
	answer else 302 '' "Location: http://x.localhost:${SERVER##*:}/y"
	fails_with 76 cs-fetch "$SERVER/x" --allow-host x.localhost --no-proxy '*'
	contains "$stderr" 'the name leads to'
	fails_with 76 cs-fetch "$SERVER/x" --allow-host x.localhost --proxy "$PROXY"
	contains "$stderr" 'more than 5 redirects'
}

@test "a proxy that wants a password" {
	start_canned
	reply else '[{"a":1}]'
	export PASS=$TOKEN_MARK-proxy:pass
	start_proxy "$(printf 'me:%s' "$PASS" | base64 -w0)"
	start_tls server
	local me=(--proxy "$PROXY" --proxy-user me --proxy-password env:PASS)
	trusts "$SERVER/x" "${me[@]}"
	trusts "$TLS" --cacert "$CERTS/ca.pem" "${me[@]}"
	lacks "$output$stderr" "$TOKEN_MARK"
	rm -f proxy/proxy.log
	fails_with 77 cs-fetch "$SERVER/x" --proxy "$PROXY"
	contains "$stderr" 'status 407.*the proxy wants credentials'
	fails_with 77 cs-fetch "$TLS" --cacert "$CERTS/ca.pem" --proxy "$PROXY"
	contains "$stderr" 'response 407'
	lacks "$stderr" 'trying again'
	local there=${PROXY/:\/\//:\/\/me:hidden-pass@}
	fails_with 64 cs-fetch "$SERVER/x" --proxy "$there"
	lacks "$stderr" hidden-pass
	http_proxy=$there fails_with 77 cs-fetch "$SERVER/x"
	lacks "$stderr" hidden-pass
	fails_with 77 cs-fetch "$SERVER/x" --proxy "$PROXY" --proxy-user me
	fails_with 64 cs-fetch "$SERVER/x" --proxy "$PROXY" --proxy-password env:PASS
	rm -f proxy/proxy.log
}

@test "a proxy that is not there, or cannot get there, is a matter of waiting" {
	start_proxy
	fails_with 75 cs-fetch http://127.0.0.1:1/x --proxy "$PROXY" --retries 0
	contains "$stderr" 'status 502'
	fails_with 75 cs-fetch https://127.0.0.1:1/x --proxy "$PROXY" --retries 0
	contains "$stderr" 'response 502'
	fails_with 75 cs-fetch http://127.0.0.1:1/x --proxy http://127.0.0.1:1 --retries 0
}

@test "tokens come through the same TLS and the same proxy" {
	start_proxy
	start_tls server
	start_canned
	reply else '[{"a":1}]'
	export SECRET=0123456789
	# openssl's server knows GET alone: it answers a POST with nothing, and that is told
	fails_with 75 cs-fetch "$SERVER/x" --auth oauth2 --token-url "${TLS%x}token" --client-id a --client-secret env:SECRET \
		--cacert "$CERTS/ca.pem" --proxy "$PROXY" --retries 0 --stall-timeout 1s
	contains "$(cat proxy/proxy.log)" "^CONNECT localhost:$port"
	fails_with 69 cs-fetch "$SERVER/x" --auth oauth2 --token-url "${TLS%x}token" --client-id a --client-secret env:SECRET \
		--proxy "$PROXY"
	contains "$stderr" 'token endpoint https://localhost:.*SSL certificate problem'
	equals "$(requests)" ''
}
