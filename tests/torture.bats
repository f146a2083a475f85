#!/usr/bin/env bats
# A sample of what make torture does for an hour.
load lib

@test "killed at random moments and started again: a few, by chance" {
	need pgrep setsid
	run "$ROOT/tests/torture/kill" --kills 4
	echo "$output" | cut -c1-300
	equals "$status" 0
	contains "$output" '^kill: [0-9]+ kills \(.*\): [1-9][0-9]* complete runs compared row by row, 0 failed$'
}

torture() { # COMMAND WHAT-IT-COUNTS
	need strace perl
	case $BUILD in *sanitize*) skip "strace and the sanitizers exclude each other" ;; esac
	run "$ROOT/tests/torture/"$1
	echo "$output" | cut -c1-300
	equals "$status" 0
	contains "$output" "[1-9][0-9]* $2 \(seed [0-9]+\), 0 failed\$"
}

@test "SIGKILL at the n-th call that changes something: a few, by chance" {
	torture "syscalls --kill --runs 1 --cases 5" 'kills at a call that changes something'
}

@test "failing system calls: a few, by chance" {
	torture "syscalls --runs 1 --cases 2" 'calls failed in turn'
}

@test "power cuts: a few, by chance" {
	torture "power --cuts 3" cuts
}

@test "full disks, limits, closed files, slow readers, clocks: a few, by chance" {
	torture "limits --tries 1 --cases $(shuf -n 2 -e sqlite append ndjson keyed parts bulk stats dirstore run-sql set-dir | paste -sd,)" tried
}

@test "many at once: a few" {
	torture "concurrency --rounds 1" tried
}

@test "much state: a little" {
	torture "scale --runs 60 --history 10000 --parts 3000" partitions
}
