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

# What is literal elsewhere, and single lines anywhere, into files 1, 2, … of the current directory.
other_blocks() {
	awk '/^\.Sh/ { on = /EXAMPLES/ }
		/^\.Bd.*-literal/ && !on { file = ++n; next }
		/^\.Ed/ { file = ""; next }
		file || /^\.Dl / { gsub(/\\\(dq/, "\""); gsub(/\\\(aq/, "\047"); gsub(/\\[(]ti/, "~"); gsub(/\\[(]ha/, "^")
			gsub(/\\-/, "-"); gsub(/\\&/, ""); gsub(/\\e/, "\\"); to = file; if (sub(/^\.Dl /, "") && !file) to = ++n; print >to }' "$1"
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

@test "cs-connector.5: the options that are no settings are those that it names" {
	local option
	for option in $(help_options cs-fetch | sed -n 's/^--//p'); do
		echo "{\"url\":\"http://127.0.0.1:1\",\"streams\":{\"s\":{}},\"$option\":\"x\"}" >c.json
		run cs-fetch --connector c.json --config /nonexistent s
		[[ $output != *"unknown key \"$option\""* ]] || echo "$option"
	done >refused
	equals "$(sort refused)" "$(sed -n '/^Options that belong to one run/,/^\.Pp/s/^\.Fl -\([a-z-]*\).*/\1/p' "$ROOT/man/cs-connector.5" | sort)"
}

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

# What the block before it (or the command of the example before it) prints.
prints() { # FILE COMMAND…
	equals "$("${@:2}" | jq -cS .)" "$(jq -cS . "$1")"
}

# One of them, by what it begins with; a new one has to come in here.
try_block() { # FILE
	export HOME=$PWD API_TOKEN=$TOKEN CLIENT_SECRET=x SALT=y
	sed -i "s,https://\(api\|login\)\.example[.a-z]*/,$PLAYGROUND/,g" "$1"
	case $(head -n 1 "$1") in
	'cs-fetch --connector FILE ['* | 'cs-fetch --etag v URL |'*) ;; # forms, not commands
	"cs-fetch $PLAYGROUND/users --auth oauth2"*)
		echo secret >first-token
		chmod 600 first-token
		{ tr -d '\n' <"$1" | sed 's,\\,,g'; echo ' --dry-run'; } >block && sh -eu block ;;
	'{"table": "user", "primary_key"'*)
		echo '{"id":"a","age":3}' | cs-load --to sqlite:x.db --table user --schema "$1" ;;
	'{"op":"insert","table":"t"'*)
		echo '{"id":1,"v":2}' | cs-load --to sqlite:x.db --table t --key id --changes c
		echo '{"id":1,"v":3}' | cs-load --to sqlite:x.db --table t --key id --changes c
		echo '{"@cs":{"op":"delete"},"id":1}' | cs-load --to sqlite:x.db --table t --key id --changes c
		prints "$1" cat c ;;
	'{"id":7,"items":['*) cp "$1" record ;;
	'{"id":7}') prints "$1" cs-map --child items=order_items <record ;;
	'cs-map --type id=string'*)
		echo '{"id":9007199254740993,"old":5}' >in
		equals "$(sh -eu "$1" <in)" '{"id":"9007199254740993","old":"5","ids":["5","9007199254740993"]}' ;;
	'{"id":1,"home_address_city":'*) prints "$1" sh -eu "$1.before" ;;
	'{') # a rules file
		echo '{"id":1,"createdAt":"2026-01-01T00:00:00Z"}' | cs-map --rules "$1" ;;
	'{"id":7,"email":"a@b.example"}')
		equals "$(cs-map <"$1")" "$(cat "$1")" ;;
	'cs-state --store sqlite:hr.db run people'*)
		jq -n --arg url "$PLAYGROUND" '{name: "hr", url: $url, streams: {people: {path: "/array"}}}' >hr.json
		echo '{}' >hr-config.json
		sh -eu "$1"
		equals "$(sqlite3 hr.db 'SELECT count(*) > 9 FROM people')" 1 ;;
	"cs-fetch $PLAYGROUND/items"*)
		sed -i 's,/items,/array,' "$1"
		echo '[{"id":1},{"id":2}]' >items.json
		jq -c '.[]' items.json | gzip >items.ndjson.gz
		sh -eu "$1" ;;
	'*/15 * * * *  cd $HOME/hr'*)
		mkdir -p hr
		printf '#!/bin/sh\n$SAYS; exit "$STATUS"\n' >hr/sync
		chmod +x hr/sync
		line=$(sed 's,^\*/15 \* \* \* \* *,,' "$1")
		lacks "$line" % # which is the end of a line to cron
		# cron sends all that is printed, whatever the status
		for way in '75:echo busy >&2:' '65:echo broken >&2:broken' '0:echo warning >&2:warning' '0:true:'; do
			IFS=: read -r STATUS SAYS want <<<"$way"
			equals "$(STATUS=$STATUS SAYS="eval $SAYS" sh -c "$line" 2>&1 | od -c)" "$(printf '%s' "${want:+$want$'\n'}" | od -c)"
		done ;;
	'status=$?; test $status -ne 75'*)
		for way in 0:0 1:1 65:65 75:99; do
			run sh -c "(exit ${way%:*}); $(cat "$1")"
			equals "$status" "${way#*:}"
		done ;;
	'*/15 * * * * cs-state run -q'*)
		echo 'echo >>ran' >companies.sh
		line=$(sed 's,^\*/15 \* \* \* \* *,,' "$1")
		sh -c "$line"
		sh -c "$line"
		equals "$(wc -l <ran)" 1 ;;
	'cs-fetch ... | cs-load --to ndjson:parts'* | 'psql -Atc '* | \
	"DB='postgres:///?service=sync'" | './cluster start'* | 'make -j 4 SHELL=/usr/bin/srun'* | 'parallel -j 4 --retries 3 ./account'* | \
		'cs-singer tap-github'* | "export CS_STATE_STORE='postgres:"* | 'cs-state run --wait 5m companies'*) ;; # what is not here; tried in load-parts, engines, map-singer, state-postgres.bats
	'cs-state get users >state.json')
		cs-state set users 1
		sh -eu "$1" ;;
	*)
		echo "no test for what begins with: $(head -n 1 "$1")"
		return 1 ;;
	esac
}

@test "what else the manual pages show works, or is what they say it is" {
	local page n=0
	for page in "$ROOT"/man/*.[157]; do
		mkdir "$BATS_TEST_TMPDIR/${page##*/}"
		cd "$BATS_TEST_TMPDIR/${page##*/}"
		export CS_STATE_STORE=dir:state
		other_blocks "$page"
		# the command whose output is shown in one line
		mkdir examples
		(cd examples && example_blocks "$page" && cp "$(grep -l 'flatten --names snake$' [0-9]* | head -n 1)" ../before 2>/dev/null) || :
		for block in [0-9] [0-9][0-9]; do
			[ -e "$block" ] || continue
			[ ! -e before ] || cp before "$block.before"
			echo "${page##*/}, $block:" && cat "$block" # seen when it fails
			try_block "$block" </dev/null
			n=$((n + 1))
		done
	done
	[ "$n" -gt 15 ]
}

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
