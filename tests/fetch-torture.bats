#!/usr/bin/env bats
# cs-fetch: a sample of tests/torture/fetch, another one at each run; `make torture` runs all of it.

load lib

@test "a sample of the fault table, and cuts at random bytes" {
	need perl
	perl -MCompress::Zlib -e 1 || skip 'perl has no Compress::Zlib'
	run "$ROOT/tests/torture/fetch" --seed "${SEED:-$RANDOM}" --cuts 60 --sample "${SAMPLE:-90}"
	echo "$output"
	[ "$status" -eq 0 ]
	contains "$output" '^90 runs tried, 0 failed'
}
