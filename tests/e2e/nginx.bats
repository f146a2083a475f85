#!/usr/bin/env bats
# cs-fetch against nginx: limits, gzip, TLS, passwords, connections that end.

load ../lib
load peers

setup_file() {
	peers nginx openssl perl jq || return 0
	cd "$BATS_FILE_TMPDIR" || return 1
	free_port HTTP HTTPS
	make_pages www/pages 12 100
	export EXPECTED=$PWD/www/pages.ndjson
	gzip -k www/pages/*.json
	mkdir www/csv logs
	{
		echo id,name,note
		seq 5000 | sed 's/.*/&,"n, &",/'
	} >www/csv/all.csv
	perl -e 'print "[", join(",", map { qq({"id":$_,"x":") . "x" x 990 . q("}) } 1 .. 30000), "]"' >www/large.json
	printf 'user:%s\n' "$(openssl passwd -apr1 "pass & word")" >htpasswd
	make_certificate server
	cat >nginx.conf <<-END
		daemon off;
		$([ "$(id -u)" -ne 0 ] || echo "user root;")
		worker_processes 1;
		pid $PWD/pid;
		error_log $PWD/logs/error;
		events { worker_connections 64; }
		http {
			access_log $PWD/logs/access;
			client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			types { application/json json; text/csv csv; }
			limit_req_zone \$binary_remote_addr zone=b:1m rate=10r/s;
			limit_req_zone \$binary_remote_addr zone=c:1m rate=10r/s;
			limit_req_zone \$binary_remote_addr zone=d:1m rate=10r/s;
			server {
				listen 127.0.0.1:$HTTP;
				listen 127.0.0.1:$HTTPS ssl http2;
				ssl_certificate $PWD/server.crt;
				ssl_certificate_key $PWD/server.key;
				root $PWD/www;
				location /plain/ { alias $PWD/www/pages/; }
				location /packed/ { alias $PWD/www/pages/; gzip_static always; }
				location /chunked/ { alias $PWD/www/pages/; gzip on; gzip_types application/json; gzip_min_length 1; }
				location /few/ { alias $PWD/www/pages/; keepalive_requests 3; }
				location /impatient/ { alias $PWD/www/; send_timeout 2s; }
				location /slow/ { alias $PWD/www/pages/; limit_rate 200k; }
				location /limit429/ { alias $PWD/www/pages/; limit_req zone=b; limit_req_status 429; }
				location /limit503/ { alias $PWD/www/pages/; limit_req zone=c; }
				location /polite/ { alias $PWD/www/pages/; limit_req zone=d; limit_req_status 429; }
				location /secret/ {
					alias $PWD/www/pages/;
					auth_basic here; auth_basic_user_file $PWD/htpasswd;
				}
				location /moved/ { return 302 /plain/1.json; }
				location /away/ { return 302 http://localhost:$HTTP/plain/1.json; }
			}
		}
	END
	start_peer nginx "$HTTP" nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/logs/error"
	export LOG=$PWD/logs/access CERTIFICATE=$PWD/server.crt
}

teardown_file() {
	stop_peers
}

setup() {
	present
	start_in_tmpdir
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
	PAGES=(--records .data --paginate next-url --next .next --total .total)
}

# Requests to a place that were answered with a status.
answers() {
	grep -c "\"GET /$1/.*\" $2 " "$LOG" || :
}

@test "static pages" {
	succeeds cs-fetch "http://127.0.0.1:$HTTP/plain/1.json" "${PAGES[@]}"
	drained "$EXPECTED"
}

@test "gzip: from the disk, and in chunks" {
	for place in packed chunked; do
		succeeds cs-fetch "http://127.0.0.1:$HTTP/$place/1.json" "${PAGES[@]}"
		drained "$EXPECTED"
	done
}

@test "connections that end after three requests, and slow ones" {
	for place in few slow; do
		succeeds cs-fetch "http://127.0.0.1:$HTTP/$place/1.json" "${PAGES[@]}"
		drained "$EXPECTED"
	done
}

@test "TLS: a certificate that is trusted, and one that is not" {
	succeeds cs-fetch "https://127.0.0.1:$HTTPS/plain/1.json" "${PAGES[@]}" --cacert "$CERTIFICATE"
	drained "$EXPECTED"
	fails_with 69 cs-fetch "https://127.0.0.1:$HTTPS/plain/1.json" "${PAGES[@]}"
	fails_with 69 cs-fetch "https://localhost:$HTTPS/plain/1.json" "${PAGES[@]}" --cacert "$CERTIFICATE"
	lacks "$output" '"@cs":"end"'
}

@test "limit_req: 429 and 503 are slowed down for until all has come" {
	succeeds cs-fetch "http://127.0.0.1:$HTTP/limit429/1.json" "${PAGES[@]}" --retries 8
	drained "$EXPECTED"
	[ "$(answers limit429 429)" -gt 0 ]
	succeeds cs-fetch "http://127.0.0.1:$HTTP/limit503/1.json" "${PAGES[@]}" --retries 8
	drained "$EXPECTED"
	[ "$(answers limit503 503)" -gt 0 ]
}

@test "limit_req: with --rate nothing is refused" {
	succeeds cs-fetch "http://127.0.0.1:$HTTP/polite/1.json" "${PAGES[@]}" --rate 5/s
	drained "$EXPECTED"
	equals "$(answers polite 429)" 0
	equals "$(answers polite 200)" 12
}

@test "auth_basic" {
	export P='pass & word' Q=wrong
	succeeds cs-fetch "http://127.0.0.1:$HTTP/secret/1.json" "${PAGES[@]}" --auth basic --user user --password env:P
	drained "$EXPECTED"
	fails_with 77 cs-fetch "http://127.0.0.1:$HTTP/secret/1.json" "${PAGES[@]}" --auth basic --user user --password env:Q
	fails_with 77 cs-fetch "http://127.0.0.1:$HTTP/secret/1.json" "${PAGES[@]}"
}

@test "redirects: here, and to another name" {
	succeeds cs-fetch "http://127.0.0.1:$HTTP/moved/" "${PAGES[@]}"
	drained "$EXPECTED"
	fails_with 76 cs-fetch "http://127.0.0.1:$HTTP/away/" "${PAGES[@]}"
}

@test "what is not there" {
	fails_with 69 cs-fetch "http://127.0.0.1:$HTTP/plain/99.json" "${PAGES[@]}"
	contains "$stderr" 'status 404'
	succeeds cs-fetch "http://127.0.0.1:$HTTP/plain/99.json" "${PAGES[@]}" --ignore-status 404
}

@test "CSV" {
	succeeds cs-fetch "http://127.0.0.1:$HTTP/csv/all.csv" --format csv
	equals "$(records <<<"$output" | wc -l)" 5000
	equals "$(records <<<"$output" | sed -n 17p)" '{"id":"17","name":"n, 17","note":null}'
}

@test "ETag and Last-Modified: 304, until the file is another" {
	mkdir -p "$(dirname "$EXPECTED")/etag"
	echo '[{"id":1}]' >"$(dirname "$EXPECTED")/etag/x.json"
	succeeds cs-fetch "http://127.0.0.1:$HTTP/etag/x.json" --etag v
	equals "$(records <<<"$output")" '{"id":1}'
	succeeds cs-fetch "http://127.0.0.1:$HTTP/etag/x.json" --etag v
	equals "$(records <<<"$output")" ''
	equals "$(answers etag 304)" 1
	echo '[{"id":1},{"id":2}]' >"$(dirname "$EXPECTED")/etag/x.json"
	succeeds cs-fetch "http://127.0.0.1:$HTTP/etag/x.json" --etag v
	equals "$(records <<<"$output" | wc -l)" 2
}

@test "a recording of it is drained without it" {
	succeeds cs-fetch "https://127.0.0.1:$HTTPS/chunked/1.json" "${PAGES[@]}" --cacert "$CERTIFICATE" --record tape --parallel 4
	drained "$EXPECTED"
	succeeds cs-fetch "https://127.0.0.1:$HTTPS/chunked/1.json" "${PAGES[@]}" --cacert "$CERTIFICATE" --replay tape
	drained "$EXPECTED"
}

@test "several in flight, over connections of their own and over one that ends every three requests" {
	local k
	for k in 3 16; do
		succeeds cs-fetch "https://127.0.0.1:$HTTPS/plain/1.json" --cacert "$CERTIFICATE" "${PAGES[@]}" --parallel $k
		drained "$EXPECTED"
		succeeds cs-fetch "https://127.0.0.1:$HTTPS/few/1.json" --cacert "$CERTIFICATE" "${PAGES[@]}" --parallel $k --http2 -q
		drained "$EXPECTED"
	done
	contains "$(cat "$LOG")" 'GET /few/1.json HTTP/2.0'
}

@test "a reader that stops for longer than the server waits: what is left comes over a new connection, in its place" {
	cs-fetch "http://127.0.0.1:$HTTP/impatient/large.json" 2>err | perl -e '
		sysread STDIN, my $all, 65536; sleep 6; while (sysread STDIN, my $more, 65536) { $all .= $more } print $all' >all
	records <all | cmp - <(jq -c '.[]' "${EXPECTED%/*}/large.json")
	contains "$(tail -n 1 all)" '"records":30000,"complete":true'
	contains "$(cat err)" 'trying again'
}
