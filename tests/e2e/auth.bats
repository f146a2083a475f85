#!/usr/bin/env bats
# cs-fetch's credentials against what others wrote: a token server, a JWT library, another signer, nginx with client certificates.

load ../lib
load ../canned
load peers

setup_file() {
	peers node jq openssl perl || return 0
	export NODE_PATH=$ROOT/build/peers/node_modules
	[ -d "$NODE_PATH/oauth2-mock-server" ] || { export ABSENT="oauth2-mock-server is not installed"; return 0; }
	cd "$BATS_FILE_TMPDIR" || return 1
	free_port OAUTH
	start_peer oauth "$OAUTH" "$NODE_PATH/.bin/oauth2-mock-server" -a 127.0.0.1 -p "$OAUTH"
	export ISSUER=http://127.0.0.1:$OAUTH
}

teardown_file() {
	stop_peers
}

setup() {
	present
	start_in_tmpdir
	start_canned
	reply else '[{"a":1}]'
	export SECRET=0123456789abcdef0123456789abcdef
}

teardown() {
	stop_canned
}

# The claims of the bearer token that was sent last, once the library has verified it. KEY: a program for its key.
verified() {
	sed -n 's/^Authorization: Bearer //p' "$CANNED/log" | tail -n 1 >jwt
	node --input-type=commonjs -e "
		const jose = require('jose'), fs = require('fs'), crypto = require('crypto');
		(async () => {
			const key = await ($KEY);
			const { payload } = await jose.jwtVerify(fs.readFileSync('jwt', 'utf8').trim(), key, $1);
			console.log(JSON.stringify(payload));
		})().catch(e => { console.error(e.message); process.exit(1); });"
}

@test "oauth2-mock-server: each grant's token is one that its keys verify" {
	local KEY="jose.createRemoteJWKSet(new URL('$ISSUER/jwks'))"
	local oauth=(--auth oauth2 --token-url "$ISSUER/token" --client-id me --client-secret env:SECRET)
	succeeds cs-fetch "$SERVER/x" "${oauth[@]}" --scope 'read write'
	equals "$(verified '{}' | jq -r .scope)" 'read write'
	succeeds cs-fetch "$SERVER/x" "${oauth[@]}" --client-auth post --grant password --user someone --password env:SECRET
	equals "$(verified '{}' | jq -r .sub)" someone
	succeeds cs-fetch "$SERVER/x" "${oauth[@]}" --grant refresh_token --refresh-token env:SECRET --credentials credentials.json
	verified '{}'
	equals "$(jq -r '.[] | .expires - .obtained' credentials.json)" 3600
	local first
	first=$(cat jwt)
	succeeds cs-fetch "$SERVER/x" "${oauth[@]}" --grant refresh_token --refresh-token env:SECRET --credentials credentials.json
	verified '{}'
	equals "$(cat jwt)" "$first"
	fails_with 77 cs-fetch "$SERVER/x" "${oauth[@]}" --grant jwt-bearer --jwt-key env:SECRET
	contains "$stderr" 'token endpoint .*/token: status 400'
}

@test "jose verifies our JSON web tokens" {
	openssl genrsa -out rsa.pem 2048 2>/dev/null
	openssl ecparam -name prime256v1 -genkey -noout -out ec.pem 2>/dev/null
	chmod 600 ./*.pem
	local KEY="Buffer.from(process.env.SECRET)"
	succeeds cs-fetch "$SERVER/x" --auth jwt --jwt-key env:SECRET --jwt-claims '{"iss":"us","aud":["a","b"]}'
	equals "$(verified '{issuer:"us",audience:"b",algorithms:["HS256"]}' | jq -r '.exp - .iat')" 300
	KEY="crypto.createPublicKey(fs.readFileSync('rsa.pem'))"
	succeeds cs-fetch "$SERVER/x" --auth jwt --jwt-alg RS256 --jwt-key file:rsa.pem
	verified '{algorithms:["RS256"]}'
	KEY="crypto.createPublicKey(fs.readFileSync('ec.pem'))"
	for i in 1 2 3 4 5 6 7 8; do
		succeeds cs-fetch "$SERVER/x" --auth jwt --jwt-alg ES256 --jwt-key file:ec.pem --jwt-claims "{\"n\":$i}"
		verified '{algorithms:["ES256"]}'
	done
}

@test "aws4 signs as we do" {
	[ -d "$NODE_PATH/aws4" ] || skip "aws4 is not installed"
	signed() { # signed SERVICE TARGET OPTION…
		local service=$1 target=$2
		shift 2
		rm -f "$CANNED/log"
		succeeds cs-fetch "$SERVER$target" --auth sigv4 --user AKID --password env:SECRET --sigv4-region eu-west-1 \
			--sigv4-service "$service" "$@" || return 1
		equals "$(sed -n 's/^Authorization: //p' "$CANNED/log")" "$(node -e '
			const [head, body] = require("fs").readFileSync(process.argv[2], "utf8").slice(1).split(/\nBODY /);
			const lines = head.trim().split("\n"), [method, path] = lines.shift().split(" "), headers = {};
			const signed = /SignedHeaders=([^,]+)/.exec(head)[1].split(";");
			for (const l of lines) {
				const [, n, v] = /^([^:]+): ?(.*)/.exec(l);
				if (signed.includes(n.toLowerCase())) headers[n] = v;
			}
			const s = new (require("aws4").RequestSigner)({ method, path, headers, body: body ? body.trim() : "", service: process.argv[1],
				region: "eu-west-1", doNotModifyHeaders: true },
				{ accessKeyId: "AKID", secretAccessKey: process.env.SECRET });
			s.datetime = headers["X-Amz-Date"];
			const r = s.sign();
			console.log(r.headers.Authorization || r.headers.authorization);' "$service" "$CANNED/log")"
	}
	signed execute-api '/x?b=2&a=1&c=%20%2F%2f'
	signed execute-api /a%20b/c --json '{"q":1}'
	signed s3 '/bucket/a%20b?list-type=2&prefix=x%2Fy&delimiter'
	signed es '/_search?q=*' -H 'X-Amz-Thing: a  b'
}

@test "nginx asks for a client certificate" {
	need nginx
	make_certificate server
	make_certificate client
	echo '[{"a":1}]' >x.json
	chmod 755 .
	local HTTPS
	free_port HTTPS
	cat >nginx.conf <<-END
		daemon off;
		$([ "$(id -u)" -ne 0 ] || echo "user root;")
		worker_processes 1;
		pid $PWD/pid;
		events { worker_connections 64; }
		http {
			access_log $PWD/access;
			client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			server {
				listen 127.0.0.1:$HTTPS ssl;
				ssl_certificate $PWD/server.crt; ssl_certificate_key $PWD/server.key;
				ssl_client_certificate $PWD/client.crt; ssl_verify_client on;
				root $PWD;
			}
		}
	END
	start_peer nginx "$HTTPS" nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/error"
	local url=https://127.0.0.1:$HTTPS/x.json
	succeeds cs-fetch "$url" --cacert server.crt --cert client.crt --key client.key
	equals "$(records <<<"$output")" '{"a":1}'
	# nginx says it in HTTP
	fails_with 69 cs-fetch "$url" --cacert server.crt
	contains "$stderr" 'status 400.*certificate'
	fails_with 69 cs-fetch "$url" --cacert client.crt --cert client.crt --key client.key
}
