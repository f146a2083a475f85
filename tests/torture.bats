#!/usr/bin/env bats
# A sample of what make torture does for an hour.
load lib

@test "killed at random moments and started again: a few, by chance" {
	need pgrep setsid
	run "$ROOT/tests/torture/kill" --kills 8
	echo "$output" | cut -c1-300
	equals "$status" 0
	contains "$output" '^kill: [0-9]+ kills \(.*\): [1-9][0-9]* complete runs compared row by row, 0 failed$'
}

@test "power cuts: a few, by chance" {
	need strace perl
	case $BUILD in *sanitize*) skip "strace and the sanitizers exclude each other" ;; esac
	run "$ROOT/tests/torture/power" --cuts 3
	echo "$output" | cut -c1-300
	equals "$status" 0
	contains "$output" '^power: [1-9][0-9]* cuts \(seed [0-9]+\), 0 failed$'
}
