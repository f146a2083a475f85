#!/usr/bin/env bats
# The kept corpora of `make fuzz`, as they are and changed at random, by programs that make check builds.

load lib

# replay NAME: 300 changes of each file; SEED=N makes other ones.
replay() {
	[ -x "$BUILD/fuzz/$1" ] || skip "make check builds it"
	local files=("$ROOT/tests/fuzz/corpus/$1"/*)
	[ -e "${files[0]}" ]
	ends_with_status 0 "$BUILD/fuzz/$1" -n 300 -s "${SEED:-1}" "${files[@]}"
}

@test "connector files" {
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 # what it takes it keeps until exit
	replay connector;
}
@test "CSV" { replay csv; }
@test "gzip and zstd" { replay decode; }
@test "Link" { replay link; }
@test "cursors, compared" { replay mark; }
@test "values into bodies" { replay place; }
@test "states" { replay state; }
@test "rate limit fields" { replay quota; }
@test "Retry-After" { replay retryafter; }
@test "paces, quotas and requests in flight" { replay rate; }
@test "JSON and control lines" { replay scan; }
@test "records through rules" { replay map; }
@test "records into SQLite" { replay load; }
@test "pages" { replay split; }
@test ".netrc" { replay netrc; }
@test "token answers" { replay token; }
@test "declared tables, their values, and canonical texts" { replay schema; }
@test "signed URLs" { replay sigv4; }

@test "another parser, and a model of the rules, think of records what cs-map does" {
	need python3
	ends_with_status 0 "$ROOT/tests/fuzz/differ" 24 "${SEED:-1}"
	[ "${output% lines compared}" -gt 4000 ]
}

@test "messages of taps and sources" { replay bridge; }
@test "JSON for libjq" { replay jqjson; }

@test "every target has a corpus and a test" {
	local f name
	for f in "$ROOT"/tests/fuzz/*.c; do
		name=$(basename "$f" .c)
		case $name in replay | wrap) continue ;; esac
		[ -d "$ROOT/tests/fuzz/corpus/$name" ]
		contains "$(cat "$BATS_TEST_FILENAME")" "replay $name;"
	done
}
