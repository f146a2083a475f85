# shellcheck shell=bash disable=SC2154 # read by run
# cs-load into SQLite beside what people load with: sqlite-utils, python3, the sqlite3 shell, jq, DuckDB (npm's
# @duckdb/node-api), and beside itself without --memory for its digests.
# Each starts from what it loaded itself, and ends durable. A million records; RECORDS=100000 is quick.
need jq sqlite3
n=${RECORDS:-1000000}

# made KIND COUNT [CHANGED]: the path of a file of such rows (rows.c), made once.
made() {
	local file=$dir/$1-$2-${3:-0}.rows
	[ -s "$file" ] || { rows "$@" >"$file.new" && mv "$file.new" "$file"; }
	echo "$file"
}

installed() {
	command -v "$1" >/dev/null && return 0
	echo "$1 is not installed: left out"
	return 1
}

cs() { # FILE [OPTION…]
	echo "cs-load --to sqlite:cs.db --table t --key id ${*:2} <$1"
}

# others FILE: what loads it, by name, into other.db; for the rows below.
declare -A other
others() {
	local in=$1 columns sets c list='' values=''
	columns=$(head -n 1 "$in" | jq -r 'keys_unsorted | join(" ")')
	sets=''
	for c in $columns; do
		list+=${list:+, }$c
		values+=${values:+, }"j ->> '\$.$c'"
		[ "$c" = id ] || sets+=${sets:+, }"$c = excluded.$c"
	done
	local create="create table if not exists t (${list/id/id text primary key})"
	local conflict="where true on conflict (id) do update set $sets"
	other=()
	installed sqlite-utils >&2 && other[sqlite-utils]="sqlite-utils upsert other.db t - --nl --pk id <$in"
	installed python3 >&2 && other[python3]="python3 $here/load.py other.db t id <$in"
	other[sqlite3]="sqlite3 other.db 'pragma journal_mode=wal' '$create' 'create temp table r(j)' '.mode ascii' \
		'.separator \"\\1\" \"\\n\"' '.import $in r' \"insert into t select $values from r $conflict\""
	other[jq,sqlite3]="jq -r '[.${columns// /, .}] | map(if type == \"object\" or type == \"array\" then tojson else . end) | @csv' <$in |
		sqlite3 other.db 'pragma journal_mode=wal' '$create' 'create temp table r($list)' '.import --csv /dev/stdin r' \
		'insert into t select * from r $conflict'"
	[ ! -d node_modules/@duckdb ] || other[duckdb]="node $here/duck.js other.db $in"
}

# beside WHAT FILE GOALS [BEFORE]: one row for each of the others; GOALS: name=ratio…
beside() {
	local what=$1 in=$2 name goal before
	for goal in $3; do
		name=${goal%=*}
		[ -n "${other[$name]:-}" ] || continue
		before=''
		[ -z "${4:-}" ] || before="rm -f cs.db other.db; $(cs "$in"); ${other[$name]}"
		if [ -n "$before" ]; then
			row "$what" "$name" "$(cs "$in")" "${other[$name]}" "${goal#*=}" "$before"
		else
			row "$what" "$name" "rm -f cs.db; $(cs "$in")" "rm -f other.db; ${other[$name]}" "${goal#*=}"
		fi
	done
}

[ -d node_modules/@duckdb ] || npm install --no-audit --no-fund --silent @duckdb/node-api >/dev/null 2>&1 ||
	echo 'DuckDB cannot be installed by npm here: left out'
in=$(made hr "$n")
others "$in"
title "cs-load: $n records of 12 columns, a random text key"
beside 'new rows' "$in" 'sqlite-utils=0.071 python3=0.33 sqlite3=0.5 jq,sqlite3=0.22 duckdb=0.8'
row 'new rows, --bulk' 'no --bulk' "rm -f cs.db; $(cs "$in" --bulk)" "rm -f cs.db; $(cs "$in")" 0.8
beside 'the same again' "$in" 'sqlite-utils=0.077 python3=0.2 sqlite3=0.286 jq,sqlite3=0.11 duckdb=0.67' again
for p in 0 5 100; do
	changed=$(made hr "$n" "$p")
	row "$p % changed" 'no digests' "$(cs "$changed")" "cp kept cs.db; $(cs "$changed" --memory 96M)" \
		"$([ "$p" = 0 ] || { [ "$p" = 5 ] && echo 0.6 || echo 0.8; })" "[ -e kept ] || { $(cs "$in"); cp cs.db kept; }; cp kept cs.db"
done
rm -f kept

title "cs-load: other shapes"
for shape in sorted wide nested narrow; do
	case $shape in
	wide) m=$((n / 10)) ;;
	nested) m=$((n / 5)) ;;
	*) m=$n ;;
	esac
	in=$(made $shape "$m")
	others "$in"
	beside "$shape, new ($m)" "$in" python3=0.33
	beside "$shape, the same again" "$in" python3=0.2 again
done

title "cs-load: a change that is small against its table"
in=$(made hr "$n")
for part in 10 50; do
	few=$dir/few.rows
	rows hr $((n / part)) 50 $((n / 3)) >"$few"
	row "half of 1/$part of the rows changed" 'no digests' "$(cs "$few")" "cp kept cs.db; $(cs "$few" --memory 96M)" 1.1 \
		"[ -e kept ] || { $(cs "$in"); cp cs.db kept; }; cp kept cs.db"
done
rm -f kept

# Checkpoints in the stream, and a pipe that is no faster than the loader.
marked=$dir/marked.rows
awk -v n="$n" 'BEGIN { print "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"r\",\"mode\":\"full\",\"from\":null}" }
	{ print }
	NR % 1000 == 0 { print "{\"@cs\":\"checkpoint\",\"stream\":\"s\",\"state\":" NR ",\"records\":" NR "}" }
	END { print "{\"@cs\":\"end\",\"stream\":\"s\",\"run\":\"r\",\"records\":" NR ",\"complete\":true}" }' "$in" >"$marked"
title "cs-load: a checkpoint every 1,000 rows"
row 'from a file' 'no checkpoints' "rm -f cs.db; $(cs "$marked")" "rm -f cs.db; $(cs "$in")" 1.3
row 'from a pipe' 'no checkpoints' "rm -f cs.db; cat $marked | $(cs /dev/stdin)" "rm -f cs.db; cat $in | $(cs /dev/stdin)" 1.3
