#!/usr/bin/env bats
# cs-fetch: whoever reads its stdout is slow, stops, or goes away.

load lib
load canned

setup() {
	start_in_tmpdir
	need perl
	start_canned
	perl -e 'print "[", join(",", map { qq({"id":$_,"x":") . "x" x 1000 . q("}) } 1 .. 4000), "]"' >big
	chunked else 100000 big
	jq -c '.[]' big >expected
}

teardown() {
	stop_canned
}

# reader CODE [COMMAND…]: run the command with its stdout in a pipe; the Perl code has it as $out and the process as $pid.
reader() {
	local code=$1
	shift
	perl -e '
		use strict; use IO::Select; use Time::HiRes qw(sleep time);
		my ($code, @command) = @ARGV;
		pipe my $out, my $in;
		my $pid = fork;
		if (!$pid) { $SIG{$_} = "DEFAULT" for qw(INT TERM); open STDOUT, ">&", $in; exec @command }
		close $in;
		eval "$code; 1" or die $@' "$code" "$@"
}

@test "a signal ends it at once, also while nobody reads" {
	local sig
	for sig in TERM INT; do
		reader 'sysread $out, my $c, 1; sleep 0.5; kill "'$sig'", $pid; waitpid $pid, 0; print $? & 127' \
			cs-fetch "$SERVER/x" >how
		equals "$(cat how)" "$([ $sig = TERM ] && echo 15 || echo 2)"
	done
}

@test "what was begun when the signal came is whole, and says so" {
	reader 'sysread $out, my $c, 1; sleep 0.5; kill "TERM", $pid; local $/; $c .= <$out>; print $c' cs-fetch "$SERVER/x" >all
	equals "$(controls end <all)" ''
	records <all | cmp - <(head -n "$(records <all | wc -l)" expected)
	contains "$(tail -n 1 all)" '"@cs":"error"'
}

@test "a reader that stops for a while loses nothing" {
	reader 'sysread $out, my $c, 1; sleep 5; while (sysread $out, my $d, 9999) { $c .= $d } print $c' \
		cs-fetch "$SERVER/x" --stall-timeout 4s --page-buffer 256K >all
	records <all | cmp - expected
	contains "$(tail -n 1 all)" '"complete":true'
}

@test "a reply that breaks off again and again while the reader is slow" {
	local n
	for n in 1 2 3 4; do
		{
			printf 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' "$(wc -c <big)"
			head -c $((n * 900000 + RANDOM)) big
		} >"$CANNED/$n"
	done
	reader 'while (sysread $out, my $d, 40000) { print $d; sleep 0.004 }' cs-fetch "$SERVER/x" --page-buffer 64K -q >all
	records <all | cmp - expected
	contains "$(tail -n 1 all)" '"complete":true'
}

@test "a reader that goes away ends it, even while the server makes it wait" {
	reader 'sysread $out, my $c, 1; close $out; waitpid $pid, 0; print $? & 127' cs-fetch "$SERVER/x" >how
	equals "$(cat how)" 13
	stop_canned
	start_playground
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/pagination/offset&fault=hang&times=0&after=0" >/dev/null
	reader 'sysread $out, my $c, 1; close $out; my $t = time; waitpid $pid, 0; print $? & 127, time - $t < 20 ? "" : " late"' \
		cs-fetch "$PLAYGROUND/pagination/offset" --records .data --stall-timeout 60s >how
	equals "$(cat how)" 13
	stop_playground
}

@test "all kinds of stdout take it" {
	cs-fetch "$SERVER/x" >file
	records <file | cmp - expected
	cs-fetch "$SERVER/x" >>file
	equals "$(records <file | wc -l)" 8000
	perl -e '
		use Socket;
		socketpair my $a, my $b, AF_UNIX, SOCK_STREAM, 0;
		if (!fork) { close $a; open STDOUT, ">&", $b; exec @ARGV }
		close $b; print while <$a>' cs-fetch "$SERVER/x" | records | cmp - expected
	fails_with 74 sh -c 'exec cs-fetch "$1" >/dev/full' - "$SERVER/x"
	contains "$stderr" 'stdout: No space'
	# Whoever shares the pipe with us does not find it changed.
	(
		cs-fetch "$SERVER/x" >/dev/null
		cs-fetch "$SERVER/x" | head -n 1 >/dev/null || :
		perl -e 'use Fcntl; exit !!(fcntl(STDOUT, F_GETFL, 0) & O_NONBLOCK)'
	) | cat
	equals "${PIPESTATUS[0]}" 0
}
