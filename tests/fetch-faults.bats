#!/usr/bin/env bats
# cs-fetch: servers and networks that fail. What gets through is whole, or it is an error.

load lib
load canned

setup_file() {
	start_playground --users 200
	export EXPECTED=$BATS_FILE_TMPDIR/expected
	for at in 0 50 100 150; do
		curl -fsS "$PLAYGROUND/pagination/offset?limit=50&offset=$at" | jq -c '.data[]'
	done >"$EXPECTED"
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
	OFFSET=("$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 50 --total .total
		--stall-timeout 1s)
}

teardown() {
	stop_canned
}

arm() {
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/pagination/offset&fault=$1&times=${2:-1}&after=${3:-0}" >/dev/null
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

# What is whole has come, each record once and byte for byte.
is_whole() {
	records <<<"$output" | jq -c . | cmp - "$EXPECTED" || return 1
	contains "$(tail -n 1 <<<"$output")" '"records":200,"complete":true\}$'
}

# is_error STATUS: an error line is the last, with that code; and what came before it are whole pages.
is_error() {
	local n
	contains "$(tail -n 1 <<<"$output")" "^\{\"@cs\":\"error\",.*\"code\":$1," || return 1
	lacks "$output" '"@cs":"end"' || return 1
	n=$(records <<<"$output" | wc -l)
	[ $((n % 50)) -eq 0 ] && records <<<"$output" | jq -c . | cmp - <(head -n "$n" "$EXPECTED")
}

@test "faults that pass: the page is asked for again, no record is lost or doubled" {
	local fault
	for fault in cut-chunked cut-length cut-close cut-gzip gzip:crc reset reset:2000 status:500 status:502 status:503 \
		status:504 status:408 status:425 status:429:none stall:500; do
		arm "$fault" 1 2
		run --separate-stderr cs-fetch "${OFFSET[@]}" -q
		[ "$status" -eq 0 ] || { echo "$fault: $status $stderr"; return 1; }
		equals "$stderr" ''
		is_whole || { echo "after $fault"; return 1; }
	done
}

@test "a body cut at any byte is never half a page" {
	local n way
	for n in 1 2 9 10 11 150 1999 5000; do
		n=$((n + RANDOM % 7))
		curl -fsS -X DELETE "$PLAYGROUND/_fault" >/dev/null
		for way in cut-length cut-chunked cut-close cut-gzip; do
			arm "$way:$n" 1 $((RANDOM % 4))
		done
		run --separate-stderr cs-fetch "${OFFSET[@]}" -q
		[ "$status" -eq 0 ] && is_whole || { echo "cut at $n: $stderr"; log; return 1; }
	done
}

@test "faults that stay end with the right status, and nothing half" {
	local fault want
	while read -r want fault; do
		arm "$fault" 0 1
		local patience=1s
		[ "$fault" != gzip:bomb ] || patience=30s # it takes the server a moment to pack it
		run --separate-stderr cs-fetch "${OFFSET[@]}" -q --retries 1 --stall-timeout "$patience"
		[ "$status" -eq "$want" ] || { echo "$fault: $status, not $want: $stderr"; return 1; }
		is_error "$want" || { echo "after $fault"; return 1; }
		equals "${#stderr_lines[@]}" 1
		contains "$stderr" "^cs-fetch: $PLAYGROUND/pagination/offset\?limit=50&offset=[0-9]+: "
		curl -fsS -X DELETE "$PLAYGROUND/_fault" >/dev/null
	done <<-'EOF'
		75 cut-chunked
		75 cut-length
		65 cut-close
		65 cut-gzip
		65 gzip:crc
		65 gzip:trailing
		65 gzip:bomb
		75 reset
		75 hang
		75 slow:50
		75 status:500
		75 status:429:1
		75 status:408
		75 status:425
		69 status:404
		69 status:400
		69 status:501
		77 status:401
		77 status:403
		65 bad-json
		65 bad-json:short
		65 bad-json:trailing
		65 bad-json:utf8
		65 bad-json:nan
		65 data-null
		65 data-object
		65 envelope
		65 error-200
		65 html
		76 empty-page
		76 repeat
		76 total:100000
	EOF
}

@test "what the server will say again is not asked again" {
	local fault
	for fault in status:400 status:401 status:403 status:404 status:501 html bad-json error-200; do
		curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
		arm "$fault" 0
		run cs-fetch "${OFFSET[@]}"
		[ "$status" -ne 0 ]
		[ "$(log | wc -l)" -eq 1 ] || { echo "$fault"; log; return 1; }
	done
}

@test "whole replies in unusual dress pass" {
	local fault
	for fault in gzip gzip:members bad-json:bom null-parents delay:20 slow:200000 big-page; do
		arm "$fault" 0
		succeeds cs-fetch "${OFFSET[@]}"
		is_whole || { echo "$fault"; return 1; }
		curl -fsS -X DELETE "$PLAYGROUND/_fault" >/dev/null
	done
}

@test "a signal drops the page, says so in the stream, and is died of" {
	for sig in TERM INT; do
		curl -fsS -X DELETE "$PLAYGROUND/_fault" >/dev/null
		arm hang 0 2
		# Not by bash: it lets its background jobs ignore SIGINT.
		run --separate-stderr perl -e '
			my ($sig, @command) = @ARGV;
			pipe my $out, my $in;
			my $pid = fork;
			if (!$pid) { $SIG{INT} = "DEFAULT"; open STDOUT, ">&", $in; exec @command }
			close $in;
			my $all = "";
			while (<$out>) { $all .= $_; kill $sig, $pid if /"records":99}/ }
			waitpid $pid, 0;
			print $all, $? & 127, "\n"' "$sig" cs-fetch "${OFFSET[@]}" --stall-timeout 60s
		equals "${lines[-1]}" "$([ $sig = TERM ] && echo 15 || echo 2)"
		contains "${lines[-2]}" '"@cs":"error",.*"code":75,"message":"ended by signal'
		equals "$(records <<<"$output" | grep -c "{")" 99
	done
}
