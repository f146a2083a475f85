# shellcheck shell=bash disable=SC2154 # read by run
# cs-load beside jq and the sqlite3 shell.
need jq sqlite3
n=${RECORDS:-200000}
in=$(data hr "$n")

title "cs-load: $n records of four columns into SQLite"
flat="cs-map --keep id,firstName,email,createdAt <$in"
load="$flat | cs-load --to sqlite:cs.db --table t --key id"
csv_out="jq -r '[.id, .firstName, .email, .createdAt] | @csv' <$in"
columns='(id text primary key, firstName, email, createdAt)'
import="$csv_out | sqlite3 other.db 'create table t $columns' '.import --csv /dev/stdin t'"
upsert="$csv_out | sqlite3 other.db 'create temp table n $columns' '.import --csv /dev/stdin n' 'insert into t select * from n where true
	on conflict do update set firstName = excluded.firstName, email = excluded.email, createdAt = excluded.createdAt
	where firstName is not excluded.firstName or email is not excluded.email or createdAt is not excluded.createdAt'"
row 'new rows' jq,sqlite3 "rm -f cs.db; $load" "rm -f other.db; $import"
row 'unchanged rows' jq,sqlite3 "$load" "$upsert" '' "$load; $import"
