#!/usr/bin/env bats
# What goes wrong between cs-load and a PostgreSQL server, and what comes of it.
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

begin() { # [FROM [RUN]]
	printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"incremental","from":%s}\n' "${2:-r1}" "${1:-null}"
}

checkpoint() {
	printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$1"
}

end() { # [RUN]
	printf '{"@cs":"end","stream":"s","run":"%s","complete":true}\n' "${1:-r1}"
}

# wait_for COMMAND…: until it succeeds, but not for ever.
wait_for() {
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	echo "in vain: $*"
	return 1
}

# A cs-load that reads from descriptor 4: load_slowly [option…]; its acknowledgements are in acks, its words in errors.
load_slowly() {
	rm -f fifo
	mkfifo fifo
	cs-load --to "$PG" --table t --stats stats "$@" <fifo >acks 2>errors 3>&- &
	loader=$!
	exec 4>fifo
}

# loader_ends_with STATUS
loader_ends_with() {
	local status=0
	exec 4>&-
	wait "$loader" || status=$?
	equals "$status" "$1" || { cat errors; return 1; }
}

@test "a run that a newer one has overtaken writes nothing more" {
	CS_STREAM=s CS_FENCE=1 load_slowly --commit-every 1
	{ begin; echo '{"a":1}'; checkpoint 1; } >&4
	wait_for grep -q '"state":1' acks
	{ begin 1 r2; echo '{"a":2}'; checkpoint 2; end r2; } | CS_STREAM=s CS_FENCE=2 cs-load --to "$PG" --table t >/dev/null
	{ echo '{"a":3}'; checkpoint 3; } >&4
	loader_ends_with 80
	contains "$(cat errors)" 'a newer run of stream "s" has taken over'
	equals "$(query 'select a from t order by 1' 'select state from _cs_state')" $'1\n2\n2'
	CS_STREAM=s CS_FENCE=1 fails_with 80 cs-load --to "$PG" --table t <<<'{"a":4}'
	equals "$(query 'select count(*) from t')" 2
}

@test "a server that restarts in the middle: cs-load goes on" {
	load_slowly --commit-every 1
	{ begin; echo '{"a":1}'; checkpoint 1; } >&4
	wait_for grep -q '"state":1' acks
	halt_postgres
	{ echo '{"a":2}'; checkpoint 2; echo '{"a":3}'; } >&4
	sleep 0.5
	run_postgres
	wait_for grep -q '"state":2' acks || { cat errors; false; }
	halt_postgres fast
	run_postgres
	{ checkpoint 3; end; } >&4
	loader_ends_with 0
	equals "$(query 'select a from t order by 1')" $'1\n2\n3'
	equals "$(jq -c '[.inserted, .checkpoints]' stats)" '[3,3]'
}

@test "TLS, also when the connection is made anew; a name that is looked up then" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -days 2 2>/dev/null
	cp server.key server.crt "$PG_DIR/data"
	chmod 600 "$PG_DIR/data/server.key"
	[ "$(id -u)" -ne 0 ] || chown nobody "$PG_DIR/data"/server.*
	query 'alter system set ssl = on' 'select pg_reload_conf()' >/dev/null
	PG="${PG/127.0.0.1/localhost}?sslmode=verify-full&sslrootcert=$PWD/server.crt"
	wait_for query 'select 1'
	load_slowly --commit-every 1
	{ begin; echo '{"a":1}'; checkpoint 1; } >&4
	wait_for grep -q '"state":1' acks || { cat errors; false; }
	halt_postgres
	run_postgres
	{ echo '{"a":2}'; checkpoint 2; end; } >&4
	loader_ends_with 0
	equals "$(query 'select a from t order by 1' 'select ssl from pg_stat_ssl where pid = pg_backend_pid()')" $'1\n2\nt'
	openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.crt -subj /CN=localhost -days 2 2>/dev/null
	fails_with 69 cs-load --to "${PG%/*}/other.crt" --table t <<<'{"a":3}'
	contains "$stderr" 'certificate verify failed'
}

@test "what a full run brought before its connection was lost is neither missing nor left out" {
	local mode
	for mode in '--delete-missing hard' '--mode replace' '--mode history --delete-missing soft'; do
		new_database
		# shellcheck disable=SC2086 # options
		printf '{"id":%d,"v":1}\n' 1 2 7 8 | cs-load --to "$PG" --table t --key id ${mode%--delete*}
		# shellcheck disable=SC2086
		load_slowly --key id --commit-every 1 $mode
		{ begin | sed s/incremental/full/; printf '{"id":%d,"v":1}\n' 1 2 3; checkpoint 1; } >&4
		wait_for grep -q '"state":1' acks
		query "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'cs-load'" >/dev/null
		{ printf '{"id":%d,"v":1}\n' 4 5; checkpoint 2; end; } >&4
		loader_ends_with 0
		case $mode in
		*history*) equals "$(query 'select id from t where active order by 1' | paste -sd' ')" '1 2 3 4 5' ;;
		*) equals "$(query 'select id from t order by 1' | paste -sd' ')" '1 2 3 4 5' ;;
		esac
		equals "$(jq -c '[.inserted, .unchanged, .deleted]' stats)" '[3,2,2]'
		equals "$(query "select count(*) from pg_tables where tablename ~ '^_cs_(seen|staged)'")" 0
	done
}

@test "a server that stays away: 75, and the next run completes" {
	load_slowly --commit-every 1 --busy-timeout 300ms
	{ begin; echo '{"a":1}'; checkpoint 1; } >&4
	wait_for grep -q '"state":1' acks
	halt_postgres
	{ echo '{"a":2}'; checkpoint 2; end; } >&4
	loader_ends_with 75
	contains "$(cat errors)" 'Connection refused|the server running'
	equals "$(grep -c checkpoint acks)" 1
	run_postgres
	{ begin 1 r2; echo '{"a":2}'; checkpoint 2; end r2; } | cs-load --to "$PG" --table t >/dev/null
	equals "$(query 'select a from t order by 1')" $'1\n2'
}

@test "killed at any moment while it appends: no row is lost or doubled" {
	for i in {1..12}; do
		from=$(query 'select state from _cs_state' 2>/dev/null) || from=null
		from=${from:-null}
		n=$((${from/null/0}))
		{
			begin "$from" "r$i"
			for ((k = n + 1; k <= n + 400; k++)); do
				echo "{\"a\":$k}"
				[ $((k % 20)) -ne 0 ] || checkpoint "$k"
			done
		} >"in.$i"
		cs-load --to "$PG" --table t --commit-every 20 < <(cat "in.$i"; sleep 5) >"acks.$i" 2>>errors 3>&- &
		loader=$!
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		kill -9 "$loader"
		wait "$loader" || :
		from=$(query 'select state from _cs_state' 2>/dev/null) || from=0
		acked=$(jq -s '[.[] | .state] | max // 0' "acks.$i")
		[ "$((${from:-0}))" -ge "$acked" ] || { echo "acknowledged $acked, stored ${from:-0}"; return 1; }
	done
	equals "$(query 'select count(*) = coalesce((select max(state::int) from _cs_state), 0), count(*) = count(distinct a) from t')" 't|t'
	from=$(query 'select state from _cs_state')
	{ begin "$from" last; echo "{\"a\":$((from + 1))}"; checkpoint $((from + 1)); end last; } | cs-load --to "$PG" --table t >/dev/null
	equals "$(query "select count(*) = $((from + 1)), max(a) from t")" "t|$((from + 1))"
}

# A trigger that fails so many times with this SQLSTATE; sequences are not rolled back.
failing_trigger() { # TIMES SQLSTATE
	query 'create table t(id int primary key, v int)' 'create sequence failures' "create function fail() returns trigger language plpgsql as \$\$
		begin if nextval('failures') <= $1 then raise exception 'no luck' using errcode = '$2'; end if; return new; end \$\$" \
		'create trigger fail before insert on t for each row execute function fail()'
}

@test "serialization failures and deadlocks: tried again, with smaller transactions; then 75" {
	for code in 40001 40P01 55P03 57P03; do
		new_database
		failing_trigger 3 "$code"
		{ begin; for i in {1..8}; do echo "{\"id\":$i,\"v\":1}"; checkpoint "$i"; done; end; } |
			cs-load --to "$PG" --table t --key id --stats stats >acks
		equals "$(jq -c '[.inserted, .updated, .unchanged, .checkpoints]' stats)" '[8,0,0,8]'
		equals "$(grep -c checkpoint acks)" 8
		equals "$(query 'select count(*) from t' 'select state from _cs_state')" $'8\n8'
	done
	new_database
	failing_trigger 1000000 40001
	{ begin; echo '{"id":1}'; checkpoint 1; end; } >in
	fails_with 75 cs-load --to "$PG" --table t --key id --busy-timeout 300ms <in
	contains "$stderr" 'no luck'
	equals "$(query 'select count(*) from t')" 0
}

@test "after a failed try the last transaction is halved at its checkpoints" {
	failing_trigger 1 40001
	query 'create table seen(n bigint)' "create function note() returns trigger language plpgsql as \$\$
		begin insert into seen select count(*) from new_rows; return null; end \$\$" \
		'create trigger note after insert on t referencing new table as new_rows for each statement execute function note()'
	{ begin; for i in {1..8}; do echo "{\"id\":$i,\"v\":1}"; checkpoint "$i"; done; end; } | cs-load --to "$PG" --table t --key id >/dev/null
	equals "$(query 'select sum(n), max(n) <= 5, count(*) > 1 from seen')" '8|t|t'
}

@test "a record that is refused in a transaction that comes again in parts is set aside once" {
	for mode in '' 'check (v < 5)'; do
		new_database
		failing_trigger 1 40001
		[ -z "$mode" ] || query "alter table t add $mode"
		{ begin; for i in {1..8}; do echo "{\"id\":$i,\"v\":$i}"; echo "{\"v\":$i}"; checkpoint "$i"; done; end; } >in
		rm -f bad
		ends_with_status 1 cs-load --to "$PG" --table t --key id --rejects bad --stats stats <in
		equals "$(jq .line bad | sort -n | uniq -d)" ''
		equals "$(jq '.inserted + .rejected' stats)" 16
		equals "$(wc -l <bad)" "$(jq .rejected stats)"
	done
}

@test "serializable transactions of several loaders at once" {
	query "alter database \"${PG##*/}\" set default_transaction_isolation = serializable"
	cs-load --to "$PG" --table t --key id <<<'{"id":0,"v":0}'
	for w in 1 2 3; do
		{ for i in {1..300}; do echo "{\"id\":$((i * 7 % 100)),\"v\":$w,\"w$w\":$i}"; [ $((i % 30)) -ne 0 ] || checkpoint "$i"; done; } >"in$w"
		cs-load --to "$PG" --table t --key id --stream "s" --commit-every 30 <"in$w" >/dev/null 2>"errors$w" 3>&- &
		pids[w]=$!
	done
	for w in 1 2 3; do wait "${pids[w]}" || { cat "errors$w"; return 1; }; done
	equals "$(query 'select count(*), count(w1), count(w2), count(w3) from t')" '100|100|100|100'
}

@test "several loaders that make the same table and columns at once" {
	for w in 1 2 3 4 5; do
		for i in {1..50}; do echo "{\"id\":$i,\"c$((i % 5 + w))\":1}"; done | cs-load --to "$PG" --table t --key id 2>"errors$w" 3>&- &
		pids[w]=$!
	done
	for w in 1 2 3 4 5; do wait "${pids[w]}" || { cat "errors$w"; return 1; }; done
	equals "$(query 'select count(*) from t' "select count(*) from pg_attribute where attrelid = 't'::regclass and attnum > 0")" $'50\n10'
}

@test "a server that only lets read: 75, whatever the first statement is that it refuses" {
	local mode
	printf '{"id":%d,"v":1}\n' 1 2 | cs-load --to "$PG" --table t --key id
	query "alter database \"${PG##*/}\" set default_transaction_read_only = on"
	for mode in '--key id' '--mode append' '--key id --delete-missing hard' '--key id --mode replace' '--key id --changes feed' '--key id --columns evolve'; do
		# shellcheck disable=SC2086 # options
		fails_with 75 cs-load --to "$PG" --table t $mode --busy-timeout 100ms <<<'{"id":1,"v":2}'
		contains "$stderr" 'in a read-only transaction'
	done
	equals "$(PGOPTIONS='' query 'select sum(v) from t')" 2
}

@test "a lock that is not to be had: 75 after --busy-timeout" {
	cs-load --to "$PG" --table t --key id <<<'{"id":1,"v":1}'
	psql -XAtq "$PG" -c 'begin; lock table t in access exclusive mode' -c 'select 1' -c 'select pg_sleep(60)' >lock.out 2>&1 3>&- &
	locker=$!
	wait_for grep -q 1 lock.out
	fails_with 75 cs-load --to "$PG" --table t --key id --busy-timeout 200ms <<<'{"id":1,"v":2}'
	contains "$stderr" 'lock timeout'
	kill "$locker"
}

# A relay that breaks the first connection whose client says commit, once the server has done it.
break_commits() { # MODE: after (the server has committed) or before
	cat >relay.pl <<'END'
use strict; use IO::Socket::INET; use IO::Select;
my ($to, $mode) = @ARGV;
my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die;
open my $p, '>', 'relay.port'; print $p $l->sockport; close $p;
alarm 60;
my $broken = 0;
while (my $c = $l->accept) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to) or do { close $c; next };
	my $sel = IO::Select->new($c, $s);
	LOOP: while (1) {
		for my $from ($sel->can_read) {
			sysread($from, my $b, 65536) or last LOOP;
			if (!$broken && $from == $c && $b =~ /; commit/) {
				$broken = 1;
				if ($mode eq 'after') { syswrite $s, $b; sysread $s, my $answer, 65536; }
				last LOOP;
			}
			syswrite $from == $c ? $s : $c, $b;
		}
	}
	close $c; close $s;
}
END
	perl relay.pl "$PG_PORT" "$1" >/dev/null 2>&1 3>&- &
	relay=$!
	wait_for test -s relay.port
}

@test "a commit whose answer is lost is neither repeated nor forgotten" {
	for mode in after before; do
		new_database
		rm -f relay.port
		break_commits "$mode"
		via=postgres://cs@127.0.0.1:$(cat relay.port)/${PG##*/}
		{ begin; echo '{"a":1}'; checkpoint 1; echo '{"a":2}'; end; } | cs-load --to "$via" --table t --stats stats >acks
		kill "$relay"
		equals "$(query 'select a from t order by 1')" $'1\n2'
		equals "$(jq -c '[.inserted, .checkpoints]' stats)" '[2,1]'
		equals "$(query "select count(*) from _cs_meta where name like 'commit %'")" 0
	done
}

@test "a pooler that gives each transaction another connection" {
	need pgbouncer
	start_pooler 2
	via=postgres://cs@127.0.0.1:$pool_port/${PG##*/}
	for w in 1 2 3 4; do
		{ begin null "r$w"; for i in {1..200}; do echo "{\"id\":$((w * 1000 + i)),\"v\":$i}"; [ $((i % 50)) -ne 0 ] || checkpoint "$i"; done; end "r$w"; } |
			sed "s/\"stream\":\"s\"/\"stream\":\"s$w\"/" | cs-load --to "$via" --table t --key id --commit-every 50 >/dev/null 2>"errors$w" 3>&- &
		pids[w]=$!
	done
	for w in 1 2 3 4; do wait "${pids[w]}" || { cat "errors$w" "$PG_DIR/pool/log"; return 1; }; done
	kill "$pooler"
	equals "$(query 'select count(*) from t' 'select count(*) from _cs_state')" $'800\n4'
}
