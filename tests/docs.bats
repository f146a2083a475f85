# What the manual pages, --help and the README promise.
load lib

tools=(cs-fetch cs-map cs-load cs-state)

setup_file() {
	need mandoc sqlite3 jq
	start_playground
}

teardown_file() {
	stop_playground
}

# Everything that TOOL --help has to say, also where that is more than a screen.
full_help() {
	"$1" --help
	if "$1" --help | grep -q -e --help=all; then "$1" --help=all; fi
}

# Every option named there, one a line.
help_options() {
	full_help "$1" | grep -oE '(^|[[:space:],/])--?[a-zA-Z0-9][a-zA-Z0-9-]*' | tr -d ' \t,/' | sort -u
}

# Every option that has an entry of its own in the manual page of TOOL: .It Fl n , Fl Fl name
man_options() {
	awk '/^\.It Xo/ { xo = 1; line = $0; next }
		xo && /^\.Xc/ { print line; xo = 0; next }
		xo { line = line " " $0; next }
		/^\.It Fl/' "$ROOT/man/$1.1" |
		grep -oE 'Fl (Fl )?[a-zA-Z0-9][a-zA-Z0-9-]*' | sed -E 's/^Fl Fl /--/; s/^Fl /-/' | sort -u
}

options_agree() {
	equals "$(man_options "$1")" "$(help_options "$1")"
	[ "$(help_options "$1" | wc -l)" -gt 5 ]
}

# The literal blocks of the EXAMPLES of a page, into files 1, 2, … of the current directory.
example_blocks() {
	awk '/^\.Sh/ { on = /EXAMPLES/ }
		on && /^\.Bd.*-literal/ { file = ++n; next }
		/^\.Ed/ { file = ""; next }
		file { gsub(/\\\(dq/, "\""); gsub(/\\\(aq/, "\047"); gsub(/\\[(]ti/, "~"); gsub(/\\[(]ha/, "^")
			gsub(/\\-/, "-"); gsub(/\\&/, ""); gsub(/\\e/, "\\"); print >file }' "$1"
}

# The blocks marked sh of a Markdown file; others are to be read.
readme_blocks() {
	awk '/^```sh$/ { file = ++n; next } /^```/ { file = ""; next } file { print >file }' "$1"
}

# Run each block of the current directory as it stands in an empty directory.
run_blocks() {
	local block bad=0
	for block in [0-9]*; do
		[ -e "$block" ] || { echo "no example"; return 1; }
		if grep -nE 'https?://' "$block" | grep -vE 'https?://(127\.0\.0\.1|localhost)[:/]'; then
			echo "example $block asks a host that is not here"
			bad=1
			continue
		fi
		mkdir "run.$block"
		if ! (cd "run.$block" && timeout 60 sh -eu "../$block" </dev/null >../output 2>&1); then
			printf -- '-- example %s fails:\n%s\n-- with:\n%s\n' "$block" "$(cat "$block")" "$(cat output)"
			bad=1
		fi
	done
	return "$bad"
}

examples_run() {
	example_blocks "$ROOT/man/$1"
	run_blocks
}

@test "cs-fetch: --help and the manual name the same options" { options_agree cs-fetch; }
@test "cs-map: --help and the manual name the same options" { options_agree cs-map; }
@test "cs-load: --help and the manual name the same options" { options_agree cs-load; }
@test "cs-state: --help and the manual name the same options" { options_agree cs-state; }

@test "every option of --help is one that the tool takes" {
	local tool option
	for tool in "${tools[@]}"; do
		for option in $(help_options "$tool"); do
			run timeout 20 "$tool" "$option" </dev/null
			lacks "$output" "(unrecognized|unknown|invalid) option"
		done
	done
}

@test "--help is 80 columns wide at most, and no longer than it must be" {
	local tool
	for tool in "${tools[@]}"; do
		"$tool" --help >help
		lacks "$(cat help)" '^.{81}'
		[ "$(wc -l <help)" -le 45 ] || { wc -l help; return 1; }
		full_help "$tool" >help
		lacks "$(cat help)" '^.{81}'
	done
}

@test "cs-fetch.1: its examples run" { examples_run cs-fetch.1; }
@test "cs-map.1: its examples run" { examples_run cs-map.1; }
@test "cs-load.1: its examples run" { examples_run cs-load.1; }
@test "cs-state.1: its examples run" { examples_run cs-state.1; }
@test "cs-singer.1: its examples run" { examples_run cs-singer.1; }
@test "cs-stream.5: its examples run" { examples_run cs-stream.5; }
@test "cs-connector.5: its examples run" { examples_run cs-connector.5; }
@test "cs.7: its examples run" { examples_run cs.7; }

@test "README: its shell blocks run" {
	readme_blocks "$ROOT/README.md"
	run_blocks
}

@test "the manual pages are what mandoc wants" {
	mandoc -T lint -W warning "$ROOT"/man/*.[157]
}

@test "every tool has a page with the sections that people look for, and cs.7 names them all" {
	local tool section
	for tool in "${tools[@]}"; do
		for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			contains "$(cat "$ROOT/man/$tool.1")" "^\.Sh $section$"
		done
		contains "$(cat "$ROOT/man/cs.7")" "^\.Xr $tool 1"
	done
}

@test "cs.7 has the exit statuses of lib/cs.h, no more and no fewer" {
	equals "$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/s/^\.It \([0-9]*\) .*/\1/p' "$ROOT/man/cs.7")" \
		"$(sed -n 's/^\tCS_[A-Z]* = \([0-9]*\).*/\1/p' "$ROOT/lib/cs.h")"
}

@test "what the README links to is there" {
	local file
	for file in $(grep -oE '\]\([^):]+\)' "$ROOT/README.md" | tr -d ']()'); do
		[ -e "$ROOT/${file%%#*}" ] || { echo "$file"; return 1; }
	done
}
