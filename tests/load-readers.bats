#!/usr/bin/env bats
# What cs-load leaves in a database, read by programs of others.
load lib

records() {
	jq -nc 'range(500) | {id: "k\(.)", n: ., r: (. / 4), b: (. % 2 == 0), s: "é \"\(.)\"\n", o: {a: [., null]}, x: null}
		| if .n % 7 == 0 then del(.s) else . end'
	printf '%s\n' '{"id":"big","n":9007199254740993,"s":"007","o":[]}' '{"id":"late","new":true}'
}

@test "the same records again: sqldiff has nothing to say, and the hash of the content is the same" {
	need sqldiff
	local options
	for options in "--key id" "--key id --synced-at at --first-seen first" "--key-hash" "--mode history --key id" \
		"--key id --delete-missing soft" "--key id --strict-tables --index n" "--mode replace --key id"; do
		rm -f x.db* before.db
		# shellcheck disable=SC2086
		records | cs-load --to sqlite:x.db --table t $options
		sqlite3 x.db 'VACUUM INTO "before.db"'
		# shellcheck disable=SC2086
		records | cs-load --to sqlite:x.db --table t $options
		equals "$(sqldiff before.db x.db)" "" || { echo "$options"; return 1; }
		equals "$(sqlite3 x.db '.sha3sum --schema')" "$(sqlite3 before.db '.sha3sum --schema')"
		equals "$(sqlite3 -readonly x.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" ok
	done
}

@test "types do not drift, and what is JSON is JSON to SQLite's functions" {
	records | cs-load --to sqlite:x.db --table t --key id
	records | cs-load --to sqlite:x.db --table t --key id
	equals "$(sql x.db 'SELECT DISTINCT typeof(n), typeof(r), typeof(b), typeof(o) FROM t WHERE n < 1000 ORDER BY 1')" 'integer|real|integer|text'
	equals "$(sql x.db 'SELECT count(*) FROM t WHERE o NOTNULL AND json_valid(o) = 0')" 0
	equals "$(sql x.db "SELECT sum(json_extract(o, '$.a[0]')) FROM t")" 124750
}

@test "sqlite-utils reads the same rows, and adds to the table that cs-load goes on with" {
	need sqlite-utils
	records | cs-load --to sqlite:x.db --table t --key id
	equals "$(sqlite-utils rows x.db t --nl | jq -cS 'del(.[] | nulls)' | sort | sha256sum)" \
		"$(records | jq -cS 'if .b then .b = 1 elif .b == false then .b = 0 else . end | if .new then .new = 1 else . end |
			if .o then .o |= tojson else . end | del(.[] | nulls)' | sort | sha256sum)"
	echo '[{"id":"k1","n":7},{"id":"su","n":8}]' | sqlite-utils upsert x.db t - --pk id
	sqlite-utils create-index x.db t n
	records | cs-load --to sqlite:x.db --table t --key id --stats stats
	equals "$(jq -c '[.inserted, .updated, .unchanged]' stats)" '[0,1,501]'
	# It makes FLOAT of the types that it does not know: what would be changed there is refused.
	sqlite-utils transform x.db t --rename s text
	records >in
	fails_with 65 cs-load --to sqlite:x.db --table t --key id <in
	contains "$stderr" 'column "o": .* is not a FLOAT'
	equals "$(sql x.db 'SELECT count(*), count(text) FROM t')" "503|$(grep -c '"s"' in)"
}
