# Servers that others wrote, for tests/e2e: load ../lib, then load peers.
#
# Each is a child of the test file on the loopback, with a configuration of its own in $BATS_FILE_TMPDIR, and
# ends with it. Where the program is absent the tests skip, saying so; `make e2e` installs them.
# shellcheck shell=bash

PATH=$PATH:/usr/sbin # where daemons are

# free_port NAME…: sets each to a port that nobody listens on now.
free_port() {
	local name
	for name; do
		printf -v "$name" %s "$(perl -MIO::Socket::INET -e '
			print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')"
		export "${name?}"
	done
}

# peers COMMAND…: for setup_file, whose skip bats 1.8 takes for a failure. False where one is not installed: then each test skips,
# by present in its setup.
peers() {
	local c
	for c; do
		command -v "$c" >/dev/null || { export ABSENT="$c is not installed"; return 1; }
	done
}

present() {
	[ -z "${ABSENT:-}" ] || skip "$ABSENT"
}

# start_peer NAME PORT COMMAND…: in the background until stop_peers; returns when the port answers.
start_peer() {
	local name=$1 port=$2 i
	shift 2
	"$@" </dev/null >"$BATS_FILE_TMPDIR/$name.out" 2>&1 3>&- &
	echo "$!" >>"$BATS_FILE_TMPDIR/peers"
	for ((i = 0; i < 300; i++)); do
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
		kill -0 "$!" 2>/dev/null || break
		sleep 0.05
	done
	echo "$name does not start: $(tail -n 5 "$BATS_FILE_TMPDIR/$name.out")"
	return 1
}

stop_peers() {
	local pid
	[ -e "$BATS_FILE_TMPDIR/peers" ] || return 0
	while read -r pid; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done <"$BATS_FILE_TMPDIR/peers"
}

# make_pages DIR N SIZE: N pages of SIZE records, DIR/1.json and on, that lead to one another by a relative "next"; all
# records as they should come out in DIR.ndjson.
make_pages() {
	mkdir -p "$1"
	perl -e '
		my ($dir, $pages, $size) = @ARGV;
		open my $all, ">", "$dir.ndjson" or die;
		for my $p (1 .. $pages) {
			my @r = map {
				my $id = ($p - 1) * $size + $_;
				sprintf qq({"id":%d,"big":1234567890123456%04d,"ratio":0.1000000000000000%03d,"name":"n\xc3\xa9e %d"}),
					$id, $id % 10000, $id % 1000, $id;
			} 1 .. $size;
			open my $f, ">", "$dir/$p.json" or die;
			my $next = $p < $pages ? sprintf(qq("%d.json"), $p + 1) : "null";
			print $f qq({"data":[), join(",", @r), qq(],"next":$next,"total":), $pages * $size, "}";
			print $all "$_\n" for @r;
		}' "$1" "$2" "$3"
}

# drained FILE: the output is these records, and complete.
drained() {
	equals "$(records <<<"$output" | md5sum)" "$(md5sum <"$1")"
	contains "$(tail -n 1 <<<"$output")" "\"records\":$(wc -l <"$1"),\"complete\":true"
}

# make_certificate NAME: NAME.crt and NAME.key of 127.0.0.1, signed by itself.
make_certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
