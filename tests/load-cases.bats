#!/usr/bin/env bats
# What cs-load does with records, as a table of cases: tests/data/load/*.cases; cases.bash says how to write one.
load lib
load cases

@test "every case gives what it should on SQLite" {
	run_cases sqlite "$ROOT"/tests/data/load/*.cases
}

@test "a case that expects something else fails" {
	local i=0 line
	while IFS= read -r line; do
		i=$((i + 1))
		printf 'case wrong\nload --key id\n< {"id":1}\n%s\n' "$line" >wrong.cases
		mkdir "$i"
		run bash -c "$(declare -f); cd $i; run_cases sqlite ../wrong.cases"
		equals "$status" 1 || return 1
		contains "$output" 'FAILED wrong.cases: wrong' || return 1
	done <<'END'
exit 1
says something
counts 0 0 0 0 0 0
acks 1
columns id text*
rows
nonsense
END
}
