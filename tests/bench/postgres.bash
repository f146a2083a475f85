# shellcheck shell=bash disable=SC2154,SC2034 # read by run
# cs-load into PostgreSQL beside what one writes by hand with psql: \copy into a temporary table, of text that is made
# already, and insert ... on conflict; and beside COPY into the table alone. CPU seconds are those of client and server.
need psql jq
# shellcheck source=/dev/null
. "$root/tests/postgres.bash"
pg_program postgres >/dev/null || { echo 'postgres: PostgreSQL is not installed'; exit 0; }
n=${RECORDS:-1000000}
start_postgres max_wal_size=4GB shared_buffers=256MB fsync=on
stop+=(stop_postgres)

# CPU time of the server, that of processes that have ended included, in ticks.
server_time() {
	local main
	main=$(head -n 1 "$PG_DIR/data/postmaster.pid")
	sleep 0.3 # backends end after their clients
	# shellcheck disable=SC2046 # words
	cat "/proc/$main/stat" $(printf '/proc/%s/stat ' $(cat "/proc/$main/task/$main/children")) 2>/dev/null |
		sed 's/.*) //' | awk 'NR == 1 { s = $12 + $13 + $14 + $15 } NR > 1 { s += $12 + $13 } END { print s }'
}

eval "client_$(declare -f cost)"
cost() {
	local before
	before=$(server_time)
	client_cost "$1"
	cpu=$(awk -v c="$cpu" -v a="$before" -v b="$(server_time)" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.3f", c + (b - a) / hz }')
}

made() {
	local file=$dir/$1-$2-${3:-0}.rows
	[ -s "$file" ] || { rows "$@" >"$file.new" && mv "$file.new" "$file"; }
	echo "$file"
}

# text FILE: its rows as COPY takes them.
text() {
	[ -s "$1.copy" ] || { jq -r '[.[]] | map(if type == "object" or type == "array" then tojson else . end) | @tsv' <"$1" |
		sed 's/\t\t/\t\\N\t/g; s/\t\t/\t\\N\t/g; s/\t$/\t\\N/' >"$1.copy"; }
	echo "$1.copy"
}

columns=$(head -n 1 "$(made hr 1)" | jq -r 'keys_unsorted | join(" ")')
list=${columns// /, }
types=$(head -n 1 "$(made hr 1)" | jq -r 'to_entries | map(.key + " " + ({number: "numeric", boolean: "boolean"}[.value | type] // "text")) | join(", ")')
sets=$(for c in $columns; do [ "$c" = id ] || printf '%s = excluded.%s, ' "$c" "$c"; done | sed 's/, $//')
rows_=$(for c in $columns; do [ "$c" = id ] || printf '%s, ' "$c"; done | sed 's/, $//')

run_psql() {
	printf "psql -Xqb -v ON_ERROR_STOP=1 '%s'" "$PG"
	printf ' -c "%s"' "$@"
}
merge="insert into theirs select * from s on conflict (id) do update set $sets where (theirs.${rows_//, /, theirs.}) is distinct from (excluded.${rows_//, /, excluded.})"
by_hand() { # FILE
	run_psql begin "create temp table s (like theirs) on commit drop" "\\copy s from '$(text "$1")'" "$merge" commit
}
theirs="create table if not exists theirs (${types/id text/id text primary key})"
cs() { echo "cs-load --to '$PG' --table t --key id <$1"; }
drop=$(run_psql 'set client_min_messages = warning' 'drop table if exists t, theirs' "$theirs" checkpoint)

in=$(made hr "$n")
text "$in" >/dev/null
title "cs-load: $n records of 12 columns, a random text key, into PostgreSQL"
row 'new rows' '\copy, merge' "$(cs "$in")" "$(by_hand "$in")" 1.25 "$drop"
row 'new rows' 'COPY alone' "$(cs "$in")" "$(run_psql "\\copy theirs from '$(text "$in")'")" 1.6 "$drop"
row 'new rows, no key' 'COPY alone' "cs-load --to '$PG' --table t <$in" "$(run_psql "\\copy theirs from '$(text "$in")'")" '' "$drop; $(run_psql 'alter table theirs drop constraint theirs_pkey')"
for p in 0 5 100; do
	changed=$(made hr "$n" "$p")
	text "$changed" >/dev/null
	row "again, $p % changed" '\copy, merge' "$(cs "$changed")" "$(by_hand "$changed")" 1.25 \
		"$drop; $(cs "$in"); $(by_hand "$in"); $(run_psql 'vacuum t' 'vacuum theirs' checkpoint)"
done
