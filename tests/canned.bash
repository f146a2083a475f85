# A server of canned replies for the tests of cs-fetch: load canned
# shellcheck shell=bash

# start_canned: serves what the functions below put into $BATS_TEST_TMPDIR/canned. Sets SERVER (http://127.0.0.1:PORT).
start_canned() {
	local i
	CANNED=$BATS_TEST_TMPDIR/canned
	mkdir -p "$CANNED"
	perl "$ROOT/tests/canned.pl" "$CANNED" </dev/null >"$CANNED/output" 2>&1 3>&- &
	CANNED_PID=$!
	for ((i = 0; i < 200; i++)); do
		[ -s "$CANNED/port" ] && break
		sleep 0.02
	done
	SERVER=http://127.0.0.1:$(cat "$CANNED/port") || return 1
	export SERVER CANNED
}

stop_canned() {
	[ -z "${CANNED_PID:-}" ] || kill "$CANNED_PID" 2>/dev/null || :
}

# reply NAME BODY [HEADER…]: 200 with a length. NAME is the request's number, or else.
reply() {
	local name=$1 body=$2
	shift 2
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n'
		printf 'Content-Length: %d\r\n' "$(printf %s "$body" | wc -c)"
		[ $# -eq 0 ] || printf '%s\r\n' "$@"
		printf '\r\n%s' "$body"
	} >"$CANNED/$name"
}

# answer NAME STATUS BODY [HEADER…]
answer() {
	local name=$1 status=$2 body=$3
	shift 3
	reply "$name" "$body" "$@"
	sed -i "1s/200 OK/$status Canned/" "$CANNED/$name"
}

# chunked NAME SIZE FILE: the file's bytes in chunks of that size.
chunked() {
	{
		printf 'CHUNK %d\nHTTP/1.1 200 OK\nContent-Type: application/json\nConnection: close\n\n' "$2"
		cat "$3"
	} >"$CANNED/$1"
}

# requests: the request lines so far.
requests() {
	[ ! -e "$CANNED/log" ] || grep -E '^(GET|POST|HEAD|PUT) ' "$CANNED/log"
}
