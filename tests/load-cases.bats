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

@test "a Singer table that is sent whole loses the rows that are no longer sent, once the tap has ended well" {
	tap() { # VERSION ID...
		echo '{"@cs":"begin"}'
		echo '{"type":"SCHEMA","stream":"c","key_properties":["id"],"schema":{"properties":{"id":{"type":"integer"}}}}'
		[ "$1" -gt 2 ] || echo '{"type":"ACTIVATE_VERSION","stream":"c","version":'"$1"'}'
		for id in "${@:2}"; do echo '{"type":"RECORD","stream":"c","version":'"$1"',"record":{"id":'"$id"'}}'; done
		echo '{"type":"STATE","value":{"v":'"$1"'}}'
		echo '{"type":"ACTIVATE_VERSION","stream":"c","version":'"$1"'}'
	}
	load() { cs-map --from singer | cs-load --to sqlite:x.db --delete-missing hard >/dev/null; }
	{ tap 1 1 2 3; echo '{"@cs":"end"}'; } | load
	equals "$(sql x.db 'SELECT group_concat(id) FROM c')" 1,2,3
	run -65 load < <(tap 2 2 4) # it died
	equals "$(sql x.db 'SELECT group_concat(id) FROM c')" 1,2,3,4
	{ tap 2 3; echo '{"@cs":"end"}'; } | load # goes on with its version
	equals "$(sql x.db 'SELECT group_concat(id) FROM c')" 2,3,4
	{ tap 3 5; echo '{"@cs":"end"}'; } | load
	equals "$(sql x.db 'SELECT group_concat(id) FROM c')" 5
}

@test "Singer's own sample of versions: all rows stay, again too" {
	shared corpora/singer/sdk/countries_activate_version.singer
	for _ in 1 2; do
		{ echo '{"@cs":"begin"}'; cat "$SHARED"; echo '{"@cs":"end"}'; } | cs-map --from singer |
			cs-load --to sqlite:x.db --delete-missing hard >/dev/null
		equals "$(sql x.db 'SELECT (SELECT count(*) FROM continents), (SELECT count(*) FROM countries)')" '7|250'
	done
}

@test "the Big List of Naughty Strings as names of tables" {
	shared corpora/blns/blns.json
	jq -c 'to_entries[] | {"@cs": {table: .value}, id: .key, name: .value}' "$SHARED" >in
	ends_with_status 1 cs-load --to sqlite:x.db --key id --rejects bad --table t <in
	equals "$(jq -r .reason bad | grep -vc 'differs from table\|without a name\|are taken' || :)" 0
	# each that was taken is in the table of its name
	sqlite3 -readonly -batch x.db "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cs\\_%' ESCAPE '\\'" >tables
	n=0
	while IFS= read -r table; do
		equals "$(sqlite3 -readonly -batch x.db "SELECT DISTINCT name FROM \"${table//\"/\"\"}\"")" "$table" || return 1
		n=$((n + 1))
	done <tables
	equals "$((n + $(jq -r '.record | fromjson."@cs".table' bad | sort -u | wc -l)))" "$(jq -r '.[]' "$SHARED" | sort -u | wc -l)"
}
