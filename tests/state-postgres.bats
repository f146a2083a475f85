#!/usr/bin/env bats
# cs-state with its store in a PostgreSQL database: what is not as in the others (those are in state-*.bats).
# shellcheck disable=SC2016,SC2030,SC2031 # $ is for the inner shell
load lib
load postgres

setup_file() {
	start_postgres wal_level=replica max_wal_senders=4 hot_standby=on synchronous_commit=on
}

teardown_file() {
	stop_postgres
}

setup() {
	start_in_tmpdir
	new_database
	export CS_STATE_STORE=$PG
	mkdir bin
	# ack STATE RECORDS, end RECORDS: lines of $CS_STREAM.
	cat >bin/ack <<'EOF'
#!/bin/sh
printf '{"@cs":"checkpoint","stream":"%s","state":%s,"records":%s}\n' "$CS_STREAM" "$1" "$2"
EOF
	cat >bin/end <<'EOF'
#!/bin/sh
printf '{"@cs":"end","stream":"%s","run":"%s","records":%s,"complete":true}\n' "$CS_STREAM" "$CS_RUN" "$1"
EOF
	# alone FILE: go on until FILE is there; "overlap" tells of two at once.
	cat >bin/alone <<'EOF'
#!/bin/sh
mkdir holding || echo "$$" >>overlap
trap 'rmdir holding; echo "$CS_FENCE" >>ended; exit 9' TERM
echo "$CS_FENCE" >>began
until [ -e "$1" ]; do sleep 0.05; done
rmdir holding
EOF
	chmod +x bin/*
	export PATH=$PWD/bin:$PATH
}

teardown() {
	[ -z "${standby:-}" ] || (cd / && pg_as "$(pg_program pg_ctl)" -D "$standby" -m immediate stop) >/dev/null 2>&1
	[ -z "${pooler:-}" ] || kill "$pooler"
}

# Wait until COMMAND succeeds.
until_true() {
	local i
	for ((i = 0; i < 400; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

# renewed TIME: the lease ends later than that now.
renewed() {
	[ "$(query 'select expires from _cs_lease')" != "$1" ]
}

# background COMMAND…: finished waits for it; its status is in the file rc then, what it said in err.
background() {
	rm -f rc
	{ rc=0; "$@" 2>err || rc=$?; echo $rc >rc; } 3>&- &
	background=$!
}

finished() {
	wait "$background"
}

# Of stream s: the word of status --json that FILTER gives.
of() {
	cs-state status --json s | jq -r "$1"
}

@test "the tables are as in SQLite, and what is newer is refused" {
	succeeds cs-state list
	equals "$(query "select count(*) from pg_tables where tablename like '\_cs\_%'")" 0
	cs-state --store sqlite:x.db set s 1
	cs-state set s 1
	for t in _cs_state _cs_state_log _cs_run _cs_fence _cs_meta; do
		equals "$(query "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns where table_name = '$t'")" \
			"$(sql x.db "select group_concat(name, ' ') from pragma_table_info('$t')")"
	done
	query "update _cs_meta set value = '99'"
	for command in 'get s' 'set s 2' 'rm s' 'run s -- true'; do
		fails_with 74 cs-state $command
		contains "$stderr" 'newer version'
	done
	equals "$(query 'select state from _cs_state')" 1
}

@test "wrong password 77, no server 75, no database 69, a bad URL 64: never with the password" {
	query 'alter role locked nosuperuser'
	for url in "postgres://locked:wrong-$PG_SECRET@127.0.0.1:$PG_PORT/postgres 77" \
		"postgres://locked:$PG_SECRET@127.0.0.1:1/postgres 75" \
		"postgres://locked:$PG_SECRET@127.0.0.1:$PG_PORT/nosuch 69" \
		"postgres://locked:$PG_SECRET@127.0.0.1:$PG_PORT/postgres?nosuch=1 64" \
		"postgres://locked@127.0.0.1:$PG_PORT/postgres?password=wrong-$PG_SECRET 77" \
		"postgres://locked@127.0.0.1:$PG_PORT/postgres 77"; do
		CS_STATE_STORE=${url% *} fails_with "${url##* }" cs-state set s 1
		lacks "$stderr" "$PG_SECRET"
		contains "$stderr" "^cs-state: postgres://locked@127.0.0.1:"
	done
	PGPASSWORD=$PG_SECRET fails_with 77 cs-state --store "postgres://locked@127.0.0.1:$PG_PORT/${PG##*/}" set s 1 # may not create
	query 'grant all on schema public to locked'
	PGPASSWORD=$PG_SECRET succeeds cs-state --store "postgres://locked@127.0.0.1:$PG_PORT/${PG##*/}" set s 1
	(umask 077; echo "127.0.0.1:$PG_PORT:*:locked:$PG_SECRET" >pass)
	PGPASSFILE=$PWD/pass succeeds cs-state --store "postgres://locked@127.0.0.1:$PG_PORT/${PG##*/}" get s
	rm pass
	equals "$output" 1
}

@test "a password in the URL is in no list of arguments and in no page" {
	secret=anything
	url=${PG/cs@/cs:$secret@}
	cs-state --store "$url" run s -- sh -c 'tr "\0" " " <"/proc/$PPID/cmdline" >args; touch up; until [ -e go ]; do sleep 0.05; done' 3>&- &
	until_true [ -e up ]
	contains "$(cat args)" '^cs-state --store postgres://cs:x+@'
	touch go
	wait $!
	CS_STATE_STORE=$url cs-state report >page
	lacks "$(cat args page)" "$secret"
	CS_STATE_STORE=$url fails_with 1 cs-state rm nosuch
	equals "$stderr" "cs-state: no stream \"nosuch\" in $PG"
}

@test "the client's clock changes nothing" {
	need faketime
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
	year=$(query 'select extract(year from now())')
	background faketime '2001-01-01' cs-state run --every 4h s -- sh -c 'ack 1 1; end 1; exec alone go'
	until_true [ -e began ]
	fails_with 75 faketime '2040-01-01' cs-state run s -- true
	equals "$(faketime '2040-01-01' cs-state status --json s | jq -r '.outcome')" running
	touch go
	finished
	equals "$(cat rc)" 0
	# Not due, whatever the time is here, and the table's ages are right.
	faketime '2040-01-01' cs-state run --every 4h s -- touch early 2>said
	contains "$(cat said)" 'not due: next in (3h|239m)'
	[ ! -e early ]
	equals "$(of '"\(.last_run.started_at[:4]) \(.updated_at[:4])"')" "$year $year"
	contains "$(faketime '2040-01-01' cs-state status s)" '^s +(now|[0-9]s ago) +(now|[0-9]s ago) +ok'
	# It is due by the server's clock.
	query "update _cs_run set started_at = started_at - interval '5 hours'"
	faketime '2001-01-01' cs-state run --every 4h s -- touch due
	[ -e due ]
	# Tokens grow by it, too.
	query 'select fence from _cs_run order by fence' | sort -n -c
}

@test "a run holds its lease for longer than it lasts, and leaves it to the next" {
	background cs-state run --ttl 1s s -- alone go
	until_true [ -e began ]
	for _ in $(seq 6); do
		sleep 0.4
		fails_with 75 cs-state run s -- touch two
	done
	equals "$(of .outcome)" running
	touch go
	finished
	equals "$(cat rc)" 0
	succeeds cs-state run s -- sh -c 'echo "$CS_FENCE" >>began'
	sort -n -c began
	equals "$(query 'select token from _cs_lease')" "$(tail -n 1 began)"
	[ ! -e two ]
	fails_with 64 cs-state run --ttl 10ms s -- true
}

@test "a lease that another has taken ends the command: 80, and nothing more is stored" {
	background cs-state run --ttl 1s s -- sh -c 'ack 1 1; exec alone go'
	until_true [ -e began ]
	until_true [ "$(cs-state get s)" = 1 ]
	query "update _cs_lease set token = token + 1, holder = 'other', expires = clock_timestamp() + interval '1 minute'"
	finished
	equals "$(cat rc)" 80
	contains "$(cat err)" '^cs-state: stream "s": another run has taken over$'
	equals "$(cat ended)" "$(cat began)"
	fails_with 75 cs-state run s -- true
}

@test "one who was asleep while another took over: its acknowledgement is refused, its group ended" {
	mkfifo more
	cat >sleeper <<-'END'
		trap '' TERM
		ack 1 1
		touch up
		read -r line <more
		ack 2 2
		read -r line <more
	END
	background cs-state run --ttl 1s --grace 500ms s -- sh sleeper
	until_true [ -e up ]
	until_true [ "$(cs-state get s)" = 1 ]
	# The first cs-state stands still, its command goes on.
	first=$(query 'select holder from _cs_lease' | cut -d/ -f2)
	kill -STOP "$first"
	background_rc=0
	cs-state run --ttl 1s --wait 30s s -- sh -c 'echo "$CS_STATE" >seen; echo >more; sleep 0.3; touch took; until [ -e go ]; do sleep 0.05; done; ack 7 7; end 7' 3>&- &
	second=$!
	until_true [ -e took ]
	kill -CONT "$first"
	until_true [ -e rc ]
	equals "$(cat rc)" 80
	contains "$(cat err)" 'another run has taken over$'
	touch go
	wait $second || background_rc=$?
	equals $background_rc 0
	equals "$(cat seen)" 1
	equals "$(cs-state get s)" 7
	equals "$(cs-state history s | wc -l)" 2
}

@test "a dead holder: its lease runs out, the next begins where it was" {
	cs-state run --ttl 1s s -- sh -c 'ack 1 1; touch up; exec sleep 60' 3>&- &
	until_true [ -e up ]
	until_true [ "$(cs-state get s)" = 1 ]
	kill -9 $!
	wait $! || :
	fails_with 75 cs-state run s -- true
	succeeds cs-state run --wait 30s s -- sh -c 'echo "$CS_STATE"'
	equals "$output" 1
}

@test "the server is restarted in a run, which goes on" {
	cat >steps <<-'END'
		ack 1 1
		alone one
		ack 2 2
		alone two
		ack 3 3
		end 3
	END
	background cs-state run s -- sh steps
	until_true sh -c '[ "$(cs-state get s)" = 1 ]'
	halt_postgres
	touch one # which is acknowledged while there is no server
	sleep 0.3
	run_postgres
	until_true sh -c '[ "$(cs-state get s)" = 2 ]'
	halt_postgres fast
	run_postgres
	touch two
	finished
	equals "$(cat rc) $(cat err)" "0 "
	equals "$(cs-state get s)" 3
	equals "$(cs-state history s | cut -f 1 | paste -sd' ')" "3 2 1"
	equals "$(of '"\(.outcome) \(.last_run.status)"')" "ok 0"
}

@test "the server stays away: the command is ended before the lease is over, 75" {
	background cs-state run --ttl 2s s -- sh -c 'ack 1 1; exec alone go'
	until_true [ -e began ]
	until_true [ "$(cs-state get s)" = 1 ]
	halt_postgres
	finished
	run_postgres
	equals "$(cat rc)" 75
	contains "$(cat err)" 'stream "s": the lease could not be renewed'
	equals "$(grep -c ^cs-state: err)" 1
	[ -e ended ]
	[ ! -e holding ]
	until_true sh -c '[ "$(cs-state status --json s | jq -r .outcome)" = killed ]'
	succeeds cs-state run --wait 10s s -- true
}

@test "a server that does not answer: likewise" {
	export PGCONNECT_TIMEOUT=2
	background cs-state run --ttl 2s s -- alone go
	until_true [ -e began ]
	pids="$(query "select pid from pg_stat_activity where application_name = 'cs-state'") $(head -n 1 "$PG_DIR/data/postmaster.pid")"
	# shellcheck disable=SC2086 # two
	kill -STOP $pids
	finished
	# shellcheck disable=SC2086
	kill -CONT $pids
	equals "$(cat rc)" 75
	[ -e ended ]
}

@test "the primary is killed and a standby promoted: never two at once" {
	port=$((PG_PORT + 1))
	standby=$PG_DIR/standby
	(cd / && pg_as "$(pg_program pg_basebackup)" -D "$standby" -h 127.0.0.1 -p "$PG_PORT" -U cs -R -X stream -c fast)
	(cd / && pg_as "$(pg_program pg_ctl)" -D "$standby" -l "$PG_DIR/standby.log" -w -o "-p $port -k $PG_DIR \
		-c listen_addresses=127.0.0.1 -c fsync=off -c hot_standby=on -c shared_buffers=32MB" start) >/dev/null 3>&-
	export CS_STATE_STORE="postgres://cs@127.0.0.1:$PG_PORT,127.0.0.1:$port/${PG##*/}?target_session_attrs=read-write"
	background cs-state run --ttl 20s s -- sh -c 'ack 1 1; alone go; ack 2 2; end 2'
	until_true [ -e began ]
	until_true sh -c '[ "$(cs-state get s)" = 1 ]'
	# It knows of the lease.
	until_true sh -c '[ "$(psql -XAtq "postgres://cs@127.0.0.1:'"$port/${PG##*/}"'" -c "select state from _cs_state")" = 1 ]'
	halt_postgres
	fails_with 75 cs-state run s -- touch two # there is no server
	(cd / && pg_as "$(pg_program pg_ctl)" -D "$standby" -w promote) >/dev/null
	fails_with 75 cs-state run s -- touch two
	PG=postgres://cs@127.0.0.1:$port/${PG##*/}
	expires=$(query 'select expires from _cs_lease')
	until_true renewed "$expires"
	fails_with 75 cs-state run s -- touch two
	touch go
	finished
	equals "$(cat rc) $(cat err)" "0 "
	equals "$(cs-state get s)" 2
	[ ! -e overlap ]
	succeeds cs-state run s -- true
	run_postgres
}

@test "through PgBouncer in transaction mode" {
	need pgbouncer
	start_pooler 3
	export CS_STATE_STORE=postgres://cs@127.0.0.1:$pool_port/${PG##*/}
	for i in $(seq 16); do
		{ rc=0; cs-state run s -- sh -c 'ack 1 1; alone go; end 1' 2>/dev/null || rc=$?; echo $rc >"rc.$i"; } 3>&- &
	done
	until_true sh -c '[ "$(ls rc.* 2>/dev/null | wc -l)" -eq 15 ]'
	touch go
	until_true sh -c '[ "$(ls rc.* 2>/dev/null | wc -l)" -eq 16 ]'
	equals "$(sort rc.* | uniq -c | awk '{print $2 "x" $1}' | paste -sd' ')" "0x1 75x15"
	equals "$(cs-state get s) $(cs-state history s | wc -l)" "1 1"
}

@test "serializable transactions: who loses tries again" {
	query "alter database ${PG##*/} set default_transaction_isolation = 'serializable'"
	# In a shell of its own, whose children are these alone.
	(for i in $(seq 16); do cs-state set s "$i" & done; wait)
	equals "$(cs-state history s | cut -f 1 | paste -sd' ')" "16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1"
	(for i in $(seq 8); do cs-state run "run/$i" -- true & done; wait)
	equals "$(cs-state status --json | jq -r .outcome | sort | uniq -c | tr -s ' ')" " 1 null
 8 ok"
}

@test "parts of a stream are rows, of which one is written at a time" {
	for i in $(seq 3000); do
		printf '{"@cs":"checkpoint","stream":"s/%05d","state":{"n":%s},"records":%s}\n' "$i" "$i" "$i"
	done >in
	cs-state put s <in >out 2>/dev/null
	cmp in out
	cs-state set s 1
	cs-state set sx/1 1
	cs-state get --parts s >parts
	equals "$(jq -c '[.stream, .state.n]' parts | sed -n '1p;$p' | paste -sd' ')" '["s/00001",1] ["s/03000",3000]'
	equals "$(wc -l <parts)" 3000
	succeeds cs-state run s -- sh -c 'wc -l <"$CS_PARTS"; echo "{\"@cs\":\"checkpoint\",\"stream\":\"s/00002\",\"state\":5}"; end 1'
	equals "$output" 3000
	equals "$(query 'select count(*), sum(version) from _cs_state')" "3002|3003"
	equals "$(cs-state status --json | jq -r .stream | paste -sd' ')" "s sx/1"
	cs-state rm --parts s
	equals "$(cs-state list | cut -f 1)" sx/1
}

@test "where the store is the destination, rows and checkpoint are one transaction, and it is stored once" {
	for n in 1 2; do
		cs-state run s -- sh -c '
			{
				echo "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"$CS_RUN\",\"mode\":\"full\",\"from\":${CS_STATE:-null}}"
				for i in 1 2 3; do
					echo "{\"id\":$i,\"n\":'$n'}"
					ack "{\"run\":'$n',\"page\":$i}" $i
				done
				end 3
			} | cs-load --to "$CS_STATE_STORE" --table t --key id'
		equals "$(cs-state get s)" "{\"run\":$n,\"page\":3}"
		equals "$(query 'select count(*), min(n), max(n) from t')" "3|$n|$n"
		equals "$(query 'select state from _cs_state_log order by version' | sort -u)" \
			"$(query 'select state from _cs_state_log order by version')"
	done
	equals "$(of '"\(.outcome) \(.last_run.counts.updated)"')" "ok 3"
	# What cs-load stored by itself is there to be read, too.
	{
		CS_STREAM=a/b ack '{"page":2}' 1
		CS_STREAM=a/b end 1
	} | cs-load --to "$PG" --table u >/dev/null
	equals "$(cs-state get a/b)" '{"page":2}'
}

@test "cs-load of a run that was taken over writes nothing more: 80" {
	cat >zombie.sh <<-'END'
		trap '' TERM
		{
			printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"full","from":null}\n' "$CS_RUN"
			echo '{"id":1,"v":"old"}'
			ack '{"n":1}' 1
			until [ -e go ]; do sleep 0.05; done
			echo '{"id":2,"v":"old"}'
			ack '{"n":2}' 2
			end 2
		} | cs-load --to "$CS_STATE_STORE" --table t --key id 2>said
		echo $? >status
	END
	cs-state run --ttl 1s s -- sh zombie.sh 3>&- &
	until_true sh -c '[ "$(cs-state get s)" = "{\"n\":1}" ]'
	kill -9 $!
	wait $! || :
	cs-state run --wait 30s s -- sh -c 'echo "$CS_STATE"; touch go; until [ -s status ]; do sleep 0.05; done' >seen
	equals "$(cat status) $(cat seen)" '80 {"n":1}'
	contains "$(cat said)" 'a newer run of stream "s" has taken over'
	equals "$(query 'select * from t')" '1|old'
	equals "$(cs-state get s)" '{"n":1}'
}
