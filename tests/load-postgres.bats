#!/usr/bin/env bats
# cs-load --to postgres://, against a private PostgreSQL. What a record means is in the cases that SQLite has, too.
load lib
load cases
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

setup() {
	start_in_tmpdir
	new_database
}

@test "every case gives what it should on PostgreSQL" {
	run_cases postgres "$ROOT"/tests/data/load/{types,keyless,losses,tables}.cases
}

@test "every case gives what it should with SQL that others than PostgreSQL know" {
	CS_PG_PORTABLE=1 run_cases postgres "$ROOT"/tests/data/load/{types,keyless,losses,tables}.cases
}

@test "libpq is loaded for a PostgreSQL server alone" {
	run -1 bash -c 'ldd "$BUILD"/cs-load | grep libpq'
	run -0 bash -c 'echo "{}" | strace -f -e trace=openat cs-load --to ndjson:out 2>&1'
	lacks "$output" libpq
}
