#!/usr/bin/env bats
# Files of many machines: cs-load --parts writes them, and the cs-load behind it lists them.
# shellcheck disable=SC2016 # $ is for the inner shell
load lib

setup() {
	start_in_tmpdir
	mkdir parts
	export CS_STATE_STORE=sqlite:list.db
	# stream [FROM]: ten records and a checkpoint, three times
	cat >stream <<'END'
from=${1:-0}
printf '{"@cs":"begin","version":1,"stream":"%s","run":"%s","mode":"incremental","from":%s}\n' "$CS_STREAM" "$CS_RUN" "${CS_STATE:-null}"
for c in 1 2 3; do
	for i in 1 2 3 4 5 6 7 8 9 10; do n=$((from + (c - 1) * 10 + i)); echo '{"id":'$n',"name":"n'$n'"}'; done
	printf '{"@cs":"checkpoint","stream":"%s","run":"%s","state":{"at":%d},"records":%d}\n' "$CS_STREAM" "$CS_RUN" $((from + c * 10)) $((c * 10))
done
[ -n "${CUT:-}" ] || printf '{"@cs":"end","stream":"%s","run":"%s","records":30,"complete":true}\n' "$CS_STREAM" "$CS_RUN"
END
	cat >sync <<'END'
sh stream "$1" | cs-load --to ndjson:parts/items.ndjson --parts --commit-every 10 --strict ${OPTIONS:-} |
	cs-load --to sqlite:list.db --table parts --key file --strict
END
}

# The files listed, in order.
listed() {
	sql list.db 'SELECT file FROM parts ORDER BY stream, fence, part' | sed 's,^,parts/,'
}

@test "each commit is a part, and those that are listed are the records" {
	succeeds cs-state run items/acct-1 -- sh sync 0
	succeeds cs-state run items/acct-1 -- sh sync 30
	succeeds cs-state run items/acct-2 -- sh sync 100
	contains "$(listed | head -n 1)" '^parts/items\.items%2Facct-1\.[0-9]+\.1\.ndjson$'
	equals "$(listed | xargs cat | jq .id | tr '\n' ' ')" "$(seq 60 | tr '\n' ' ')$(seq 101 130 | tr '\n' ' ')"
	equals "$(sql list.db 'SELECT sum(records), count(DISTINCT fence) FROM parts')" '90|3'
	equals "$(cs-state get items/acct-1)" '{"at":60}'
	# What the list says of the first file is so.
	file=$(listed | head -n 1)
	equals "$(sql list.db 'SELECT bytes, crc32 FROM parts ORDER BY fence, part LIMIT 1')" \
		"$(wc -c <"$file")|$(gzip -c "$file" | tail -c 8 | od -An -tx4 -N4 | tr -d ' ')"
	# merged by key, each part being sorted
	equals "$(listed | tr '\n' '\0' | sort -m -t: -k2n --files0-from=- | jq .id | head -n 2 | tr '\n' ' ')" '1 2 '
}

@test "compressed, and CSV" {
	export CS_STREAM=s CS_FENCE=7 CS_RUN=R
	sh stream | cs-load --to ndjson:parts/a.ndjson.gz --parts >out
	zcat parts/a.s.7.1.ndjson.gz | jq -s length | grep -x 30
	equals "$(jq -c 'select(has("@cs") | not) | [.file, .part, .records]' out)" '["a.s.7.1.ndjson.gz",1,30]'
	equals "$(jq -c 'select(has("@cs")) | [.["@cs"], .records]' out)" $'["begin",null]\n["checkpoint",1]\n["checkpoint",1]\n["checkpoint",1]\n["end",1]'
	sh stream | cs-load --to csv:parts/b.csv --parts >/dev/null
	equals "$(head -n 2 parts/b.s.7.1.csv)" $'id,name\n1,n1'
}

@test "a stream that is cut off keeps the parts up to its last checkpoint, and fails" {
	CUT=1 ends_with_status 65 cs-state run items/acct-1 -- sh sync 0
	equals "$(listed | xargs cat | jq -s length)" 30
	equals "$(cs-state get items/acct-1)" '{"at":30}'
}

@test "a run that was overtaken has its parts written, and not listed" {
	cat >late <<'END'
	{
		sh stream 0
		touch began
		until [ -e go ]; do sleep 0.05; done
	} | cs-load --to ndjson:parts/items.ndjson --parts |
		{ until [ -e go ]; do sleep 0.05; done; cat; } |
		cs-load --to sqlite:list.db --table parts --key file
END
	CS_STREAM=items/acct-1 CS_FENCE=5 CS_RUN=OLD sh late >late.out 2>late.err 3>&- &
	late=$!
	until [ -e parts/items.items%2Facct-1.5.1.ndjson ]; do sleep 0.05; done
	succeeds cs-state run items/acct-1 -- sh sync 0
	touch go
	wait $late && status=0 || status=$?
	equals "$status" 80
	contains "$(cat late.err)" 'a newer run'
	equals "$(listed | xargs cat | jq .id | tr '\n' ' ')" "$(seq 30 | tr '\n' ' ')"
	equals "$(find parts -name '*.5.*' | wc -l)" 1
	# which is how those that may go are found
	listed | sort >list
	find parts -type f | sort | comm -23 - list >stray
	equals "$(cat stray)" 'parts/items.items%2Facct-1.5.1.ndjson'
}

@test "killed anywhere: what is listed is whole, once" {
	for n in 1 2 3 4 5 6; do
		timeout -s KILL "0.0$n" cs-state run items/acct-1 -- sh sync 0 >/dev/null 2>&1 || :
	done
	until cs-state run items/acct-1 -- true 2>/dev/null; do sleep 0.1; done
	for file in $(listed); do
		equals "$(jq -s length "$file")" "$(sql list.db "SELECT records FROM parts WHERE file = '${file#parts/}'")"
	done
}

@test "what does not go with it" {
	export CS_STREAM=s CS_FENCE=7
	fails_with 64 cs-load --to ndjson:a.ndjson --parts --key id
	fails_with 64 cs-load --to ndjson:a.ndjson --parts --mode replace
	fails_with 64 cs-load --to ndjson:a.ndjson --parts --partition-by x
	fails_with 64 cs-load --to sqlite:a.db --table t --parts
	fails_with 64 cs-load --to ndjson:/dev/stdout --parts
	CS_FENCE='' fails_with 64 cs-load --to ndjson:a.ndjson --parts
}
