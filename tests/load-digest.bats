#!/usr/bin/env bats
# cs-load with the digest map: what comes out must be what comes out without it (--memory 64M has room for none).
load lib

teardown() {
	for f in x.db y.db; do
		[ ! -e "$f" ] || equals "$(sql "$f" 'PRAGMA integrity_check')" ok
	done
}

# records COUNT [SEED]: keys in another order than they are stored, some of them twice, values of all kinds.
records() {
	awk -v n="$1" -v seed="${2:-1}" 'function r(k) { s = (s * 1103515245 + 12345) % 2147483648; return int(s / 8192) % k }
	BEGIN {
		s = seed
		split("true false null 0 1 -1 5 5.0 2.5 1e3 -0.0 \"\" \"5\" \"5.0\" \"text\" \"Te\\u00dft\" \"007\" 9007199254740993 [1,2] {\"a\":null} 1234567890123456789012", v, " ")
		for (i = 0; i < n; i++) {
			k = i * 7919 % n
			printf "{\"id\":%s,\"n\":%d,\"x\":%d.%d,\"s\":\"row %d\",\"any\":%s", key(k), k, k % 7, k % 2 * 5, k, v[1 + k % 21]
			if (k % 3) printf ",\"o\":%s", k % 5 ? "\"o" k % 11 "\"" : "null"
			print "}"
		}
	}
	function key(k) { return k % 2 ? "\"Key" k "\"" : "\"k" k "\"" }'
}

# change PERCENT [SEED]: the same records, some of them changed: values, columns left out, deletes, updates, keys twice
change() {
	awk -v p="$1" -v seed="${2:-7}" 'function r(k) { s = (s * 1103515245 + 12345) % 2147483648; return int(s / 8192) % k }
	BEGIN { s = seed }
	{
		if (r(100) >= p) { print; next }
		c = r(9); line = $0
		if (c == 0) sub(/"n":[0-9]*/, "\"n\":" r(1000), line)
		else if (c == 1) sub(/"s":"row [0-9]*"/, "\"s\":\"ROW" r(3) "\"", line)
		else if (c == 2) sub(/,"s":"row [0-9]*"/, "", line)
		else if (c == 3) sub(/,"o":.*/, "}", line)
		else if (c == 4) sub(/"s":"row [0-9]*"/, "\"s\":null", line)
		else if (c == 5) { sub(/^{/, "{\"@cs\":{\"op\":\"delete\"},", line) }
		else if (c == 6) { sub(/^{/, "{\"@cs\":{\"op\":\"update\"},", line); sub(/"x":[^,]*/, "\"x\":" r(9), line) }
		else if (c == 7) { sub(/"id":"/, "\"id\":\"new", line) }
		else { print; sub(/"n":[0-9]*/, "\"n\":" r(1000), line) }
		print line
	}'
}

# same OPTION…: load the files given in turn into x.db with the map and into y.db without; counts and contents agree.
same() {
	local f
	for f in "${files[@]}"; do
		cs-load --to sqlite:x.db --table t --stats xs -v "$@" <"$f" 2>xv || return 1
		cs-load --to sqlite:y.db --table t --stats ys -v --memory 64M "$@" <"$f" 2>yv || return 1
		contains "$(cat yv)" ', 0 by digest' || return 1
		equals "$(cat xs)" "$(cat ys)" || return 1
		equals "$(dump x.db)" "$(dump y.db)" || return 1
	done
}

# Without the time of the run, which differs.
dump() {
	sql "$1" 'SELECT * FROM t ORDER BY id' | sed 's,20[0-9-]*T[0-9:.]*Z,at,' | sha256sum
}

used() {
	contains "$(cat xv)" '[1-9][0-9]* by digest'
}

unused() {
	contains "$(cat xv)" ', 0 by digest'
}

own_table() { # SQL
	sqlite3 x.db "$1"
	sqlite3 y.db "$1"
}

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	records 4000 >first
	change 5 <first >five
	change 60 3 <first >sixty
	export first=$BATS_FILE_TMPDIR/first five=$BATS_FILE_TMPDIR/five sixty=$BATS_FILE_TMPDIR/sixty
}

@test "the same again: known to be the same, and not one page written" {
	need strace
	cs-load --to sqlite:x.db --table t --key id <"$first"
	before=$(sha256sum <x.db)
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -o trace -e trace=pwrite64,pwritev,ftruncate \
		cs-load --to sqlite:x.db --table t --key id -v --stats stats <"$first" 2>err
	equals "$(jq -c '[.inserted, .updated, .unchanged]' stats)" '[0,0,4000]'
	contains "$(cat err)" '[23][0-9]{3} by digest'
	equals "$(grep -c 'pwrite64.* = 4096$\|pwrite64.* 4096, ' trace || :)" 0
	equals "$(sha256sum <x.db)" "$before"
	[ ! -e x.db-wal ]
}

@test "changes of all kinds, deletes, updates, keys twice, columns left out" {
	files=("$first" "$five" "$sixty" "$five" "$first" "$first")
	same --key id
	used
	rm -f x.db y.db
	same --key id --missing null --synced-at at
	used
}

@test "keys of several columns, and keys that are the rowid" {
	files=("$first" "$five" "$sixty" "$first")
	same --key id,n
	rm -f x.db y.db
	for f in first five sixty; do sed 's/"id":"[a-zA-Z]*\([0-9]*\)"/"id":\1/' "${!f}" >$f; done
	files=(first five sixty first)
	same --key id
	used
}

@test "tables of the user's own: affinities, defaults, generated columns, WITHOUT ROWID, a column named rowid" {
	files=("$first" "$five" "$sixty" "$first")
	for table in 'id TEXT PRIMARY KEY, n, x, s, any, o' 'id PRIMARY KEY, n REAL, x NUMERIC, s BLOB, any, o DEFAULT 7' \
		'id TEXT PRIMARY KEY, rowid INTEGER DEFAULT 3, n NUMERIC, g AS (n * 2) STORED, x, s COLLATE NOCASE, any, o, mine DEFAULT 1' \
		'a INTEGER PRIMARY KEY, id TEXT UNIQUE, n INT, x, s, any, o' 'rowid, oid, _rowid_, id TEXT PRIMARY KEY, n, x, s, any, o'; do
		rm -f x.db y.db
		own_table "CREATE TABLE t($table)"
		same --key id || return 1
	done
	unused # without a name for the rowid
	rm -f x.db y.db
	own_table 'CREATE TABLE t(id TEXT PRIMARY KEY, n, x, s, any, o) WITHOUT ROWID'
	same --key id
	used
}

@test "where rows may change that no record names, or keys are equal that differ, there is no map" {
	files=("$first" "$sixty" "$first")
	own_table 'CREATE TABLE t(id TEXT PRIMARY KEY, n, x, s, any, o);
		CREATE TRIGGER g AFTER UPDATE ON t BEGIN UPDATE t SET o = 1 WHERE n = new.n + 1; END'
	same --key id
	unused
	rm -f x.db y.db
	own_table 'CREATE TABLE t(id TEXT COLLATE NOCASE PRIMARY KEY, n, x, s, any, o)'
	same --key id
	unused
	rm -f x.db y.db
	rm -f x.db y.db
	files=("$first" "$first")
	own_table 'CREATE TABLE t(id TEXT PRIMARY KEY, n, x, s UNIQUE ON CONFLICT REPLACE, any, o)'
	same --key id
	unused
	rm -f x.db y.db
	own_table 'CREATE TABLE p(s PRIMARY KEY); CREATE TABLE t(id TEXT PRIMARY KEY, n, x, s REFERENCES p ON DELETE CASCADE, any, o);
		WITH i(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM i WHERE n < 20000) INSERT INTO p SELECT printf('\''row %d'\'', n) FROM i'
	same --key id
	unused
}

@test "a column that comes late, one that needs a wider type, and numbers written in another way" {
	{ cat "$first"; sed 's/}$/,"late":1}/' "$first"; sed 's/"n":\([0-9]*\)/"n":"\1"/; s/}$/,"late":1}/' "$first"; } >late
	sed 's/"x":\([0-9]*\)\.0/"x":\1/; s/"n":\([0-9]*\)/"n":\1.0/' "$first" >other
	files=("$first" late late other "$first")
	same --key id
	used
}

@test "a table that is too large for --memory is compared without digests, and -v says what it takes" {
	cs-load --to sqlite:x.db --table t --key id <"$first"
	awk 'BEGIN { for (i = 0; i < 40000; i++) print "{\"id\":\"more" i "\"}" }' | cs-load --to sqlite:x.db --table t --key id
	awk 'BEGIN { for (i = 0; i < 40000; i++) print "{\"id\":\"more" i "\"}" }' >again
	cs-load --to sqlite:x.db --table t --key id -v --memory 97M <again 2>xv
	contains "$(cat xv)" 'digests of 44000 rows need --memory [0-9]+M'
	unused
	cs-load --to sqlite:x.db --table t --key id -v --memory "$(sed -n 's/.*need --memory \([0-9]*M\).*/\1/p' xv)" <again 2>xv
	used
}

@test "another table, and a table that is empty" {
	sed 's/^{/{"@cs":{"table":"u"},/' "$first" >u
	cat "$first" u "$first" u >both
	files=(both both)
	same --key id
	equals "$(sql x.db 'SELECT count(*) FROM u')" 4000
	used
	files=("$first")
	rm -f x.db y.db
	same --key id
	unused
}

@test "somebody else writes between two transactions: the map is made anew" {
	cs-load --to sqlite:x.db --table t --key id <"$first"
	mkfifo in
	cs-load --to sqlite:x.db --table t --key id -v --stats stats <in >acks 2>err &
	exec 5>in
	begin='{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}'
	{ echo "$begin"; cat "$first"; echo '{"@cs":"checkpoint","stream":"s","state":1,"records":4000}'; } >&5
	for ((i = 0; i < 200; i++)); do grep -q checkpoint acks && break; sleep 0.05; done
	sqlite3 -cmd '.timeout 5000' x.db "UPDATE t SET n = -1 WHERE id = 'k8'; DELETE FROM t WHERE id = 'k10'; UPDATE t SET id = 'other' WHERE id = 'k12'"
	{ cat "$first"; echo '{"@cs":"end","stream":"s","run":"r","records":8000,"complete":true}'; } >&5
	exec 5>&-
	wait $!
	equals "$(jq -c '[.inserted, .updated, .unchanged]' stats)" '[2,1,7997]'
	equals "$(sql x.db "SELECT count(*), sum(id IN ('k8', 'k10', 'k12')), sum(n < 0) FROM t")" '4001|3|0'
	contains "$(cat err)" '[3-6][0-9]{3} by digest'
}

# bulk_same OPTION…: one file into x.db with --bulk and into y.db without.
bulk_same() {
	rm -f x.db* y.db*
	cs-load --to sqlite:x.db --table t --stats xs --bulk "$@" >xa <"${files[0]}" || return 1
	cs-load --to sqlite:y.db --table t --stats ys "$@" >ya <"${files[0]}" || return 1
	equals "$(cat xs)" "$(cat ys)" || return 1
	equals "$(cat xa)" "$(cat ya)" || return 1
	equals "$(dump x.db)" "$(dump y.db)" || return 1
}

@test "--bulk: the same rows and counts, keys twice and all, and an index that is unique" {
	files=("$first")
	bulk_same --key id
	equals "$(sql x.db "SELECT name, \"unique\" FROM pragma_index_list('t')")" 't_cs_key|1'
	cat "$first" "$five" "$first" "$sixty" >twice
	files=(twice)
	bulk_same --key id
	bulk_same --key id,n --missing null
	bulk_same --key id --synced-at at
	# it stays an upsert, also by others
	cs-load --to sqlite:x.db --table t --key id --bulk --stats stats <"$first"
	[ "$(jq '.unchanged' stats)" -gt 2000 ]
	run sqlite3 x.db "INSERT INTO t(id) SELECT min(id) FROM t"
	contains "$output" 'UNIQUE constraint failed'
}

@test "--bulk: keys that are the rowid, keys that need a wider type on the way, deletes, other tables" {
	sed 's/"id":"[a-zA-Z]*\([0-9]*\)"/"id":\1/' "$first" >int
	files=(int)
	bulk_same --key id
	equals "$(sql x.db "SELECT pk FROM pragma_table_info('t') WHERE name = 'id'")" 1
	{ head -n 2500 int; cat "$first"; cat int; } >wider
	files=(wider)
	bulk_same --key id,n
	{ head -n 3000 "$first"; sed -n '3000,3100s/^{/{"@cs":{"op":"delete"},/p' "$first"; cat "$first"; sed 's/^{/{"@cs":{"table":"u"},/' "$first"; } >ops
	files=(ops)
	bulk_same --key id
	equals "$(sql x.db 'SELECT count(*), count(DISTINCT id) FROM u')" '4000|4000'
}

@test "--bulk: no commit is without the index; with too little memory there is the key from the start" {
	{
		echo '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}'
		for i in 0 1 2 3; do
			tail -n +$((i * 1000 + 1)) "$first" | head -n 1000
			echo '{"@cs":"checkpoint","stream":"s","state":'$i',"records":'$(((i + 1) * 1000))'}'
		done
		echo '{"@cs":"end","stream":"s","run":"r","records":4000,"complete":true}'
	} >in
	files=(in)
	bulk_same --key id
	bulk_same --key id --commit-every 1500
	head -n 3500 in >"cut"
	run --separate-stderr cs-load --to sqlite:z.db --table t --key id --bulk <"cut"
	equals "$status" 65
	equals "$(sql z.db "SELECT count(*), (SELECT count(*) FROM pragma_index_list('t') WHERE \"unique\") FROM t")" '3000|1'
	rm -f x.db
	cs-load --to sqlite:x.db --table t --key id --bulk --memory 64M <"$first"
	equals "$(sql x.db "SELECT name FROM pragma_index_list('t')")" sqlite_autoindex_t_1
	rm -f x.db
	cs-load --to sqlite:x.db --table t --key id --bulk -n -v <"$first" 2>err
	contains "$(cat err)" 'dry run: 4000 inserted'
	[ ! -e x.db ]
	fails_with 64 cs-load --to ndjson:x --bulk <"$first"
}

@test "a number written in another way is no change, in the very run that makes its column text" {
	printf '{"id":"%s","d":%s}\n' a 2.5 b '"x"' a 2.50 >in
	for options in '' --bulk; do
		rm -f x.db*
		# shellcheck disable=SC2086
		cs-load --to sqlite:x.db --table t --key id --stats stats $options <in
		equals "$(jq -c '[.inserted, .updated, .unchanged]' stats)" '[2,0,1]'
		equals "$(sql x.db "SELECT d FROM t WHERE id = 'a'")" 2.5
	done
}
