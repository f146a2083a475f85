#!/usr/bin/env bats
# cs-load --to postgres://: what takes a whole run: --mode replace and history, --delete-missing.
load lib
load cases
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

setup() {
	start_in_tmpdir
	new_database
}

checkpoint() {
	printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$1"
}

end() { # [RUN]
	printf '{"@cs":"end","stream":"s","run":"%s","complete":true}\n' "${1:-r1}"
}

# full RUN FROM LINE…: a full stream of the lines, that ends.
full() {
	printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"full","from":%s}\n' "$1" "$2"
	printf '%s\n' "${@:3}"
	end "$1"
}

@test "every case gives what it should on PostgreSQL" {
	run_cases postgres "$ROOT"/tests/data/load/{deletes,history,replace}.cases
}

@test "every case gives what it should with SQL that others than PostgreSQL know" {
	CS_PG_PORTABLE=1 run_cases postgres "$ROOT"/tests/data/load/{deletes,history,replace}.cases
}

@test "delete-missing: rows that the server refused, in whatever part of the run, are not taken for missing" {
	query 'create table t(id int primary key, v int check (v < 100)); insert into t select i, 1 from generate_series(1, 50) i'
	full r1 null "$(seq 2 40 | sed 's/.*/{"id":&,"v":1}/')" '{"id":41,"v":100}' "$(checkpoint 1)" >in
	run -1 cs-load --to "$PG" --table t --key id --delete-missing hard --rejects bad --commit-every 7 <in
	contains "$output" 'nothing is deleted, as 1 records were set aside'
	equals "$(query 'select count(*) from t')" 50
	# A refusal late in a run does not forget what was seen early in it; one that is no loss of the stream's end is.
	{
		printf '{"@cs":"begin","version":1,"stream":"s","run":"r2","mode":"full","from":null}\n'
		for i in $(seq 30); do printf '{"id":%s,"v":2}\n' "$i"; [ $((i % 5)) -ne 0 ] || checkpoint "$i"; done
		printf '{"id":60,"v":3}\n'
		end r2
	} >in
	query 'alter table t add check (v < 3 or id < 100)'
	cs-load --to "$PG" --table t --key id --delete-missing hard --commit-every 3 --stats stats <in >acks
	equals "$(jq -c '[.inserted, .updated, .deleted]' stats)" '[1,30,20]'
	equals "$(query 'select count(*), max(id) from t')" '31|60'
	equals "$(query "select count(*) from pg_tables where tablename like '\_cs\_seen%'")" 0
}

@test "--changes tells what was missing, and what a table was replaced with" {
	printf '%s\n' '{"id":1,"v":1}' '{"id":2,"v":1}' '{"id":3,"v":1}' | cs-load --to "$PG" --table t --key id
	printf '%s\n' '{"id":1,"v":1}' '{"id":2,"v":2}' | cs-load --to "$PG" --table t --key id --delete-missing soft --changes feed
	equals "$(jq -c '[.op, .key.id]' feed)" $'["update",2]\n["delete",3]'
	rm feed
	full r1 null '{"id":2,"v":2}' '{"id":4,"v":4}' '{"@cs":{"table":"u"},"id":1}' |
		cs-load --to "$PG" --table t --key id --mode replace --changes feed >/dev/null
	equals "$(jq -c '[.op, .table, .key.id]' feed | sort)" "$(printf '["%s","%s",%s]\n' delete t 1 delete t 3 insert t 4 insert u 1)"
}

@test "a table is replaced whole, whatever fails at first while that is done" {
	local n lines
	for n in copy 1 2 3; do
		new_database
		printf '{"id":%d,"v":0}\n' 1 8 9 | cs-load --to "$PG" --table t --key id
		full r1 null '{"id":1,"v":1}' '{"id":2,"v":1}' '{"id":3,"v":1}' "$(checkpoint 1)" | sed '$d' |
			ends_with_status 65 cs-load --to "$PG" --table t --key id --mode replace
		query 'create sequence failures' # it is not rolled back
		if [ "$n" = copy ]; then # of the last records
			lines=$(query "select tablename from pg_tables where tablename like '\_cs\_staged%'")
			query "create function fail() returns trigger language plpgsql as \$\$ begin
				if nextval('failures') = 1 then raise exception 'no luck' using errcode = '40001'; end if; return new; end \$\$" \
				"create trigger fail before insert on $lines for each row execute function fail()"
		else # the n-th table that is dropped
			query "create function fail() returns event_trigger language plpgsql as \$\$ begin
				if nextval('failures') = $n then raise exception 'no luck' using errcode = '40001'; end if; end \$\$" \
				"create event trigger fail on ddl_command_start when tag in ('DROP TABLE') execute function fail()"
		fi
		full r1 1 '{"id":3,"v":2}' '{"id":4,"v":2}' | cs-load --to "$PG" --table t --key id --mode replace --stats stats >/dev/null
		equals "$n $(query 'select id, v from t order by 1' | paste -sd' ')" "$n 1|1 2|1 3|2 4|2"
		equals "$n $(jq -c '[.inserted, .updated, .deleted]' stats)" "$n [3,2,2]"
	done
}

@test "delete-missing: a key that becomes wider in the middle of a run" {
	full r1 null '{"id":1}' '{"id":2}' '{"id":3}' | cs-load --to "$PG" --table t --key id >/dev/null
	{
		printf '{"@cs":"begin","version":1,"stream":"s","run":"r2","mode":"full","from":null}\n'
		printf '{"id":1}\n'
		checkpoint 1
	} >in
	run -65 cs-load --to "$PG" --table t --key id --delete-missing hard <in
	full r2 1 '{"id":"x"}' '{"id":2}' | cs-load --to "$PG" --table t --key id --delete-missing hard >/dev/null
	equals "$(query 'select id from t order by 1' | paste -sd' ')" '1 2 x'
}

@test "replace, history and delete-missing: killed at any moment and taken up again, all comes out as it should" {
	local i mode rc
	for mode in '--mode replace' '--delete-missing hard' '--mode history --delete-missing soft'; do
		query 'drop schema public cascade' 'create schema public'
		seq 4001 8000 | sed 's/.*/{"id":&,"v":0}/' | cs-load --to "$PG" --table t --key id ${mode%--delete*} -q
		for i in $(seq 6); do
			# shellcheck disable=SC2086 # options
			(from=$(query "select state from _cs_state where stream = 's'" 2>/dev/null) || from=
			from=${from:-0}
			printf '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":%s}\n' "$([ "$from" = 0 ] && echo null || echo "$from")"
			for ((n = from + 1; n <= 6000; n++)); do
				printf '{"id":%s,"v":1}\n' "$n"
				[ $((n % 100)) -ne 0 ] || printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$n"
				[ "$i" -eq 6 ] || [ $((n % 500)) -ne 0 ] || sleep 0.05
			done
			end r) | cs-load --to "$PG" --table t --key id $mode --commit-every 200 -q >/dev/null 2>err 3>&- &
			[ "$i" -eq 6 ] || { sleep "0.$((RANDOM % 5 + 3))"; kill -9 $! 2>/dev/null || :; }
			rc=0
			wait $! 2>/dev/null || rc=$?
			[ $rc -eq 137 ] || break
		done
		equals "$rc $(cat err)" '0 '
		case $mode in
		*history*) live='where active' ;;
		*) live='' ;;
		esac
		equals "$(query "select count(*), min(id), max(id), sum(v) from t $live")" '6000|1|6000|6000'
		equals "$(query "select count(*) from pg_tables where tablename like '\_cs\_s%d%' or tablename like '\_cs\_seen%'")" 0
	done
	equals "$(query 'select count(*) from t where not active')" 4000
}
