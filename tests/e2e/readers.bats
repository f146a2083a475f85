#!/usr/bin/env bats
# The files that cs-load writes, read by programs of others: yajl, python3, node, csvkit, Miller, DuckDB.

load ../lib

setup_file() {
	need jq
	cd "$BATS_FILE_TMPDIR" || return 1
	# Everything a reader may stumble over: quotes, separators, line ends, other scripts, spaces at the ends, long numbers.
	jq -nc 'range(300) | {id: "k\(.)", n: ., r: (. / 4), b: (. % 2 == 0), text: "é \"\(.)\", ;\t\\ end", o: {a: [., null]}, x: null}
		| if .n % 7 == 0 then del(.text) elif .n % 11 == 0 then .text = "two\r\nlines\n" elif .n % 13 == 0 then .text = "  日本語 \u2028 🎉 " else . end' >first
	printf '%s\n' '{"id":"big","n":"9007199254740993","text":"007"}' '{"id":"empty","text":""}' >>first
	# A change: rows that are others now, and new ones.
	jq -c 'select(.n | numbers | . % 5 == 0) | .r = 0.1 | .text = "changed,\n\"\(.n)\""' first >change
	jq -nc 'range(300; 350) | {id: "k\(.)", n: ., text: "new"}' >>change
	# What there must be in the end: the last of each key.
	jq -cS . first change | jq -csS 'reduce .[] as $r ({}; .[$r.id] += $r) | [.[]] | sort_by(.id) | .[]' >expected
	[ "$(wc -l <expected)" = 352 ]
}

# A file of each way it can come about.
written() { # KIND
	local kind=$1
	cs-load --to "$kind:keyed" --key id <"$BATS_FILE_TMPDIR/first" >/dev/null
	cs-load --to "$kind:keyed" --key id <"$BATS_FILE_TMPDIR/change" >/dev/null
	cs-load --to "$kind:whole" --mode replace <"$BATS_FILE_TMPDIR/expected" >/dev/null
	cs-load --to "$kind:parts" --mode append <"$BATS_FILE_TMPDIR/expected" >/dev/null
}

expected() {
	cat "$BATS_FILE_TMPDIR/expected"
}

sorted() {
	jq -csS 'sort_by(.id) | .[]' "$@"
}

@test "NDJSON: yajl, python3, node and jq read the same rows, each line one value" {
	need json_verify python3 node isutf8
	local f
	written ndjson
	for f in keyed whole parts; do
		json_verify -q -s <"$f"
		isutf8 "$f"
		equals "$(sorted "$f")" "$(expected)" || return 1
		python3 -c 'import json, sys
for l in open(sys.argv[1], encoding="utf-8", newline="\n"):
    assert l.endswith("\n") and isinstance(json.loads(l, parse_constant=lambda c: 1/0,
        object_pairs_hook=lambda p: dict(p) if len(dict(p)) == len(p) else 1/0), dict)' "$f"
		equals "$(node -e 'for (const l of require("fs").readFileSync(process.argv[1], "utf8").trimEnd().split("\n"))
			console.log(JSON.stringify(JSON.parse(l)))' "$f" | sorted)" "$(expected)" || return 1
	done
}

@test "NDJSON: Miller reads the same texts" {
	need mlr
	local f
	written ndjson
	for f in keyed whole parts; do
		equals "$(mlr --ijsonl --ojsonl cut -f id,text "$f" | sorted)" "$(expected | jq -cS '{id} + if has("text") then {text} else {} end')" || return 1
	done
}

# Text and id as JSON, a field that is empty or missing being "".
texts() {
	expected | jq -cS '{id, text: (.text // "")}'
}

# As csvkit and Miller read them, to whom every line end is one.
ends() {
	texts | sed 's/\\r\\n/\\n/g'
}

@test "CSV: csvkit finds no fault, and reads the same texts" {
	need csvclean csvjson
	local f
	written csv
	for f in keyed whole parts; do
		csvclean -n "$f" >said
		equals "$(cat said)" "No errors."
		equals "$(csvstat --count "$f" | tr -dc 0-9)" 352
		equals "$(csvjson -I "$f" | jq -c '.[] | {id, text: (.text // "")}' | sorted)" "$(ends)" || return 1
	done
}

@test "CSV: Miller and python3 read the same texts" {
	need mlr python3
	local f
	written csv
	for f in keyed whole parts; do
		equals "$(mlr --icsv --ojsonl -S cut -f id,text "$f" | sorted)" "$(ends)" || return 1
		equals "$(python3 -c 'import csv, json, sys
for r in csv.DictReader(open(sys.argv[1], encoding="utf-8", newline=""), strict=True):
    print(json.dumps({"id": r["id"], "text": r["text"]}))' "$f" | sorted)" "$(texts)" || return 1
	done
}

@test "DuckDB reads NDJSON and CSV, strictly" {
	local f kind peers=$ROOT/build/peers
	[ -d "$peers/node_modules/@duckdb" ] || skip "the npm package @duckdb/node-api is not installed"
	cat >read.js <<-'END'
		const { DuckDBInstance } = require(process.argv[3] + '/node_modules/@duckdb/node-api');
		(async () => {
			const c = await (await DuckDBInstance.create(':memory:')).connect();
			for (const r of (await c.runAndReadAll(process.argv[2])).getRowObjectsJson())
				console.log(JSON.stringify({ id: r.id, text: r.text ?? '' }));
		})().catch(e => { console.error(e.message); process.exit(1); });
	END
	for kind in ndjson csv; do
		rm -rf keyed whole parts .keyed* .whole* .parts*
		written "$kind"
		for f in keyed whole parts; do
			if [ "$kind" = csv ]; then
				node read.js "select id, text from read_csv('$f', header = true, strict_mode = true, all_varchar = true)" "$peers" >rows
			else
				node read.js "select id, text from read_json('$f', format = 'newline_delimited', columns = {id: 'VARCHAR', text: 'VARCHAR'})" "$peers" >rows
			fi
			equals "$(sorted rows)" "$(texts)" || return 1
		done
	done
}
