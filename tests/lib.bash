# What every test file shares. First line of each: load lib
#
# In a test: $ROOT is the tree, $BUILD has the tools and is first on PATH, $BATS_TEST_TMPDIR is the
# test's own directory and the current one. Servers are started here, on free ports of the loopback.
# shellcheck shell=bash disable=SC2154 # bats sets output, status and the like

bats_require_minimum_version 1.5.0

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd) || exit 1
export ROOT BUILD PATH=$BUILD:$PATH
export TZ=UTC LC_ALL=C.UTF-8 NO_PROXY='*' no_proxy='*'
# The caller's own settings must not change what is tested; what setup_file sets must stay.
if [ -z "${CLEAN_ENVIRONMENT:-}" ]; then
	for name in $(compgen -e CS_ || :) $(compgen -e PLAYGROUND || :); do unset "$name"; done
	unset MAKEFLAGS MFLAGS MAKELEVEL
	export CLEAN_ENVIRONMENT=1
fi
export XDG_STATE_HOME=${BATS_RUN_TMPDIR:-/tmp}/state XDG_CONFIG_HOME=/nonexistent

# Files that redefine setup call this one first.
start_in_tmpdir() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

setup() {
	start_in_tmpdir
}

# start_playground [option…]: a playground API of this test (from setup_file: of this file).
# Sets and exports PLAYGROUND (http://127.0.0.1:PORT), TOKEN (its bearer token), PLAYGROUND_LOG (its
# request log) and PLAYGROUND_PID. Whoever starts it calls stop_playground in teardown; a forgotten one
# ends by itself.
start_playground() {
	local dir port i
	dir=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/playground.XXXXXX")
	TOKEN=${TOKEN_MARK:-token}-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
	PLAYGROUND_LOG=$dir/log
	PLAYGROUND_TOKEN=$TOKEN "$BUILD/playground" --port 0 --for 300 --quiet \
		--port-file "$dir/port" --log "$PLAYGROUND_LOG" "$@" \
		</dev/null >"$dir/output" 2>&1 3>&- &
	PLAYGROUND_PID=$!
	for ((i = 0; i < 200; i++)); do
		port=$(cat "$dir/port" 2>/dev/null) && [ -n "$port" ] && break
		kill -0 "$PLAYGROUND_PID" 2>/dev/null || break
		sleep 0.05
	done
	if [ -z "$port" ]; then
		echo "the playground does not start: $(cat "$dir/output")"
		return 1
	fi
	PLAYGROUND=http://127.0.0.1:$port
	export PLAYGROUND TOKEN PLAYGROUND_LOG PLAYGROUND_PID
}

# stop_playground [PID]: the one started last, or that one.
stop_playground() {
	local pid=${1:-${PLAYGROUND_PID:-}} i
	[ -n "$pid" ] || return 0
	kill "$pid" 2>/dev/null || :
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.02
	done
	wait "$pid" 2>/dev/null || :
}

# need COMMAND…: skip unless all are installed.
need() {
	local c
	for c; do
		command -v "$c" >/dev/null || skip "$c is not installed"
	done
}

# shared FILE: SHARED is the path of ../shared/FILE; skip where it is absent.
shared() {
	SHARED=$ROOT/../shared/$1
	[ -e "$SHARED" ] || skip "../shared/$1 is absent"
}

# succeeds COMMAND…, fails_with STATUS COMMAND…: run it with stdout in $output and stderr in $stderr, and
# fail when the status is another (bats shows both).
succeeds() {
	ends_with_status 0 "$@"
}

# A failure says why in exactly one line, which begins with the tool's name.
fails_with() {
	ends_with_status "$@" || return 1
	if [ "${#stderr_lines[@]}" -ne 1 ] || [[ ! $stderr =~ ^cs-[a-z]+:\  ]]; then
		echo "stderr is not one line of a tool: $stderr"
		return 1
	fi
}

ends_with_status() {
	local want=$1
	shift
	run --separate-stderr "$@"
	# What cs-map tells the next in the pipe when it fails; map-stream.bats looks at it.
	gave_up=
	if [[ $output == *'"message":"cs-map gave up"}' ]]; then
		gave_up=${output##*$'\n'}
		output=${output%"$gave_up"}
		output=${output%$'\n'}
	fi
	[ "$status" -eq "$want" ] && return 0
	echo "status $status, not $want: $*"
	return 1
}

# equals ACTUAL EXPECTED: or fail and show the difference.
equals() {
	[ "$1" = "$2" ] && return 0
	diff -u --label expected --label actual <(printf '%s\n' "$2") <(printf '%s\n' "$1") | head -n 40
	return 1
}

# contains TEXT PATTERN: the extended regular expression is somewhere in it.
contains() {
	grep -Eq -e "$2" <<<"$1" && return 0
	printf 'no match for %s in:\n%s\n' "$2" "$1"
	return 1
}

# lacks TEXT PATTERN
lacks() {
	! grep -Eq -e "$2" <<<"$1" && return 0
	printf '%s matches in:\n%s\n' "$2" "$1"
	return 1
}

# The records of a stream without its control lines; stdin to stdout.
records() {
	grep -v '^{"@cs": *"' || :
}

# controls [KIND]: the control lines alone.
controls() {
	grep "^{\"@cs\":\"${1:-}" || :
}

# sql FILE QUERY: what the sqlite3 shell says, columns separated by |.
sql() {
	sqlite3 -readonly -batch "$1" "$2"
}

# synced COMMAND…: what it does for its files to last, a word each: sync:FILE (sync: is the current directory; a random end is ?), the
# name that a file got, and told where a checkpoint was printed. Its stdin is ./in.
synced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -qq -f -y -s 400 -o trace -e trace=fsync,fdatasync,rename,write "$@" <in >told
	sed -nE 's,\.[A-Za-z0-9]{6}([>"]),.?\1,g; s,^[0-9]+ +f[a-z]*sync\([0-9]+<'"$PWD"'/?([^>]*)>.*,sync:\1,p
		s,^[0-9]+ +rename\("[^"]*"\, "([^"]*)".*,\1,p; s,^[0-9]+ +write\(1<.*checkpoint.*,told,p' trace | paste -sd' '
}

# each_store COMMAND: run it once with each kind of store in CS_STATE_STORE, in a directory of its own: sqlite, dir and, where a
# server was started (postgres.bash), postgres with an empty database.
each_store() {
	local store
	for store in sqlite:x.db dir:d ${PG_URL:+postgres:}; do
		echo "store: $store"
		mkdir "${store%%:*}"
		(
			cd "${store%%:*}" || exit
			if [ "$store" = postgres: ]; then
				new_database
				store=$PG
			fi
			export CS_STATE_STORE=$store
			"$@"
		)
	done
}

# Those on this machine alone, where the test looks into files or sets this machine's clock.
each_local_store() {
	PG_URL='' each_store "$@"
}
