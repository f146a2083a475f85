#!/usr/bin/env bats
# cs-fetch behind haproxy, apache and squid: servers that are not there, late or slow.

load ../lib
load ../canned
load peers

setup_file() {
	peers haproxy apache2 squid openssl perl || return 0
	# The servers give up root, and must still get at their files.
	PUBLIC=$(mktemp -d /tmp/cs-e2e.XXXXXX)
	export PUBLIC
	chmod 1777 "$PUBLIC"
	cd "$PUBLIC" || return 1
	free_port BACK SLOW HA_UP HA_DOWN HA_SLOW APACHE SQUID TLS
	make_pages www/pages 5 20
	make_certificate server
	cat server.crt server.key >server.pem
	export EXPECTED=$PWD/www/pages.ndjson CERTIFICATE=$PWD/server.crt
	printf 'user:%s\n' "$(openssl passwd -apr1 secret)" >htpasswd
	configure_apache
	configure_haproxy
	configure_squid
	start_peer slow "$SLOW" perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1", LocalPort => shift, ReuseAddr => 1) or die;
		alarm 300;
		my @kept;
		push @kept, $s->accept while 1;' "$SLOW"
	start_peer apache "$APACHE" apache2 -X -f "$PWD/apache.conf"
	start_peer haproxy "$HA_UP" haproxy -db -f "$PWD/haproxy.cfg"
	start_peer squid "$SQUID" squid -N -f "$PWD/squid.conf"
	export SQUID_LOG=$PWD/squid.log
}

configure_apache() {
	cat >apache.conf <<-END
		ServerRoot $PWD
		ServerName 127.0.0.1
		PidFile $PWD/apache.pid
		ErrorLog $PWD/apache.error
		Listen 127.0.0.1:$APACHE
		User nobody
		Group nogroup
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule authn_core_module /usr/lib/apache2/modules/mod_authn_core.so
		LoadModule authn_file_module /usr/lib/apache2/modules/mod_authn_file.so
		LoadModule authz_user_module /usr/lib/apache2/modules/mod_authz_user.so
		LoadModule auth_basic_module /usr/lib/apache2/modules/mod_auth_basic.so
		LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
		LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
		LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
		LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
		LoadModule mime_module /usr/lib/apache2/modules/mod_mime.so
		LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
		LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
		LoadModule env_module /usr/lib/apache2/modules/mod_env.so
		LoadModule ratelimit_module /usr/lib/apache2/modules/mod_ratelimit.so
		TypesConfig /dev/null
		AddType application/json .json
		DocumentRoot $PWD/www/pages
		<Directory $PWD/www/pages>
			Require all granted
		</Directory>
		Alias /packed $PWD/www/pages
		<Location /packed>
			SetOutputFilter DEFLATE
		</Location>
		Alias /trickle $PWD/www/pages
		<Location /trickle>
			SetOutputFilter RATE_LIMIT
			SetEnv rate-limit 10
		</Location>
		Alias /secret $PWD/www/pages
		<Location /secret>
			AuthType Basic
			AuthName here
			AuthUserFile $PWD/htpasswd
			Require valid-user
		</Location>
		ProxyPass /nobody http://127.0.0.1:1/
		ProxyPass /late http://127.0.0.1:$SLOW/ timeout=1
	END
}

configure_haproxy() {
	cat >haproxy.cfg <<-END
		defaults
			mode http
			timeout connect 1s
			timeout client 10s
			timeout server 1s
			retries 0
		frontend up
			bind 127.0.0.1:$HA_UP
			bind 127.0.0.1:$TLS ssl crt $PWD/server.pem
			default_backend apache
		backend apache
			server a 127.0.0.1:$APACHE
		frontend down
			bind 127.0.0.1:$HA_DOWN
			default_backend later
		backend later
			server a 127.0.0.1:$BACK
		frontend slow
			bind 127.0.0.1:$HA_SLOW
			default_backend late
		backend late
			server a 127.0.0.1:$SLOW
	END
}

configure_squid() {
	cat >squid.conf <<-END
		http_port 127.0.0.1:$SQUID
		visible_hostname here
		acl here src 127.0.0.1
		http_access allow here
		http_access deny all
		access_log stdio:$PWD/squid.log
		cache_log $PWD/squid.cache.log
		cache deny all
		pid_filename none
		coredump_dir $PWD
		shutdown_lifetime 1 second
		pinger_enable off
	END
}

teardown_file() {
	stop_peers
	[ -z "${PUBLIC:-}" ] || rm -rf "$PUBLIC"
}

setup() {
	present
	start_in_tmpdir
	export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
	PAGES=(--records .data --paginate next-url --next .next --total .total)
}

teardown() {
	stop_canned
}

@test "apache: plain, deflated in chunks, slow, with a password" {
	export P=secret
	for place in '' packed/ trickle/; do
		succeeds cs-fetch "http://127.0.0.1:$APACHE/${place}1.json" "${PAGES[@]}"
		drained "$EXPECTED"
	done
	succeeds cs-fetch "http://127.0.0.1:$APACHE/secret/1.json" "${PAGES[@]}" --auth basic --user user --password env:P
	drained "$EXPECTED"
}

@test "apache: nobody behind it is 503, nobody in time is 502 or 504: later" {
	fails_with 75 cs-fetch "http://127.0.0.1:$APACHE/nobody/x" --retries 0
	contains "$stderr" 'status 503'
	fails_with 75 cs-fetch "http://127.0.0.1:$APACHE/late/x" --retries 0
	contains "$stderr" 'status 50[24]'
}

@test "haproxy: through it, with TLS and without" {
	succeeds cs-fetch "http://127.0.0.1:$HA_UP/1.json" "${PAGES[@]}"
	drained "$EXPECTED"
	succeeds cs-fetch "https://127.0.0.1:$TLS/1.json" "${PAGES[@]}" --cacert "$CERTIFICATE"
	drained "$EXPECTED"
}

@test "haproxy: 503 until the server is there, 504 where it is late" {
	fails_with 75 cs-fetch "http://127.0.0.1:$HA_SLOW/x" --retries 0
	contains "$stderr" 'status 504'
	fails_with 75 cs-fetch "http://127.0.0.1:$HA_DOWN/x" --retries 0
	contains "$stderr" 'status 503'
	cs-fetch "http://127.0.0.1:$HA_DOWN/x" --retries 20 >out 2>err 3>&- &
	local pid=$!
	while ! grep -q 'trying again' err; do sleep 0.05; done
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1", LocalPort => shift, ReuseAddr => 1) or die;
		alarm 60;
		while (my $c = $s->accept) {
			while (<$c>) { last if /^\r?$/ }
			print $c "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n[1]";
		}' "$BACK" 3>&- &
	local server=$!
	wait "$pid"
	kill "$server"
	equals "$(records <out)" '{"value":1}'
}

@test "squid: plain and by CONNECT" {
	unset NO_PROXY no_proxy
	succeeds cs-fetch "http://127.0.0.1:$HA_UP/1.json" "${PAGES[@]}" --proxy "http://127.0.0.1:$SQUID"
	drained "$EXPECTED"
	succeeds cs-fetch "https://127.0.0.1:$TLS/1.json" "${PAGES[@]}" --proxy "http://127.0.0.1:$SQUID" --cacert "$CERTIFICATE"
	drained "$EXPECTED"
	contains "$(cat "$SQUID_LOG")" 'CONNECT 127.0.0.1'
	contains "$(cat "$SQUID_LOG")" 'GET http://127.0.0.1'
	run cs-fetch "http://127.0.0.1:1/x" --proxy "http://127.0.0.1:$SQUID" --retries 0
	equals "$status" 75
	contains "$output" 'status 503'
}
