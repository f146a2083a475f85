#!/usr/bin/env bats
# cs-fetch --format csv and tsv.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl
	start_canned
}

teardown() {
	stop_canned
}

# serve BYTES: with printf's escapes, whole.
serve() {
	printf '%b' "$1" >body
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' "$(stat -c %s body)"
		cat body
	} >"$CANNED/else"
}

# rows BYTES EXPECTED [OPTION…]
rows() {
	serve "$1"
	succeeds cs-fetch "$SERVER/x" --format csv "${@:3}"
	equals "$(records <<<"$output")" "$2"
}

# wrong BYTES PATTERN [OPTION…]
wrong() {
	serve "$1"
	fails_with 65 cs-fetch "$SERVER/x" --format csv --retries 0 "${@:3}"
	contains "$stderr" "$2"
	lacks "$output" '"@cs":"end"'
}

@test "the header row names the keys, values stay text, an empty field is null" {
	rows 'id,name,note\n007,"a,b",\n12345678901234567890,,""\n' \
		$'{"id":"007","name":"a,b","note":null}\n{"id":"12345678901234567890","name":null,"note":""}'
	contains "$output" '"records":2,"complete":true'
	contains "$(cat "$CANNED/log")" '^Accept: text/csv'
}

@test "RFC 4180: quotes, line ends in quotes, CRLF, a byte order mark, no line end at the end" {
	rows '\xef\xbb\xbfa,b\r\n"x ""y""\r\n z",2\r\n\r\n3,"4"' $'{"a":"x \\"y\\"\\r\\n z","b":"2"}\n{"a":"3","b":"4"}'
	rows '"a ""b""",c\n5" pipe,é\n' $'{"a \\"b\\"":"5\\" pipe","c":"é"}'
	rows 'a\n""\n\nx\n' $'{"a":""}\n{"a":"x"}'
	rows 'a,b\n' ''
	rows ',a,\n1,2,3\n' '{"column_1":"1","a":"2","column_3":"3"}'
	rows '@cs,a\n1,2\n' '{"@cs":{"wrapped":true},"record":{"@cs":"1","a":"2"}}'
}

@test "other delimiters" {
	rows 'a;b\n1,5;2\n' '{"a":"1,5","b":"2"}' --csv-delimiter ';'
	rows 'a\tb\n1\t2\n' '{"a":"1","b":"2"}' --format tsv
	contains "$(cat "$CANNED/log")" '^Accept: text/tab-separated-values'
	rows 'a\tb\n1\t2\n' '{"a":"1","b":"2"}' --csv-delimiter '\t'
	rows 'a,b|c\n1|2\n' '{"a,b":"1","c":"2"}' --format tsv --csv-delimiter '|'
	fails_with 64 cs-fetch "$SERVER/x" --format csv --csv-delimiter ';;'
	fails_with 64 cs-fetch "$SERVER/x" --format csv --csv-delimiter '"'
	fails_with 64 cs-fetch "$SERVER/x" --csv-delimiter ';'
	fails_with 64 cs-fetch "$SERVER/x" --format csv --records .data
}

@test "what is no table is refused" {
	wrong 'a,b\n1,2\n3\n' 'line 3 has 1 fields, the header row 2'
	wrong 'a,b\n"x\ny",2\n1,2,3\n' 'line 4 has 3 fields, the header row 2'
	wrong 'a,a\n1,2\n' 'the header row has the column "a" twice'
	wrong ',column_1\n1,2\n' 'the header row has the column "column_1" twice'
	wrong 'a,b\n1,"2\n' 'line 2: a quoted field without its closing quote'
	wrong 'a,b\n1,"2"x\n' 'line 2: text behind a closing quote'
	wrong 'a,b\r1,2\r' 'line 1: a carriage return that ends no line'
	wrong '' 'the reply has no header row'
	wrong '<html><body>busy, sorry</body></html>' 'looks like JSON or HTML'
	wrong '{"error":"x","code":5}' 'looks like JSON or HTML'
	wrong 'a\n\xff\n' 'record 1: '
	wrong "a\n$(printf '%2000s' '')\n" 'line 2: a row is too long' --max-record 1K
	wrong "$(printf '%0700d' 0),$(printf '%0700d' 1)\n,\n" 'record 1 is larger than --max-record' --max-record 1402
}

@test "a table without a marked end is refused, with gzip's the end is proven" {
	printf 'HTTP/1.1 200 OK\r\n\r\na\n1\n' >"$CANNED/else"
	fails_with 65 cs-fetch "$SERVER/x" --format csv
	contains "$stderr" 'nothing marks the end'
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n'
		printf 'a\n1\n' | gzip
	} >"$CANNED/else"
	succeeds cs-fetch "$SERVER/x" --format csv
	equals "$(records <<<"$output")" '{"a":"1"}'
}

@test "a packed file is unpacked although the server does not call it packed" {
	local how size
	for how in 'gzip -c' 'zstd -qc'; do
		# shellcheck disable=SC2086 # a command
		printf 'a\n1\n2\n' | $how >rows
		# shellcheck disable=SC2086
		printf '[{"a":1},{"a":2}]' | $how >list
		for size in 1 2 3 5 500; do
			chunked else "$size" rows
			succeeds cs-fetch "$SERVER/x.csv.gz" --format csv
			equals "$(records <<<"$output" | tr -d '\n')" '{"a":"1"}{"a":"2"}'
			chunked else "$size" list
			succeeds cs-fetch "$SERVER/x"
			equals "$(records <<<"$output" | tr -d '\n')" '{"a":1}{"a":2}'
		done
		head -c -1 rows >"cut"
		chunked else 5 cut
		fails_with 65 cs-fetch "$SERVER/x.csv.gz" --format csv --retries 0
		contains "$stderr" 'data ends early'
	done
	head -c 3 rows >"cut"
	chunked else 1 cut
	fails_with 65 cs-fetch "$SERVER/x.csv.gz" --format csv --retries 0
	for size in 1 2 3 5; do
		printf '(' >text
		chunked else "$size" text
		succeeds cs-fetch "$SERVER/x" --format csv
		printf '((a\n1\n' >text
		chunked else "$size" text
		succeeds cs-fetch "$SERVER/x" --format csv
		equals "$(records <<<"$output")" '{"((a":"1"}'
	done
	printf '\x1f\x8c\n' >text # no row could show that it is none
	chunked else 1 text
	fails_with 65 cs-fetch "$SERVER/x" --format csv
	contains "$stderr" 'its header row is no text in UTF-8'
}

@test "the same rows come out of chunks of every size" {
	printf '\xef\xbb\xbfa,"b ""c"""\r\n"1\n,""",2\n\n,""\r\n"",x' >body
	for size in 1 2 3 5 7 11; do
		chunked else "$size" body
		succeeds cs-fetch "$SERVER/x" --format csv
		equals "$(records <<<"$output")" \
			$'{"a":"1\\n,\\"","b \\"c\\"":"2"}\n{"a":null,"b \\"c\\"":""}\n{"a":"","b \\"c\\"":"x"}'
	done
}

@test "pages of CSV, each with its header row" {
	reply 1 $'id\n1\n2\n' "Link: <$SERVER/x?p=2>; rel=next"
	reply 2 $'id\n3\n'
	succeeds cs-fetch "$SERVER/x" --format csv --paginate link
	equals "$(records <<<"$output" | jq -r .id | paste -sd ' ')" '1 2 3'
}
