#!/usr/bin/env bats
# lib/decode: gzip and zstd in pieces of any size, whole or refused.

load lib

setup() {
	start_in_tmpdir
	need gzip zstd
	decode=$BUILD/unit/decode
	seq 1 3000 >text
	head -c 5000 /dev/urandom >>text
	split -n 2 text part.
	gzip -c part.aa >x.gzip
	gzip -1 -c part.ab >>x.gzip
	zstd -q -c part.aa >x.zstd
	zstd -q -19 -c part.ab >>x.zstd
}

@test "members and frames in pieces of any size" {
	local kind n
	for kind in gzip zstd; do
		for n in 1 2 3 17 1000 65536; do
			"$decode" $kind $n <x.$kind | cmp - text || { echo "$kind $n"; return 1; }
		done
	done
}

@test "a cut is an error wherever it is" {
	local kind i size
	for kind in gzip zstd; do
		size=$(wc -c <x.$kind)
		$kind -q -c part.aa >first
		for ((i = 1; i < 250; i++)); do
			local at=$((i < 30 ? size - i : RANDOM * size / 32768))
			[ "$at" -ne "$(wc -c <first)" ] || continue
			run "$decode" $kind 4096 < <(head -c "$at" x.$kind)
			[ "$status" -eq 65 ] || { echo "$kind cut at $at of $size: $status"; return 1; }
		done
		run "$decode" $kind 10 </dev/null
		equals "$status $output" "65 the $kind data ends early"
	done
}

@test "what is damaged, or goes on after the end, is refused" {
	local kind
	for kind in gzip zstd; do
		run "$decode" $kind 100 < <(cat x.$kind && echo)
		equals "$status" 65
		run "$decode" $kind 100 < <(cat x.$kind && head -c 20 /dev/zero)
		equals "$status" 65
		run "$decode" $kind 100 <text
		equals "$status" 65
		contains "${lines[-1]}" "the $kind data is damaged"
		head -c "$(($(wc -c <x.$kind) - 2))" x.$kind >damaged # in a checksum or length
		printf '\1\2' >>damaged
		run "$decode" $kind 100 <damaged
		equals "$status" 65
	done
}

# libzstd does not compare where the last block is empty, unless it has the frame as a whole.
@test "a frame that is less than it says is refused" {
	local n
	for n in 1 3 4 100; do
		run "$decode" zstd $n < <(printf '\x28\xb5\x2f\xfd\x40\x50\x0a\x0a\x52\x00\x00x\x01\x00\x00')
		equals "$status" 65
	done
}

@test "what grows out of proportion is refused" {
	local kind
	for kind in gzip zstd; do
		head -c 100M /dev/zero | $kind -c >bomb
		"$decode" $kind 4096 250 <bomb >out && return 1
		contains "$(tail -c 100 out | tr -d '\0')" 'out of all proportion'
		[ "$(wc -c <out)" -lt 68000000 ]
		"$decode" $kind 65536 <bomb | cmp -n 104857600 - /dev/zero
	done
}
