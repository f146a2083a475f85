# What all four tools have in common on the command line.
load lib

tools=(cs-fetch cs-map cs-load cs-state)

setup_file() {
	start_playground
}

teardown_file() {
	stop_playground
}

# A use of each tool that works. Their input is in ./in.
uses() {
	case $1 in
	cs-fetch) echo --auth bearer --token env:TOKEN --records .data "$PLAYGROUND/auth/http_bearer" ;;
	cs-map) echo --keep id ;;
	cs-load) echo --to sqlite:load.db --table t --key id ;;
	cs-state) echo --store dir:state get s ;;
	esac
}

setup() {
	start_in_tmpdir
	cat >in <<-'EOF'
		{"@cs":"begin","version":1,"stream":"s","run":"01A","mode":"full","from":null}
		{"id":1,"name":"a"}
		{"@cs":"checkpoint","stream":"s","state":{"page":1},"records":1}
		{"@cs":"end","stream":"s","run":"01A","records":1,"complete":true}
	EOF
	cs-state --store dir:state set s '{"page":1}' >out
}

@test "the uses that these tests vary work" {
	local tool
	for tool in "${tools[@]}"; do
		# shellcheck disable=SC2046
		succeeds "$tool" $(uses "$tool") <in
		[ -n "$output" ]
		equals "$stderr" ""
	done
}

@test "-h and --help print to stdout and end with 0" {
	local tool
	for tool in "${tools[@]}"; do
		succeeds "$tool" --help
		contains "${lines[0]}" "^[Uu]sage: $tool "
		equals "$stderr" ""
		local help=$output
		succeeds "$tool" -h
		equals "$output" "$help"
	done
}

@test "-V and --version name the tool's version and those of its libraries" {
	local tool version
	version=$(sed -n 's/^#define CS_VERSION "\(.*\)"/\1/p' "$ROOT/lib/cs.h")
	for tool in "${tools[@]}"; do
		succeeds "$tool" --version
		contains "${lines[0]}" "^$tool ${version//./\\.}( |$)"
		local text=$output
		succeeds "$tool" -V
		equals "$output" "$text"
		case $tool in
		cs-fetch) contains "$output" 'libcurl[/ ][0-9]' ;;
		cs-map) contains "$output" 'jq[/ ][0-9]' ;;
		cs-load | cs-state) contains "$output" '(SQLite|sqlite)[/ ][0-9]' ;;
		esac
	done
}

@test "an unknown option is one line that names it, and 64" {
	local tool option
	for tool in "${tools[@]}"; do
		for option in --no-such-option -Z; do
			fails_with 64 "$tool" "$option" </dev/null
			contains "$stderr" "${option#--}|${option#-}"
			equals "$(records <<<"$output")" "" # cs-fetch tells whoever reads from it
		done
	done
}

@test "an option without its value, an operand missing or too many: 64" {
	fails_with 64 cs-fetch --token
	fails_with 64 cs-fetch
	fails_with 64 cs-fetch http://127.0.0.1:1/ http://127.0.0.1:1/
	fails_with 64 cs-map --keep
	fails_with 64 cs-map --keep a b </dev/null
	fails_with 64 cs-load --to
	fails_with 64 cs-load </dev/null
	fails_with 64 cs-load --to sqlite:x.db --table t --key id operand </dev/null
	fails_with 64 cs-load --to nonsense:x --table t --key id </dev/null
	fails_with 64 cs-state --store
	fails_with 64 cs-state
	fails_with 64 cs-state nonsense
	fails_with 64 cs-state get
	fails_with 64 cs-state get a b
	fails_with 64 cs-state --store nonsense:x get a
	[ ! -e x.db ]
}

@test "a full device is seen wherever stdout is written: 74" {
	local tool
	for tool in "${tools[@]}"; do
		run -74 sh -c 'exec "$@" >/dev/full' sh "$tool" --help
		contains "$output" "^$tool: "
		# shellcheck disable=SC2046
		run -74 sh -c 'exec "$@" >/dev/full' sh "$tool" $(uses "$tool") <in
	done
	run -74 sh -c 'cs-state --store dir:state list >/dev/full'
	run -74 sh -c 'cs-state --store dir:state put <in >/dev/full'
}

@test "what could be committed before stdout failed is there, and whole" {
	run -74 sh -c 'cs-load --to sqlite:load.db --table t --key id <in >/dev/full'
	equals "$(sql load.db 'pragma integrity_check; select count(*) from t')" "$(printf 'ok\n1')"
}

@test "a closed stdin is an error of input, not a crash" {
	run -74 sh -c 'cs-map --keep id <&-'
	run -74 sh -c 'cs-load --to sqlite:x.db --table t --key id <&-'
	run -74 sh -c 'cs-state --store dir:state put <&-'
}

@test "a closed stdout is an error of output" {
	local tool
	for tool in "${tools[@]}"; do
		# shellcheck disable=SC2046
		run -74 sh -c 'exec "$@" <in >&-' sh "$tool" $(uses "$tool")
	done
}

@test "with stdin, stdout and stderr closed nothing is written where it does not belong" {
	# A file opened then would get the number of a standard stream, and messages would go into it.
	run sh -c 'exec cs-load --to sqlite:load.db --table t --key id --stats stats <in >&- 2>&-'
	[ "$status" -lt 126 ]
	[ ! -e load.db ] || equals "$(sql load.db 'pragma integrity_check')" ok
	run sh -c 'exec cs-load --to ndjson:load.ndjson --table t --key id <in >&- 2>&-'
	[ "$status" -lt 126 ]
	[ ! -e load.ndjson ] || equals "$(cat load.ndjson)" '{"id":1,"name":"a"}'
	run sh -c 'exec cs-state --store dir:state get nothing <&- >&- 2>&-'
	[ "$status" -lt 126 ]
	succeeds cs-state --store dir:state get s
	equals "$output" '{"page":1}'
	# shellcheck disable=SC2046
	run sh -c 'exec "$@" <&- >&- 2>&-' sh cs-fetch $(uses cs-fetch)
	[ "$status" -lt 126 ]
	[ "$status" -ne 0 ]
}

@test "a reader that leaves ends the writer, quietly" {
	yes '{"id":1,"name":"some text that fills the pipe"}' | head -n 200000 >many
	{ cs-map --keep id,name <many 2>err || echo $? >rc; } | head -n 1 >first
	equals "$(cat rc)" 141
	equals "$(cat err)" ""
	equals "$(cat first)" '{"id":1,"name":"some text that fills the pipe"}'
}

@test "-- ends the options" {
	fails_with 64 cs-state --store dir:state -- nonsense
	succeeds cs-state --store dir:state -- get s
}

@test "the token is in no argument list and in no message" {
	local pid
	# An endpoint that takes its time, so that the processes can be looked at.
	cs-fetch --auth bearer --token env:TOKEN --records .data -v "$PLAYGROUND/auth/http_bearer" >out 2>err &
	pid=$!
	tr '\0' ' ' <"/proc/$pid/cmdline" >cmdline || :
	wait "$pid"
	lacks "$(cat cmdline err out)" "$TOKEN"
}

@test "libjq is loaded for programs alone" {
	echo '{"a":1}' >in
	LD_DEBUG=files cs-map --keep a <in 2>log
	contains "$(cat log)" 'libc\.so'
	lacks "$(cat log)" 'libjq|libonig'
	LD_DEBUG=files cs-map -f .a <in 2>log
	contains "$(cat log)" 'libjq'
}
