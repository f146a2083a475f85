#!/usr/bin/env bats
# A standby that takes over without knowing all that its predecessor had committed: what comes then must not leave a gap.
# (make cluster-check does it with a real one.)
load lib
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

line() {
	printf '{"@cs":"checkpoint","stream":"s","state":{"at":%d},"records":%d,"run":"R"}\n' "$1" "$1"
}

@test "the last commit is not known any more: 75, and nothing more is written" {
	mkfifo in
	cs-load --to "$PG" --table t --key id --commit-every 1 <in >out 2>err 3>&- &
	loader=$!
	exec 4>in
	printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"R","mode":"full","from":null}' '{"id":1}' >&4
	line 1 >&4
	until grep -q checkpoint out; do sleep 0.05; done
	query "delete from _cs_meta where name like 'commit %'"
	echo '{"id":2}' >&4
	line 2 >&4
	printf '%s\n' '{"@cs":"end","stream":"s","run":"R","records":2,"complete":true}' >&4
	exec 4>&-
	wait "$loader" && status=0 || status=$?
	equals "$status" 75
	contains "$(cat err)" 'has lost what it had committed'
	equals "$(grep -c checkpoint out)" 1
	equals "$(query 'select id from t')" 1
	equals "$(query 'select state from _cs_state')" '{"at":1}'
}

@test "the lease that a run began with is not known any more: nor is what came before it" {
	cat >sync.sh <<'END'
	query() { psql -XAtq "$PG" -c "$1"; }
	[ -z "${LOSE:-}" ] || query "$LOSE"
	printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"'"$CS_RUN"'","mode":"full","from":null}' '{"id":1}' \
		'{"@cs":"checkpoint","stream":"s","state":{"at":1},"records":1}' \
		'{"@cs":"end","stream":"s","records":1,"complete":true}' | cs-load --to "$PG" --table t --key id
END
	export CS_STATE_STORE=$PG
	succeeds cs-state run s -- sh sync.sh
	query 'delete from t'
	LOSE='update _cs_lease set token = token - 1' ends_with_status 75 cs-state run s -- sh sync.sh
	contains "$stderr" 'has lost what it had committed'
	equals "$(query 'select count(*) from t')" 0
	query 'delete from _cs_lease'
	LOSE='delete from _cs_lease' ends_with_status 75 cs-state run s -- sh sync.sh
	equals "$(query 'select count(*) from t')" 0
	# Another database than the one that the rows go to: its leases are of no concern.
	LOSE="update _cs_meta set value = 'another' where name = 'id'; delete from _cs_lease" \
		succeeds cs-state run s -- sh sync.sh
	equals "$(query 'select count(*) from t')" 1
}

@test "checkpoints that the store has lost are not made up for" {
	export CS_STATE_STORE=$PG
	cat >acks.sh <<'END'
	ack() { printf '{"@cs":"checkpoint","stream":"s","state":{"at":%d},"records":%d}\n' "$1" "$1"; }
	query() { psql -XAtq "$PG" -c "$1"; }
	ack 1
	ack 2
	until [ "$(query "select records from _cs_state")" = 2 ]; do sleep 0.05; done
	query "$LOSE"
	ack 3
	sleep 10
END
	LOSE="update _cs_state set version = 1, state = '{\"at\":1}', records = 1" \
		ends_with_status 75 cs-state run s -- sh acks.sh
	contains "$stderr" 'the store has lost a checkpoint of stream "s"'
	equals "$(query 'select state from _cs_state')" '{"at":1}'
	query "delete from _cs_state"
	LOSE="delete from _cs_state" ends_with_status 75 cs-state run s -- sh acks.sh
	equals "$(query 'select count(*) from _cs_state')" 0
}

@test "nor is one that the loader itself stores, and that is not there" {
	export CS_STATE_STORE=$PG
	cat >direct.sh <<'END'
	checkpoint() { printf '{"@cs":"checkpoint","stream":"s","state":{"at":%d},"records":%d}\n' "$1" "$1"; }
	{
		printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"'"$CS_RUN"'","mode":"full","from":null}' '{"id":1}'
		checkpoint 1
		echo '{"@cs":"end","stream":"s","records":1,"complete":true}'
	} | cs-load --to "$PG" --table t --key id | grep -v '"end"'
	checkpoint 2 # acknowledged, and lost with the server
	sleep 10
END
	ends_with_status 75 cs-state run s -- sh direct.sh
	contains "$stderr" 'the store has lost a checkpoint'
	equals "$(query 'select state from _cs_state')" '{"at":1}'
}

@test "nor the first of a run, when the server may be another since the run began" {
	export CS_STATE_STORE=$PG
	cat >first.sh <<'END'
	checkpoint() { printf '{"@cs":"checkpoint","stream":"s","state":{"at":%d},"records":%d}\n' "$1" "$1"; }
	drop() { psql -XAtq "$PG" -c "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'cs-state'"; }
	[ "$1" != before ] || drop >&2
	checkpoint 1
	until [ "$(psql -XAtq "$PG" -c "select records from _cs_state")" = 1 ] || [ "$1" = before ]; do sleep 0.05; done
	[ "$1" != after ] || drop >&2
	checkpoint 2
	printf '{"@cs":"end","stream":"s","records":2,"complete":true}\n'
END
	ends_with_status 75 cs-state run s -- sh first.sh before
	contains "$stderr" 'connection to the store was lost before the first checkpoint'
	equals "$(query 'select count(*) from _cs_state')" 0
	# What stores its rows elsewhere goes on.
	succeeds cs-state run s -- sh first.sh after
	equals "$(query 'select state from _cs_state')" '{"at":2}'
}
